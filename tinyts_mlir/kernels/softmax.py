"""SOFTMAX over the last axis, in gemmlowp's fixed point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.dialects.rows import quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import SoftmaxOp
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Int8Array, Int64Array, Rows, Window, as_rows
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer
from tinyts_mlir.quantization import (
    INT8_MIN,
    INT32_MAX,
    INT32_MIN,
    SoftmaxParameters,
    requantize,
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
    # Everything before the sum depends only on the difference to the maximum: 256 values.
    differences = np.arange(-255, 1, dtype=np.int64)
    exponentials = _exp_on_negative_values(
        requantize(
            np.maximum(differences, parameters.difference_minimum),
            parameters.input_multiplier,
            parameters.input_left_shift,
        ).astype(np.int64)
    )
    counted = differences >= parameters.difference_minimum
    terms = np.where(counted, rounding_divide_by_power_of_two(exponentials, 12), 0)

    index = input.astype(np.int64) - input.max(axis=-1, keepdims=True) + 255
    # From a sum of 512.0 on all results are below half a step, and the reference aborts.
    sums = np.minimum(terms[index].sum(axis=-1, keepdims=True), 512 << 19)
    headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
    reciprocals = _one_over_one_plus_x((sums << headroom) - (1 << 31))
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


# --- gemmlowp's fixed-point functions: int32 values in int64 arrays ------------------------------------------------


def _multiply_by_power_of_two(values: Int64Array, exponent: int) -> Int64Array:
    """SaturatingRoundingMultiplyByPOT for a positive exponent."""
    return np.clip(values << exponent, INT32_MIN, INT32_MAX)


def _exp_on_negative_values(values: Int64Array) -> Int64Array:
    """exp_on_negative_values in fixedpoint/fixedpoint.h: Q5.26 to Q0.31."""
    multiply = saturating_rounding_doubling_high_multiply
    quarter = 1 << 24
    remainder = (values & (quarter - 1)) - quarter
    # exp on [-1/4, 0), by its Taylor series at -1/8
    x = (remainder << 5) + (1 << 28)
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4 = multiply(x2, x2)
    cubic = multiply(rounding_divide_by_power_of_two(x4, 2) + x3, 715827883) + x2
    result = 1895147668 + multiply(1895147668, x + rounding_divide_by_power_of_two(cubic, 1))
    # times exp(-2**e) for each bit of the whole quarters
    rest = remainder - values
    for exponent, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), -2):
        result = np.where(rest & (1 << (26 + exponent)), multiply(result, factor), result)
    return np.where(values == 0, INT32_MAX, result)


def _one_over_one_plus_x(values: Int64Array) -> Int64Array:
    """one_over_one_plus_x_for_x_in_0_1 in fixedpoint/fixedpoint.h: Q0.31 to Q0.31."""
    multiply = saturating_rounding_doubling_high_multiply
    half_denominator = (values + INT32_MAX + 1) >> 1
    # Newton's method in Q2.29, from 48/17 - 32/17 * half_denominator
    x = 1515870810 + multiply(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - multiply(half_denominator, x)
        x = x + _multiply_by_power_of_two(multiply(x, error), 2)
    return _multiply_by_power_of_two(x, 1)


SOFTMAX = Kernel("softmax", _run, cost=_COST)

FAMILY = KernelFamily(
    kernels=[SOFTMAX], ops=[OpEntry(SoftmaxOp, _call, cost=_COST, check=_constants, kernels=(SOFTMAX,))]
)
