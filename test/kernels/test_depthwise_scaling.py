"""Depthwise scalings in the kernel's few instructions: the reference's bytes for every sum that can occur."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tinyts_mlir.kernels.depthwise_scaling import MOST_RIGHT, depthwise_scaling, scaled_bytes
from tinyts_mlir.quantization import QuantizedMultipliers, accumulator_range, requantize, wrap_int32

MOST_SUMS = 1 << 20


def check_channel(
    weights: NDArray[np.int8] | NDArray[np.int16], bias: int, scale: tuple[int, int], zero_points: tuple[int, int]
) -> bool:
    """Checks one channel at all of its sums, or at a million with both ends; returns whether it became narrow."""
    biases = np.array([bias], np.int32)
    scales = QuantizedMultipliers(np.array([scale[0]], np.int32), np.array([scale[1]], np.int32))
    found = depthwise_scaling(weights[None], biases, scales, *zero_points)
    if not found.narrow:
        assert (found.factors[0], found.bias[0], found.multipliers[0], -found.rights[0]) == (1, bias, *scale)
        return False
    ends = [int(end[0]) for end in accumulator_range(weights[None], biases, zero_points[0])]
    count = min(ends[1] - ends[0] + 1, MOST_SUMS)
    sums = np.linspace(*ends, count).astype(np.int64) if count == MOST_SUMS else np.arange(ends[0], ends[1] + 1)
    expected = np.clip(requantize(wrap_int32(sums), *scale).astype(np.int64) + zero_points[1], -128, 127)
    factor = int(found.factors[0])
    doubled = (sums - bias) * factor + int(found.bias[0])
    assert np.abs(factor * weights.astype(np.int64)).max() <= 1 << 15
    if abs(factor) == 1:
        doubled = wrap_int32(doubled).astype(np.int64)
    assert np.abs(doubled[[0, -1]]).max() <= 1 << 31 or found.multipliers[0] == 0
    assert found.multipliers[0] >= 0
    assert 0 <= found.rights[0] <= MOST_RIGHT
    made = scaled_bytes(doubled[:, None], found.multipliers, found.rights, found.offsets)[:, 0]
    np.testing.assert_array_equal(made, expected)
    if zero_points[1] == -128:  # the kernel leaves the sign out
        without_sign = (doubled * int(found.multipliers[0]) + (1 << 31) >> 32) + int(found.offsets[0])
        np.testing.assert_array_equal(np.clip(without_sign >> int(found.rights[0]), -128, 127), expected)
    return True


WEIGHTS = np.array([127, -127, 3, 0, 64, -9, 88, -100, 1], np.int8)


@pytest.mark.parametrize("zero_point", [-128, 0, 127, 5])
@pytest.mark.parametrize("shift", [-9, -1, 0, 1, 2, 3, 4])
@pytest.mark.parametrize("multiplier", [1 << 30, (1 << 31) - 1, 1569364972, -(1 << 30), -1333333333, -(1 << 31)])
def test_multipliers_of_both_signs_and_shifts_to_both_sides(multiplier: int, shift: int, zero_point: int) -> None:
    assert check_channel(WEIGHTS, -4321, (multiplier, shift), (-3, zero_point))


@pytest.mark.parametrize("bias", [1 << 30, -(1 << 30) - 54321, (1 << 31) - 500_000, 500_000 - (1 << 31)])
@pytest.mark.parametrize("multiplier", [1569364972, -1569364972])
@pytest.mark.parametrize("shift", [-31, -26, -24])
def test_large_biases(bias: int, multiplier: int, shift: int) -> None:
    assert check_channel(WEIGHTS, bias, (multiplier, shift), (-128, 7))


@pytest.mark.parametrize("bias", [(1 << 31) - 1, -(1 << 31), (1 << 31) - 10, (1 << 31) - 4096, 54321 - (1 << 31)])
@pytest.mark.parametrize("multiplier", [1 << 30, 1569364972, -1569364972, 1 - (1 << 31)])
@pytest.mark.parametrize("shift", [-29, -27, -25, -9, -1])
@pytest.mark.parametrize("zero_point", [-128, 7])
def test_sums_that_wrap(bias: int, multiplier: int, shift: int, zero_point: int) -> None:
    assert check_channel(WEIGHTS, bias, (multiplier, shift), (-128, zero_point))
    assert check_channel(np.abs(WEIGHTS), bias, (multiplier, shift), (-128, zero_point))
    assert check_channel(np.zeros(9, np.int8), bias, (multiplier, shift), (-128, zero_point))


def test_weights_of_minus_128_are_negated_in_int16() -> None:
    assert check_channel(np.full(9, -128, np.int8), 77, (-1569364972, -9), (4, 0))
    assert check_channel(np.full(9, -128, np.int8), 77, (-1569364972, 1), (4, 0))


def test_weights_of_nine_bits() -> None:
    assert check_channel(np.array([255, -255, 128, 13], np.int16), 77, (1569364972, 0), (4, 0))


@pytest.mark.parametrize(
    ("bias", "scale"),
    [
        ((1 << 31) - 10, (1 << 30, 0)),  # sums wrap, and so do those with the zero point
        (0, (1 << 30, 30)),  # shifted sums wrap
        (0, (1 << 30, 13)),  # bytes are 50 * 2**8 apart
    ],
)
def test_stays_as_it_is(bias: int, scale: tuple[int, int]) -> None:
    assert not check_channel(WEIGHTS, bias, scale, (0, 0))


def test_random_channels() -> None:
    generator = np.random.default_rng(5)
    narrow = 0
    for _ in range(300):
        weights = generator.integers(-128, 128, generator.integers(1, 26), np.int8)
        bias = int(generator.integers(-30000, 30000))
        multiplier = int(generator.integers(1 << 30, 1 << 31)) * int(generator.choice([-1, 1]))
        zero_points = tuple(int(point) for point in generator.integers(-128, 128, 2))
        narrow += check_channel(weights, bias, (multiplier, int(generator.integers(-12, 4))), zero_points[:2])
    assert narrow == 300


def test_one_channel_that_cannot_be_narrow_keeps_all_as_they_are() -> None:
    weights = np.stack([WEIGHTS, WEIGHTS])
    scales = QuantizedMultipliers(np.array([-(1 << 30), 1 << 30], np.int32), np.array([-9, 30], np.int32))
    found = depthwise_scaling(weights, np.array([5, 6], np.int32), scales, 0, 0)
    assert not found.narrow
    assert found.factors.tolist() == [1, 1]
    assert found.multipliers.tolist() == scales.multipliers.tolist()
