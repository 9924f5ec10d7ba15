"""The constants of DEPTHWISE_CONV_2D as its kernel reads them; kernels.h says what they look like.

Channels go in blocks of four. Where the last block would have fewer, it takes in channels of the one before, so that no
load of four channels leaves a pixel. Less than four channels are repeated until they fill whole blocks, as if pixels
side by side were one: a kernel may make these together.
"""

from __future__ import annotations

from math import lcm
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinyts_mlir.kernels.channel_scaling import ChannelScaling
from tinyts_mlir.quantization import wrap_int32

__all__ = ["DepthwiseConstants", "PackedDepthwise", "pack_depthwise", "unpack_depthwise"]

Int32Array = npt.NDArray[np.int32]
BLOCK = 4
_HALVES = np.array([[0, 2], [1, 3]])
"""The channels of a block in the lower and the upper half of a tap's two words."""


class DepthwiseConstants(NamedTuple):
    """What a depthwise convolution computes with: `weights` are (height, width, channels).

    The bias is the model's own: the input zero point is not in it.
    """

    weights: npt.NDArray[np.int8] | npt.NDArray[np.int16]
    scaling: ChannelScaling


class PackedDepthwise(NamedTuple):
    """Fields of the parameter struct: `weights` (blocks, height, width, 2), `constants` (blocks, 16)."""

    weights: Int32Array
    constants: Int32Array


def pack_depthwise(constants: DepthwiseConstants, output_zero_point: int) -> PackedDepthwise:
    """The constants in blocks, doubled where the scaling is narrow."""
    weights, (bias, multipliers, shifts, narrow) = constants
    channels = weights.shape[2]
    factor = 2 if narrow else 1
    offsets = np.zeros(channels, np.int64)
    if narrow:
        offsets = (1 << (-shifts.astype(np.int64) - 1)) + (output_zero_point << -shifts.astype(np.int64))
    numbers = np.stack([wrap_int32(bias.astype(np.int64) * factor), multipliers, -shifts, offsets])
    index = _channels_of_blocks(channels)
    blocks = numbers.astype(np.int32)[:, index]  # (4, blocks, 4)
    of_channels = np.moveaxis(blocks[1:], 0, 2).reshape(len(index), -1)
    taps = (weights.astype(np.int64) * factor)[..., index]  # (height, width, blocks, 4)
    lower, upper = taps[..., _HALVES[:, 0]], taps[..., _HALVES[:, 1]]
    words = wrap_int32((lower & 0xFFFF) | upper << 16)
    return PackedDepthwise(
        np.ascontiguousarray(np.moveaxis(words, 2, 0)), np.concatenate([blocks[0], of_channels], axis=1)
    )


def unpack_depthwise(packed: PackedDepthwise, channels: int, narrow: bool) -> DepthwiseConstants:
    """What was packed; of sums that a multiplier of 0 applies to perhaps another bias."""
    index = _channels_of_blocks(channels)
    blocks, height, width, _ = packed.weights.shape
    halves = np.stack([packed.weights & 0xFFFF, packed.weights >> 16], axis=-1).astype(np.int16)
    taps = np.empty((blocks, height, width, BLOCK), np.int16)
    taps[..., _HALVES] = halves
    factor = 2 if narrow else 1
    weights = np.empty((height, width, channels), np.int16)
    weights[..., index] = np.moveaxis(taps // factor, 0, 2)
    numbers = np.empty((4, channels), np.int32)
    of_channels = packed.constants[:, BLOCK:].reshape(blocks, BLOCK, 3)
    numbers[:, index] = [packed.constants[:, :BLOCK], *np.moveaxis(of_channels, 2, 0)]
    bias, multipliers, right, _ = numbers
    return DepthwiseConstants(weights, ChannelScaling(bias // factor, multipliers, -right, narrow))


def _channels_of_blocks(channels: int) -> npt.NDArray[np.int64]:
    """(blocks, 4)"""
    if channels < BLOCK:
        return np.arange(lcm(channels, BLOCK)).reshape(-1, BLOCK) % channels
    first = np.minimum(np.arange(0, channels, BLOCK), channels - BLOCK)
    return first[:, None] + np.arange(BLOCK)
