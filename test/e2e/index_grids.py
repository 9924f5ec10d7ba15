"""Grids of ops that make indices, and of those that move them, for `test_ops.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, product

from index_samples import MOVES, indices_of, squeezed, transposed
from network_builder import NetworkBuilder, Quantization
from rearrangement_samples import OpType, rearranged
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import ArgExtremeOp, ArgMaxOp, ArgMinOp, BroadcastToOp, GatherOp, TileOp

Build = Callable[[NetworkBuilder], SSAValue | list[SSAValue]]
Shape = tuple[int, ...]

INPUT = Quantization(0.05, -3)
BITS = (32, 64)
SHAPES: tuple[Shape, ...] = (
    (1, 5, 4, 3),
    (1, 9, 7, 21),
    (1, 6, 1, 2),
    (1, 1, 8, 5),
    (1, 3, 5, 1),
    (7,),
    (1,),
    (300,),
    (1, 10),
    (3, 7),
    (2, 3, 4),
    (1, 9, 6),
    (1, 2, 3, 2, 4),
)


def _extremes(op_type: type[ArgExtremeOp]) -> Iterator[Build]:
    """Every axis of shapes of each rank, of elements that differ and of elements many of which are the extreme."""
    bits = cycle(BITS)

    def case(shape: Shape, axis: int, width: int, has_ties: bool) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            image = builder.input(shape, INPUT)
            if has_ties:  # there are five different elements left
                image = builder.quantize(image, Quantization(3.0, 1))
            return squeezed(builder, indices_of(builder, op_type, image, axis, width), axis)

        return build

    for shape in SHAPES:
        # A result of rank 4 has a batch of 1.
        first = 1 if len(shape) == 5 else 0
        for axis, has_ties in product(range(first, len(shape)), (False, True)):
            yield case(shape, axis, next(bits), has_ties)


def arg_maxima() -> Iterator[Build]:
    """ARG_MAX."""
    return _extremes(ArgMaxOp)


def arg_minima() -> Iterator[Build]:
    """ARG_MIN."""
    return _extremes(ArgMinOp)


def moved_indices() -> Iterator[Build]:
    """What moves elements, of indices: once and again, of maps whose rows are bands and of others."""

    def moved(shape: Shape, axis: int, bits: int, number: int) -> Build:
        def build(builder: NetworkBuilder) -> list[SSAValue]:
            indices = indices_of(builder, ArgMaxOp, builder.leaky_relu(builder.input(shape, INPUT), 0.5), axis, bits)
            once = MOVES[number](builder, indices)
            again = MOVES[(number + 1) % len(MOVES)]
            return [once] if again is transposed and len(shape_of(once)) < 3 else [once, again(builder, once)]

        return build

    def rearranged_indices(op_type: OpType, result: Shape, bits: int, **properties: list[int] | int) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            indices = indices_of(builder, ArgMinOp, builder.input((1, 5, 4, 3), INPUT), 3, bits)
            return rearranged(builder, op_type, indices, result, properties)

        return build

    def along_rows(bits: int) -> Build:
        def build(builder: NetworkBuilder) -> list[SSAValue]:
            image = builder.leaky_relu(builder.input((1, 6, 5, 4), INPUT), 0.5)
            most, least = (indices_of(builder, op_type, image, 3, bits) for op_type in (ArgMaxOp, ArgMinOp))
            return [builder.concatenation([most, least, most], 1), *builder.split(most, 3, 1)]

        return build

    cases = product((((1, 5, 4, 3), 3), ((1, 6, 3, 4), 2), ((1, 4, 5, 2), 1), ((2, 3, 5), 1)), BITS)
    for ((shape, axis), bits), number in product(cases, range(len(MOVES))):
        yield moved(shape, axis, bits, number)
    for bits in BITS:
        yield rearranged_indices(GatherOp, (1, 3, 4, 1), bits, axis=1, indices=[4, 0, 2])
        yield rearranged_indices(GatherOp, (1, 5, 2, 1), bits, axis=2, indices=[3, 1])
        yield rearranged_indices(TileOp, (1, 5, 8, 2), bits, multiples=[1, 1, 2, 2])
        yield rearranged_indices(TileOp, (1, 10, 4, 1), bits, multiples=[1, 2, 1, 1])
        yield rearranged_indices(BroadcastToOp, (1, 5, 4, 3), bits)
        yield along_rows(bits)
