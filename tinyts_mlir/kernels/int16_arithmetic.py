"""What the kernels of int16 feature maps share: rows of int16, biases of 32 or 64 bits, and how sums become int16.

A layer with an int32 bias adds in 32 bits, which wrap, and scales with two roundings. With an int64 bias, or none, it
adds in 64 bits, and scales once, with a multiplier of 15 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.kernels.cost import CostPerElement, KernelCost
from tinyts_mlir.kernels.numpy_rows import Int8Array, Int32Array, Int64Array, Rows, Window
from tinyts_mlir.kernels.operands import constant_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int8_array, int32_array, integer, output_range
from tinyts_mlir.quantization import convolution_multipliers, requantize, wrap_int32

Int16Array = npt.NDArray[np.int16]

INT16_RANGE = (-(1 << 15), (1 << 15) - 1)
LARGEST_SUM = 1 << 47
"""What the reference's arithmetic of 64 bits is made for."""
GREATEST_LEFT_SHIFT = 7
"""Of multipliers that sums of 64 bits are scaled with, as the reference has it."""
REDUCED_ONE = 0x7FFF
"""The greatest multiplier of 15 bits."""
POWER_TOLERANCE = 1e-3
"""How far the logarithm of a scale may be from a whole number that is taken for one."""
_BYTES = 2
_NO_BIAS_BITS = 64


# --- Rows ----------------------------------------------------------------------------------------------------------


def wide_elements(window: Window) -> Int16Array:
    """The int16 in the rows of a window: (rows, elements of a row)."""
    return np.ascontiguousarray(window.rows).view(np.int16)


def as_wide_rows(values: npt.NDArray[np.signedinteger], row_count: int) -> list[Rows]:
    """Values within int16, of any shape, as the rows of bytes of a kernel's only output."""
    return [np.ascontiguousarray(values.astype(np.int16)).reshape(row_count, -1).view(np.int8)]


def clipped(values: Int32Array | Int64Array, parameters: Parameters) -> Int64Array:
    """Values within the range of a result."""
    return np.clip(values.astype(np.int64), *output_range(parameters))


def per_wide_element(per_element: float, macs: int = 0, per_mac: float = 0.0) -> KernelCost:
    """Instructions for an element of int16 and for each multiplication in it: costs count bytes."""
    return CostPerElement(per_element / _BYTES, macs, per_mac / _BYTES)


# --- Biases --------------------------------------------------------------------------------------------------------


def wraps(bias: SSAValue | None) -> bool:
    """Whether a layer with this bias adds in 32 bits."""
    return bias is not None and quantization_of(bias).storage_type.width.data < _NO_BIAS_BITS


def wide_bias(bias: SSAValue | None, channels: int) -> Int64Array:
    """A bias of 32 or 64 bits, or zeroes where there is none: (channels,)."""
    if bias is None:
        return np.zeros(channels, np.int64)
    width = quantization_of(bias).storage_type.width.data
    return np.frombuffer(constant_of(bias).value.data.data, f"<i{width // 8}").astype(np.int64)


def bias_parameters(bias: SSAValue | None, channels: int) -> dict[str, Parameter]:
    """The parameters that a bias becomes; the upper 32 bits only where it needs them."""
    values = wide_bias(bias, channels)
    low = wrap_int32(values)
    parameters: dict[str, Parameter] = {"bias": low, "wraps": int(wraps(bias))}
    if (low != values).any():
        parameters["bias_high"] = (values >> 32).astype(np.int32)
    return parameters


def bias_of(parameters: Parameters) -> Int64Array:
    """The inverse of `bias_parameters`."""
    low = int32_array(parameters, "bias").astype(np.int64)
    if "bias_high" not in parameters:
        return low
    return (int32_array(parameters, "bias_high").astype(np.int64) << 32) + (low & 0xFFFFFFFF)


def check_sums(weights: Int8Array, bias: Int64Array) -> Int64Array:
    """The greatest magnitude of each sum: (channels,); ValueError where one can pass what the reference is made for."""
    limits = np.abs(weights.astype(np.int64)).sum(axis=1) * -INT16_RANGE[0] + np.abs(bias)
    if limits.max(initial=0) >= LARGEST_SUM:
        raise ValueError(f"expected sums below 2^47, got one of up to {limits.max()}")
    return limits


# --- Scales --------------------------------------------------------------------------------------------------------


def sum_scaling(
    input_scale: float, filter_scales: Sequence[float], output_scale: float, in_32_bits: bool
) -> dict[str, Parameter]:
    """Multipliers and shifts of a convolution, for `scaled_sums`.

    Raises ValueError as `convolution_multipliers` does, and for sums of 64 bits where a scale is negative or a shift is
    out of the reference's range. Source: MultiplyByQuantizedMultiplier of int64 in kernels/internal/common.cc.
    """
    multipliers, shifts = convolution_multipliers(input_scale, filter_scales, output_scale)
    if in_32_bits:
        return {"multipliers": multipliers, "shifts": shifts.astype(np.int8)}
    if (multipliers < 0).any() or (shifts > GREATEST_LEFT_SHIFT).any():
        raise ValueError("expected scales that are not negative, and multipliers below 2^7, beside int16 feature maps")
    reduced = np.minimum((multipliers.astype(np.int64) + (1 << 15)) >> 16, REDUCED_ONE)
    return {"multipliers": reduced.astype(np.int32), "shifts": (15 - shifts).astype(np.int8)}


def scaled_sums(sums: Int64Array, parameters: Parameters) -> Int64Array:
    """Sums, channels last, as elements of the result: bias, scale, limits."""
    sums = sums + bias_of(parameters)
    multipliers = int32_array(parameters, "multipliers").astype(np.int64)
    shifts = int8_array(parameters, "shifts").astype(np.int64)
    if integer(parameters, "wraps"):
        return clipped(requantize(wrap_int32(sums), multipliers, shifts), parameters)
    scaled = (sums * multipliers + (np.int64(1) << (shifts - 1))) >> shifts
    return clipped(wrap_int32(scaled), parameters)


def power_of_two(scale: float) -> int | None:
    """The exponent of a scale that counts as a power of two.

    Source: CheckedLog2 in kernels/internal/quantization_util.cc.
    """
    logarithm = np.log(np.float32(scale)) * (np.float32(1.0) / np.log(np.float32(2.0)))
    rounded = np.rint(logarithm)
    return int(rounded) if abs(logarithm - rounded) < np.float32(POWER_TOLERANCE) else None
