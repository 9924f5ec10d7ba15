"""LOG_SOFTMAX over the last axis, in gemmlowp's fixed point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyts_mlir.dialects.rows import quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import LogSoftmaxOp
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.fixed_point import exponentials_of_differences, logarithm
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Int8Array, Rows, Window, as_rows
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer
from tinyts_mlir.quantization import (
    INT8_MAX,
    INT8_MIN,
    INT32_MIN,
    SoftmaxParameters,
    quantize_multiplier,
    requantize,
    rounding_divide_by_power_of_two,
    softmax_parameters,
)

_COST = per_element(70.0)


@dataclass(frozen=True)
class LogSoftmaxParameters(SoftmaxParameters):
    """The constants of a LOG_SOFTMAX; the fields are those of `tinyts_log_softmax_parameters`, but for the shape."""

    reverse_multiplier: int
    reverse_shift: int


def log_softmax_parameters(input_scale: float) -> LogSoftmaxParameters:
    """The constants of an int8 LOG_SOFTMAX; raises ValueError where LiteRT aborts, as `softmax_parameters` does.

    The reverse multiplier takes a difference in Q5.26 back to steps of the input.
    Source: PreprocessLogSoftmaxScalingExp in kernels/internal/quantization_util.cc.
    """
    forward = softmax_parameters(1.0, input_scale)
    reverse = quantize_multiplier((1 << (31 - forward.input_left_shift)) / forward.input_multiplier)
    return LogSoftmaxParameters(**vars(forward), reverse_multiplier=reverse.multiplier, reverse_shift=reverse.shift)


def log_softmax(input: Int8Array, parameters: LogSoftmaxParameters) -> Int8Array:
    """LOG_SOFTMAX over the last axis, of less than 4096 elements; the output has scale 1/16 and zero point 127.

    Source: LogSoftmaxQuantized in kernels/internal/reference/log_softmax.h.
    """
    _, terms, _ = exponentials_of_differences(parameters)
    differences = input.astype(np.int64) - input.max(axis=-1, keepdims=True)
    log_sums = logarithm(terms[differences + 255].sum(axis=-1, keepdims=True))
    # Below these, the difference less the logarithm would leave Q5.26.
    lowest = requantize(log_sums + INT32_MIN, parameters.reverse_multiplier, parameters.reverse_shift)
    counted = differences > np.maximum(lowest, parameters.difference_minimum - 1)
    scaled = requantize(
        np.where(counted, differences, 0), parameters.input_multiplier, parameters.input_left_shift
    ).astype(np.int64)
    logarithms = rounding_divide_by_power_of_two(scaled - log_sums, 22) + INT8_MAX
    return np.where(counted, np.clip(logarithms, *INT8_RANGE), INT8_MIN).astype(np.int8)


def _constants(op: LogSoftmaxOp) -> LogSoftmaxParameters:
    return log_softmax_parameters(quantization_of(op.input[0]).scale)


def _call(op: LogSoftmaxOp) -> KernelCall:
    depth = whole_shape_of(op.input[0])[-1]
    parameters: dict[str, Parameter] = dict(vars(_constants(op)))
    parameters["vectors"] = row_bytes(tensor_type(op.input[0])) // depth
    parameters["depth"] = depth
    return KernelCall.of(op, LOG_SOFTMAX, parameters)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    constants = LogSoftmaxParameters(
        **{field: integer(parameters, field) for field in LogSoftmaxParameters.__dataclass_fields__}
    )
    vectors = inputs[0].rows.reshape(row_count, integer(parameters, "vectors"), integer(parameters, "depth"))
    return as_rows(log_softmax(vectors, constants), row_count)


LOG_SOFTMAX = Kernel("log_softmax", _run, cost=_COST)

FAMILY = KernelFamily(
    kernels=[LOG_SOFTMAX], ops=[OpEntry(LogSoftmaxOp, _call, cost=_COST, check=_constants, kernels=(LOG_SOFTMAX,))]
)
