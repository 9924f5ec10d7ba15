"""Output channels of a CONV_2D that are made apart from the others, in plain C with int16 weights.

Weights of uint8 have one zero point for all channels, and less that they span what training needed: one channel in a
hundred goes beyond int8. Others have a scaling that is not narrow, which nearly no trained channel has. The kernel
makes all channels in few instructions, with weights that are zeros for these few, and then these few with int16 weights
(runtime/src/tinyts_conv_2d_some_wide.c). Where channels beyond int8 are many, all weights are int16; where many have a
scaling that is not narrow, all are scaled as theirs are.
"""

from __future__ import annotations

from typing import NamedTuple, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.dialects.rows import CHANNELS, quantization_of
from tinyts_mlir.dialects.tinyts import ConstantOp, Conv2DOp
from tinyts_mlir.kernels.channel_scaling import ChannelScaling, channel_scaling, negate_channels
from tinyts_mlir.kernels.half_words import fit_half_words, settle_large_constants
from tinyts_mlir.kernels.operands import centred_weights, constant_of, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int32_array
from tinyts_mlir.kernels.reachable_sums import SumRange
from tinyts_mlir.kernels.sliding_windows import bias_and_multipliers
from tinyts_mlir.quantization import INT8_MAX, INT8_MIN, QuantizedMultipliers, accumulator_range, fold_bias

MOST_SHARE = 16
"""Where more than one channel in so many is wide, making them again takes longer than wide weights, and much flash."""
PER_WIDE_MAC, PER_WIDE_ROW, PER_WIDE_OUTPUT = 6.0, 35.0, 80.0
"""Instructions, for each element and each row of a patch and for each output: measured where few rows are padded."""
PER_GENERAL_OUTPUT = 40.0
"""Instructions that an output takes more where not all scalings are narrow."""
WIDE_BITS = 16
"""Of weights that the kernel reads faster."""

Weights = NDArray[np.int8] | NDArray[np.int16]
Scaling = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""Bias, multipliers and shifts of the output channels."""

_FOUND: WeakKeyDictionary[ConstantOp, NDArray[np.int64]] = WeakKeyDictionary()
"""By filter: each band of a layer asks."""


def wide_output_instructions(filter_height: int, patch: int) -> float:
    """What an output of a channel that is made again takes, with so many elements in its patch."""
    return patch * PER_WIDE_MAC + filter_height * PER_WIDE_ROW + PER_WIDE_OUTPUT


def wide_channels(op: Conv2DOp) -> NDArray[np.int64]:
    """The output channels whose weights, less their zero point, do not fit int8."""
    filter = constant_of(op.filter)
    if filter not in _FOUND:
        by_channel = centred_weights(op.filter)
        outside = (by_channel < INT8_MIN) | (by_channel > INT8_MAX)
        _FOUND[filter] = np.flatnonzero(outside.reshape(len(by_channel), -1).any(axis=1))
    return _FOUND[filter]


def needs_wide_weights(op: Conv2DOp) -> bool:
    """Whether so many channels do not fit int8 that all weights have to be int16."""
    channels = wide_channels(op)
    return len(channels) * MOST_SHARE > centred_weights(op.filter).shape[0]


class ConvolutionConstants(NamedTuple):
    """How a convolution makes its channels.

    Attributes:
        scaling: for weights of which the negated channels are negated; the input zero point is in the biases.
        apart: the channels that are made again.
        settled: channels of one value, which the scaling makes of sums without weights.
        narrow: whether the scaling of all but those apart is narrow.
        wide: whether all weights are int16, because that was asked for or they do not fit half words.
    """

    scaling: ChannelScaling
    apart: NDArray[np.int64]
    settled: NDArray[np.int64]
    narrow: bool
    wide: bool


def convolution_constants(op: Conv2DOp) -> ConvolutionConstants:
    """What the kernel does to the sums of the output channels."""
    weights = centred_weights(op.filter)
    bias, multipliers = bias_and_multipliers(op, len(weights))
    layer = _Layer(
        weights.reshape(len(weights), -1),
        weights.shape[1],
        bias,
        multipliers,
        quantization_of(op.input[0]).zero_point,
        whole_shape_of(op.input[0])[CHANNELS] // weights.shape[-1],
    )
    wide = op.weight_bits.value.data == WIDE_BITS or needs_wide_weights(op)
    known = _CONSTANTS.setdefault(constant_of(op.filter), {})
    scale_bytes = (multipliers.multipliers.tobytes(), multipliers.shifts.tobytes(), bias.tobytes())
    key = (*scale_bytes, layer.input_zero_point, layer.groups, wide)
    if key not in known:
        found = None if wide else _with_half_words(layer, wide_channels(op))
        known[key] = _with_wide_weights(layer) if found is None else found
    return known[key]


class _Layer(NamedTuple):
    by_channel: Weights
    filter_height: int
    bias: NDArray[np.int32]
    multipliers: QuantizedMultipliers
    input_zero_point: int
    groups: int

    def scaling(self, negatable: NDArray[np.bool_] | bool) -> ChannelScaling:
        """That of each channel, the input zero point in the bias."""
        sums = SumRange(*accumulator_range(self.by_channel, self.bias, self.input_zero_point))
        found = channel_scaling(self.bias, self.multipliers, sums, negatable)
        sums_of_weights = np.where(found.negated, -1, 1) * self.by_channel.sum(axis=1, dtype=np.int64)
        return found._replace(bias=fold_bias(found.bias, sums_of_weights, self.input_zero_point))

    def not_narrow(self, scaling: ChannelScaling, apart: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The channels that are not narrow, if they are so few that making them apart pays; or else none."""
        others = ~scaling.narrow_channels & ~apart
        again = others.sum() * wide_output_instructions(self.filter_height, self.by_channel.shape[1])
        return others & (again < len(others) * PER_GENERAL_OUTPUT)


