"""Every op on its own, over its parameters: LiteRT, both interpreters and C with sanitizers make the same bytes.

Each grid runs through the parameters that shape the loops; the others take their values in turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import pytest
from amount import some
from fuzz_networks import check_networks
from index_grids import arg_maxima, arg_minima, moved_indices
from network_builder import NetworkBuilder, Quantization, feature_map, uint8
from network_generator import Network
from rearrangement_grids import rearrangements, resizings
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.tinyts import (
    AbsOp,
    AddOp,
    BinaryOp,
    DivOp,
    ElementwiseOp,
    EluOp,
    ExpOp,
    FullyConnectedOp,
    GeluOp,
    HardSwishOp,
    LogisticOp,
    LogOp,
    MaximumOp,
    MinimumOp,
    MulOp,
    NegOp,
    PreluOp,
    Relu6Op,
    ReluN1To1Op,
    ReluOp,
    RsqrtOp,
    SqrtOp,
    SquaredDifferenceOp,
    SubOp,
    TanhOp,
)
from tinyts_mlir.dialects.tinyts_binary import ActivatedBinaryOp, Shape, broadcast
from tinyts_mlir.kernels.operands import int8_weights, int32_bias
from tinyts_mlir.quantization import accumulator_limits, fully_connected_multipliers

Build = Callable[[NetworkBuilder], SSAValue | Sequence[SSAValue]]
Pair = tuple[int, int]
Value = TypeVar("Value")

ROWS = (1, 2, 3)
CHUNK = 24
"""Cases of one test: grids are cut, so that they run beside each other."""

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")
INT32_ENDS = (-(1 << 31), (1 << 31) - 1, -(1 << 31) + 1000, (1 << 31) - 1000)
INPUT = Quantization(0.05, -3)


def turns(*values: Value) -> Callable[[], Value]:
    """A function that gives the values one after the other, again and again."""
    iterator = cycle(values)
    return lambda: next(iterator)


def convolutions() -> Iterator[Build]:
    channels, groups = turns((4, 5), (6, 4), (3, 1), (8, 8), (1, 3)), turns(1, 2, 1, 4, 1)
    activation, bias = turns(*ACTIVATIONS), turns("random", "random", None, "ends")
    zero_point, shape = turns(-128, 0, 127, 5), turns((7, 6), (4, 9), (5, 5), (1, 8), (9, 1))
    scales = turns("tensor", "axis", "negative")

    def convolution(size: Pair, padding: object, stride: Pair, dilation: Pair) -> Build:
        (depth, count), (rows, columns), split = channels(), shape(), groups()
        rows += (size[0] - 1) * dilation[0]
        columns += (size[1] - 1) * dilation[1]
        kind, bias_kind, fused, zero = scales(), bias(), activation(), zero_point()
        if depth % split or count % split:
            split = 1

        def build(builder: NetworkBuilder) -> SSAValue:
            image = builder.input((1, rows, columns, depth), Quantization(0.03, zero))
            factors = [0.006] if kind == "tensor" else builder.random.uniform(0.001, 0.01, count).tolist()
            if kind == "negative":
                factors = [factor * sign for factor, sign in zip(factors, cycle((-1, 1, 0)), strict=False)]
            return builder.conv_2d(
                image,
                count,
                size,
                groups=split,
                stride=stride,
                dilation=dilation,
                padding=padding,  # pyright: ignore
                activation=fused,
                scales=factors,
                bias=np.resize(INT32_ENDS, count) if bias_kind == "ends" else bias_kind,  # pyright: ignore
            )

        return build

    yield from (
        convolution(*case)
        for case in product(
            ((1, 1), (3, 3), (4, 2), (2, 5)),
            ("same", "valid", (1, 2, 0, 3)),
            ((1, 1), (2, 2), (3, 1)),
            ((1, 1), (2, 3)),
        )
    )


def convolution_scales() -> Iterator[Build]:
    """Multipliers from far below to far above 1, and weights and zero points that make accumulators large."""
    for scale, weight, zero_point in product((1e-9, 1e-4, 0.05, 1.0, 1e4), (-128, 127), (-128, 127)):

        def build(
            builder: NetworkBuilder, scale: float = scale, weight: int = weight, zero_point: int = zero_point
        ) -> list[SSAValue]:
            image = builder.input((1, 4, 4, 8), Quantization(scale, zero_point))
            weights, result = np.full(3 * 3 * 3 * 8, weight), Quantization(0.02, -zero_point - 1)
            bias = np.array([INT32_ENDS[0], INT32_ENDS[1], 12345])
            return [
                builder.conv_2d(image, 3, (3, 3), weights=weights, bias=bias, result=result, scales=(0.01, -0.3, 2e-7)),
                builder.depthwise_conv_2d(image, weights=np.full(3 * 3 * 8, weight), result=result),
                builder.transpose_conv(image, 3, weights=weights, bias=bias, result=result, scales=(0.01, -0.3, 2e-7)),
            ]

        yield build


def depthwise_convolutions() -> Iterator[Build]:
    multiplier, activation, depth = turns(1, 1, 2, 3), turns(*ACTIVATIONS), turns(4, 1, 3, 8, 5)
    bias, zero_point, per_axis = turns("random", None, "ends"), turns(-128, 0, 127, -5), turns(False, True, True)
    shape = turns((7, 9), (5, 5), (1, 11), (13, 1), (8, 6))

    def convolution(size: Pair, padding: object, stride: Pair, dilation: Pair) -> Build:
        (rows, columns), channels, times = shape(), depth(), multiplier()
        if padding == "valid":
            rows += (size[0] - 1) * dilation[0]
            columns += (size[1] - 1) * dilation[1]
        bias_kind, fused, zero, axis = bias(), activation(), zero_point(), per_axis()

        def build(builder: NetworkBuilder) -> SSAValue:
            image = builder.input((1, rows, columns, channels), Quantization(0.03, zero))
            count = channels * times
            return builder.depthwise_conv_2d(
                image,
                size,
                multiplier=times,
                stride=stride,
                dilation=dilation,
                padding=padding,  # pyright: ignore
                activation=fused,
                scales=builder.random.uniform(-0.01, 0.01, count).tolist() if axis else [0.005],
                bias=np.resize(INT32_ENDS, count) if bias_kind == "ends" else bias_kind,  # pyright: ignore
            )

        return build

    sizes = ((3, 3), (5, 5), (7, 7), (1, 4), (4, 3))
    yield from (
        convolution(*case)
        for case in product(sizes, ("same", "valid", (3, 3, 2, 4)), ((1, 1), (2, 2), (1, 3)), ((1, 1),))
    )
    yield from (
        convolution(*case) for case in product(((3, 3), (2, 3)), ("same", "valid"), ((1, 1),), ((2, 2), (1, 3)))
    )


def transposed_convolutions() -> Iterator[Build]:
    channels, shape = (
        turns((4, 5), (7, 1), (1, 3), (8, 18), (5, 4)),
        turns((3, 4), (1, 5), (4, 1), (2, 2), (5, 3), (1, 1)),
    )
    activation, bias = turns(*ACTIVATIONS), turns("random", None, "random", "ends")
    zero_point, scales = turns(-128, 0, 127, 5), turns("tensor", "axis", "negative")
    sizes = turns((0, 0), (1, 0), (0, 0), (0, 2), (1, 1))

    def convolution(size: Pair, stride: Pair, padding: Literal["same", "valid"]) -> Build:
        (depth, count), (rows, columns), more = channels(), shape(), sizes()
        kind, bias_kind, fused, zero = scales(), bias(), activation(), zero_point()
        # The least size that such an input is for, and up to stride - 1 more.
        least = (1, 1) if padding == "same" else size
        extents = ((rows - 1) * stride[0] + least[0], (columns - 1) * stride[1] + least[1])
        rest = (min(more[0], stride[0] - 1), min(more[1], stride[1] - 1))
        result = None if more == (0, 0) else (extents[0] + rest[0], extents[1] + rest[1])

        def build(builder: NetworkBuilder) -> SSAValue:
            image = builder.leaky_relu(builder.input((1, rows, columns, depth)), 0.5, Quantization(0.03, zero))
            factors = [0.006] if kind == "tensor" else builder.random.uniform(0.001, 0.01, count).tolist()
            if kind == "negative":
                factors = [factor * sign for factor, sign in zip(factors, cycle((-1, 1, 0)), strict=False)]
            made = builder.transpose_conv(
                image,
                count,
                size,
                stride=stride,
                padding=padding,
                shape=result,
                activation=fused,
                scales=factors,
                bias=np.resize(INT32_ENDS, count) if bias_kind == "ends" else bias_kind,  # pyright: ignore
            )
            return builder.conv_2d(made, 2, (2, 1), padding="same") if more == (0, 0) else made

        return build

    windows = ((1, 1), (2, 2), (3, 3), (4, 2), (2, 5), (7, 3))
    strides = ((1, 1), (2, 2), (3, 1), (1, 4), (4, 3))
    yield from (convolution(*case) for case in product(windows, strides, ("same", "valid")))


def matrix_products() -> Iterator[Build]:
    quantizations = turns((0.03, -128, 5), (0.05, 0, 0), (0.02, 127, -128), (0.03, 5, 0), (0.04, 0, 17))
    depths, kinds = turns(3, 8, 1, 70, 16, 129, 5), turns("input", "right", "input", "left")

    def product_of(first: Shape, second: Shape, adjoint: tuple[bool, bool]) -> Build:
        (scale, left_zero, right_zero), depth, kind = quantizations(), depths(), kinds()

        def shape(batches: Shape, size: Pair, swapped: bool) -> Shape:
            return (*batches, *(size[::-1] if swapped else size))

        def build(builder: NetworkBuilder) -> SSAValue:
            shapes = (
                shape(first[:-1], (first[-1], depth), adjoint[0]),
                shape(second[:-1], (depth, second[-1]), adjoint[1]),
            )
            given = Quantization(scale, left_zero), Quantization(0.7 * scale, right_zero)
            operands: list[SSAValue] = []
            for name, dimensions, one in zip(("left", "right"), shapes, given, strict=True):
                if kind == name:
                    operands.append(builder.constant_operand(dimensions, one))
                else:
                    operands.append(builder.leaky_relu(builder.input(dimensions), 0.5, one))
            return builder.batch_matmul(operands[0], operands[1], adjoint=adjoint)

        return build

    shapes = (
        ((5,), (4,)),
        ((1,), (9,)),
        ((3, 4), (3, 7)),
        ((2, 6), (5,)),
        ((1, 4), (2, 3)),
        ((1, 3, 4), (1, 3, 5)),
        ((1, 4, 6), (1, 1, 3)),
        ((1, 1, 3), (1, 5, 2)),
        ((1, 4, 3), (6,)),
        ((1, 3, 4), (3, 5)),
        ((3, 2), (1, 3, 4)),
        ((2, 1, 3, 4), (2, 2, 1, 5)),
        ((1, 2, 3, 2), (3, 3)),
    )
    flags = tuple(product((False, True), (False, True)))
    yield from (product_of(*pair, adjoint) for adjoint in flags for pair in shapes)


def matrix_connections() -> Iterator[Build]:
    """FULLY_CONNECTED with weights that a layer makes."""
    zero_points, activation = turns(0, -128, 5, 127), turns(*ACTIVATIONS)

    def connected(batches: int, depth: int, columns: int, scale: float) -> Build:
        points, fused = (zero_points(), zero_points()), activation()

        def build(builder: NetworkBuilder) -> SSAValue:
            left = builder.leaky_relu(builder.input((batches, depth)), 0.5, Quantization(0.03, points[0]))
            right = builder.leaky_relu(builder.input((columns, depth)), 0.5, Quantization(scale, points[1]))
            result = feature_map((batches, columns), Quantization(0.6 * scale * depth**0.5, zero_points()))
            return builder.append(FullyConnectedOp([left, right, None], result, {"activation": fused}))

        return build

    yield from (connected(*case) for case in product((1, 3), (1, 5, 16, 70), (1, 4, 9), (0.02, 0.3, 3.0)))


def matrix_scales() -> Iterator[Build]:
    """Multipliers from far below to far above 1, and the largest sums."""
    for scale, zero_point, size in product((1e-9, 1e-4, 0.05, 1.0, 1e4), (-128, 127), (2, 40)):

        def build(
            builder: NetworkBuilder, scale: float = scale, zero_point: int = zero_point, size: int = size
        ) -> SSAValue:
            left = builder.input((1, 3, size, 5), Quantization(scale, zero_point))
            right = builder.input((1, 3, 5, 2), Quantization(0.3, -zero_point - 1))
            return builder.batch_matmul(left, right, result=Quantization(0.02, zero_point))

        yield build


def depth_multipliers() -> Iterator[Build]:
    """Those that become ordinary convolutions, some that stay; quantizations at random."""
    channels = ((1, 2), (1, 3), (1, 8), (1, 17), (2, 8), (3, 9), (2, 3))

    def convolution(depth: int, multiplier: int, size: Pair, stride: Pair, per_axis: bool, has_bias: bool) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            scale, zero_point = float(builder.random.uniform(0.001, 0.1)), int(builder.random.integers(-128, 128))
            image = builder.input((1, 9, 7, depth), Quantization(scale, zero_point))
            scales = builder.random.uniform(-0.01, 0.01, depth * multiplier if per_axis else 1).tolist()
            return builder.depthwise_conv_2d(
                image,
                size,
                multiplier=multiplier,
                stride=stride,
                activation=ACTIVATIONS[int(builder.random.integers(len(ACTIVATIONS)))],
                scales=scales,
                bias="random" if has_bias else None,
            )

        return build

    windows = (((3, 3), (1, 1)), ((5, 2), (2, 2)))
    for (depth, multiplier), window, per_axis in product(channels, windows, (False, True)):
        yield convolution(depth, multiplier, *window, per_axis, has_bias=True)
        yield convolution(depth, multiplier, *window, per_axis, has_bias=False)


def additions() -> Iterator[Build]:
    shapes = turns((1, 5, 4, 3), (7,), (2, 9), (1, 1, 1, 30), (3, 4, 5), (1, 8, 1, 2))
    activation, zero_points = turns(*ACTIVATIONS), turns((-128, 127, 0), (0, 0, 0), (127, -128, -128), (5, -7, 127))

    def addition(left: float, right: float, output: float) -> Build:
        shape, fused, (first, second, third) = shapes(), activation(), zero_points()

        def build(builder: NetworkBuilder) -> SSAValue:
            lhs, rhs = (
                builder.input(shape, Quantization(left, first)),
                builder.input(shape, Quantization(right, second)),
            )
            return builder.add(lhs, rhs, activation=fused, result=Quantization(output, third))

        return build

    yield from (addition(*case) for case in product((0.02, 1.0, 1e-5), (0.02, 0.33, 30.0), (0.05, 0.7, 100.0)))
    yield addition(1.0, 1.0, 2**-18)

    def twice(builder: NetworkBuilder) -> SSAValue:
        image = builder.input((1, 5, 4, 3), INPUT)
        return builder.add(image, image)

    yield twice


def pools() -> Iterator[Build]:
    activation, shape = turns(*ACTIVATIONS), turns((7, 6, 3), (5, 9, 1), (1, 4, 8), (8, 1, 5))
    quantization = turns(Quantization(0.02, -128), Quantization(0.05, 127), Quantization(0.1, 3))

    def pool(average: bool, window: Pair, stride: Pair, padding: str) -> Build:
        (rows, columns, depth), fused, quantized = shape(), activation(), quantization()
        if padding == "valid":
            rows, columns = rows + window[0] - 1, columns + window[1] - 1

        def build(builder: NetworkBuilder) -> SSAValue:
            image = builder.input((1, rows, columns, depth), quantized)
            make = builder.average_pool_2d if average else builder.max_pool_2d
            return make(image, window, stride=stride, padding=padding, activation=fused)  # pyright: ignore

        return build

    windows, strides = ((1, 1), (2, 2), (3, 5), (4, 1)), ((1, 1), (2, 2), (3, 4))
    yield from (pool(*case) for case in product((True, False), windows, strides, ("same", "valid")))

    def whole(builder: NetworkBuilder) -> list[SSAValue]:
        image = builder.input((1, 9, 7, 4), INPUT)
        return [builder.average_pool_2d(image, (9, 7), activation="relu"), builder.max_pool_2d(image, (9, 7))]

    yield whole


def map_minima() -> Iterator[Build]:
    """REDUCE_MIN of maps of few and of many pixels and channels, of an input and of what a layer makes."""

    def minimum(shape: tuple[int, int, int], is_made: bool) -> Build:
        def build(builder: NetworkBuilder) -> list[SSAValue]:
            map = builder.input((1, *shape), INPUT)
            if is_made:
                map = builder.conv_2d(map, shape[2], (2, 2), padding="same")
            return [builder.min_pool_2d(map), builder.leaky_relu(map, 0.3)]

        return build

    shapes = product((1, 2, 7), (1, 5), (1, 3, 4, 10))
    yield from (minimum(*case) for case in product(shapes, (False, True)))


def fully_connected() -> Iterator[Build]:
    activation, bias = turns(*ACTIVATIONS), turns("random", None, "random")
    per_axis, zero_point = turns(False, True), turns(0, -128, 127)

    def vectors(shape: tuple[int, ...], channels: int, taken: int | None, keep: bool) -> Build:
        fused, bias_kind, axis, zero = activation(), bias(), per_axis(), zero_point()

        def build(builder: NetworkBuilder) -> SSAValue:
            input = builder.input(shape, Quantization(1 / 6, zero))
            scales = builder.random.uniform(-0.01, 0.01, channels).tolist() if axis and channels > 1 else [1 / 64]
            return builder.fully_connected(
                input,
                channels,
                input_channels=taken,
                keep_dimensions=keep,
                activation=fused,
                scales=scales,
                bias=bias_kind,
                # A half is met exactly by many accumulators: rounding shows.
                result=Quantization(1 / 3, 4) if channels == 5 else None,
            )

        return build

    cases = [
        ((1, 1), 1, None, False),
        ((1, 64), 5, None, False),
        ((1, 640), 3, None, False),
        ((6, 10), 4, 10, False),
        ((4, 15), 5, 20, False),
        ((1, 5, 6, 4), 5, None, False),
        ((1, 5, 6, 4), 7, 24, False),
        ((1, 3, 2, 6), 5, None, True),
        ((2, 7), 3, None, True),
        ((2, 3, 9), 5, None, True),
        ((35,), 4, None, True),
    ]
    yield from (vectors(*case) for case in cases * 3)


def connections_by_doubles() -> Iterator[Build]:
    """Scales for which no multiplier of 31 bits is exact: 2^-9 / 49, of vectors and of a map that is streamed."""
    for number, (bias, zero_point, is_map, mixed) in enumerate(
        product(("random", None), (-128, 5, 127), (False, True), (False, True))
    ):

        def build(
            builder: NetworkBuilder,
            bias: str | None = bias,
            zero_point: int = zero_point,
            is_map: bool = is_map,
            mixed: bool = mixed,
            activation: str = ACTIVATIONS[number % len(ACTIVATIONS)],
        ) -> SSAValue:
            input = Quantization(1.0, zero_point)
            value = builder.input((1, 10, 8, 25) if is_map else (3, 2000), input)
            if is_map:
                value = builder.elementwise(ReluOp, value, result=input)
            scales = [2.0**-9, 2.0**-10, 0.03] if mixed else [2.0**-9]
            made = builder.fully_connected(
                value,
                3,
                input_channels=2000,
                activation=activation,
                scales=scales,
                bias=bias,
                result=Quantization(49.0, 3),
            )
            connection = made.owner
            assert isinstance(connection, FullyConnectedOp)
            limits = accumulator_limits(int8_weights(connection.filter), int32_bias(connection.bias), zero_point)
            assert fully_connected_multipliers(np.array([2.0**-9 / 49]), limits.max()).lows is not None
            return made

        yield build


def softmaxes() -> Iterator[Build]:
    shape = turns((1, 10), (1, 4, 3, 7), (3, 2), (1, 1), (1, 300), (1, 3, 1, 12), (2, 5, 4), (6,))

    def softmax(beta: float, scale: float) -> Build:
        dimensions = shape()
        return lambda builder: builder.softmax(builder.input(dimensions, Quantization(scale, -7)), beta)

    yield from (softmax(*case) for case in product((0.25, 1.0, 3.0, 1e-3), (1e-3, 0.02, 0.1, 0.9, 20.0)))
    yield softmax(1.0, 2e-8)


def log_softmaxes() -> Iterator[Build]:
    """Vectors of any length, from scales with which only the maximum counts to those with which all are equal."""
    shapes = ((1, 10), (1, 4, 3, 7), (3, 2), (1, 1), (1, 300), (1, 3, 1, 12), (2, 5, 4), (6,), (1, 4095))

    def log_softmax(shape: Shape, scale: float) -> Build:
        return lambda builder: builder.log_softmax(builder.input(shape, Quantization(scale, 9)))

    yield from (log_softmax(*case) for case in product(shapes, (2e-8, 1e-3, 0.02, 0.1, 0.9, 20.0, 1e6)))


def l2_normalizations() -> Iterator[Build]:
    """Vectors of any length, of few different values, of one value, and as they come."""
    shapes = (
        (1, 10),
        (1, 4, 3, 7),
        (3, 2),
        (1, 1),
        (1, 300),
        (1, 3, 1, 12),
        (2, 5, 4),
        (6,),
        (1, 30000),
        (1, 5, 6, 1),
        (2, 1, 2, 3, 5),
    )

    def normalization(shape: Shape, zero_point: int, factor: float) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            value = builder.input(shape, Quantization(0.05, zero_point))
            value = builder.leaky_relu(value, 1.0, Quantization(0.05 / factor, zero_point))
            return builder.l2_normalization(value)

        return build

    yield from (normalization(*case) for case in product(shapes, (-128, 0, 5, 127), (1.0, 0.02, 0.001)))


def reshapes() -> Iterator[Build]:
    def reshape(
        shape: tuple[int, ...], to: tuple[int, ...], result: Quantization | None, before: bool, behind: bool
    ) -> Build:
        def build(builder: NetworkBuilder) -> list[SSAValue]:
            value = builder.input(shape, INPUT)
            value = builder.leaky_relu(value, 0.3) if before else value
            reshaped = builder.reshape(value, to, result)
            return [builder.leaky_relu(reshaped, 0.3) if behind else reshaped]

        return build

    shapes = [((1, 6, 4, 5), (1, 120)), ((1, 120), (1, 6, 4, 5)), ((1, 6, 4, 5), (1, 5, 8, 3)), ((4, 6), (2, 3, 4))]
    for (shape, to), result, around in product(shapes, (None, Quantization(0.3, 9)), product((False, True), repeat=2)):
        yield reshape(shape, to, result, *around)


def pads() -> Iterator[Build]:
    result = turns(None, Quantization(0.05, -128), None, Quantization(0.7, 127))

    def pad(padding: tuple[int, int, int, int], channels: tuple[int, int]) -> Build:
        quantized = result()
        return lambda builder: builder.pad(builder.input((1, 5, 4, 3), INPUT), padding, channels, quantized)

    spatial = ((0, 0, 0, 0), (1, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 1), (4, 5, 0, 2))
    yield from (
        pad(*case) for case in product(spatial, ((0, 0), (0, 4), (1, 0), (2, 2))) if case != (spatial[0], (0, 0))
    )


def concatenations() -> Iterator[Build]:
    def concatenation(shape: tuple[int, ...], axis: int, sizes: tuple[int, ...], before: bool) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            parts: list[SSAValue] = []
            for size in sizes:
                part = builder.input((*shape[:axis], size, *shape[axis + 1 :]), INPUT)
                parts.append(builder.leaky_relu(part, 0.5, INPUT) if before else part)
            return builder.concatenation([*parts, parts[0]], axis)

        return build

    for before, sizes in product((False, True), ((2,), (1, 3), (4, 1, 2))):
        yield from (concatenation((1, 5, 4, 3), axis, sizes, before) for axis in (1, 2, 3))
        yield from (concatenation((3, 4, 5), axis, sizes, before) for axis in (0, 1, 2))
        yield from (concatenation((2, 7), axis, sizes, before) for axis in (0, 1))


def splits() -> Iterator[Build]:
    def split(shape: tuple[int, ...], axis: int, parts: int, before: bool, returned: slice) -> Build:
        def build(builder: NetworkBuilder) -> Sequence[SSAValue]:
            value = builder.input(shape, INPUT)
            value = builder.leaky_relu(value, 0.5) if before else value
            return [builder.leaky_relu(part, 0.5) for part in builder.split(value, parts, axis)[returned]]

        return build

    for before, parts, returned in product((False, True), (1, 2, 3), (slice(None), slice(0, 1))):
        yield from (split((1, 6, 6, 6), axis, parts, before, returned) for axis in (1, 2, 3))
        yield from (split((6, 12), axis, parts, before, returned) for axis in (0, 1))
        yield split((6, 2, 3), 0, parts, before, returned)


QUANTIZATIONS = (Quantization(0.05, -128), Quantization(0.3, 4), Quantization(1e-4, 127))


def leaky_relus() -> Iterator[Build]:
    def leaky_relu(alpha: float, input: Quantization, result: Quantization) -> Build:
        return lambda builder: builder.leaky_relu(builder.input((1, 5, 4, 3), input), alpha, result)

    yield from (leaky_relu(*case) for case in product((0.1, 0.0, -0.3, 2.5), QUANTIZATIONS, QUANTIZATIONS))


def look_ups(
    op_type: type[ElementwiseOp], properties: Sequence[Mapping[str, float]] = ({},)
) -> Callable[[], Iterator[Build]]:
    """Every byte through a look-up, for pairs of quantizations that are usual, or extreme."""

    def look_up(given: Mapping[str, float], input: Quantization, result: Quantization) -> Build:
        scale = op_type.RESULT_SCALE or result.scale
        made = Quantization(scale, -128 if op_type.RESULT_SCALE else result.zero_point)

        def build(builder: NetworkBuilder) -> SSAValue:
            value = builder.input((1, 16, 4, 4), input)
            if not op_type.IS_OF_NEGATIVE:
                value = builder.elementwise(ReluOp, value, result=input)
            return builder.elementwise(op_type, value, given, made)

        return build

    def is_accepted(input: Quantization, result: Quantization) -> bool:
        return op_type is not HardSwishOp or 2**-8 < input.scale / result.scale < 64

    def grid() -> Iterator[Build]:
        extremes = (Quantization(0.047, -100), Quantization(17.0, 127), Quantization(0.0235294122248888, -128))
        pairs = list(product((*QUANTIZATIONS, *extremes), repeat=2))
        random = np.random.default_rng(0)
        for _ in range(24):
            scale = 10 ** random.uniform(-3, 0)
            zero_points = random.integers(-128, 128, 2).tolist()
            factor = 10 ** random.uniform(-1, 1)
            pairs.append((Quantization(scale, zero_points[0]), Quantization(scale * factor, zero_points[1])))
        yield from (look_up(given, *pair) for given in properties for pair in pairs if is_accepted(*pair))

    return grid


def steep_elus() -> Iterator[Build]:
    """Steps of the result so small that what they count is beyond int32."""

    def elu(input: Quantization, result: Quantization) -> Build:
        return lambda builder: builder.elementwise(EluOp, builder.input((1, 16, 4, 4), input), {}, result)

    for scale, zero_point in ((5e-12, 127), (5e-9, 5), (1e-7, -128)):
        yield elu(Quantization(0.05, -3), Quantization(scale, zero_point))


LOOK_UPS = {
    "relus": look_ups(ReluOp),
    "relu6s": look_ups(Relu6Op),
    "relus_n1_to_1": look_ups(ReluN1To1Op),
    "logistics": look_ups(LogisticOp),
    "tanhs": look_ups(TanhOp),
    "hard_swishes": look_ups(HardSwishOp),
    "gelus": look_ups(GeluOp, ({"approximate": 0}, {"approximate": 1})),
    "absolutes": look_ups(AbsOp),
    "exponentials": look_ups(ExpOp),
    "logarithms": look_ups(LogOp),
    "elus": look_ups(EluOp),
    "steep_elus": steep_elus,
    "roots": look_ups(SqrtOp),
    "inverse_roots": look_ups(RsqrtOp),
    "negations": look_ups(NegOp),
}


def edges() -> Iterator[Build]:
    shapes = turns((1, 5, 4, 3), (1, 7), (1, 1, 9, 2), (3, 5))
    extremes = (*QUANTIZATIONS, Quantization(1e-30, 0), Quantization(3e5, -3), Quantization(1 / 3, 100))

    def unsigned(quantization: Quantization) -> Quantization:
        return Quantization(quantization.scale, quantization.zero_point + 128)

    def from_float(result: Quantization, shape: tuple[int, ...]) -> Build:
        return lambda builder: builder.dequantize(builder.quantize(builder.edge_input(shape, f32), result))

    def from_float_to_uint8(result: Quantization, shape: tuple[int, ...]) -> Build:
        return lambda builder: builder.dequantize(
            builder.quantize_to_uint8(builder.edge_input(shape, f32), unsigned(result))
        )

    def between_bytes(input: Quantization, result: Quantization, kind: str, shape: tuple[int, ...]) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            if kind == "from uint8":
                return builder.quantize(builder.edge_input(shape, uint8(unsigned(input))), result)
            value = builder.input(shape, input)
            if kind == "to uint8":
                return builder.quantize_to_uint8(value, unsigned(result))
            return builder.quantize(value, result)

        return build

    for result in extremes:
        yield from_float(result, shapes())
        yield from_float(result, shapes())
        yield from_float_to_uint8(result, shapes())
    for kind, input, result in product(("int8", "from uint8", "to uint8"), QUANTIZATIONS, QUANTIZATIONS):
        yield between_bytes(input, result, kind, shapes())


SHAPES = (
    ((1, 5, 4, 3), (1, 5, 4, 3)),
    ((1, 5, 4, 3), (1, 1, 1, 3)),
    ((1, 5, 4, 3), (1, 1, 1, 1)),
    ((1, 5, 4, 3), (1, 5, 1, 1)),
    ((1, 5, 4, 3), (1, 1, 4, 3)),
    ((1, 5, 4, 3), (1, 1, 4, 1)),
    ((1, 5, 4, 3), (1, 5, 4, 1)),
    ((1, 5, 4, 3), (5, 4, 3)),
    ((1, 5, 4, 3), (3,)),
    ((7, 4), (7, 1)),
    ((1, 5, 1, 4), (1, 5, 3, 4)),
    ((1, 1, 5, 4), (1, 6, 1, 4)),
    ((3, 4), (1, 5, 3, 4)),
    ((5, 2, 3, 2, 2), (5, 2, 3, 2, 2)),
)


def binaries(op_type: type[BinaryOp]) -> Callable[[], Iterator[Build]]:
    """Two operands of all shapes that can be broadcast, either of which may be a constant or another layer's result."""

    def binary(shapes: tuple[Shape, Shape], kind: str, seed: int) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            random = np.random.default_rng(seed)
            quantizations = [
                Quantization(10 ** random.uniform(-3, 0), int(random.choice((-128, 127, 0, 57)))) for _ in range(2)
            ]
            operands: list[SSAValue] = [builder.input(shapes[0], quantizations[0])]
            if kind == "constant":
                operands.append(builder.constant_operand(shapes[1], quantizations[1]))
            else:
                operands.append(builder.input(shapes[1], quantizations[1]))
            if kind == "layer":
                operands = [builder.elementwise(ReluOp, operand) for operand in operands]
            if seed % 2:
                operands.reverse()
            activation = ("none", "relu", "relu6")[seed % 3] if issubclass(op_type, ActivatedBinaryOp) else None
            return builder.binary(op_type, operands[0], operands[1], activation=activation)

        return build

    def grid() -> Iterator[Build]:
        cases = product(SHAPES, ("input", "constant", "layer", "layer"))
        yield from (binary(*case, seed) for seed, case in enumerate(cases))

    return grid


