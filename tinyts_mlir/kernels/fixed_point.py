"""Functions in gemmlowp's fixed point, for softmaxes and roots: int32 values in int64 arrays.

A number of n integer bits stands for its value / 2**(31 - n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinyts_mlir.kernels.numpy_rows import Int64Array
from tinyts_mlir.quantization import (
    INT32_MAX,
    INT32_MIN,
    SoftmaxParameters,
    requantize,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
)


def multiply_by_power_of_two(values: Int64Array, exponent: int | Int64Array) -> Int64Array:
    """SaturatingRoundingMultiplyByPOT for exponents that are not negative."""
    return np.clip(values << exponent, INT32_MIN, INT32_MAX)


def exponentials_of_differences(parameters: SoftmaxParameters) -> tuple[Int64Array, Int64Array, npt.NDArray[np.bool_]]:
    """What softmaxes need of a difference d to a vector's maximum, at index d + 255; all have shape (256,).

    The exponentials of scaled differences in Q0.31, what they add to a sum in Q12.19, and which differences count.
    """
    differences = np.arange(-255, 1, dtype=np.int64)
    counted = differences >= parameters.difference_minimum
    scaled = requantize(
        np.maximum(differences, parameters.difference_minimum), parameters.input_multiplier, parameters.input_left_shift
    )
    exponentials = exp_on_negative_values(scaled.astype(np.int64))
    return exponentials, np.where(counted, rounding_divide_by_power_of_two(exponentials, 12), 0), counted


def exp_on_negative_values(values: Int64Array) -> Int64Array:
    """exp_on_negative_values in fixedpoint/fixedpoint.h: Q5.26 to Q0.31."""
    multiply = saturating_rounding_doubling_high_multiply
    quarter = 1 << 24
    remainder = (values & (quarter - 1)) - quarter
    # exp on [-1/4, 0), by its Taylor series at -1/8
    x = (remainder << 5) + (1 << 28)
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4 = multiply(x2, x2)
    cubic = multiply(rounding_divide_by_power_of_two(x4, 2) + x3, 715827883) + x2
    result = 1895147668 + multiply(1895147668, x + rounding_divide_by_power_of_two(cubic, 1))
    # times exp(-2**e) for each bit of the whole quarters
    rest = remainder - values
    for exponent, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), -2):
        result = np.where(rest & (1 << (26 + exponent)), multiply(result, factor), result)
    return np.where(values == 0, INT32_MAX, result)


def one_over_one_plus_x(values: Int64Array) -> Int64Array:
    """one_over_one_plus_x_for_x_in_0_1 in fixedpoint/fixedpoint.h: Q0.31 to Q0.31."""
    multiply = saturating_rounding_doubling_high_multiply
    half_denominator = (values + INT32_MAX + 1) >> 1
    # Newton's method in Q2.29, from 48/17 - 32/17 * half_denominator
    x = 1515870810 + multiply(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - multiply(half_denominator, x)
        x = x + multiply_by_power_of_two(multiply(x, error), 2)
    return multiply_by_power_of_two(x, 1)


def _leading_zeros(values: Int64Array) -> Int64Array:
    """Of positive int32 values."""
    return 32 - np.frexp(values.astype(np.float64))[1].astype(np.int64)


def logarithm(values: Int64Array) -> Int64Array:
    """The natural logarithm of numbers of 1 to 4096: Q12.19 to Q5.26.

    A number is 2**k * r, with r and k so that r is near the fourth root of 1/2; a Pade approximant has the logarithm of
    r there. Source: log_x_for_x_greater_than_or_equal_to_1 in kernels/internal/common.h.
    """
    multiply = saturating_rounding_doubling_high_multiply
    log_2, root_half, fourth_root_half = 1488522236, 1518500250, 1805811301
    quarter_6 = 1 << 23  # in Q6.25, as the powers are
    # Two ways to scale the number; the smaller r is the one that is near.
    zeros = _leading_zeros(values)
    first = multiply_by_power_of_two(multiply(multiply_by_power_of_two(values, zeros - 1), root_half), 1)
    first_power = ((12 - zeros) << 25) + quarter_6
    headroom = _leading_zeros(multiply(values, root_half)) - 1
    second = multiply_by_power_of_two(values, headroom)
    second_power = ((12 - headroom) << 25) - quarter_6
    r, power = np.minimum(first, second), np.maximum(first_power, second_power)

    half_sum = (r + fourth_root_half + 1) >> 1
    q = 2 * (r - fourth_root_half)
    square = multiply(q, q)
    numerator = multiply(q, r) + multiply(multiply(q, square), 117049297)
    denominator_less_one = multiply(half_sum, 1057819769 + q + multiply(127690142, square)) + multiply(638450708, q)
    near = multiply(rounding_divide_by_power_of_two(numerator, 6), one_over_one_plus_x(denominator_less_one))
    return multiply_by_power_of_two(multiply(power, log_2) + near, 1)


def inverse_square_root(values: Int64Array) -> tuple[Int64Array, Int64Array]:
    """One over the square roots of integers that are not negative, as multipliers and shifts, positive to the left.

    Source: GetInvSqrtQuantizedMultiplierExp in kernels/internal/common.h.
    """
    multiply = saturating_rounding_doubling_high_multiply
    quarters = np.zeros_like(values)
    rest = values.copy()
    while (large := rest >= 1 << 29).any():
        rest, quarters = np.where(large, rest // 4, rest), quarters + large
    bits = np.frexp(np.maximum(rest, 1).astype(np.float64))[1].astype(np.int64)
    pairs = (31 - bits) // 2 - 1
    # Newton's method in Q3.28, from 1
    half = rounding_divide_by_power_of_two((rest << 2 * pairs) >> 1, 1)
    x = np.full_like(values, 1 << 28)
    for _ in range(5):
        cube = multiply_by_power_of_two(multiply(multiply(x, x), x), 6)
        x = multiply_by_power_of_two(multiply((1 << 28) + (1 << 27), x) - multiply(half, cube), 3)
    x = multiply(x, 1518500250)
    right = 11 + quarters - pairs
    x, right = np.where(right < 0, x << np.maximum(-right, 0), x), np.maximum(right, 0)
    return np.where(values <= 1, INT32_MAX, x), np.where(values <= 1, 0, -right)
