"""`plan-arena`: every value and every kernel's scratch gets a place in one arena.

Sets `offsets` (and `scratch_offset`) on ops and `tinyts.arena_bytes` on the function. Lifetimes follow from the order
of ops (`analysis/liveness.py`); placing is `analysis/arena_allocation.py`'s. Runs on whole tensors (a plan layer by
layer) and on bands alike; the order must be final.

`alignment` is that of every value, in bytes; with 0, the default, it is 4 unless offsets in units of 4 do not fit the
16 bits that the runtime's tables have for them: then the least power of two that does.

Kernels that are faster with scratch get it where it fits. With `scratch=auto`, the default, a layer has scratch when it
fits into gaps that the values leave, so that it costs nothing; with `scratch=always` the arena grows for it; with
`scratch=never` no kernel has any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from tinyts_mlir.analysis.arena_allocation import Allocation, Block, allocate, round_up
from tinyts_mlir.analysis.layers import group_layers
from tinyts_mlir.analysis.liveness import assign_storage
from tinyts_mlir.analysis.op_graph import OpGraph, functions, require_plannable
from tinyts_mlir.analysis.scratch_placement import ScratchRequest, place_scratch
from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts_base import ARENA_BYTES
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.kernels import scratch_bytes

ARENA_ALIGNMENT = 16
"""The arena starts on a multiple of this, and its size is one (TINYTS_ARENA_ALIGNMENT in the runtime)."""
MOST_OFFSET_UNITS = 1 << 16
"""Placement tables hold offsets as 16-bit numbers of units."""
SCRATCH_ALIGNMENT = 4
"""Kernels keep words in their scratch."""
SCRATCH = ("auto", "always", "never")


@dataclass(frozen=True)
class PlanArenaPass(ModulePass):
    """Places values and scratch of every function in its arena."""

    name = "plan-arena"

    alignment: int = 0
    scratch: str = "auto"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Plans every function of the module."""
        if self.alignment < 0 or self.alignment & (self.alignment - 1):
            raise CompileError(f"plan-arena: expected a power of two as alignment, got {self.alignment}")
        if self.scratch not in SCRATCH:
            raise CompileError(f"plan-arena: expected scratch={'|'.join(SCRATCH)}, got {self.scratch!r}")
        for function in functions(op):
            plan_function(function, self.alignment, self.scratch)


def plan_function(function: FuncOp, alignment: int = 0, scratch: str = "auto") -> None:
    """Plans one function."""
    require_plannable(PlanArenaPass.name, function)
    graph = OpGraph.of(function)
    storage = assign_storage(graph)
    values = list(storage.lifetimes)
    blocks = [
        Block(size_in_bytes(tensor_type(value)), lifetime.first, lifetime.last)
        for value, lifetime in storage.lifetimes.items()
    ]

    if alignment and not all(isinstance(tensor_type(value).element_type, UniformQuantizedType) for value in values):
        alignment = max(alignment, SCRATCH_ALIGNMENT)  # int32 state is words, too
    allocation = _allocate(blocks, alignment)
    offsets: dict[SSAValue, int] = dict(zip(values, allocation.offsets, strict=True))
    scratch_offsets, size = _place_scratch(graph, blocks, allocation, scratch)
    for op in graph.ops:
        op.properties["offsets"] = assembly.to_attribute([offsets[storage.roots[result]] for result in op.results])
        op.properties.pop("scratch_offset", None)
        if (offset := scratch_offsets.get(op)) is not None:
            op.properties["scratch_offset"] = assembly.to_attribute(offset)
    function.attributes[ARENA_BYTES] = IntegerAttr(round_up(size, ARENA_ALIGNMENT), i64)


def _allocate(blocks: list[Block], alignment: int) -> Allocation:
    allocation = allocate(blocks, alignment or 4)
    unit = alignment or 4
    while not alignment and allocation.size > unit * MOST_OFFSET_UNITS:
        unit *= 2
        allocation = allocate(blocks, unit)
    size = -(-allocation.size // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
    return allocation._replace(size=size)


def _place_scratch(
    graph: OpGraph, blocks: Sequence[Block], allocation: Allocation, choice: str
) -> tuple[dict[Operation, int], int]:
    """Where kernels get scratch, and the size of the arena then.

    All bands of a layer have scratch or none has: with `auto`, those whose scratch fits into gaps of the arena.
    """
    if choice == "never":
        return {}, allocation.size
    steps = {op: step for step, op in enumerate(graph.ops)}
    layers = [layer.ops for layer in group_layers(graph).layers if scratch_bytes(layer.ops[0])]
    ops = [op for layer in layers for op in layer]
    requests = [ScratchRequest(steps[op], scratch_bytes(op)) for op in ops]
    placed = dict(zip(ops, place_scratch(blocks, allocation.offsets, requests, SCRATCH_ALIGNMENT), strict=True))
    chosen: dict[Operation, int] = {}
    size = allocation.size
    for layer in layers:
        end = max(placed[op] + scratch_bytes(op) for op in layer)
        if end <= round_up(allocation.size, ARENA_ALIGNMENT) or choice == "always":
            chosen |= {op: placed[op] for op in layer}
            size = max(size, end)
    return chosen, size
