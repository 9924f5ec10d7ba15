"""The kernel that puts elements in other places: TRANSPOSE, slices, GATHER, TILE, RESIZE_NEAREST_NEIGHBOR and more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tinyts_mlir.dialects.channel_geometry import last_extent
from tinyts_mlir.dialects.rows import HEIGHT, WIDTH, element_bytes, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import (
    BroadcastToOp,
    DepthToSpaceOp,
    GatherOp,
    MirrorPadOp,
    RearrangementOp,
    ResizeNearestNeighborOp,
    SpaceToDepthOp,
    StridedSliceOp,
    TileOp,
    TransposeOp,
)
from tinyts_mlir.dialects.tinyts_rearrangements import Offsets
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.parameters import Parameters, integer

LOOPS = 4
_COST = per_element(6.0)


def _call(op: RearrangementOp) -> KernelCall:
    """Rows by what lies behind the row's axis, or all at once."""
    row_map = op.row_map()
    offsets = _byte_offsets(op)
    rows = np.zeros(0, np.int64)
    if row_map is None:
        axes, block_bytes = _loops(offsets, LOOPS)
    else:
        row_size = row_bytes(tensor_type(op.input[0]))
        starts = offsets[0][0] + offsets[HEIGHT][: row_map.block]
        inner, block_bytes = _loops(offsets[WIDTH:], LOOPS - 1)
        rows = (starts + inner[0][0]) // row_size
        axes = [starts - rows * row_size, *inner]
        rows = rows + row_map.padding
    parameters = {
        "offsets": np.concatenate([*axes, rows if rows.any() else rows[:0]]).astype(np.uint32),
        "sizes": tuple(len(axis) for axis in axes),
        "block_bytes": block_bytes,
        "row_stride": 1 if row_map is None else row_map.stride,
        "selects_rows": int(rows.any()),
    }
    return KernelCall.of(op, REARRANGE, parameters)


def _reachable(op: RearrangementOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    """An element's channel is its place modulo the channels: of the last axis, moved by what the others add."""
    operand, channels = bytes_of(op.input[0]), last_extent(op.input[0])
    *others, last = op.element_offsets()
    moves = np.zeros(1, np.int64)
    for axis in others:
        moves = np.unique(np.add.outer(moves, axis) % channels)
    possible = operand.possible[np.add.outer(moves, last) % channels]
    return [ChannelBytes(np.logical_or.reduce(possible))]


def _byte_offsets(op: RearrangementOp) -> list[Offsets]:
    """The element offsets in bytes; the bytes of an element that has several are an axis of their own."""
    size = element_bytes(tensor_type(op.input[0]))
    offsets = op.element_offsets()
    return offsets if size == 1 else [*(axis * size for axis in offsets), np.arange(size)]


def _loops(offsets: Sequence[Offsets], count: int) -> tuple[list[Offsets], int]:
    """The axes as `count` loops around blocks of so many bytes that follow each other in the operand, too."""
    axes = [np.array(axis, np.int64) for axis in offsets]
    base, block = 0, 1
    while axes and (len(axes[-1]) == 1 or (axes[-1] == axes[-1][0] + block * np.arange(len(axes[-1]))).all()):
        last = axes.pop()
        base, block = base + int(last[0]), block * len(last)
    loops: list[Offsets] = []
    for axis in axes:
        if len(axis) == 1:
            base += int(axis[0])
        else:
            loops.append(axis)
    while len(loops) > count:
        loops[:2] = [np.add.outer(loops[0], loops[1]).reshape(-1)]
    loops = [np.zeros(1, np.int64)] * (count - len(loops)) + loops
    loops[0] = loops[0] + base
    return loops, block


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    offsets = cast(npt.NDArray[np.uint32], parameters["offsets"]).astype(np.int64)
    sizes = cast(tuple[int, ...], parameters["sizes"])
    first, second, third, fourth, selected = np.split(offsets, np.cumsum(sizes))
    places = np.zeros(1, np.int64)
    for axis in (second, third, fourth, np.arange(integer(parameters, "block_bytes"))):
        places = np.add.outer(places, axis).reshape(-1)
    if not integer(parameters, "selects_rows"):
        selected = np.zeros(len(first), np.int64)
    starts = integer(parameters, "row_stride") * np.arange(row_count)
    sources = np.add.outer(starts, selected)[:, :, None]
    found = inputs[0].rows[sources, np.add.outer(first, places)]
    return [np.ascontiguousarray(found.reshape(row_count, -1))]


REARRANGE = Kernel("rearrange", _run, cost=_COST)

FAMILY = KernelFamily(
    kernels=[REARRANGE],
    ops=[
        OpEntry(op_type, _call, cost=_COST, kernels=(REARRANGE,), reachable=_reachable)
        for op_type in (
            TransposeOp,
            StridedSliceOp,
            GatherOp,
            TileOp,
            BroadcastToOp,
            MirrorPadOp,
            DepthToSpaceOp,
            SpaceToDepthOp,
            ResizeNearestNeighborOp,
        )
    ],
)
