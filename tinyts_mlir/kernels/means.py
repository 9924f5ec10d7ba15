"""Pools over whole maps: MEAN, SUM, and what `stream-reductions` makes of them and of AVERAGE_POOL_2D.

Sums take rows as they come; a mean of the sums, or the sums requantized, make the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyts_mlir.dialects.row_geometry import RowMap, group_rows
from tinyts_mlir.dialects.rows import CHANNELS, quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import (
    MeanOfSumsOp,
    MeanOp,
    PixelSumOp,
    RequantizedMeanOfSumsOp,
    RequantizedSumsOp,
    RequantizedUnsignedSumsOp,
    SumOp,
    SumRowsOp,
    SumUnsignedRowsOp,
)
from tinyts_mlir.dialects.tinyts_base import TIES_AWAY
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Int8Array, Rows, Window, state_of, to_bytes
from tinyts_mlir.kernels.operands import range_of, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer, output_range
from tinyts_mlir.kernels.reachable_sums import ANY_SUM, SumRange, bytes_of_sums
from tinyts_mlir.quantization import (
    QuantizedMultiplier,
    mean_multiplier,
    quantize_multiplier,
    requantize,
    wrap_int32,
)

UINT8_RANGE = (0, 255)


def mean(
    input: Int8Array, multiplier: int, shift: int, *, input_zero_point: int = 0, output_zero_point: int = 0
) -> Int8Array:
    """MEAN of all pixels: (rows, width, channels) to (channels,); `mean_multiplier` gives multiplier and shift.

    Source: QuantizedMeanOrSum in kernels/internal/reference/reduce.h.
    """
    rows, width, _ = input.shape
    sums = input.sum(axis=(0, 1), dtype=np.int64) - rows * width * input_zero_point
    return to_bytes(requantize(sums, multiplier, shift), output_zero_point, INT8_RANGE)


def _multiplier(op: MeanOp) -> QuantizedMultiplier:
    return mean_multiplier(quantization_of(op.input[0]).scale, quantization_of(op.result).scale, op.count)


def _mean_of_bands(op: MeanOp, bands: Sequence[Int8Array]) -> Int8Array:
    means = mean(
        np.concatenate([np.asarray(band, np.int8)[0] for band in bands]),
        *_multiplier(op),
        input_zero_point=quantization_of(op.input[0]).zero_point,
        output_zero_point=quantization_of(op.result).zero_point,
    )
    return means.reshape(shape_of(op.result))


def _mean_bytes(op: MeanOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    operand, zero_point = bytes_of(op.input[0]), quantization_of(op.input[0]).zero_point
    sums = SumRange(*(op.count * (end - zero_point) for end in (operand.lowest, operand.highest)))
    multiplier, shift = _multiplier(op)
    output = quantization_of(op.result).zero_point
    return [
        bytes_of_sums(
            sums,
            lambda end: to_bytes(requantize(end, multiplier, shift), output, INT8_RANGE),
            INT8_RANGE,
            ANY_SUM >> max(shift + 2, 0),
        )
    ]


def _sum_of_bands(op: SumOp, bands: Sequence[Int8Array]) -> Int8Array:
    """LiteRT's SUM of int8 is that of uint8, on the same bytes.

    Source: EvalSum in kernels/reduce.cc, and QuantizedMeanOrSum in kernels/internal/reference/reduce.h.
    """
    pixels = np.concatenate([np.asarray(band, np.int8)[0] for band in bands]).view(np.uint8)
    sums = pixels.sum(axis=(0, 1), dtype=np.int64) - op.count * quantization_of(op.input[0]).zero_point
    scaled = requantize(sums, *sum_multiplier(op))
    return to_bytes(scaled, quantization_of(op.result).zero_point, UINT8_RANGE).reshape(shape_of(op.result))


def sum_multiplier(op: SumOp | RequantizedUnsignedSumsOp) -> QuantizedMultiplier:
    """Multiplier and shift of a SUM; ValueError where the output's scale is too small."""
    input = op.input_type if isinstance(op, RequantizedUnsignedSumsOp) else quantization_of(op.input[0])
    output = quantization_of(op.result)
    if not output.scale > 0 or not input.scale > 0:
        raise ValueError("a sum needs positive scales")
    multiplier = quantize_multiplier(input.scale / output.scale)
    if multiplier.shift > 31:
        raise ValueError(f"the output scale {output.scale} of a sum is too small")
    return multiplier


def pixel_sum_call(kernel: Kernel, op: PixelSumOp) -> KernelCall:
    """A kernel that adds up the pixels of bands, with the parameters of `tinyts_sum_rows_parameters`."""
    _, _, width, channels = whole_shape_of(op.rows[0])
    rows = group_rows(tuple(op.rows)).count
    parameters: dict[str, Parameter] = {"width": width, "channels": channels, "window_rows": rows}
    return KernelCall(kernel, parameters, RowMap(rows, rows))


