"""`verify-plan`: checks a schedule and a placement by running them on ownership of bytes.

State is a memory of its own, which no value of the arena overlaps; what is read of a state must not be assigned before.

Independent of how the plan was made: no lifetimes, no overlap test of the planner's, only the same facts about kernels.
One array says which value each byte of the arena belongs to; the ops run in their order; each must find all bytes of
its operands still theirs, gets its scratch and its results, and must not write where it still reads. Returned values
must be whole at the end. External inputs are not in the arena, so no op of a plan can write there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from tinyts_mlir.analysis.op_graph import functions, require_plannable
from tinyts_mlir.analysis.states import declared_states
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.carried_state import carried_before
from tinyts_mlir.dialects.interfaces import (
    AliasInterface,
    AssemblingInterface,
    assigned_state,
    is_there_already,
    needs_no_arena,
    state_behind,
)
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import WORD_BYTES, rows_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts_attributes import ARENA_BYTES, STATE_BYTES
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import needed_scratch, scratch_options, works_in_place
from tinyts_mlir.kernels.operand_overlap import first_byte_lost

FREE, SCRATCH = -1, -2
MOST_ARENA_BYTES = 1 << 28
"""More is no microcontroller's, and the check keeps a number for each byte."""


@dataclass(frozen=True)
class VerifyPlanPass(ModulePass):
    """Refuses a plan that would overwrite bytes before they are read; changes nothing."""

    name = "verify-plan"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Checks every function of the module; changes nothing."""
        for function in functions(op):
            verify_function_plan(function)


class _Arena:
    """Who owns each byte while a plan runs."""

    def __init__(self, size: int) -> None:
        self.owners: NDArray[np.int32] = np.full(size, FREE, dtype=np.int32)
        self.places: dict[SSAValue, tuple[int, slice]] = {}

    def take(self, op: Operation, step: int, what: str, offset: int, size: int, owner: int) -> slice:
        if offset < 0 or offset + size > len(self.owners):
            raise _broken(op, step, f"{what} at bytes {offset} to {offset + size} is outside of the arena")
        place = slice(offset, offset + size)
        self.owners[place] = owner
        return place

    def require(self, op: Operation, step: int, value: SSAValue, what: str = "an operand") -> None:
        if value not in self.places:
            raise _broken(op, step, f"{what} is not made before this step")
        owner, place = self.places[value]
        found = self.owners[place]
        if not (found == owner).all():
            byte = place.start + int(np.argmax(found != owner))
            raise _broken(op, step, f"byte {byte} of {what} was overwritten before it is read")

    def is_only_under(self, value: SSAValue, result: SSAValue) -> bool:
        """Whether all bytes of a value are still its own but for those that belong to a result."""
        owner, place = self.places[value]
        return bool(np.isin(self.owners[place], (owner, self.places[result][0])).all())


def verify_function_plan(function: FuncOp) -> None:
    """Checks one function; raises CompileError that names the step and the op where the plan breaks."""
    arena_bytes = function.attributes.get(ARENA_BYTES)
    if not isinstance(arena_bytes, IntegerAttr):
        raise CompileError(f"verify-plan: function @{function.sym_name.data} has no plan; run plan-arena first")
    if (size := arena_bytes.value.data) > MOST_ARENA_BYTES:
        raise CompileError(f"verify-plan: expected an arena of at most {MOST_ARENA_BYTES} bytes, got {size}")
    require_plannable(VerifyPlanPass.name, function)
    verify_places_of_states(function)
    states = _States()
    arena = _Arena(size)
    owner = 0
    step = -1
    for op in function.body.block.ops:
        if is_there_already(op):
            continue
        step += 1
        in_arena = [value for value in op.operands if not needs_no_arena(value)]
        for value in in_arena:
            arena.require(op, step, value)
        states.run(op, step)
        if isinstance(op, ReturnOp) or all(map(needs_no_arena, op.results)):
            continue
        if not isinstance(op, TinytsOp) or op.offsets is None:
            raise _broken(op, step, "this op has no offsets; run plan-arena first")
        offsets = int_values(op.offsets)
        for result, offset in zip(op.results, offsets, strict=True):
            if (shared := op.shared_operand_of(result)) is None:
                continue
            source_owner, place = arena.places[shared]
            if offset != place.start:
                raise _broken(op, step, f"the result stays at byte {place.start} of its operand, got {offset}")
            if isinstance(op, AliasInterface):
                arena.places[result] = (source_owner, place)
        if isinstance(op, AliasInterface):
            continue
        scratch = slice(0, 0)
        needed = needed_scratch(op, rows_of(tensor_type(op.results[0])).count)
        if needed and op.scratch is None:
            raise _broken(op, step, f"expected scratch of {needed} bytes, got none")
        if op.scratch is not None:
            offset, size = int_values(op.scratch)
            if not needed and size not in (options := scratch_options(op)):
                raise _broken(op, step, f"expected scratch of {list(options)} bytes, or none; got {size}")
            if size < needed:
                raise _broken(op, step, f"expected scratch of {needed} bytes, got {size}")
            scratch = arena.take(op, step, "scratch", offset, size, SCRATCH)
            require_words(op, step, "scratch", scratch.start)
        for result, offset in zip(op.results, offsets, strict=True):
            size = size_in_bytes(tensor_type(result))
            before = arena.owners[offset : offset + size]
            if (before == SCRATCH).any():
                raise _broken(op, step, "a result overlaps the scratch")
            arena.places[result] = (owner, arena.take(op, step, "a result", offset, size, owner))
            if not isinstance(tensor_type(result).element_type, UniformQuantizedType):
                require_words(op, step, "state", offset)
            owner += 1
        # Operands must have survived the op's own writes, unless its kernel writes just there.
        written = [arena.places[result][1] for result in op.results]
        if isinstance(op, AssemblingInterface) and op.finds_operands_in_place():
            in_arena = []  # nothing is written: the bands are the result
        for value in in_arena:
            if may_write_over(op, value) and arena.places[value][1] in written:
                continue
            if len(op.results) == 1 and arena.is_only_under(value, op.results[0]):
                _require_read_in_time(op, step, value, arena)
                continue
            arena.require(op, step, value)
        for result in op.results:
            arena.require(op, step, result, "a result")
        arena.owners[scratch] = FREE


class _States:
    """Which states are assigned already while a plan runs, and by which step."""

    def __init__(self) -> None:
        self.assigned: dict[SSAValue, int] = {}

    def run(self, op: Operation, step: int) -> None:
        """Checks that what an op reads of states is what it should be, and notes what it assigns."""
        for value in op.operands:
            held = state_behind(value)
            if held is None or value is held.state or assigned_state(held) is not None:
                continue  # no state, the name of one, or what was assigned: that is there, as its op has run
            if (before := self.assigned.get(held.state)) is not None:
                raise _broken(op, step, f"it reads what a state held before, but step {before} has assigned it")
        if (state := assigned_state(op)) is not None:
            if (before := self.assigned.get(state)) is not None:
                raise _broken(op, step, f"it assigns a state that step {before} has assigned already")
            self.assigned[state] = step


def verify_places_of_states(function: FuncOp) -> None:
    """Checks that all states have places of their own in the memory of states; raises CompileError."""
    size = function.attributes.get(STATE_BYTES)
    memory = _Arena(size.value.data if isinstance(size, IntegerAttr) else 0)
    for number, state in enumerate(declared_states(function)):
        name = state.name_in_file.data
        if state.offsets is None:
            raise CompileError(f"verify-plan: state {name!r} has no offset; run plan-arena first")
        [offset] = int_values(state.offsets)
        end = offset + size_in_bytes(tensor_type(state.result))
        if offset % WORD_BYTES or end > len(memory.owners):
            raise CompileError(
                f"verify-plan: expected state {name!r} on a multiple of {WORD_BYTES} bytes in a memory of "
                f"{len(memory.owners)}, got bytes {offset} to {end}"
            )
        if (memory.owners[offset:end] != FREE).any():
            raise CompileError(f"verify-plan: state {name!r} at bytes {offset} to {end} overlaps another one")
        memory.owners[offset:end] = number


def require_words(op: Operation, step: int, what: str, offset: int) -> None:
    """Raises CompileError unless words can lie at this byte of the arena."""
    if offset % WORD_BYTES:
        raise _broken(op, step, f"{what} at byte {offset} is not on a multiple of {WORD_BYTES} bytes")


def _require_read_in_time(op: Operation, step: int, operand: SSAValue, arena: _Arena) -> None:
    """Raises CompileError where the op itself overwrites bytes of an operand that it reads later."""
    distance = arena.places[op.results[0]][1].start - arena.places[operand][1].start
    if (byte := first_byte_lost(op, list(op.operands).index(operand), distance)) is not None:
        place = arena.places[operand][1].start + byte
        raise _broken(op, step, f"byte {place} of an operand was overwritten before it is read")


def may_write_over(op: Operation, operand: SSAValue) -> bool:
    """Whether an op may leave its result just where an operand of the same size is."""
    return works_in_place(op) or operand is carried_before(op)


def _broken(op: Operation, step: int, what: str) -> CompileError:
    return CompileError(f"verify-plan: step {step} ({op.name}): {what}")
