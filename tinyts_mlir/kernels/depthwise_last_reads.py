"""Whether a depthwise convolution reads what it overwrites before it does, byte by byte.

For `verify-plan`: says nothing about where a planner may put a result, but looks up for every byte that operand and
result share when the kernel reads it last, and when it writes there.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, rows_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import DepthwiseConv2DOp
from tinyts_mlir.kernels.depthwise_overlap import BLOCK_CHANNELS, is_made_in_blocks, pixels_together
from tinyts_mlir.kernels.lead import first_shared_byte

Integers = NDArray[np.int64]

NEVER = -1


def first_byte_lost(op: DepthwiseConv2DOp, operand_index: int, distance: int) -> int | None:
    """As `OpEntry.first_byte_lost`."""
    operand, result = tensor_type(op.operands[operand_index]), tensor_type(op.result)
    if not is_made_in_blocks(op):
        return first_shared_byte(distance, size_in_bytes(operand), size_in_bytes(result))
    result_rows, operand_rows = rows_of(result), rows_of(operand)
    stride, padding = int_values(op.stride), int_values(op.padding)
    return _first_byte_lost(
        operand.get_shape()[HEIGHT:],
        result.get_shape()[HEIGHT:CHANNELS],
        distance,
        op.filter_size,
        stride,
        int_values(op.dilation),
        # Of rows that are counted from the first of each band.
        (padding[0] + operand_rows.start - result_rows.start * stride[0], padding[2]),
        pixels_together(op),
    )


@lru_cache(maxsize=1 << 12)
def _first_byte_lost(
    operand: tuple[int, ...],
    result: tuple[int, ...],
    distance: int,
    filter_size: tuple[int, int],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, int],
    group: int,
) -> int | None:
    """The same by numbers, as most bands of a layer are alike.

    `operand` is its rows, width and channels, `result` its rows and width, `padding` above and to the left, and `group`
    how many pixels the kernel makes together.
    """
    (rows, width, channels), (result_height, result_width) = operand, result
    first, behind = max(0, distance), min(rows * width, result_height * result_width + distance // channels + 1)
    shared = np.arange(first, behind * channels, dtype=np.int64)
    shared = shared[(shared < rows * width * channels) & (shared - distance < result_height * result_width * channels)]

    read_row, read_column, read_block = _places(shared, width, channels)
    written_row, written_column, written_block = _places(shared - distance, result_width, channels)
    last_row = _last_reader(read_row, result_height, stride[0], dilation[0], filter_size[0], padding[0])
    last_column = _last_reader(read_column, result_width, stride[1], dilation[1], filter_size[1], padding[1])
    never_read = (last_row == NEVER) | (last_column == NEVER)
    # Of a block, some channels are written before others are read: it may only lie on the words that it reads itself.
    next_block = distance % BLOCK_CHANNELS != 0
    behind_it = (written_column >= last_column) & (written_block >= read_block + next_block)
    in_a_later_group = written_column - last_column >= group
    # Channels that are no whole blocks are read again when the rest of the row is done.
    in_order = channels % BLOCK_CHANNELS == 0
    in_time = (written_row > last_row) | (in_order & (written_row == last_row) & (behind_it | in_a_later_group))
    lost = shared[~(never_read | in_time)]
    return int(lost[0]) if len(lost) else None


def _places(bytes: Integers, width: int, channels: int) -> tuple[Integers, Integers, Integers]:
    """Row, column and block of channels of each byte of a band."""
    pixels = bytes // channels
    return pixels // width, pixels % width, bytes % channels // BLOCK_CHANNELS


def _last_reader(positions: Integers, outputs: int, stride: int, dilation: int, taps: int, padding: int) -> Integers:
    """The last output of which a tap is at each of these positions, NEVER without any."""
    last = np.full(positions.shape, NEVER, dtype=np.int64)
    for output in range(outputs):
        for tap in range(taps):
            last[positions == output * stride - padding + tap * dilation] = output
    return last
