"""Whether an op's scales are such that LiteRT's kernels would run at all: checked when a model comes in."""

from __future__ import annotations

import numpy as np

from tinyts_mlir import quantization
from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    Conv2DOp,
    DepthwiseConv2DOp,
    FullyConnectedOp,
    LeakyReluOp,
    MeanOp,
    PoolOp,
    SoftmaxOp,
)
from tinyts_mlir.dialects.tinyts_base import TinytsOp


def check_arithmetic(op: TinytsOp) -> None:
    """Raises ValueError, with the reason as its text, when the constants of the op's kernel cannot be computed."""
    with np.errstate(all="ignore"):
        try:
            _compute_constants(op)
        except (ZeroDivisionError, OverflowError):
            raise ValueError("the scales of its operands are out of range, or 0") from None


def _compute_constants(op: TinytsOp) -> None:
    result = quantization_of(op.results[0])
    activation = op.properties.get("activation")
    if activation is not None and isinstance(op, (Conv2DOp, DepthwiseConv2DOp, FullyConnectedOp, AddOp, PoolOp)):
        kind = quantization.Activation[op.activation.data.upper()]
        quantization.activation_range(kind, result.scale, result.zero_point)
    match op:
        case Conv2DOp() | DepthwiseConv2DOp():
            input = quantization_of(op.input[0])
            quantization.convolution_multipliers(input.scale, quantization_of(op.filter).scales, result.scale)
        case FullyConnectedOp():
            input = quantization_of(op.input)
            scales = quantization.fully_connected_scales(input.scale, quantization_of(op.filter).scales, result.scale)
            if not np.isfinite(scales).all():
                raise ValueError("expected finite multipliers, got an output scale that is too small")
        case AddOp():
            lhs, rhs = quantization_of(op.lhs[0]), quantization_of(op.rhs[0])
            quantization.add_parameters(
                (lhs.scale, rhs.scale), (lhs.zero_point, rhs.zero_point), result.scale, result.zero_point
            )
        case SoftmaxOp():
            quantization.softmax_parameters(op.beta.value.data, quantization_of(op.input[0]).scale)
        case MeanOp():
            quantization.mean_multiplier(quantization_of(op.input[0]).scale, result.scale, op.count)
        case LeakyReluOp():
            input = quantization_of(op.input[0])
            quantization.leaky_relu_table(
                op.alpha.value.data, input.scale, input.zero_point, result.scale, result.zero_point
            )
        case _:
            pass
