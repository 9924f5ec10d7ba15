"""FULLY_CONNECTED: at once from a whole operand, or from rows as they come, whose dot products a kernel finishes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.dialects.channel_geometry import last_extent
from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import RowMap, group_rows
from tinyts_mlir.dialects.rows import quantization_of, row_bytes, shape_of, tensor_type, total_rows
from tinyts_mlir.dialects.tinyts import DotRowsOp, FullyConnectedOfSumsOp, FullyConnectedOp
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.cost import DEFAULT_PER_ELEMENT, CostPerElement, KernelCost
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.matrices import BATCH_MATMUL, fully_connected_by_maps
from tinyts_mlir.kernels.numpy_rows import (
    INT8_RANGE,
    Int8Array,
    Int32Array,
    Rows,
    Window,
    as_rows,
    state_of,
    to_bytes,
    with_bias,
)
from tinyts_mlir.kernels.operands import (
    bias_scale_of,
    centred_weights,
    check_product_of_scales,
    int8_weights,
    int32_bias,
    range_of,
)
from tinyts_mlir.kernels.parameters import (
    Parameter,
    Parameters,
    int8_array,
    int32_array,
    integer,
    output_range,
)
from tinyts_mlir.kernels.reachable_sums import ANY_SUM, SumRange, bytes_of_sums
from tinyts_mlir.quantization import (
    FineMultipliers,
    Float64Array,
    accumulator_limits,
    accumulator_range,
    fold_bias,
    fully_connected_multipliers,
    fully_connected_scales,
    requantize_finely,
    requantize_real,
    wrap_int32,
)

PER_MAC = 2.0
"""Instructions."""
LARGEST_PRODUCT = 255 * 255
"""Of two bytes less their zero points."""

# --- Constants -----------------------------------------------------------------------------------------------------


def _connection(
    op: FullyConnectedOp | FullyConnectedOfSumsOp, input_type: UniformQuantizedType
) -> dict[str, Parameter]:
    """What a fully connected layer does to its sums."""
    weights = int8_weights(op.filter)
    filter_type, output_type = quantization_of(op.filter), quantization_of(op.result)
    bias = int32_bias(op.bias)
    minimum, maximum = range_of(op.activation.data, op.result)
    scales = fully_connected_scales(input_type.scale, filter_type.scales, output_type.scale)
    limits = accumulator_limits(weights, bias, input_type.zero_point)
    multipliers, shifts, lows = fully_connected_multipliers(scales, limits if len(scales) > 1 else limits.max())
    fine: dict[str, Parameter] = {} if lows is None else {"low_multipliers": lows.view(np.int32)}
    return {
        **fine,
        "bias": fold_bias(bias, weights.astype(np.int64).sum(axis=1), input_type.zero_point),
        "multipliers": multipliers,
        "shifts": shifts.astype(np.int8),
        "output_channels": weights.shape[0],
        "per_channel": int(len(scales) > 1),
        "output_zero_point": output_type.zero_point,
        "output_minimum": minimum,
        "output_maximum": maximum,
    }


def _check(op: FullyConnectedOp) -> None:
    input, result = quantization_of(op.input), quantization_of(op.result)
    range_of(op.activation.data, op.result)
    scales = fully_connected_scales(input.scale, quantization_of(op.filter).scales, result.scale)
    if not np.isfinite(scales).all():
        raise ValueError("expected finite multipliers, got an output scale that is too small")
    filter = quantization_of(op.filter)
    if not is_constant(op.filter):
        _multiplier_of_maps(op)
    if not filter.is_per_axis:
        check_product_of_scales(input.scale, filter.scale, bias_scale_of(op.bias), result.scale)


def _multiplier_of_maps(op: FullyConnectedOp) -> FineMultipliers:
    """The only multiplier where weights have a zero point, or another layer makes them and nothing is known of them."""
    depth = shape_of(op.filter)[1]
    bias = int32_bias(op.bias)
    scales = fully_connected_scales(
        quantization_of(op.input).scale, quantization_of(op.filter).scales, quantization_of(op.result).scale
    )
    if is_constant(op.filter):
        limits = accumulator_limits(centred_weights(op.filter), bias, quantization_of(op.input).zero_point)
        return fully_connected_multipliers(scales, limits.max())
    largest = depth * LARGEST_PRODUCT + (0 if bias is None else int(np.abs(bias.astype(np.int64)).max()))
    return fully_connected_multipliers(scales, np.array(min(largest, 1 << 31)))


def _call(op: FullyConnectedOp) -> KernelCall:
    bias = int32_bias(op.bias)
    if not is_constant(op.filter):
        limits = range_of(op.activation.data, op.result)
        return fully_connected_by_maps(op, bias, _multiplier_of_maps(op), limits)
    weights = int8_weights(op.filter)
    if any(quantization_of(op.filter).zero_points):
        limits = range_of(op.activation.data, op.result)
        sums = centred_weights(op.filter).sum(axis=1, dtype=np.int64)
        folded = fold_bias(bias, sums, quantization_of(op.input).zero_point)
        return fully_connected_by_maps(op, folded, _multiplier_of_maps(op), limits, weights)
    parameters = _connection(op, quantization_of(op.input))
    parameters |= {"weights": weights, "input_channels": weights.shape[1], "batches": op.batches}
    return KernelCall.of(op, FULLY_CONNECTED, parameters)


def _dot_rows_call(op: DotRowsOp) -> KernelCall:
    weights = int8_weights(op.filter)
    map = tensor_type(op.rows[0])
    by_rows = weights.reshape(weights.shape[0], total_rows(map), row_bytes(map))
    rows = group_rows(tuple(op.rows)).count
    parameters: dict[str, Parameter] = {
        "weights": np.ascontiguousarray(by_rows.transpose(1, 0, 2)),
        "row_bytes": row_bytes(map),
        "output_channels": weights.shape[0],
        "window_rows": rows,
    }
    return KernelCall(DOT_ROWS, parameters, RowMap(rows, rows))


def _of_sums_call(op: FullyConnectedOfSumsOp) -> KernelCall:
    return KernelCall.of(op, FULLY_CONNECTED_OF_SUMS, _connection(op, op.input_type))


def _reachable(op: FullyConnectedOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    limits = range_of(op.activation.data, op.result)
    if not is_constant(op.filter):
        return [ChannelBytes.anything(last_extent(op.result), limits)]
    weights, input, output = int8_weights(op.filter), quantization_of(op.input), quantization_of(op.result)
    operand = bytes_of(op.input).folded(weights.shape[1])
    bias = int32_bias(op.bias)
    sums = SumRange(*accumulator_range(weights, bias, input.zero_point, operand.lowest, operand.highest))
    scales = fully_connected_scales(input.scale, quantization_of(op.filter).scales, output.scale)
    with np.errstate(divide="ignore"):
        # What leaves int32 becomes -2**31: there, results do not grow with sums.
        largest = np.minimum(float(1 << 30) / np.abs(scales), ANY_SUM)
    made = bytes_of_sums(
        sums, lambda end: to_bytes(requantize_real(end, scales), output.zero_point, limits), limits, largest
    )
    return [made.folded(last_extent(op.result))]


# --- Cost ----------------------------------------------------------------------------------------------------------


def _cost(macs: int) -> KernelCost:
    return CostPerElement(DEFAULT_PER_ELEMENT, macs, PER_MAC)


def _macs(op: FullyConnectedOp) -> int:
    return shape_of(op.filter)[1]


# --- Meaning -------------------------------------------------------------------------------------------------------


def fully_connected(
    input: Int8Array,
    weights: Int8Array,
    bias: Int32Array | None,
    scales: Float64Array,
    *,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """FULLY_CONNECTED as LiteRT has it: (batches, input channels) to (batches, output channels).

    `weights` has shape (output channels, input channels); `bias` and the `scales` of `fully_connected_scales` have one
    element an output channel, or one for all. Source: FullyConnected and FullyConnectedPerChannel in
    kernels/internal/reference/integer_ops/fully_connected.h, which compute with doubles behind the accumulators.
    """
    values = requantize_real(_accumulators(input, weights, bias, input_zero_point), scales)
    return to_bytes(values, output_zero_point, output_range)


def fully_connected_in_integers(
    input: Int8Array,
    weights: Int8Array,
    bias: Int32Array | None,
    multipliers: FineMultipliers,
    *,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """FULLY_CONNECTED as the C kernel has it; the same as `fully_connected` but for the scales.

    The multipliers come from `fully_connected_multipliers`, which sees to it that no byte differs.
    """
    accumulators = _accumulators(input, weights, bias, input_zero_point)
    return to_bytes(requantize_finely(accumulators, multipliers), output_zero_point, output_range)


def _accumulators(input: Int8Array, weights: Int8Array, bias: Int32Array | None, input_zero_point: int) -> Int32Array:
    products = (input.astype(np.float64) - input_zero_point) @ weights.astype(np.float64).T
    return with_bias(products.astype(np.int64), bias)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    # The folded bias takes plain input bytes, so the zero point is in it already.
    result = fully_connected_in_integers(
        inputs[0].rows.reshape(integer(parameters, "batches"), integer(parameters, "input_channels")),
        int8_array(parameters, "weights"),
        int32_array(parameters, "bias"),
        _multipliers(parameters),
        output_zero_point=integer(parameters, "output_zero_point"),
        output_range=output_range(parameters),
    )
    return as_rows(result, row_count)


def _multipliers(parameters: Parameters) -> FineMultipliers:
    lows = int32_array(parameters, "low_multipliers").view(np.uint32) if "low_multipliers" in parameters else None
    shifts = int8_array(parameters, "shifts").astype(np.int32)
    return FineMultipliers(int32_array(parameters, "multipliers"), shifts, lows)


def _run_dot_rows(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    state = state_of(inputs[1])
    weights = int8_array(parameters, "weights")
    for row in inputs[0].rows:
        products = weights[state[-1]].astype(np.int64) @ row.astype(np.int64)
        state[:-1] = wrap_int32(state[:-1] + products)
        state[-1] += 1
    return [state.view(np.int8).reshape(1, -1)]


def _run_of_sums(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sums = wrap_int32(state_of(inputs[0])[:-1].astype(np.int64) + int32_array(parameters, "bias"))
    scaled = requantize_finely(sums, _multipliers(parameters))
    return [to_bytes(scaled, integer(parameters, "output_zero_point"), output_range(parameters)).reshape(1, -1)]


FULLY_CONNECTED = Kernel("fully_connected", _run, cost=lambda parameters: _cost(integer(parameters, "input_channels")))
DOT_ROWS = Kernel("dot_rows", _run_dot_rows, accumulates=True)
FULLY_CONNECTED_OF_SUMS = Kernel("fully_connected_of_sums", _run_of_sums)

FAMILY = KernelFamily(
    kernels=[FULLY_CONNECTED, DOT_ROWS, FULLY_CONNECTED_OF_SUMS],
    ops=[
        OpEntry(
            FullyConnectedOp,
            _call,
            macs=_macs,
            cost=lambda op: _cost(_macs(op)),
            check=_check,
            reachable=_reachable,
            kernels=(FULLY_CONNECTED, DOT_ROWS, FULLY_CONNECTED_OF_SUMS, BATCH_MATMUL),
        ),
        OpEntry(DotRowsOp, _dot_rows_call, kernels=(DOT_ROWS,)),
        OpEntry(FullyConnectedOfSumsOp, _of_sums_call, kernels=(FULLY_CONNECTED_OF_SUMS,)),
    ],
)