def _with_wide_weights(layer: _Layer) -> ConvolutionConstants:
    scaling = layer.scaling(negatable=True)
    apart = layer.not_narrow(scaling, np.zeros(len(layer.by_channel), np.bool_))
    narrow = bool((scaling.narrow_channels | apart).all())
    return ConvolutionConstants(scaling, np.flatnonzero(apart), np.empty(0, np.int64), narrow, wide=True)


def _with_half_words(layer: _Layer, beyond_int8: NDArray[np.int64]) -> ConvolutionConstants | None:
    """None where weights or sums do not fit half words."""
    apart = np.zeros(len(layer.by_channel), np.bool_)
    apart[beyond_int8] = True
    # In int8 there is no 128.
    scaling = layer.scaling(apart | (layer.by_channel > INT8_MIN).all(axis=1))
    by_channel = negate_channels(layer.by_channel, scaling.negated)
    settled, scaling = settle_large_constants(by_channel, scaling)
    apart &= ~settled
    apart |= layer.not_narrow(scaling, apart)
    base = np.where((settled | apart)[:, None], 0, by_channel).astype(np.int8)
    if not fit_half_words(base, np.where(apart, 0, scaling.bias), layer.groups):
        return None
    narrow = bool((scaling.narrow_channels | apart).all())
    return ConvolutionConstants(scaling, np.flatnonzero(apart), np.flatnonzero(settled), narrow, wide=False)


_CONSTANTS: WeakKeyDictionary[ConstantOp, dict[tuple[bytes | int, ...], ConvolutionConstants]] = WeakKeyDictionary()
"""By filter and what else they depend on: each band of a layer asks."""


def scaling_without(scaling: ChannelScaling, channels: NDArray[np.int64]) -> ChannelScaling:
    """The scaling with one for these channels that any kernel can do with."""
    bias, multipliers, shifts = scaling.bias.copy(), scaling.multipliers.copy(), scaling.shifts.copy()
    bias[channels], multipliers[channels], shifts[channels] = 0, 0, -1
    return scaling._replace(bias=bias, multipliers=multipliers, shifts=shifts)


def without_channels(by_channel: Weights, channels: NDArray[np.int64], wide: bool = False) -> Weights:
    """Weights (output channels, elements of a patch) as int8, or int16 if `wide`, zeros for these channels."""
    rest = by_channel.copy()
    rest[channels] = 0
    return rest.astype(np.int16 if wide else np.int8)


def wide_parameters(by_channel: Weights, constants: ChannelScaling, channels: NDArray[np.int64]) -> Parameters:
    """The kernel's parameters for these channels; the bias has the input zero point in it."""
    fields = [channels, constants.bias[channels], constants.multipliers[channels], constants.shifts[channels]]
    parameters: dict[str, Parameter] = {
        "wide_weights": by_channel[channels].astype(np.int16),
        "wide_constants": np.stack(fields, axis=1).astype(np.int32),
        "wide_channel_count": len(channels),
    }
    return parameters


def with_wide_channels(parameters: Parameters, weights: Weights, scaling: Scaling) -> tuple[Weights, Scaling]:
    """The weights of all channels, and their scaling: the inverse of `without_channels` and `wide_parameters`."""
    fields = int32_array(parameters, "wide_constants").reshape(-1, 4)
    channels = fields[:, 0]
    whole, arrays = weights.astype(np.int16), [array.copy() for array in scaling]
    whole[channels] = cast(NDArray[np.int16], parameters["wide_weights"]).reshape(len(channels), -1)
    for array, values in zip(arrays, fields.T[1:], strict=True):
        array[channels] = values
    return whole, (arrays[0], arrays[1], arrays[2])
