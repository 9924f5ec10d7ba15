"""AVERAGE_POOL_2D, MAX_POOL_2D and the minimum of windows; pools over whole maps are streamed (`kernels/means.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import numpy as np

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.tinyts import AveragePool2DOp, MaxPool2DOp, MinPool2DOp, PoolOp
from tinyts_mlir.dialects.tinyts_base import TIES_AWAY
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry, RunKernel
from tinyts_mlir.kernels.means import MEAN_OF_SUMS, MEAN_OF_SUMS_TIES_UP, SUM_ROWS
from tinyts_mlir.kernels.numpy_rows import (
    INT8_RANGE,
    Int8Array,
    Padding,
    Pair,
    Rows,
    Window,
    as_rows,
    padded,
    padded_map,
    patches_of,
    right_padding,
)
from tinyts_mlir.kernels.operands import range_of, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer, output_range
from tinyts_mlir.quantization import INT8_MAX, INT8_MIN

PIXELS_TIES_UP = 1 << 24
"""Of a window from which on a sum of uint8 would leave 32 bits."""


def average_pool_2d(
    input: Int8Array,
    filter: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    output_range: tuple[int, int] = INT8_RANGE,
    ties_up: bool = False,
) -> Int8Array:
    """AVERAGE_POOL_2D: (rows, width, channels) to (output rows, output width, channels).

    The average of what lies inside the input, rounded with ties away from zero, or up. Every window must touch it.
    Source: AveragePool in kernels/internal/reference/integer_ops/pooling.h; for ties that go up, that of uint8 in
    kernels/internal/reference/pooling.h, with bytes of 128 more.
    """
    sums = patches_of(padded(input, 0, padding), filter, stride).sum(axis=(2, 3), dtype=np.int64)
    inside = padded(np.ones((*input.shape[:2], 1), np.int8), 0, padding)
    counts = patches_of(inside, filter, stride).sum(axis=(2, 3), dtype=np.int64)
    if ties_up:
        return np.clip((sums + counts // 2) // counts, *output_range).astype(np.int8)
    magnitudes = (np.abs(sums) + counts // 2) // counts
    return np.clip(np.where(sums > 0, magnitudes, -magnitudes), *output_range).astype(np.int8)


def max_pool_2d(
    input: Int8Array,
    filter: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """MAX_POOL_2D: (rows, width, channels) to (output rows, output width, channels); padding never is the maximum.

    Source: MaxPool in kernels/internal/reference/integer_ops/pooling.h.
    """
    patches = patches_of(padded(input, INT8_MIN, padding), filter, stride)
    return np.clip(patches.max(axis=(2, 3)), *output_range).astype(np.int8)


def min_pool_2d(
    input: Int8Array,
    filter: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """The minimum: (rows, width, channels) to (output rows, output width, channels); padding never is it."""
    patches = patches_of(padded(input, INT8_MAX, padding), filter, stride)
    return np.clip(patches.min(axis=(2, 3)), *output_range).astype(np.int8)


def _run_by(pool: Callable[..., Int8Array]) -> RunKernel:
    def run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
        filter = integer(parameters, "filter_height"), integer(parameters, "filter_width")
        stride = integer(parameters, "row_stride"), integer(parameters, "column_stride")
        right = right_padding(parameters, filter[1])
        map, padding = padded_map(parameters, inputs[0], integer(parameters, "channels"), right)
        made = pool(map, filter, stride=stride, padding=padding, output_range=output_range(parameters))
        return as_rows(made, row_count)

    return run


def pool_parameters(op: PoolOp) -> dict[str, Parameter]:
    """The parameters of a pool's kernel."""
    _, _, input_width, channels = whole_shape_of(op.input[0])
    _, _, output_width, _ = whole_shape_of(op.result)
    window, stride, padding = int_values(op.window), int_values(op.stride), int_values(op.padding)
    minimum, maximum = range_of(op.activation.data, op.result)
    return {
        "input_width": input_width,
        "output_width": output_width,
        "channels": channels,
        "filter_height": window[0],
        "filter_width": window[1],
        "row_stride": stride[0],
        "column_stride": stride[1],
        "padding_left": padding[2],
        "output_minimum": minimum,
        "output_maximum": maximum,
    }


def _call_of(kernel: Kernel) -> Callable[[PoolOp], KernelCall]:
    return lambda op: KernelCall.of(op, kernel, pool_parameters(op))


def _average(op: PoolOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    return [bytes_of(op.input[0]).hull().clamped(range_of(op.activation.data, op.result))]


def _one_of_them(op: PoolOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    return [bytes_of(op.input[0]).clamped(range_of(op.activation.data, op.result))]


def _check(op: PoolOp) -> None:
    range_of(op.activation.data, op.result)
    window = int_values(op.window)
    if isinstance(op, AveragePool2DOp) and op.ties != TIES_AWAY and prod(window) >= PIXELS_TIES_UP:
        raise ValueError(f"expected a window of less than {PIXELS_TIES_UP} pixels of uint8, got {list(window)}")


AVERAGE_POOL_2D = Kernel("average_pool_2d", _run_by(average_pool_2d), struct="pool_2d")
AVERAGE_POOL_2D_TIES_UP = Kernel(
    "average_pool_2d_ties_up", _run_by(partial(average_pool_2d, ties_up=True)), struct="pool_2d"
)
MAX_POOL_2D = Kernel("max_pool_2d", _run_by(max_pool_2d), struct="pool_2d")
MIN_POOL_2D = Kernel("min_pool_2d", _run_by(min_pool_2d), struct="pool_2d")

FAMILY = KernelFamily(
    kernels=[AVERAGE_POOL_2D, AVERAGE_POOL_2D_TIES_UP, MAX_POOL_2D, MIN_POOL_2D],
    ops=[
        OpEntry(
            AveragePool2DOp,
            lambda op: _call_of(AVERAGE_POOL_2D if op.ties == TIES_AWAY else AVERAGE_POOL_2D_TIES_UP)(op),
            check=_check,
            kernels=(AVERAGE_POOL_2D, AVERAGE_POOL_2D_TIES_UP, SUM_ROWS, MEAN_OF_SUMS, MEAN_OF_SUMS_TIES_UP),
            reachable=_average,
        ),
        OpEntry(MaxPool2DOp, _call_of(MAX_POOL_2D), check=_check, kernels=(MAX_POOL_2D,), reachable=_one_of_them),
        OpEntry(MinPool2DOp, _call_of(MIN_POOL_2D), check=_check, kernels=(MIN_POOL_2D,), reachable=_one_of_them),
    ],
)
