"""Arithmetic against literal Python-integer models of the reference's formulas."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tinyts_mlir.quantization import (
    Activation,
    accumulator_limits,
    activation_range,
    add_parameters,
    convolution_multipliers,
    fold_bias,
    fully_connected_multipliers,
    fully_connected_scales,
    leaky_relu_table,
    mean_multiplier,
    quantize,
    quantize_multiplier,
    requantization_table,
    requantize,
    requantize_finely,
    requantize_once,
    requantize_real,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
    softmax_parameters,
    wrap_int32,
)

int32 = st.integers(-(1 << 31), (1 << 31) - 1)
zero_points = st.integers(-128, 127)
scales = st.floats(2.0**-20, 2.0**10, width=32)


def wrap(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def truncated(numerator: int, denominator: int) -> int:
    """C's division."""
    quotient = abs(numerator) // denominator
    return -quotient if numerator < 0 else quotient


def half_away(value: Fraction) -> int:
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return -magnitude if value < 0 else magnitude


def slow_high_multiply(a: int, b: int) -> int:
    if a == b == -(1 << 31):
        return (1 << 31) - 1
    return truncated(a * b + ((1 << 30) if a * b >= 0 else 1 - (1 << 30)), 1 << 31)


def slow_divide(value: int, exponent: int) -> int:
    remainder = value & ((1 << exponent) - 1)
    threshold = (((1 << exponent) - 1) >> 1) + (1 if value < 0 else 0)
    return (value >> exponent) + (1 if remainder > threshold else 0)


def slow_requantize(value: int, multiplier: int, shift: int) -> int:
    high = slow_high_multiply(wrap(value << max(shift, 0)), multiplier)
    return slow_divide(high, max(-shift, 0))


@pytest.mark.parametrize(
    ("real", "multiplier", "shift"),
    [
        (0.0, 0, 0),
        (-0.0, 0, 0),
        (1.0, 1 << 30, 1),
        (0.5, 1 << 30, 0),
        (-0.5, -(1 << 30), 0),
        (0.75, 3 << 29, 0),
        (1.0 - 2.0**-40, 1 << 30, 1),  # rounds up to 2**31, which is halved
        (-1.0 + 2.0**-40, -(1 << 31), 0),  # rounds to -2**31, which fits
        (2.0**-32, 1 << 30, -31),
        (math.nextafter(2.0**-32, 0), 1 << 30, -31),  # rounds up before it would be flushed,
        (2.0**-33, 0, 0),
        (-(2.0**-33), 0, 0),
        (2.0**40, 1 << 30, 41),
    ],
)
def test_quantize_multiplier(real: float, multiplier: int, shift: int):
    assert quantize_multiplier(real) == (multiplier, shift)


@pytest.mark.parametrize("real", [math.inf, -math.inf, math.nan])
def test_quantize_multiplier_rejects_what_is_not_finite(real: float):
    with pytest.raises(ValueError, match="finite"):
        quantize_multiplier(real)


@given(st.floats(2.0**-31, 2.0**31))
def test_quantize_multiplier_is_within_half_a_unit(real: float):
    multiplier, shift = quantize_multiplier(real)
    assert 1 << 30 <= multiplier < 1 << 31
    assert abs(Fraction(multiplier) * Fraction(2) ** (shift - 31) - Fraction(real)) <= Fraction(2) ** (shift - 32)


@given(int32, int32)
@example(-(1 << 31), -(1 << 31))
@example(-(1 << 30), 1)
@example(1 << 30, 1)
def test_high_multiply(a: int, b: int):
    assert saturating_rounding_doubling_high_multiply(a, b) == slow_high_multiply(a, b)


@given(int32, st.integers(0, 31))
@example(-1, 1)
@example(1, 1)
@example(-(1 << 31), 31)
def test_divide(value: int, exponent: int):
    assert rounding_divide_by_power_of_two(value, exponent) == slow_divide(value, exponent)


@given(int32, int32, st.integers(-31, 31))
def test_requantize(value: int, multiplier: int, shift: int):
    assert requantize(value, multiplier, shift) == slow_requantize(value, multiplier, shift)


