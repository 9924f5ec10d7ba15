"""L2_NORMALIZATION over the last axis, in gemmlowp's fixed point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.dialects.rows import quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import L2NormalizationOp
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.fixed_point import inverse_square_root
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Int8Array, Rows, Window, as_rows
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameters, integer
from tinyts_mlir.quantization import requantize

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


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    vectors = inputs[0].rows.reshape(row_count, integer(parameters, "vectors"), integer(parameters, "depth"))
    return as_rows(l2_normalization(vectors, integer(parameters, "input_zero_point")), row_count)


L2_NORMALIZATION = Kernel("l2_normalization", _run, cost=_COST)

FAMILY = KernelFamily(
    kernels=[L2_NORMALIZATION], ops=[OpEntry(L2NormalizationOp, _call, cost=_COST, kernels=(L2_NORMALIZATION,))]
)
