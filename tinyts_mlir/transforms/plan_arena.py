"""`plan-arena`: every value and every kernel's scratch gets a place in one arena.

Sets `offsets` (and `scratch_offset`) on ops and `tinyts.arena_bytes` on the function, and next to it what no arena can
be below: `tinyts.peak_bytes` for this order of ops, `tinyts.bound_bytes` for any (`analysis/lower_bound.py`). Lifetimes
follow from the order of ops (`analysis/liveness.py`); placing is `analysis/arena_allocation.py`'s. Runs on whole
tensors (a plan layer by layer) and on bands alike; the order must be final.

Alignment is a constraint on places; no size is padded. The arena itself starts on a multiple of 16 bytes. In it, a
value whose size is a multiple of 4 bytes starts on a multiple of 4, which costs next to nothing and lets kernels read
whole words; int32 state, which must be aligned, always is such a value, and scratch is aligned to 4 bytes whatever its
size. A value of any other size starts on a multiple of 2 or 1: its rows are at odd places in any case. `alignment`
raises that of every value to so many bytes; with 0, the default, it is raised only where offsets in units of the least
alignment do not fit the 16 bits that the runtime's tables have for them: to the least power of two that does.

Kernels that are faster with scratch get it where it fits. With `scratch=auto`, the default, a layer has scratch when it
fits into the bytes that the values leave, so that it costs nothing, or makes the arena no larger than `limit` bytes;
with `scratch=always` it is planned like any value; with `scratch=never` no kernel has any.

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

from tinyts_mlir.analysis.arena_allocation import (
    ARENA_ALIGNMENT,
    Allocation,
    Block,
    allocate_arena,
    natural_alignment,
    peak_of_live_bytes,
    round_up,
)
from tinyts_mlir.analysis.arena_exact import improve_exactly, load_solver
from tinyts_mlir.analysis.cost_model import layer_instructions, row_work
from tinyts_mlir.analysis.layers import group_layers
from tinyts_mlir.analysis.liveness import assign_storage
from tinyts_mlir.analysis.lower_bound import lower_bound
from tinyts_mlir.analysis.map_graph import map_graph
from tinyts_mlir.analysis.op_graph import OpGraph, functions, require_plannable
from tinyts_mlir.analysis.row_geometry import RowGeometryInterface
from tinyts_mlir.analysis.scratch_placement import ScratchRequest, make_room, place_scratch
from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.rows import rows_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts_base import ARENA_BYTES, ARENA_IS_OPTIMAL, BOUND_BYTES, PEAK_BYTES, WHOLE_INPUT
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.kernels import scratch_bytes

SCRATCH_ALIGNMENT = 4
"""Kernels keep words in their scratch."""
SCRATCH = ("auto", "always", "never")


@dataclass(frozen=True)
class PlanArenaPass(ModulePass):
    """Places values and scratch of every function in its arena."""

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
    storage = assign_storage(graph)
    values = list(storage.lifetimes)
    blocks: list[Block] = []
    for value, lifetime in storage.lifetimes.items():
        size = size_in_bytes(tensor_type(value))
        blocks.append(Block(size, lifetime.first, lifetime.last, natural_alignment(size)))
    scratched: list[Operation] = []
    if scratch == "always":
        for step, op in enumerate(graph.ops):
            if size := scratch_bytes(op):
                scratched.append(op)
                blocks.append(Block(size, step, step, SCRATCH_ALIGNMENT))

    allocation, unit = allocate_arena(blocks, alignment)
    proven = False
    if exact:
        allocation, proven = improve_exactly(blocks, allocation, unit, ARENA_ALIGNMENT)
    scratch_offsets = dict(zip(scratched, allocation.offsets[len(values) :], strict=True))
    if scratch == "auto":
        allocation, scratch_offsets = _with_scratch(graph, blocks, allocation, unit, limit)
    allocation = allocation._replace(size=round_up(allocation.size, ARENA_ALIGNMENT))
    offsets: dict[SSAValue, int] = dict(zip(values, allocation.offsets, strict=False))
    for op in graph.ops:
        op.properties["offsets"] = assembly.to_attribute([offsets[storage.roots[result]] for result in op.results])
        op.properties.pop("scratch_offset", None)
        if (offset := scratch_offsets.get(op)) is not None:
            op.properties["scratch_offset"] = assembly.to_attribute(offset)
    function.attributes[ARENA_BYTES] = IntegerAttr(allocation.size, i64)
    function.attributes[PEAK_BYTES] = IntegerAttr(peak_of_live_bytes(blocks), i64)
    maps, reads = map_graph(graph, group_layers(graph), WHOLE_INPUT in function.attributes)
    function.attributes[BOUND_BYTES] = IntegerAttr(lower_bound(maps, reads), i64)
    function.attributes.pop(ARENA_IS_OPTIMAL, None)
    if exact:
        function.attributes[ARENA_IS_OPTIMAL] = IntegerAttr.from_bool(proven)


def _with_scratch(
    graph: OpGraph, blocks: Sequence[Block], allocation: Allocation, unit: int, limit: int
) -> tuple[Allocation, dict[Operation, int]]:
    """The arena with scratch where that fits into it, or into `limit` bytes: all bands of a layer have it or none has.

    Scratch goes into the gaps first; then values make room for what is left, the layers that gain most first.
    """
    height = max(allocation.size, limit // ARENA_ALIGNMENT * ARENA_ALIGNMENT)
    alignment = max(SCRATCH_ALIGNMENT, unit)
    steps = {op: step for step, op in enumerate(graph.ops)}
    layers = [layer.ops for layer in group_layers(graph).layers if scratch_bytes(layer.ops[0])]
    ops = [op for layer in layers for op in layer]
    requests = [ScratchRequest(steps[op], scratch_bytes(op)) for op in ops]
    placed = dict(zip(ops, place_scratch(blocks, allocation.offsets, requests, alignment), strict=True))
    chosen: dict[Operation, int] = {}
    left: list[list[Operation]] = []
    for layer in layers:
        if max(placed[op] + scratch_bytes(op) for op in layer) <= height:
            chosen |= {op: placed[op] for op in layer}
        else:
            left.append(layer)
    if left:
        left.sort(key=lambda layer: -_scratch_gain(layer))
        block_of = {op: Block(scratch_bytes(op), steps[op], steps[op], alignment) for op in ops}
        there = [*blocks, *(block_of[op] for op in chosen)]
        offsets = [*allocation.offsets, *chosen.values()]
        offsets, found = make_room(there, offsets, [[block_of[op] for op in layer] for layer in left], height, unit)
        chosen = dict(zip(chosen, offsets[len(blocks) :], strict=True))
        allocation = allocation._replace(offsets=tuple(offsets[: len(blocks)]))
        for layer, places in zip(left, found, strict=True):
            if places is not None:
                chosen |= dict(zip(layer, places, strict=True))
    top = max((offset + scratch_bytes(op) for op, offset in chosen.items()), default=0)
    values = max((offset + block.size for offset, block in zip(allocation.offsets, blocks, strict=True)), default=0)
    return allocation._replace(size=max(allocation.size, top, values)), chosen


def _scratch_gain(layer: Sequence[Operation]) -> float:
    """The instructions that scratch saves a layer."""
    op = layer[0]
    if not isinstance(op, RowGeometryInterface) or op.row_map() is None:
        return 0.0
    work, rows = row_work(op), rows_of(tensor_type(op.results[0])).count
    return layer_instructions(work, rows, False) - layer_instructions(work, rows, True)
