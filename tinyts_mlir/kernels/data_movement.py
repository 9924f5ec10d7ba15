"""Kernels that move bytes and compute nothing: PAD, CONCATENATION, SPLIT, copies, constants and zeroes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.channel_geometry import last_extent
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import (
    FEATURE_MAP_RANK,
    HEIGHT,
    WIDTH,
    element_bytes,
    row_bytes,
    size_in_bytes,
    tensor_type,
)
from tinyts_mlir.dialects.tinyts import ConcatenationOp, JoinOp, LoadOp, PadOp, SplitOp
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Int8Array, Pair, Rows, Window, as_rows
from tinyts_mlir.kernels.operands import constant_of, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameters, int8_array, integer

COPY_INSTRUCTIONS = 2.0
"""For each byte."""
_COPY_COST = per_element(COPY_INSTRUCTIONS)

# --- PAD -----------------------------------------------------------------------------------------------------------


def _pad_call(op: PadOp) -> KernelCall:
    _, _, input_width, input_channels = whole_shape_of(op.input[0])
    padding, channels = int_values(op.padding), int_values(op.channels)
    size = element_bytes(tensor_type(op.result))
    parameters = {
        "input_width": input_width,
        "input_channels": input_channels * size,
        "columns_before": padding[2],
        "columns_after": padding[3],
        "channels_before": channels[0] * size,
        "channels_after": channels[1] * size,
        "value": _byte_of(op.padding_value, size),
    }
    return KernelCall.of(op, PAD, parameters)


def _byte_of(value: int, size: int) -> int:
    """The byte, as int8, that all bytes of an element are; ValueError where they differ."""
    bytes = value.to_bytes(size, "little", signed=True)
    if len(set(bytes)) > 1:
        raise ValueError(f"expected a padding of two equal bytes for int16, such as 0 or -1, got {value}")
    return int.from_bytes(bytes[:1], "little", signed=True)


def _check_pad(op: PadOp) -> None:
    _byte_of(op.padding_value, element_bytes(tensor_type(op.result)))


def pad(input: Int8Array, paddings: Sequence[Pair], value: int) -> Int8Array:
    """PAD: an array of any shape, with (before, after) elements of `value` added on each axis."""
    return np.pad(input, paddings, constant_values=value)


def _run_pad(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    window = inputs[0]
    map = window.rows.reshape(-1, integer(parameters, "input_width"), integer(parameters, "input_channels"))
    paddings = [
        (window.padding_before, window.padding_after),
        (integer(parameters, "columns_before"), integer(parameters, "columns_after")),
        (integer(parameters, "channels_before"), integer(parameters, "channels_after")),
    ]
    return as_rows(pad(map, paddings, integer(parameters, "value")), row_count)


def _pad_bytes(op: PadOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    operand = bytes_of(op.input[0])
    if any(int_values(op.padding)):
        operand = operand.with_byte(op.padding_value)
    limits = op.padding_value, op.padding_value
    before, after = (ChannelBytes.anything(count, limits).possible for count in int_values(op.channels))
    return [ChannelBytes(np.concatenate([before, operand.possible, after]))]


# --- CONCATENATION and SPLIT ---------------------------------------------------------------------------------------


def _blocks(value: SSAValue, axis: int) -> tuple[int, int]:
    """A row (or the whole, where rows do not matter) as so many blocks of so many bytes, the extent of `axis` on."""
    shape = whole_shape_of(value)
    by_rows = len(shape) == FEATURE_MAP_RANK and axis > HEIGHT
    return prod(shape[WIDTH if by_rows else 0 : axis]), prod(shape[axis:]) * element_bytes(tensor_type(value))


def _concatenation_call(op: ConcatenationOp) -> KernelCall:
    inputs = [_blocks(group[0], op.axis.value.data) for group in op.operand_groups()]
    block_bytes = np.array([block for _, block in inputs], np.uint32)
    parameters = {"block_bytes": block_bytes, "outer": inputs[0][0], "input_count": len(inputs)}
    return KernelCall.of(op, CONCATENATION, parameters)


def _run_concatenation(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    outer = integer(parameters, "outer")
    blocks = [window.rows.reshape(row_count, outer, -1) for window in inputs]
    return as_rows(np.concatenate(blocks, axis=2), row_count)


def _split_call(op: SplitOp) -> KernelCall:
    outer, block_bytes = _blocks(op.parts[0], op.axis.value.data)
    parameters = {"outer": outer, "block_bytes": block_bytes, "output_count": len(op.parts)}
    return KernelCall.of(op, SPLIT, parameters)


def _run_split(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    outer, count = integer(parameters, "outer"), integer(parameters, "output_count")
    parts = np.split(inputs[0].rows.reshape(row_count, outer, -1), count, axis=2)
    return [as_rows(part, row_count)[0] for part in parts]


def _concatenation_bytes(op: ConcatenationOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    parts = [bytes_of(group[0]).possible for group in op.operand_groups()]
    is_last = op.axis.value.data == len(whole_shape_of(op.result)) - 1
    return [ChannelBytes(np.concatenate(parts) if is_last else np.logical_or.reduce(parts))]


def _split_bytes(op: SplitOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    operand = bytes_of(op.input[0])
    if op.axis.value.data != len(whole_shape_of(op.parts[0])) - 1:
        return [operand] * len(op.parts)
    channels = last_extent(op.parts[0])
    return [operand.taken(np.arange(channels) + number * channels) for number in range(len(op.parts))]


# --- Copies, constants and zeroes ------------------------------------------------------------------------------------


def _join_call(op: JoinOp) -> KernelCall:
    return KernelCall(COPY, {"row_bytes": row_bytes(tensor_type(op.result))}, RowMap())


def _join_instructions(op: JoinOp) -> float:
    return 0.0 if op.finds_operands_in_place() else COPY_INSTRUCTIONS * size_in_bytes(tensor_type(op.result))


def _run_copy(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return [inputs[0].rows.copy()]


def _load_call(op: LoadOp) -> KernelCall:
    data = np.frombuffer(constant_of(op.constant).value.data.data, np.int8)
    return KernelCall.of(op, LOAD, {"data": data, "row_bytes": size_in_bytes(tensor_type(op.result))})


def _loaded_bytes(op: LoadOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    return [bytes_of(op.constant)]


def _run_load(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return [np.tile(int8_array(parameters, "data").reshape(1, -1), (row_count, 1))]


def clear_call(row_bytes: int) -> KernelCall:
    """What zeroes a row of so many bytes: the state of an accumulating kernel before its first step."""
    return KernelCall(CLEAR, {"row_bytes": row_bytes}, RowMap())


def _run_clear(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return [np.zeros((row_count, integer(parameters, "row_bytes")), np.int8)]


PAD = Kernel("pad", _run_pad)
CONCATENATION = Kernel("concatenation", _run_concatenation, cost=_COPY_COST)
SPLIT = Kernel("split", _run_split)
COPY = Kernel("copy", _run_copy, cost=_COPY_COST)
LOAD = Kernel("load", _run_load, cost=_COPY_COST)
CLEAR = Kernel("clear", _run_clear)

FAMILY = KernelFamily(
    kernels=[PAD, CONCATENATION, SPLIT, COPY, LOAD, CLEAR],
    ops=[
        OpEntry(PadOp, _pad_call, check=_check_pad, kernels=(PAD,), reachable=_pad_bytes),
        OpEntry(
            ConcatenationOp,
            _concatenation_call,
            cost=_COPY_COST,
            kernels=(CONCATENATION,),
            reachable=_concatenation_bytes,
        ),
        OpEntry(SplitOp, _split_call, kernels=(SPLIT,), reachable=_split_bytes),
        OpEntry(LoadOp, _load_call, cost=_COPY_COST, kernels=(LOAD,), reachable=_loaded_bytes),
        OpEntry(JoinOp, _join_call, cost=_COPY_COST, avoidable_instructions=_join_instructions, kernels=(COPY,)),
    ],
)
