"""How a kernel's result may lie partly on an operand that dies with it.

A kernel that goes through its pixels in order has no more use for those it is past. Its result may begin a little below
such an operand, so that what it writes stays behind what it has yet to read: the *lead* is by how many bytes.
The idea is that of Blacker, Bridges and Hadfield, 'Diagonal Memory Optimisation for Machine Learning on
Micro-controllers' (2020), here for bands of rows.

The planner asks for the lead. `verify-plan` asks which byte a kernel loses at a place, which is worked out anew.
"""

from __future__ import annotations

from xdsl.ir import Operation

from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.kernels.entry import OperandOverlap
from tinyts_mlir.kernels.lead import first_shared_byte
from tinyts_mlir.kernels.registry import find_entry

__all__ = ["OperandOverlap", "first_byte_lost", "operand_overlap"]


def operand_overlap(op: Operation) -> OperandOverlap | None:
    """How the result of `op` may lie on operands that die with it; None where it must not.

    The op may be one on bands or on whole maps.
    """
    entry = find_entry(op)
    return None if entry is None else entry.overlap(op)


def first_byte_lost(op: Operation, operand_index: int, distance: int) -> int | None:
    """The first byte of an operand that is overwritten before it is read, None where there is none.

    `distance` is by how many bytes the only result of `op` begins above the operand.
    """
    entry = find_entry(op)
    if entry is not None and entry.first_byte_lost is not None:
        return entry.first_byte_lost(op, operand_index, distance)
    sizes = (size_in_bytes(tensor_type(value)) for value in (op.operands[operand_index], op.results[0]))
    return first_shared_byte(distance, *sizes)
