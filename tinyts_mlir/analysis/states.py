"""State in a function: where it lies, and that it is assigned behind all that reads what it held before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from tinyts_mlir.analysis.arena_allocation import round_up
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects.assembly import to_attribute
from tinyts_mlir.dialects.interfaces import assigned_state, state_behind
from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import StateOp
from tinyts_mlir.dialects.tinyts_attributes import STATE_BYTES
from tinyts_mlir.errors import CompileError

STATE_ALIGNMENT = 4
"""Every state begins on a multiple of so many bytes: kernels read whole words."""


def declared_states(function: FuncOp) -> list[StateOp]:
    """The states that a function declares; raises CompileError where two have one name."""
    states = [op for op in function.body.block.ops if isinstance(op, StateOp)]
    names: set[str] = set()
    for op in states:
        name = op.name_in_file.data
        if name in names:
            raise CompileError(f"function @{function.sym_name.data}: state {name!r} is declared twice")
        names.add(name)
    return states


def place_states(function: FuncOp) -> None:
    """Gives every state its place in the memory of all states, one behind the other, and the function its size."""
    behind = 0
    for op in declared_states(function):
        op.properties["offsets"] = to_attribute([behind])
        behind += _room(op)
    if behind:
        function.attributes[STATE_BYTES] = IntegerAttr(behind, i64)


def state_bytes(function: FuncOp) -> int:
    """The size of the memory of all states of a function."""
    return sum(map(_room, declared_states(function)))


def _room(op: StateOp) -> int:
    return round_up(size_in_bytes(tensor_type(op.result)), STATE_ALIGNMENT)


def assigned_behind_readers(graph: OpGraph, order: Sequence[int]) -> list[int]:
    """An order of ops in which each op that assigns a state stands behind all that read what it held before.

    Where `order` has one too early, it comes as soon as the readers are done. Raises CompileError where two ops assign
    one state, or where a reader is made of what is assigned, so that there is no such order.
    """
    before = _before(graph)
    if not before:
        return list(order)
    done: set[int] = set()
    found: list[int] = []
    waiting: list[int] = []
    for number in order:
        waiting.append(number)
        progress = True
        while progress:
            progress = False
            for candidate in waiting:
                if done.issuperset(before.get(candidate, ())) and done.issuperset(graph.operands[candidate]):
                    waiting.remove(candidate)
                    done.add(candidate)
                    found.append(candidate)
                    progress = True
                    break
    if waiting:
        op = graph.ops[waiting[0]]
        raise CompileError(
            f"{op.name}: expected to run behind all that read what the state held before, but one of these reads what "
            "is assigned; read the state once, or copy it"
        )
    return found


def _before(graph: OpGraph) -> Mapping[int, Sequence[int]]:
    """For each op that assigns a state, the ops that read what it held before."""
    assigning: dict[SSAValue, int] = {}
    for number, op in enumerate(graph.ops):
        if (state := assigned_state(op)) is None:
            continue
        if state in assigning:
            raise CompileError(f"{op.name}: expected a state to be assigned once in a call, got a second time")
        assigning[state] = number
    return {
        number: [reader for reader in readers_before(graph, state) if reader != number]
        for state, number in assigning.items()
    }


def readers_before(graph: OpGraph, state: SSAValue) -> list[int]:
    """The ops that read what a state held when the call began."""
    return [number for number, op in enumerate(graph.ops) if any(_is_held(value, state) for value in op.operands)]


def _is_held(value: SSAValue, state: SSAValue) -> bool:
    held = state_behind(value)
    return held is not None and value is not state and held.state is state and assigned_state(held) is None
