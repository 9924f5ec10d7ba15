"""Which bytes the channels of each map can hold, whatever the input is: followed through every op of a function.

An op's entry states what it makes of the bytes of its operands (`OpEntry.reachable`); of an op that states nothing, or
with an operand that is no int8 tensor, a result may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from tinyts_mlir.dialects.channel_geometry import last_extent
from tinyts_mlir.dialects.interfaces import (
    AliasInterface,
    Residence,
    is_constant,
    is_there_already,
    receives,
    residence_of,
)
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import tensor_type
from tinyts_mlir.kernels.channel_bytes import ChannelBytes
from tinyts_mlir.kernels.operands import int8_weights
from tinyts_mlir.kernels.registry import find_entry


class ValueRanges(Mapping[SSAValue, ChannelBytes]):
    """The bytes of every int8 tensor of a function of whole tensors; those of constants are found when asked for."""

    def __init__(self, function: FuncOp) -> None:
        self._bytes: dict[SSAValue, ChannelBytes] = {}
        for op in function.body.block.ops:
            if residence_of(op) is not Residence.FLASH:
                self._follow(op)

    def _follow(self, op: Operation) -> None:
        tracked = [value for value in op.results if holds_bytes(value)]
        if not tracked:
            return
        made = self._made(op) if len(tracked) == len(op.results) else None
        for number, value in enumerate(op.results):
            if holds_bytes(value):
                self._bytes[value] = ChannelBytes.anything(last_extent(value)) if made is None else made[number]

    def _made(self, op: Operation) -> list[ChannelBytes] | None:
        """The bytes of all results; None where nothing is known."""
        entry = find_entry(op)
        if isinstance(op, AliasInterface) and holds_bytes(op.operands[0]):
            return [self[op.operands[0]].folded(last_extent(op.results[0]))]
        if entry is None or entry.reachable is None or receives(op) or is_there_already(op):
            return None
        if not all(holds_bytes(value) or is_constant(value) for value in op.operands):
            return None
        with np.errstate(all="ignore"):
            try:
                return list(entry.reachable(op, self.__getitem__))
            except (ValueError, ZeroDivisionError, OverflowError):
                return None  # scales of which no constants can be computed: lowering says which, and of which layer

    def __getitem__(self, value: SSAValue) -> ChannelBytes:
        """The bytes of an int8 tensor; KeyError for any other."""
        if value not in self._bytes and holds_bytes(value):
            constant = is_constant(value)
            made = ChannelBytes.of(int8_weights(value)) if constant else ChannelBytes.anything(last_extent(value))
            self._bytes[value] = made
        return self._bytes[value]

    def __iter__(self) -> Iterator[SSAValue]:
        return iter(self._bytes)

    def __len__(self) -> int:
        return len(self._bytes)


def holds_bytes(value: SSAValue) -> bool:
    """Whether a value is an int8 tensor."""
    type = tensor_type(value).element_type
    return isinstance(type, UniformQuantizedType) and type.limits == (-128, 127)
