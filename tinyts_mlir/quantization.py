"""The arithmetic of int8 quantization, exactly as LiteRT's reference kernels do it.

This is its only home: the interpreters compute with it, and the lowering takes the constants of the C kernels from it.

A *scale* is the float32 of the model file, held in a Python float. A *multiplier* and its *shift* stand for the real
number `multiplier * 2**(shift - 31)`: a positive shift is to the left. "Ties away" rounds halves away from zero.
Sources are named by their path below `tflite/` in LiteRT, or below gemmlowp's root; docs/litert-semantics.md says what
was found by experiment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "Activation",
    "AddParameters",
    "FineMultipliers",
    "QuantizedMultiplier",
    "QuantizedMultipliers",
    "SoftmaxParameters",
    "accumulator_limits",
    "accumulator_range",
    "activation_range",
    "add_parameters",
    "concatenation_table",
    "convolution_multipliers",
    "defined_multiplier",
    "dequantize",
    "doubles_in_integers",
    "fold_bias",
    "fully_connected_multipliers",
    "fully_connected_scales",
    "leaky_relu_table",
    "mean_multiplier",
    "quantize",
    "quantize_multiplier",
    "requantization_table",
    "requantize",
    "requantize_finely",
    "requantize_once",
    "requantize_real",
    "rounding_divide_by_power_of_two",
    "saturating_rounding_doubling_high_multiply",
    "softmax_parameters",
    "wrap_int32",
]

Int8Array = npt.NDArray[np.int8]
Int16Array = npt.NDArray[np.int16]
Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64] | npt.NDArray[np.int32] | int

INT8_MIN, INT8_MAX = -128, 127
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


class Activation(Enum):
    """The fused activations that LiteRT's int8 kernels know; the values are the names in the TFLite schema."""

    NONE = "NONE"
    RELU = "RELU"
    RELU_N1_TO_1 = "RELU_N1_TO_1"
    RELU6 = "RELU6"


class QuantizedMultiplier(NamedTuple):
    """The real number `multiplier * 2**(shift - 31)`."""

    multiplier: int
    """Q31; it is 0 or of magnitude 2**30 to 2**31, but for `fully_connected_multipliers` and `mean_multiplier`."""
    shift: int
    """-31 or more; positive is to the left."""


class FineMultipliers(NamedTuple):
    """Multipliers of one rounding, or, with `lows`, doubles that are to be multiplied with as such; one a channel.

    A double is `(multiplier + sign(multiplier) * low / 2**32) * 2**(shift - 31)`.
    """

    multipliers: Int32Array
    """(channels,); Q31"""
    shifts: Int32Array
    """(channels,)"""
    lows: npt.NDArray[np.uint32] | None = None
    """(channels,); the bits of the doubles' mantissas below those of the multipliers."""


class QuantizedMultipliers(NamedTuple):
    """One `QuantizedMultiplier` a channel, as arrays."""

    multipliers: Int32Array
    """(channels,)"""
    shifts: Int32Array
    """(channels,)"""


# --- Integers ------------------------------------------------------------------------------------------------------


