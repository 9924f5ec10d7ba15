"""ADD as LiteRT's reference kernel computes it."""

from __future__ import annotations

import numpy as np

from tinyts_mlir.kernels.numpy_rows import Int8Array, Int64Array, to_bytes
from tinyts_mlir.quantization import (
    INT8_MAX,
    INT8_MIN,
    AddParameters,
    requantize,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
    wrap_int32,
)


def add(first: Int8Array, second: Int8Array, parameters: AddParameters) -> Int8Array:
    """ADD of two arrays of the same shape, whatever it is. Raises ValueError if the shapes differ.

    Source: Add and AddFunc in kernels/internal/reference/integer_ops/add.h.
    """
    if first.shape != second.shape:
        raise ValueError(f"the operands of an addition must have the same shape, not {first.shape} and {second.shape}")

    def scaled(index: int, operand: Int8Array) -> Int64Array:
        # One of 256 values: cheaper to look up than to compute.
        values = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64) - parameters.input_zero_points[index]
        shifted = values << parameters.left_shift
        high = saturating_rounding_doubling_high_multiply(shifted, parameters.multipliers[index])
        table = rounding_divide_by_power_of_two(high, -parameters.shifts[index])
        return table[operand.astype(np.intp) + 128]

    total = wrap_int32(scaled(0, first) + scaled(1, second))
    output = requantize(total, parameters.output_multiplier, parameters.output_shift)
    return to_bytes(output, parameters.output_zero_point, (parameters.output_minimum, parameters.output_maximum))
