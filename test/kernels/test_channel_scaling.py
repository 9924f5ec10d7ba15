"""Constants for a narrow scaling: the same bytes for every sum that can occur."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tinyts_mlir.kernels.channel_scaling import LEAST_SHIFT, NARROW_LIMIT, SumRange, channel_scaling, negate_channels
from tinyts_mlir.quantization import QuantizedMultipliers, requantize


def samples(lowest: int, highest: int) -> NDArray[np.int32]:
    """Sums from a range: its ends, and some between."""
    inside = np.random.default_rng(lowest & 0xFF).integers(lowest, highest + 1, 2000)
    return np.concatenate([[lowest, highest], inside]).astype(np.int32)


def check_channel(bias: int, reach: int, multiplier: int, shift: int) -> bool:
    """Checks a channel whose sums are within `reach` of its bias; returns whether it became narrow."""
    sums = SumRange(np.array([bias - reach], np.int64), np.array([bias + reach], np.int64))
    scales = QuantizedMultipliers(np.array([multiplier], np.int32), np.array([shift], np.int32))
    found = channel_scaling(np.array([bias], np.int32), scales, sums)
    before = samples(bias - reach, bias + reach)
    sign = -1 if found.negated[0] else 1
    after = sign * (before - np.int32(bias)) + found.bias[0]
    expected = requantize(before, multiplier, shift)
    np.testing.assert_array_equal(requantize(after, int(found.multipliers[0]), int(found.shifts[0])), expected)
    if found.narrow:
        assert found.multipliers[0] >= 0
        assert LEAST_SHIFT <= found.shifts[0] < 0
        assert found.multipliers[0] == 0 or np.abs(after.astype(np.int64)).max() < NARROW_LIMIT
    return found.narrow


@pytest.mark.parametrize(
    ("bias", "reach", "multiplier", "shift"),
    [
        (5000, 30000, 1569364972, -9),  # as most channels are
        (77, 500, 0, 0),  # flushed to 0
        (1 << 29, 1 << 24, 0, 12),
        (1000, 300000, 1569364972, -27),  # scales to 0 whatever the sum is
        (1 << 29, 1 << 18, 1171292447, -26),  # a huge bias alone
        (-(1 << 29) - 12345, 1 << 20, 1171292447, -24),
        (1 << 30, 0, 1569364972, -26),  # a constant that is too large
        (5000, 30000, -1569364972, -9),  # of the other sign
        (-77, 30000, -(1 << 30), -1),
        (-(1 << 29) - 12345, 1 << 20, -1171292447, -24),  # and dead
        (-(1 << 31), 0, 1 << 30, -27),
    ],
)
def test_becomes_narrow(bias: int, reach: int, multiplier: int, shift: int) -> None:
    assert check_channel(bias, reach, multiplier, shift)


@pytest.mark.parametrize(
    ("bias", "reach", "multiplier", "shift"),
    [
        (0, 30000, 1 << 30, 0),  # a shift to the left
        (0, 30000, -(1 << 31), -9),  # 2**31 is no multiplier
        (1 << 30, 30000, 1 << 30, -24),  # sums too large, and not constant
        ((1 << 31) - 1, 10, 1 << 30, -24),  # overflows
        (2, 2, 1 << 30, 30),  # the shifted sum overflows: 0 and 4 scale to 0, 2 does not
    ],
)
def test_stays_as_it_is(bias: int, reach: int, multiplier: int, shift: int) -> None:
    sums = SumRange(np.array([bias - reach], np.int64), np.array([bias + reach], np.int64))
    scales = QuantizedMultipliers(np.array([multiplier], np.int32), np.array([shift], np.int32))
    found = channel_scaling(np.array([bias], np.int32), scales, sums)
    assert (found.bias[0], found.multipliers[0], found.shifts[0]) == (bias, multiplier, shift)
    assert not found.narrow


def test_random_dead_channels() -> None:
    generator = np.random.default_rng(7)
    narrow = 0
    for _ in range(400):
        shift = int(generator.integers(-31, -18))
        bias = int(generator.integers(-(1 << 30), 1 << 30))
        reach = int(generator.integers(0, 1 << int(generator.integers(1, 28))))
        narrow += check_channel(bias, reach, int(generator.integers(1 << 30, 1 << 31)), shift)
    assert narrow > 200


@pytest.mark.parametrize("multiplier", [1 << 30, (1 << 31) - 1, 1569364972])
@pytest.mark.parametrize("shift", [-22, -9, -1])
def test_a_negative_multiplier_is_a_positive_one_of_negated_sums(multiplier: int, shift: int) -> None:
    """At the ends of what is narrow, at ties of both roundings, and at random."""
    ties = np.arange(-1024, 1025) << 1
    ends = np.array([NARROW_LIMIT - 1, 1 - NARROW_LIMIT])
    random = np.random.default_rng(shift & 0xFF).integers(1 - NARROW_LIMIT, NARROW_LIMIT, 100_000)
    sums = np.concatenate([ties, ties + 1, ends, random]).astype(np.int32)
    np.testing.assert_array_equal(requantize(-sums, multiplier, shift), requantize(sums, -multiplier, shift))


def test_what_cannot_be_negated_stays() -> None:
    scales = QuantizedMultipliers(np.array([-(1 << 30)] * 2, np.int32), np.array([-9] * 2, np.int32))
    sums = SumRange(np.array([-10, -10]), np.array([10, 10]))
    found = channel_scaling(np.array([3, 3], np.int32), scales, sums, np.array([True, False]))
    assert found.narrow_channels.tolist() == found.negated.tolist() == [True, False]
    assert found.bias.tolist() == [-3, 3]
    assert found.multipliers.tolist() == [1 << 30, -(1 << 30)]
    weights = np.array([[-127, 5], [-128, 7]], np.int8)
    assert negate_channels(weights, found.negated).tolist() == [[127, -5], [-128, 7]]


def test_the_least_weight_is_negated() -> None:
    """It is no int8 then; where weights are int16 that is no harm."""
    weights = np.array([[-128, 1], [-128, 2]], np.int8)
    assert negate_channels(weights, np.array([True, False])).tolist() == [[128, -1], [-128, 2]]