def wrap_int32(values: npt.NDArray[np.int64] | npt.NDArray[np.int32]) -> Int32Array:
    """The values modulo 2**32 as int32, any shape: what an int32 accumulator holds that has overflowed."""
    return (values & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def saturating_rounding_doubling_high_multiply(a: Integers, b: Integers) -> Int64Array:
    """`a * b / 2**31`, rounded to nearest with ties up (toward positive infinity).

    `a` and `b` hold int32 values and broadcast; so does the result. -2**31 times itself saturates to 2**31 - 1.
    Source: SaturatingRoundingDoublingHighMul in gemmlowp's fixedpoint/fixedpoint.h.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    # The reference adds 2**30, or 1 - 2**30 to a negative product, and truncates: the same as this floor.
    return np.minimum((product + (1 << 30)) >> 31, INT32_MAX)


def rounding_divide_by_power_of_two(values: Integers, exponent: Integers) -> Int64Array:
    """`values / 2**exponent`, rounded to nearest, ties away; broadcasts.

    `values` hold int32 values, `exponent` 0 to 31. Source: RoundingDivideByPOT in gemmlowp's fixedpoint/fixedpoint.h.
    """
    values = np.asarray(values, np.int64)
    exponent = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (values < 0)
    return (values >> exponent) + ((values & mask) > threshold)


def requantize(accumulator: Integers, multiplier: Integers, shift: Integers) -> Int32Array:
    """The accumulators times the multipliers, rounded twice, as int32: the rule of every kernel but FULLY_CONNECTED.

    All three hold int32 values and broadcast; shifts are -31 to 31. A left shift wraps before the multiplication.
    Source: MultiplyByQuantizedMultiplier in kernels/internal/common.cc (without TFLITE_SINGLE_ROUNDING).
    """
    shift = np.asarray(shift, np.int64)
    shifted = wrap_int32(np.asarray(accumulator, np.int64) << np.maximum(shift, 0))
    product = saturating_rounding_doubling_high_multiply(shifted, multiplier)
    return rounding_divide_by_power_of_two(product, np.maximum(-shift, 0)).astype(np.int32)


def requantize_real(accumulator: Integers, scale: Float64Array | float) -> Int32Array:
    """The accumulators times the real scales in double precision, rounded with ties away, as int32.

    LiteRT's reference FULLY_CONNECTED does this, and no fixed-point arithmetic at all. `accumulator` holds int32 values
    and broadcasts against `scale`. Beyond int32 the result is -2**31, as x86's conversion has it.
    Source: FullyConnected in kernels/internal/reference/integer_ops/fully_connected.h.
    """
    product = np.asarray(accumulator, np.int64).astype(np.float64) * np.asarray(scale, np.float64)
    magnitude = np.abs(product)
    whole = np.floor(magnitude)
    rounded = np.copysign(whole + (magnitude - whole >= 0.5), product)
    inside = (rounded >= INT32_MIN) & (rounded <= INT32_MAX)
    return np.where(inside, rounded, INT32_MIN).astype(np.int32)


def requantize_once(accumulator: Integers, multiplier: Integers, shift: Integers) -> Int32Array:
    """The accumulators times the multipliers, rounded once with ties away, as int32.

    All three hold int32 values and broadcast; shifts are -31 to 30, and the results must fit int32.
    Given the multipliers of `fully_connected_multipliers`, this is how the C kernel of FULLY_CONNECTED gets from
    integers what LiteRT gets from doubles with `requantize_real`.
    """
    right = 31 - np.asarray(shift, np.int64)
    product = np.asarray(accumulator, np.int64) * np.asarray(multiplier, np.int64)
    return ((product + (np.int64(1) << (right - 1)) - (product < 0)) >> right).astype(np.int32)


def requantize_finely(accumulator: Integers, multipliers: FineMultipliers) -> Int32Array:
    """`requantize_once`, or `requantize_real` where the multipliers are doubles; results must fit int32."""
    if multipliers.lows is None:
        return requantize_once(accumulator, multipliers.multipliers, multipliers.shifts)
    high = multipliers.multipliers.astype(np.float64)
    doubles = (high + np.copysign(multipliers.lows / 2.0**32, high)) * 2.0 ** (multipliers.shifts - 31.0)
    return requantize_real(accumulator, doubles)


# --- Constants of the kernels --------------------------------------------------------------------------------------


def quantize_multiplier(real: float) -> QuantizedMultiplier:
    """The fixed-point form of any finite real number, negative ones too; magnitudes below 2**-32 become 0.

    Raises ValueError for infinities and NaN. Source: QuantizeMultiplier in kernels/internal/quantization_util.cc.
    """
    if not math.isfinite(real):
        raise ValueError(f"a requantization multiplier must be finite, not {real}")
    if real == 0.0:
        return QuantizedMultiplier(0, 0)
    mantissa, shift = math.frexp(real)
    multiplier = _round_half_away(mantissa * (1 << 31))
    if multiplier == 1 << 31:  # -2**31 fits int32 and stays
        multiplier //= 2
        shift += 1
    if shift < -31:
        return QuantizedMultiplier(0, 0)
    return QuantizedMultiplier(multiplier, shift)


def activation_range(
    activation: Activation, scale: float, zero_point: int, limits: tuple[int, int] = (INT8_MIN, INT8_MAX)
) -> tuple[int, int]:
    """The least and the greatest element within `limits` that the fused activation lets through, for such an output.

    Raises ValueError where a bound does not fit int32: LiteRT then rejects the model, or reads uninitialised bounds.
    Source: CalculateActivationRangeQuantized in kernels/kernel_util.cc; the division is in float32.
    """

    def quantize(value: float) -> int:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            quotient = float(np.float32(value) / np.float32(scale))
        if not abs(quotient) < 2.0**31:
            raise ValueError(f"{activation.value} is out of range for an output scale of {scale}")
        return zero_point + _round_half_away(quotient)

    minimum, maximum = limits
    if activation in (Activation.RELU, Activation.RELU6):
        minimum = max(minimum, quantize(0.0))
    if activation is Activation.RELU6:
        maximum = min(maximum, quantize(6.0))
    if activation is Activation.RELU_N1_TO_1:
        minimum = max(minimum, quantize(-1.0))
        maximum = min(maximum, quantize(1.0))
    return minimum, maximum


def convolution_multipliers(
    input_scale: float, filter_scales: Sequence[float] | Float64Array, output_scale: float
) -> QuantizedMultipliers:
    """The multipliers of a CONV_2D or DEPTHWISE_CONV_2D, one for each filter scale (a scale may be negative).

    Raises ValueError where a multiplier is infinite or 2**31 and more, which LiteRT computes undefined results with.
    Source: PopulateConvolutionQuantizationParams in kernels/kernel_util.cc; all in double precision.
    """
    return _as_arrays(map(defined_multiplier, _effective_scales(input_scale, filter_scales, output_scale)))


def product_multiplier(first_scale: float, second_scale: float, output_scale: float) -> QuantizedMultiplier:
    """The multiplier of a BATCH_MATMUL: the product of the scales in single precision, the quotient in double.

    Raises ValueError where LiteRT refuses the scales, or computes undefined results with them.
    Source: GetQuantizedConvolutionMultipler in kernels/kernel_util.cc.
    """
    with np.errstate(over="ignore", under="ignore"):
        product = float(np.float32(first_scale) * np.float32(second_scale))
    if product < 0.0 or output_scale == 0.0:
        raise ValueError(f"expected no negative product of scales and an output scale other than 0, got {product:.9g}")
    return defined_multiplier(product / output_scale)


def fold_bias(bias: Int32Array | None, weight_sums: Integers, input_zero_point: int) -> Int32Array:
    """The bias with the input zero point in it: `bias - input_zero_point * weight_sums`, wrapped to int32.

    `bias` and `weight_sums` (the sum of all weights of an output channel) have shape (output channels,).
    With it, `sum(weight * input) + folded` is the reference's `sum(weight * (input - zero_point)) + bias`.
    """
    sums = np.atleast_1d(np.asarray(weight_sums, np.int64))
    start = np.zeros_like(sums) if bias is None else bias.astype(np.int64)
    return wrap_int32(start - input_zero_point * sums)


@dataclass(frozen=True)
class AddParameters:
    """The constants of an ADD; the fields are those of `tinyts_add_parameters`, but for the number of elements."""

    multipliers: tuple[int, int]
    output_multiplier: int
    shifts: tuple[int, int]
    output_shift: int
    left_shift: int
    input_zero_points: tuple[int, int]
    output_zero_point: int
    output_minimum: int
    output_maximum: int


def add_parameters(
    input_scales: tuple[float, float],
    input_zero_points: tuple[int, int],
    output_scale: float,
    output_zero_point: int,
    output_range: tuple[int, int] = (INT8_MIN, INT8_MAX),
    left_shift: int = 20,
) -> AddParameters:
    """The constants of an int8 ADD; `output_range` comes from `activation_range`. Of int16, the left shift is 15.

    Raises ValueError where LiteRT aborts: a scale is not positive, or the output's is too small for the inputs'.
    Source: Prepare in kernels/add.cc.
    """
    if not min(*input_scales, output_scale) > 0.0:
        raise ValueError(f"an addition needs positive scales, not {input_scales} and {output_scale}")
    twice_maximum = 2.0 * max(input_scales)
    first, second = (quantize_multiplier(scale / twice_maximum) for scale in input_scales)
    real_output = twice_maximum / (output_scale * (1 << left_shift))
    output = quantize_multiplier(real_output)
    if real_output >= 1.0 or output.shift > 0:
        raise ValueError(f"the output scale {output_scale} of an addition is too small for inputs of {input_scales}")
    return AddParameters(
        multipliers=(first.multiplier, second.multiplier),
        output_multiplier=output.multiplier,
        shifts=(first.shift, second.shift),
        output_shift=output.shift,
        left_shift=left_shift,
        input_zero_points=input_zero_points,
        output_zero_point=output_zero_point,
        output_minimum=output_range[0],
        output_maximum=output_range[1],
    )


@dataclass(frozen=True)
class SoftmaxParameters:
    """The constants of a SOFTMAX; the fields are those of `tinyts_softmax_parameters`, but for the shape."""

    input_multiplier: int
    input_left_shift: int
    difference_minimum: int


def softmax_parameters(beta: float, input_scale: float) -> SoftmaxParameters:
    """The constants of an int8 SOFTMAX.

    Raises ValueError where LiteRT aborts: beta times the scale is 2**-26 or less.
    Source: PreprocessSoftmaxScaling and CalculateInputRadius in kernels/internal/quantization_util.cc, for 5 integer
    bits.
    """
    integer_bits = 5
    real = min(beta * input_scale * (1 << (31 - integer_bits)), float(INT32_MAX))
    if not real > 1.0:
        raise ValueError(f"a softmax with beta {beta} of an input with scale {input_scale} is out of range")
    multiplier, left_shift = quantize_multiplier(real)
    radius = float((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / (1 << left_shift)
    return SoftmaxParameters(multiplier, left_shift, -math.floor(radius))


def mean_multiplier(input_scale: float, output_scale: float, count: int) -> QuantizedMultiplier:
    """What `requantize` takes sums of `count` inputs less their zero points to output steps with, in a MEAN.

    The multiplier of the scales is divided by the count in integers, towards zero; so means are not rounded as those of
    AVERAGE_POOL_2D. Raises ValueError where a sum can overflow, and as `convolution_multipliers` does.
    Source: PrepareMeanOrSum in kernels/reduce.cc and QuantizedMeanOrSum in kernels/internal/reference/reduce.h.
    """
    if output_scale == 0.0:
        raise ValueError("the output scale must not be 0")
    if count > 1 << 23:
        raise ValueError(f"the sum of {count} elements can leave 32 bits")
    real = input_scale / output_scale
    multiplier, shift = quantize_multiplier(real)
    extra = min(count.bit_length() - 1, 31 + shift)
    if shift - extra > 31:
        raise ValueError(f"a requantization multiplier must be below 2**31, not {real / count}")
    magnitude = (abs(multiplier) << extra) // count
    return QuantizedMultiplier(-magnitude if multiplier < 0 else magnitude, shift - extra)


QUOTIENT_LIMIT = 1024
"""A quotient of this magnitude saturates whatever the zero point of a byte is."""
WIDE_QUOTIENT_LIMIT = 1 << 17
"""The same of an int16."""


def leaky_relu_table(
    alpha: float, input_scale: float, input_zero_point: int, output_scale: float, output_zero_point: int
) -> Int8Array:
    """What an int8 LEAKY_RELU makes of each input x, at index x + 128; shape (256,).

    Raises ValueError as `convolution_multipliers` does. Source: LeakyReluPrepare in kernels/activations.cc (its real
    multipliers are float32) and QuantizeLeakyRelu in kernels/internal/reference/leaky_relu.h.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        identity = defined_multiplier(float(np.float32(input_scale) / np.float32(output_scale)))
        slope = defined_multiplier(float(np.float32(input_scale) * np.float32(alpha) / np.float32(output_scale)))
    values = np.arange(INT8_MIN, INT8_MAX + 1) - input_zero_point
    # A negative slope is negated after rounding, not multiplied with: ties go the other way.
    below = requantize(values, abs(slope.multiplier), slope.shift)
    scaled = np.where(values >= 0, requantize(values, *identity), -below if slope.multiplier < 0 else below)
    return np.clip(wrap_int32(scaled.astype(np.int64) + output_zero_point), INT8_MIN, INT8_MAX).astype(np.int8)


# --- QUANTIZE and DEQUANTIZE ----------------------------------------------------------------------------------------


def requantization_table(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    input_limits: tuple[int, int] = (INT8_MIN, INT8_MAX),
    output_limits: tuple[int, int] = (INT8_MIN, INT8_MAX),
) -> Int8Array:
    """What QUANTIZE makes of each byte, at the byte as int8 + 128; shape (256,). Limits of (0, 255) are uint8.

    Raises ValueError as `convolution_multipliers` does. Source: Prepare in kernels/quantize.cc (its real multiplier is
    a quotient of doubles) and Requantize in kernels/internal/reference/requantize.h.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        multiplier = defined_multiplier(
            float(np.float64(np.float32(input_scale)) / np.float64(np.float32(output_scale)))
        )
    bytes = np.arange(INT8_MIN, INT8_MAX + 1)
    values = (bytes & 255 if input_limits[0] == 0 else bytes) - input_zero_point
    scaled = wrap_int32(requantize(values, *multiplier).astype(np.int64) + output_zero_point)
    return (np.clip(scaled, *output_limits) & 255).astype(np.uint8).view(np.int8)


def concatenation_table(
    input_scale: float, input_zero_point: int, output_scale: float, output_zero_point: int
) -> Int8Array:
    """What CONCATENATION makes of each byte of a uint8 operand in another quantization than the result; shape (256,).

    Bytes and zero points are 128 less than the file's, as in `requantization_table`. All in single precision.
    Source: ConcatenationWithScaling in kernels/internal/reference/concatenation.h.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = np.float32(input_scale) * (np.float32(1.0) / np.float32(output_scale))
        bias = np.float32(-(input_zero_point + 128)) * scale
        products = (np.arange(256, dtype=np.float32) * scale).astype(np.float32) + bias
    if not np.isfinite(products).all() or np.abs(products).max() >= 2.0**30:
        raise ValueError(f"operands of scale {input_scale} are out of range for a result of scale {output_scale}")
    magnitudes = np.abs(products.astype(np.float64))
    whole = np.floor(magnitudes)
    rounded = np.copysign(whole + (magnitudes - whole >= 0.5), products).astype(np.int64)
    return np.clip(rounded + output_zero_point, INT8_MIN, INT8_MAX).astype(np.int8)


def quantize(values: Float32Array, scale: float, zero_point: int, limits: tuple[int, int]) -> Int32Array:
    """QUANTIZE of float32: the quotient in float32, rounded half away from 0, and saturated.

    Where the quotient is 2^31 or more in magnitude, or not a number, LiteRT's conversion to an integer is undefined;
    here, it saturates, and what is not a number becomes the least byte. Source: AffineQuantize in
    kernels/internal/reference/quantize.h.
    """
    limit = QUOTIENT_LIMIT if limits[1] - limits[0] < 256 else WIDE_QUOTIENT_LIMIT
    with np.errstate(over="ignore", invalid="ignore"):
        quotients = values.astype(np.float32) / np.float32(scale)
        inside = np.where(quotients > -limit, np.minimum(quotients, np.float32(limit)), -limit)
    whole = np.trunc(inside)
    rest = inside - whole
    steps = whole.astype(np.int32) + (rest >= 0.5).astype(np.int32) - (rest <= -0.5).astype(np.int32)
    return np.clip(steps + zero_point, *limits).astype(np.int32)


def dequantize(values: npt.NDArray[np.int8 | np.uint8 | np.int16], scale: float, zero_point: int) -> Float32Array:
    """DEQUANTIZE: a product in float32. Source: Dequantize in kernels/internal/reference/dequantize.h."""
    with np.errstate(over="ignore"):
        return np.float32(scale) * (values.astype(np.int32) - zero_point).astype(np.float32)


# --- FULLY_CONNECTED: double precision in integers -----------------------------------------------------------------


def fully_connected_scales(
    input_scale: float, filter_scales: Sequence[float] | Float64Array, output_scale: float
) -> Float64Array:
    """The real factors from accumulators to outputs of a FULLY_CONNECTED, one for each filter scale.

    They are for `requantize_real`. Raises ValueError for an output scale of 0.
    Source: FullyConnected and FullyConnectedPerChannel in kernels/internal/reference/integer_ops/fully_connected.h.
    """
    return np.array(_effective_scales(input_scale, filter_scales, output_scale), np.float64)


def accumulator_range(
    weights: Int8Array | Int16Array,
    bias: Int32Array | None,
    input_zero_point: int,
    lowest: Int64Array | int = INT8_MIN,
    highest: Int64Array | int = INT8_MAX,
) -> tuple[Int64Array, Int64Array]:
    """The least and the greatest accumulator of each output channel, whatever the input, as if nothing could overflow.

    `weights` has shape (output channels, the rest), `bias` and the results (output channels,); `lowest` and `highest`,
    the ends of what the input holds, broadcast against the weights.
    """
    wide = weights.astype(np.int64)
    ends = wide * (lowest - input_zero_point), wide * (highest - input_zero_point)
    offset = 0 if bias is None else bias.astype(np.int64)
    return np.minimum(*ends).sum(axis=1) + offset, np.maximum(*ends).sum(axis=1) + offset


def accumulator_limits(weights: Int8Array | Int16Array, bias: Int32Array | None, input_zero_point: int) -> Int64Array:
    """The greatest magnitude of `accumulator_range`; 2**31 where an accumulator can overflow."""
    lowest, highest = accumulator_range(weights, bias, input_zero_point)
    wraps = (lowest < INT32_MIN) | (highest > INT32_MAX)
    return np.where(wraps, 1 << 31, np.maximum(-lowest, highest))


def fully_connected_multipliers(
    scales: Float64Array, accumulator_limits: Integers, output_limit: int = 255
) -> FineMultipliers:
    """Multipliers with which `requantize_once` leads to the same bytes as `requantize_real` does with these scales.

    `scales` has shape (channels,), or (1,) if all channels share one. `accumulator_limits` broadcasts against it: no
    accumulator will be greater in magnitude; 2**31 is always right, less leaves more choice. The equality is exact up
    to results of `output_limit` in magnitude; beyond, both are beyond, and no byte can tell them apart.
    Where a scale has no such multiplier of 31 bits (seen only for accumulators above 2**22 with scales below 2**-13)
    all are the scales themselves, as doubles. Raises ValueError where results could pass 2**30.
    """
    limits = np.broadcast_to(np.asarray(accumulator_limits, np.int64), scales.shape)
    found = [_exact_multiplier(float(a), int(b), output_limit) for a, b in zip(scales, limits, strict=True)]
    exact = [multiplier for multiplier in found if multiplier is not None]
    return FineMultipliers(*_as_arrays(exact)) if len(exact) == len(found) else doubles_in_integers(scales)


def doubles_in_integers(scales: Float64Array) -> FineMultipliers:
    """The scales in integers, with all their bits; raises ValueError for those that are too small for the kernel."""
    mantissas, shifts = np.frexp(scales)
    if (shifts[scales != 0.0] < -31).any():
        raise ValueError("expected scales of at least 2^-32 where accumulators are as large as here")
    whole = (np.abs(mantissas) * 2.0**53).astype(np.int64) << 10
    highs = np.where(scales < 0, -(whole >> 32), whole >> 32).astype(np.int32)
    shifts = np.where(scales == 0.0, 0, shifts).astype(np.int32)
    return FineMultipliers(highs, shifts, (whole & 0xFFFFFFFF).astype(np.uint32))


def _exact_multiplier(scale: float, accumulator_limit: int, output_limit: int) -> QuantizedMultiplier | None:
    """The multiplier nearest to `scale` with which both roundings agree on all accumulators up to the limit, if any.

    Both are odd functions that never fall as the accumulator's magnitude grows. So they agree everywhere if each result
    is first reached at the same accumulator: which bounds the multiplier from below there and from above one before.
    """
    magnitude = abs(scale)
    if not magnitude * accumulator_limit < 1 << 30:
        raise ValueError(f"accumulators up to {accumulator_limit} times {scale!r} are out of range")
    nearest = quantize_multiplier(magnitude) if accumulator_limit else QuantizedMultiplier(0, 0)
    right = 31 - nearest.shift
    low, high = 0, INT32_MAX
    for result in range(1, output_limit + 2):
        first = _first_accumulator(magnitude, result, accumulator_limit)
        edge = (2 * result - 1) << (right - 1)
        if first <= accumulator_limit:
            low = max(low, -(-edge // first))
        if first > 1:
            high = min(high, (edge - 1) // (first - 1))
        if first > accumulator_limit:
            break
    if low > high:
        return None
    multiplier = min(max(nearest.multiplier, low), high)
    return QuantizedMultiplier(-multiplier if scale < 0 else multiplier, nearest.shift)


def _first_accumulator(scale: float, result: int, limit: int) -> int:
    """The least accumulator that `requantize_real` takes to `result` or more, or limit + 1 if that is less."""
    if scale * (limit + 1) < result - 0.75:
        return limit + 1
    guess = math.floor((result - 0.5) / scale)  # right within 1: accumulators are far below 2**52
    while guess > 1 and (guess - 1) * scale >= result - 0.5:
        guess -= 1
    while guess < 1 or guess * scale < result - 0.5:
        guess += 1
    return min(guess, limit + 1)


# --- Helpers -------------------------------------------------------------------------------------------------------


def _effective_scales(
    input_scale: float, filter_scales: Sequence[float] | Float64Array, output_scale: float
) -> list[float]:
    """input_scale * filter_scale / output_scale in double precision, in the reference's order."""
    if output_scale == 0.0:
        raise ValueError("the output scale must not be 0")
    return [input_scale * float(scale) / output_scale for scale in filter_scales]


def defined_multiplier(real: float) -> QuantizedMultiplier:
    """`quantize_multiplier`, but for those shifts that C leaves undefined."""
    quantized = quantize_multiplier(real)
    if quantized.shift > 31:
        raise ValueError(f"a requantization multiplier must be below 2**31, not {real}")
    return quantized


def _as_arrays(multipliers: Iterable[QuantizedMultiplier]) -> QuantizedMultipliers:
    pairs = list(multipliers)
    return QuantizedMultipliers(
        np.array([pair.multiplier for pair in pairs], np.int32), np.array([pair.shift for pair in pairs], np.int32)
    )


def _round_half_away(value: float) -> int:
    """C's round()."""
    magnitude = abs(value)
    whole = math.floor(magnitude)
    rounded = whole + (magnitude - whole >= 0.5)
    return -rounded if value < 0 else rounded
