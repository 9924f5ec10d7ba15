"""`plan-arena{scratch=auto|always|never limit=0 alignment=0 exact=false}`: places in one arena.

Every value and every kernel's scratch gets one. Sets `offsets` (and `scratch`) on ops and `tinyts.arena_bytes` on the
function, and next to it what no arena can be below: `tinyts.peak_bytes` for this order of ops, `tinyts.bound_bytes` for
any (`analysis/lower_bound.py`). Lifetimes follow from the order of ops (`analysis/liveness.py`); placing is
`analysis/arena_allocation.py`'s. Runs on whole tensors (a plan layer by layer) and on bands alike; the order must be
final.

Alignment is a constraint on places; no size is padded. The arena itself starts on a multiple of 16 bytes. In it, a
value whose size is a multiple of 4 bytes starts on a multiple of 4, which costs next to nothing and lets kernels read
whole words; int32 state, which must be aligned, always is such a value, and scratch is aligned to 4 bytes whatever its
size. int64 starts on a multiple of 8, as callers read it where it lies. A value of any other size starts on a multiple
of 2 or 1: its rows are at odd places in any case. `alignment` raises that of every value to so many bytes; with 0, the
default, it is raised only where offsets in units of the least alignment do not fit the 16 bits that the runtime's
tables have for them: to the least power of two that does.

Kernels that are faster with scratch get it where it fits. With `scratch=auto`, the default, a step has scratch when it
fits into the bytes that the values leave, so that it costs nothing, or makes the arena no larger than `limit` bytes;
with `scratch=always` it is planned like any value; with `scratch=never` no kernel has any.

With `exact=true`, CP-SAT (OR-tools, which the extra 'exact' brings) goes on from there and looks for the smallest
arena; `tinyts.arena_is_optimal` says whether it proved to have it. That may take minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from tinyts_mlir.analysis.arena_allocation import (
    ARENA_ALIGNMENT,
    MOST_OFFSET_UNITS,
    SCRATCH_ALIGNMENT,
    Allocation,
    Block,
    Overlap,
    allocate_arena,
    live_bytes,
    natural_alignment,
    peak_of_live_bytes,
    round_up,
)
from tinyts_mlir.analysis.arena_exact import improve_exactly, load_solver
from tinyts_mlir.analysis.bound_maps import bound_maps
from tinyts_mlir.analysis.cost_model import scratch_gains
from tinyts_mlir.analysis.found_maps import FoundMaps
from tinyts_mlir.analysis.layers import Layers, group_layers
from tinyts_mlir.analysis.liveness import Storage, assign_storage, joined_bands, storage_of
from tinyts_mlir.analysis.lower_bound import lower_bound
from tinyts_mlir.analysis.op_graph import OpGraph, functions, require_plannable
from tinyts_mlir.analysis.scratch_placement import ScratchRequest, make_room, place_scratch
from tinyts_mlir.analysis.states import place_states
from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.interfaces import needs_no_arena
from tinyts_mlir.dialects.rows import element_bytes, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts_attributes import (
    ARENA_BYTES,
    ARENA_IS_OPTIMAL,
    BOUND_BYTES,
    FITTING_BYTES,
    PEAK_BYTES,
    PLAN_ATTRIBUTES,
    WHOLE_INPUT,
)
from tinyts_mlir.dialects.tinyts_base import PLAN_PROPERTIES, TinytsOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import needed_scratch, scratch_options

SCRATCH = ("auto", "always", "never")


@dataclass(frozen=True)
class PlanArenaPass(ModulePass):
    """Places values and scratch."""

    name = "plan-arena"

    alignment: int = 0
    scratch: str = "auto"
    limit: int = 0
    exact: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Plans every function of the module."""
        if self.alignment < 0 or self.alignment & (self.alignment - 1):
            raise CompileError(f"plan-arena: expected a power of two as alignment, got {self.alignment}")
        if self.scratch not in SCRATCH:
            raise CompileError(f"plan-arena: expected scratch={'|'.join(SCRATCH)}, got {self.scratch!r}")
        if self.limit < 0:
            raise CompileError(f"plan-arena: expected a limit of bytes, got {self.limit}")
        if self.exact:
            load_solver()
        for function in functions(op):
            plan_function(function, self.alignment, self.scratch, self.limit, self.exact)


