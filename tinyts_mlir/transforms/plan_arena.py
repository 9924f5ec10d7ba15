"""`plan-arena`: every value and every kernel's scratch gets a place in one arena.

Sets `offsets` (and `scratch`) on ops and `tinyts.arena_bytes` on the function, and next to it what no arena can
be below: `tinyts.peak_bytes` for this order of ops, `tinyts.bound_bytes` for any (`analysis/lower_bound.py`). Lifetimes
follow from the order of ops (`analysis/liveness.py`); placing is `analysis/arena_allocation.py`'s. Runs on whole
tensors (a plan layer by layer) and on bands alike; the order must be final.

Alignment is a constraint on places; no size is padded. The arena itself starts on a multiple of 16 bytes. In it, a
value whose size is a multiple of 4 bytes starts on a multiple of 4, which costs next to nothing and lets kernels read
whole words; int32 state, which must be aligned, always is such a value, and scratch is aligned to 4 bytes whatever its
size. A value of any other size starts on a multiple of 2 or 1: its rows are at odd places in any case. `alignment`
raises that of every value to so many bytes; with 0, the default, it is raised only where offsets in units of the least
alignment do not fit the 16 bits that the runtime's tables have for them: to the least power of two that does.

Kernels that are faster with scratch get it where it fits. With `scratch=auto`, the default, a step has scratch when it
fits into a gap that the values leave, so that it costs nothing; with `scratch=always` it is planned like any value;
with `scratch=never` no kernel has any.

With `exact=true`, CP-SAT (OR-tools, `pip install 'tinyts-mlir[exact]'`) goes on from there and looks for the smallest
arena; `tinyts.arena_is_optimal` says whether it proved to have it. That may take minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from tinyts_mlir.analysis.arena_allocation import Allocation, Block, allocate, peak_of_live_bytes, round_up
from tinyts_mlir.analysis.arena_exact import ExactAllocation, improve_exactly, load_solver
from tinyts_mlir.analysis.cost_model import scratch_gains
from tinyts_mlir.analysis.layers import group_layers
from tinyts_mlir.analysis.liveness import Storage, assign_storage, natural_alignment, storage_of
from tinyts_mlir.analysis.lower_bound import lower_bound
from tinyts_mlir.analysis.map_graph import map_graph
from tinyts_mlir.analysis.op_graph import OpGraph, functions, require_plannable
from tinyts_mlir.analysis.scratch_placement import ScratchRequest, place_scratch
from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts_base import ARENA_BYTES, ARENA_IS_OPTIMAL, BOUND_BYTES, PEAK_BYTES, WHOLE_INPUT
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.kernels import scratch_options

ARENA_ALIGNMENT = 16
"""The arena starts on a multiple of this, and its size is one (TINYTS_ARENA_ALIGNMENT in the runtime)."""
MOST_OFFSET_UNITS = (1 << 16) - 1
"""Placement tables hold offsets as 16-bit numbers of units; the greatest number stands for no place."""
SCRATCH_ALIGNMENT = 4
"""Kernels keep words in their scratch."""
SCRATCH = ("auto", "always", "never")


@dataclass(frozen=True)
class PlanArenaPass(ModulePass):
    """Places values and scratch of every function in its arena."""

    name = "plan-arena"

    alignment: int = 0
    scratch: str = "auto"
    exact: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Plans every function of the module."""
        if self.alignment < 0 or self.alignment & (self.alignment - 1):
            raise CompileError(f"plan-arena: expected a power of two as alignment, got {self.alignment}")
        if self.scratch not in SCRATCH:
            raise CompileError(f"plan-arena: expected scratch={'|'.join(SCRATCH)}, got {self.scratch!r}")
        if self.exact:
            load_solver()
        for function in functions(op):
            plan_function(function, self.alignment, self.scratch, self.exact)


