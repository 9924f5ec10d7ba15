"""LSTM and SVDF: layers that go on from what they made of the steps before."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinyts_mlir.dialects.rows import quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import LstmOp, SvdfFeaturesOp, SvdfSumsOp
from tinyts_mlir.dialects.tinyts_recurrent import GATES
from tinyts_mlir.kernels.cost import CostPerElement, KernelCost
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.fixed_point_16 import (
    INT16_MAX,
    INT16_MIN,
    MOST_TANH_INTEGER_BITS,
    Int16Array,
    sigmoid,
    tangent,
)
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Int8Array, Int32Array, Rows, Window, to_bytes, with_bias
from tinyts_mlir.kernels.operands import constant_of, int8_weights, int32_bias
from tinyts_mlir.kernels.parameters import (
    Parameter,
    Parameters,
    int8_array,
    int32_array,
    integer,
    integers,
    uint32_array,
)
from tinyts_mlir.kernels.weight_packing import pack_row_quads, unpack_row_quads
from tinyts_mlir.quantization import (
    QuantizedMultiplier,
    fold_bias,
    quantize_multiplier,
    requantize,
    rounding_divide_by_power_of_two,
)

FORGET, CELL, OUTPUT, INPUT = range(len(GATES))
GATE_SCALE = 2.0**-12
"""Of the sums of a gate: 3 integer bits."""
PER_UNIT, PER_MAC = 600.0, 1.7
"""Instructions."""
PER_FEATURE, PER_SUM = 25.0, 40.0
PER_TIME_MAC = 2.5
LARGEST_SHIFT = 31
NARROW_SUMS, NARROW_SHIFTS = 1 << 30, range(-22, 0)
POWER_TOLERANCE = 1e-3
"""How far the logarithm of a cell's scale may be from a whole number."""

# --- Constants of an LSTM ------------------------------------------------------------------------------------------


def _multiplier(real: float) -> QuantizedMultiplier:
    multiplier = quantize_multiplier(real)
    if multiplier.shift > LARGEST_SHIFT:
        raise ValueError(f"expected a multiplier below 2^{LARGEST_SHIFT}, got {real:.9g}")
    return multiplier


def _gate_multiplier(input_scale: float, weight_scale: float) -> QuantizedMultiplier:
    """From sums of products to a gate. Source: unidirectional_sequence_lstm.cc, in single precision."""
    return _multiplier(float(np.float32(weight_scale) * np.float32(input_scale) / np.float32(GATE_SCALE)))


def _cell_exponent(scale: float) -> int:
    """The logarithm of a cell's scale. Raises ValueError unless it is a power of two that the kernel has."""
    exponent = math.log2(scale) if scale > 0 else math.inf
    if not math.isfinite(exponent) or abs(exponent - round(exponent)) >= POWER_TOLERANCE:
        raise ValueError(f"expected a cell state with a power of two as scale, got {scale:.9g}")
    least, most = -15, MOST_TANH_INTEGER_BITS - 15
    if not least <= round(exponent) <= most:
        raise ValueError(f"expected a cell state with a scale of 2^{least} to 2^{most}, got {scale:.9g}")
    return round(exponent)


def _padded(bias: Int32Array, gates: int) -> Int32Array:
    """Those of each gate, as many as packed weights have rows."""
    by_gate = bias.reshape(gates, -1)
    return np.pad(by_gate, ((0, 0), (0, -by_gate.shape[1] % 4))).reshape(-1)


def _is_narrow(
    weights: Sequence[Int8Array], biases: Sequence[Int32Array], multipliers: Sequence[QuantizedMultiplier]
) -> bool:
    """Whether gates scale by few instructions (`tinyts_lstm_parameters`)."""
    products = [np.abs(stack.astype(np.int64)).sum(axis=2).reshape(-1) * -INT8_RANGE[0] for stack in weights]
    largest = max(
        int((product + np.abs(bias.astype(np.int64))).max()) for product, bias in zip(products, biases, strict=True)
    )
    return largest < NARROW_SUMS and all(m.multiplier >= 0 and m.shift in NARROW_SHIFTS for m in multipliers)


def _cell_clip(op: LstmOp) -> int:
    """The greatest value of a cell; 0: any."""
    clip = 0.0 if op.cell_clip is None else op.cell_clip.value.data
    if clip <= 0.0:
        return 0
    return int(min(np.float32(clip) / np.float32(quantization_of(op.cell).scale), np.float32(INT16_MAX)))


