"""Random small networks through everything: `tools/fuzz_networks.py` runs more of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz_networks import check_networks
from network_builder import NetworkBuilder, Quantization
from network_generator import Network, random_network
from xdsl.dialects.builtin import ModuleOp

BATCHES, BATCH = 5, 40


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_networks(batch: int, tmp_path: Path) -> None:
    networks = map(random_network, range(batch * BATCH, (batch + 1) * BATCH))
    assert not check_networks(networks, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(2))
def test_random_networks_of_int16(batch: int, tmp_path: Path) -> None:
    networks = (random_network(seed, bits=16) for seed in range(batch * BATCH, (batch + 1) * BATCH))
    assert not check_networks(networks, tmp_path)


FLAGS = (
    (),
    ("--split-tensors",),
    ("--split-tensors=rows=2", "--schedule-bands=order=breadth-first"),
    ("--split-tensors", "--schedule-bands=order=depth-first", "--input=arena"),
    ("--split-tensors=rows=3", "--schedule-bands=order=depth-first"),
    ("--split-tensors", "--input=external"),
    ("--input=external",),
)


def deep() -> ModuleOp:
    """More layers than a byte can number."""
    builder = NetworkBuilder()
    value = builder.input((1, 2, 2, 2))
    for layer in range(280):
        value = builder.leaky_relu(value, 0.9) if layer % 3 else builder.conv_2d(value, 2)
        if layer % 50 == 49:
            value = builder.add(value, value, result=Quantization(0.02, 3))
    return builder.module([value])


def strides_past_rows() -> ModuleOp:
    """Bands in the middle, and at the end, that nothing reads."""
    builder = NetworkBuilder()
    value = builder.leaky_relu(builder.input((1, 12, 3, 2)), 0.5)
    value = builder.depthwise_conv_2d(value, (2, 2), padding="valid")
    return builder.module([builder.conv_2d(value, 3, stride=(4, 1))])


def asks_for_later_rows_first() -> ModuleOp:
    """What the first output needs skips rows that the second needs."""
    builder = NetworkBuilder()
    value = builder.leaky_relu(builder.input((1, 8, 3, 2)), 0.5)
    return builder.module([builder.conv_2d(value, 3, stride=(3, 1)), builder.leaky_relu(value, 0.25)])


def returns_inputs() -> ModuleOp:
    """An input returned twice, one that nothing reads, and one value under two names."""
    builder = NetworkBuilder()
    image, _, vector = builder.input((1, 5, 3, 2)), builder.input((1, 4, 4, 1)), builder.input((1, 7))
    result = builder.softmax(vector)
    return builder.module([image, result, image, result, builder.reshape(image, (30,))])


def reads_only_padding() -> ModuleOp:
    """A window that never touches the map."""
    builder = NetworkBuilder()
    value = builder.leaky_relu(builder.input((1, 2, 2, 2)), 0.5)
    return builder.module([builder.conv_2d(value, 3, (2, 2), stride=(9, 9), padding=(7, 4, 7, 4))])


def equal_layers() -> ModuleOp:
    """The same layer twice, its results read in turns."""
    builder = NetworkBuilder()
    image = builder.input((1, 6, 4, 2))
    first, second = builder.leaky_relu(image, 0.5), builder.leaky_relu(image, 0.5)
    second.owner.location = first.owner.location  # pyright: ignore
    return builder.module([builder.add(first, second), builder.add(second, first), builder.max_pool_2d(second, (3, 2))])


def names() -> ModuleOp:
    """Inputs and outputs with names that C does not take, or that the emitted code uses itself."""
    builder = NetworkBuilder()
    taken = ("inputs", "outputs", "int8_t", "NULL", "while", "and", "x", "x", "x_2", "", "context", "workspace")
    values = [builder.input((1, 2), name=name) for name in taken]
    return builder.module([builder.leaky_relu(value, 0.5) for value in values], ("x", "x_out", *taken[2:]))


SPECIAL = (deep, strides_past_rows, asks_for_later_rows_first, returns_inputs, reads_only_padding, equal_layers, names)


@pytest.mark.parametrize("make", SPECIAL, ids=[make.__name__ for make in SPECIAL])
def test_special_networks(make: object, tmp_path: Path) -> None:
    assert callable(make)
    module = make()
    one_input = len(module.body.block.first_op.body.block.args) == 1
    feed_rows = 2 if one_input else None
    networks = [Network(number, module, flags, feed_rows, returns_input=True) for number, flags in enumerate(FLAGS)]
    assert not check_networks(networks, tmp_path)
