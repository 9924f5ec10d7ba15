"""`schedule-bands{order=depth-first|breadth-first input=arena|stream}`: puts ops into the order in which they run.

The order of ops in a block is the schedule. Which order is best is for an analysis to say (`analysis/band_order.py`);
this pattern only moves the ops.

- `order=depth-first`: demand-driven, a band is made when something needs it. `order=breadth-first`: layer by layer.
- `input=arena`: every input row is in the arena before anything runs. `input=stream`: a row is received when something
  needs it.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern

from tinyts_mlir.analysis.band_order import breadth_first_order, depth_first_order, first_in_order
from tinyts_mlir.analysis.op_graph import OpGraph, functions
from tinyts_mlir.errors import CompileError

ORDERS = ("depth-first", "breadth-first")
INPUTS = ("arena", "stream")


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
        graph = OpGraph.of(op)
        if self.order == "depth-first":
            order = depth_first_order(graph.operands, graph.roots())
        else:
            order = breadth_first_order(graph.operands)
        if self.input == "arena":
            order = first_in_order(order, graph.receives())
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


@dataclass(frozen=True)
class ScheduleBandsPass(ModulePass):
    """Orders the ops of every function."""

    name = "schedule-bands"

    order: str = "depth-first"
    input: str = "arena"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Reorders every function of the module."""
        if self.order not in ORDERS:
            raise CompileError(f"schedule-bands: expected order={'|'.join(ORDERS)}, got {self.order!r}")
        if self.input not in INPUTS:
            raise CompileError(f"schedule-bands: expected input={'|'.join(INPUTS)}, got {self.input!r}")
        list(functions(op))
        PatternRewriteWalker(ScheduleFunction(self.order, self.input), apply_recursively=False).rewrite_module(op)
