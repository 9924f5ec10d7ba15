"""Which weights go as half words, and the constants of channels whose sums would be too large for them."""

from __future__ import annotations

import numpy as np
import pytest

from tinyts_mlir.kernels.channel_scaling import ChannelScaling
from tinyts_mlir.kernels.half_words import SUM_LIMIT, fit_half_words, settle_large_constants
from tinyts_mlir.quantization import requantize


@pytest.mark.parametrize(("even", "odd", "fits"), [(-128, -1, False), (-128, 0, True), (-127, -128, True)])
def test_half_words_of_the_least_weight(even: int, odd: int, fits: bool) -> None:
    weights = np.array([[1, even], [1, odd]], np.int8)
    assert fit_half_words(weights, np.zeros(2, np.int32), 1) == fits


def test_the_last_of_an_odd_number_of_channels_stands_alone() -> None:
    weights = np.array([[-128], [3], [-128], [-1], [5], [-1]], np.int8)
    assert fit_half_words(weights, np.zeros(6, np.int32), 2)
    assert not fit_half_words(weights, np.zeros(6, np.int32), 1)


@pytest.mark.parametrize(("channel", "bias", "fits"), [(0, 0, True), (0, 1, False), (1, 1 << 30, True)])
def test_sums_of_even_channels(channel: int, bias: int, fits: bool) -> None:
    """A sum of 2**23 - 1 fits, one more does not; those of odd channels are taken as they are."""
    biases = np.zeros(2, np.int32)
    biases[0] = SUM_LIMIT - 1 - 127
    biases[channel] += bias
    assert fit_half_words(np.ones((2, 1), np.int8), biases, 1) == fits


def test_large_constants() -> None:
    """A dead channel with a huge bias keeps its value; what depends on the input, or is small, stays as it is."""
    weights = np.array([[1, 1], [100, 100], [1, -1], [2, 2]], np.int8)
    bias = np.array([1 << 28, 1 << 23, 1000, -(1 << 30)], np.int32)
    narrow = np.array([True, True, True, False])
    scaling = ChannelScaling(
        bias,
        np.array([1 << 30] * 3 + [0], np.int32),
        np.array([-22, -13, -8, -1], np.int32),
        narrow,
        np.zeros(4, np.bool_),
    )
    settled, constants = settle_large_constants(weights, scaling)
    np.testing.assert_array_equal(settled, [True, False, False, True])
    np.testing.assert_array_equal(constants.bias[1:3], bias[1:3])
    value = requantize(constants.bias, constants.multipliers, constants.shifts)
    np.testing.assert_array_equal(value[settled], requantize(bias, scaling.multipliers, scaling.shifts)[settled])
    assert np.abs(constants.bias[settled]).max() < SUM_LIMIT
    assert constants.narrow


@pytest.mark.parametrize(("multiplier", "is_settled"), [(0, True), (1 << 30, False)])
def test_sums_that_wrap_around(multiplier: int, is_settled: bool) -> None:
    """Times 0 they make one value all the same."""
    bias, nothing = np.array([-(1 << 31)], np.int32), np.zeros(1, np.bool_)
    scaling = ChannelScaling(bias, np.array([multiplier], np.int32), np.array([-1], np.int32), nothing, nothing)
    settled, constants = settle_large_constants(np.array([[1, -1]], np.int8), scaling)
    assert settled.tolist() == [is_settled]
    assert (constants.bias[0] == 0) == is_settled
