"""Grids of ops that put elements in other places, for `test_ops.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, permutations, product

from network_builder import NetworkBuilder, Quantization
from rearrangement_samples import OpType, rearranged
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.tinyts import (
    BroadcastToOp,
    DepthToSpaceOp,
    GatherOp,
    MirrorPadOp,
    ResizeBilinearOp,
    ResizeNearestNeighborOp,
    SpaceToDepthOp,
    StridedSliceOp,
    TileOp,
    TransposeOp,
)

Build = Callable[[NetworkBuilder], SSAValue]
Pair = tuple[int, int]
Shape = tuple[int, ...]

INPUT = Quantization(0.05, -3)


def rearrangements() -> Iterator[Build]:
    """Ops that put elements in other places, with and without rows that follow rows."""

    def case(op_type: OpType, shape: Shape, result: Shape, **properties: list[int] | int) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            image = builder.leaky_relu(builder.input(shape, INPUT), 0.5)
            return rearranged(builder, op_type, image, result, properties)

        return build

    for shape in ((1, 5, 4, 3), (1, 1, 6, 2), (2, 3, 4), (3, 7), (1, 2, 3, 2, 4)):
        for permutation in islice(permutations(range(len(shape))), 0, None, 1 if len(shape) < 5 else 17):
            result = tuple(shape[axis] for axis in permutation)
            if len(shape) != 4 or result[0] == 1:
                yield case(TransposeOp, shape, result, permutation=list(permutation))
    for begin, stride, result in (
        ((0, 2, 0, 0), (1, 1, 1, 1), (1, 3, 6, 4)),
        ((0, 1, 0, 0), (1, 2, 1, 1), (1, 4, 6, 4)),
        ((0, 0, 3, 1), (1, 1, 1, 1), (1, 8, 2, 3)),
        ((0, 3, 1, 0), (1, 3, 2, 2), (1, 2, 3, 2)),
        ((0, 7, 5, 3), (1, -1, -2, -1), (1, 8, 3, 4)),
        ((0, 4, 0, 3), (1, 1, 1, -3), (1, 1, 6, 2)),
        ((0, 5, 2, 1), (1, 1, 1, 1), (1, 1, 1, 1)),
    ):
        yield case(StridedSliceOp, (1, 8, 6, 4), result, begin=list(begin), stride=list(stride))
    yield case(StridedSliceOp, (12,), (4,), begin=[1], stride=[3])
    yield case(StridedSliceOp, (4, 6), (2, 6), begin=[2, 5], stride=[1, -1])
    yield case(StridedSliceOp, (3, 4, 5), (2, 2, 2), begin=[1, 0, 4], stride=[1, 3, -2])
    for axis, indices in ((1, [0, 4, 2, 2]), (2, [3, 0]), (3, [2, 1, 0, 1]), (1, [1, 3])):
        result = [1, 5, 4, 3]
        result[axis] = len(indices)
        yield case(GatherOp, (1, 5, 4, 3), tuple(result), axis=axis, indices=indices)
    for shape, multiples in (
        ((1, 3, 4, 2), (1, 2, 1, 1)),
        ((1, 3, 4, 2), (1, 1, 3, 2)),
        ((1, 3, 1, 2), (1, 1, 3, 1)),
        ((2, 3), (2, 2)),
    ):
        result = tuple(size * times for size, times in zip(shape, multiples, strict=True))
        yield case(TileOp, shape, result, multiples=list(multiples))
    for shape, result in (
        ((1, 1, 1, 3), (1, 5, 4, 3)),
        ((1, 5, 1, 3), (1, 5, 6, 3)),
        ((1, 5, 6, 1), (1, 5, 6, 4)),
        ((3,), (2, 3)),
    ):
        yield case(BroadcastToOp, shape, result)
    for padding, symmetric in product(
        ([0, 0, 1, 2, 0, 1, 0, 0], [0, 0, 0, 0, 2, 1, 1, 1], [0, 0, 0, 1, 0, 0, 0, 0]), (0, 1)
    ):
        result = tuple(size + sum(padding[2 * axis : 2 * axis + 2]) for axis, size in enumerate((1, 4, 5, 3)))
        yield case(MirrorPadOp, (1, 4, 5, 3), result, padding=padding, symmetric=symmetric)
    for block in (1, 2, 3):
        yield case(DepthToSpaceOp, (1, 3, 2, 2 * block * block), (1, 3 * block, 2 * block, 2), block_size=block)
        yield case(SpaceToDepthOp, (1, 3 * block, 2 * block, 2), (1, 3, 2, 2 * block * block), block_size=block)


def resizings() -> Iterator[Build]:
    def resized(op_type: OpType, size: Pair, result: Pair, flags: Pair) -> Build:
        properties = {"align_corners": flags[0], "half_pixel_centers": flags[1]}

        def build(builder: NetworkBuilder) -> SSAValue:
            image = builder.leaky_relu(builder.input((1, *size, 3), INPUT), 0.5)
            return rearranged(builder, op_type, image, (1, *result, 3), properties)

        return build

    sizes = (
        ((4, 5), (8, 10)),
        ((5, 4), (3, 7)),
        ((1, 3), (4, 1)),
        ((7, 6), (7, 6)),
        ((3, 8), (11, 5)),
        ((8, 8), (4, 4)),
    )
    flags = ((0, 0), (1, 0), (0, 1))
    for op_type, (size, result), flag in product((ResizeNearestNeighborOp, ResizeBilinearOp), sizes, flags):
        yield resized(op_type, size, result, flag)
