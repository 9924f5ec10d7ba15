"""Ops that put elements in other places: made for a network, with random properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from network_builder import NetworkBuilder, like
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.tinyts import (
    BroadcastToOp,
    DepthToSpaceOp,
    GatherOp,
    MirrorPadOp,
    RearrangementOp,
    ResizeBilinearOp,
    ResizeNearestNeighborOp,
    SpaceToDepthOp,
    StridedSliceOp,
    TileOp,
    TransposeOp,
)

Properties = dict[str, Sequence[int] | int]
OpType = type[RearrangementOp | ResizeBilinearOp]


FLAGS = ("align_corners", "half_pixel_centers", "symmetric")
"""Properties that are 1 or absent."""


def rearranged(
    builder: NetworkBuilder,
    op_type: OpType,
    input: SSAValue,
    shape: Sequence[int],
    properties: Mapping[str, Sequence[int] | int],
) -> SSAValue:
    """Adds an op whose result has another shape and the quantization of its operand."""
    given = {name: value for name, value in properties.items() if name not in FLAGS or value}
    return builder.append(op_type([[input]], like(input, shape), given))


def random_rearrangement(
    op_type: OpType, shape: tuple[int, ...], random: np.random.Generator
) -> tuple[tuple[int, ...], Properties] | None:
    """The shape of a result and the properties of an op on a tensor; None where the op has no use for this shape."""
    rank = len(shape)
    is_map = rank == 4 and shape[0] == 1
    first = 1 if is_map else 0
    axis = int(random.integers(first, rank))

    def integers(low: int, high: int, count: int) -> list[int]:
        return random.integers(low, high + 1, count).tolist()

    if op_type is TransposeOp:
        permutation = [*range(first), *(first + random.permutation(rank - first)).tolist()]
        return tuple(shape[axis] for axis in permutation), {"permutation": permutation}
    if op_type is StridedSliceOp:
        strides, begins, sizes = integers(1, 3, rank), [0] * rank, list(shape)
        for k, size in enumerate(shape):
            begins[k] = int(random.integers(0, size))
            if random.random() < 0.2:
                strides[k] = -strides[k]
            most = begins[k] // -strides[k] if strides[k] < 0 else (size - 1 - begins[k]) // strides[k]
            sizes[k] = int(random.integers(0, most + 1)) + 1
            if sizes[k] == 1:
                strides[k] = 1
        return tuple(sizes), {"begin": begins, "stride": strides}
    if op_type is GatherOp:
        indices = integers(0, shape[axis] - 1, int(random.integers(1, 6)))
        return (*shape[:axis], len(indices), *shape[axis + 1 :]), {"axis": axis, "indices": indices}
    if op_type is TileOp:
        multiples = [*[1] * first, *integers(1, 2, rank - first)]
        return tuple(size * times for size, times in zip(shape, multiples, strict=True)), {"multiples": multiples}
    if op_type is BroadcastToOp:
        sizes = [int(random.integers(1, 5)) if size == 1 and k >= first else size for k, size in enumerate(shape)]
        return tuple(sizes), {}
    if op_type is MirrorPadOp:
        symmetric = int(random.integers(0, 2))
        # LiteRT adds nothing to a dimension that it does not know how to mirror.
        limits = [0 if k < first else min(2, size - 1 + symmetric) for k, size in enumerate(shape)]
        padding = [int(random.integers(0, limit + 1)) for limit in limits for _ in (0, 1)]
        sizes = [size + padding[2 * k] + padding[2 * k + 1] for k, size in enumerate(shape)]
        return tuple(sizes), {"padding": padding, "symmetric": symmetric}
    if not is_map:
        return None
    _, rows, columns, channels = shape
    if op_type in (ResizeNearestNeighborOp, ResizeBilinearOp):
        factors = random.choice([0.5, 1.0, 1.3, 2.0, 3.0], 2)
        size = [max(1, round(extent * factor)) for extent, factor in zip((rows, columns), factors, strict=True)]
        flags = [(0, 0), (1, 0), (0, 1)][int(random.integers(0, 3))]
        return (1, *size, channels), {"align_corners": flags[0], "half_pixel_centers": flags[1]}
    if op_type is DepthToSpaceOp:
        blocks = [block for block in (1, 2, 3) if channels % (block * block) == 0]
        block = blocks[int(random.integers(0, len(blocks)))]
        return (1, rows * block, columns * block, channels // (block * block)), {"block_size": block}
    if op_type is SpaceToDepthOp:
        blocks = [block for block in (1, 2, 3) if rows % block == 0 and columns % block == 0]
        block = blocks[int(random.integers(0, len(blocks)))]
        return (1, rows // block, columns // block, channels * block * block), {"block_size": block}
    return None