def test_requantize_broadcasts_and_rounds_twice():
    accumulators = np.array([[3, -3], [5, -5]], np.int32)
    result = requantize(accumulators, np.array([1 << 30, 1 << 30]), np.array([0, -1]))
    assert result.dtype == np.int32
    # 3/2 -> 2, -3/4 -> -1 (its half, -3/2, was rounded to -1 before), 5/2 -> 3, -5/4 -> -2 / 2 -> -1
    assert result.tolist() == [[2, -1], [3, -1]]


@given(int32, st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-31, -1))
def test_requantize_once(value: int, multiplier: int, shift: int):
    assert requantize_once(value, multiplier, shift) == half_away(Fraction(value * multiplier, 1 << (31 - shift)))


def test_requantize_real_rounds_in_double_precision():
    assert requantize_real(np.array([1, 2, 3, -1, -3], np.int32), 0.5).tolist() == [1, 1, 2, -1, -2]
    # 3 * (1/6) is below a half, but not in doubles: the nearest 31-bit multiplier would give 0.
    sixth = 1.0 / 6.0
    assert requantize_real(3, sixth) == 1
    assert requantize_once(3, *quantize_multiplier(sixth)) == 0
    assert requantize_real(np.array([1 << 30, -(1 << 30)]), 4.0).tolist() == [-(1 << 31)] * 2


def test_wrap():
    values = np.array([1 << 31, -(1 << 31) - 1, 5, (1 << 40) + 7], np.int64)
    assert wrap_int32(values).tolist() == [-(1 << 31), (1 << 31) - 1, 5, 7]


# --- activations


@pytest.mark.parametrize(
    ("activation", "scale", "zero_point", "expected"),
    [
        (Activation.NONE, 0.1, 3, (-128, 127)),
        (Activation.RELU, 0.1, -128, (-128, 127)),
        (Activation.RELU, 0.1, 5, (5, 127)),
        (Activation.RELU6, 0.1, -128, (-128, -68)),
        (Activation.RELU6, 0.023529412, -128, (-128, 127)),
        (Activation.RELU6, 0.001, 0, (0, 127)),
        (Activation.RELU_N1_TO_1, 0.1, 0, (-10, 10)),
        (Activation.RELU_N1_TO_1, 2.0, 0, (-1, 1)),  # halves away from zero
        (Activation.RELU_N1_TO_1, 0.001, 100, (-128, 127)),
        (Activation.NONE, 0.0, 0, (-128, 127)),
    ],
)
def test_activation_range(activation: Activation, scale: float, zero_point: int, expected: tuple[int, int]):
    assert activation_range(activation, float(np.float32(scale)), zero_point) == expected


def test_activation_range_divides_in_single_precision():
    scale = 0.21052631735801697
    assert 6.0 / scale < 28.5
    assert activation_range(Activation.RELU6, scale, 0) == (0, 29)


@pytest.mark.parametrize("activation", [Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1])
def test_activation_range_rejects_a_scale_of_zero(activation: Activation):
    with pytest.raises(ValueError, match="out of range"):
        activation_range(activation, 0.0, 0)


# --- convolutions and fully connected layers


def test_convolution_multipliers():
    multipliers, shifts = convolution_multipliers(0.5, [0.5, -0.25, 0.0], 0.125)
    assert multipliers.tolist() == [1 << 30, -(1 << 30), 0]
    assert shifts.tolist() == [2, 1, 0]


@pytest.mark.parametrize("output_scale", [0.0, 2.0**-40])
def test_convolution_multipliers_reject_what_is_undefined(output_scale: float):
    with pytest.raises(ValueError, match=r"scale|multiplier"):
        convolution_multipliers(1.0, [1.0], output_scale)


@given(st.lists(int32, min_size=1, max_size=4), st.integers(-(1 << 24), 1 << 24), zero_points)
def test_fold_bias(bias: list[int], weight_sum: int, zero_point: int):
    folded = fold_bias(np.array(bias, np.int32), np.full(len(bias), weight_sum), zero_point)
    assert folded.tolist() == [wrap(value - zero_point * weight_sum) for value in bias]


def test_fold_bias_without_one():
    assert fold_bias(None, np.array([3, -4]), -2).tolist() == [6, -8]


