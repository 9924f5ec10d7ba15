"""SOFTMAX over the last axis, in gemmlowp's fixed point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.dialects.rows import quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import SoftmaxOp
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.fixed_point import exponentials_of_differences, one_over_one_plus_x
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Int8Array, Rows, Window, as_rows
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer
from tinyts_mlir.quantization import (
    INT8_MIN,
    SoftmaxParameters,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
    softmax_parameters,
)

_COST = per_element(100.0)


def _constants(op: SoftmaxOp) -> SoftmaxParameters:
    return softmax_parameters(op.beta.value.data, quantization_of(op.input[0]).scale)


def _call(op: SoftmaxOp) -> KernelCall:
    depth = whole_shape_of(op.input[0])[-1]
    parameters: dict[str, Parameter] = dict(vars(_constants(op)))
    parameters["vectors"] = row_bytes(tensor_type(op.input[0])) // depth
    parameters["depth"] = depth
    return KernelCall.of(op, SOFTMAX, parameters)


def softmax(input: Int8Array, parameters: SoftmaxParameters) -> Int8Array:
    """SOFTMAX over the last axis of an array of any shape; the output has scale 1/256 and zero point -128.

    Where the sum of the exponentials is 512 or more, all results are -128; LiteRT aborts there.
    Source: Softmax in kernels/internal/reference/softmax.h.
    """
    exponentials, terms, counted = exponentials_of_differences(parameters)
    index = input.astype(np.int64) - input.max(axis=-1, keepdims=True) + 255
    # From a sum of 512.0 on all results are below half a step, and the reference aborts.
    sums = np.minimum(terms[index].sum(axis=-1, keepdims=True), 512 << 19)
    headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
    reciprocals = one_over_one_plus_x((sums << headroom) - (1 << 31))
    products = saturating_rounding_doubling_high_multiply(reciprocals, exponentials[index])
    scaled = rounding_divide_by_power_of_two(products, 12 - headroom + 31 - 8)
    return np.where(counted[index], np.clip(scaled + INT8_MIN, *INT8_RANGE), INT8_MIN).astype(np.int8)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    constants = SoftmaxParameters(
        integer(parameters, "input_multiplier"),
        integer(parameters, "input_left_shift"),
        integer(parameters, "difference_minimum"),
    )
    vectors = inputs[0].rows.reshape(row_count, integer(parameters, "vectors"), integer(parameters, "depth"))
    return as_rows(softmax(vectors, constants), row_count)


SOFTMAX = Kernel("softmax", _run, cost=_COST)

FAMILY = KernelFamily(
    kernels=[SOFTMAX], ops=[OpEntry(SoftmaxOp, _call, cost=_COST, check=_constants, kernels=(SOFTMAX,))]
)
