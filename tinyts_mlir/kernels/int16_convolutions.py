"""CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV of int16 feature maps with int8 weights."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, WIDTH, quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import (
    Conv2DOp,
    ConvolutionOp,
    DepthwiseConv2DOp,
    TransposeConvOp,
    TransposeConvRowsOp,
)
from tinyts_mlir.dialects.tinyts_transposed import TransposedConvolutionOp
from tinyts_mlir.kernels.c_sources import int16_sources
from tinyts_mlir.kernels.cost import KernelCost
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.int16_arithmetic import (
    Int16Array,
    as_wide_rows,
    bias_parameters,
    check_sums,
    per_wide_element,
    scaled_sums,
    sum_scaling,
    wide_bias,
    wide_elements,
    wraps,
)
from tinyts_mlir.kernels.numpy_rows import Int64Array, Padding, Rows, Window, padded, patches_of, right_padding
from tinyts_mlir.kernels.operands import int8_weights, per_channel, range_of, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int8_array, integer
from tinyts_mlir.kernels.sliding_windows import window_parameters

PER_ELEMENT, PER_MAC = 78.0, 1.7
DEPTHWISE_PER_MAC = 12.0
"""Instructions."""

# --- Constants -----------------------------------------------------------------------------------------------------


def _sums(op: ConvolutionOp | TransposedConvolutionOp, channels: int) -> dict[str, Parameter]:
    """What becomes of the sums of a layer."""
    scales = per_channel(quantization_of(op.filter).scales, channels)
    input, result = quantization_of(op.input[0]), quantization_of(op.result)
    return {
        **bias_parameters(op.bias, channels),
        **sum_scaling(input.scale, scales, result.scale, wraps(op.bias)),
    }


def _window(op: ConvolutionOp) -> dict[str, Parameter]:
    return {name: value for name, value in window_parameters(op).items() if name != "output_zero_point"}


def _conv_2d_call(op: Conv2DOp) -> KernelCall:
    weights = int8_weights(op.filter)
    parameters: dict[str, Parameter] = {
        "weights": weights,
        **_sums(op, weights.shape[0]),
        **_window(op),
        "filter_channels": weights.shape[CHANNELS],
    }
    return KernelCall.of(op, CONV_2D_INT16, parameters)


def _depthwise_call(op: DepthwiseConv2DOp) -> KernelCall:
    [weights] = int8_weights(op.filter)
    parameters: dict[str, Parameter] = {
        "weights": weights,
        **_sums(op, weights.shape[-1]),
        **_window(op),
        "depth_multiplier": op.depth_multiplier,
    }
    return KernelCall.of(op, DEPTHWISE_CONV_2D_INT16, parameters)


def _transposed_call(op: TransposeConvRowsOp) -> KernelCall:
    weights = int8_weights(op.filter)
    minimum, maximum = range_of(op.activation.data, op.result)
    parameters: dict[str, Parameter] = {
        "weights": np.ascontiguousarray(weights.transpose(1, 2, 0, 3)),
        **_sums(op, weights.shape[0]),
        "input_width": whole_shape_of(op.input[0])[WIDTH],
        "input_channels": weights.shape[CHANNELS],
        "output_width": whole_shape_of(op.result)[WIDTH],
        "output_channels": weights.shape[0],
        "filter_height": weights.shape[HEIGHT],
        "filter_width": weights.shape[WIDTH],
        "column_stride": op.stride.value.data,
        "padding_left": int_values(op.padding)[1],
        "output_minimum": minimum,
        "output_maximum": maximum,
    }
    return KernelCall.of(op, TRANSPOSE_CONV_ROWS_INT16, parameters)


def _check(op: ConvolutionOp | TransposedConvolutionOp) -> None:
    weights = int8_weights(op.filter)
    by_channel = weights.reshape(-1, weights.shape[-1]).T if isinstance(op, DepthwiseConv2DOp) else weights
    channels = by_channel.shape[0]
    range_of(op.activation.data, op.result)
    _sums(op, channels)
    check_sums(by_channel.reshape(channels, -1), wide_bias(op.bias, channels))


# --- Cost ----------------------------------------------------------------------------------------------------------


def _macs(op: Conv2DOp) -> int:
    return prod(shape_of(op.filter)[1:])


def _depthwise_macs(op: DepthwiseConv2DOp) -> int:
    return prod(shape_of(op.filter)[1:CHANNELS])


def _transposed_macs(op: TransposeConvRowsOp) -> int:
    """For one element of the result: of the filter's columns, every `stride`-th is over an input pixel."""
    _, height, width, channels = shape_of(op.filter)
    return height * channels * -(-width // op.stride.value.data)


def _cost(macs: int, per_mac: float = PER_MAC) -> KernelCost:
    return per_wide_element(PER_ELEMENT, macs, per_mac)


def _taps(parameters: Parameters) -> int:
    return integer(parameters, "filter_height") * integer(parameters, "filter_width")


# --- Meaning -------------------------------------------------------------------------------------------------------


def _patches(parameters: Parameters, window: Window) -> Int16Array:
    """What each output pixel reads: (output rows, output columns, filter rows, filter columns, channels)."""
    channels, dilation = integer(parameters, "input_channels"), integer(parameters, "column_dilation")
    width = integer(parameters, "input_width")
    right = right_padding(parameters, integer(parameters, "filter_width"), dilation)
    map = wide_elements(window).reshape(-1, width, channels)[:, : width + min(right, 0)]
    padding: Padding = (
        window.padding_before,
        window.padding_after,
        integer(parameters, "padding_left"),
        max(right, 0),
    )
    filter = integer(parameters, "filter_height"), integer(parameters, "filter_width")
    stride = integer(parameters, "row_stride"), integer(parameters, "column_stride")
    return patches_of(padded(map, 0, padding), filter, stride, (integer(parameters, "row_dilation"), dilation))


def _run_conv_2d(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: ConvPerChannel of int16 in kernels/internal/reference/integer_ops/conv.h."""
    patches = _patches(parameters, inputs[0])
    depth, channels = integer(parameters, "filter_channels"), integer(parameters, "output_channels")
    groups = integer(parameters, "input_channels") // depth
    matrices = int8_array(parameters, "weights").reshape(groups, channels // groups, -1).astype(np.int64)
    sums = [
        patches[..., group * depth : (group + 1) * depth].reshape(*patches.shape[:2], -1).astype(np.int64) @ matrix.T
        for group, matrix in enumerate(matrices)
    ]
    return as_wide_rows(scaled_sums(np.concatenate(sums, axis=2), parameters), row_count)


def _run_depthwise(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: DepthwiseConvPerChannel of int16 in kernels/internal/reference/integer_ops/depthwise_conv.h."""
    patches = np.repeat(_patches(parameters, inputs[0]), integer(parameters, "depth_multiplier"), axis=4)
    weights = int8_array(parameters, "weights").reshape(patches.shape[2:]).astype(np.int64)
    sums = (patches.astype(np.int64) * weights).sum(axis=(2, 3))
    return as_wide_rows(scaled_sums(sums, parameters), row_count)


def _run_transposed(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: TransposeConv of int16 in kernels/internal/reference/integer_ops/transpose_conv.h."""
    window = inputs[0]
    names = ("input_width", "output_width", "filter_height", "filter_width", "column_stride", "padding_left")
    input_width, output_width, height, width, stride, left = (integer(parameters, name) for name in names)
    input_channels, output_channels = (integer(parameters, f"{side}_channels") for side in ("input", "output"))
    map = wide_elements(window).reshape(-1, input_width, input_channels).astype(np.int64)
    weights = int8_array(parameters, "weights").reshape(height, width, output_channels, input_channels)
    sums = np.zeros((row_count, output_width, output_channels), np.int64)
    padding = ((window.padding_before, window.padding_after), (0, 0), (0, 0))
    for y, x in np.ndindex(height, width):
        targets = np.arange(input_width) * stride + x - left
        inside = np.flatnonzero((targets >= 0) & (targets < output_width))
        products = map[:, inside] @ weights[y, x].astype(np.int64).T
        sums[:, targets[inside]] += np.pad(products, padding)[y : y + row_count]
    return as_wide_rows(scaled_sums(sums, parameters), row_count)


def _transpose_conv(op: TransposeConvOp, arrays: Sequence[Any]) -> Int16Array:
    """TRANSPOSE_CONV as LiteRT has it: every input pixel is added to the result, times each tap of the filter."""
    input, filter = arrays[0][0].astype(np.int64), arrays[1].astype(np.int64)
    (row_stride, column_stride), (top, left) = int_values(op.stride), int_values(op.padding)
    _, rows, columns, channels = shape_of(op.result)
    sums: Int64Array = np.zeros((rows, columns, channels), np.int64)
    products = np.einsum("rci,ohwi->rchwo", input, filter)
    for row, column, y, x in np.ndindex(*products.shape[:4]):
        target = row * row_stride - top + y, column * column_stride - left + x
        if 0 <= target[0] < rows and 0 <= target[1] < columns:
            sums[target] += products[row, column, y, x]
    minimum, maximum = range_of(op.activation.data, op.result)
    parameters = {**_sums(op, channels), "output_minimum": minimum, "output_maximum": maximum}
    return scaled_sums(sums, parameters).astype(np.int16).reshape(shape_of(op.result))


CONV_2D_INT16 = Kernel(
    "conv_2d_int16",
    _run_conv_2d,
    cost=lambda parameters: _cost(_taps(parameters) * integer(parameters, "filter_channels")),
    sources=int16_sources(),
)
DEPTHWISE_CONV_2D_INT16 = Kernel(
    "depthwise_conv_2d_int16",
    _run_depthwise,
    cost=lambda parameters: _cost(_taps(parameters), DEPTHWISE_PER_MAC),
    sources=int16_sources(),
)
TRANSPOSE_CONV_ROWS_INT16 = Kernel(
    "transpose_conv_rows_int16",
    _run_transposed,
    cost=lambda parameters: _cost(
        _taps(parameters) * integer(parameters, "input_channels") // integer(parameters, "column_stride")
    ),
    sources=int16_sources(),
)

FAMILY = KernelFamily(
    kernels=[CONV_2D_INT16, DEPTHWISE_CONV_2D_INT16, TRANSPOSE_CONV_ROWS_INT16],
    ops=[
        OpEntry(
            Conv2DOp,
            _conv_2d_call,
            macs=_macs,
            cost=lambda op: _cost(_macs(op)),
            check=_check,
            kernels=(CONV_2D_INT16,),
            is_wide=True,
        ),
        OpEntry(
            DepthwiseConv2DOp,
            _depthwise_call,
            macs=_depthwise_macs,
            cost=lambda op: _cost(_depthwise_macs(op), DEPTHWISE_PER_MAC),
            check=_check,
            kernels=(DEPTHWISE_CONV_2D_INT16,),
            is_wide=True,
        ),
        OpEntry(
            TransposeConvOp,
            None,
            macs=lambda op: prod(shape_of(op.filter)[1:]) // prod(int_values(op.stride)),
            check=_check,
            hint="run canonicalize, which makes rows of it",
            meaning=_transpose_conv,
            kernels=(TRANSPOSE_CONV_ROWS_INT16,),
            is_wide=True,
        ),
        OpEntry(
            TransposeConvRowsOp,
            _transposed_call,
            macs=_transposed_macs,
            cost=lambda op: _cost(_transposed_macs(op)),
            check=_check,
            kernels=(TRANSPOSE_CONV_ROWS_INT16,),
            is_wide=True,
        ),
    ],
)
