"""Pools and means of int16 feature maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import (
    AveragePool2DOp,
    MaxPool2DOp,
    MeanOfSumsOp,
    MeanOp,
    MinPool2DOp,
    PoolOp,
    RequantizedMeanOfSumsOp,
    SumRowsOp,
)
from tinyts_mlir.kernels.c_sources import int16_sources
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.int16_arithmetic import (
    INT16_RANGE,
    Int16Array,
    as_wide_rows,
    clipped,
    per_wide_element,
    wide_elements,
)
from tinyts_mlir.kernels.means import mean_of_sums_call, pixel_sum_call
from tinyts_mlir.kernels.numpy_rows import (
    Int64Array,
    Padding,
    Rows,
    Window,
    padded,
    patches_of,
    right_padding,
    state_of,
)
from tinyts_mlir.kernels.operands import range_of, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer
from tinyts_mlir.kernels.pools import pool_parameters
from tinyts_mlir.quantization import QuantizedMultiplier, mean_multiplier, requantize

MOST_PIXELS = 1 << 16
"""Of int16, so many fit a sum of 32 bits."""
PER_PIXEL = 5.0
"""Instructions."""

# --- Windows -------------------------------------------------------------------------------------------------------


def _call_of(kernel: Kernel) -> Callable[[PoolOp], KernelCall]:
    return lambda op: KernelCall.of(op, kernel, pool_parameters(op))


def _check_pool(op: PoolOp) -> None:
    range_of(op.activation.data, op.result)
    _check_count(int_values(op.window)[0] * int_values(op.window)[1])


def _check_count(count: int) -> None:
    if count > MOST_PIXELS:
        raise ValueError(f"expected at most {MOST_PIXELS} pixels of int16 in a sum, got {count}")


def _patches(parameters: Parameters, window: Window, value: int) -> Int64Array:
    """What each output pixel reads, padding of this value included: (rows, columns, pixels, channels)."""
    width, filter_width = integer(parameters, "input_width"), integer(parameters, "filter_width")
    right = right_padding(parameters, filter_width)
    map = wide_elements(window).reshape(-1, width, integer(parameters, "channels"))[:, : width + min(right, 0)]
    padding: Padding = (
        window.padding_before,
        window.padding_after,
        integer(parameters, "padding_left"),
        max(right, 0),
    )
    filter = integer(parameters, "filter_height"), filter_width
    stride = integer(parameters, "row_stride"), integer(parameters, "column_stride")
    found = patches_of(padded(map, value, padding), filter, stride)
    return found.reshape(*found.shape[:2], -1, found.shape[-1]).astype(np.int64)


def _run_average(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: AveragePool of int16 in kernels/internal/reference/integer_ops/pooling.h."""
    sums = _patches(parameters, inputs[0], 0).sum(axis=2)
    ones = np.ones_like(wide_elements(inputs[0])).view(np.int8)
    inside = Window(ones, inputs[0].padding_before, inputs[0].padding_after)
    return as_wide_rows(clipped(_rounded(sums, _patches(parameters, inside, 0).sum(axis=2)), parameters), row_count)


