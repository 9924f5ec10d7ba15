"""Output channels of a CONV_2D whose weights are more than int8 holds, where those of the others fit.

Weights of uint8 have one zero point for all channels, and less that they span what training needed: one channel in a
hundred goes beyond int8. The kernel makes all channels with int8 weights, which are zeros for these few, and then these
few with int16 weights (runtime/src/tinyts_conv_2d_some_wide.c). Where they are many, all weights are int16.
"""

from __future__ import annotations

from typing import cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.dialects.tinyts import ConstantOp, Conv2DOp
from tinyts_mlir.kernels.channel_scaling import ChannelScaling
from tinyts_mlir.kernels.operands import centred_weights, constant_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int32_array
from tinyts_mlir.quantization import INT8_MAX, INT8_MIN

MOST_SHARE = 16
"""Where more than one channel in so many is wide, making them again takes longer than wide weights, and much flash."""
PER_WIDE_MAC, PER_WIDE_OUTPUT = 4.0, 30.0
"""Instructions."""

Weights = NDArray[np.int8] | NDArray[np.int16]
Scaling = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""Bias, multipliers and shifts of the output channels."""

_FOUND: WeakKeyDictionary[ConstantOp, NDArray[np.int64]] = WeakKeyDictionary()
"""By filter: each band of a layer asks."""


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


def without_channels(by_channel: Weights, channels: NDArray[np.int64]) -> NDArray[np.int8]:
    """Weights (output channels, elements of a patch) as int8, zeros for these channels."""
    rest = by_channel.copy()
    rest[channels] = 0
    return rest.astype(np.int8)


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
