"""What both convolutions have in common: parameters, scalings, checks, and how numpy runs them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import ConvolutionOp
from tinyts_mlir.kernels.channel_bytes import ChannelBytes
from tinyts_mlir.kernels.numpy_rows import (
    Int8Array,
    Int32Array,
    Int64Array,
    Window,
    padded_map,
    right_padding,
    to_bytes,
)
from tinyts_mlir.kernels.operands import (
    bias_scale_of,
    check_product_of_scales,
    int32_bias,
    layer_multipliers,
    range_of,
    whole_shape_of,
)
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer, output_range
from tinyts_mlir.kernels.reachable_sums import ANY_SUM, SumRange, bytes_of_sums
from tinyts_mlir.quantization import QuantizedMultipliers, accumulator_range, fold_bias, requantize


def check_convolution(op: ConvolutionOp) -> None:
    """As `OpEntry.check`."""
    input, filter, output = (quantization_of(value) for value in (op.input[0], op.filter, op.result))
    range_of(op.activation.data, op.result)
    layer_multipliers(filter, input.scale, output.scale, len(filter.scales))
    if filter.is_unsigned:
        check_product_of_scales(input.scale, filter.scale, bias_scale_of(op.bias), output.scale)


def bias_and_multipliers(op: ConvolutionOp, channels: int) -> tuple[Int32Array, QuantizedMultipliers]:
    """Those of the model, one element an output channel."""
    input_scale, output_scale = quantization_of(op.input[0]).scale, quantization_of(op.result).scale
    bias = int32_bias(op.bias)
    multipliers = layer_multipliers(quantization_of(op.filter), input_scale, output_scale, channels)
    return np.zeros(channels, np.int32) if bias is None else bias, multipliers


def convolution_bytes(
    op: ConvolutionOp,
    by_channel: NDArray[np.int8] | NDArray[np.int16],
    operand: ChannelBytes,
    products: NDArray[np.int64],
) -> ChannelBytes:
    """What a convolution can make of what its operand can hold.

    `by_channel` are its weights as (output channels, products), `products` the input channel of each of them: of shape
    (products,), or that of the weights. Where the map is padded, a channel may hold the zero point, too.
    """
    zero_point = quantization_of(op.input[0]).zero_point
    if any(int_values(op.padding)):
        operand = operand.with_byte(zero_point)
    lowest, highest = operand.lowest[products], operand.highest[products]
    sums = SumRange(*accumulator_range(by_channel, int32_bias(op.bias), zero_point, lowest, highest))
    input_scale, output_type = quantization_of(op.input[0]).scale, quantization_of(op.result)
    multipliers, shifts = layer_multipliers(quantization_of(op.filter), input_scale, output_type.scale, len(by_channel))
    limits = range_of(op.activation.data, op.result)
    return bytes_of_sums(
        sums,
        lambda end: to_bytes(requantize(end, multipliers, shifts), output_type.zero_point, limits),
        limits,
        _largest_sums(multipliers, shifts),
    )


def _largest_sums(multipliers: Int32Array, shifts: Int32Array) -> Int64Array:
    """The greatest magnitudes of sums for which neither the shift to the left nor adding a zero point wraps."""
    left = np.maximum(shifts, 0).astype(np.int64)
    scaled = np.floor((ANY_SUM - 256) * 2.0**31 / np.maximum(np.abs(multipliers.astype(np.float64)), 1.0))
    largest = np.minimum((ANY_SUM - (left > 0)) >> left, scaled.astype(np.int64) >> left)
    return np.where((shifts < 0) | (multipliers == 0), ANY_SUM, largest)


def window_parameters(op: ConvolutionOp) -> dict[str, Parameter]:
    """The parameters that both convolutions have."""
    _, _, input_width, input_channels = whole_shape_of(op.input[0])
    _, _, output_width, output_channels = whole_shape_of(op.result)
    minimum, maximum = range_of(op.activation.data, op.result)
    stride, dilation, padding = int_values(op.stride), int_values(op.dilation), int_values(op.padding)
    height, width = op.filter_size
    return {
        "input_width": input_width,
        "input_channels": input_channels,
        "output_width": output_width,
        "output_channels": output_channels,
        "filter_height": height,
        "filter_width": width,
        "row_stride": stride[0],
        "column_stride": stride[1],
        "row_dilation": dilation[0],
        "column_dilation": dilation[1],
        "padding_left": padding[2],
        "output_zero_point": quantization_of(op.result).zero_point,
        "output_minimum": minimum,
        "output_maximum": maximum,
    }


def run_convolution(
    parameters: Parameters,
    window: Window,
    convolve: Callable[..., Int8Array],
    weights: Int8Array | NDArray[np.int16],
    sums: Int64Array,
    scaling: tuple[Int32Array, Int32Array, Int32Array],
    zero_point: int,
) -> Int8Array:
    """Rows of a convolution; `sums` are those of each output channel's weights.

    The scaling's bias has the input zero point in it; `convolve` takes the model's own.
    """
    dilation = integer(parameters, "column_dilation")
    right = right_padding(parameters, integer(parameters, "filter_width"), dilation)
    map, padding = padded_map(parameters, window, integer(parameters, "input_channels"), right)
    bias, multipliers, shifts = scaling
    return convolve(
        map,
        weights,
        fold_bias(bias, sums, -zero_point),
        multipliers,
        shifts,
        stride=(integer(parameters, "row_stride"), integer(parameters, "column_stride")),
        dilation=(integer(parameters, "row_dilation"), dilation),
        padding=padding,
        input_zero_point=zero_point,
        output_zero_point=integer(parameters, "output_zero_point"),
        output_range=output_range(parameters),
    )
