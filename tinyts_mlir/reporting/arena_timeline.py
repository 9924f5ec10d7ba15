"""The arena of a planned function over its steps: which bytes hold what, from when to when, and for whom.

Reads the plan alone (offsets, scratch, the order of ops), not how it was found: a rectangle is a value at its offset
from the step that makes it to the step that reads it last. Steps are those of the lowered program's schedule. Values
that are one another's bytes are one rectangle: a map and its reshapes, the states of a reduction, a band that is made
where a join wants it and its place in the joined map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, OpResult, SSAValue

from tinyts_mlir.analysis.layers import Layers, group_layers
from tinyts_mlir.analysis.op_graph import OpGraph, functions
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.carried_state import carried_after
from tinyts_mlir.dialects.interfaces import (
    AliasInterface,
    AssemblingInterface,
    needs_no_arena,
    receives,
    without_aliases,
)
from tinyts_mlir.dialects.rows import RowRange, rows_of, size_in_bytes, tensor_type, total_rows
from tinyts_mlir.dialects.tinyts_attributes import ARENA_BYTES, BOUND_BYTES, PEAK_BYTES
from tinyts_mlir.dialects.tinyts_base import TinytsOp, planned_offset
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import has_kernel, kernel_call
from tinyts_mlir.lowering.lower_to_runtime import layer_name, program_layer_numbers

RECEIVE = "receive"
"""What stands for a kernel where rows of an input arrive."""


class Kind(str, Enum):
    """What the bytes of a band are."""

    INPUT = "input"
    """Rows of a model input, as they are received."""
    MAP = "map"
    """Rows of a map that a layer makes."""
    STATE = "state"
    """Sums of a reduction that takes rows as they come."""
    SCRATCH = "scratch"
    """What a kernel needs while it runs."""


@dataclass(frozen=True)
class Band:
    """Bytes of the arena for some steps: a rectangle.

    Attributes:
        kind: what they are.
        layer: position in `Timeline.layers` of the layer that makes them.
        result: which of the layer's results it is, from 0.
        rows: the rows of the map that it holds; of scratch and of state none.
        total_rows: rows of the whole map; 0 where it holds none.
        address: the first byte in the arena.
        bytes: how many.
        first: the step that makes it.
        last: the last step that it is needed in; `first` and `last` are both included.
        readers: positions of the layers that read it.
        returned: whether the caller reads it, too; it then lives to the last step.
        shares_with: numbers of bands that die as this one is made and on whose bytes it lies, in part or wholly.
    """

    kind: Kind
    layer: int
    result: int
    rows: RowRange | None
    total_rows: int
    address: int
    bytes: int
    first: int
    last: int
    readers: tuple[int, ...]
    returned: bool = False
    shares_with: tuple[int, ...] = ()

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.address + self.bytes


@dataclass(frozen=True)
class TimelineLayer:
    """A layer of the program.

    Attributes:
        name: what the model file calls it.
        kernel: what runs it, without `tinyts_`.
        program_layers: its numbers in the lowered program: a reduction has one more, which clears its state.
        reads: positions of the layers whose maps it reads.
    """

    name: str
    kernel: str
    program_layers: tuple[int, ...]
    reads: tuple[int, ...]


@dataclass(frozen=True)
class Timeline:
    """A plan as a picture.

    Attributes:
        arena_bytes: the arena.
        peak_bytes: as of `plan-arena`: no arena for this order of steps is smaller. None where the plan does not say.
        bound_bytes: as of `plan-arena`: no order of rows needs less. None where the plan does not say.
        layers: in the order in which they begin.
        steps: for each step the position of its layer.
        bands: every rectangle: those of values in the order in which they are made, then those of scratch.
        live_bytes: for each step the bytes of bands that are not scratch; bytes that two share count once.
    """

    arena_bytes: int
    peak_bytes: int | None
    bound_bytes: int | None
    layers: tuple[TimelineLayer, ...]
    steps: tuple[int, ...]
    bands: tuple[Band, ...]
    live_bytes: tuple[int, ...]

    @property
    def peak_step(self) -> int:
        """The first step during which most bytes live; 0 where nothing runs."""
        return int(np.argmax(self.live_bytes)) if self.live_bytes else 0

    def alive_at(self, step: int) -> list[int]:
        """The numbers of the bands that live at a step, the largest first."""
        alive = [number for number, band in enumerate(self.bands) if band.first <= step <= band.last]
        return sorted(alive, key=lambda number: (-self.bands[number].bytes, number))

    def holders(self, step: int) -> list[tuple[int, int]]:
        """Who holds the bytes of a step: layers and how many bytes of theirs live, most first; scratch is not counted.

        Bytes that two bands share count for both.
        """
        held: dict[int, int] = {}
        for number in self.alive_at(step):
            band = self.bands[number]
            if band.kind is not Kind.SCRATCH:
                held[band.layer] = held.get(band.layer, 0) + band.bytes
        return sorted(held.items(), key=lambda item: (-item[1], item[0]))

    def segments(self) -> list[tuple[int, int]]:
        """The runs of layers whose steps interleave, as positions `start` to `stop - 1`; each ends before the next.

        Layer by layer each layer is one; with pure depth-first order they are all together.
        """
        firsts = np.full(len(self.layers), len(self.steps))
        lasts = np.full(len(self.layers), -1)
        for step, layer in enumerate(self.steps):
            firsts[layer] = min(firsts[layer], step)
            lasts[layer] = step
        ended = np.maximum.accumulate(lasts)
        to_begin = np.minimum.accumulate(firsts[::-1])[::-1]
        cuts = [0, *(number for number in range(1, len(firsts)) if ended[number - 1] < to_begin[number])]
        return list(zip(cuts, [*cuts[1:], len(firsts)], strict=True)) if self.layers else []


def timeline_of(module: ModuleOp) -> Timeline:
    """The timeline of the only function of a planned module; raises CompileError where there is no plan, or several."""
    found = list(functions(module))
    if len(found) != 1:
        raise CompileError(f"a timeline is of one function, but the module holds {len(found)}")
    return _Reader(found[0]).timeline()


@dataclass
class _Life:
    """A rectangle that is still growing."""

    value: SSAValue
    first: int
    last: int
    readers: dict[int, None]
    returned: bool = False


class _Reader:
    """Reads one planned function."""

    def __init__(self, function: FuncOp) -> None:
        self.function = function
        self.graph = OpGraph.of(function)
        self.layers: Layers = group_layers(self.graph)
        self.program_numbers = program_layer_numbers(self.layers)
        self.positions = {number: position for position, number in enumerate(self.program_numbers)}
        self.layer_of = {op: layer.number for layer in self.layers.layers for op in layer.ops}
        self.lives: dict[SSAValue, _Life] = {}
        self.pieces: dict[SSAValue, tuple[SSAValue, ...]] = {}
        """For each value those whose rectangles are its bytes."""
        self.steps: list[int] = []
        self.scratch: list[Band] = []
        self.state_reads: list[tuple[int, int]] = []
        """Positions of layers that read what lies in state, and of those that have assigned it."""

    def timeline(self) -> Timeline:
        arena_bytes = self._number(ARENA_BYTES)
        if arena_bytes is None:
            raise CompileError(f"function @{self.function.sym_name.data} has no plan; run plan-arena first")
        for op in self.graph.ops:
            self._run(op)
        for value in self.graph.returned:
            for piece in self.pieces.get(value, ()):
                self.lives[piece].last = len(self.steps) - 1
                self.lives[piece].returned = True
        bands = [self._band(life) for life in self.lives.values()]
        numbers = {value: number for number, value in enumerate(self.lives)}
        shared = [self._shared(bands, numbers, value) for value in self.lives]
        live = _live_bytes(bands, shared, len(self.steps))
        found = [replace(band, shares_with=under) for band, under in zip(bands, shared, strict=True)]
        return Timeline(
            arena_bytes,
            self._number(PEAK_BYTES),
            self._number(BOUND_BYTES),
            tuple(self._layers(found)),
            tuple(self.steps),
            # Scratch stands behind values, whose numbers `shares_with` has.
            (*found, *self.scratch),
            tuple(live.tolist()),
        )

    def _number(self, attribute: str) -> int | None:
        value = self.function.attributes.get(attribute)
        return value.value.data if isinstance(value, IntegerAttr) else None

    # --- steps --------------------------------------------------------------------------------------------------

    def _run(self, op: Operation) -> None:
        assert isinstance(op, TinytsOp)  # as `plan-arena` requires
        if isinstance(op, AliasInterface):
            self.pieces[op.results[0]] = self._of(op.operands[0])
            return
        if isinstance(op, AssemblingInterface) and op.finds_operands_in_place():
            self.pieces[op.results[0]] = tuple(piece for operand in op.operands for piece in self._of(operand))
            return
        position = self.positions[self.layer_of[op]]
        shared: dict[SSAValue, SSAValue | None] = {result: op.shared_operand_of(result) for result in op.results}
        state = carried_after(op)
        if state is not None and shared[state] is None:
            self.steps.append(position)  # the step that clears the state
        step = len(self.steps)
        self.steps.append(position)
        for operand in op.operands:
            assigning = without_aliases(operand).owner
            if isinstance(assigning, Operation) and assigning in self.layer_of and needs_no_arena(operand):
                self.state_reads.append((position, self.positions[self.layer_of[assigning]]))
            for piece in self._of(operand):
                self.lives[piece].last = step
                if operand not in shared.values():
                    self.lives[piece].readers[position] = None
        for result, operand in shared.items():
            if operand is not None:
                self.pieces[result] = self._of(operand)
            elif not needs_no_arena(result):  # else it lies in state
                self.pieces[result] = (result,)
                self.lives[result] = _Life(result, step - 1 if result is state else step, step, {})
        if op.scratch is not None:
            offset, size = int_values(op.scratch)
            self.scratch.append(Band(Kind.SCRATCH, position, 0, None, 0, offset, size, step, step, ()))

    def _of(self, value: SSAValue) -> tuple[SSAValue, ...]:
        return self.pieces.get(value, ())  # none for constants and external inputs

    # --- rectangles ---------------------------------------------------------------------------------------------

    def _band(self, life: _Life) -> Band:
        value = life.value
        op, type = value.owner, tensor_type(value)
        assert isinstance(value, OpResult) and isinstance(op, TinytsOp)
        kind = Kind.INPUT if receives(op) else Kind.STATE if value is carried_after(op) else Kind.MAP
        address = planned_offset(value)
        if address is None:
            raise CompileError(f"{layer_name(op)}: {op.name} has no offset; run plan-arena first")
        return Band(
            kind,
            self.positions[self.layer_of[op]],
            value.index,
            None if kind is Kind.STATE else rows_of(type),
            0 if kind is Kind.STATE else total_rows(type),
            address,
            size_in_bytes(type),
            life.first,
            life.last,
            tuple(life.readers),
            life.returned,
        )

    def _shared(self, bands: Sequence[Band], numbers: dict[SSAValue, int], value: SSAValue) -> tuple[int, ...]:
        """The bands that the op of a value reads last and writes over."""
        band, op = bands[numbers[value]], value.owner
        assert isinstance(op, Operation)
        read = dict.fromkeys(numbers[piece] for operand in op.operands for piece in self._of(operand))
        return tuple(n for n in read if bands[n].last == band.first and common_bytes(bands[n], band))

    def _layers(self, bands: Sequence[Band]) -> list[TimelineLayer]:
        reads: list[dict[int, None]] = [{} for _ in self.positions]
        for band in bands:
            for reader in band.readers:
                reads[reader][band.layer] = None
        for reader, layer in self.state_reads:
            reads[reader][layer] = None
        found: list[TimelineLayer] = []
        for number, position in self.positions.items():
            op = self.layers.layers[number].ops[0]
            kernel = RECEIVE if receives(op) else kernel_call(op).kernel.name if has_kernel(op) else op.name
            numbers = self.program_numbers[number]
            found.append(TimelineLayer(layer_name(op), kernel, numbers, tuple(sorted(reads[position]))))
        return found


def common_bytes(one: Band, other: Band) -> int:
    """How many bytes of the arena two bands both lie on, whether or not they live at the same time."""
    return max(0, min(one.end, other.end) - max(one.address, other.address))


def _live_bytes(bands: Sequence[Band], shared: Sequence[tuple[int, ...]], steps: int) -> NDArray[np.int64]:
    change = np.zeros(steps + 1, dtype=np.int64)
    for band in bands:
        change[band.first] += band.bytes
        change[band.last + 1] -= band.bytes
    live = np.cumsum(change)[:steps]
    for band, under in zip(bands, shared, strict=True):
        live[band.first] -= sum(common_bytes(band, bands[number]) for number in under)
    return live
