"""prune-channels changes no byte, takes what is dead and leaves what is not, even if one input in 2**16 tells it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from network_builder import NetworkBuilder, Quantization
from network_generator import random_network
from support import sampled_inputs
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.pruned_layers import PrunedLayer, pruned_layers
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts_attributes import PRUNED
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.transforms.prune_channels import PruneChannelsPass

Array = npt.NDArray[Any]
SEEDS = 80
MAP = Quantization(0.05, -128)


def pruned(module: ModuleOp, **options: Any) -> tuple[ModuleOp, list[PrunedLayer]]:
    """A pruned copy, and what went."""
    copy = module.clone()
    PruneChannelsPass(**options).apply(Context(), copy)
    copy.verify()
    [function] = functions(copy)
    value = function.attributes.get(PRUNED)
    return copy, [] if value is None else pruned_layers(PRUNED, value)


def require_same(before: ModuleOp, after: ModuleOp, inputs: list[list[Array]]) -> None:
    for arrays in inputs:
        for one, other in zip(run_function(before, arrays), run_function(after, arrays), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("multiple", [1, 2])
def test_random_networks_stay_the_same(seed: int, multiple: int) -> None:
    module = random_network(seed).module
    after, _ = pruned(module, multiple=multiple)
    require_same(module, after, sampled_inputs(module, np.random.default_rng(seed), 4))


def test_some_of_them_lose_channels() -> None:
    losses = [pruned(random_network(seed).module, multiple=1)[1] for seed in range(SEEDS)]
    assert sum(any(layer.constant for layer in lost) for lost in losses) >= SEEDS // 20
    assert sum(any(layer.unread for layer in lost) for lost in losses) >= SEEDS // 40


def by_hand(weights: list[list[int]]) -> npt.NDArray[np.int8]:
    """A 1x1 filter of (outputs, inputs)."""
    array = np.array(weights, np.int8)
    return array.reshape(array.shape[0], 1, 1, array.shape[1])


def chain(middle: list[list[int]], bias: list[int], padding: Any = "valid", size: tuple[int, int] = (1, 1)) -> ModuleOp:
    """A convolution with these weights, and one that reads all of its channels, perhaps with padding."""
    builder = NetworkBuilder(1)
    image = builder.input((1, 4, 3, len(middle[0])), Quantization(0.02, 3))
    value = builder.conv_2d(image, len(middle), weights=by_hand(middle), bias=np.array(bias), result=MAP)
    return builder.module([builder.conv_2d(value, 3, size, padding=padding)])


def channels_made(module: ModuleOp) -> list[int]:
    [function] = functions(module)
    return [shape_of(op.results[0])[-1] for op in function.body.block.ops if op.name == "tinyts.conv_2d"]


def test_a_dead_channel_goes_into_the_bias() -> None:
    module = chain([[40], [0], [80], [0]], [0, 300, 0, -500])
    after, lost = pruned(module)
    assert channels_made(after) == [2, 3]
    assert [layer[1:4] for layer in lost] == [(4, 2, 0), (3, 0, 0)]
    assert [layer.macs for layer in lost] == [12 * 2, 12 * 3 * 2]
    require_same(module, after, sampled_inputs(module, np.random.default_rng(0), 6))


def test_a_map_keeps_an_even_number_of_channels() -> None:
    module = chain([[40], [0], [80], [90]], [0, 300, 0, 0])
    assert channels_made(pruned(module, multiple=2)[0]) == [4, 3]
    assert channels_made(pruned(module, multiple=1)[0]) == [3, 3]


@pytest.mark.parametrize(("bias", "left"), [(-30000, 2), (300, 4)])
def test_padding_keeps_a_channel_that_is_not_the_zero_point(bias: int, left: int) -> None:
    module = chain([[40], [0], [80], [0]], [0, bias, 0, bias], "same", (3, 3))
    after, _ = pruned(module)
    assert channels_made(after) == [left, 3]
    require_same(module, after, sampled_inputs(module, np.random.default_rng(0), 6))


def test_what_nothing_reads_is_not_made() -> None:
    builder = NetworkBuilder(2)
    image = builder.input((1, 3, 3, 2))
    value = builder.depthwise_conv_2d(builder.conv_2d(image, 6))
    weights = np.arange(1, 13).reshape(2, 1, 1, 6)
    weights[..., [1, 4]] = 0
    module = builder.module([builder.conv_2d(value, 2, weights=weights)])
    after, lost = pruned(module)
    assert channels_made(after) == [4, 2]
    assert [layer[1:4] for layer in lost] == [(6, 0, 2), (6, 0, 2), (2, 0, 0)]
    require_same(module, after, sampled_inputs(module, np.random.default_rng(0), 6))


def test_outputs_stay_whole() -> None:
    builder = NetworkBuilder(3)
    image = builder.input((1, 2, 2, 1))
    module = builder.module([builder.conv_2d(image, 4, weights=by_hand([[0], [1], [0], [0]]))])
    after, lost = pruned(module)
    assert channels_made(after) == [4]
    assert not lost


def network_with_joints(image: SSAValue, builder: NetworkBuilder) -> list[SSAValue]:
    """Dead channels through ADD, MUL by a vector, pools, means, look-ups, concatenations and channel paddings."""
    dead = by_hand([[1, 1], [0, 0], [2, -1], [0, 0]])
    first = builder.conv_2d(image, 4, weights=dead, bias=np.array([0, 90, 0, -70]), result=MAP)
    second = builder.conv_2d(image, 4, weights=dead, bias=np.array([5, -9, 0, 10]), result=MAP)
    both = builder.add(first, second, result=MAP)
    table = builder.leaky_relu(builder.max_pool_2d(both, (2, 2)), 0.5, MAP)
    joined = builder.concatenation([table, builder.pad(table, (0, 0, 0, 0), channels=(2, 0))], 3)
    mean = builder.mean(joined)
    return [builder.conv_2d(joined, 3), builder.fully_connected(mean, 5)]


def test_channels_go_through_what_links_them() -> None:
    builder = NetworkBuilder(4)
    image = builder.input((1, 4, 4, 2))
    module = builder.module(network_with_joints(image, builder))
    after, lost = pruned(module)
    assert {layer.channels: layer.constant for layer in lost if layer.constant} == {4: 2}
    assert "tinyts.pad" in {op.name for op in after.walk()}
    require_same(module, after, sampled_inputs(module, np.random.default_rng(0), 8))


def test_one_input_tells_a_channel_that_barely_lives_from_a_dead_one() -> None:
    """The channel makes one step only where its two inputs have just these two values."""
    builder = NetworkBuilder(6)
    image = builder.input((1, 1, 1, 2), Quantization(0.02, 0))
    middle = builder.conv_2d(
        image,
        2,
        weights=by_hand([[127, 127], [0, 0]]),
        bias=np.array([-127 * (127 + 127) + 63, 0]),
        scales=[0.02 / 127, 0.02 / 127],
        result=Quantization(0.0004, -128),
        activation="relu",
    )
    module = builder.module([builder.conv_2d(middle, 1, weights=by_hand([[100, 100]]), bias=None)])
    after, _ = pruned(module, multiple=1)
    assert channels_made(after) == [1, 1]
    alive, nearly = np.full((1, 1, 1, 2), 127, np.int8), np.array([127, 126], np.int8).reshape(1, 1, 1, 2)
    assert run_function(module, [alive])[0] != run_function(module, [nearly])[0]
    every = [[np.array([first, second], np.int8).reshape(1, 1, 1, 2)] for first in (126, 127) for second in (126, 127)]
    require_same(module, after, every)


def test_off_keeps_everything() -> None:
    module = chain([[40], [0], [80], [0]], [0, 300, 0, -500])
    after, lost = pruned(module, off=True)
    assert str(after) == str(module)
    assert not lost
