"""No byte occurs that analysis/value_ranges.py rules out, and where it can be told, each that it allows does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from network_builder import NetworkBuilder, Quantization
from network_generator import random_network
from support import sampled_inputs
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.analysis.value_ranges import ValueRanges, holds_bytes
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.kernels.channel_bytes import ChannelBytes

SEEDS = 60
Array = npt.NDArray[Any]


def returning_everything(module: ModuleOp) -> list[SSAValue]:
    """Makes the function return every int8 value that it makes; these values."""
    [function] = functions(module)
    block = function.body.block
    made = [value for op in block.ops for value in op.results if holds_bytes(value)]
    made = [value for value in made if value.owner.name != "tinyts.constant"]  # pyright: ignore
    assert block.last_op is not None
    block.last_op.operands = made
    function.update_function_type()
    del function.attributes["tinyts.output_names"]
    return made


def require_possible(found: ChannelBytes, array: Array, value: SSAValue) -> None:
    bytes = np.asarray(array).reshape(-1, found.channels).astype(np.int64)
    allowed = found.possible[np.arange(found.channels), bytes + 128]
    assert allowed.all(), f"{value.owner}: channels {np.flatnonzero(~allowed.all(axis=0))}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_occurs_that_is_ruled_out(seed: int) -> None:
    module = random_network(seed).module
    made = returning_everything(module)
    [function] = functions(module)
    ranges = ValueRanges(function)
    for arrays in sampled_inputs(module, np.random.default_rng(seed), 6, (-128, 127, 0)):
        for value, array in zip(made, run_function(module, arrays), strict=True):
            require_possible(ranges[value], array, value)


def every_byte(build: Any) -> tuple[ChannelBytes, Array]:
    """What is expected of a network on one element, and what it makes of each byte."""
    builder = NetworkBuilder(5)
    result = build(builder, builder.input((1, 1, 1, 1), Quantization(0.02, 3)))
    module = builder.module([result])
    [function] = functions(module)
    made = [run_function(module, [np.full((1, 1, 1, 1), byte, np.int8)])[0].reshape(-1) for byte in range(-128, 128)]
    return ValueRanges(function)[result], np.array(made)


CHANNELS = np.array([[0], [1], [-3], [127], [-128], [2], [0], [9]], np.int8)
BIASES = np.array([-(1 << 31), 5, (1 << 31) - 1, (1 << 31) - 100, -(1 << 31) + 100, 0, 700, -(1 << 24)], np.int32)


@pytest.mark.parametrize("scale", [0.0078125, 1e-9, -0.0078125, 2.0, 1e-7])
@pytest.mark.parametrize("activation", ["none", "relu6"])
def test_both_ends_of_a_convolution_are_reached(scale: float, activation: str) -> None:
    def build(builder: NetworkBuilder, image: SSAValue) -> SSAValue:
        return builder.conv_2d(
            image,
            len(CHANNELS),
            scales=[scale] * len(CHANNELS),
            weights=CHANNELS.reshape(-1, 1, 1, 1),
            bias=BIASES,
            activation=activation,
            result=Quantization(0.05, -20),
        )

    expected, made = every_byte(build)
    for channel, bytes in enumerate(made.T):
        assert expected.possible[channel, bytes.astype(np.int64) + 128].all()
    wraps = [BIASES[channel] in (-(1 << 31) + 100, (1 << 31) - 100) for channel in range(len(CHANNELS))]
    grows = abs(scale) * 0.02 / 0.05 < 1.0
    for channel in range(len(CHANNELS)):
        if grows and not wraps[channel]:
            assert expected.lowest[channel] == made[:, channel].min()
            assert expected.highest[channel] == made[:, channel].max()


def test_a_table_leaves_the_bytes_that_are_in_it() -> None:
    expected, made = every_byte(lambda builder, image: builder.leaky_relu(image, 4.0, result=Quantization(0.02, 3)))
    assert set(np.flatnonzero(expected.possible[0]) - 128) == set(made[:, 0])