def prelus() -> Iterator[Build]:
    """A constant or another map as what negative elements are multiplied with."""

    def prelu(shapes: tuple[Shape, Shape], kind: str, seed: int) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            random = np.random.default_rng(seed)
            scales = 10 ** random.uniform(-3, 0, 2)
            points = [int(point) for point in random.choice((-128, 127, 0, 57), 2)]
            quantizations = [Quantization(float(scale), point) for scale, point in zip(scales, points, strict=True)]
            value = builder.input(shapes[0], quantizations[0])
            make = builder.constant_operand if kind == "constant" else builder.input
            alpha = make(shapes[1], quantizations[1])
            result = Quantization(float(scales[0] * 10 ** random.uniform(-1, 1)), int(random.choice((-128, 3, 127))))
            return builder.binary(PreluOp, value, alpha, result=result)

        return build

    fitting = [shapes for shapes in SHAPES if broadcast(*shapes) == shapes[0] and len(shapes[0]) <= 4]
    for seed, case in enumerate(product(fitting, ("constant", "constant", "constant", "input"))):
        yield prelu(*case, seed)


def squeeze_and_excites() -> Iterator[Build]:
    """A map times one vector of channels that is made from all of it."""

    def squeeze_and_excite(rows: int, channels: int, first: bool) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            map = builder.elementwise(HardSwishOp, builder.conv_2d(builder.input((1, rows, 6, 3)), channels))
            gate = builder.elementwise(LogisticOp, builder.conv_2d(builder.mean(map), channels, (1, 1)))
            return builder.conv_2d(builder.binary(MulOp, *((gate, map) if first else (map, gate))), 2, (1, 1))

        return build

    yield from (squeeze_and_excite(*case) for case in product((3, 4, 9), (1, 4), (False, True)))


