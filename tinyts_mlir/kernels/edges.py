"""QUANTIZE and DEQUANTIZE: between what a model takes or gives and int8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import Float32Type
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import RowRange, element_bytes, quantization_of, row_bytes, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import DequantizeOp, QuantizeOp
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry, OperandOverlap
from tinyts_mlir.kernels.lead import Lead, first_shared_byte
from tinyts_mlir.kernels.lookups import LOOKUP
from tinyts_mlir.kernels.numpy_rows import Int8Array, Rows, Window
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer
from tinyts_mlir.quantization import dequantize, quantize, requantization_table

_QUANTIZE_COST = per_element(30.0)
_DEQUANTIZE_COST = per_element(8.0)

UNSIGNED_LIMITS = (0, 255)
FLOAT_BYTES = 4


def _is_float(value: SSAValue) -> bool:
    return isinstance(tensor_type(value).element_type, Float32Type)


def _elements(value: SSAValue) -> int:
    """Elements of a row."""
    type = tensor_type(value)
    return row_bytes(type) // element_bytes(type)


def _parameters(type: UniformQuantizedType, value: SSAValue) -> dict[str, Parameter]:
    """The fields that both kernels have."""
    return {
        "row_elements": _elements(value),
        "scale_bits": int(np.float32(type.scale).view(np.int32)),
        "zero_point": type.zero_point,
        "is_unsigned": int(type.is_unsigned),
    }


def _scale(parameters: Parameters) -> float:
    return float(np.int32(integer(parameters, "scale_bits")).view(np.float32))


# --- QUANTIZE ------------------------------------------------------------------------------------------------------


def _table(op: QuantizeOp) -> Int8Array:
    input, output = quantization_of(op.input[0]), quantization_of(op.result)
    return requantization_table(
        input.scale, input.zero_point, output.scale, output.zero_point, input.limits, output.limits
    )


def _quantize_call(op: QuantizeOp) -> KernelCall:
    if _is_float(op.input[0]):
        return KernelCall.of(op, QUANTIZE, _parameters(quantization_of(op.result), op.result))
    return KernelCall.of(op, LOOKUP, {"table": _table(op), "row_elements": _elements(op.result)})


def _reachable(op: QuantizeOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    return [bytes_of(op.input[0]).through(_table(op))]


def _check_quantize(op: QuantizeOp) -> None:
    if not _is_float(op.input[0]):
        _table(op)


def _run_quantize(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    values = np.ascontiguousarray(inputs[0].rows).view(np.float32)
    limits = UNSIGNED_LIMITS if integer(parameters, "is_unsigned") else (-128, 127)
    quantized = quantize(values, _scale(parameters), integer(parameters, "zero_point"), limits)
    return [(quantized & 255).astype(np.uint8).view(np.int8).reshape(row_count, -1)]


class QuantizedOnFloats(OperandOverlap):
    """A byte is written behind the four that it is made of, or on the first of them."""

    def lead(self, result_rows: RowRange, operand_rows: RowRange) -> Lead | None:
        """The result may begin where the operand does, or below."""
        return Lead(0, 0) if result_rows == operand_rows else None


def _overlap(op: QuantizeOp) -> OperandOverlap | None:
    return QuantizedOnFloats() if len(op.input) == 1 and _is_float(op.input[0]) else None


def _first_byte_lost(op: QuantizeOp, operand: int, distance: int) -> int | None:
    """Element i, of bytes 4 i to 4 i + 3, is read just before byte i of the result is written."""
    floats, bytes = size_in_bytes(tensor_type(op.input[operand])), size_in_bytes(tensor_type(op.result))
    if not _is_float(op.input[operand]):
        return first_shared_byte(distance, floats, bytes)
    written = distance + np.arange(bytes)
    unread = FLOAT_BYTES * (np.arange(bytes) + 1)
    lost = written[(written >= unread) & (written < floats)]
    return int(lost[0]) if lost.size else None


# --- DEQUANTIZE ----------------------------------------------------------------------------------------------------


def _dequantize_call(op: DequantizeOp) -> KernelCall:
    return KernelCall.of(op, DEQUANTIZE, _parameters(quantization_of(op.input[0]), op.result))


def _run_dequantize(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    rows = np.ascontiguousarray(inputs[0].rows)
    values = rows.view(np.uint8) if integer(parameters, "is_unsigned") else rows
    floats = dequantize(values, _scale(parameters), integer(parameters, "zero_point"))
    return [floats.view(np.int8).reshape(row_count, -1)]


QUANTIZE = Kernel("quantize", _run_quantize, cost=_QUANTIZE_COST)
DEQUANTIZE = Kernel("dequantize", _run_dequantize, cost=_DEQUANTIZE_COST)

FAMILY = KernelFamily(
    kernels=[QUANTIZE, DEQUANTIZE],
    ops=[
        OpEntry(
            QuantizeOp,
            _quantize_call,
            kernels=(QUANTIZE, LOOKUP),
            works_in_place=True,
            overlap=_overlap,
            first_byte_lost=_first_byte_lost,
            cost=_QUANTIZE_COST,
            check=_check_quantize,
            reachable=_reachable,
        ),
        OpEntry(DequantizeOp, _dequantize_call, cost=_DEQUANTIZE_COST, kernels=(DEQUANTIZE,)),
    ],
)
