"""TRANSPOSE_CONV: rows of transposed convolutions, and maps whose rows come in turns."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, WIDTH, quantization_of, row_bytes, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import InterleaveRowsOp, TransposeConvOp, TransposeConvRowsOp
from tinyts_mlir.dialects.tinyts_transposed import TransposedConvolutionOp
from tinyts_mlir.kernels.cost import DEFAULT_PER_ELEMENT, CostPerElement, KernelCost, per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Int8Array, Rows, Window, as_rows, to_bytes, with_bias
from tinyts_mlir.kernels.operands import (
    bias_scale_of,
    centred_weights,
    check_product_of_scales,
    int32_bias,
    layer_multipliers,
    range_of,
    whole_shape_of,
)
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int8_array, int32_array, integer, output_range
from tinyts_mlir.quantization import QuantizedMultipliers, requantize, wrap_int32

PER_MAC = 1.9
"""Instructions."""

# --- Constants -----------------------------------------------------------------------------------------------------


def _multipliers(op: TransposedConvolutionOp) -> QuantizedMultipliers:
    input, result = quantization_of(op.input[0]), quantization_of(op.result)
    return layer_multipliers(quantization_of(op.filter), input.scale, result.scale, shape_of(op.filter)[0])


def _weights(op: TransposedConvolutionOp) -> Int8Array:
    """The weights less their zero point; raises ValueError where int8 does not hold them."""
    weights = centred_weights(op.filter)
    if weights.dtype != np.int8:
        raise ValueError(
            "expected weights of -128 to 127 more than their zero point, "
            f"got {weights.min()} to {weights.max()}; convert the model with int8 quantization"
        )
    return weights.astype(np.int8)


def _check(op: TransposedConvolutionOp) -> None:
    input, filter, result = (quantization_of(value) for value in (op.input[0], op.filter, op.result))
    range_of(op.activation.data, op.result)
    _multipliers(op)
    _weights(op)
    if filter.is_unsigned:
        check_product_of_scales(input.scale, filter.scale, bias_scale_of(op.bias), result.scale)


def _rows_call(op: TransposeConvRowsOp) -> KernelCall:
    weights = _weights(op)
    bias = int32_bias(op.bias)
    multipliers = _multipliers(op)
    minimum, maximum = range_of(op.activation.data, op.result)
    # A tap that lies outside of the map adds nothing, not even the zero point's share.
    by_tap = np.ascontiguousarray(weights.transpose(1, 2, 0, 3))
    sums = by_tap.sum(axis=-1, dtype=np.int64)
    parameters: dict[str, Parameter] = {
        "weights": by_tap,
        "tap_offsets": wrap_int32(-quantization_of(op.input[0]).zero_point * sums),
        "bias": np.zeros(weights.shape[0], np.int32) if bias is None else bias,
        "multipliers": multipliers.multipliers,
        "shifts": multipliers.shifts.astype(np.int8),
        "input_width": whole_shape_of(op.input[0])[WIDTH],
        "input_channels": weights.shape[CHANNELS],
        "output_width": whole_shape_of(op.result)[WIDTH],
        "output_channels": weights.shape[0],
        "filter_height": weights.shape[HEIGHT],
        "filter_width": weights.shape[WIDTH],
        "column_stride": op.stride.value.data,
        "padding_left": int_values(op.padding)[1],
        "output_zero_point": quantization_of(op.result).zero_point,
        "output_minimum": minimum,
        "output_maximum": maximum,
    }
    return KernelCall.of(op, TRANSPOSE_CONV_ROWS, parameters)


def _interleave_call(op: InterleaveRowsOp) -> KernelCall:
    type = tensor_type(op.result)
    parameters = {
        "row_bytes": row_bytes(type),
        "output_rows": whole_shape_of(op.result)[HEIGHT],
        "input_count": len(op.inputs),
    }
    return KernelCall.of(op, INTERLEAVE_ROWS, parameters)


# --- Cost ----------------------------------------------------------------------------------------------------------


def _macs(op: TransposeConvRowsOp) -> int:
    """For one element of the result: of the filter's columns, every `stride`-th is over an input pixel."""
    _, height, width, channels = shape_of(op.filter)
    return height * channels * -(-width // op.stride.value.data)


def _cost(macs: int) -> KernelCost:
    return CostPerElement(DEFAULT_PER_ELEMENT, macs, PER_MAC)


def _cost_of_call(parameters: Parameters) -> KernelCost:
    columns = -(-integer(parameters, "filter_width") // integer(parameters, "column_stride"))
    return _cost(integer(parameters, "filter_height") * columns * integer(parameters, "input_channels"))


# --- Meaning -------------------------------------------------------------------------------------------------------


def transpose_conv(op: TransposeConvOp, arrays: Sequence[Any]) -> Int8Array:
    """TRANSPOSE_CONV as LiteRT has it: every input pixel is added to the result, times each tap of the filter.

    Source: TransposeConv in kernels/internal/reference/integer_ops/transpose_conv.h.
    """
    input, filter = arrays[0][0].astype(np.int64), _weights(op).astype(np.int64)
    (row_stride, column_stride), (top, left) = int_values(op.stride), int_values(op.padding)
    _, rows, columns, channels = shape_of(op.result)
    sums = np.zeros((rows, columns, channels), np.int64)
    products = np.einsum("rci,ohwi->rchwo", input - quantization_of(op.input[0]).zero_point, filter)
    for row, column, y, x in np.ndindex(*products.shape[:4]):
        target = row * row_stride - top + y, column * column_stride - left + x
        if 0 <= target[0] < rows and 0 <= target[1] < columns:
            sums[target] += products[row, column, y, x]
    bias = arrays[2] if op.bias is not None else None
    multipliers = _multipliers(op)
    scaled = requantize(with_bias(sums, bias), multipliers.multipliers, multipliers.shifts)
    limits = range_of(op.activation.data, op.result)
    return to_bytes(scaled, quantization_of(op.result).zero_point, limits).reshape(shape_of(op.result))


def _run_rows(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    window = inputs[0]
    names = ("input_width", "output_width", "filter_height", "filter_width", "column_stride", "padding_left")
    input_width, output_width, height, width, stride, left = (integer(parameters, name) for name in names)
    input_channels, output_channels = (integer(parameters, f"{side}_channels") for side in ("input", "output"))
    map = window.rows.reshape(-1, input_width, input_channels).astype(np.float64)
    weights = int8_array(parameters, "weights").reshape(height, width, output_channels, input_channels)
    offsets = int32_array(parameters, "tap_offsets").reshape(height, width, output_channels).astype(np.int64)
    sums = np.zeros((row_count, output_width, output_channels), np.int64)
    padding = ((window.padding_before, window.padding_after), (0, 0), (0, 0))
    for y, x in np.ndindex(height, width):
        targets = np.arange(input_width) * stride + x - left
        inside = np.flatnonzero((targets >= 0) & (targets < output_width))
        products = (map[:, inside] @ weights[y, x].astype(np.float64).T).astype(np.int64) + offsets[y, x]
        sums[:, targets[inside]] += np.pad(products, padding)[y : y + row_count]
    shifts = int8_array(parameters, "shifts").astype(np.int32)
    scaled = requantize(
        with_bias(sums, int32_array(parameters, "bias")), int32_array(parameters, "multipliers"), shifts
    )
    return as_rows(to_bytes(scaled, integer(parameters, "output_zero_point"), output_range(parameters)), row_count)


def _run_interleave(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    bytes_of_row, count = integer(parameters, "row_bytes"), len(inputs)
    result = np.empty((integer(parameters, "output_rows"), bytes_of_row), np.int8)
    for number, window in enumerate(inputs):
        result[number::count] = window.rows.reshape(-1, bytes_of_row)
    return as_rows(result, row_count)


TRANSPOSE_CONV_ROWS = Kernel("transpose_conv_rows", _run_rows, cost=_cost_of_call)
INTERLEAVE_ROWS = Kernel("interleave_rows", _run_interleave, cost=per_element(2.0))

FAMILY = KernelFamily(
    kernels=[TRANSPOSE_CONV_ROWS, INTERLEAVE_ROWS],
    ops=[
        OpEntry(
            TransposeConvOp,
            None,
            kernels=(TRANSPOSE_CONV_ROWS, INTERLEAVE_ROWS),
            macs=lambda op: prod(shape_of(op.filter)[1:]) // prod(int_values(op.stride)),
            check=_check,
            hint="run canonicalize, which makes rows of it",
            meaning=transpose_conv,
        ),
        OpEntry(
            TransposeConvRowsOp,
            _rows_call,
            macs=_macs,
            cost=lambda op: _cost(_macs(op)),
            check=_check,
            kernels=(TRANSPOSE_CONV_ROWS,),
        ),
        OpEntry(InterleaveRowsOp, _interleave_call, cost=per_element(2.0), kernels=(INTERLEAVE_ROWS,)),
    ],
)
