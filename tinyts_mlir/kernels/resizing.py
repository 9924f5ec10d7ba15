"""RESIZE_BILINEAR."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, WIDTH
from tinyts_mlir.dialects.tinyts import ResizeBilinearOp
from tinyts_mlir.dialects.tinyts_resizing import ONE, Interpolation
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.cost import KernelCost, per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Int64Array, Rows, Window, as_rows
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameters, int32_array, integer

_BY_SIXTEENTHS, _BY_FOURS, _ONE_BY_ONE = per_element(8.5), per_element(12.0), per_element(26.0)
_CHANNELS_AT_ONCE = 4


def _call(op: ResizeBilinearOp) -> KernelCall:
    """Blocks of rows where there are any, else all at once."""
    shape = whole_shape_of(op.input[0])
    row_map = op.row_map()
    rows, columns = op.interpolation(HEIGHT), op.interpolation(WIDTH)
    if row_map is None:
        lower, upper, distance = rows.between(shape[HEIGHT])
        row_table = np.stack([lower, upper, distance], axis=1)
    else:
        position = rows.position[: row_map.block]
        lower = position // ONE
        upper = (position + ONE - 1) // ONE
        row_table = np.stack([lower + row_map.padding, upper + row_map.padding, position - ONE * lower], axis=1)
    lower, upper, distance = _between_neighbours(columns, shape[WIDTH])
    column_table = np.stack([lower * shape[CHANNELS], upper * shape[CHANNELS], distance], axis=1)
    parameters = {
        "rows": row_table.astype(np.int32),
        "columns": column_table.astype(np.int32),
        "block_rows": len(row_table),
        "row_stride": 0 if row_map is None else row_map.stride,
        "row_bytes": shape[WIDTH] * shape[CHANNELS] if row_map is None else 0,
        "output_width": len(column_table),
        "channels": shape[CHANNELS],
        "sixteenths": int(not (distance % (ONE // 16)).any()),
    }
    return KernelCall.of(op, RESIZE_BILINEAR, parameters)


def _between_neighbours(columns: Interpolation, inputs: int) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Columns that are just where one of the input is are between it and its neighbour: kernels go by pairs."""
    lower, upper, distance = columns.between(inputs)
    distance = np.where(lower == upper, 0, distance)
    is_last = (lower == upper) & (lower == inputs - 1) & (inputs > 1)
    lower, distance = np.where(is_last, inputs - 2, lower), np.where(is_last, ONE, distance)
    return lower, np.minimum(lower + 1, inputs - 1), distance


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    rows = int32_array(parameters, "rows").reshape(-1, 3).astype(np.int64)
    columns = int32_array(parameters, "columns").reshape(-1, 3).astype(np.int64)
    channels = np.arange(integer(parameters, "channels"))
    row_bytes = integer(parameters, "row_bytes")
    held = inputs[0].rows.reshape(-1, row_bytes) if row_bytes else inputs[0].rows
    blocks = np.arange(row_count) * integer(parameters, "row_stride") - inputs[0].padding_before
    lower, upper, below = np.add.outer(blocks, rows[:, 0]), np.add.outer(blocks, rows[:, 1]), rows[:, 2]
    sums = np.zeros((row_count, len(rows), len(columns), len(channels)), np.int64)
    for number, row_weights in ((lower, ONE - below), (upper, below)):
        # Beyond the edge of the map, the row is the one at the edge.
        pixels = held[np.clip(number, 0, len(held) - 1)].astype(np.int64)
        for start, column_weights in ((columns[:, 0], ONE - columns[:, 2]), (columns[:, 1], columns[:, 2])):
            found = pixels[:, :, np.add.outer(start, channels)]
            sums += found * np.multiply.outer(row_weights, column_weights)[:, :, None]
    half = ONE * ONE // 2
    rounded = np.sign(sums) * ((np.abs(sums) + half) // (ONE * ONE))
    return as_rows(rounded.astype(np.int8), row_count)


def _kernel_cost(parameters: Parameters) -> KernelCost:
    if integer(parameters, "channels") < _CHANNELS_AT_ONCE:
        return _ONE_BY_ONE(parameters)
    return (_BY_SIXTEENTHS if integer(parameters, "sixteenths") else _BY_FOURS)(parameters)


def _op_cost(op: ResizeBilinearOp) -> KernelCost:
    return (_ONE_BY_ONE if whole_shape_of(op.result)[CHANNELS] < _CHANNELS_AT_ONCE else _BY_FOURS)(op)


def _reachable(op: ResizeBilinearOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    return [bytes_of(op.input[0]).hull()]


RESIZE_BILINEAR = Kernel("resize_bilinear", _run, cost=_kernel_cost)

FAMILY = KernelFamily(
    kernels=[RESIZE_BILINEAR],
    ops=[OpEntry(ResizeBilinearOp, _call, cost=_op_cost, kernels=(RESIZE_BILINEAR,), reachable=_reachable)],
)
