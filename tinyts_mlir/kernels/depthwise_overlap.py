"""How the result of a depthwise convolution may lie partly on an operand that dies with it.

`tinyts_depthwise_conv_2d` goes row by row, and in a row pixel by pixel or in groups of some pixels, of which it makes
the channels in blocks of four, block after block (tinyts_depthwise_window.h). `kernels/operand_overlap.py` has the
idea; what `verify-plan` checks is in `kernels/depthwise_last_reads.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import CHANNELS, WIDTH, RowRange, shape_of
from tinyts_mlir.dialects.tinyts import DepthwiseConv2DOp
from tinyts_mlir.kernels.entry import OperandOverlap
from tinyts_mlir.kernels.lead import Lead

BLOCK_CHANNELS = 4
_TRIPLES = {(3, 3): (1, 2), (5, 5): (1,), (7, 7): (1,)}
"""Filters with which three pixels are made together, and the strides along a row with which they are."""


def is_made_in_blocks(op: DepthwiseConv2DOp) -> bool:
    """Whether the kernel makes each channel from the same channel of the operand, in blocks of four."""
    return op.depth_multiplier == 1 and shape_of(op.result)[CHANNELS] >= BLOCK_CHANNELS


def pixels_together(op: DepthwiseConv2DOp) -> int:
    """How many pixels of a row the kernel makes together at most, block by block."""
    if shape_of(op.result)[CHANNELS] % BLOCK_CHANNELS:
        return shape_of(op.result)[WIDTH]
    strides = _TRIPLES.get(op.filter_size, ())
    return 3 if int_values(op.stride)[1] in strides and int_values(op.dilation)[1] == 1 else 1


@dataclass(frozen=True)
class DepthwiseOverlap(OperandOverlap):
    """The geometry that the lead depends on.

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
        """As of `OperandOverlap`.

        Pixels that are made in a group, block by block, may be just as far behind as with one at a time, so that a
        block only overwrites the same block; or, at any distance, behind all that the group reads. Where channels are
        no whole blocks, the last block comes behind the others of a whole row, and reads some of their channels again:
        a row must be behind all that it reads.
        """
        first_read = result_rows.start * self.row_map.stride - self.row_map.padding - operand_rows.start
        row_map = RowMap(self.row_map.stride, padding=-first_read)
        exact, least = (
            self.channels * _lead_in_pixels(self, group, result_rows.count, operand_rows.count, row_map)
            for group in (1, self.group)
        )
        if self.channels % BLOCK_CHANNELS:
            exact = least = -(-(least + self.channels) // BLOCK_CHANNELS) * BLOCK_CHANNELS
        return Lead(exact, least) if exact < result_rows.count * self.width * self.channels else None


@cache
def _lead_in_pixels(overlap: DepthwiseOverlap, group: int, result_rows: int, operand_rows: int, row_map: RowMap) -> int:
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


def depthwise_overlap(op: DepthwiseConv2DOp) -> DepthwiseOverlap | None:
    """As `OpEntry.overlap`."""
    if not is_made_in_blocks(op) or (row_map := op.row_map()) is None:
        return None
    _, _, width, channels = shape_of(op.result)
    return DepthwiseOverlap(
        row_map=row_map,
        width=width,
        input_width=shape_of(op.input[0])[WIDTH],
        channels=channels,
        column_stride=int_values(op.stride)[1],
        padding_left=int_values(op.padding)[2],
        group=pixels_together(op),
    )
