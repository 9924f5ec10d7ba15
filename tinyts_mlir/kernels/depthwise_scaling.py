"""How a depthwise convolution gets bytes from sums, when all of its channels do it in few instructions.

    byte = SSAT8((round(doubled sum * multiplier / 2**32) + offset - (doubled sum < 0)) >> right)

The doubled sum is that of weights times a factor of the channel, plus a bias. Narrow channels (channel_scaling.py) have
a factor of 2 or -2. For the others, mostly those whose shift is to the left, constants are searched: greater factors,
for which int16 weights have room, a bias with which no sum is negative, and an offset that takes back what that
adds. For a given bias, each step from one byte to the next bounds the offset from both sides: where an offset is within
all bounds, the bytes are the same for all sums, as both ways never fall when the sum grows. Sums that may wrap around
are in depthwise_wrapping.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.kernels.channel_scaling import LEAST_SHIFT, NARROW_LIMIT, channel_scaling
from tinyts_mlir.kernels.depthwise_wrapping import wrapping_scale
from tinyts_mlir.kernels.reachable_sums import SumRange
from tinyts_mlir.quantization import (
    INT8_MAX,
    INT8_MIN,
    INT32_MAX,
    QuantizedMultipliers,
    accumulator_range,
    requantize,
    wrap_int32,
)

MOST_RIGHT = -LEAST_SHIFT
MOST_WEIGHT = (1 << 15) - 1
MOST_ADDED = 1 << 12
"""What a bias is tried with on top, in units of half the factor: it moves all steps by fractions of an offset."""
_TRIED_AT_ONCE = 1 << 6

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]


class DepthwiseScaling(NamedTuple):
    """One element a channel.

    Attributes:
        factors: of the weights.
        bias: of the doubled sums, or, if not narrow, of the sums.
        multipliers, rights: of the scaling; if not narrow, a negative right is a shift to the left.
        offsets: see above; 0 if not narrow.
        narrow: whether all channels are scaled so. Otherwise all are as the model has them, with factors of 1.
    """

    factors: Int32Array
    bias: Int32Array
    multipliers: Int32Array
    rights: Int32Array
    offsets: Int32Array
    narrow: bool


class NarrowConstants(NamedTuple):
    """What is in a `DepthwiseScaling` of one channel."""

    factor: int
    bias: int
    multiplier: int
    right: int
    offset: int


def depthwise_scaling(
    by_channel: NDArray[np.int8] | NDArray[np.int16],
    bias: Int32Array,
    scales: QuantizedMultipliers,
    input_zero_point: int,
    output_zero_point: int,
) -> DepthwiseScaling:
    """The scaling for weights of shape (channels, taps)."""
    sums = SumRange(*accumulator_range(by_channel, bias, input_zero_point))
    common = channel_scaling(bias, scales, sums)
    rights = -common.shifts.astype(np.int64)
    factors = np.where(common.negated, -2, 2)
    doubled = wrap_int32(2 * common.bias.astype(np.int64))
    known_rights = np.maximum(rights, 1)
    offsets = (1 << (known_rights - 1)) + (output_zero_point << known_rights)
    numbers = np.stack([factors, doubled, common.multipliers, rights, offsets])
    for channel in np.flatnonzero(~common.narrow_channels):
        found = narrow_constants(
            by_channel[channel],
            int(bias[channel]),
            (int(scales.multipliers[channel]), int(scales.shifts[channel])),
            (int(sums.lowest[channel]), int(sums.highest[channel])),
            output_zero_point,
        )
        if found is None:
            ones, nothing = np.ones(len(bias), np.int32), np.zeros(len(bias), np.int32)
            shifts = scales.shifts.astype(np.int32)
            return DepthwiseScaling(ones, bias, scales.multipliers, -shifts, nothing, narrow=False)
        numbers[:, channel] = found
    factors, doubled, chosen, rights, offsets = numbers.astype(np.int32)
    return DepthwiseScaling(factors, doubled, chosen, rights, offsets, narrow=True)


def scaled_bytes(
    doubled_sums: NDArray[np.int64], multipliers: Int32Array, rights: Int32Array, offsets: Int32Array
) -> NDArray[np.int8]:
    """What the kernel makes of doubled sums (..., channels)."""
    high = (doubled_sums * multipliers + (1 << 31)) >> 32
    scaled = (high + offsets - (doubled_sums < 0)) >> rights
    return np.clip(scaled, INT8_MIN, INT8_MAX).astype(np.int8)


def narrow_constants(
    weights: NDArray[np.int8] | NDArray[np.int16],
    bias: int,
    scale: tuple[int, int],
    sums: tuple[int, int],
    zero_point: int,
) -> NarrowConstants | None:
    """Constants to the same bytes for all sums, which are those of the weights and the bias; None where none are found.

    `scale` is the multiplier and its shift, `sums` the least and the greatest sum.
    """
    sign = -1 if scale[0] < 0 else 1
    multiplier, shift = sign * scale[0], scale[1]
    lowest, highest = sorted(sign * end for end in sums)
    left = max(shift, 0)
    if max(-lowest, highest) << left > INT32_MAX + INT8_MIN:
        # Bytes do not grow with the sum: it may wrap, or the zero point make it wrap.
        found = wrapping_scale(scale, sums, zero_point)
        if found is None:
            return None
        factor, own_bias = (-1, ~bias) if found.negated else (1, bias)
        return NarrowConstants(factor, own_bias, found.multiplier, found.right, found.offset)
    steps = _steps(multiplier, shift, (lowest, highest), zero_point)
    if len(steps.bytes) == 0:
        return NarrowConstants(2, 0, 0, 1, 2 * steps.lowest_byte + 1)  # whatever the sign
    greatest = max(int(np.abs(weights.astype(np.int64)).max(initial=0)), 1)
    for doublings in _doublings(greatest):
        right = doublings - shift
        halvings = max(right - MOST_RIGHT, multiplier >> 31)  # 2**31 itself is one more than a multiplier holds
        if not halvings <= min(right, 31):
            continue
        for base in (lowest, 0):
            if max(highest - base, base - lowest) + (MOST_ADDED >> doublings) >= NARROW_LIMIT >> doublings:
                continue
            candidate = _Candidate(base, doublings, multiplier >> halvings, right - halvings)
            found = _find_offset(steps, candidate, zero_point != INT8_MIN)
            if found is None:
                continue
            added, offset = found
            whole_bias = 2 * (((sign * bias - base) << doublings) + added)
            if abs(whole_bias) <= INT32_MAX:
                return NarrowConstants(
                    sign << (doublings + 1), whole_bias, candidate.multiplier, candidate.right, offset
                )
    return None


class _Candidate(NamedTuple):
    """Sums less `base`, doubled so often, and once more, times the multiplier."""

    base: int
    doublings: int
    multiplier: int
    right: int


class _Steps(NamedTuple):
    """The sums at which bytes become greater: `sums` is the least one that gives `bytes` or more."""

    bytes: Int64Array
    sums: Int64Array
    lowest_byte: int


def _steps(multiplier: int, shift: int, ends: tuple[int, int], zero_point: int) -> _Steps:
    def byte(sums: Int64Array) -> Int64Array:
        return np.clip(requantize(sums, multiplier, shift).astype(np.int64) + zero_point, INT8_MIN, INT8_MAX)

    bottom, top = (int(byte(np.array([end]))[0]) for end in ends)
    values = np.arange(bottom + 1, top + 1)
    below, above = np.full(len(values), ends[0]), np.full(len(values), ends[1])
    while (above - below > 1).any():
        middle = (below + above) >> 1
        reached = byte(middle) >= values
        above, below = np.where(reached, middle, above), np.where(reached, below, middle)
    return _Steps(values, above, bottom)


def _doublings(greatest: int) -> Iterator[int]:
    """How often weights can be doubled once they are doubled, the most first."""
    for doublings in range(14, -1, -1):
        if greatest << (doublings + 1) <= MOST_WEIGHT:
            yield doublings


def _find_offset(steps: _Steps, candidate: _Candidate, with_sign: bool) -> tuple[int, int] | None:
    """What to add to the bias, and an offset within the bounds that all steps set; None where there is none.

    Without a sign the offset has to do whether or not it is subtracted.
    """
    base, doublings, multiplier, right = candidate
    for first in range(0, MOST_ADDED, _TRIED_AT_ONCE):
        added = np.arange(first, first + _TRIED_AT_ONCE)[:, None]

        def high(sums: Int64Array, with_sign: bool, added: Int64Array = added) -> Int64Array:
            doubled = 2 * (((sums - base) << doublings) + added)
            return ((doubled * multiplier + (1 << 31)) >> 32) - (doubled < 0) * with_sign

        least = ((steps.bytes << right) - high(steps.sums, with_sign=True)).max(axis=1)
        most = ((steps.bytes << right) - 1 - high(steps.sums - 1, with_sign)).min(axis=1)
        fits = (least <= most) & (np.abs(least) < NARROW_LIMIT)
        if fits.any():
            place = int(np.argmax(fits))
            return int(added[place, 0]), int(least[place])
    return None
