"""L2_NORMALIZATION over the last axis, in gemmlowp's fixed point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.dialects.rows import quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import L2NormalizationOp
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Int8Array, Int64Array, Rows, Window, as_rows
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameters, integer
from tinyts_mlir.quantization import (
    INT32_MAX,
    INT32_MIN,
    requantize,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
)

_COST = per_element(14.0)
OUTPUT_BITS = 7
"""The output's scale is 1/128."""


def _call(op: L2NormalizationOp) -> KernelCall:
    depth = whole_shape_of(op.input[0])[-1]
    parameters = {
        "vectors": row_bytes(tensor_type(op.input[0])) // depth,
        "depth": depth,
        "input_zero_point": quantization_of(op.input[0]).zero_point,
    }
    return KernelCall.of(op, L2_NORMALIZATION, parameters)


def l2_normalization(input: Int8Array, zero_point: int) -> Int8Array:
    """L2_NORMALIZATION over the last axis of an array of any shape; the output has scale 1/128 and zero point 0.

    Source: L2Normalization in kernels/internal/reference/integer_ops/l2normalization.h.
    """
    values = input.astype(np.int64) - zero_point
    squares = (values * values).sum(axis=-1, keepdims=True)
    multiplier, shift = inverse_square_root(squares)
    scaled = requantize(values.astype(np.int32), multiplier, shift + OUTPUT_BITS)
    return np.clip(scaled, *INT8_RANGE).astype(np.int8)


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
        cube = _shifted_left(multiply(multiply(x, x), x), 6)
        x = _shifted_left(multiply((1 << 28) + (1 << 27), x) - multiply(half, cube), 3)
    x = multiply(x, 1518500250)
    right = 11 + quarters - pairs
    x, right = np.where(right < 0, x << np.maximum(-right, 0), x), np.maximum(right, 0)
    return np.where(values <= 1, INT32_MAX, x), np.where(values <= 1, 0, -right)


def _shifted_left(values: Int64Array, exponent: int) -> Int64Array:
    return np.clip(values << exponent, INT32_MIN, INT32_MAX)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    vectors = inputs[0].rows.reshape(row_count, integer(parameters, "vectors"), integer(parameters, "depth"))
    return as_rows(l2_normalization(vectors, integer(parameters, "input_zero_point")), row_count)


L2_NORMALIZATION = Kernel("l2_normalization", _run, cost=_COST)

FAMILY = KernelFamily(
    kernels=[L2_NORMALIZATION], ops=[OpEntry(L2NormalizationOp, _call, cost=_COST, kernels=(L2_NORMALIZATION,))]
)
