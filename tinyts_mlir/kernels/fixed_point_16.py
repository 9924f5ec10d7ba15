"""Sigmoid and hyperbolic tangent in gemmlowp's fixed point of 16 bits, for LSTMs: int16 values in int64 arrays.

A number of n integer bits stands for its value / 2**(15 - n). Results have none: they stand for value / 2**15.
Source: gemmlowp's fixedpoint/fixedpoint.h, with the raw type int16.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from tinyts_mlir.kernels.numpy_rows import Int64Array
from tinyts_mlir.quantization import rounding_divide_by_power_of_two

Int16Array = npt.NDArray[np.int16]
INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
SIGMOID_INTEGER_BITS = 3
MOST_TANH_INTEGER_BITS = 6
EXP_FACTORS = (25520, 19875, 12055, 4435, 600, 11, 0)
"""exp(-2**e) for e from -2 on."""


def _multiply(a: Int64Array | int, b: Int64Array | int) -> Int64Array:
    """SaturatingRoundingDoublingHighMul of int16: to nearest, ties upwards."""
    return np.minimum((np.multiply(a, b, dtype=np.int64) + (1 << 14)) >> 15, INT16_MAX)


def _times_power_of_two(values: Int64Array, exponent: int) -> Int64Array:
    """SaturatingRoundingMultiplyByPOT for exponents that are not negative."""
    return np.clip(values << exponent, INT16_MIN, INT16_MAX)


def _exponential(values: Int64Array, integer_bits: int) -> Int64Array:
    """Of values that are not positive: by a Taylor series below a quarter, and a factor for each bit above it."""
    fractional_bits = 15 - integer_bits
    quarter = 1 << (fractional_bits - 2)
    below = (values & (quarter - 1)) - quarter
    x = (below << integer_bits) + (1 << 12)  # less -1/8, around which the series is
    x2 = _multiply(x, x)
    x3, x4 = _multiply(x2, x), _multiply(x2, x2)
    terms = _multiply(rounding_divide_by_power_of_two(x4, 2) + x3, 10923) + x2
    exp_minus_one_eighth = 28918
    terms = x + rounding_divide_by_power_of_two(terms, 1)
    result = np.clip(exp_minus_one_eighth + _multiply(exp_minus_one_eighth, terms), INT16_MIN, INT16_MAX)
    rest = below - values
    for number, factor in enumerate(EXP_FACTORS[: integer_bits + 2]):
        result = np.where(rest & (quarter << number), _multiply(result, factor), result)
    if integer_bits > 5:
        result = np.where(values < -(1 << (fractional_bits + 5)), 0, result)
    return np.where(values == 0, INT16_MAX, result)


def _reciprocal_of_one_plus(values: Int64Array) -> Int64Array:
    """Of values of 0 to 1, in 2 integer bits: half of it, by three of Newton's steps."""
    half_denominator = (values + INT16_MAX + 1) >> 1
    x = 23130 + _multiply(half_denominator, -15420)
    for _ in range(3):
        error = (1 << 13) - _multiply(half_denominator, x)
        x = x + _times_power_of_two(_multiply(x, error), 2)
    return x


@cache
def sigmoids() -> Int16Array:
    """The sigmoid of every int16 of 3 integer bits, by the value as uint16."""
    values = np.arange(1 << 16).astype(np.uint16).view(np.int16).astype(np.int64)
    magnitudes = np.where(values == INT16_MIN, values, -np.abs(values))
    positive = _times_power_of_two(_reciprocal_of_one_plus(_exponential(magnitudes, SIGMOID_INTEGER_BITS)), 1)
    result = np.where(values > 0, positive, INT16_MAX - positive)
    return np.where(values == 0, 1 << 14, result).astype(np.int16)


@cache
def tangents(integer_bits: int) -> Int16Array:
    """The hyperbolic tangent of every int16 of 0 to 6 integer bits, by the value as uint16."""
    values = np.arange(1 << 16).astype(np.uint16).view(np.int16).astype(np.int64)
    exponentials = _exponential(-np.abs(values), integer_bits + 1)  # twice the value: one integer bit more
    magnitudes = _times_power_of_two(_reciprocal_of_one_plus(exponentials) - (1 << 13), 2)
    return np.where(values == 0, 0, np.where(values < 0, -magnitudes, magnitudes)).astype(np.int16)


def sigmoid(values: Int16Array) -> Int16Array:
    """Of values of 3 integer bits."""
    return sigmoids()[values.view(np.uint16)]


def tangent(values: Int16Array, integer_bits: int) -> Int16Array:
    """The hyperbolic tangent of values of so many integer bits."""
    return tangents(integer_bits)[values.view(np.uint16)]
