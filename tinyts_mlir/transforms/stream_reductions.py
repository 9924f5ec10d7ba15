"""`stream-reductions`: reductions over all rows of a map take them as they come, band by band.

    %1 = tinyts.average_pool_2d [%a, %b] {window = [2, 8]} : tensor<1x1x1x16x!q>
  becomes
    %2 = tinyts.sum_rows %a : tensor<1x1x1x16xi32>
    %3 = tinyts.sum_rows %b, %2 : tensor<1x1x1x16xi32>
    %1 = tinyts.mean_of_sums %3 {count = 16} : tensor<1x1x1x16x!q>

and FULLY_CONNECTED over a map, that is over a reshape of a join of bands, becomes a chain of `tinyts.dot_rows` with a
`tinyts.fully_connected_of_sums`. What was a whole map in memory is then a band and int32 state. Runs behind
`split-tensors`; what is not cut into bands stays as it is, but for MEAN: it always becomes a chain of `tinyts.sum_rows`
with a `tinyts.requantized_mean_of_sums`, as nothing else computes it in C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, i32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, WIDTH, quantization_of, shape_of, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts import AveragePool2DOp, FullyConnectedOp, JoinOp, MeanOp, ReshapeOp
from tinyts_mlir.dialects.tinyts_attributes import SEGMENT, next_segment
from tinyts_mlir.dialects.tinyts_reductions import (
    AccumulatingOp,
    DotRowsOp,
    FullyConnectedOfSumsOp,
    MeanOfSumsOp,
    RequantizedMeanOfSumsOp,
    SumRowsOp,
)


class StreamGlobalAveragePool(RewritePattern):
    """AVERAGE_POOL_2D of bands whose window is the whole map."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: AveragePool2DOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one pool."""
        map = whole_shape(tensor_type(op.input[0]))
        if len(op.input) == 1 or any(int_values(op.padding)) or shape_of(op.result)[HEIGHT:CHANNELS] != (1, 1):
            return
        if int_values(op.window) != (map[HEIGHT], map[WIDTH]):
            return
        sums = _sums_of_rows(op)
        properties = {"count": map[HEIGHT] * map[WIDTH], "activation": op.activation}
        mean = MeanOfSumsOp([sums[-1].result], op.result.type, properties, location=op.location)
        rewriter.replace(op, _in_segments(op, [*sums, mean]))


class StreamMean(RewritePattern):
    """MEAN, of bands or of a whole map."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: MeanOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one mean."""
        sums = _sums_of_rows(op)
        properties = {"count": op.count, "input_type": quantization_of(op.input[0])}
        mean = RequantizedMeanOfSumsOp([sums[-1].result], op.result.type, properties, location=op.location)
        rewriter.replace(op, _in_segments(op, [*sums, mean]))


def _sums_of_rows(op: AveragePool2DOp | MeanOp) -> list[SumRowsOp]:
    """The chain that adds up all bands of an op's input."""
    state = TensorType(i32, (1, 1, 1, shape_of(op.input[0])[CHANNELS]))
    sums: list[SumRowsOp] = []
    for band in op.input:
        accumulator = sums[-1].result if sums else None
        sums.append(SumRowsOp([[band], accumulator], state, location=op.location))
    return sums


class StreamFullyConnected(RewritePattern):
    """FULLY_CONNECTED over all rows of a map, as one vector."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: FullyConnectedOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one fully connected layer."""
        bands = _joined_bands(op.input)
        if len(bands) < 2 or op.batches != 1 or quantization_of(bands[0]) != quantization_of(op.input):
            return
        state = TensorType(i32, (1, shape_of(op.filter)[0] + 1))
        sums: list[AccumulatingOp] = []
        for band in bands:
            accumulator = sums[-1].result if sums else None
            sums.append(DotRowsOp([op.filter, [band], accumulator], state, location=op.location))
        properties = {"input_type": quantization_of(op.input), "activation": op.activation}
        operands = [sums[-1].result, op.filter, op.bias]
        end = FullyConnectedOfSumsOp(operands, op.result.type, properties, location=op.location)
        rewriter.replace(op, _in_segments(op, [*sums, end]))


def _in_segments(op: Operation, made: list[Operation]) -> list[Operation]:
    """What is made of an op, in the segments that are asked for: the last op in the last of them."""
    if SEGMENT in op.attributes:
        for one in made[:-1]:
            one.attributes[SEGMENT] = op.attributes[SEGMENT]
        made[-1].attributes[SEGMENT] = next_segment(op)
    return made


def _joined_bands(value: SSAValue) -> Sequence[SSAValue]:
    """The bands behind a value that is a join, perhaps reshaped; none for anything else."""
    owner: object = value.owner
    while isinstance(owner, ReshapeOp):
        owner = owner.input.owner
    return tuple(owner.bands) if isinstance(owner, JoinOp) else ()


@dataclass(frozen=True)
class StreamReductionsPass(ModulePass):
    """Turns reductions of bands into chains of accumulating ops."""

    name = "stream-reductions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrites every reduction of the module, then drops joins that nothing reads any more."""
        patterns: list[RewritePattern] = [StreamGlobalAveragePool(), StreamMean(), StreamFullyConnected()]
        PatternRewriteWalker(GreedyRewritePatternApplier(patterns), apply_recursively=False).rewrite_module(op)
        dce(op)