def plan_function(
    function: FuncOp, alignment: int = 0, scratch: str = "auto", limit: int = 0, exact: bool = False
) -> None:
    """Plans one function."""
    require_plannable(PlanArenaPass.name, function)
    graph = OpGraph.of(function)
    layers = group_layers(graph)
    layout = _Layout.best(graph, scratch, alignment)
    fitting = function.attributes.pop(FITTING_BYTES, None)
    if isinstance(fitting, IntegerAttr) and layout.allocation.size > fitting.value.data:
        # Who looks for less may find more: look as `choose-bands` did.
        known = _Layout.best(graph, scratch, alignment, fitting.value.data)
        layout = min(layout, known, key=lambda layout: layout.allocation.size)
    blocks, allocation, proven = layout.blocks, layout.allocation, False
    if exact:
        allocation, proven = improve_exactly(blocks, allocation, layout.unit, ARENA_ALIGNMENT, overlaps=layout.overlaps)
    gaps: dict[Operation, tuple[int, int]] = {}
    if scratch == "auto":
        allocation, gaps = _with_scratch(graph, layers, layout, allocation, limit)
    allocation = allocation._replace(size=round_up(allocation.size, ARENA_ALIGNMENT))
    offsets, places = layout.offsets(allocation)
    places |= gaps
    drop_plan(function)
    place_states(function)
    for op in graph.ops:
        if all(map(needs_no_arena, op.results)):
            continue  # they lie in state
        op.properties["offsets"] = assembly.to_attribute([offsets[result] for result in op.results])
        if (place := places.get(op)) is not None:
            op.properties["scratch"] = assembly.to_attribute(place)
    function.attributes[ARENA_BYTES] = IntegerAttr(allocation.size, i64)
    function.attributes[PEAK_BYTES] = IntegerAttr(peak_of_live_bytes(blocks, overlaps=layout.overlaps), i64)
    maps = FoundMaps(graph, layers, WHOLE_INPUT in function.attributes).maps
    function.attributes[BOUND_BYTES] = IntegerAttr(lower_bound(*bound_maps(maps)), i64)
    if exact:
        function.attributes[ARENA_IS_OPTIMAL] = IntegerAttr.from_bool(proven)


def least_arena_bytes(function: FuncOp, enough: int = 0) -> int:
    """The arena that a function's values take in their order; with `enough`, an upper bound of it (`allocate`)."""
    return _Layout.best(OpGraph.of(function), "never", 0, enough).allocation.size


def planned_arena_bytes(function: FuncOp) -> int:
    """The arena of a planned function."""
    planned = function.attributes[ARENA_BYTES]
    assert isinstance(planned, IntegerAttr)
    return planned.value.data


def drop_plan(function: FuncOp) -> None:
    """Takes away what this pass has set on a function and its ops, as what changes their order must."""
    for name in PLAN_ATTRIBUTES:
        function.attributes.pop(name, None)
    for op in function.body.block.ops:
        if isinstance(op, TinytsOp):
            for name in PLAN_PROPERTIES:
                op.properties.pop(name, None)


def _needed_scratch(graph: OpGraph) -> dict[Operation, int]:
    """The bytes of scratch that kernels cannot do without: as many at each step of a layer."""
    if not any(needed_scratch(op, 1) for op in graph.ops):
        return {}
    found: dict[Operation, int] = {}
    for layer in group_layers(graph).layers:
        if size := needed_scratch(layer.ops[0], layer.band_rows()):
            found |= dict.fromkeys(layer.ops, size)
    return found


