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

from tinyts_mlir.kernels.depthwise_scaling import DepthwiseScaling
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
    scaling: DepthwiseScaling


class PackedDepthwise(NamedTuple):
    """Fields of the parameter struct: `weights` (blocks, height, width, 2), `constants` (blocks, 16)."""

    weights: Int32Array
    constants: Int32Array


def pack_depthwise(constants: DepthwiseConstants) -> PackedDepthwise:
    """The constants in blocks, weights times their factors."""
    weights, scaling = constants
    index = _channels_of_blocks(weights.shape[2])
    numbers = np.stack([scaling.bias, scaling.multipliers, scaling.rights, scaling.offsets])
    blocks = numbers[:, index]  # (4, blocks, 4)
    of_channels = np.moveaxis(blocks[1:], 0, 2).reshape(len(index), -1)
    taps = (weights.astype(np.int64) * scaling.factors)[..., index]  # (height, width, blocks, 4)
    lower, upper = taps[..., _HALVES[:, 0]], taps[..., _HALVES[:, 1]]
    words = wrap_int32((lower & 0xFFFF) | upper << 16)
    return PackedDepthwise(
        np.ascontiguousarray(np.moveaxis(words, 2, 0)), np.concatenate([blocks[0], of_channels], axis=1)
    )


def unpack_depthwise(packed: PackedDepthwise, channels: int, narrow: bool) -> DepthwiseConstants:
    """What the kernel computes with: the weights have their factors in them."""
    index = _channels_of_blocks(channels)
    blocks, height, width, _ = packed.weights.shape
    halves = np.stack([packed.weights & 0xFFFF, packed.weights >> 16], axis=-1).astype(np.int16)
    taps = np.empty((blocks, height, width, BLOCK), np.int16)
    taps[..., _HALVES] = halves
    weights = np.empty((height, width, channels), np.int16)
    weights[..., index] = np.moveaxis(taps, 0, 2)
    numbers = np.empty((4, channels), np.int32)
    of_channels = packed.constants[:, BLOCK:].reshape(blocks, BLOCK, 3)
    numbers[:, index] = [packed.constants[:, :BLOCK], *np.moveaxis(of_channels, 2, 0)]
    bias, multipliers, rights, offsets = numbers
    ones = np.ones(channels, np.int32)
    return DepthwiseConstants(weights, DepthwiseScaling(ones, bias, multipliers, rights, offsets, narrow))


def _channels_of_blocks(channels: int) -> npt.NDArray[np.int64]:
    """(blocks, 4)"""
    if channels < BLOCK:
        return np.arange(lcm(channels, BLOCK)).reshape(-1, BLOCK) % channels
    first = np.minimum(np.arange(0, channels, BLOCK), channels - BLOCK)
    return first[:, None] + np.arange(BLOCK)
