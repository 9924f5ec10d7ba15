"""Rows of feature maps in numpy, and what the kernels of several families do to them.

A feature map is an int8 array of shape (rows, width, channels), be it a whole tensor or a window of its rows: then
`padding` is what remains of the padding for this window. Windows must be consistent with their padding: no function
checks that a caller passed the rows it meant to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tinyts_mlir.kernels.parameters import Parameters, integer
from tinyts_mlir.quantization import INT8_MAX, INT8_MIN, wrap_int32

Rows = npt.NDArray[np.int8]
"""Rows of bytes: (rows, bytes of a row)."""
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
Element = TypeVar("Element", np.int8, np.int16)
Pair = tuple[int, int]
"""(rows, columns)"""
Padding = tuple[int, int, int, int]
"""(top, bottom, left, right), in elements"""

INT8_RANGE = (INT8_MIN, INT8_MAX)


@dataclass(frozen=True)
class Window:
    """The rows that a kernel reads of one input: `rows` between rows of padding."""

    rows: Rows
    padding_before: int = 0
    padding_after: int = 0


# --- Rows of bytes as maps, and back -------------------------------------------------------------------------------


def as_rows(map: Int8Array, row_count: int) -> list[Rows]:
    """A map, of any shape, as the rows of a kernel's only output."""
    return [np.ascontiguousarray(map).reshape(row_count, -1)]


def right_padding(parameters: Parameters, filter_width: int, dilation: int = 1) -> int:
    """Columns of padding that the windows of the last output column reach into; negative: columns never read."""
    last = (integer(parameters, "output_width") - 1) * integer(parameters, "column_stride")
    reach = (filter_width - 1) * dilation + 1
    return last - integer(parameters, "padding_left") + reach - integer(parameters, "input_width")


def padded_map(parameters: Parameters, window: Window, channels: int, right: int) -> tuple[Int8Array, Padding]:
    """The window as (rows, width, channels) without columns that are never read, and its padding."""
    width = integer(parameters, "input_width")
    map = window.rows.reshape(-1, width, channels)[:, : width + min(right, 0)]
    return map, (window.padding_before, window.padding_after, integer(parameters, "padding_left"), max(right, 0))


def state_of(window: Window) -> Int32Array:
    """The int32 state in a row of bytes, as a copy."""
    return np.frombuffer(window.rows.tobytes(), np.int32).copy()


# --- Windows that slide over a map ---------------------------------------------------------------------------------


def padded(input: npt.NDArray[Element], value: int, padding: Padding) -> npt.NDArray[Element]:
    """A map with elements of `value` around it."""
    top, bottom, left, right = padding
    return np.pad(input, ((top, bottom), (left, right), (0, 0)), constant_values=value) if any(padding) else input


def zero_padded(input: Int8Array, zero_point: int, padding: Padding) -> npt.NDArray[np.int16]:
    """The input less its zero point; what padding adds is 0."""
    return padded(input.astype(np.int16) - np.int16(zero_point), 0, padding)


def patches_of(
    padded: npt.NDArray[Element], filter: Pair, stride: Pair, dilation: Pair = (1, 1)
) -> npt.NDArray[Element]:
    """A view of shape (output rows, output columns, filter rows, filter columns, channels)."""
    height, width = ((size - 1) * step + 1 for size, step in zip(filter, dilation, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(0, 1))
    return np.moveaxis(windows[:: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]], 2, 4)


# --- Sums and outputs ----------------------------------------------------------------------------------------------


def with_bias(sums: Int64Array, bias: Int32Array | None) -> Int32Array:
    """The accumulators; overflow wraps as it does in the reference."""
    return wrap_int32(sums if bias is None else sums + bias)


def to_bytes(values: Int32Array, zero_point: int, output_range: tuple[int, int]) -> Int8Array:
    """Requantized sums as bytes of the output."""
    return np.clip(wrap_int32(values.astype(np.int64) + zero_point), *output_range).astype(np.int8)