@dataclass(frozen=True)
class _Layout:
    """The blocks of a function's values, and of scratch where it is always to be had, and where they lie.

    Attributes:
        storage: which values share bytes.
        scratched: the ops that have scratch whatever fits; their blocks stand behind the values'.
        overlaps: which blocks may share bytes while both live.
        unit: what offsets are multiples of.
    """

    storage: Storage
    scratched: list[Operation]
    blocks: list[Block]
    overlaps: list[Overlap]
    allocation: Allocation
    unit: int

    @staticmethod
    def best(graph: OpGraph, scratch: str, alignment: int, enough: int = 0) -> _Layout:
        """The smaller layout of those with and without bands where joins want them; `enough` as of `allocate`."""
        joined: _Layout | None = None
        if any(joined_bands(op) for op in graph.ops):
            joined = _Layout.of(graph, scratch, alignment, joined=True, enough=enough)
            if not joined.can_be_placed(alignment):
                joined = None
            elif joined.allocation.size <= enough:
                return joined
        layout = _Layout.of(graph, scratch, alignment, joined=False, enough=enough)
        return layout if joined is None or layout.allocation.size < joined.allocation.size else joined

    @staticmethod
    def of(graph: OpGraph, scratch: str, alignment: int, joined: bool, enough: int = 0) -> _Layout:
        """The layout; with `joined`, bands are made where joins want them (`analysis/liveness.py`)."""
        storage = assign_storage(graph, joined=joined)
        alignments: dict[SSAValue, int] = {}
        for value, root in storage.roots.items():
            type = tensor_type(value)
            wanted = natural_alignment(size_in_bytes(type), element_bytes(type))
            alignments[root] = max(alignments.get(root, 1), wanted if value is root or value in storage.places else 1)
        blocks = [
            Block(size_in_bytes(tensor_type(value)), lifetime.first, lifetime.last, alignments[value])
            for value, lifetime in storage.lifetimes.items()
        ]
        needed = _needed_scratch(graph)
        scratched: list[Operation] = []
        for step, op in enumerate(graph.ops):
            size = needed.get(op, 0)
            if scratch == "always":
                size = max(size, next(iter(scratch_options(op)), 0))
            if size:
                scratched.append(op)
                blocks.append(Block(size, step, step, SCRATCH_ALIGNMENT))
        overlaps = storage.overlaps()
        allocation, unit = allocate_arena(blocks, alignment, enough, overlaps)
        return _Layout(storage, scratched, blocks, overlaps, allocation, unit)

    def can_be_placed(self, alignment: int) -> bool:
        """Whether there is any value within another one, and all such offsets fit alignment and tables."""
        within = [place for place in self.storage.places.values() if place]
        unit = min((place & -place for place in within), default=1)
        return bool(within) and unit >= alignment and self.allocation.size <= unit * MOST_OFFSET_UNITS

    def offsets(self, allocation: Allocation) -> tuple[dict[SSAValue, int], dict[Operation, tuple[int, int]]]:
        """The offsets of all values, and offset and bytes of the scratch that is among the blocks."""
        roots = dict(zip(self.storage.lifetimes, allocation.offsets, strict=False))
        places = self.storage.places
        values = {value: roots[root] + places.get(value, 0) for value, root in self.storage.roots.items()}
        # An alias begins where the value does whose bytes it is.
        values = {value: values[storage_of(value)] for value in values}
        behind = slice(len(roots), None)
        scratch = zip(allocation.offsets[behind], (block.size for block in self.blocks[behind]), strict=True)
        return values, dict(zip(self.scratched, scratch, strict=True))


