"""Depthwise constants in blocks of four channels: what is packed comes out again."""

from __future__ import annotations

import numpy as np
import pytest

from tinyts_mlir.kernels.channel_scaling import ChannelScaling
from tinyts_mlir.kernels.depthwise_packing import DepthwiseConstants, pack_depthwise, unpack_depthwise


@pytest.mark.parametrize(("shifts", "narrow"), [((-12, -5), True), ((-3, 4), False)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7, 8, 11, 16])
def test_unpacking(channels: int, shifts: tuple[int, int], narrow: bool) -> None:
    random = np.random.default_rng(channels)
    weights = random.integers(-128, 128, (3, 2, channels), np.int8)
    before = ChannelScaling(
        random.integers(-20000, 20001, channels, np.int32),
        random.integers(1 << 30, 1 << 31, channels).astype(np.int32),
        random.integers(shifts[0], shifts[1] + 1, channels, np.int32),
        narrow,
    )
    packed = pack_depthwise(DepthwiseConstants(weights, before), 12)
    blocks = 3 if channels == 3 else -(-channels // 4)
    assert packed.weights.shape == (blocks, 3, 2, 2)
    assert packed.constants.shape == (blocks, 16)
    after = unpack_depthwise(packed, channels, narrow)
    np.testing.assert_array_equal(after.weights, weights)
    np.testing.assert_array_equal(after.scaling.bias, before.bias)
    np.testing.assert_array_equal(after.scaling.multipliers, before.multipliers)
    np.testing.assert_array_equal(after.scaling.shifts, before.shifts)


def test_words() -> None:
    """Five channels: the second block is the last four. A narrow scaling has everything doubled."""
    weights = np.arange(1, 6, dtype=np.int8).reshape(1, 1, 5) * np.int8(-1)
    shifts = np.array([-1, -2, -3, -4, -22], np.int32)
    bias = np.array([100, 200, 300, 400, 1 << 29], np.int32)
    scaling = ChannelScaling(bias, np.full(5, 1 << 30, np.int32), shifts, True)
    packed = pack_depthwise(DepthwiseConstants(weights, scaling), -128)
    halves = packed.weights.view(np.int16).tolist()
    assert halves == [[[[-2, -6, -4, -8]]], [[[-4, -8, -6, -10]]]]
    assert packed.constants[1].tolist() == [400, 600, 800, 1 << 30] + [
        number for right in (2, 3, 4, 22) for number in (1 << 30, right, (1 << (right - 1)) + (-128 << right))
    ]


def test_few_channels_are_repeated() -> None:
    weights = np.array([10, 20, 30], np.int8).reshape(1, 1, 3)
    scaling = ChannelScaling(np.array([1, 2, 3], np.int32), np.full(3, 1 << 30, np.int32), np.ones(3, np.int32), False)
    packed = pack_depthwise(DepthwiseConstants(weights, scaling), 0)
    # channels 0 1 2 0, 1 2 0 1, 2 0 1 2; in a block the first and third come first
    halves = packed.weights.view(np.int16).reshape(3, 4).tolist()
    assert halves == [[10, 30, 20, 10], [20, 10, 30, 20], [30, 20, 10, 30]]
    assert packed.constants[:, :4].tolist() == [[1, 2, 3, 1], [2, 3, 1, 2], [3, 1, 2, 3]]