BINARIES = {
    "squeeze_and_excites": squeeze_and_excites,
    "broadcast_additions": binaries(AddOp),
    "subtractions": binaries(SubOp),
    "multiplications": binaries(MulOp),
    "quotients": binaries(DivOp),
    "minima": binaries(MinimumOp),
    "maxima": binaries(MaximumOp),
    "prelus": prelus,
    "squared_differences": binaries(SquaredDifferenceOp),
}


GRIDS = (
    {
        grid.__name__: grid
        for grid in (
            convolutions,
            convolution_scales,
            depthwise_convolutions,
            depth_multipliers,
            matrix_products,
            matrix_connections,
            matrix_scales,
            transposed_convolutions,
            additions,
            pools,
            map_minima,
            fully_connected,
            connections_by_doubles,
            softmaxes,
            log_softmaxes,
            l2_normalizations,
            reshapes,
            pads,
            concatenations,
            splits,
            leaky_relus,
            rearrangements,
            resizings,
            edges,
            arg_maxima,
            arg_minima,
            moved_indices,
        )
    }
    | LOOK_UPS
    | BINARIES
)
CHUNKS = [
    pytest.param(name, start, id=f"{name} {start}")
    for name, grid in GRIDS.items()
    for start in range(0, len(list(grid())), CHUNK)
]


def build(make: Build, seed: int) -> ModuleOp:
    builder = NetworkBuilder(seed)
    outputs = make(builder)
    return builder.module([outputs] if isinstance(outputs, SSAValue) else outputs)


@pytest.mark.parametrize(("name", "start"), CHUNKS)
def test_op(name: str, start: int, tmp_path: Path) -> None:
    networks: list[Network] = []
    for number, make in enumerate(list(GRIDS[name]())[start : start + CHUNK], start):
        module = build(make, number)
        for rows in some(ROWS, f"{name} {number}"):
            flags = (f"--split-tensors=rows={rows}",)
            networks.append(Network(10 * number + rows, module, flags, feed_rows=None, returns_input=False))
    assert not check_networks(networks, tmp_path)
