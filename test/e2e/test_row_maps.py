"""Row maps of ops that make more rows than they read, and what they are worth."""

from __future__ import annotations

import numpy as np
import pytest
from network_builder import NetworkBuilder, Quantization, quantization
from rearrangement_samples import rearranged
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import DepthToSpaceOp, ResizeBilinearOp, ResizeNearestNeighborOp
from tinyts_mlir.dialects.tinyts_base import UnaryRowOp
from tinyts_mlir.interpreters.tinyrt import run_program
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.lowering.c_program import program_of

SHAPE = (1, 12, 8, 4)


@pytest.mark.parametrize(
    ("op_type", "result_rows", "properties", "expected"),
    [
        (ResizeNearestNeighborOp, 24, {}, RowMap(block=2)),
        (ResizeNearestNeighborOp, 36, {"half_pixel_centers": 1}, RowMap(block=3)),
        (ResizeNearestNeighborOp, 6, {}, RowMap(stride=2)),
        (ResizeNearestNeighborOp, 18, {}, RowMap(stride=2, window=2, block=3)),
        (ResizeNearestNeighborOp, 23, {}, None),
        (ResizeBilinearOp, 24, {}, RowMap(window=2, block=2)),
        (ResizeBilinearOp, 24, {"half_pixel_centers": 1}, RowMap(window=3, padding=1, block=2)),
        (ResizeBilinearOp, 48, {"half_pixel_centers": 1}, RowMap(window=3, padding=1, block=4)),
        (ResizeBilinearOp, 6, {}, RowMap(stride=2)),
        (ResizeBilinearOp, 6, {"half_pixel_centers": 1}, RowMap(stride=2, window=2)),
        (ResizeBilinearOp, 24, {"align_corners": 1}, None),
        (ResizeBilinearOp, 36, {}, None),  # a third is no number of 1/1024
    ],
)
def test_resizing(
    op_type: type[UnaryRowOp], result_rows: int, properties: dict[str, int], expected: RowMap | None
) -> None:
    builder = NetworkBuilder(0)
    image = builder.input(SHAPE, Quantization(0.5, 3))
    result = rearranged(builder, op_type, image, (1, result_rows, 8, 4), properties)
    op = result.owner
    assert isinstance(op, op_type)
    assert op.row_map() == expected


def test_depth_to_space() -> None:
    builder = NetworkBuilder(0)
    image = builder.input(SHAPE, Quantization(0.5, 3))
    op = rearranged(builder, DepthToSpaceOp, image, (1, 24, 16, 1), {"block_size": 2}).owner
    assert isinstance(op, DepthToSpaceOp)
    assert op.row_map() == RowMap(block=2)


def u_net(resize: type[UnaryRowOp]) -> ModuleOp:
    """Down three times and up again, with a connection at each size."""
    builder = NetworkBuilder(3)
    value = builder.input((1, 64, 64, 3), Quantization(0.03, -5))
    kept: list[SSAValue] = []
    for channels in (8, 16, 24):
        value = builder.conv_2d(value, channels, (3, 3), padding="same", activation="relu6")
        kept.append(value)
        value = builder.max_pool_2d(value, (2, 2), stride=(2, 2))
    for side in reversed(kept):
        _, rows, columns, _ = shape_of(side)
        properties = {} if resize is DepthToSpaceOp else {"half_pixel_centers": 1}
        if resize is DepthToSpaceOp:
            value = builder.conv_2d(value, 4 * shape_of(side)[3])
            properties = {"block_size": 2}
        channels = shape_of(side)[3] if resize is DepthToSpaceOp else shape_of(value)[3]
        value = rearranged(builder, resize, value, (1, rows, columns, channels), properties)
        value = builder.conv_2d(value, 8, (3, 3), padding="same", result=quantization(side))
        value = builder.concatenation([value, side], axis=3)
        value = builder.conv_2d(value, shape_of(side)[3], (3, 3), padding="same", activation="relu6")
    return builder.module([builder.conv_2d(value, 1)], ["mask"])


@pytest.mark.slow
@pytest.mark.parametrize("resize", [ResizeNearestNeighborOp, ResizeBilinearOp, DepthToSpaceOp])
def test_a_u_net_is_banded_from_end_to_end(resize: type[UnaryRowOp]) -> None:
    module = u_net(resize)
    image = np.random.default_rng(0).integers(-128, 128, (1, 64, 64, 3), np.int8)
    expected = run_function(module.clone(), [image])[0].reshape(-1)
    arenas: list[int] = []
    for flags in ([], ["--split-tensors"], ["--split-tensors=rows=1"], ["--split-tensors=rows=3"]):
        compiled = compile_module(module.clone(), flags, "net")
        np.testing.assert_array_equal(run_program(program_of(compiled.module), [image])[0], expected)
        arena = compiled.report["arena_bytes"]
        assert isinstance(arena, int)
        arenas.append(arena)
    assert arenas[1] <= arenas[0] // 2
    assert arenas[1] <= arenas[2] + 64  # bands are chosen so that they cost no bytes
