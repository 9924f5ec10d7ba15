"""Concatenation along rows, and split along rows, without a copy: patterns for `split-tensors`.

    %2 = tinyts.concatenation %0, %1 {axis = 1} : tensor<1x4x8x4x!q>   // %0 is the bands %a, %b; %1 is %c, %d
  becomes
    %e = tinyts.renumber_rows %a {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<0:1 of 4>>
    %f = tinyts.renumber_rows %b {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<1:2 of 4>>
    %g = tinyts.renumber_rows %c {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<2:3 of 4>>
    %h = tinyts.renumber_rows %d {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<3:4 of 4>>
    %2 = tinyts.join [%e, %f, %g, %h] : tensor<1x4x8x4x!q>

and the join disappears where readers take bands. All bands of a map but the last have the same number of rows, so this
needs operands (or parts) whose bands line up: always where a band is one row. Others keep the op, which copies.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK, HEIGHT, RowRange, band_type, rows_of, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import (
    ConcatenationOp,
    ConstantOp,
    ExternalInputOp,
    JoinOp,
    RenumberRowsOp,
    SplitOp,
)
from tinyts_mlir.dialects.tinyts_attributes import SEGMENT, next_segment


class RenumberConcatenatedRows(RewritePattern):
    """The bands of all operands, one behind the other, are the bands of the result."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ConcatenationOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one concatenation."""
        if not _along_rows(op, op.result) or op.bands is not None:
            return
        bands = [band for value in op.inputs for band in _bands(value)]
        if len(bands) < 2 or not _line_up(bands):
            return
        renumbered = _renumber(op, bands, tensor_type(op.result), _unused_number(op))
        join = _join(op, renumbered, op.result)
        rewriter.replace(op, [*renumbered, join])


class RenumberSplitRows(RewritePattern):
    """Each part is some of the operand's bands."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: SplitOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one split. A part that nothing reads would leave bands that nothing reads."""
        if not _along_rows(op, op.parts[0]) or len(op.input) != 1 or not all(part.uses for part in op.parts):
            return
        bands = _bands(op.input[0])
        rows = shape_of(op.parts[0])[HEIGHT]
        by_part = [
            [band for band in bands if rows_of(tensor_type(band)).start // rows == number]
            for number in range(len(op.parts))
        ]
        if not all(part and _line_up(part) and _count(part) == rows for part in by_part):
            return
        number = _unused_number(op)
        ops: list[Operation] = []
        results: list[SSAValue] = []
        for position, (part, part_bands) in enumerate(zip(op.parts, by_part, strict=True)):
            renumbered = _renumber(op, part_bands, tensor_type(part), number + position)
            ops += renumbered
            if len(renumbered) > 1:
                ops.append(_join(op, renumbered, part))
            results.append(ops[-1].results[0])
        rewriter.replace(op, ops, results)


def _along_rows(op: ConcatenationOp | SplitOp, result: SSAValue) -> bool:
    return len(shape_of(result)) == FEATURE_MAP_RANK and op.axis.value.data == HEIGHT


def _bands(value: SSAValue) -> tuple[SSAValue, ...]:
    """The bands of a join, else the value itself."""
    return tuple(value.owner.bands) if isinstance(value.owner, JoinOp) else (value,)


def _count(bands: Sequence[SSAValue]) -> int:
    return sum(shape_of(band)[HEIGHT] for band in bands)


def _line_up(bands: Sequence[SSAValue]) -> bool:
    """Whether these can be the bands of one map: all in the arena and of one height, but for a lower last one."""
    heights = [shape_of(band)[HEIGHT] for band in bands]
    in_arena = not any(isinstance(band.owner, ConstantOp | ExternalInputOp) for band in bands)
    return in_arena and all(height == heights[0] for height in heights[:-1]) and heights[-1] <= heights[0]


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
    ops = () if block is None else block.ops
    return 1 + max((other.map.value.data for other in ops if isinstance(other, RenumberRowsOp)), default=-1)