def test_accumulator_limits():
    weights = np.array([[1, -2], [0, 0], [127, 127]], np.int8)
    bias = np.array([10, -7, (1 << 31) - 5], np.int32)
    # inputs are -129..126 after the zero point of 1
    assert accumulator_limits(weights, None, 1).tolist() == [126 + 258, 0, 129 * 254]
    assert accumulator_limits(weights, bias, 1).tolist() == [126 + 258 + 10, 7, 1 << 31]


@given(scales, scales, scales, st.integers(1, 1 << 22), st.data())
def test_fully_connected_multipliers_are_exact(a: float, b: float, c: float, limit: int, data: st.DataObject):
    (scale,) = fully_connected_scales(a, [b], c)
    assume(scale * limit < 1 << 29)
    multipliers = fully_connected_multipliers(np.array([scale]), limit)
    # Where a result changes is where the two might differ.
    results = np.arange(1, 257)
    edges = np.minimum((results - 0.5) / scale, limit).astype(np.int64)
    near = (edges[:, None] + np.arange(-2, 3)).ravel()
    others = np.array(data.draw(st.lists(st.integers(-limit, limit), max_size=20)), np.int64)
    accumulators = np.concatenate([near, -near, others])
    accumulators = accumulators[abs(accumulators) <= limit]
    exact = np.clip(requantize_real(accumulators, scale), -256, 256)
    assert np.clip(requantize_finely(accumulators, multipliers), -256, 256).tolist() == exact.tolist()


def test_fully_connected_multipliers_make_up_for_double_rounding():
    multiplier, shift, _ = fully_connected_multipliers(np.array([1 / 6, -1 / 6]), 1000)
    assert requantize_once(3, multiplier, shift).tolist() == [1, -1]
    assert requantize_once(-3, multiplier, shift).tolist() == [-1, 1]


def test_fully_connected_multipliers_of_nothing():
    assert fully_connected_multipliers(np.array([0.0, 0.25]), np.array([5, 0])).multipliers.tolist() == [0, 0]


@pytest.mark.parametrize("scale", [0.7 * 2.0**-18, 3.170845813543641e-05, -3.170845813543641e-05])
def test_fully_connected_multipliers_that_are_doubles(scale: float):
    """There are none of 31 bits, as some results are first reached too near to where a product is a half."""
    multipliers = fully_connected_multipliers(np.array([scale]), 1 << 31)
    assert multipliers.lows is not None
    high, shift, low = (int(values[0]) for values in multipliers)  # pyright: ignore
    assert Fraction(abs(high) * (1 << 32) + low) / (Fraction(2) ** (63 - shift)) == Fraction(abs(scale))
    accumulators = np.arange(-1000, 1000)
    assert requantize_finely(accumulators, multipliers).tolist() == requantize_real(accumulators, scale).tolist()


def test_fully_connected_multipliers_that_do_not_exist():
    with pytest.raises(ValueError, match="out of range"):
        fully_connected_multipliers(np.array([1.0]), 1 << 31)


# --- the others


def test_add_parameters():
    parameters = add_parameters((0.5, 0.25), (1, 2), 1.0, 3, (-5, 6))
    assert parameters.multipliers == (1 << 30, 1 << 30)
    assert parameters.shifts == (0, -1)
    assert (parameters.output_multiplier, parameters.output_shift) == (1 << 30, -19)
    assert parameters.left_shift == 20
    assert parameters.input_zero_points == (1, 2)
    assert parameters.output_zero_point == 3
    assert (parameters.output_minimum, parameters.output_maximum) == (-5, 6)


@pytest.mark.parametrize("input_scales", [(0.0, 1.0), (-1.0, 1.0), (1.0, 1.0)])
def test_add_parameters_reject_what_the_reference_aborts_on(input_scales: tuple[float, float]):
    with pytest.raises(ValueError, match="addition"):
        add_parameters(input_scales, (0, 0), 2.0**-19, 0)


