"""Functions of one int16: LOGISTIC, TANH, LEAKY_RELU, RELU, RELU6; QUANTIZE and DEQUANTIZE between it and others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float32Type
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.rows import element_bytes, quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import (
    DequantizeOp,
    LeakyReluOp,
    LoadOp,
    LogisticOp,
    QuantizeOp,
    Relu6Op,
    ReluOp,
    TanhOp,
)
from tinyts_mlir.dialects.tinyts_elementwise import ElementwiseOp
from tinyts_mlir.kernels.c_sources import int16_sources
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.int16_arithmetic import (
    INT16_RANGE,
    as_wide_rows,
    per_wide_element,
    power_of_two,
    wide_elements,
)
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.operands import int16_constant, range_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer, output_range
from tinyts_mlir.quantization import defined_multiplier, dequantize, quantize, requantize, wrap_int32

_SIGMOID_COST = per_wide_element(27.0)
_REQUANTIZE_COST = per_wide_element(37.0)
_QUANTIZE_COST = per_wide_element(39.0)
_DEQUANTIZE_COST = per_wide_element(12.0)
_LOAD_COST = per_wide_element(1.0)

# --- LOGISTIC and TANH ---------------------------------------------------------------------------------------------

_STEPS_PER_UNIT = 24
"""Entries of the table from 0 to 1."""
_TABLE_ENTRIES = 256
_UNIT_BITS = 12
"""An operand of scale 2^-12 is taken as it is; of TANH, one of 2^-11, too."""
_RUNS_ABOVE_NEAREST = ((14, 17), (19, 22), (27, 31), (33, 35), (39, 41), (43, 46), (62, 64))
_ABOVE_NEAREST = (4, 8, 12, 25, 37, 49, 50, 54, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255)
"""Entries of the reference's table that are one more than what is nearest, those in runs besides."""
_LARGEST_MULTIPLIER = (1 << 16) - 1


def _sigmoid_table() -> npt.NDArray[np.uint16]:
    """1 / (1 + exp(-i / 24)) in 1/65536, as the reference has it; (256,)."""
    values = 65536.0 / (1.0 + np.exp(-np.arange(_TABLE_ENTRIES) / _STEPS_PER_UNIT))
    table = np.floor(values + 0.5).astype(np.uint16)
    table[list(_ABOVE_NEAREST)] += 1
    for first, last in _RUNS_ABOVE_NEAREST:
        table[first : last + 1] += 1
    return table


def _sigmoid_constants(op: LogisticOp | TanhOp) -> tuple[int, int]:
    """Multiplier and shift to the right of an operand.

    Raises ValueError for scales out of range. Source: SigmoidPrepare and TanhPrepare in kernels/activations.cc.
    """
    scale = quantization_of(op.input[0]).scale
    if not scale > 0.0:
        raise ValueError(f"expected an operand with a scale above 0, got {scale}")
    power = power_of_two(scale)
    if power is not None and (left := power + _UNIT_BITS) in ((0, 1) if isinstance(op, TanhOp) else (0,)):
        return 3 << left, 0
    multiplier, shift = float(np.float32(scale)) * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    if multiplier > _LARGEST_MULTIPLIER:
        raise ValueError(f"expected an operand with a scale of at most 5.3, got {scale}")
    return int(multiplier), shift


def _sigmoid_call(op: LogisticOp | TanhOp) -> KernelCall:
    multiplier, shift = _sigmoid_constants(op)
    parameters: dict[str, Parameter] = {
        "table": _sigmoid_table(),
        "multiplier": multiplier,
        "right_shift": shift,
        "row_elements": _elements(op.result),
        "is_tanh": int(isinstance(op, TanhOp)),
    }
    return KernelCall.of(op, SIGMOID_INT16, parameters)


