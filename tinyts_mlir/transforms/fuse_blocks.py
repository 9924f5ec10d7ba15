"""`fuse-blocks{most=PERCENT blocks=N,N rows=N columns=N keep=true|false}`: blocks at the peak become one op each.

    %1 = tinyts.conv_2d %0, %f0, %b0 {activation = relu6} : tensor<1x8x8x48x!e>
    %2 = tinyts.depthwise_conv_2d %1, %f1, %b1 {padding = [1, 1, 1, 1], activation = relu6} : tensor<1x8x8x48x!d>
    %3 = tinyts.conv_2d %2, %f2, %b2 : tensor<1x8x8x16x!q>
  becomes
    %3 = tinyts.fused_block %0, %f0, %b0, %f1, %b1, %f2, %b2 {expanded = ..., filtered = ..., padding = [1, 1, 1, 1]}
      : tensor<1x8x8x16x!q>

The maps in between, the widest of such a network, are never there: a few of their columns are made at a time. Rows of
the expansion that the windows of two bands have in common are kept from one to the next, as state, or made in both:
`most` bounds these multiplications, in percent of all that the network has (10 by default; 0: none). Which blocks, and
how, is chosen so that the peak is least (`analysis/block_fusion.py`). With `blocks`, just these are fused, by their
numbers among those that could be; `rows` says the least rows of their bands, `columns` how many columns are made at a
time, `keep` whether rows are kept. The first layer may have any filter.

The idea of fusing stages and making halos again is MCUNetV2's (patches) and msf-CNN's (fused stages).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriteWalker
from xdsl.rewriter import Rewriter

from tinyts_mlir.analysis.block_fusion import COLUMNS, Candidate, Fused, Fusion, Peak, choose_fusions, peak_of
from tinyts_mlir.analysis.foreseen_maps import foresee_maps
from tinyts_mlir.analysis.fusable_blocks import Block, fusable_blocks, fused
from tinyts_mlir.analysis.macs import macs_of_op
from tinyts_mlir.analysis.op_graph import functions, require_whole_tensors
from tinyts_mlir.analysis.segment_search import KnownPeaks
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import HEIGHT, shape_of
from tinyts_mlir.dialects.tinyts import FusedBlockOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.fused_blocks import extra_macs, rows_together
from tinyts_mlir.transforms.receive_inputs import ReceiveArguments

PERCENT = 10
"""Of multiplications, by default."""
ROWS = (1, 2, 4)
"""Heights of bands that are tried."""


@dataclass(frozen=True)
class FuseBlocksPass(ModulePass):
    """Fuses blocks at the peak."""

    name = "fuse-blocks"

    most: int = PERCENT
    blocks: tuple[int, ...] = ()
    rows: int = 1
    columns: int = COLUMNS[0]
    keep: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fuses blocks of every function of the module."""
        if self.most < 0:
            raise CompileError(f"fuse-blocks: expected a percentage of multiplications, got most={self.most}")
        if self.rows < 1 or self.columns < 1:
            raise CompileError(f"fuse-blocks: expected rows and columns of 1 or more, got {self.rows}, {self.columns}")
        if not self.blocks and (self.rows, self.columns, self.keep) != (1, COLUMNS[0], False):
            raise CompileError("fuse-blocks: expected rows, columns and keep with blocks only: else they are chosen")
        for function in functions(op):
            require_whole_tensors(self.name, function)
        PatternRewriteWalker(ReceiveArguments(), apply_recursively=False).rewrite_module(op)
        for function in functions(op):
            blocks = fusable_blocks(function)
            fuse(blocks, self._named(len(blocks)) if self.blocks else next(fusions(function, blocks, [self.most])))

    def _named(self, count: int) -> Fusion:
        for number in self.blocks:
            if not 0 <= number < count:
                hint = "" if count else "; --fold-pads and --canonicalize in front may make some"
                raise CompileError(
                    f"fuse-blocks: expected blocks below {count}, as many as there are, got {number}{hint}"
                )
        way = Fused(self.rows, self.columns, is_projected=True, keeps_rows=self.keep)
        return dict.fromkeys(self.blocks, way)


def fuse(blocks: Sequence[Block], fusion: Fusion) -> dict[Operation, tuple[int, ...]]:
    """Fuses blocks where they are; gives the numbers of the blocks that each op then is or is in.

    Raises CompileError where two of them want the same layer.
    """
    numbers: dict[Operation, tuple[int, ...]] = {}
    taken: set[Operation] = set()
    for number, block in enumerate(blocks):
        way = fusion.get(number)
        block = block if way is None or way.is_projected else block.without_projection()
        members = {member for member in block if member is not None}
        if way is None:
            numbers |= {member: (*numbers.get(member, ()), number) for member in members - taken}
            continue
        if taken & members:
            raise CompileError(f"fuse-blocks: block {number} begins with the projection of the one before")
        taken |= members
        made = _replace(block)
        made.properties["least_rows"] = IntegerAttr(way.rows, i64)
        made.properties["tile_columns"] = IntegerAttr(way.columns, i64)
        made.properties["keeps_rows"] = IntegerAttr(int(way.keeps_rows), i64)
        numbers[made] = (number,)
    return numbers


def fuse_in_copy(
    function: FuncOp, copy: FuncOp, blocks: Sequence[Block], fusion: Fusion
) -> dict[Operation, tuple[int, ...]]:
    """`fuse`, in a copy of the function that has the blocks."""
    copies = dict(zip(function.body.block.ops, copy.body.block.ops, strict=True))
    return fuse([block.among(copies) for block in blocks], fusion)


def _replace(block: Block) -> FusedBlockOp:
    op = fused(block)
    Rewriter.replace_op(block.last, op)
    for member in (block.depthwise, block.expand):
        if member is not block.last:
            member.detach()
            member.erase()
    return op


def fusions(function: FuncOp, blocks: Sequence[Block], percents: Sequence[int]) -> Iterator[Fusion]:
    """How to fuse blocks of a function of whole tensors for the least SRAM, with so many percent more multiplications.

    Percents are in ascending order.
    """
    total = sum(macs_of_op(op) for op in function.body.block.ops)
    known = KnownPeaks()

    def count(fusion: Fusion, limit: int) -> tuple[Peak, frozenset[int]] | None:
        copy = function.clone()
        numbers = fuse_in_copy(function, copy, blocks, fusion)
        graph = foresee_maps(copy, leading_inputs=False)
        if (peak := peak_of(graph, limit, known)) is None:
            return None
        at_work = {number for layer in peak.layers for number in numbers.get(graph.layers[layer].op, ())}
        near = {number for one in at_work or range(len(blocks)) for number in (one - 1, one, one + 1)}
        return peak, frozenset(near & set(range(len(blocks))))

    firsts: dict[Operation, int] = {block.expand: number for number, block in enumerate(blocks)}
    candidates = [_candidate(block, firsts) for block in blocks]
    return choose_fusions(candidates, count, [total * percent // 100 for percent in percents])


def _candidate(block: Block, firsts: Mapping[Operation, int]) -> Candidate:
    op = fused(block)
    height, stride = op.filter_size[0], int_values(op.stride)[0]
    rows = [rows for rows in ROWS if rows <= shape_of(op.result)[HEIGHT]]
    extra = {one: extra_macs(op, one) for one in rows if rows_together(height, stride, one) == one}
    op.erase()
    project = block.project
    follower = None if project is None else firsts.get(project)
    return Candidate(extra, project is not None, height > stride, follower)