def _with_scratch(
    graph: OpGraph, layers: Layers, layout: _Layout, allocation: Allocation, limit: int
) -> tuple[Allocation, dict[Operation, tuple[int, int]]]:
    """The arena with scratch where that fits into it, or into `limit` bytes, at each step on its own.

    Gives offset and bytes of each step's scratch. All steps of a layer get the same amount, that which is worth most.
    Scratch goes into the gaps first; then values make room for what is left, the layers that gain most first. At last
    layers whose steps all have some get more, where more fits into the gaps.
    """
    blocks, unit = layout.blocks, layout.unit
    height = max(allocation.size, limit // ARENA_ALIGNMENT * ARENA_ALIGNMENT)
    alignment = max(SCRATCH_ALIGNMENT, unit)
    steps = {op: step for step, op in enumerate(graph.ops)}
    scratched = [
        (layer, scratch_gains(layer.ops[0], layer.band_rows()))
        for layer in layers.layers
        if scratch_options(layer.ops[0])
    ]
    usual = [(layer, _up_to_the_first(gains)) for layer, gains in scratched]
    wanted = [(op, size) for layer, gains in usual for size in gains for op in layer.ops]
    requests = [ScratchRequest(steps[op], size) for op, size in wanted]
    offsets = place_scratch(blocks, allocation.offsets, requests, alignment)
    fitting = {
        (op, size): offset for (op, size), offset in zip(wanted, offsets, strict=True) if offset + size <= height
    }
    live = live_bytes(blocks, overlaps=layout.overlaps)
    chosen: dict[Operation, tuple[int, int]] = {}
    left: list[tuple[float, int, list[Operation]]] = []
    for layer, gains in usual:
        # Where values can be moved, it fits wherever there are bytes enough.
        worth = {size: gain * sum(live[steps[op]] + size <= height for op in layer.ops) for size, gain in gains.items()}
        best = max(worth, key=lambda size: worth[size], default=0)
        if not best or worth[best] <= 0:
            continue
        chosen |= {op: (fitting[op, best], best) for op in layer.ops if (op, best) in fitting}
        missing = [op for op in layer.ops if op not in chosen and live[steps[op]] + best <= height]
        if missing:
            left.append((gains[best] * len(missing) / len(layer.ops), best, missing))
    if left:
        left.sort(key=lambda one: -one[0])
        groups = [[Block(size, steps[op], steps[op], alignment) for op in ops] for _, size, ops in left]
        there = [*blocks, *(Block(size, steps[op], steps[op], alignment) for op, (_, size) in chosen.items())]
        before = [*allocation.offsets, *(offset for offset, _ in chosen.values())]
        moved, found = make_room(there, before, groups, height, unit, layout.overlaps)
        allocation = allocation._replace(offsets=tuple(moved[: len(blocks)]))
        chosen = {
            op: (offset, size) for (op, (_, size)), offset in zip(chosen.items(), moved[len(blocks) :], strict=True)
        }
        for (_, size, ops), places in zip(left, found, strict=True):
            if places is not None:
                chosen |= {op: (offset, size) for op, offset in zip(ops, places, strict=True)}
    for layer, gains in scratched:
        if all(op in chosen for op in layer.ops):
            has = gains[chosen[layer.ops[0]][1]]
            for size in sorted((size for size in gains if gains[size] > has), key=lambda size: -gains[size]):
                requests = [ScratchRequest(steps[op], size) for op in layer.ops]
                offsets = place_scratch(blocks, allocation.offsets, requests, alignment)
                if max(offsets) + size <= height:
                    chosen |= {op: (offset, size) for op, offset in zip(layer.ops, offsets, strict=True)}
                    break
    top = max((offset + size for offset, size in chosen.values()), default=0)
    values = max((offset + block.size for offset, block in zip(allocation.offsets, blocks, strict=True)), default=0)
    return allocation._replace(size=max(allocation.size, top, values)), chosen


def _up_to_the_first(gains: Mapping[int, float]) -> dict[int, float]:
    """Without amounts beyond the first: for more than a kernel lists first, no value is to move."""
    return {size: gain for size, gain in gains.items() if size <= next(iter(gains))}
