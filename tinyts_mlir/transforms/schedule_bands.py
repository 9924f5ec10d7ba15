"""`schedule-bands{order=auto|depth-first|breadth-first input=stream|arena}`: puts ops into the order in which they run.

The order of ops in a block is the schedule. Which one is best is for an analysis to say (`analysis/segment_search.py`,
`analysis/band_order.py`); this pattern only moves the ops.

- `order=auto`: the order that needs the least SRAM. `order=depth-first`: demand-driven, a band is made when something
  needs it. `order=breadth-first`: layer by layer.
- `input=stream`: a row is received when something needs it. `input=arena`: every input row is in the arena before
  anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern

from tinyts_mlir.analysis.band_graph import band_graph
from tinyts_mlir.analysis.band_order import breadth_first_order, depth_first_order, first_in_order, just_in_time
from tinyts_mlir.analysis.layers import behind_previous_bands, behind_whole_maps, group_layers
from tinyts_mlir.analysis.op_graph import OpGraph, functions, require_plannable
from tinyts_mlir.analysis.segment_search import schedule, search_segments
from tinyts_mlir.dialects.tinyts_base import WHOLE_INPUT, AliasOp
from tinyts_mlir.errors import CompileError

ORDERS = ("auto", "depth-first", "breadth-first")
INPUTS = ("stream", "arena")


@dataclass(frozen=True)
class ScheduleFunction(RewritePattern):
    """Reorders the block of a function."""

    order: str
    input: str

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: FuncOp, rewriter: PatternRewriter, /) -> None:
        """Reorders one function; constants stay in front, the terminator behind."""
        if not op.body.blocks:
            return
        require_plannable(ScheduleBandsPass.name, op)
        op.attributes.pop(WHOLE_INPUT, None)
        if self.input == "arena":
            op.attributes[WHOLE_INPUT] = UnitAttr()
        graph = OpGraph.of(op)
        order = self.find_order(graph)
        if order == list(range(len(order))):
            return
        block = op.body.block
        terminator = block.last_op
        for band_op in graph.ops:
            band_op.detach()
        for number in order:
            if terminator is None:
                block.add_op(graph.ops[number])
            else:
                block.insert_op_before(graph.ops[number], terminator)
        rewriter.notify_op_modified(op)

    def find_order(self, graph: OpGraph) -> list[int]:
        """The numbers of the graph's ops in the order in which they are to run."""
        received_first = self.input == "arena"
        if self.order == "auto":
            order = least_memory_order(graph, received_first)
            receives = graph.receives()
            # Where the peak is elsewhere, the search may as well hold the whole input.
            if not received_first and set(order[: len(receives)]) == set(receives):
                return just_in_time(order, graph.operands, receives)
            return order
        if self.order == "depth-first":
            order = depth_first_order(behind_previous_bands(graph), graph.roots())
        else:
            order = breadth_first_order(behind_whole_maps(graph), graph.receives())
        return first_in_order(order, graph.receives()) if received_first else order


def least_memory_order(graph: OpGraph, received_first: bool) -> list[int]:
    """The order that the segment search finds; what is another value's bytes stands right behind it."""
    layers = group_layers(graph)
    found = band_graph(graph, layers, received_first)
    segments, _ = search_segments(found)
    order: list[int] = []
    for layer, band in schedule(found, segments):
        pending = [graph.numbers[layers.layers[layer].ops[band]]]
        while pending:
            number = pending.pop(0)
            order.append(number)
            readers = (use.operation for result in graph.ops[number].results for use in result.uses)
            pending += sorted({graph.numbers[reader] for reader in readers if isinstance(reader, AliasOp)})
    return order


@dataclass(frozen=True)
class ScheduleBandsPass(ModulePass):
    """Orders the ops of every function."""

    name = "schedule-bands"

    order: str = "auto"
    input: str = "stream"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Reorders every function of the module."""
        if self.order not in ORDERS:
            raise CompileError(f"schedule-bands: expected order={'|'.join(ORDERS)}, got {self.order!r}")
        if self.input not in INPUTS:
            raise CompileError(f"schedule-bands: expected input={'|'.join(INPUTS)}, got {self.input!r}")
        list(functions(op))
        PatternRewriteWalker(ScheduleFunction(self.order, self.input), apply_recursively=False).rewrite_module(op)
