"""Constants of output channels with which convolutions scale their sums in few instructions, to the same bytes.

A scaling is *narrow* (tinyts_kernels.h) when no sum that a multiplier other than 0 applies to reaches
2**30 in magnitude, no multiplier is negative, and shifts are -1 or less, but not below -22. Nearly
all channels are so as they come. A negative multiplier times a sum is a positive one times the sum of negated weights
and bias: the same product, so the same two roundings. Most others are those that training left for dead: their weights'
scale is tiny, so that every sum scales to 0, or to what a huge bias alone gives. For them there are other constants to
the same bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.kernels.reachable_sums import SumRange
from tinyts_mlir.quantization import INT32_MAX, INT32_MIN, QuantizedMultipliers, requantize

NARROW_LIMIT = 1 << 30
LEAST_SHIFT = -22
"""Below it the zero point's share of a scaled sum would not fit 32 bits."""
MOST_STEPS = 16
"""Channels whose outputs take more values than this are not dead, and are left as they are."""


class ChannelScaling(NamedTuple):
    """What a convolution does to the sums of its output channels, one element each.

    Attributes:
        bias: of negated channels the negative of the model's.
        multipliers, shifts: of negated channels those for sums of negated weights.
        narrow_channels: which are narrow; the constants of the others are the model's own.
        negated: whose weights are to be negated.
    """

    bias: NDArray[np.int32]
    multipliers: NDArray[np.int32]
    shifts: NDArray[np.int32]
    narrow_channels: NDArray[np.bool_]
    negated: NDArray[np.bool_]

    @property
    def narrow(self) -> bool:
        """Whether all channels are."""
        return bool(self.narrow_channels.all())


def channel_scaling(
    bias: NDArray[np.int32],
    scales: QuantizedMultipliers,
    sums: SumRange,
    negatable: NDArray[np.bool_] | bool = True,
) -> ChannelScaling:
    """The constants of each channel, narrow where they can be; `sums` are with the bias, `negatable` whose weights
    can be negated."""
    bias, multipliers, shifts = bias.copy(), scales.multipliers.copy(), scales.shifts.astype(np.int32)
    negated = (multipliers < 0) & (multipliers > INT32_MIN) & (bias > INT32_MIN) & negatable
    lowest, highest = np.where(negated, -sums.highest, sums.lowest), np.where(negated, -sums.lowest, sums.highest)
    bias[negated], multipliers[negated] = -bias[negated], -multipliers[negated]
    small = (lowest > -NARROW_LIMIT) & (highest < NARROW_LIMIT) | (multipliers == 0)
    narrow = small & (multipliers >= 0) & (shifts < 0) & (shifts >= LEAST_SHIFT)
    for channel in np.flatnonzero(~narrow):
        scale = _Scale(int(multipliers[channel]), int(shifts[channel]))
        found = _narrow_constants(scale, int(lowest[channel]), int(highest[channel]))
        if found is not None:
            (multipliers[channel], shifts[channel]), halvings = found
            bias[channel] >>= halvings
            narrow[channel] = True
    as_it_is = negated & ~narrow
    bias[as_it_is], multipliers[as_it_is] = -bias[as_it_is], -multipliers[as_it_is]
    return ChannelScaling(bias, multipliers, shifts, narrow, negated & narrow)


def negate_channels(
    by_channel: NDArray[np.int8] | NDArray[np.int16], negated: NDArray[np.bool_]
) -> NDArray[np.int8] | NDArray[np.int16]:
    """Weights (output channels, the rest) with those of some channels negated: then int16, as -128 may be there."""
    if not negated.any():
        return by_channel
    wide = by_channel.astype(np.int16)
    return np.where(negated[:, None], -wide, wide)


class _Scale(NamedTuple):
    multiplier: int
    shift: int

    def __call__(self, sum: int) -> int:
        return int(requantize(np.array([sum], np.int32), self.multiplier, self.shift)[0])


def _narrow_constants(scale: _Scale, lowest: int, highest: int) -> tuple[_Scale, int] | None:
    """A narrow scale that gives the same for all sums, and how often the bias is to be halved for it."""
    if scale.multiplier == 0:
        return _Scale(0, -1), 0
    left = max(scale.shift, 0)
    if scale.multiplier < 0 or lowest << left < INT32_MIN or highest << left > INT32_MAX:
        return None  # outputs do not grow with the sum
    if scale(lowest) == scale(highest) == 0:
        return _Scale(0, -1), 0
    for halvings in range(1, 31):
        shift = scale.shift + halvings
        if not LEAST_SHIFT <= shift < 0:
            continue
        if lowest == highest and abs(lowest >> halvings) < NARROW_LIMIT:
            candidate = _Scale(scale.multiplier, shift)
            if candidate(lowest >> halvings) == scale(lowest):
                return candidate, halvings
        if lowest > -NARROW_LIMIT and highest < NARROW_LIMIT:
            candidate = _Scale(scale.multiplier >> halvings, shift)
            if _same_outputs(scale, candidate, lowest, highest):
                return candidate, 0
    return None


def _same_outputs(first: _Scale, second: _Scale, lowest: int, highest: int) -> bool:
    """Whether two scales give the same for every sum: as both grow with it, the same steps at the same sums."""
    bottom, top = first(lowest), first(highest)
    if (second(lowest), second(highest)) != (bottom, top) or top - bottom > MOST_STEPS:
        return False
    sums = range(lowest, highest + 1)
    return all(
        bisect_left(sums, value, key=first) == bisect_left(sums, value, key=second)
        for value in range(bottom + 1, top + 1)
    )
