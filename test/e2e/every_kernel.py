"""A network with a layer for every kernel of the runtime, small enough to be compiled often."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
from index_samples import indices_of
from network_builder import NetworkBuilder, Quantization, feature_map, like, quantization
from rearrangement_samples import rearranged
from recurrent_samples import Lstm, Svdf, lstm, svdf
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.compiler import CompiledModel, compile_module
from tinyts_mlir.dialects.rows import CHANNELS, shape_of
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    ArgMaxOp,
    DivOp,
    LogisticOp,
    MaximumOp,
    MinimumOp,
    MirrorPadOp,
    MulOp,
    PreluOp,
    ResizeBilinearOp,
    ShiftStateOp,
    SoftmaxOp,
    SquaredDifferenceOp,
    StateOp,
    StridedSliceOp,
    SubOp,
)
from tinyts_mlir.lowering.c_program import CProgram, program_of

FLAGS = ("--fuse-blocks=blocks=0", "--fuse-blocks=blocks=0,keep", "--split-tensors=rows=2")
"""Where a map is one band, its reduction is no kernel of its own; where bands are single rows, none are interleaved."""
INPUT_ROWS = 12


def every_kernel(seed: int = 0, of_uint8: bool = True) -> ModuleOp:
    """One input of twelve rows, three outputs, the last of int64; the seed gives the weights.

    A `.tflite` file has layers of int8 or of uint8, so a network for one is without those of uint8.
    """
    builder = NetworkBuilder(seed)
    image = builder.input((1, INPUT_ROWS, 9, 3), Quantization(0.03, -5))
    value = builder.conv_2d(image, 8, (3, 3), stride=(2, 1), padding="same", activation="relu6", scales=[0.002] * 8)
    value = builder.max_pool_2d(builder.depthwise_conv_2d(value, (3, 3)), (2, 2), padding="same")
    halves = builder.split(value, 2, axis=3)
    value = builder.concatenation([halves[1], halves[0]], axis=2)
    value = builder.pad(builder.leaky_relu(value, 0.2), (1, 0, 2, 1), (0, 1))
    value = builder.add(value, builder.conv_2d(value, 5))
    # Halves, rounded away from zero: no affine function does that.
    value = builder.add(value, value, result=Quantization(quantization(value).scale * 2, 3))
    rows = builder.concatenation([value, value], axis=1)
    pooled = builder.average_pool_2d(value, (2, 2), stride=(2, 2))
    pooled = _two_operands(builder, pooled)
    pooled = builder.average_pool_2d(builder.transpose_conv(pooled, 5, (3, 2)), (2, 2), stride=(2, 2))
    features = builder.fully_connected(builder.reshape(pooled, (1, prod(shape_of(pooled)))), 6)
    means = builder.reshape(builder.average_pool_2d(pooled, shape_of(pooled)[1:3]), (1, 5))  # pyright: ignore
    # What uint8 layers have beside others.
    pooled = builder.average_pool_2d(pooled, (2, 1), ties_up=of_uint8)
    weights = builder.random.integers(-100, 100, (16, 1, 1, 5))
    weights[3] = -150 if of_uint8 else 3
    builder.unsigned = of_uint8
    up = builder.conv_2d(value, 16, weights=weights)
    builder.unsigned = False
    up = builder.average_pool_2d(up, shape_of(up)[1:3], ties_up=of_uint8)  # pyright: ignore
    up = builder.reshape(up, (1, 16))
    up = builder.fully_connected(up, 6, result=quantization(features))
    least = builder.reshape(builder.min_pool_2d(pooled), (1, 5))
    least = builder.fully_connected(least, 6, result=quantization(features))
    means = builder.fully_connected(means, 6, result=quantization(features))
    centre = builder.mean(value, keep_dimensions=False, result=quantization(features))
    square = builder.constant_operand((6, 6), Quantization(0.01, 3))
    features = builder.batch_matmul(features, square, result=quantization(features))
    features = builder.leaky_relu(builder.log_softmax(features), 0.5, quantization(features))
    features = builder.leaky_relu(builder.l2_normalization(features), 0.5, quantization(features))
    features = _last_of_state(builder, features)
    sequence = builder.reshape(features, (1, *shape_of(features)))
    memory = lstm(builder, sequence, Lstm(shape_of(features)[1]), "lstm", keeps=False)
    memory = svdf(builder, builder.reshape(memory, (1, prod(shape_of(memory)))), Svdf(5, steps=1), "svdf")
    total = builder.sum(value, keep_dimensions=False, result=quantization(features))
    wide = _int16(builder, features)
    memory = builder.leaky_relu(memory, 0.5, quantization(features))
    block = builder.conv_2d(builder.depthwise_conv_2d(builder.conv_2d(value, 8)), 4)  # that can be fused
    block = builder.depthwise_conv_2d(block, (1, 1))  # and one that cannot be then
    block = builder.mean(block, keep_dimensions=False, result=quantization(features))
    parts = [means, up, least, features, memory, centre, total, wide, block]
    parts.append(builder.load((1, 2), quantization(features)))
    logits = builder.fully_connected(builder.concatenation(parts, axis=1), 10, scales=[0.003] * 10)
    classes = indices_of(builder, ArgMaxOp, rows, CHANNELS, bits=64)
    return builder.module([builder.softmax(logits), rows, classes], ["probabilities", "rows", "classes"])


def _last_of_state(builder: NetworkBuilder, value: SSAValue) -> SSAValue:
    """A vector by way of a state, of which nothing else is read: each inference is like the first."""
    kept, size = 12, shape_of(value)[1]
    state = builder.append(StateOp([], like(value, (1, kept + size)), {"state": "last"}))
    shifted = builder.append(ShiftStateOp([value, state], state.type))
    return rearranged(builder, StridedSliceOp, shifted, (1, size), {"begin": [0, kept], "stride": [1, 1]})


def _two_operands(builder: NetworkBuilder, value: SSAValue) -> SSAValue:
    """Binary ops, other places, other sizes, and other types, in and out."""
    _, rows, columns, channels = shape_of(value)
    flipped = rearranged(
        builder, MirrorPadOp, value, (1, rows + 1, columns, channels), {"padding": [0, 0, 0, 1] + [0] * 4}
    )
    resized = rearranged(builder, ResizeBilinearOp, flipped, (1, rows, columns, channels), {})
    for op_type in (SubOp, MulOp, DivOp, PreluOp, SquaredDifferenceOp, MinimumOp, MaximumOp):
        value = builder.binary(op_type, value, resized)
    value = builder.binary(MulOp, value, builder.constant_operand((channels,), Quantization(0.02, 1)))
    gate = builder.mean(resized)
    value = builder.binary(SubOp, value, gate, result=Quantization(0.7 * quantization(value).scale, 5))
    # Halves again, and products that are no fractions.
    scale = quantization(value).scale
    gate = builder.mean(resized, result=quantization(value))
    value = builder.binary(AddOp, value, gate, result=Quantization(scale * 2, 3))
    value = builder.binary(MulOp, value, gate, result=Quantization(scale * scale * 2, 0))
    return builder.quantize(builder.dequantize(value), Quantization(quantization(value).scale, -1))


def _int16(builder: NetworkBuilder, features: SSAValue) -> SSAValue:
    """All that int16 feature maps go through, from a constant on, but for the features; as int8."""
    map = builder.load((1, 6, 5, 4), Quantization(0.0003, 0, 16))
    map = builder.quantize(builder.dequantize(map), Quantization(0.0004, 0, 16))
    map = builder.depthwise_conv_2d(builder.conv_2d(map, 4, (3, 3), padding="same"))
    map = builder.max_pool_2d(builder.transpose_conv(map, 4, (3, 2)), (2, 2), stride=(2, 2))
    map = builder.average_pool_2d(map, (2, 2), padding="same")
    for op_type in (AddOp, MulOp, MinimumOp, MaximumOp):
        map = builder.binary(op_type, map, builder.constant_operand((4,), quantization(map)))
    map = builder.leaky_relu(builder.elementwise(LogisticOp, map), 0.3)
    made = [builder.mean(map), builder.average_pool_2d(map, (6, 5)), builder.min_pool_2d(map)]
    vectors = [builder.softmax(builder.fully_connected(value, 3)) for value in made]
    probabilities = feature_map(shape_of(features), Quantization(1 / 65536, -32768, 16))
    vectors.append(builder.append(SoftmaxOp([[features]], probabilities)))
    return builder.concatenation([builder.quantize(value, quantization(features)) for value in vectors], axis=1)


def compile_every_kernel(name: str, seed: int = 0, flags: Sequence[str] = FLAGS) -> CompiledModel:
    """The network, compiled."""
    return compile_module(every_kernel(seed), flags, name)


def kernels_of(compiled: CompiledModel) -> list[str]:
    """The kernels that a compiled model calls."""
    return CProgram(program_of(compiled.module), compiled.name).kernels


def write(files: dict[str, str], directory: Path) -> list[Path]:
    """Writes a project; gives its C sources."""
    for file, content in files.items():
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return sorted(directory / file for file in files if file.endswith(".c"))


def image_of(number: int) -> np.ndarray:
    """A random input."""
    return np.random.default_rng(number).integers(-128, 128, (1, INPUT_ROWS, 9, 3), np.int8)
