"""Constants of output channels with which convolutions scale their sums in few instructions, to the same bytes.

A scaling is *narrow* (runtime/include/tinyts/tinyts_kernels.h) when no sum that a multiplier other than 0 applies to reaches
2**30 in magnitude, no multiplier is negative, and shifts are -1 or less, but not less than a kernel can do with. Nearly
all channels are so as they come. The others are those that training left for dead: their weights' scale is tiny, so
that every sum scales to 0, or to what a huge bias alone gives. For them there are other constants to the same bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.quantization import INT32_MAX, INT32_MIN, QuantizedMultipliers, requantize

NARROW_LIMIT = 1 << 30
MOST_STEPS = 16
"""Channels whose outputs take more values than this are not dead, and are left as they are."""


class SumRange(NamedTuple):
    """The least and the greatest sum of each output channel, as if nothing could overflow."""

    lowest: NDArray[np.int64]
    highest: NDArray[np.int64]


class ChannelScaling(NamedTuple):
    """What a convolution does to the sums of its output channels, one element each."""

    bias: NDArray[np.int32]
    multipliers: NDArray[np.int32]
    shifts: NDArray[np.int32]
    narrow: bool


def channel_scaling(
    bias: NDArray[np.int32], scales: QuantizedMultipliers, sums: SumRange, least_shift: int
) -> ChannelScaling:
    """The constants of each channel, narrow where they can be; `sums` are with the bias."""
    bias, multipliers, shifts = bias.copy(), scales.multipliers.copy(), scales.shifts.astype(np.int32)
    small = (sums.lowest > -NARROW_LIMIT) & (sums.highest < NARROW_LIMIT) | (multipliers == 0)
    narrow = small & (multipliers >= 0) & (shifts < 0) & (shifts >= least_shift)
    for channel in np.flatnonzero(~narrow):
        scale = _Scale(int(multipliers[channel]), int(shifts[channel]))
        found = _narrow_constants(scale, int(sums.lowest[channel]), int(sums.highest[channel]), least_shift)
        if found is not None:
            (multipliers[channel], shifts[channel]), halvings = found
            bias[channel] >>= halvings
            narrow[channel] = True
    return ChannelScaling(bias, multipliers, shifts, bool(narrow.all()))


class _Scale(NamedTuple):
    multiplier: int
    shift: int

    def __call__(self, sum: int) -> int:
        return int(requantize(np.array([sum], np.int32), self.multiplier, self.shift)[0])


def _narrow_constants(scale: _Scale, lowest: int, highest: int, least_shift: int) -> tuple[_Scale, int] | None:
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
        if not least_shift <= shift < 0:
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
