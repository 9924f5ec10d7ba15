"""The constants of DEPTHWISE_CONV_2D as its kernel reads them; kernels.h says what they look like.

Channels go in blocks of four. Where the last block would have fewer, it takes in channels of the one before, so that no
load of four channels leaves a pixel; with less than four channels in all, it is filled up with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinyts_mlir.quantization import QuantizedMultipliers, accumulator_limits, wrap_int32

__all__ = ["DepthwiseConstants", "PackedDepthwise", "pack_depthwise", "unpack_depthwise"]

Int32Array = npt.NDArray[np.int32]
BLOCK = 4
GREATEST_RIGHT_SHIFT = 22
"""With the zero point shifted as far to the left, offsets stay below 2**30."""
_NARROW_LIMIT = 1 << 30
_HALVES = np.array([[0, 2], [1, 3]])
"""The channels of a block in the lower and the upper half of a tap's two words."""


@dataclass(frozen=True)
class DepthwiseConstants:
    """What a depthwise convolution computes with.

    Attributes:
        weights: (height, width, channels), int8.
        bias: (channels,), the model's own: the input zero point is not in it.
        scales: one a channel.
    """

    weights: npt.NDArray[np.int8]
    bias: Int32Array
    scales: QuantizedMultipliers


@dataclass(frozen=True)
class PackedDepthwise:
    """Fields of the parameter struct: `weights` (blocks, height, width, 2), `constants` (blocks, 16), `narrow`."""

    weights: Int32Array
    constants: Int32Array
    narrow: bool


def pack_depthwise(constants: DepthwiseConstants, input_zero_point: int, output_zero_point: int) -> PackedDepthwise:
    """The constants in blocks, doubled where the scaling is narrow."""
    channels = constants.weights.shape[2]
    flat = constants.weights.reshape(-1, channels).T
    multipliers, shifts = constants.scales
    limits = accumulator_limits(flat, constants.bias, input_zero_point)
    # Far below half a step whatever the input: the same as nothing at all.
    silent = (multipliers >= 0) & (limits * np.exp2(shifts - 31.0) * multipliers < 0.49)
    multipliers, shifts = np.where(silent, 0, multipliers), np.where(silent, -1, shifts)
    small = (limits < _NARROW_LIMIT) | (multipliers == 0)
    narrow = bool(np.all(small & (multipliers >= 0) & (shifts < 0) & (shifts >= -GREATEST_RIGHT_SHIFT)))
    factor = 2 if narrow else 1
    offsets = np.zeros(channels, np.int64)
    if narrow:
        offsets = (1 << (-shifts.astype(np.int64) - 1)) + (output_zero_point << -shifts.astype(np.int64))
    numbers = np.stack([wrap_int32(constants.bias.astype(np.int64) * factor), multipliers, -shifts, offsets])
    index = _channels_of_blocks(channels)
    blocks = _take(numbers.astype(np.int32), index)  # (4, blocks, 4)
    scaling = np.moveaxis(blocks[1:], 0, 2).reshape(len(index), -1)
    taps = _take(constants.weights.astype(np.int64) * factor, index)  # (height, width, blocks, 4)
    lower, upper = taps[..., _HALVES[:, 0]], taps[..., _HALVES[:, 1]]
    words = wrap_int32((lower & 0xFFFF) | upper << 16)
    return PackedDepthwise(
        np.ascontiguousarray(np.moveaxis(words, 2, 0)), np.concatenate([blocks[0], scaling], axis=1), narrow
    )


def unpack_depthwise(packed: PackedDepthwise, channels: int) -> DepthwiseConstants:
    """What was packed, or what comes to the same."""
    index = _channels_of_blocks(channels)
    blocks, height, width, _ = packed.weights.shape
    halves = np.stack([packed.weights & 0xFFFF, packed.weights >> 16], axis=-1).astype(np.int16)
    taps = np.empty((blocks, height, width, BLOCK), np.int16)
    taps[..., _HALVES] = halves
    factor = 2 if packed.narrow else 1
    weights = np.empty((height, width, max(channels, BLOCK)), np.int8)
    weights[..., index] = np.moveaxis(taps // factor, 0, 2)
    numbers = np.empty((4, max(channels, BLOCK)), np.int32)
    scaling = packed.constants[:, BLOCK:].reshape(blocks, BLOCK, 3)
    numbers[:, index] = [packed.constants[:, :BLOCK], *np.moveaxis(scaling, 2, 0)]
    bias, multipliers, right = numbers[:3, :channels]
    bias = bias >> 1 if packed.narrow else bias
    return DepthwiseConstants(weights[..., :channels], bias, QuantizedMultipliers(multipliers, -right))


def _channels_of_blocks(channels: int) -> npt.NDArray[np.int64]:
    """(blocks, 4)"""
    first = np.minimum(np.arange(0, channels, BLOCK), max(channels - BLOCK, 0))
    return first[:, None] + np.arange(BLOCK)


def _take(values: npt.NDArray[np.signedinteger], index: npt.NDArray[np.int64]) -> npt.NDArray[np.signedinteger]:
    """The blocks of the last axis."""
    missing = max(BLOCK - values.shape[-1], 0)
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)])[..., index]