def _lstm_parameters(op: LstmOp) -> dict[str, Parameter]:
    gates = len(op.biases)
    groups = (op.weights[:gates], op.weights[gates:])
    sources = [quantization_of(op.input), quantization_of(op.hidden)]
    multipliers = [
        _gate_multiplier(source.scale, quantization_of(value).scale)
        for source, group in zip(sources, groups, strict=True)
        for value in group
    ]
    weights = [np.stack([int8_weights(value) for value in group]) for group in groups]
    sums = [stack.astype(np.int64).sum(axis=2).reshape(-1) for stack in weights]
    bias = np.concatenate([np.frombuffer(constant_of(value).value.data.data, "<i4") for value in op.biases])
    hidden = op.hidden_scale.value.data
    if hidden == 0.0:
        raise ValueError("expected a hidden scale other than 0")
    scaled = _multiplier(float(np.float32(2.0**-15 / hidden * 2.0**-15)))
    input_bias = fold_bias(bias, sums[0], sources[0].zero_point)
    hidden_bias = fold_bias(None, sums[1], sources[1].zero_point)
    return {
        "input_weights": pack_row_quads(weights[0]),
        "hidden_weights": pack_row_quads(weights[1]),
        "input_bias": _padded(input_bias, gates),
        "hidden_bias": _padded(hidden_bias, gates),
        "gate_multipliers": tuple(m.multiplier for m in multipliers) + (0,) * (2 * (len(GATES) - gates)),
        "output_multiplier": scaled.multiplier,
        "steps": op.steps,
        "inputs": op.inputs,
        "units": op.units,
        "cell_clip": _cell_clip(op),
        "gate_shifts": tuple(m.shift for m in multipliers) + (0,) * (2 * (len(GATES) - gates)),
        "output_shift": scaled.shift,
        "output_zero_point": op.hidden_zero_point.value.data,
        "gates": gates,
        "is_narrow": int(_is_narrow(weights, (input_bias, hidden_bias), multipliers)),
        "cell_integer_bits": 15 + _cell_exponent(quantization_of(op.cell).scale),
    }


def _lstm_call(op: LstmOp) -> KernelCall:
    return KernelCall.of(op, LSTM, _lstm_parameters(op))


def _lstm_cost(macs: int) -> KernelCost:
    return CostPerElement(PER_UNIT, macs, PER_MAC)


# --- Meaning of an LSTM --------------------------------------------------------------------------------------------


def _saturated(values: npt.NDArray[np.int64] | Int32Array) -> Int16Array:
    return np.clip(values, INT16_MIN, INT16_MAX).astype(np.int16)


def _gate(parameters: Parameters, gate: int, input: Int8Array, hidden: Int8Array) -> Int16Array:
    """The sums of a gate, before its function.

    Source: CalculateLstmGateInteger8x8_16 in kernels/lstm_eval.cc.
    """
    gates, units = integer(parameters, "gates"), integer(parameters, "units")
    total = np.zeros(units, np.int16)
    for number, (name, vector) in enumerate((("input", input), ("hidden", hidden))):
        packed = uint32_array(parameters, f"{name}_weights")[gate]
        weights = unpack_row_quads(packed, units, vector.size)
        bias = int32_array(parameters, f"{name}_bias").reshape(gates, -1)[gate, :units]
        sums = with_bias(weights.astype(np.int64) @ vector.astype(np.int64), bias)
        place = number * gates + gate
        multiplier = integers(parameters, "gate_multipliers")[place], integers(parameters, "gate_shifts")[place]
        total = _saturated(requantize(sums, *multiplier).astype(np.int64) + total)
    return total


def _product(a: Int16Array, b: Int16Array, shift: int) -> npt.NDArray[np.int64]:
    return rounding_divide_by_power_of_two(a.astype(np.int64) * b, shift)


def _step(
    parameters: Parameters, input: Int8Array, hidden: Int8Array, cell: Int16Array
) -> tuple[Int8Array, Int16Array]:
    """One step: what it makes, and the cell behind it. Source: LstmStepInteger8x8_16 in kernels/lstm_eval.cc."""
    forget = sigmoid(_gate(parameters, FORGET, input, hidden))
    modulation = tangent(_gate(parameters, CELL, input, hidden), 3)
    output = sigmoid(_gate(parameters, OUTPUT, input, hidden))
    if integer(parameters, "gates") > INPUT:
        taken = sigmoid(_gate(parameters, INPUT, input, hidden))
    else:
        taken = (INT16_MAX - forget).astype(np.int16)
    bits = integer(parameters, "cell_integer_bits")
    cell = _saturated(_product(forget, cell, 15) + _product(taken, modulation, 15 + bits))
    if (clip := integer(parameters, "cell_clip")) > 0:
        cell = np.clip(cell, -clip, clip)
    made = requantize(
        output.astype(np.int64) * tangent(cell, bits),
        integer(parameters, "output_multiplier"),
        integer(parameters, "output_shift"),
    )
    return to_bytes(made, integer(parameters, "output_zero_point"), INT8_RANGE), cell


