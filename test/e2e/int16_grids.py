"""Networks of one op each on int16 feature maps, over the parameters that shape the loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, product
from typing import TypeVar

import numpy as np
from network_builder import NetworkBuilder, Quantization, feature_map
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.tinyts import (
    AddOp,
    BinaryOp,
    GatherOp,
    LogisticOp,
    MaximumOp,
    MinimumOp,
    MirrorPadOp,
    MulOp,
    RearrangementOp,
    Relu6Op,
    ReluOp,
    SoftmaxOp,
    StridedSliceOp,
    SubOp,
    TanhOp,
    TileOp,
    TransposeOp,
)
from tinyts_mlir.dialects.tinyts_binary import Shape, broadcast

Build = Callable[[NetworkBuilder], SSAValue | Sequence[SSAValue]]
Pair = tuple[int, int]
Value = TypeVar("Value")

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")
MAP = Quantization(0.0003, 0, 16)


def turns(*values: Value) -> Callable[[], Value]:
    """A function that gives the values one after the other, again and again."""
    iterator = cycle(values)
    return lambda: next(iterator)


def biases(count: int) -> Iterator[np.ndarray | str | None]:
    """None, and of 32 and 64 bits: random ones, and such as make sums wrap or saturate."""
    ends = np.array([-(1 << 31), (1 << 31) - 1, 5, -(1 << 31) + 9000])
    return iter(
        (
            "random",
            np.arange(-count, count, 2)[:count].astype(np.int32) * 77777,
            None,
            np.resize(ends, count).astype(np.int32),
            np.resize(ends * 3, count).astype(np.int64),
        )
    )


def convolutions() -> Iterator[Build]:
    channels, groups = turns((4, 5), (6, 4), (3, 1), (8, 8), (1, 3)), turns(1, 2, 1, 4, 1)
    activation, bias, shape = turns(*ACTIVATIONS), turns(0, 1, 2, 3, 4), turns((7, 6), (4, 9), (5, 5), (1, 8), (9, 1))
    per_axis = turns(False, True, True)

    def convolution(size: Pair, padding: object, stride: Pair, dilation: Pair) -> Build:
        (depth, count), (rows, columns), split = channels(), shape(), groups()
        rows += (size[0] - 1) * dilation[0]
        columns += (size[1] - 1) * dilation[1]
        fused, number, axis = activation(), bias(), per_axis()
        if depth % split or count % split:
            split = 1

        def build(builder: NetworkBuilder) -> SSAValue:
            return builder.conv_2d(
                builder.input((1, rows, columns, depth), MAP),
                count,
                size,
                groups=split,
                stride=stride,
                dilation=dilation,
                padding=padding,  # pyright: ignore
                activation=fused,
                scales=builder.random.uniform(0.001, 0.01, count).tolist() if axis else [0.006],
                bias=list(biases(count))[number],  # pyright: ignore
            )

        return build

    sizes, paddings = ((1, 1), (3, 3), (4, 2), (2, 5)), ("same", "valid", (1, 2, 0, 3))
    yield from (convolution(*case) for case in product(sizes, paddings, ((1, 1), (2, 2), (3, 1)), ((1, 1), (2, 3))))


def large_sums() -> Iterator[Build]:
    """More products than 32 bits hold, in layers that wrap and in those that do not."""
    for bits, sign in product((32, 64), (-1, 1)):

        def build(builder: NetworkBuilder, bits: int = bits, sign: int = sign) -> list[SSAValue]:
            image = builder.input((1, 3, 3, 130), MAP)
            weights, bias = np.full(2 * 9 * 130, 127 * sign), np.array([-7, 99]).astype(f"i{bits // 8}")
            result = Quantization(0.05, 0, 16)
            return [
                builder.conv_2d(image, 2, (3, 3), weights=weights, bias=bias, result=result),
                builder.transpose_conv(image, 2, weights=weights, bias=bias, result=result),
                builder.fully_connected(image, 2, weights=weights, bias=bias, result=result),
            ]

        yield build


def depthwise_convolutions() -> Iterator[Build]:
    depth, multiplier, activation = turns(4, 1, 3, 8, 5), turns(1, 1, 2, 3), turns(*ACTIVATIONS)
    bias, shape, per_axis = turns("random", None, "large"), turns((7, 9), (5, 5), (1, 11), (13, 1)), turns(False, True)

    def convolution(size: Pair, padding: object, stride: Pair, dilation: Pair) -> Build:
        channels, (rows, columns), times = depth(), shape(), multiplier()
        fused, kind, axis = activation(), bias(), per_axis()
        rows += (size[0] - 1) * dilation[0]
        columns += (size[1] - 1) * dilation[1]
        count = channels * times

        def build(builder: NetworkBuilder) -> SSAValue:
            large = np.resize([1 << 36, -(1 << 40), 3], count)
            return builder.depthwise_conv_2d(
                builder.input((1, rows, columns, channels), MAP),
                size,
                multiplier=times,
                stride=stride,
                dilation=dilation,
                padding=padding,  # pyright: ignore
                activation=fused,
                scales=builder.random.uniform(0.001, 0.01, count).tolist() if axis else [0.006],
                bias=large if kind == "large" else kind,  # pyright: ignore
            )

        return build

    sizes, paddings = ((1, 1), (3, 3), (4, 2)), ("same", "valid", (1, 2, 0, 3))
    yield from (convolution(*case) for case in product(sizes, paddings, ((1, 1), (2, 2)), ((1, 1), (2, 3))))


def transposed_convolutions() -> Iterator[Build]:
    channels, bias, activation = turns((4, 5), (3, 1), (1, 4), (8, 2)), turns(0, 1, 2, 3, 4), turns("none", "relu")

    def convolution(size: Pair, stride: Pair, padding: str, shape: Pair) -> Build:
        (depth, count), number, fused = channels(), bias(), activation()

        def build(builder: NetworkBuilder) -> SSAValue:
            image = builder.input((1, *shape, depth), MAP)
            return builder.transpose_conv(
                image,
                count,
                size,
                stride=stride,
                padding=padding,  # pyright: ignore
                activation=fused,
                bias=list(biases(count))[number],  # pyright: ignore
            )

        return build

    sizes, strides = ((1, 1), (3, 3), (2, 4), (1, 5)), ((1, 1), (2, 2), (1, 3))
    yield from (convolution(*case) for case in product(sizes, strides, ("same", "valid"), ((3, 4), (1, 6))))


def connections() -> Iterator[Build]:
    activation, bias, per_axis = turns(*ACTIVATIONS), turns(0, 1, 2, 3, 4), turns(False, True, True)

    def connection(batches: int, taken: int, made: int, scale: float) -> Build:
        fused, number, axis = activation(), bias(), per_axis()

        def build(builder: NetworkBuilder) -> SSAValue:
            factors = (builder.random.uniform(0.1, 1, made) * scale).tolist() if axis else [scale]
            vectors = builder.input((batches, taken) if batches > 1 else (1, taken), MAP)
            return builder.fully_connected(
                vectors,
                made,
                input_channels=taken,
                activation=fused,
                scales=factors,
                bias=list(biases(made))[number],  # pyright: ignore
            )

        return build

    cases = product((1, 3), (1, 4, 7, 64, 300), (1, 3, 8, 13), (0.0078, 0.37))
    yield from (connection(*case) for case in cases)


SHAPES: tuple[tuple[Shape, Shape], ...] = (
    ((1, 5, 4, 6), (1, 5, 4, 6)),
    ((1, 5, 4, 6), (6,)),
    ((1, 5, 4, 6), (1,)),
    ((1, 5, 4, 6), (1, 1, 1, 6)),
    ((1, 5, 4, 1), (1, 5, 4, 6)),
    ((1, 5, 1, 6), (1, 1, 4, 1)),
    ((1, 40), (1, 40)),
    ((3, 7), (7,)),
)


def binaries(op_type: type[BinaryOp]) -> Callable[[], Iterator[Build]]:
    """Pairs of shapes, an operand a constant or not, and scales that are near each other or far apart."""
    powers = ((2.0**-13, 2.0**-11), (2.0**-12, 2.0**-12)) if op_type in (AddOp, SubOp) else ()

    def make(shapes: tuple[Shape, Shape], kind: str, scales: tuple[float, float], fused: str | None) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            quantizations = [Quantization(scale, 0, 16) for scale in scales]
            makers = {
                "inputs": (builder.input, builder.input),
                "first": (builder.constant_operand, builder.input),
                "second": (builder.input, builder.constant_operand),
            }[kind]
            operands = [maker(*pair) for maker, *pair in zip(makers, shapes, quantizations, strict=True)]
            result = Quantization(max(scales), 0, 16) if scales in powers else None
            return builder.binary(op_type, operands[0], operands[1], activation=fused, result=result)

        return build

    def grid() -> Iterator[Build]:
        scales = turns((0.0003, 0.0003), (0.0003, 0.00011), (1e-5, 0.02), *powers)
        fused = turns(*ACTIVATIONS) if op_type in (AddOp, SubOp, MulOp) else turns(None)
        for shapes, kind in product(SHAPES, ("inputs", "first", "second")):
            chosen = scales()
            same = shapes[0] == shapes[1]
            if chosen in powers and op_type is AddOp and not same:
                chosen = (0.0003, 0.00011)
            if kind != "inputs" and broadcast(*shapes) != shapes[kind == "first"]:
                kind = "inputs"
            yield make(shapes, kind, chosen, fused())

    return grid


def sigmoids() -> Iterator[Build]:
    """Scales that count as powers of two, and others, from such as keep in the middle of the curve to steep ones."""
    scales = (2.0**-12, 2.0**-11, 2.0**-12 * 1.0005, 2.0**-12 * 1.002, 2.0**-13, 1e-5, 0.0004, 0.003, 0.05, 2.5)

    def sigmoid(op_type: type[LogisticOp] | type[TanhOp], scale: float) -> Build:
        return lambda builder: builder.elementwise(op_type, builder.input((1, 16, 16, 4), Quantization(scale, 0, 16)))

    yield from (sigmoid(*case) for case in product((LogisticOp, TanhOp), scales))


def edges() -> Iterator[Build]:
    """From float32, and back; and from scale to scale."""

    def quantize(scale: float, zero_point: int) -> Build:
        def build(builder: NetworkBuilder) -> list[SSAValue]:
            made = builder.quantize(builder.edge_input((1, 6, 5, 3), f32), Quantization(scale, zero_point, 16))
            return [made, builder.dequantize(made)]

        return build

    def requantize(scales: tuple[float, float], zero_point: int, bits: int) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            map = builder.input((1, 6, 5, 3), Quantization(scales[0], 0, 16))
            return builder.quantize(map, Quantization(scales[1], zero_point, bits))

        return build

    yield from (quantize(scale, 0) for scale in (1.0, 0.0003, 7e-6))
    for scales in ((0.0003, 0.0003), (0.0003, 0.0007), (0.01, 0.0001), (1e-7, 0.3)):
        yield from (requantize(scales, *result) for result in ((0, 16), (0, 32), (-77, 32)))
    for scales in ((0.0003, 0.07), (0.0003, 0.0003), (0.01, 0.1)):
        yield from (requantize(scales, zero_point, 8) for zero_point in (-128, 0, 127))


def movers() -> Iterator[Build]:
    """What moves elements, wherever they lie."""

    def build(builder: NetworkBuilder) -> list[SSAValue]:
        map = builder.input((1, 6, 5, 4), MAP)
        other = builder.input((1, 6, 5, 3), MAP)
        below = builder.input((1, 2, 5, 4), MAP)
        parts = builder.split(map, 2, 3)
        return [
            builder.concatenation([map, other], 3),
            builder.concatenation([below, map], 1),
            builder.reshape(map, (1, 120)),
            builder.pad(map, (1, 2, 3, 0), (1, 1)),
            builder.leaky_relu(builder.load((1, 2, 5, 4), MAP), 0.3),
            *parts,
            *builder.split(map, 3, 1),
        ]

    yield build


def pools() -> Iterator[Build]:
    activation, channels, shape = turns(*ACTIVATIONS), turns(1, 4, 5), turns((7, 6), (5, 9), (6, 5))

    def pool(average: bool, window: Pair, stride: Pair, padding: str) -> Build:
        fused, depth, size = activation(), channels(), shape()

        def build(builder: NetworkBuilder) -> SSAValue:
            map = builder.input((1, *size, depth), MAP)
            make = builder.average_pool_2d if average else builder.max_pool_2d
            return make(map, window, stride=stride, padding=padding, activation=fused)  # pyright: ignore

        return build

    windows, strides = ((1, 1), (2, 2), (3, 2), (1, 4)), ((1, 1), (2, 2), (3, 1))
    yield from (pool(*case) for case in product((True, False), windows, strides, ("same", "valid")))


def whole_maps() -> Iterator[Build]:
    """Means, averages and extremes of all rows and columns, of maps that come row by row, and of a layer's."""

    def reductions(shape: tuple[int, int, int], scale: float, keep: bool, before: bool) -> Build:
        def build(builder: NetworkBuilder) -> list[SSAValue]:
            map = builder.input((1, *shape), MAP)
            if before:
                map = builder.leaky_relu(map, 0.3)
            return [
                builder.mean(map, keep_dimensions=keep, result=Quantization(scale, 0, 16)),
                builder.average_pool_2d(map, shape[:2], activation="relu"),
                builder.max_pool_2d(map, shape[:2]),
                builder.min_pool_2d(map),
            ]

        return build

    shapes, scales = ((7, 6, 5), (1, 9, 4), (12, 1, 3), (3, 3, 1)), (0.0003, 0.0001, 0.007)
    yield from (reductions(*case) for case in product(shapes, scales, (True, False), (True, False)))


