"""FULLY_CONNECTED of int16 feature maps with int8 weights: sums times doubles, in integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.rows import quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import FullyConnectedOp
from tinyts_mlir.kernels.c_sources import int16_sources
from tinyts_mlir.kernels.cost import KernelCost
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.int16_arithmetic import (
    as_wide_rows,
    bias_of,
    bias_parameters,
    check_sums,
    clipped,
    per_wide_element,
    wide_bias,
    wide_elements,
    wraps,
)
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.operands import bias_scale_of, check_product_of_scales, int8_weights, range_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int8_array, int32_array, integer
from tinyts_mlir.quantization import (
    Float64Array,
    doubles_in_integers,
    fully_connected_scales,
    requantize_real,
    wrap_int32,
)

PER_ELEMENT, PER_MAC = 187.0, 1.7
"""Instructions."""
INT32_BOUND = 1 << 31
"""What is scaled stays below it in magnitude: beyond, the reference's conversion to an integer is undefined."""


def _scales(op: FullyConnectedOp) -> Float64Array:
    return fully_connected_scales(
        quantization_of(op.input).scale, quantization_of(op.filter).scales, quantization_of(op.result).scale
    )


def _check(op: FullyConnectedOp) -> None:
    if not is_constant(op.filter):
        raise ValueError("expected constant weights beside int16 feature maps, got weights that a layer makes")
    range_of(op.activation.data, op.result)
    weights, scales = int8_weights(op.filter), _scales(op)
    if not np.isfinite(scales).all():
        raise ValueError("expected finite multipliers, got an output scale that is too small")
    limits = check_sums(weights, wide_bias(op.bias, weights.shape[0]))
    if wraps(op.bias):
        limits = np.minimum(limits, INT32_BOUND)
    if (limits * np.abs(scales) >= INT32_BOUND).any():
        raise ValueError(f"sums up to {limits.max()} times {np.abs(scales).max():.9g} are out of range")
    doubles_in_integers(scales)
    filter = quantization_of(op.filter)
    if not filter.is_per_axis:
        input_scale, output_scale = quantization_of(op.input).scale, quantization_of(op.result).scale
        check_product_of_scales(input_scale, filter.scale, bias_scale_of(op.bias), output_scale)


def _call(op: FullyConnectedOp) -> KernelCall:
    weights, scales = int8_weights(op.filter), _scales(op)
    minimum, maximum = range_of(op.activation.data, op.result)
    doubles = doubles_in_integers(scales)
    assert doubles.lows is not None
    parameters: dict[str, Parameter] = {
        "weights": weights,
        **bias_parameters(op.bias, weights.shape[0]),
        "multipliers": doubles.multipliers,
        "low_multipliers": doubles.lows.view(np.int32),
        "shifts": doubles.shifts.astype(np.int8),
        "input_channels": weights.shape[1],
        "output_channels": weights.shape[0],
        "batches": op.batches,
        "per_channel": int(len(scales) > 1),
        "output_minimum": minimum,
        "output_maximum": maximum,
    }
    return KernelCall.of(op, FULLY_CONNECTED_INT16, parameters)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: FullyConnected in kernels/internal/reference/integer_ops/fully_connected.h."""
    shape = integer(parameters, "output_channels"), integer(parameters, "input_channels")
    weights = int8_array(parameters, "weights").reshape(shape).astype(np.int64)
    vectors = wide_elements(inputs[0]).reshape(integer(parameters, "batches"), -1).astype(np.int64)
    sums = vectors @ weights.T + bias_of(parameters)
    if integer(parameters, "wraps"):
        sums = wrap_int32(sums).astype(np.int64)
    high = int32_array(parameters, "multipliers").astype(np.float64)
    lows = int32_array(parameters, "low_multipliers").view(np.uint32) / 2.0**32
    scales = (high + np.copysign(lows, high)) * 2.0 ** (int8_array(parameters, "shifts") - 31.0)
    return as_wide_rows(clipped(requantize_real(sums, scales), parameters), row_count)


def _macs(op: FullyConnectedOp) -> int:
    return shape_of(op.filter)[1]


def _cost(macs: int) -> KernelCost:
    return per_wide_element(PER_ELEMENT, macs, PER_MAC)


FULLY_CONNECTED_INT16 = Kernel(
    "fully_connected_int16",
    _run,
    cost=lambda parameters: _cost(integer(parameters, "input_channels")),
    sources=int16_sources(),
)

FAMILY = KernelFamily(
    kernels=[FULLY_CONNECTED_INT16],
    ops=[
        OpEntry(
            FullyConnectedOp,
            _call,
            macs=_macs,
            cost=lambda op: _cost(_macs(op)),
            check=_check,
            kernels=(FULLY_CONNECTED_INT16,),
            is_wide=True,
        )
    ],
)
