"""Tables of functions of one int8, exactly as LiteRT's reference kernels compute them: entry x + 128 is for the byte x.

Most kernels make a table themselves, from a function in single precision (`PopulateLookupTable` in
kernels/activations.cc, `LUTPopulate` in kernels/internal/common.h); the others work in fixed point.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinyts_mlir.kernels.fixed_point import inverse_square_root
from tinyts_mlir.quantization import (
    INT8_MAX,
    INT8_MIN,
    INT32_MIN,
    Activation,
    QuantizedMultiplier,
    activation_range,
    quantize_multiplier,
    requantize,
    wrap_int32,
)

__all__ = [
    "abs_table",
    "elu_table",
    "exp_table",
    "gelu_table",
    "hard_swish_table",
    "log_table",
    "logistic_table",
    "relu_table",
    "rsqrt_table",
    "sqrt_table",
    "tanh_table",
]

Int8Array = npt.NDArray[np.int8]
Int64Array = npt.NDArray[np.int64]
Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Quantized = tuple[float, int]
"""Scale and zero point."""

_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_BYTES = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)


# --- Functions in single precision ---------------------------------------------------------------------------------


def _rounded(function: Callable[[Float64Array], Float64Array], values: Float32Array) -> Float32Array:
    """A function in double precision, rounded: what a good library function in single precision gives."""
    with np.errstate(over="ignore"):
        return function(values.astype(np.float64)).astype(np.float32)


def _float_table(
    function: Callable[[Float32Array], Float32Array], input: Quantized, output: Quantized, saturates: bool = False
) -> Int8Array:
    """The table of a function of real numbers, every step of it in single precision.

    What is beyond int32 becomes the least byte, as x86's conversion has it; with `saturates`, the nearest.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inverse = np.float32(1) / np.float32(output[0])
        real = np.float32(input[0]) * (_BYTES - input[1]).astype(np.float32)
        scaled = function(real) * inverse
        magnitude = np.abs(scaled)
        whole = np.floor(magnitude)
        rounded = np.copysign(whole + (magnitude - whole >= np.float32(0.5)), scaled).astype(np.float32)
        moved = (rounded + np.float32(output[1])).astype(np.float64)
        integers = moved if saturates else np.where(np.abs(moved) < 2.0**31, moved, INT32_MIN)
    return np.clip(integers, INT8_MIN, INT8_MAX).astype(np.int8)


def logistic_table(input: Quantized, output: Quantized) -> Int8Array:
    """LOGISTIC. Source: SigmoidPrepare in kernels/activations.cc."""

    def logistic(x: Float32Array) -> Float32Array:
        return (np.float32(1) / (np.float32(1) + _rounded(np.exp, -x))).astype(np.float32)

    return _float_table(logistic, input, output)


def tanh_table(input: Quantized, output: Quantized) -> Int8Array:
    """TANH. Source: TanhPrepare in kernels/activations.cc."""
    return _float_table(lambda x: _rounded(np.tanh, x), input, output)


def exp_table(input: Quantized, output: Quantized) -> Int8Array:
    """EXP. Source: Prepare in kernels/exp.cc."""
    return _float_table(lambda x: _rounded(np.exp, x), input, output, saturates=True)


def log_table(input: Quantized, output: Quantized) -> Int8Array:
    """LOG; what is not positive becomes the least byte's value. Source: LogLUTPrepare in kernels/elementwise.cc."""
    least = np.float32(INT8_MIN - output[1]) * np.float32(output[0])

    def logarithm(x: Float32Array) -> Float32Array:
        return np.where(x > 0, _rounded(np.log, np.where(x > 0, x, np.float32(1))), least)

    return _float_table(logarithm, input, output, saturates=True)


