"""DIV, in fixed point."""

from __future__ import annotations

from typing import cast

import numpy as np

from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import DivOp
from tinyts_mlir.kernels.binary import arithmetic, binary_kernel, geometry, works_in_place
from tinyts_mlir.kernels.constant_operands import call_with_constant
from tinyts_mlir.kernels.entry import KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.fixed_point import one_over_one_plus_x
from tinyts_mlir.kernels.lookups import LOOKUP
from tinyts_mlir.kernels.numpy_rows import Int64Array, to_bytes
from tinyts_mlir.kernels.operands import int8_weights
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer, output_range
from tinyts_mlir.quantization import quantize_multiplier, saturating_rounding_doubling_high_multiply, wrap_int32

SHIFTS = range(-25, 24)
"""Of the multiplier: with these, what the reference shifts to the right by is 0 to 63."""


def quotient_constants(op: DivOp) -> dict[str, Parameter]:
    """Source: Prepare in kernels/div.cc; the real multiplier is in single precision."""
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    if not min(first.scale, second.scale, output.scale) > 0.0:
        raise ValueError("a quotient needs positive scales")
    if is_constant(op.rhs[0]) and (int8_weights(op.rhs[0]) == second.zero_point).any():
        raise ValueError("a constant that is divided by has a zero")
    with np.errstate(divide="ignore", over="ignore"):
        real = float(np.float32(first.scale) / (np.float32(second.scale) * np.float32(output.scale)))
    multiplier, shift = quantize_multiplier(real)
    if shift not in SHIFTS or multiplier == 0:
        raise ValueError(f"the output scale {output.scale} of a quotient is too far from that of the operands")
    return {**arithmetic(op, op.activation.data), "output_multiplier": multiplier, "output_shift": shift}


def _bits(values: Int64Array) -> Int64Array:
    """How many bits numbers that are not negative have; 0 has none."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _divided_as_x86_does(values: Int64Array, exponents: Int64Array) -> Int64Array:
    """Numbers / 2**exponents, rounded; shifts of an int32 by more than 31 are modulo 32, and round up from 0 on."""
    mask = (np.int64(1) << np.minimum(exponents, 31)) - 1
    usual = (values >> np.minimum(exponents, 31)) + ((values & mask) > (mask >> 1) + (values < 0))
    return np.where(exponents < 32, usual, (values >> (exponents & 31)) + (values >= 0))


def _divide(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    """Source: DivElementwise in kernels/internal/reference/integer_ops/div.h; a zero divides as one does."""
    multiply = saturating_rounding_doubling_high_multiply
    points = cast(tuple[int, int], parameters["input_zero_points"])
    numerators, denominators = np.broadcast_arrays(first - points[0], second - points[1])
    numerators = np.where(denominators < 0, -numerators, numerators)
    denominators = np.maximum(np.abs(denominators), 1)
    zeros = 32 - _bits(denominators)
    reciprocals = one_over_one_plus_x((denominators << zeros) - (1 << 31))
    headroom = 31 - _bits(np.where(numerators < 0, ~numerators, numerators))
    quotients = multiply(wrap_int32(numerators << headroom).astype(np.int64), reciprocals)
    scaled = multiply(quotients, integer(parameters, "output_multiplier"))
    exponents = headroom + 31 - zeros - integer(parameters, "output_shift")
    made = wrap_int32(_divided_as_x86_does(scaled, exponents))
    return to_bytes(made, integer(parameters, "output_zero_point"), output_range(parameters)).astype(np.int64)


def _call(op: DivOp) -> KernelCall:
    parameters = {**geometry(op), **quotient_constants(op)}
    return call_with_constant(op, _divide, parameters) or KernelCall.of(op, DIVIDE, parameters)


DIVIDE = binary_kernel("divide", _divide, 90.0)

FAMILY = KernelFamily(
    kernels=[DIVIDE],
    ops=[
        OpEntry(
            DivOp,
            _call,
            works_in_place=works_in_place,
            cost=lambda op: DIVIDE.cost({}),
            check=quotient_constants,
            kernels=(DIVIDE, LOOKUP),
        )
    ],
)
