"""Depthwise constants in blocks of four channels: what is packed comes out again; which scalings are narrow."""

from __future__ import annotations

import numpy as np
import pytest

from tinyts_mlir.lowering.depthwise_packing import DepthwiseConstants, pack_depthwise, unpack_depthwise
from tinyts_mlir.quantization import QuantizedMultipliers, requantize


def constants(
    channels: int, shifts: int | tuple[int, int] = (-12, -5), bias: int = 20000, size: tuple[int, int] = (3, 2)
) -> DepthwiseConstants:
    random = np.random.default_rng(channels)
    multipliers = random.integers(1 << 30, 1 << 31, channels).astype(np.int32)
    low, high = (shifts, shifts) if isinstance(shifts, int) else shifts
    return DepthwiseConstants(
        random.integers(-128, 128, (*size, channels), np.int8),
        random.integers(-bias, bias + 1, channels, np.int32),
        QuantizedMultipliers(multipliers, random.integers(low, high + 1, channels, np.int32)),
    )


@pytest.mark.parametrize("shifts", [(-12, -5), (-3, 4)], ids=["narrow", "wide"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7, 8, 11, 16])
def test_unpacking(channels: int, shifts: tuple[int, int]) -> None:
    before = constants(channels, shifts)
    packed = pack_depthwise(before, -7, 12)
    assert packed.weights.shape == (-(-channels // 4), 3, 2, 2)
    assert packed.constants.shape == (-(-channels // 4), 16)
    after = unpack_depthwise(packed, channels)
    np.testing.assert_array_equal(after.weights, before.weights)
    np.testing.assert_array_equal(after.bias, before.bias)
    np.testing.assert_array_equal(after.scales.multipliers, before.scales.multipliers)
    np.testing.assert_array_equal(after.scales.shifts, before.scales.shifts)


def test_words() -> None:
    """Five channels: the second block is the last four."""
    weights = np.arange(1, 6, dtype=np.int8).reshape(1, 1, 5) * np.int8(-1)
    scales = QuantizedMultipliers(np.full(5, 1 << 30, np.int32), np.array([-1, -2, -3, -4, -22], np.int32))
    bias = np.array([100, 200, 300, 400, 1 << 29], np.int32)
    packed = pack_depthwise(DepthwiseConstants(weights, bias, scales), 0, -128)
    assert packed.narrow
    halves = packed.weights.view(np.int16).tolist()
    assert halves == [[[[-2, -6, -4, -8]]], [[[-4, -8, -6, -10]]]]
    assert packed.constants[1].tolist() == [400, 600, 800, 1 << 30] + [
        number for right in (2, 3, 4, 22) for number in (1 << 30, right, (1 << (right - 1)) + (-128 << right))
    ]


@pytest.mark.parametrize("shift", [0, 3, -23])
def test_wide_shifts(shift: int) -> None:
    large = constants(8, shift, bias=1 << 29)
    assert not pack_depthwise(large, 0, 0).narrow


def test_channels_that_say_nothing_do_not_make_a_scaling_wide() -> None:
    before = constants(8)
    before.scales.shifts[[1, 6]] = -31
    packed = pack_depthwise(before, -128, 0)
    assert packed.narrow
    after = unpack_depthwise(packed, 8)
    assert not requantize(np.int32(6 * 255 * 128 + 20000), *(part[[1, 6]] for part in before.scales)).any()
    assert not after.scales.multipliers[[1, 6]].any()
    np.testing.assert_array_equal(after.scales.multipliers[2:6], before.scales.multipliers[2:6])


def test_negative_multipliers_and_large_sums_are_wide() -> None:
    before = constants(4)
    negative = DepthwiseConstants(
        before.weights, before.bias, QuantizedMultipliers(-before.scales.multipliers, before.scales.shifts)
    )
    assert not pack_depthwise(negative, 0, 0).narrow
    before.bias[2] = 1 << 30
    assert not pack_depthwise(before, 0, 0).narrow
