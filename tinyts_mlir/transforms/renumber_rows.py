"""Concatenation along rows, split along rows, and maps that take turns, without a copy: a pattern for `split-tensors`.

    %2 = tinyts.concatenation %0, %1 {axis = 1} : tensor<1x4x8x4x!q>   // %0 is the bands %a, %b; %1 is %c, %d
  becomes
    %e = tinyts.renumber_rows %a {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<0:1 of 4>>
    %f = tinyts.renumber_rows %b {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<1:2 of 4>>
    %g = tinyts.renumber_rows %c {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<2:3 of 4>>
    %h = tinyts.renumber_rows %d {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<3:4 of 4>>
    %2 = tinyts.join [%e, %f, %g, %h] : tensor<1x4x8x4x!q>

and the join disappears where readers take bands. An op says which rows its results are made of (`RowMoveInterface`).
All bands of a map but the last have the same number of rows, so this needs bands that line up: always where a band is
one row. Other ops stay, and copy.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from tinyts_mlir.dialects.interfaces import (
    AliasInterface,
    AssemblingInterface,
    MovedRows,
    RowMoveInterface,
    needs_no_arena,
)
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import HEIGHT, RowRange, band_type, rows_of, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import JoinOp, RenumberRowsOp
from tinyts_mlir.dialects.tinyts_attributes import SEGMENT, next_segment


class RenumberMovedRows(RewritePattern):
    """The bands that hold the rows of a result are the bands of the result."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Rewrites one op that moves rows. A result that nothing reads would leave bands that nothing reads."""
        if not isinstance(op, RowMoveInterface) or (moved := op.moved_rows()) is None:
            return
        if len(moved) > 1 and not all(result.uses for result in op.results):
            return
        pieces = [[(one, _bands_holding(one)) for one in result] for result in moved]
        if not all(_count(bands) == one.rows.count for result in pieces for one, bands in result):
            return
        by_result = [[band for _, bands in result for band in bands] for result in pieces]
        if not all(map(_line_up, by_result)):
            return
        number = _unused_number(op)
        ops: list[Operation] = []
        results: list[SSAValue] = []
        for position, (result, bands) in enumerate(zip(op.results, by_result, strict=True)):
            renumbered = _renumber(op, bands, tensor_type(result), number + position)
            ops += renumbered
            if len(renumbered) > 1:
                ops.append(_join(op, renumbered, result))
            results.append(ops[-1].results[0])
        rewriter.replace(op, ops, results)


def _bands_holding(moved: MovedRows) -> list[SSAValue]:
    """The bands of a join, else the value itself, as far as they begin in these rows."""
    owner = moved.operand.owner
    bands = [band for band, _ in owner.assembled()] if isinstance(owner, AssemblingInterface) else [moved.operand]
    return [band for band in bands if moved.rows.start <= rows_of(tensor_type(band)).start < moved.rows.stop]


def _count(bands: Sequence[SSAValue]) -> int:
    return sum(shape_of(band)[HEIGHT] for band in bands)


def _line_up(bands: Sequence[SSAValue]) -> bool:
    """Whether these can be the bands of one map: all in the arena and of one height, but for a lower last one.

    Rows that are made in blocks are left alone: whether their bands line up depends on heights that others choose.
    """
    heights = [shape_of(band)[HEIGHT] for band in bands]
    if not bands or any(needs_no_arena(band) or _is_made_in_blocks(band) for band in bands):
        return False
    return all(height == heights[0] for height in heights[:-1]) and heights[-1] <= heights[0]


def _is_made_in_blocks(band: SSAValue) -> bool:
    row_map = band.owner.row_map() if isinstance(band.owner, RowGeometryInterface) else None
    return row_map is not None and row_map.block > 1


def _renumber(
    op: Operation, bands: Sequence[SSAValue], whole: TensorType[Attribute], number: int
) -> list[RenumberRowsOp]:
    """These bands, which may be renumbered already, as the bands of map `number` of type `whole`."""
    renumbered: list[RenumberRowsOp] = []
    start = 0
    for band in bands:
        rows = RowRange(start, start + shape_of(band)[HEIGHT])
        source = band.owner.input if isinstance(band.owner, RenumberRowsOp) else band
        renumbered.append(RenumberRowsOp([source], band_type(whole, rows), {"map": number}, location=op.location))
        start = rows.stop
    return renumbered


def _join(op: Operation, renumbered: Sequence[RenumberRowsOp], whole: SSAValue) -> JoinOp:
    """These bands as one map, in the segment that is asked for."""
    join = JoinOp([[one.result for one in renumbered]], whole.type, location=op.location)
    if SEGMENT in op.attributes:
        join.attributes[SEGMENT] = next_segment(op)
    return join


def _unused_number(op: Operation) -> int:
    """The least number above those of all maps of renumbered rows in the op's block."""
    block = op.parent_block()
    aliases = [other for other in (() if block is None else block.ops) if isinstance(other, AliasInterface)]
    return 1 + max((alias.renumbered_map for alias in aliases if alias.renumbered_map is not None), default=-1)