def _run_sigmoid(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: Logistic and Tanh of int16 in kernels/internal/reference/integer_ops/logistic.h and tanh.h."""
    table = cast("npt.NDArray[np.uint16]", parameters["table"]).astype(np.int64)
    shift, is_tanh = integer(parameters, "right_shift"), integer(parameters, "is_tanh")
    values = wide_elements(inputs[0]).astype(np.int64) * integer(parameters, "multiplier")
    positions = wrap_int32(values + (1 << shift >> 1)).astype(np.int64) >> shift
    bits, greatest = (8, 0xFFFF) if is_tanh else (9, 0x7FFF << 1)
    magnitudes = np.abs(positions)
    entries = np.minimum(magnitudes >> bits, _TABLE_ENTRIES - 2)
    between = (table[entries] << bits) + (magnitudes & ((1 << bits) - 1)) * (table[entries + 1] - table[entries])
    found = np.where(magnitudes >> bits >= _TABLE_ENTRIES - 1, greatest << bits, between)
    if is_tanh:
        found = found - (1 << 23)
        made = np.where(positions >= 0, found + 128, 127 - found) >> 8
    else:
        made = np.where(positions >= 0, found + 512, (1 << 25) - found + 511) >> 10
    return as_wide_rows(made, row_count)


# --- LEAKY_RELU, RELU, RELU6, QUANTIZE to integers -----------------------------------------------------------------


def _elements(value: SSAValue) -> int:
    """Elements of a row."""
    type = tensor_type(value)
    return row_bytes(type) // element_bytes(type)


def _is_float(value: SSAValue) -> bool:
    return isinstance(tensor_type(value).element_type, Float32Type)


def _requantization(op: ElementwiseOp, kept: float, below: float, limits: tuple[int, int]) -> dict[str, Parameter]:
    """The parameters for real multipliers of what is not negative, and of what is; ValueError for too large ones."""
    multiplier, shift = defined_multiplier(kept)
    negative_multiplier, negative_shift = defined_multiplier(below)
    return {
        "multiplier": multiplier,
        "shift": shift,
        # A negative slope is negated after rounding, not multiplied with: ties go the other way.
        "negative_multiplier": abs(negative_multiplier),
        "negative_shift": negative_shift,
        "negates": int(negative_multiplier < 0),
        "input_zero_point": quantization_of(op.input[0]).zero_point,
        "output_zero_point": quantization_of(op.result).zero_point,
        "output_minimum": limits[0],
        "output_maximum": limits[1],
        "row_elements": _elements(op.result),
        "output_bytes": element_bytes(tensor_type(op.result)),
    }


def _single_precision(op: ElementwiseOp, alpha: float = 1.0) -> float:
    input, output = quantization_of(op.input[0]), quantization_of(op.result)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return float(np.float32(input.scale) * np.float32(alpha) / np.float32(output.scale))


def _leaky_relu(op: LeakyReluOp) -> dict[str, Parameter]:
    """Source: LeakyReluPrepare in kernels/activations.cc."""
    return _requantization(op, _single_precision(op), _single_precision(op, op.alpha.value.data), INT16_RANGE)


def _relu(activation: str) -> Callable[[ReluOp | Relu6Op], dict[str, Parameter]]:
    """Source: ReluPrepare and QuantizedReluX in kernels/activations.cc."""

    def parameters(op: ReluOp | Relu6Op) -> dict[str, Parameter]:
        real = _single_precision(op)
        return _requantization(op, real, real, range_of(activation, op.result))

    return parameters


def _requantized(op: QuantizeOp) -> dict[str, Parameter]:
    """Source: Prepare in kernels/quantize.cc."""
    input, output = quantization_of(op.input[0]), quantization_of(op.result)
    real = float(np.float64(np.float32(input.scale)) / np.float64(np.float32(output.scale)))
    return _requantization(op, real, real, output.limits)


def _run_requantize(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    values = wide_elements(inputs[0]).astype(np.int64) - integer(parameters, "input_zero_point")
    kept = requantize(values, integer(parameters, "multiplier"), integer(parameters, "shift")).astype(np.int64)
    below = requantize(values, integer(parameters, "negative_multiplier"), integer(parameters, "negative_shift"))
    below = below.astype(np.int64) * (-1 if integer(parameters, "negates") else 1)
    scaled = wrap_int32(np.where(values >= 0, kept, below) + integer(parameters, "output_zero_point"))
    made = np.clip(scaled, *output_range(parameters)).astype(f"<i{integer(parameters, 'output_bytes')}")
    return [np.ascontiguousarray(made).view(np.int8).reshape(row_count, -1)]


# --- QUANTIZE and DEQUANTIZE of floats -----------------------------------------------------------------------------


def _float_parameters(value: SSAValue) -> dict[str, Parameter]:
    type = quantization_of(value)
    bits = int(np.float32(type.scale).view(np.int32))
    return {"row_elements": _elements(value), "scale_bits": bits, "zero_point": type.zero_point}


def _scale(parameters: Parameters) -> float:
    return float(np.int32(integer(parameters, "scale_bits")).view(np.float32))


def _quantize_call(op: QuantizeOp) -> KernelCall:
    if _is_float(op.input[0]):
        return KernelCall.of(op, QUANTIZE_INT16, _float_parameters(op.result))
    return KernelCall.of(op, REQUANTIZE_INT16, _requantized(op))


def _check_quantize(op: QuantizeOp) -> None:
    if not _is_float(op.input[0]):
        _requantized(op)


def _run_quantize(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    values = np.ascontiguousarray(inputs[0].rows).view(np.float32)
    return as_wide_rows(quantize(values, _scale(parameters), integer(parameters, "zero_point"), INT16_RANGE), row_count)


def _dequantize_call(op: DequantizeOp) -> KernelCall:
    return KernelCall.of(op, DEQUANTIZE_INT16, _float_parameters(op.input[0]))


def _run_dequantize(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    floats = dequantize(wide_elements(inputs[0]), _scale(parameters), integer(parameters, "zero_point"))
    return [floats.view(np.int8).reshape(row_count, -1)]


# --- Constants -----------------------------------------------------------------------------------------------------


def _load_call(op: LoadOp) -> KernelCall:
    data = int16_constant(op.constant).reshape(-1)
    return KernelCall.of(op, LOAD_INT16, {"data": data, "row_elements": data.size})


def _run_load(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    data = cast("npt.NDArray[np.int16]", parameters["data"])
    return as_wide_rows(np.tile(data.reshape(1, -1), (row_count, 1)), row_count)


LOAD_INT16 = Kernel("load_int16", _run_load, cost=lambda _: _LOAD_COST, sources=int16_sources())
SIGMOID_INT16 = Kernel(
    "sigmoid_int16",
    _run_sigmoid,
    cost=lambda _: _SIGMOID_COST,
    sources=int16_sources(),
)
REQUANTIZE_INT16 = Kernel(
    "requantize_int16",
    _run_requantize,
    cost=lambda _: _REQUANTIZE_COST,
    sources=int16_sources(),
)
QUANTIZE_INT16 = Kernel(
    "quantize_int16",
    _run_quantize,
    cost=lambda _: _QUANTIZE_COST,
    sources=int16_sources(),
)
DEQUANTIZE_INT16 = Kernel(
    "dequantize_int16",
    _run_dequantize,
    cost=lambda _: _DEQUANTIZE_COST,
    sources=int16_sources(),
)


def _sigmoid_entry(op_type: type[LogisticOp] | type[TanhOp]) -> OpEntry[LogisticOp | TanhOp]:
    return OpEntry(
        op_type,
        _sigmoid_call,
        works_in_place=True,
        cost=lambda _: _SIGMOID_COST,
        check=_sigmoid_constants,
        kernels=(SIGMOID_INT16,),
        is_wide=True,
    )


def _entry(op_type: type, parameters: Callable[..., dict[str, Parameter]]) -> OpEntry[ElementwiseOp]:
    return OpEntry(
        op_type,
        lambda op: KernelCall.of(op, REQUANTIZE_INT16, parameters(op)),
        works_in_place=True,
        cost=lambda _: _REQUANTIZE_COST,
        check=parameters,
        kernels=(REQUANTIZE_INT16,),
        is_wide=True,
    )


def _keeps_width(op: QuantizeOp) -> bool:
    return element_bytes(tensor_type(op.input[0])) == element_bytes(tensor_type(op.result))


FAMILY = KernelFamily(
    kernels=[SIGMOID_INT16, REQUANTIZE_INT16, QUANTIZE_INT16, DEQUANTIZE_INT16, LOAD_INT16],
    ops=[
        OpEntry(LoadOp, _load_call, cost=lambda _: _LOAD_COST, kernels=(LOAD_INT16,), is_wide=True),
        _sigmoid_entry(LogisticOp),
        _sigmoid_entry(TanhOp),
        _entry(LeakyReluOp, _leaky_relu),
        _entry(ReluOp, _relu("relu")),
        _entry(Relu6Op, _relu("relu6")),
        OpEntry(
            QuantizeOp,
            _quantize_call,
            works_in_place=_keeps_width,
            cost=lambda op: _QUANTIZE_COST if _is_float(op.input[0]) else _REQUANTIZE_COST,
            check=_check_quantize,
            kernels=(QUANTIZE_INT16, REQUANTIZE_INT16),
            is_wide=True,
        ),
        OpEntry(
            DequantizeOp,
            _dequantize_call,
            cost=lambda _: _DEQUANTIZE_COST,
            kernels=(DEQUANTIZE_INT16,),
            is_wide=True,
        ),
    ],
)
