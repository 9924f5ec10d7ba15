"""Whether a depthwise convolution reads what it overwrites before it does, byte by byte.

For `verify-plan`: says nothing about where a planner may put a result, but looks up for every byte that operand and
result share when the kernel reads it last, and when it writes there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import WIDTH, rows_of, shape_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import DepthwiseConv2DOp
from tinyts_mlir.kernels.depthwise_overlap import BLOCK_CHANNELS, is_made_once, pixels_together
from tinyts_mlir.kernels.lead import first_shared_byte

Integers = NDArray[np.int64]

NEVER = -1


def first_byte_lost(op: DepthwiseConv2DOp, operand_index: int, distance: int) -> int | None:
    """As `OpEntry.first_byte_lost`."""
    operand, result = tensor_type(op.operands[operand_index]), tensor_type(op.result)
    if not is_made_once(op):
        return first_shared_byte(distance, size_in_bytes(operand), size_in_bytes(result))
    _, rows, width, channels = operand.get_shape()
    _, result_height, result_width, _ = result.get_shape()
    first, behind = max(0, distance), min(rows * width, result_height * result_width + distance // channels + 1)
    shared = np.arange(first, behind * channels, dtype=np.int64)
    shared = shared[(shared < rows * width * channels) & (shared - distance < result_height * result_width * channels)]

    read_row, read_column, read_block = _places(shared, width, channels)
    written_row, written_column, written_block = _places(shared - distance, result_width, channels)
    (height, filter_width), stride, dilation = op.filter_size, int_values(op.stride), int_values(op.dilation)
    top, _, left, _ = int_values(op.padding)
    result_rows = rows_of(result)
    last_row = _last_reader(
        read_row + rows_of(operand).start, result_rows.start, result_rows.stop, stride[0], dilation[0], height, top
    )
    last_column = _last_reader(read_column, 0, shape_of(op.result)[WIDTH], stride[1], dilation[1], filter_width, left)
    never_read = (last_row == NEVER) | (last_column == NEVER)
    written_row += result_rows.start
    # Of a block, some channels are written before others are read: it may only lie on the words that it reads itself.
    next_block = distance % BLOCK_CHANNELS != 0
    behind_it = (written_column >= last_column) & (written_block >= read_block + next_block)
    in_a_later_group = written_column - last_column >= pixels_together(op)
    in_time = (written_row > last_row) | ((written_row == last_row) & (behind_it | in_a_later_group))
    lost = shared[~(never_read | in_time)]
    return int(lost[0]) if len(lost) else None


def _places(bytes: Integers, width: int, channels: int) -> tuple[Integers, Integers, Integers]:
    """Row, column and block of channels of each byte of a band."""
    pixels = bytes // channels
    return pixels // width, pixels % width, bytes % channels // BLOCK_CHANNELS


def _last_reader(
    positions: Integers, start: int, stop: int, stride: int, dilation: int, taps: int, padding: int
) -> Integers:
    """The last of the outputs `start` to `stop - 1` of which a tap is at each of these positions, NEVER without any."""
    last = np.full(positions.shape, NEVER, dtype=np.int64)
    for output in range(start, stop):
        for tap in range(taps):
            last[positions == output * stride - padding + tap * dilation] = output
    return last