def rectifiers() -> Iterator[Build]:
    """LEAKY_RELU, RELU and RELU6, from scale to scale."""
    scales = (0.0003, 0.00017, 0.002, 1e-6)

    def rectifier(kind: float | type[ReluOp] | type[Relu6Op], scales: tuple[float, float]) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            map, result = builder.input((1, 6, 8, 9), Quantization(scales[0], 0, 16)), Quantization(scales[1], 0, 16)
            if isinstance(kind, float):
                return builder.leaky_relu(map, kind, result)
            return builder.elementwise(kind, map, result=result)

        return build

    kinds = (0.1, 0.0, -0.3, 2.5, ReluOp, Relu6Op)
    yield from (rectifier(kind, pair) for kind in kinds for pair in product(scales, repeat=2))


def softmaxes() -> Iterator[Build]:
    def softmax(shape: tuple[int, ...], scale: float, beta: float) -> Build:
        return lambda builder: builder.softmax(builder.input(shape, Quantization(scale, 0, 16)), beta)

    shapes = ((1, 10), (1, 1), (1, 3, 4, 5), (6, 70), (1, 1000))
    yield from (softmax(*case) for case in product(shapes, (0.0003, 0.00001, 0.02), (1.0, 0.3)))


def softmaxes_of_bytes() -> Iterator[Build]:
    """From int8 to int16, and to int32, as models for microphones have it."""

    def softmax(shape: tuple[int, ...], input: Quantization, beta: float) -> Build:
        def build(builder: NetworkBuilder) -> list[SSAValue]:
            type = feature_map(shape, Quantization(1 / 65535, -32768, 16))
            made = builder.append(SoftmaxOp([[builder.input(shape, input)]], type, {"beta": beta}))
            return [made, builder.quantize(made, Quantization(3.051851e-05, 0, 32))]

        return build

    inputs = (Quantization(0.05, -3), Quantization(0.5, 127), Quantization(0.001, 0))
    yield from (softmax(*case) for case in product(((1, 10), (1, 2), (1, 3, 4, 5), (1, 200)), inputs, (1.0, 0.3)))


