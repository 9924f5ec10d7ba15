"""DEPTHWISE_CONV_2D: a filter for each channel, in blocks of four channels (runtime/src/tinyts_depthwise_conv_2d.c)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import DepthwiseConv2DOp
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.cost import CostPerElement, KernelCost, LayerShape
from tinyts_mlir.kernels.depthwise_last_reads import first_byte_lost
from tinyts_mlir.kernels.depthwise_overlap import depthwise_overlap
from tinyts_mlir.kernels.depthwise_packing import (
    DepthwiseConstants,
    PackedDepthwise,
    pack_depthwise,
    unpack_depthwise,
)
from tinyts_mlir.kernels.depthwise_scaling import depthwise_scaling, scaled_bytes
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import (
    INT8_RANGE,
    Int8Array,
    Int32Array,
    Padding,
    Pair,
    Rows,
    Window,
    as_rows,
    patches_of,
    to_bytes,
    with_bias,
    zero_padded,
)
from tinyts_mlir.kernels.operands import centred_weights
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int32_array, integer
from tinyts_mlir.kernels.plain_costs import PlainCosts
from tinyts_mlir.kernels.sliding_windows import (
    bias_and_multipliers,
    check_convolution,
    convolution_bytes,
    run_convolution,
    window_parameters,
)
from tinyts_mlir.quantization import fold_bias, requantize

PER_ELEMENT, PER_MAC = 12.2, 1.6
"""Instructions."""


def _macs(op: DepthwiseConv2DOp) -> int:
    return prod(shape_of(op.filter)[1:CHANNELS])


class _DepthwiseCost(CostPerElement):
    def plain_instructions(self, shape: LayerShape, band_rows: int, costs: PlainCosts) -> float:
        """Padding counts as multiplications, as everywhere."""
        outputs = shape.rows * shape.row_bytes
        return costs.depthwise.instructions(outputs * self.macs, outputs)


def _cost(macs: int, channels: int, strides: Pair) -> KernelCost:
    """All channels of a pixel, or of three where a 3x3 filter has no stride, are made before the next ones."""
    pixels = 3 if macs == 9 and strides == (1, 1) else 1
    return _DepthwiseCost(PER_ELEMENT, macs, PER_MAC, elements_per_read=pixels * channels)


def _cost_of_op(op: DepthwiseConv2DOp) -> KernelCost:
    down, right = int_values(op.stride)
    return _cost(_macs(op), shape_of(op.result)[CHANNELS], (down, right))


def _cost_of_call(parameters: Parameters) -> KernelCost:
    macs = integer(parameters, "filter_height") * integer(parameters, "filter_width")
    strides = integer(parameters, "row_stride"), integer(parameters, "column_stride")
    return _cost(macs, integer(parameters, "output_channels"), strides)


def _call(op: DepthwiseConv2DOp) -> KernelCall:
    [weights] = centred_weights(op.filter)
    by_channel = weights.reshape(-1, weights.shape[-1]).T
    zero_points = quantization_of(op.input[0]).zero_point, quantization_of(op.result).zero_point
    scaling = depthwise_scaling(by_channel, *bias_and_multipliers(op, len(by_channel)), *zero_points)
    packed = pack_depthwise(DepthwiseConstants(weights, scaling))
    parameters: dict[str, Parameter] = {
        "weights": packed.weights,
        "constants": packed.constants,
        "narrow": int(scaling.narrow),
        "depth_multiplier": op.depth_multiplier,
        "input_zero_point": quantization_of(op.input[0]).zero_point,
        **window_parameters(op),
    }
    return KernelCall.of(op, DEPTHWISE_CONV_2D, parameters)


def _reachable(op: DepthwiseConv2DOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    [weights] = centred_weights(op.filter)
    by_channel = weights.reshape(-1, weights.shape[-1]).T
    channels = np.arange(len(by_channel)) // op.depth_multiplier
    products = np.repeat(channels[:, None], by_channel.shape[1], axis=1)
    return [convolution_bytes(op, by_channel, bytes_of(op.input[0]), products)]


def depthwise_conv_2d(
    input: Int8Array,
    weights: Int8Array | NDArray[np.int16],
    bias: Int32Array | None,
    multipliers: Int32Array,
    shifts: Int32Array,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """DEPTHWISE_CONV_2D: (rows, width, channels) to (output rows, output width, output channels).

    `weights` has shape (height, width, output channels); output channel c reads input channel c / depth multiplier.
    The rest is as in `conv_2d`. Source: DepthwiseConvPerChannel in
    kernels/internal/reference/integer_ops/depthwise_conv.h.
    """
    accumulators = _sums(input, weights, stride, dilation, padding, input_zero_point)
    return to_bytes(requantize(with_bias(accumulators, bias), multipliers, shifts), output_zero_point, output_range)


def _sums(
    input: Int8Array,
    weights: Int8Array | NDArray[np.int16],
    stride: Pair,
    dilation: Pair,
    padding: Padding,
    input_zero_point: int,
) -> NDArray[np.int64]:
    """(output rows, output width, output channels), without a bias and the zero point's share."""
    height, width, output_channels = weights.shape
    padded = zero_padded(input, input_zero_point, padding)
    if output_channels != padded.shape[2]:
        padded = np.repeat(padded, output_channels // padded.shape[2], axis=2)
    patches = patches_of(padded, (height, width), stride, dilation)
    accumulators = np.zeros((patches.shape[0], patches.shape[1], output_channels), np.int64)
    for row in range(height):
        for column in range(width):
            accumulators += patches[:, :, row, column].astype(np.int64) * weights[row, column]
    return accumulators


def _narrow_depthwise_conv_2d(
    offsets: Int32Array,
    input: Int8Array,
    weights: NDArray[np.int16],
    bias: Int32Array,
    multipliers: Int32Array,
    rights: Int32Array,
    *,
    stride: Pair,
    dilation: Pair,
    padding: Padding,
    input_zero_point: int,
    output_zero_point: int,  # in the offsets
    output_range: tuple[int, int],
) -> Int8Array:
    """The same with the constants of a narrow scaling."""
    sums = with_bias(_sums(input, weights, stride, dilation, padding, input_zero_point), bias)
    made = scaled_bytes(sums.astype(np.int64), multipliers, rights, offsets)
    return np.clip(made, *output_range).astype(np.int8)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    narrow = bool(integer(parameters, "narrow"))
    packed = PackedDepthwise(int32_array(parameters, "weights"), int32_array(parameters, "constants"))
    weights, constants = unpack_depthwise(packed, integer(parameters, "output_channels"), narrow)
    zero_point = integer(parameters, "input_zero_point")
    sums = weights.sum(axis=(0, 1), dtype=np.int64)
    exponents = constants.rights if narrow else -constants.rights
    scaling = (fold_bias(constants.bias, sums, zero_point), constants.multipliers, exponents)
    convolve = partial(_narrow_depthwise_conv_2d, constants.offsets) if narrow else depthwise_conv_2d
    made = run_convolution(parameters, inputs[0], convolve, weights, sums, scaling, zero_point)
    return as_rows(made, row_count)


DEPTHWISE_CONV_2D = Kernel("depthwise_conv_2d", _run, cost=_cost_of_call)

FAMILY = KernelFamily(
    kernels=[DEPTHWISE_CONV_2D],
    ops=[
        OpEntry(
            DepthwiseConv2DOp,
            _call,
            kernels=(DEPTHWISE_CONV_2D,),
            overlap=depthwise_overlap,
            first_byte_lost=first_byte_lost,
            macs=_macs,
            cost=_cost_of_op,
            check=check_convolution,
            reachable=_reachable,
        )
    ],
)
