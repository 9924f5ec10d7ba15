"""How a kernel's result may lie partly on an operand that dies with it.

A kernel that goes through its pixels in order has no more use for those it is past. Its result may begin a little below
such an operand, so that what it writes stays behind what it has yet to read: the *lead* is by how many bytes.
The idea is that of Blacker, Bridges and Hadfield, 'Diagonal Memory Optimisation for Machine Learning on
Micro-controllers' (2020), here for bands of rows.

`tinyts_depthwise_conv_2d` is such a kernel: row by row, and in a row pixel by pixel or in groups of some pixels, of
which it makes the channels in blocks of four, block after block (runtime/src/depthwise_window.h).
"""

from __future__ import annotations

from functools import cache

from xdsl.ir import Operation

from tinyts_mlir.analysis.arena_blocks import Lead
from tinyts_mlir.analysis.row_geometry import RowMap
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, WIDTH, RowRange, shape_of
from tinyts_mlir.dialects.tinyts import DepthwiseConv2DOp

BLOCK_CHANNELS = 4


def may_overlap_operand(op: Operation) -> bool:
    """Whether the result of `op` may lie partly on operands that die with it."""
    if not isinstance(op, DepthwiseConv2DOp) or op.depth_multiplier != 1:
        return False
    # Otherwise the last block takes channels of the one before once more.
    return shape_of(op.result)[CHANNELS] % BLOCK_CHANNELS == 0


def pixels_in_a_group(op: DepthwiseConv2DOp) -> int:
    """How many pixels of a row the kernel makes together at most, block by block."""
    in_triples = op.filter_size == (3, 3) and int_values(op.stride)[1] == int_values(op.dilation)[1] == 1
    return 3 if in_triples else 1


def overlap_lead(op: Operation, result_rows: RowRange, operand_rows: RowRange) -> Lead | None:
    """By how many bytes the result must begin below an operand to lie on it; None where it must not, or could only so.

    Both at a multiple of 4 bytes. `result_rows` and `operand_rows` are those of the whole feature maps that are in
    these two bands; the op may be one on bands or on whole maps. Pixels that are made in a group, block by block, may
    be just as far behind as with one at a time, so that a block only overwrites the same block; or, at any distance,
    behind all that the group reads.
    """
    if not may_overlap_operand(op) or not isinstance(op, DepthwiseConv2DOp) or (row_map := op.row_map()) is None:
        return None
    _, _, width, channels = shape_of(op.result)
    exact, least = (
        _lead_in_pixels(
            result_rows.count,
            operand_rows.count,
            RowMap(row_map.stride, padding=operand_rows.start + row_map.padding - result_rows.start * row_map.stride),
            width,
            shape_of(op.input[0])[WIDTH],
            int_values(op.stride)[1],
            int_values(op.padding)[2],
            group,
        )
        * channels
        for group in (1, pixels_in_a_group(op))
    )
    return Lead(exact, least) if exact < result_rows.count * width * channels else None


@cache
def _lead_in_pixels(
    result_rows: int,
    operand_rows: int,
    row_map: RowMap,
    width: int,
    input_width: int,
    column_stride: int,
    padding_left: int,
    group: int,
) -> int:
    """The lead for bands of so many rows, each numbered from 0, and the row map between these numbers."""
    lead = 0
    for row in range(result_rows):
        # Rows of the operand from here on have not been read to the end.
        read_row = max(row * row_map.stride - row_map.padding, 0)
        if read_row >= operand_rows:
            break
        ahead = row * width - read_row * input_width
        for x in range(min(width, padding_left + 2)):  # further right it is no more
            written, read = min(x + group, width) - 1, max(x * column_stride - padding_left, 0)
            lead = max(lead, ahead + written - read)
    return lead