def _run_sum_rows(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    map, sums = inputs[0].rows, state_of(inputs[1])
    sums += map.reshape(-1, integer(parameters, "channels")).sum(axis=0, dtype=np.int32)
    return [sums.view(np.int8).reshape(1, -1)]


def _run_sum_unsigned_rows(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return _run_sum_rows(parameters, [replace(inputs[0], rows=inputs[0].rows.view(np.uint8)), inputs[1]], row_count)


def mean_of_sums_call(kernel: Kernel, op: MeanOfSumsOp) -> KernelCall:
    """A kernel that divides sums, with the parameters of `tinyts_mean_of_sums_parameters`."""
    minimum, maximum = range_of(op.activation.data, op.result)
    parameters: dict[str, Parameter] = {
        "count": op.count.value.data,
        "channels": whole_shape_of(op.result)[CHANNELS],
        "output_minimum": minimum,
        "output_maximum": maximum,
    }
    return KernelCall.of(op, kernel, parameters)


def _mean_of_sums_call(op: MeanOfSumsOp) -> KernelCall:
    return mean_of_sums_call(MEAN_OF_SUMS if op.ties == TIES_AWAY else MEAN_OF_SUMS_TIES_UP, op)


def _run_mean_of_sums_ties_up(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sums = state_of(inputs[0]).astype(np.int64)
    count = integer(parameters, "count")
    means = (sums + count // 2) // count
    return [np.clip(means, *output_range(parameters)).astype(np.int8).reshape(1, -1)]


def _run_mean_of_sums(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sums = state_of(inputs[0]).astype(np.int64)
    count = integer(parameters, "count")
    means = np.where(sums > 0, 1, -1) * ((np.abs(sums) + count // 2) // count)
    return [np.clip(means, *output_range(parameters)).astype(np.int8).reshape(1, -1)]


def _requantized_call(kernel: Kernel, op: RequantizedSumsOp, multiplier: QuantizedMultiplier) -> KernelCall:
    output_type = quantization_of(op.result)
    parameters: dict[str, Parameter] = {
        "multiplier": multiplier.multiplier,
        "offset": -op.count.value.data * op.input_type.zero_point,
        "channels": whole_shape_of(op.result)[-1],
        "shift": multiplier.shift,
        "output_zero_point": output_type.zero_point,
    }
    return KernelCall.of(op, kernel, parameters)


def _requantized_mean_call(op: RequantizedMeanOfSumsOp) -> KernelCall:
    multiplier = mean_multiplier(op.input_type.scale, quantization_of(op.result).scale, op.count.value.data)
    return _requantized_call(REQUANTIZED_MEAN_OF_SUMS, op, multiplier)


def _run_requantized(parameters: Parameters, sums: Window, bounds: tuple[int, int]) -> list[Rows]:
    differences = wrap_int32(state_of(sums).astype(np.int64) + integer(parameters, "offset"))
    scaled = requantize(differences, integer(parameters, "multiplier"), integer(parameters, "shift"))
    return [to_bytes(scaled, integer(parameters, "output_zero_point"), bounds).reshape(1, -1)]


SUM_ROWS = Kernel("sum_rows", _run_sum_rows, accumulates=True)
SUM_UNSIGNED_ROWS = Kernel("sum_unsigned_rows", _run_sum_unsigned_rows, struct="sum_rows", accumulates=True)
MEAN_OF_SUMS = Kernel("mean_of_sums", _run_mean_of_sums)
MEAN_OF_SUMS_TIES_UP = Kernel("mean_of_sums_ties_up", _run_mean_of_sums_ties_up, struct="mean_of_sums")
REQUANTIZED_MEAN_OF_SUMS = Kernel(
    "requantized_mean_of_sums",
    lambda parameters, inputs, row_count: _run_requantized(parameters, inputs[0], INT8_RANGE),
)
REQUANTIZED_UNSIGNED_SUMS = Kernel(
    "requantized_unsigned_sums",
    lambda parameters, inputs, row_count: _run_requantized(parameters, inputs[0], UINT8_RANGE),
    struct="requantized_mean_of_sums",
)

FAMILY = KernelFamily(
    kernels=[
        SUM_ROWS,
        SUM_UNSIGNED_ROWS,
        MEAN_OF_SUMS,
        MEAN_OF_SUMS_TIES_UP,
        REQUANTIZED_MEAN_OF_SUMS,
        REQUANTIZED_UNSIGNED_SUMS,
    ],
    ops=[
        OpEntry(
            MeanOp,
            None,
            check=_multiplier,
            hint="run stream-reductions first",
            meaning=_mean_of_bands,
            reachable=_mean_bytes,
            kernels=(SUM_ROWS, MEAN_OF_SUMS, REQUANTIZED_MEAN_OF_SUMS),
        ),
        OpEntry(
            SumOp,
            None,
            check=sum_multiplier,
            hint="run stream-reductions first",
            meaning=_sum_of_bands,
            kernels=(SUM_UNSIGNED_ROWS, REQUANTIZED_UNSIGNED_SUMS),
        ),
        OpEntry(SumRowsOp, lambda op: pixel_sum_call(SUM_ROWS, op), kernels=(SUM_ROWS,)),
        OpEntry(SumUnsignedRowsOp, lambda op: pixel_sum_call(SUM_UNSIGNED_ROWS, op), kernels=(SUM_UNSIGNED_ROWS,)),
        OpEntry(MeanOfSumsOp, _mean_of_sums_call, kernels=(MEAN_OF_SUMS, MEAN_OF_SUMS_TIES_UP)),
        OpEntry(RequantizedMeanOfSumsOp, _requantized_mean_call, kernels=(REQUANTIZED_MEAN_OF_SUMS,)),
        OpEntry(
            RequantizedUnsignedSumsOp,
            lambda op: _requantized_call(REQUANTIZED_UNSIGNED_SUMS, op, sum_multiplier(op)),
            kernels=(REQUANTIZED_UNSIGNED_SUMS,),
        ),
    ],
)
