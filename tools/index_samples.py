"""Indices of extremes, and what moves them: for grids, and for random networks."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from network_builder import NetworkBuilder, like
from xdsl.dialects.builtin import TensorType, i32, i64
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import ArgExtremeOp, StridedSliceOp, TransposeOp

MOST_MOVES = 2


def indices_of(
    builder: NetworkBuilder, op_type: type[ArgExtremeOp], input: SSAValue, axis: int, bits: int = 32
) -> SSAValue:
    """ARG_MAX or ARG_MIN along an axis, which stays with one element."""
    shape = [1 if position == axis else size for position, size in enumerate(shape_of(input))]
    type = TensorType(i32 if bits == 32 else i64, shape)
    return builder.append(op_type([[input]], type, {"axis": axis}))


def squeezed(builder: NetworkBuilder, indices: SSAValue, axis: int) -> SSAValue:
    """Indices without the axis along which they are, as TFLite has them; at least one axis stays."""
    shape = [size for position, size in enumerate(shape_of(indices)) if position != axis]
    return builder.reshape(indices, shape or [1])


def transposed(builder: NetworkBuilder, value: SSAValue) -> SSAValue:
    """The two last axes the other way round."""
    axes = list(range(len(shape_of(value))))
    axes[-2:] = reversed(axes[-2:])
    type = like(value, [shape_of(value)[axis] for axis in axes])
    return builder.append(TransposeOp([[value]], type, {"permutation": axes}))


def every_other(builder: NetworkBuilder, value: SSAValue) -> SSAValue:
    """Every other element of the last axis."""
    *outer, inner = shape_of(value)
    properties = {"begin": [0] * (len(outer) + 1), "stride": [1] * len(outer) + [2 if inner > 1 else 1]}
    return builder.append(StridedSliceOp([[value]], like(value, [*outer, -(-inner // 2)]), properties))


def twice(builder: NetworkBuilder, value: SSAValue) -> SSAValue:
    """The same along the last axis, again."""
    return builder.concatenation([value, value], len(shape_of(value)) - 1)


def last_half(builder: NetworkBuilder, value: SSAValue) -> SSAValue:
    """The second of two equal parts along the last axis, where there are any."""
    parts = 2 if shape_of(value)[-1] % 2 == 0 else 1
    return builder.split(value, parts, len(shape_of(value)) - 1)[-1]


def flattened(builder: NetworkBuilder, value: SSAValue) -> SSAValue:
    """All elements as a vector."""
    return builder.reshape(value, [prod(shape_of(value))])


MOVES: tuple[Callable[[NetworkBuilder, SSAValue], SSAValue], ...] = (
    transposed,
    every_other,
    twice,
    last_half,
    flattened,
)


def random_indices(
    builder: NetworkBuilder, op_type: type[ArgExtremeOp], input: SSAValue, random: np.random.Generator
) -> SSAValue:
    """Indices along any axis, moved a few times."""
    axis = int(random.integers(0, len(shape_of(input))))
    indices = indices_of(builder, op_type, input, axis, int(random.choice([32, 64])))
    for _ in range(int(random.integers(0, MOST_MOVES + 1))):
        move = MOVES[int(random.integers(0, len(MOVES)))]
        if move is transposed and len(shape_of(indices)) < 3:
            continue
        indices = move(builder, indices)
    return indices
