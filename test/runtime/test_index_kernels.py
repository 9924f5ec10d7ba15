"""The kernel of ARG_MAX and ARG_MIN against numpy, on rows that lie anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_machine import Machine, run_kernel

from tinyts_mlir.kernels import catalogue
from tinyts_mlir.kernels.numpy_rows import Window

LAYOUT = "outer:I extent:I inner:I flip:b index_bytes:B"
ROWS = 3


@pytest.mark.parametrize("index_bytes", [4, 8])
@pytest.mark.parametrize("flip", [0, -1], ids=["maximum", "minimum"])
@pytest.mark.parametrize(
    ("outer", "extent", "inner"), [(1, 1, 1), (7, 21, 1), (1, 9, 4), (3, 5, 2), (2, 1, 6), (1, 300, 1)]
)
def test_arg_extreme(machine: Machine, outer: int, extent: int, inner: int, flip: int, index_bytes: int) -> None:
    generator = np.random.default_rng(extent)
    sizes = {"outer": outer, "extent": extent, "inner": inner}
    parameters = {**sizes, "flip": flip, "index_bytes": index_bytes}
    for low, high in ((-128, 128), (126, 128), (-128, -126), (0, 1)):
        map = generator.integers(low, high, (ROWS, outer, extent, inner), np.int8)
        choose = np.argmin if flip else np.argmax
        expected = choose(map, axis=2).astype(f"i{index_bytes}").reshape(ROWS, -1)
        [by_numpy] = catalogue.run_kernel("arg_extreme", parameters, [Window(map.reshape(ROWS, -1))], ROWS)
        np.testing.assert_array_equal(by_numpy.view(expected.dtype), expected)
        rows = [row.tobytes() for row in map]
        made = run_kernel(machine, "tinyts_arg_extreme", (LAYOUT, parameters), rows, [expected[0].nbytes] * ROWS, ROWS)
        assert [np.frombuffer(row, expected.dtype).tolist() for row in made] == expected.tolist()
