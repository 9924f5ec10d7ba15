"""How a kernel's result may lie partly on an operand that dies with it.

A kernel that goes through its pixels in order has no more use for those it is past. Its result may begin a little below
such an operand, so that what it writes stays behind what it has yet to read: the *lead* is by how many bytes.
The idea is that of Blacker, Bridges and Hadfield, 'Diagonal Memory Optimisation for Machine Learning on
Micro-controllers' (2020), here for bands of rows.

`tinyts_depthwise_conv_2d` is such a kernel: row by row, and in a row pixel by pixel or in groups of some pixels, of
which it makes the channels in blocks of four, block after block (runtime/src/depthwise_window.h).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from xdsl.ir import Operation

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import WIDTH, RowRange, shape_of
from tinyts_mlir.dialects.tinyts import DepthwiseConv2DOp
from tinyts_mlir.kernels.lead import Lead

BLOCK_CHANNELS = 4


@dataclass(frozen=True)
class OperandOverlap:
    """How far bands of a result must stay behind bands of an operand on which they lie.

    Attributes:
        row_map: which rows of the operand's map the rows of the result's are made from.
        width, input_width: pixels in a row of the result and of the operand.
        channels: of both.
        column_stride, padding_left: as those of the op.
        group: how many pixels of a row the kernel makes together at most, block by block.
    """

    row_map: RowMap
    width: int
    input_width: int
    channels: int
    column_stride: int
    padding_left: int
    group: int

    def lead(self, result_rows: RowRange, operand_rows: RowRange) -> Lead | None:
        """By how many bytes the result must begin below the operand; None where they would not overlap then.

        Both begin at a multiple of 4 bytes. The rows are those of the whole feature maps that are in these two bands.

        Pixels that are made in a group, block by block, may be just as far behind as with one at a time, so that a
        block only overwrites the same block; or, at any distance, behind all that the group reads.
        """
        first_read = result_rows.start * self.row_map.stride - self.row_map.padding - operand_rows.start
        row_map = RowMap(self.row_map.stride, padding=-first_read)
        exact, least = (
            self.channels * _lead_in_pixels(self, group, result_rows.count, operand_rows.count, row_map)
            for group in (1, self.group)
        )
        return Lead(exact, least) if exact < result_rows.count * self.width * self.channels else None


@cache
def _lead_in_pixels(overlap: OperandOverlap, group: int, result_rows: int, operand_rows: int, row_map: RowMap) -> int:
    """The lead for bands of so many rows, each numbered from 0, and the row map between these numbers."""
    lead = 0
    for row in range(result_rows):
        # Rows of the operand from here on have not been read to the end.
        read_row = max(row * row_map.stride - row_map.padding, 0)
        if read_row >= operand_rows:
            break
        ahead = row * overlap.width - read_row * overlap.input_width
        for x in range(min(overlap.width, overlap.padding_left + 2)):  # further right it is no more
            written = min(x + group, overlap.width) - 1
            read = max(x * overlap.column_stride - overlap.padding_left, 0)
            lead = max(lead, ahead + written - read)
    return lead


def operand_overlap(op: Operation) -> OperandOverlap | None:
    """How the result of `op` may lie on operands that die with it; None where it must not.

    The op may be one on bands or on whole maps.
    """
    if not isinstance(op, DepthwiseConv2DOp) or op.depth_multiplier != 1 or (row_map := op.row_map()) is None:
        return None
    _, _, width, channels = shape_of(op.result)
    if channels % BLOCK_CHANNELS != 0:
        return None  # the last block takes channels of the one before once more
    column_stride = int_values(op.stride)[1]
    in_triples = op.filter_size == (3, 3) and column_stride == int_values(op.dilation)[1] == 1
    return OperandOverlap(
        row_map=row_map,
        width=width,
        input_width=shape_of(op.input[0])[WIDTH],
        channels=channels,
        column_stride=column_stride,
        padding_left=int_values(op.padding)[2],
        group=3 if in_triples else 1,
    )