def _run_lstm(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sequence = inputs[0].rows.reshape(integer(parameters, "steps"), integer(parameters, "inputs"))
    hidden, cell = inputs[1].rows.reshape(-1), np.frombuffer(inputs[2].rows.tobytes(), np.int16)
    made: list[Int8Array] = []
    for step in sequence:
        hidden, cell = _step(parameters, step, hidden, cell)
        made.append(hidden)
    return [np.stack(made).reshape(1, -1), hidden.reshape(1, -1), cell.view(np.int8).reshape(1, -1)]


# --- SVDF ----------------------------------------------------------------------------------------------------------


def _features_multiplier(op: SvdfFeaturesOp) -> QuantizedMultiplier:
    scales = (quantization_of(value).scale for value in (op.input, op.filter, op.result))
    input, filter, result = map(np.float32, scales)
    return _finite(input * filter, result)


def _sums_multiplier(op: SvdfSumsOp) -> QuantizedMultiplier:
    scales = (quantization_of(value).scale for value in (op.memory, op.weights, op.result))
    memory, weights, result = map(np.float32, scales)
    return _finite(memory * weights, result)


def _finite(product: np.float32, result: np.float32) -> QuantizedMultiplier:
    """Source: Prepare in kernels/svdf.cc, in single precision."""
    if result == 0:
        raise ValueError("expected a result scale other than 0")
    return _multiplier(float(product / result))


def _features_call(op: SvdfFeaturesOp) -> KernelCall:
    weights = int8_weights(op.filter)
    multiplier = _features_multiplier(op)
    parameters: dict[str, Parameter] = {
        "weights": weights,
        "bias": fold_bias(None, weights.astype(np.int64).sum(axis=1), quantization_of(op.input).zero_point),
        "multiplier": multiplier.multiplier,
        "inputs": weights.shape[1],
        "filters": weights.shape[0],
        "shift": multiplier.shift,
    }
    return KernelCall.of(op, SVDF_FEATURES, parameters)


def _run_features(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    weights = int8_array(parameters, "weights").astype(np.int64)
    sums = with_bias(weights @ inputs[0].rows.reshape(-1).astype(np.int64), int32_array(parameters, "bias"))
    scaled = requantize(sums, integer(parameters, "multiplier"), integer(parameters, "shift"))
    return [_saturated(scaled).view(np.int8).reshape(1, -1)]


def _sums_call(op: SvdfSumsOp) -> KernelCall:
    filters, steps = shape_of(op.weights)
    weights = np.frombuffer(constant_of(op.weights).value.data.data, "<i2").reshape(filters, steps)
    bias = int32_bias(op.bias)
    multiplier = _sums_multiplier(op)
    parameters: dict[str, Parameter] = {
        # As the memory has them: step by step.
        "weights": np.ascontiguousarray(weights.T).astype("<i2"),
        "bias": np.zeros(shape_of(op.result)[-1], np.int32) if bias is None else bias,
        "multiplier": multiplier.multiplier,
        "steps": steps,
        "units": shape_of(op.result)[-1],
        "rank": op.rank,
        "shift": multiplier.shift,
        "output_zero_point": quantization_of(op.result).zero_point,
    }
    return KernelCall.of(op, SVDF_SUMS, parameters)


def _run_sums(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: EvalIntegerSVDF in kernels/internal/reference/svdf.h."""
    steps, units = integer(parameters, "steps"), integer(parameters, "units")
    memory = np.frombuffer(inputs[0].rows.tobytes(), np.int16).reshape(steps, units, -1)
    weights = np.asarray(parameters["weights"]).reshape(memory.shape)
    sums = with_bias((memory.astype(np.int64) * weights).sum(axis=(0, 2)), int32_array(parameters, "bias"))
    scaled = requantize(sums, integer(parameters, "multiplier"), integer(parameters, "shift"))
    return [to_bytes(scaled, integer(parameters, "output_zero_point"), INT8_RANGE).reshape(1, -1)]


LSTM = Kernel(
    "lstm",
    _run_lstm,
    cost=lambda p: _lstm_cost(integer(p, "gates") * (integer(p, "inputs") + integer(p, "units"))),
)
SVDF_FEATURES = Kernel(
    "svdf_features", _run_features, cost=lambda p: CostPerElement(PER_FEATURE / 2, integer(p, "inputs"), PER_MAC / 2)
)
SVDF_SUMS = Kernel(
    "svdf_sums",
    _run_sums,
    cost=lambda p: CostPerElement(PER_SUM, integer(p, "steps") * integer(p, "rank"), PER_TIME_MAC),
)


def _lstm_macs(op: LstmOp) -> int:
    return len(op.biases) * (op.inputs + op.units)


FAMILY = KernelFamily(
    kernels=[LSTM, SVDF_FEATURES, SVDF_SUMS],
    ops=[
        OpEntry(
            LstmOp,
            _lstm_call,
            macs=_lstm_macs,
            cost=lambda op: _lstm_cost(_lstm_macs(op)),
            check=_lstm_parameters,
            kernels=(LSTM,),
        ),
        OpEntry(
            SvdfFeaturesOp,
            _features_call,
            macs=lambda op: shape_of(op.filter)[1],
            cost=lambda op: CostPerElement(PER_FEATURE / 2, shape_of(op.filter)[1], PER_MAC / 2),
            check=_features_multiplier,
            kernels=(SVDF_FEATURES,),
        ),
        OpEntry(
            SvdfSumsOp,
            _sums_call,
            macs=lambda op: op.rank * shape_of(op.weights)[1],
            cost=lambda op: CostPerElement(PER_SUM, op.rank * shape_of(op.weights)[1], PER_TIME_MAC),
            check=_sums_multiplier,
            kernels=(SVDF_SUMS,),
        ),
    ],
)
