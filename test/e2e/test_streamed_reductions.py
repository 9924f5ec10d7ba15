"""Reductions over maps, streamed and whole: LiteRT, both interpreters and C with sanitizers make the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path

import numpy as np
import pytest
from amount import some
from every_kernel import kernels_of
from fuzz_networks import check_networks
from network_builder import NetworkBuilder, Padding, Quantization, quantization
from network_generator import Network
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.dialects.rows import shape_of

ROWS = (1, 2, 3)
MODES = ("stream", "arena", "external")
CASES = 30
ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")
DOT_ROWS = ("clear", "dot_rows", "fully_connected_of_sums")
SUM_ROWS = ("clear", "sum_rows")
MEAN = (*SUM_ROWS, "requantized_mean_of_sums")

Pair = tuple[int, int]


def check(builds: Sequence[Callable[[int], ModuleOp]], expected: Sequence[str], directory: Path) -> None:
    """Every network with bands of each height, their inputs lying in turns in each place; the kernels must be there.

    In a few of them the reduction comes to the same for every input, and is a constant that is loaded.
    """
    networks: list[Network] = []
    constant = 0
    for number, build in enumerate(builds):
        for rows in some(ROWS, str(number)) if len(builds) > 1 else ROWS:
            flags = (f"--split-tensors=rows={rows}", f"--input={MODES[(number + rows) % len(MODES)]}")
            networks.append(Network(10 * number + rows, build(number), flags, rows, returns_input=False))
            kernels = kernels_of(compile_module(build(number), flags, "model"))
            is_there = set(expected) <= set(kernels)
            assert is_there or "load" in kernels, f"network {number} {flags}: {kernels}"
            constant += not is_there
    if len(builds) > 1:
        assert 2 * constant < len(networks)
    assert not check_networks(networks, directory)


def random_map(builder: NetworkBuilder) -> SSAValue:
    """The result of a convolution, of at least 4 rows: two bands of 3 or fewer."""
    random = builder.random
    rows, columns, depth = (int(size) for size in random.integers((4, 1, 1), (13, 8, 6)))
    image = builder.input((1, rows, columns, depth))
    size = (int(random.integers(1, 4)), int(random.integers(1, 4)))
    stride = (2, 1) if rows > 7 and random.random() < 0.4 else (1, 1)
    padding: Padding = "same"
    if random.random() < 0.4:
        return builder.depthwise_conv_2d(image, size, stride=stride, padding=padding)
    return builder.conv_2d(image, int(random.integers(1, 9)), size, stride=stride, padding=padding)


def one_of(builder: NetworkBuilder, choices: Sequence[object]) -> object:
    return choices[int(builder.random.integers(len(choices)))]


def connect(builder: NetworkBuilder, map: SSAValue, result: Quantization | None = None) -> SSAValue:
    """A fully connected layer over a map, reshaped or as it is."""
    random = builder.random
    vector = builder.reshape(map, (1, prod(shape_of(map)))) if random.random() < 0.7 else map
    channels = int(random.integers(1, 12))
    per_axis = random.uniform(-0.02, 0.02, channels).tolist()
    return builder.fully_connected(
        vector,
        channels,
        input_channels=prod(shape_of(map)),
        activation=str(one_of(builder, ACTIVATIONS)),
        scales=per_axis if channels > 1 and random.random() < 0.5 else [0.01],
        bias="random" if random.random() < 0.8 else None,
        result=result,
    )


def fully_connected(number: int) -> ModuleOp:
    """Sometimes the map is read by others too, or the layer's result by another layer."""
    builder = NetworkBuilder([1, number])
    map = random_map(builder)
    outputs = [connect(builder, map)]
    if number % 3 == 1:
        outputs.append(builder.leaky_relu(map, 0.3))
    if number % 5 == 2:
        outputs.append(connect(builder, map))
    if number % 4 == 3:
        outputs[0] = builder.softmax(builder.fully_connected(outputs[0], 4))
    if number % 7 == 4:
        outputs.append(map)
    return builder.module(outputs)


def test_fully_connected_over_a_map(tmp_path: Path) -> None:
    check([fully_connected] * CASES, DOT_ROWS, tmp_path)


def test_fully_connected_over_other_maps(tmp_path: Path) -> None:
    """Over the input itself, an addition, a pool with a stride past rows, and a concatenation of columns."""

    def image(number: int) -> ModuleOp:
        builder = NetworkBuilder(number)
        return builder.module([connect(builder, builder.leaky_relu(builder.input((1, 7, 4, 3)), 0.5))])

    def addition(number: int) -> ModuleOp:
        builder = NetworkBuilder(number)
        map = builder.conv_2d(builder.input((1, 8, 5, 3)), 4, (3, 3), padding="same")
        return builder.module([connect(builder, builder.add(map, builder.depthwise_conv_2d(map)))])

    def pool(number: int) -> ModuleOp:
        builder = NetworkBuilder(number)
        map = builder.max_pool_2d(builder.input((1, 13, 5, 3)), (2, 2), stride=(3, 2))
        return builder.module([connect(builder, map), connect(builder, map)])

    def concatenation(number: int) -> ModuleOp:
        builder = NetworkBuilder(number)
        map = builder.conv_2d(builder.input((1, 5, 5, 3)), 4)
        return builder.module([connect(builder, builder.concatenation([map, map], axis=2))])

    check([image, addition, pool, concatenation], DOT_ROWS, tmp_path)


