"""What the catalogue of kernels (tinyts_mlir/lowering/kernels.py) and the runtime's kernels.h must agree about."""

from __future__ import annotations

import ctypes
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from kernel_machine import compile_library

from tinyts_mlir.lowering.kernels import conv_2d_scratch_bytes, narrow_scaling
from tinyts_mlir.quantization import QuantizedMultipliers, requantize

MACROS = """
#include "tinyts/kernels.h"
uint32_t conv_2d(uint16_t height, uint16_t width, uint16_t channels, uint16_t groups, uint16_t outputs);
uint32_t conv_2d(uint16_t height, uint16_t width, uint16_t channels, uint16_t groups, uint16_t outputs) {
  tinyts_conv_2d_parameters p = {.filter_height = height, .filter_width = width, .filter_channels = channels};
  p.input_channels = (uint16_t)(channels * groups);
  p.output_channels = (uint16_t)(outputs * groups);
  return TINYTS_CONV_2D_SCRATCH_BYTES(&p);
}
"""


@pytest.fixture(scope="module")
def macros(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    directory: Path = tmp_path_factory.mktemp("catalogue")
    (directory / "macros.c").write_text(MACROS, encoding="utf-8")
    return compile_library([directory / "macros.c"], directory / "macros.so")


def test_scratch_of_convolutions(macros: ctypes.CDLL) -> None:
    for height, width, channels, groups, outputs in product((1, 3, 10), (1, 4, 7), (1, 3, 64), (1, 2), (1, 2, 9)):
        expected = macros.conv_2d(height, width, channels, groups, outputs)
        assert conv_2d_scratch_bytes((height, width), channels, outputs) == expected
    assert conv_2d_scratch_bytes((3, 3), 3, 16) == 4 * 28
    assert conv_2d_scratch_bytes((1, 1), 3, 16) == 0


def test_narrow_scaling_keeps_outputs() -> None:
    """Dead channels get other constants; live ones with a large sum do not, and then no channel is narrow."""
    bias = np.array([1 << 30, -(1 << 30), -(1 << 31), 5000, 77, (1 << 31) - 1], np.int32)
    multipliers = np.array([1569364972, 1171292447, 1 << 30, 1 << 30, 0, 0], np.int32)
    shifts = np.array([-26, -26, -27, -9, 0, 0], np.int32)
    limits = np.abs(bias.astype(np.int64)) + np.array([0, 0, 0, 300, 300, 300])
    dead = np.array([True, True, True, False, False, False])
    scales = QuantizedMultipliers(multipliers, shifts)
    changed_bias, changed_shifts, narrow = narrow_scaling(bias, scales, limits, dead)
    assert narrow
    assert (changed_shifts < 0).all()
    assert (np.abs(changed_bias.astype(np.int64))[multipliers != 0] < 1 << 30).all()
    before = requantize(bias, multipliers, shifts)
    np.testing.assert_array_equal(requantize(changed_bias, multipliers, changed_shifts), before)

    _, _, narrow = narrow_scaling(bias, scales, limits, np.zeros(6, np.bool_))
    assert not narrow
    _, _, narrow = narrow_scaling(bias, QuantizedMultipliers(-multipliers, shifts), limits, dead)
    assert not narrow
    _, _, narrow = narrow_scaling(bias, QuantizedMultipliers(multipliers, shifts + 9), limits, dead)
    assert not narrow
