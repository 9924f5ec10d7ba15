"""`stream-reductions`: reductions over all rows of a map take them as they come, band by band.

    %1 = tinyts.average_pool_2d [%a, %b] {window = [2, 8]} : tensor<1x1x1x16x!q>
  becomes
    %2 = tinyts.sum_rows %a : tensor<1x1x1x16xi32>
    %3 = tinyts.sum_rows %b, %2 : tensor<1x1x1x16xi32>
    %1 = tinyts.mean_of_sums %3 {count = 16} : tensor<1x1x1x16x!q>

and FULLY_CONNECTED over a map, that is over a reshape of a join of bands, becomes a chain of `tinyts.dot_rows` with a
`tinyts.fully_connected_of_sums`: an op says itself how it takes rows (`StreamableReductionInterface`). What was a
whole map in memory is then a band and int32 state. Runs behind `split-tensors`; what is not cut into bands stays as it
is, but for MEAN: it always becomes a chain of `tinyts.sum_rows` with a `tinyts.requantized_mean_of_sums`, as nothing
else computes it in C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.dialects.interfaces import (
    AssemblingInterface,
    StreamableReductionInterface,
    StreamedReduction,
    without_aliases,
)
from tinyts_mlir.dialects.tinyts_attributes import SEGMENT, next_segment


class StreamReduction(RewritePattern):
    """A reduction over the bands of a map becomes an accumulating op for each of them, and one that finishes."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Rewrites one reduction."""
        if not isinstance(op, StreamableReductionInterface) or (reduction := op.streamed_reduction()) is None:
            return
        bands = _bands(reduction)
        if len(bands) < 2 and not reduction.always:
            return
        made: list[Operation] = []
        state: SSAValue | None = None
        for band in bands:
            made.append(op.accumulate(band, state))
            state = made[-1].results[0]
        assert state is not None
        made.append(op.finish(state))
        rewriter.replace(op, _in_segments(op, made))


def _bands(reduction: StreamedReduction) -> Sequence[SSAValue]:
    """The bands of the map that is reduced: those that the op reads, or that a join has put together for it."""
    if not reduction.flat:
        return reduction.map
    [map] = reduction.map
    join = without_aliases(map).owner
    return [band for band, _ in join.assembled()] if isinstance(join, AssemblingInterface) else ()


def _in_segments(op: Operation, made: list[Operation]) -> list[Operation]:
    """What is made of an op, in the segments that are asked for: the last op in the last of them."""
    if SEGMENT in op.attributes:
        for one in made[:-1]:
            one.attributes[SEGMENT] = op.attributes[SEGMENT]
        made[-1].attributes[SEGMENT] = next_segment(op)
    return made


@dataclass(frozen=True)
class StreamReductionsPass(ModulePass):
    """Lets pools and dense layers over whole maps take rows as they come."""

    name = "stream-reductions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrites every reduction of the module, then drops joins that nothing reads any more."""
        PatternRewriteWalker(StreamReduction(), apply_recursively=False).rewrite_module(op)
        dce(op)
