"""`schedule-bands{order=auto|depth-first|breadth-first input=stream|arena}`: puts ops into the order in which they run.

The order of ops in a block is the schedule. Which one is best is for an analysis to say (`analysis/segment_search.py`,
`analysis/band_order.py`); this pattern only moves the ops.

- `order=auto`: that of the segments which `choose-bands` found, or else the order that needs the least SRAM.
  `order=depth-first`: demand-driven, a band is made when something needs it. `order=breadth-first`: layer by layer.
- `input=stream`: a row is received when something needs it. `input=arena`: every input row is in the arena before
  anything runs.

A plan is for one order, so offsets, scratch and what `plan-arena` has set on the function are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern

from tinyts_mlir.analysis.band_order import breadth_first_order, depth_first_order, first_in_order
from tinyts_mlir.analysis.found_maps import FoundMaps
from tinyts_mlir.analysis.layers import Layers, behind_previous_bands, behind_whole_maps, group_layers
from tinyts_mlir.analysis.liveness import assign_storage, joined_bands
from tinyts_mlir.analysis.op_graph import OpGraph, functions, require_plannable
from tinyts_mlir.analysis.segment_search import BandGraph, Segment, leading_layers, schedule, search_segments
from tinyts_mlir.analysis.states import assigned_behind_readers
from tinyts_mlir.dialects.interfaces import AliasInterface, renumbered_map
from tinyts_mlir.dialects.tinyts_attributes import HELD, SEGMENT, WHOLE_INPUT, segments_of
from tinyts_mlir.errors import CompileError
from tinyts_mlir.transforms.plan_arena import drop_plan

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
        drop_plan(op)
        op.attributes.pop(WHOLE_INPUT, None)
        if self.input == "arena":
            op.attributes[WHOLE_INPUT] = UnitAttr()
        graph = OpGraph.of(op)
        order = assigned_behind_readers(graph, self.find_order(graph))
        for band_op in graph.ops:
            band_op.attributes.pop(SEGMENT, None)
            band_op.attributes.pop(HELD, None)
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
        if self.order != "auto":
            return _simple_order(graph, self.order, received_first)
        joins = any(joined_bands(op) for op in graph.ops)
        orders = least_memory_orders(graph, received_first, joins)
        if not joins and not any(len(op.results) > 1 or renumbered_map(op) is not None for op in graph.ops):
            return orders[0]
        # The search takes an op's results together, bands as if they were read in order, and all joins alike: where
        # some results die earlier than others, rows of one map are read as rows of another, or bands are made where
        # they belong in some places only, it may count too much.
        orders += [_simple_order(graph, order, received_first) for order in ORDERS if order != "auto"]
        return min(orders, key=lambda order: live_peak(graph, assigned_behind_readers(graph, order)))


def _simple_order(graph: OpGraph, name: str, received_first: bool) -> list[int]:
    if name == "depth-first":
        order = depth_first_order(behind_previous_bands(graph), graph.roots())
    else:
        order = breadth_first_order(behind_whole_maps(graph), graph.receives())
    return first_in_order(order, graph.receives()) if received_first else order


def live_peak(graph: OpGraph, order: Sequence[int]) -> int:
    """The most bytes of values that live at once when ops run in this order."""
    ordered = replace(graph, ops=tuple(graph.ops[number] for number in order))
    return min(int(assign_storage(ordered, joined=joined).live_bytes().max()) for joined in (False, True))


def least_memory_orders(graph: OpGraph, received_first: bool, joins: bool) -> list[list[int]]:
    """The orders of the segments that ops ask for, or that searches find; an alias is right behind its value.

    With `joins`, one search counts bands where joins want them, and another counts copies.
    """
    layers = group_layers(graph)
    maps = FoundMaps(graph, layers, received_first)
    found = maps.band_graph()
    if segments := asked_segments(layers, found):
        return [_order_of_segments(graph, layers, found, segments)]
    graphs = [found, maps.band_graph(joined=False)] if joins else [found]
    return [_order_of_segments(graph, layers, one, search_segments(one)[0]) for one in graphs]


def _order_of_segments(graph: OpGraph, layers: Layers, found: BandGraph, segments: Sequence[Segment]) -> list[int]:
    order: list[int] = []

    def add(number: int) -> None:
        """An op, and the aliases of what it makes."""
        pending = [number]
        while pending:
            number = pending.pop(0)
            order.append(number)
            readers = (use.operation for result in graph.ops[number].results for use in result.uses)
            pending += sorted({graph.numbers[reader] for reader in readers if isinstance(reader, AliasInterface)})

    for number, op in enumerate(graph.ops):
        if isinstance(op, AliasInterface) and not graph.operands[number]:
            add(number)  # of a state, which no layer makes
    for layer, band in schedule(found, segments):
        add(graph.numbers[layers.layers[layer].ops[band]])
    return order


def asked_segments(layers: Layers, graph: BandGraph) -> list[Segment]:
    """The segments that `choose-bands` has written on ops; none where it has not, or they do not fit the graph.

    What does not say in which it is, is in the segment of the layer before it.
    """
    numbers: list[int] = []
    held: set[int] = set()
    for layer in layers.layers:
        before = numbers[-1] if numbers else 0
        numbers.append(next(iter(segments_of(layer.ops[0])), before))
        if numbers[-1] < before:
            return []
        if HELD in layer.ops[0].attributes:
            held.add(layer.number)
    if all(SEGMENT not in layer.ops[0].attributes for layer in layers.layers):
        return []
    cuts = [number for number in range(1, len(numbers)) if numbers[number] != numbers[number - 1]]
    edges = [0, *cuts, len(numbers)]
    if leading_layers(graph) not in edges:
        return []
    return [Segment(start, stop, frozenset(held)) for start, stop in pairwise(edges)]


@dataclass(frozen=True)
class ScheduleBandsPass(ModulePass):
    """Puts ops into their order."""

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