def elu_table(input: Quantized, output: Quantized) -> Int8Array:
    """ELU. Source: EluPrepare in kernels/activations.cc.

    BUILTIN_REF has no ELU, so the reference is LiteRT's other resolver. Observed: below 0 it is expm1, not an
    exponential less 1.
    """

    def transform(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.where(x < 0, _rounded(np.expm1, np.minimum(x, np.float32(0))), x)

    return _float_table(transform, input, output, saturates=True)


def sqrt_table(input: Quantized, output: Quantized) -> Int8Array:
    """SQRT, rounded towards 0; what is negative, where LiteRT stops, counts as 0.

    Source: SqrtEvalQuantized in kernels/elementwise.cc; all of it in single precision.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        real = np.float32(input[0]) * (_BYTES - input[1]).astype(np.float32)
        steps = np.trunc(np.sqrt(np.maximum(real, np.float32(0))) / np.float32(output[0])).astype(np.float64)
        integers = np.where(np.abs(steps) < 2.0**31, steps, INT32_MIN).astype(np.int64)
    return _to_bytes(integers, output[1], (INT8_MIN, INT8_MAX))


def neg_table(input: Quantized, output: Quantized) -> Int8Array:
    """NEG: bytes are negated with wrap-around, and the quantizations do not count.

    Observed of LiteRT: whatever scales and zero points, each of the 256 bytes x becomes -x.
    """
    return (-_BYTES).astype(np.int8)


def gelu_table(approximate: bool, input: Quantized, output: Quantized) -> Int8Array:
    """GELU. Source: GeluTransform and GeluTransformApproximate in kernels/internal/reference/gelu.h."""
    half, one = np.float32(0.5), np.float32(1)

    def exact(x: Float32Array) -> Float32Array:
        argument = (x * np.float32(-math.sqrt(0.5))).astype(np.float64)
        return half * x * np.array([math.erfc(value) for value in argument.tolist()], np.float64).astype(np.float32)

    def approximated(x: Float32Array) -> Float32Array:
        factor = np.float32(2 / math.sqrt(math.pi) * math.sqrt(0.5))
        argument = factor * x * (one + np.float32(0.044715) * x * x)
        return half * x * (one + _rounded(np.tanh, argument))

    return _float_table(approximated if approximate else exact, input, output, saturates=True)


# --- Fixed point ---------------------------------------------------------------------------------------------------


def _scale_ratio(input: Quantized, output: Quantized) -> QuantizedMultiplier:
    """Input scale by output scale in single precision; raises ValueError where LiteRT's results are undefined."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = quantize_multiplier(float(np.float32(input[0]) / np.float32(output[0])))
    if ratio.shift > 31:
        raise ValueError(f"the output scale {output[0]} is too small for an input scale of {input[0]}")
    return ratio


def _to_bytes(values: npt.NDArray[np.int32] | Int64Array, zero_point: int, limits: tuple[int, int]) -> Int8Array:
    return np.clip(wrap_int32(values.astype(np.int64) + zero_point), *limits).astype(np.int8)


def relu_table(activation: Activation, input: Quantized, output: Quantized) -> Int8Array:
    """RELU, RELU_N1_TO_1 and RELU6 as layers of their own: requantize, and keep what lies between two bytes.

    Raises ValueError where LiteRT's results are undefined. Source: ReluPrepare and QuantizedReluX in
    kernels/activations.cc, ReluX in kernels/internal/reference/reference_ops.h.
    """
    scaled = requantize(_BYTES - input[1], *_scale_ratio(input, output))
    return _to_bytes(scaled, output[1], activation_range(activation, *output))


def abs_table(input: Quantized, output: Quantized) -> Int8Array:
    """ABS; raises ValueError where LiteRT's results are undefined.

    Source: AbsEvalQuantized in kernels/elementwise.cc.
    """
    values = np.abs(_BYTES - input[1])
    scaled = values if input[0] == output[0] else requantize(values, *_scale_ratio(input, output))
    return _to_bytes(scaled, output[1], (INT8_MIN, INT8_MAX))


_ROOT_BITS = 20
"""Fraction bits of one over a root."""


def rsqrt_table(input: Quantized, output: Quantized) -> Int8Array:
    """RSQRT; of 0 it is 127, and so it is of what is negative, where LiteRT stops.

    Raises ValueError where LiteRT's results are undefined. Source: RsqrtEvalQuantizedInt8 in kernels/elementwise.cc.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = float(1 / np.float64(np.sqrt(np.float32(input[0])) * np.float32(output[0])))
    multiplier, shift = quantize_multiplier(scale)
    if not -31 <= shift - _ROOT_BITS <= 31:
        raise ValueError(f"scales of {input[0]} and {output[0]} are out of range for a RSQRT")
    values = _BYTES - input[1]
    roots, root_shifts = inverse_square_root(np.maximum(values, 1))
    fractions = requantize(np.ones_like(values), roots, root_shifts + _ROOT_BITS)
    scaled = requantize(fractions, multiplier, shift - _ROOT_BITS)
    return np.where(values > 0, _to_bytes(scaled, output[1], (INT8_MIN, INT8_MAX)), INT8_MAX).astype(np.int8)


def _half_multiplier(real: np.float32) -> tuple[int, int]:
    """A multiplier of 16 bits and its exponent. Source: DownScaleInt32ToInt16Multiplier in kernels/activations.cc."""
    multiplier, exponent = quantize_multiplier(float(real))
    return min((multiplier + (1 << 15)) >> 16, _INT16_MAX), exponent


def _rounding_high_product(values: Int64Array, factor: int) -> Int64Array:
    """`values * factor / 2**15`, rounded; ties go up. Source: SaturatingRoundingDoublingHighMul in gemmlowp."""
    return (values * factor + (1 << 14)) >> 15


def _rounding_shift(values: Int64Array, exponent: int) -> Int64Array:
    """`values / 2**exponent`, ties away. Source: RoundingDivideByPOT in gemmlowp, in 16 bits."""
    mask = (1 << exponent) - 1
    return (values >> exponent) + ((values & mask) > (mask >> 1) + (values < 0))


def hard_swish_table(input: Quantized, output: Quantized) -> Int8Array:
    """HARD_SWISH in fixed point of 16 bits; raises ValueError for scales that LiteRT rejects.

    Source: HardSwishPrepare in kernels/activations.cc and HardSwish in kernels/internal/reference/hard_swish.h.
    """
    fine_scale = np.float32(1 / 128) * np.float32(input[0])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor, exponent = _half_multiplier(fine_scale / np.float32(output[0]))
        gate_factor, gate_exponent = _half_multiplier(fine_scale / np.float32(3 / 32768))
    if not -15 <= exponent <= 0:
        raise ValueError(f"a hard swish needs an output scale nearer to the input's than {output[0]} to {input[0]}")
    fine = (_BYTES - input[1]) << 7
    scaled = _rounding_high_product(fine, factor)
    gate = fine
    if gate_exponent > 0:
        gate = np.clip(gate << (gate_exponent - 1), _INT16_MIN, _INT16_MAX)
    gate = _rounding_high_product(gate, gate_factor)
    if gate_exponent > 0:
        gate = np.clip(gate << 1, _INT16_MIN, _INT16_MAX)
    if gate_exponent < 0:
        gate = _rounding_shift(gate, -gate_exponent)
    product = ((gate + (1 << 15)) >> 1) * scaled
    towards_zero = np.sign(product) * (np.abs(product) >> 15)
    return np.clip(_rounding_shift(towards_zero, -exponent) + output[1], INT8_MIN, INT8_MAX).astype(np.int8)