@pytest.mark.parametrize(
    ("input_scale", "output_scale", "count", "multiplier", "shift"),
    [
        (1.0, 1.0, 1, 1 << 30, 1),
        (1.0, 1.0, 4, 1 << 30, -1),
        (0.5, 1.0, 3, ((1 << 30) * 2) // 3, -1),  # towards zero, and less than 2**30
        (-0.5, 1.0, 3, -(((1 << 30) * 2) // 3), -1),
        (0.75, 1.0, 49, (3 << 29) * 32 // 49, -5),
        (1.0, 2.0**30, 7, (1 << 30) * 4 // 7, -31),
        (1.0, 2.0**31, 7, (1 << 30) * 2 // 7, -31),  # less of the count fits the shift
        (1.0, 2.0**32, 7, (1 << 30) // 7, -31),
        (1.0, 2.0**34, 7, 0, -2),
        (0.0, 1.0, 2, 0, -1),
    ],
)
def test_mean_multiplier(input_scale: float, output_scale: float, count: int, multiplier: int, shift: int):
    assert mean_multiplier(input_scale, output_scale, count) == (multiplier, shift)


@pytest.mark.parametrize(
    ("input_scale", "output_scale", "count"), [(1.0, 0.0, 4), (2.0**33, 1.0, 1), (1.0, 1.0, (1 << 23) + 1)]
)
def test_mean_multiplier_rejects_what_is_undefined(input_scale: float, output_scale: float, count: int):
    with pytest.raises(ValueError, match=r"scale|multiplier|32 bits"):
        mean_multiplier(input_scale, output_scale, count)


def test_softmax_parameters():
    parameters = softmax_parameters(1.0, 2.0**-4)
    # 2**-4 * 2**26 = 2**22 = 2**30 * 2**(23 - 31)
    assert (parameters.input_multiplier, parameters.input_left_shift) == (1 << 30, 23)
    assert parameters.difference_minimum == -(31 << 26 >> 23)


def test_softmax_parameters_saturate():
    parameters = softmax_parameters(1e10, 1e10)
    assert (parameters.input_multiplier, parameters.input_left_shift) == ((1 << 31) - 1, 31)
    assert parameters.difference_minimum == 0


@pytest.mark.parametrize("beta", [0.0, -1.0, 2.0**-26])
def test_softmax_parameters_reject_what_the_reference_aborts_on(beta: float):
    with pytest.raises(ValueError, match="softmax"):
        softmax_parameters(beta, 1.0)


@given(st.floats(-2, 2, width=32), scales, zero_points, scales, zero_points)
def test_leaky_relu_table(alpha: float, input_scale: float, input_zero: int, output_scale: float, output_zero: int):
    table = leaky_relu_table(alpha, input_scale, input_zero, output_scale, output_zero)
    identity = quantize_multiplier(float(np.float32(input_scale) / np.float32(output_scale)))
    slope = quantize_multiplier(float(np.float32(input_scale) * np.float32(alpha) / np.float32(output_scale)))
    for x in range(-128, 128):
        value = x - input_zero
        if value >= 0:
            scaled = slow_requantize(value, *identity)
        else:
            scaled = slow_requantize(value, abs(slope.multiplier), slope.shift) * (-1 if slope.multiplier < 0 else 1)
        assert table[x + 128] == min(max(wrap(scaled + output_zero), -128), 127)


def test_leaky_relu_with_a_negative_slope_rounds_before_it_negates():
    table = leaky_relu_table(-0.5, 1.0, 0, 1.0, 0)
    assert [int(table[x + 128]) for x in (-3, -2, -1, 0, 1)] == [1, 1, 0, 0, 1]


def test_quantize_rounds_half_away_from_zero_and_saturates() -> None:
    values = np.array([0.5, -0.5, 1.5, 2.4999998, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan], np.float32)
    assert quantize(values, 1.0, 3, (-128, 127)).tolist() == [4, 2, 5, 5, 3, 127, -128, 127, -128, -128]
    assert quantize(values, 1.0, 200, (0, 255)).tolist() == [201, 199, 202, 202, 200, 255, 0, 255, 0, 0]


def test_uint8_of_the_same_scale_flips_the_highest_bit() -> None:
    table = requantization_table(0.1, -5, 0.1, 123, output_limits=(0, 255))
    assert (table.view(np.uint8) == np.arange(-128, 128).astype(np.int8).view(np.uint8) ^ 0x80).all()
    assert (requantization_table(0.1, 123, 0.1, -5, input_limits=(0, 255)) == table).all()