def rearranged() -> Iterator[Build]:
    """Elements in other places, by each op that puts them there."""

    def build(builder: NetworkBuilder) -> list[SSAValue]:
        map = builder.leaky_relu(builder.input((1, 6, 4, 8), MAP), 0.5, MAP)

        def made(op_type: type[RearrangementOp], shape: Shape, properties: dict[str, object]) -> SSAValue:
            return builder.append(op_type([[map]], feature_map(shape, MAP), properties))  # pyright: ignore

        return [
            made(TransposeOp, (1, 4, 6, 8), {"permutation": [0, 2, 1, 3]}),
            made(TransposeOp, (1, 6, 8, 4), {"permutation": [0, 1, 3, 2]}),
            made(GatherOp, (1, 6, 4, 3), {"axis": 3, "indices": [7, 0, 2]}),
            made(TileOp, (1, 6, 8, 8), {"multiples": [1, 1, 2, 1]}),
            made(
                StridedSliceOp,
                (1, 3, 2, 3),
                {"begin": [0, 1, 0, 1], "stride": [1, 2, 2, 2]},
            ),
            made(MirrorPadOp, (1, 8, 7, 8), {"padding": [0, 0, 1, 1, 2, 1, 0, 0]}),
        ]

    yield build


GRIDS = {
    "convolutions": convolutions,
    "large_sums": large_sums,
    "depthwise_convolutions": depthwise_convolutions,
    "transposed_convolutions": transposed_convolutions,
    "connections": connections,
    "additions": binaries(AddOp),
    "subtractions": binaries(SubOp),
    "multiplications": binaries(MulOp),
    "minima": binaries(MinimumOp),
    "maxima": binaries(MaximumOp),
    "sigmoids": sigmoids,
    "edges": edges,
    "movers": movers,
    "pools": pools,
    "whole_maps": whole_maps,
    "rectifiers": rectifiers,
    "softmaxes": softmaxes,
    "softmaxes_of_bytes": softmaxes_of_bytes,
    "rearranged": rearranged,
}
