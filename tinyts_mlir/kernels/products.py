"""MUL."""

from __future__ import annotations

from typing import cast

import numpy as np

from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import MulOp
from tinyts_mlir.kernels.binary import arithmetic, between_corners, binary_kernel, geometry, to_output, works_in_place
from tinyts_mlir.kernels.constant_operands import AFFINE_CHANNELS, call_with_constant, cost_with_constant
from tinyts_mlir.kernels.entry import KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.lookups import LOOKUP
from tinyts_mlir.kernels.numpy_rows import Int64Array
from tinyts_mlir.kernels.parameters import Parameter, Parameters
from tinyts_mlir.quantization import QuantizedMultiplier, quantize_multiplier


def product_scale(op: MulOp) -> QuantizedMultiplier:
    """From products to the result; ValueError where the output's scale is too small.

    Source: Prepare in kernels/mul.cc; the real multiplier is in single precision.
    """
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        real = float(np.float32(first.scale) * np.float32(second.scale) / np.float32(output.scale))
    multiplier, shift = quantize_multiplier(real)
    if shift > 31:
        raise ValueError(f"the output scale {output.scale} of a product is too small")
    return QuantizedMultiplier(multiplier, shift)


def product_constants(op: MulOp) -> dict[str, Parameter]:
    """Of a product of bytes."""
    multiplier, shift = product_scale(op)
    return {**arithmetic(op, op.activation.data), "output_multiplier": multiplier, "output_shift": shift}


def _products(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    points = cast(tuple[int, int], parameters["input_zero_points"])
    return (first - points[0]) * (second - points[1])


def _multiply(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    return to_output(parameters, _products(parameters, first, second))


def _call(op: MulOp) -> KernelCall:
    parameters = {**geometry(op), **product_constants(op)}
    if (call := call_with_constant(op, _multiply, parameters, is_affine=True)) is not None:
        return call
    return KernelCall.of(op, MULTIPLY, parameters)


MULTIPLY = binary_kernel("multiply", _multiply, 8.2)

FAMILY = KernelFamily(
    kernels=[MULTIPLY],
    ops=[
        OpEntry(
            MulOp,
            _call,
            works_in_place=works_in_place,
            cost=lambda op: cost_with_constant(op) or MULTIPLY.cost({}),
            check=product_constants,
            kernels=(AFFINE_CHANNELS, LOOKUP, MULTIPLY),
            reachable=between_corners(_multiply, product_constants),
        )
    ],
)