def plan_function(function: FuncOp, alignment: int = 0, scratch: str = "auto", exact: bool = False) -> None:
    """Plans one function."""
    require_plannable(PlanArenaPass.name, function)
    graph = OpGraph.of(function)
    layout = _Layout.of(graph, scratch, alignment, joined=False)
    joined = _Layout.of(graph, scratch, alignment, joined=True)
    if joined.can_be_placed(alignment) and joined.allocation.size <= layout.allocation.size:
        layout = joined
    blocks = layout.blocks
    allocation, proven = _allocate(blocks, alignment, exact) if exact else (layout.allocation, False)
    offsets, places = layout.offsets(allocation)
    if scratch == "auto":
        places = _place_scratch(graph, blocks, allocation)
    for op in graph.ops:
        op.properties["offsets"] = assembly.to_attribute([offsets[result] for result in op.results])
        op.properties.pop("scratch", None)
        if (place := places.get(op)) is not None:
            op.properties["scratch"] = assembly.to_attribute(place)
    function.attributes[ARENA_BYTES] = IntegerAttr(allocation.size, i64)
    function.attributes[PEAK_BYTES] = IntegerAttr(peak_of_live_bytes(blocks), i64)
    maps, reads = map_graph(graph, group_layers(graph), WHOLE_INPUT in function.attributes)
    function.attributes[BOUND_BYTES] = IntegerAttr(lower_bound(maps, reads), i64)
    function.attributes.pop(ARENA_IS_OPTIMAL, None)
    if exact:
        function.attributes[ARENA_IS_OPTIMAL] = IntegerAttr.from_bool(proven)


@dataclass(frozen=True)
class _Layout:
    """The blocks of a function's values, and of scratch where it is always to be had, and where they lie.

    Attributes:
        storage: which values share bytes.
        scratched: the ops that have scratch; their blocks stand behind the values'.
    """

    storage: Storage
    scratched: list[Operation]
    blocks: list[Block]
    allocation: Allocation

    @staticmethod
    def of(graph: OpGraph, scratch: str, alignment: int, joined: bool) -> _Layout:
        """The layout; with `joined`, bands are made where joins want them (`analysis/liveness.py`)."""
        storage = assign_storage(graph, joined=joined)
        alignments: dict[SSAValue, int] = {}
        for value, root in storage.roots.items():
            wanted = natural_alignment(size_in_bytes(tensor_type(value)))
            alignments[root] = max(alignments.get(root, 1), wanted if value is root or value in storage.places else 1)
        blocks = [
            Block(size_in_bytes(tensor_type(value)), lifetime.first, lifetime.last, alignments[value])
            for value, lifetime in storage.lifetimes.items()
        ]
        scratched: list[Operation] = []
        for step, op in enumerate(graph.ops):
            if scratch == "always" and (options := scratch_options(op)):
                scratched.append(op)
                blocks.append(Block(options[0], step, step, SCRATCH_ALIGNMENT))
        return _Layout(storage, scratched, blocks, _allocate(blocks, alignment, False).allocation)

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


def _allocate(blocks: list[Block], alignment: int, exact: bool) -> ExactAllocation:
    """The arena for these blocks, its size a multiple of ARENA_ALIGNMENT."""
    unit = alignment or 1
    allocation = allocate(blocks, unit, ARENA_ALIGNMENT)
    least = min((max(block.alignment, unit) for block in blocks), default=1)
    while not alignment and allocation.size > least * MOST_OFFSET_UNITS:
        unit = least = 2 * least
        allocation = allocate(blocks, unit, ARENA_ALIGNMENT)
    proven = False
    if exact:
        allocation, proven = improve_exactly(blocks, allocation, unit, ARENA_ALIGNMENT)
    return ExactAllocation(allocation._replace(size=round_up(allocation.size, ARENA_ALIGNMENT)), proven)


def _place_scratch(graph: OpGraph, blocks: Sequence[Block], allocation: Allocation) -> dict[Operation, tuple[int, int]]:
    """Where kernels get scratch in the gaps of an arena, at each step on its own: offset and bytes.

    The steps of a layer get the same amount: the one that is worth most where it fits.
    """
    steps = {op: step for step, op in enumerate(graph.ops)}
    layers = [layer.ops for layer in group_layers(graph).layers if scratch_options(layer.ops[0])]
    wanted = [(op, size) for ops in layers for size in scratch_options(ops[0]) for op in ops]
    requests = [ScratchRequest(steps[op], size) for op, size in wanted]
    offsets = place_scratch(blocks, allocation.offsets, requests, SCRATCH_ALIGNMENT)
    fitting = {
        (op, size): offset
        for (op, size), offset in zip(wanted, offsets, strict=True)
        if offset + size <= allocation.size
    }
    places: dict[Operation, tuple[int, int]] = {}
    for ops in layers:
        gains = scratch_gains(ops[0])
        worth = {size: gain * sum((op, size) in fitting for op in ops) for size, gain in gains.items()}
        best = max(worth, key=lambda size: worth[size])
        places |= {op: (fitting[op, best], best) for op in ops if (op, best) in fitting}
    return places
