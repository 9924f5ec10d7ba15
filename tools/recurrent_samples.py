"""LSTM and SVDF, made for a network."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt

import numpy as np
import numpy.typing as npt
from network_builder import NetworkBuilder, Quantization, feature_map, quantization
from xdsl.dialects.builtin import IntegerType, NameLoc, NoneAttr, StringAttr, TensorType, i8, i16, i32
from xdsl.ir import Attribute, SSAValue

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import (
    AssignStateOp,
    ConstantOp,
    LstmOp,
    ReadStateOp,
    ShiftStateOp,
    StateOp,
    SvdfFeaturesOp,
    SvdfSumsOp,
)

CELL_EXPONENTS = range(-15, -8)
HIDDEN = Quantization(1 / 128, 0)


@dataclass(frozen=True)
class Lstm:
    """What an LSTM is like.

    `spread` is about how large the sums of its gates are: sigmoids are steep where it is 1, and flat at 100.
    """

    units: int
    gates: int = 4
    cell_exponent: int = -12
    cell_clip: float | None = None
    hidden: Quantization = HIDDEN
    spread: float = 2.0
    time_major: bool = False


def lstm(builder: NetworkBuilder, sequence: SSAValue, like: Lstm, name: str, keeps: bool = True) -> SSAValue:
    """An LSTM over a sequence of 1 x steps x inputs, or steps x 1 x inputs.

    Unless it keeps its state, every call begins with the same.
    """
    *outer, inputs = shape_of(sequence)
    weights: list[SSAValue] = []
    for source, length in ((quantization(sequence), inputs), (like.hidden, like.units)):
        for _ in range(like.gates):
            scale = float(builder.random.uniform(0.5, 1.5)) * like.spread / (75 * 75 * sqrt(length) * source.scale)
            values = builder.random.integers(-127, 128, (like.units, length))
            weights.append(_constant(builder, values, i8, scale, f"{name}/weights_{len(weights)}"))
    biases = [
        _constant(builder, builder.random.integers(-3000, 3000, like.units), i32, 0.001, f"{name}/bias_{gate}")
        for gate in range(like.gates)
    ]
    types: list[Attribute] = [
        feature_map((1, like.units), like.hidden),
        TensorType(UniformQuantizedType.per_tensor(i16, 2.0**like.cell_exponent, 0), (1, like.units)),
    ]
    states = [
        builder.append(StateOp([], type, {"state": f"{name}/{what}"}))
        for what, type in zip(("hidden", "cell"), types, strict=True)
    ]
    before = [builder.append(ReadStateOp([state], state.type)) for state in states]
    made = feature_map((*outer, like.units), like.hidden)
    properties = {
        "hidden_scale": like.hidden.scale,
        "hidden_zero_point": like.hidden.zero_point,
        "cell_clip": like.cell_clip,
    }
    op = LstmOp([sequence, *before, weights, biases], [made, *types], properties)
    result = builder.append(op)
    for after, state in zip(op.results[1:], states if keeps else (), strict=keeps):
        builder.append(AssignStateOp([after, state], state.type))
    return result


@dataclass(frozen=True)
class Svdf:
    """What an SVDF is like; filters are units x rank."""

    units: int
    rank: int = 1
    steps: int = 4
    memory_scale: float = 0.001
    has_bias: bool = True


def svdf(builder: NetworkBuilder, vector: SSAValue, like: Svdf, name: str) -> SSAValue:
    """An SVDF on one vector."""
    filters, length = like.units * like.rank, prod(shape_of(vector))
    source, random = quantization(vector), builder.random
    scale = like.memory_scale * 4000 / (75 * 75 * sqrt(length) * source.scale) * source.scale
    features = _constant(builder, random.integers(-127, 128, (filters, length)), i8, scale / source.scale, f"{name}/f")
    products = random.integers(-32767, 32768, (filters, like.steps))
    time = _constant(builder, products, i16, 0.0005, f"{name}/time")
    bias = _constant(builder, random.integers(-5000000, 5000000, like.units), i32, 1e-6, f"{name}/bias")
    element = UniformQuantizedType.per_tensor(i16, like.memory_scale, 0)
    memory = builder.append(SvdfFeaturesOp([vector, features], TensorType(element, (1, 1, 1, filters))))
    if like.steps > 1:
        type = TensorType(element, (1, like.steps, 1, filters))
        state = builder.append(StateOp([], type, {"state": name}))
        memory = builder.append(ShiftStateOp([memory, state], type))
    scale = like.memory_scale * 0.0005 * 19000 * 4000 * sqrt(like.steps * like.rank) / 70
    result = feature_map((1, like.units), Quantization(scale, builder.zero_point()))
    return builder.append(SvdfSumsOp([memory, time, bias if like.has_bias else None], result))


def random_recurrent(builder: NetworkBuilder, value: SSAValue, random: np.random.Generator, name: str) -> SSAValue:
    """An LSTM or an SVDF over a value, in a shape that it takes."""
    size = prod(shape_of(value))
    units = int(random.integers(1, 13))
    if random.random() < 0.4:
        vector = builder.reshape(value, (1, size))
        like = Svdf(units, int(random.integers(1, 3)), int(random.integers(1, 7)), has_bias=random.random() < 0.7)
        return svdf(builder, vector, like, name)
    steps = int(random.choice([steps for steps in range(1, 13) if size % steps == 0]))
    time_major = random.random() < 0.3
    shape = (steps, 1, size // steps) if time_major else (1, steps, size // steps)
    like = Lstm(
        units,
        int(random.integers(3, 5)),
        int(random.choice(CELL_EXPONENTS)),
        2.0 if random.random() < 0.3 else None,
        Quantization(1 / 128, int(random.integers(-5, 6))),
        float(random.choice([0.3, 2.0, 20.0])),
        time_major,
    )
    return lstm(builder, builder.reshape(value, shape), like, name)


def _constant(
    builder: NetworkBuilder, values: npt.NDArray[np.int64], storage: IntegerType, scale: float, name: str
) -> SSAValue:
    data = values.astype(f"<i{storage.width.data // 8}").tobytes()
    type = UniformQuantizedType.per_tensor(storage, scale, 0)
    op = ConstantOp.from_bytes(data, values.shape, type, NameLoc(StringAttr(name), NoneAttr()))
    builder.block.add_op(op)
    return op.result
