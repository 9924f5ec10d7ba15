"""State: layers that read what the call before has left, made for a network."""

from __future__ import annotations

import numpy as np
from network_builder import NetworkBuilder, like, quantization
from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, TensorType, i8
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.rows import HEIGHT, shape_of
from tinyts_mlir.dialects.tinyts import AssignStateOp, ReadStateOp, ShiftStateOp, StateOp, StridedSliceOp

MOST_KEPT = 5
"""Rows of a ring buffer that are kept."""


def random_state(builder: NetworkBuilder, value: SSAValue, random: np.random.Generator, name: str) -> SSAValue:
    """What a value and those of calls before it are together: a delay, a running sum, or the last rows of all."""
    kind = int(random.integers(0, 4))
    if kind == 0 or len(shape_of(value)) != 4:
        state, before = _state(builder, value, shape_of(value), random, name)
        builder.append(AssignStateOp([value, state], state.type))
        return before
    if kind == 1:
        state, before = _state(builder, value, shape_of(value), random, name)
        total = builder.add(before, value)
        builder.append(AssignStateOp([builder.quantize(total, quantization(value)), state], state.type))
        return total
    rows, kept = shape_of(value)[HEIGHT], int(random.integers(1, MOST_KEPT + 1))
    _, _, *rest = shape_of(value)
    if kind == 2:
        state, _ = _state(builder, value, (1, rows + kept, *rest), random, name, read=False)
        return builder.append(ShiftStateOp([value, state], state.type))
    state, before = _state(builder, value, (1, kept, *rest), random, name)
    together = builder.concatenation([before, value], HEIGHT)
    properties = {"begin": [0, rows, 0, 0], "stride": [1, 1, 1, 1]}
    last = builder.append(StridedSliceOp([[together]], state.type, properties))
    builder.append(AssignStateOp([last, state], state.type))
    return together


def _state(
    builder: NetworkBuilder,
    value: SSAValue,
    shape: tuple[int, ...],
    random: np.random.Generator,
    name: str,
    read: bool = True,
) -> tuple[SSAValue, SSAValue]:
    """A state like a value, half of them with random bytes in the beginning, and what is read of it."""
    type = like(value, shape)
    properties: dict[str, str | DenseIntOrFPElementsAttr] = {"state": name}
    if random.random() < 0.5:
        content = random.integers(-128, 128, shape, dtype=np.int8).tobytes()
        properties["initial"] = DenseIntOrFPElementsAttr(TensorType(i8, shape), BytesAttr(content))
    state = builder.append(StateOp([], type, properties))
    return state, builder.append(ReadStateOp([state], type)) if read else state
