"""What the catalogue of kernels (tinyts_mlir/kernels/catalogue.py) and the runtime's kernels.h must agree about."""

from __future__ import annotations

import ctypes
from itertools import product
from pathlib import Path

import pytest
from kernel_machine import compile_library

from tinyts_mlir.kernels.convolutions import (
    CONV_2D_PIXELS,
    CONV_2D_STACK_BYTES,
    conv_2d_scratch_bytes,
)

MACROS = """
#include "tinyts/kernels.h"
uint32_t conv_2d(uint16_t height, uint16_t width, uint16_t channels, uint32_t pixels);
uint32_t conv_2d(uint16_t height, uint16_t width, uint16_t channels, uint32_t pixels) {
  tinyts_conv_2d_parameters p = {.filter_height = height, .filter_width = width, .filter_channels = channels};
  return TINYTS_CONV_2D_SCRATCH_BYTES(&p, pixels);
}
uint32_t conv_2d_stack(void);
uint32_t conv_2d_stack(void) { return TINYTS_CONV_2D_STACK_BYTES; }
"""


@pytest.fixture(scope="module")
def macros(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    directory: Path = tmp_path_factory.mktemp("catalogue")
    (directory / "macros.c").write_text(MACROS, encoding="utf-8")
    return compile_library([directory / "macros.c"], directory / "macros.so")


def test_scratch_of_convolutions(macros: ctypes.CDLL) -> None:
    for height, width, channels, pixels in product((1, 3, 10), (1, 4, 7), (1, 3, 64), CONV_2D_PIXELS):
        expected = macros.conv_2d(height, width, channels, pixels)
        assert conv_2d_scratch_bytes((height, width), channels, pixels) == expected
    assert macros.conv_2d_stack() == CONV_2D_STACK_BYTES
    assert conv_2d_scratch_bytes((3, 3), 3, 4) == 7 * 36
    assert conv_2d_scratch_bytes((1, 1), 16, 2) == 64