def _rounded(sums: Int64Array, counts: Int64Array | int) -> Int64Array:
    return np.where(sums > 0, 1, -1) * ((np.abs(sums) + counts // 2) // counts)


def _run_maximum(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    patches = _patches(parameters, inputs[0], INT16_RANGE[0])
    return as_wide_rows(clipped(patches.max(axis=2), parameters), row_count)


def _run_minimum(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    patches = _patches(parameters, inputs[0], INT16_RANGE[1])
    return as_wide_rows(clipped(patches.min(axis=2), parameters), row_count)


# --- Whole maps ----------------------------------------------------------------------------------------------------


def _multiplier(op: MeanOp | RequantizedMeanOfSumsOp) -> QuantizedMultiplier:
    input = op.input_type if isinstance(op, RequantizedMeanOfSumsOp) else quantization_of(op.input[0])
    count = op.count.value.data if isinstance(op, RequantizedMeanOfSumsOp) else op.count
    _check_count(count)
    return mean_multiplier(input.scale, quantization_of(op.result).scale, count)


def _mean_of_bands(op: MeanOp, bands: Sequence[Any]) -> Int16Array:
    """Source: QuantizedMeanOrSum in kernels/internal/reference/reduce.h."""
    sums = np.concatenate([np.asarray(band)[0] for band in bands]).sum(axis=(0, 1), dtype=np.int64)
    means = np.clip(requantize(sums, *_multiplier(op)), *INT16_RANGE)
    return means.astype(np.int16).reshape(shape_of(op.result))


def _run_sum_rows(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    map, sums = wide_elements(inputs[0]), state_of(inputs[1])
    sums += map.reshape(-1, integer(parameters, "channels")).sum(axis=0, dtype=np.int32)
    return [sums.view(np.int8).reshape(1, -1)]


def _run_mean_of_sums(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sums = state_of(inputs[0]).astype(np.int64)
    return as_wide_rows(clipped(_rounded(sums, integer(parameters, "count")), parameters), row_count)


def _requantized_call(op: RequantizedMeanOfSumsOp) -> KernelCall:
    multiplier, shift = _multiplier(op)
    channels = whole_shape_of(op.result)[-1]
    parameters: dict[str, Parameter] = {"multiplier": multiplier, "shift": shift, "channels": channels}
    return KernelCall.of(op, REQUANTIZED_MEAN_OF_SUMS_INT16, parameters)


def _run_requantized(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    scaled = requantize(state_of(inputs[0]), integer(parameters, "multiplier"), integer(parameters, "shift"))
    return as_wide_rows(np.clip(scaled, *INT16_RANGE), row_count)


def _pool_kernel(name: str, run: Callable[[Parameters, Sequence[Window], int], list[Rows]]) -> Kernel:
    return Kernel(
        name,
        run,
        struct="pool_2d_int16",
        cost=lambda parameters: per_wide_element(
            20.0, integer(parameters, "filter_height") * integer(parameters, "filter_width"), PER_PIXEL
        ),
        sources=int16_sources(),
    )


AVERAGE_POOL_2D_INT16 = _pool_kernel("average_pool_2d_int16", _run_average)
MAX_POOL_2D_INT16 = _pool_kernel("max_pool_2d_int16", _run_maximum)
MIN_POOL_2D_INT16 = _pool_kernel("min_pool_2d_int16", _run_minimum)
SUM_ROWS_INT16 = Kernel("sum_rows_int16", _run_sum_rows, accumulates=True, sources=int16_sources())
MEAN_OF_SUMS_INT16 = Kernel("mean_of_sums_int16", _run_mean_of_sums, sources=int16_sources())
REQUANTIZED_MEAN_OF_SUMS_INT16 = Kernel(
    "requantized_mean_of_sums_int16",
    _run_requantized,
    sources=int16_sources(),
)


def _pool_entry(op_type: type[PoolOp], kernel: Kernel, *others: Kernel) -> OpEntry[PoolOp]:
    return OpEntry(op_type, _call_of(kernel), check=_check_pool, kernels=(kernel, *others), is_wide=True)


FAMILY = KernelFamily(
    kernels=[
        AVERAGE_POOL_2D_INT16,
        MAX_POOL_2D_INT16,
        MIN_POOL_2D_INT16,
        SUM_ROWS_INT16,
        MEAN_OF_SUMS_INT16,
        REQUANTIZED_MEAN_OF_SUMS_INT16,
    ],
    ops=[
        _pool_entry(AveragePool2DOp, AVERAGE_POOL_2D_INT16, SUM_ROWS_INT16, MEAN_OF_SUMS_INT16),
        _pool_entry(MaxPool2DOp, MAX_POOL_2D_INT16),
        _pool_entry(MinPool2DOp, MIN_POOL_2D_INT16),
        OpEntry(
            MeanOp,
            None,
            check=_multiplier,
            hint="run stream-reductions first",
            meaning=_mean_of_bands,
            kernels=(SUM_ROWS_INT16, REQUANTIZED_MEAN_OF_SUMS_INT16),
            is_wide=True,
        ),
        OpEntry(SumRowsOp, lambda op: pixel_sum_call(SUM_ROWS_INT16, op), kernels=(SUM_ROWS_INT16,), is_wide=True),
        OpEntry(
            MeanOfSumsOp,
            lambda op: mean_of_sums_call(MEAN_OF_SUMS_INT16, op),
            kernels=(MEAN_OF_SUMS_INT16,),
            is_wide=True,
        ),
        OpEntry(RequantizedMeanOfSumsOp, _requantized_call, kernels=(REQUANTIZED_MEAN_OF_SUMS_INT16,), is_wide=True),
    ],
)
