"""Depthwise constants in blocks of four channels: what is packed comes out again."""

from __future__ import annotations

import numpy as np
import pytest

from tinyts_mlir.kernels.depthwise_packing import DepthwiseConstants, pack_depthwise, unpack_depthwise
from tinyts_mlir.kernels.depthwise_scaling import DepthwiseScaling


def scaling_of(channels: int, factors: list[int], narrow: bool = True) -> DepthwiseScaling:
    """Numbers of which no two are alike."""
    numbers = np.arange(4 * channels, dtype=np.int32).reshape(4, channels) + np.array([[1], [1 << 30], [1], [-500]])
    bias, multipliers, rights, offsets = numbers.astype(np.int32)
    return DepthwiseScaling(
        np.resize(np.array(factors, np.int32), channels), bias, multipliers, rights, offsets, narrow
    )


@pytest.mark.parametrize("narrow", [True, False])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7, 8, 11, 16])
def test_unpacking(channels: int, narrow: bool) -> None:
    random = np.random.default_rng(channels)
    weights = random.integers(-128, 128, (3, 2, channels), np.int8)
    before = scaling_of(channels, [2, -2, 128] if narrow else [1], narrow)
    packed = pack_depthwise(DepthwiseConstants(weights, before))
    blocks = 3 if channels == 3 else -(-channels // 4)
    assert packed.weights.shape == (blocks, 3, 2, 2)
    assert packed.constants.shape == (blocks, 16)
    after = unpack_depthwise(packed, channels, narrow)
    np.testing.assert_array_equal(after.weights, weights * before.factors)
    for field in ("bias", "multipliers", "rights", "offsets"):
        np.testing.assert_array_equal(getattr(after.scaling, field), getattr(before, field))
    assert after.scaling.narrow == narrow


def test_words() -> None:
    """Five channels: the second block is the last four."""
    weights = np.arange(1, 6, dtype=np.int8).reshape(1, 1, 5) * np.int8(-1)
    scaling = scaling_of(5, [2, 2, -2, 2, 256])
    packed = pack_depthwise(DepthwiseConstants(weights, scaling))
    halves = packed.weights.view(np.int16).tolist()
    assert halves == [[[[-2, 6, -4, -8]]], [[[-4, -8, 6, -1280]]]]
    assert packed.constants[1].tolist() == scaling.bias[1:].tolist() + [
        int(number)
        for channel in range(1, 5)
        for number in (scaling.multipliers[channel], scaling.rights[channel], scaling.offsets[channel])
    ]


def test_few_channels_are_repeated() -> None:
    weights = np.array([10, 20, 30], np.int8).reshape(1, 1, 3)
    packed = pack_depthwise(DepthwiseConstants(weights, scaling_of(3, [1], narrow=False)))
    # channels 0 1 2 0, 1 2 0 1, 2 0 1 2; in a block the first and third come first
    halves = packed.weights.view(np.int16).reshape(3, 4).tolist()
    assert halves == [[10, 30, 20, 10], [20, 10, 30, 20], [30, 20, 10, 30]]
    assert packed.constants[:, :4].tolist() == [[1, 2, 3, 1], [2, 3, 1, 2], [3, 1, 2, 3]]
