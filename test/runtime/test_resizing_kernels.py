"""RESIZE_BILINEAR in C against numpy: sizes that make sixteenths and others, channels in fours and not."""

from __future__ import annotations

from itertools import product
from typing import cast

import numpy as np
import pytest
from benchmark_kernels import layout_of
from kernel_machine import Machine, run_kernel
from network_builder import NetworkBuilder
from rearrangement_samples import rearranged
from xdsl.ir import Operation

from tinyts_mlir.dialects.tinyts import ResizeBilinearOp
from tinyts_mlir.kernels.catalogue import kernel_call
from tinyts_mlir.kernels.numpy_rows import Window

FLAGS: list[dict[str, int]] = [{}, {"half_pixel_centers": 1}, {"align_corners": 1}]
SIZES = [(3, 6), (3, 12), (1, 4), (4, 32), (5, 8), (6, 3), (7, 7), (3, 5), (2, 9), (8, 2)]


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize(("rows", "columns"), [*zip(SIZES, SIZES, strict=True), ((3, 6), (3, 5)), ((2, 9), (4, 8))])
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_resize_bilinear(
    machine: Machine, flags: dict[str, int], rows: tuple[int, int], columns: tuple[int, int], channels: int
) -> None:
    builder = NetworkBuilder(1)
    image = builder.input((1, rows[0], columns[0], channels))
    value = rearranged(builder, ResizeBilinearOp, image, (1, rows[1], columns[1], channels), flags)
    call = kernel_call(cast(Operation, value.owner))
    generator = np.random.default_rng(rows + columns)
    for kind in ("random", "ends", "ties"):
        map = generator.integers(-128, 128, (rows[0], columns[0] * channels), np.int8)
        if kind == "ends":
            map = generator.choice(np.array([-128, 127], np.int8), map.shape)
        elif kind == "ties":
            map = generator.integers(-2, 2, map.shape, np.int8)
        row_map = call.row_map
        if call.flat:
            map, blocks = map.reshape(1, -1), 1
        else:
            blocks = rows[1] // row_map.block
        for first, count in {*product(range(blocks), (1,)), (0, blocks)}:
            start = first * row_map.stride - row_map.padding
            needed = range(start, start + (count - 1) * row_map.stride + row_map.window)
            before, after = sum(y < 0 for y in needed), sum(y >= len(map) for y in needed)
            window = Window(map[max(start, 0) : needed[-1] + 1], before, after)
            [expected] = call.kernel.run(call.parameters, [window], count)
            got = run_kernel(
                machine,
                "tinyts_resize_bilinear",
                (layout_of("resize_bilinear"), cast("dict[str, object]", call.parameters)),
                [map[y].tobytes() if 0 <= y < len(map) else None for y in needed],
                [expected.shape[1]] * count,
                count,
            )
            assert got == [row.tobytes() for row in expected]
