"""Random weights as numbers: those that training could have left for dead, and those of uint8 with a zero point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.signedinteger]
ENDS = np.array([(1 << 31) - 1, -(1 << 31), (1 << 31) - (1 << 12), (1 << 12) - (1 << 31), 1 << 24, -(1 << 24)])
"""Biases that saturate whatever the sum is, or make it wrap around."""


class Dulling:
    """Makes some channels of weights dull: a share of them, chosen by a generator of its own."""

    def __init__(self, seed: int | Sequence[int], share: float) -> None:
        self.random = np.random.default_rng(seed)
        self.share = share

    def weights(self, weights: Integers, channel_axis: int) -> Integers:
        """Weights of which some channels are all zero, or zero but for a small one, or read nothing of an input."""
        weights = np.moveaxis(weights.copy(), channel_axis, 0)
        for channel in weights:
            if self.random.random() < self.share:
                kept = self.random.random() < 0.4
                place = tuple(self.random.integers(0, size) for size in channel.shape)
                small = self.random.integers(1, 4)
                channel[...] = 0
                channel[place] = small if kept else 0
        if channel_axis == 0 and weights.ndim > 1:
            weights[..., self.random.random(weights.shape[-1]) < self.share / 2] = 0
        return np.moveaxis(weights, 0, channel_axis)

    def bias(self, bias: Integers) -> Integers:
        """A bias of which some elements are ENDS."""
        chosen = self.random.random(bias.shape) < self.share / 2
        return np.where(chosen, self.random.choice(ENDS, bias.shape), bias)


def unsigned_weights(
    random: np.random.Generator, shape: Sequence[int], weights: Integers | None
) -> tuple[Integers, int]:
    """Elements of a uint8 filter of this shape, and its zero point; `weights`, where given, are the elements less that.

    Of random ones, one filter in three fits int8 without its zero point, and one but for one output channel.
    """
    zero_point, choice = int(random.integers(0, 256)), random.random()
    if weights is not None:
        weights = weights.reshape(shape)
        zero_point = 128 if weights.min() >= -128 else -int(weights.min())
        stored = weights + zero_point
        assert stored.max() < 256
    elif choice < 2 / 3:
        stored = random.integers(max(0, zero_point - 128), min(256, zero_point + 128), shape)
        if choice < 1 / 3:
            stored[random.integers(0, shape[0])] = 0 if zero_point >= 128 else 255
    else:
        stored = random.integers(0, 256, shape)
    return stored, zero_point
