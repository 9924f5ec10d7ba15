"""The kernel that puts elements in other places: TRANSPOSE, slices, GATHER, TILE, RESIZE_NEAREST_NEIGHBOR and more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tinyts_mlir.dialects.rows import WIDTH
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
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.parameters import Parameters, integer

LOOPS = 4
_COST = per_element(6.0)


def _call(op: RearrangementOp) -> KernelCall:
    """Rows by what lies behind the row's axis, or all at once."""
    row_map = op.row_map()
    offsets = op.element_offsets()
    axes, block_bytes = _loops(offsets[WIDTH:] if row_map is not None else offsets)
    parameters = {
        "offsets": np.concatenate(axes).astype(np.uint32),
        "sizes": tuple(len(axis) for axis in axes),
        "block_bytes": block_bytes,
        "row_stride": 1 if row_map is None else row_map.stride,
    }
    return KernelCall.of(op, REARRANGE, parameters)


def _loops(offsets: Sequence[Offsets]) -> tuple[list[Offsets], int]:
    """The axes as `LOOPS` loops around blocks of so many bytes that follow each other in the operand, too."""
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
    while len(loops) > LOOPS:
        loops[:2] = [np.add.outer(loops[0], loops[1]).reshape(-1)]
    loops = [np.zeros(1, np.int64)] * (LOOPS - len(loops)) + loops
    loops[0] = loops[0] + base
    return loops, block


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    offsets = cast(npt.NDArray[np.uint32], parameters["offsets"]).astype(np.int64)
    sizes = cast(tuple[int, ...], parameters["sizes"])
    places = np.zeros(1, np.int64)
    for axis in (*np.split(offsets, np.cumsum(sizes)[:-1]), np.arange(integer(parameters, "block_bytes"))):
        places = np.add.outer(places, axis).reshape(-1)
    rows = inputs[0].rows[:: integer(parameters, "row_stride")][:row_count]
    return [np.ascontiguousarray(rows[:, places])]


REARRANGE = Kernel("rearrange", _run, cost=_COST)

FAMILY = KernelFamily(
    kernels=[REARRANGE],
    ops=[
        OpEntry(op_type, _call, cost=_COST)
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