def test_fully_connected_that_is_not_streamed(tmp_path: Path) -> None:
    """Several vectors, and a reshape that changes the quantization: the map is made in one place."""

    def vectors(number: int) -> ModuleOp:
        builder = NetworkBuilder(number)
        map = builder.conv_2d(builder.input((1, 6, 4, 3)), 4)
        return builder.module([builder.fully_connected(map, 3, input_channels=48)])

    def other_quantization(number: int) -> ModuleOp:
        builder = NetworkBuilder(number)
        map = builder.conv_2d(builder.input((1, 6, 4, 3)), 4)
        return builder.module([builder.fully_connected(builder.reshape(map, (1, 96), Quantization(0.3, 9)), 3)])

    check([vectors, other_quantization], ["fully_connected"], tmp_path)


def average_pool(number: int) -> ModuleOp:
    builder = NetworkBuilder([2, number])
    map = random_map(builder)
    _, rows, columns, _ = shape_of(map)
    outputs = [builder.average_pool_2d(map, (rows, columns), activation=ACTIVATIONS[number % 4])]
    if number % 3 == 1:
        outputs.append(builder.leaky_relu(map, 0.3))
    return builder.module(outputs)


def test_global_average_pool(tmp_path: Path) -> None:
    check([average_pool] * CASES, (*SUM_ROWS, "mean_of_sums"), tmp_path)


def mean_of(builder: NetworkBuilder, map: SSAValue) -> SSAValue:
    """A mean whose result has the quantization of the map, or another that spreads it or not."""
    random = builder.random
    scale = quantization(map).scale * float(random.choice([1e-6, 0.05, 0.3, 0.9, 1.5, 60]))
    result = quantization(map) if random.random() < 0.3 else Quantization(scale, builder.zero_point())
    return builder.mean(map, keep_dimensions=bool(random.integers(2)), result=result)


def mean(number: int) -> ModuleOp:
    builder = NetworkBuilder([3, number])
    map = random_map(builder)
    outputs = [mean_of(builder, map)]
    if number % 3 == 1:
        outputs.append(builder.leaky_relu(map, 0.3))
    if number % 5 == 2:
        outputs.append(mean_of(builder, map))
    if number % 4 == 3:
        outputs[0] = builder.fully_connected(outputs[0], 5)
    return builder.module(outputs)


def test_mean(tmp_path: Path) -> None:
    check([mean] * CASES, MEAN, tmp_path)


def sum_of(builder: NetworkBuilder, map: SSAValue) -> SSAValue:
    """A sum whose result has the quantization of the map, or another that spreads it or not."""
    random = builder.random
    scale = quantization(map).scale * float(random.choice([1e-6, 0.9, 30, 700, 9000]))
    result = quantization(map) if random.random() < 0.2 else Quantization(scale, builder.zero_point())
    return builder.sum(map, keep_dimensions=bool(random.integers(2)), result=result)


def sums(number: int) -> ModuleOp:
    builder = NetworkBuilder([4, number])
    map = random_map(builder)
    outputs = [sum_of(builder, map)]
    if number % 3 == 1:
        outputs.append(builder.leaky_relu(map, 0.3))
    if number % 5 == 2:
        outputs.append(builder.mean(map))
    if number % 4 == 3:
        outputs[0] = builder.fully_connected(outputs[0], 5)
    return builder.module(outputs)


def test_sum(tmp_path: Path) -> None:
    check([sums] * CASES, ("clear", "sum_unsigned_rows", "requantized_unsigned_sums"), tmp_path)


SHAPES = ((1, 1, 5), (3, 5, 1), (49, 10, 3), (7, 7, 130), (1, 9, 2), (12, 1, 7), (31, 33, 1), (2, 2, 64))


def test_mean_of_the_input(tmp_path: Path) -> None:
    """Whole and in bands, of one row and of many pixels, from equal values as well; nothing else runs."""
    networks: list[Network] = []
    for number, shape in enumerate(SHAPES):
        for flags in ((), *((f"--split-tensors=rows={rows}",) for rows in ROWS)):
            for mode in MODES:
                builder = NetworkBuilder(number)
                image = builder.input((1, *shape), Quantization(0.05, int(builder.zero_point())))
                means = [reduced(builder, image) for reduced in (mean_of, mean_of, sum_of, mean_of, sum_of)]
                seed = len(networks)
                network = Network(seed, builder.module(means), (*flags, f"--input={mode}"), 2, returns_input=False)
                networks.append(network)
    assert not check_networks(networks, tmp_path)


@pytest.mark.parametrize("scales", [(-0.05, 0.02), (0.05, -0.03), (2.0**-20, 2.0**11), (2.0**16, 2.0**-12)], ids=str)
def test_mean_of_unusual_scales(scales: tuple[float, float], tmp_path: Path) -> None:
    """Negative ones, and multipliers so small or so large that they leave the usual range of shifts."""
    input, output = scales

    def build(number: int) -> ModuleOp:
        builder = NetworkBuilder(number)
        image = builder.input((1, 7, 6, 9), Quantization(float(np.float32(input)), -4))
        return builder.module([builder.mean(image, result=Quantization(float(np.float32(output)), 3))])

    check([build], MEAN, tmp_path)
