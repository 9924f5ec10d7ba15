"""Deterministic test inputs: a few that reach the corners, and as many random ones as asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Int8Array = npt.NDArray[np.int8]


class QuantizedTensor(Protocol):
    """What must be known of an input."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes, outermost first."""
        ...

    @property
    def zero_point(self) -> int:
        """The int8 value that stands for 0."""
        ...


@dataclass(frozen=True)
class NamedInput:
    """One inference's inputs, in the model's order, under a name for messages."""

    name: str
    arrays: tuple[Int8Array, ...]


def random_inputs(tensors: Sequence[QuantizedTensor], count: int, seed: int = 0) -> list[NamedInput]:
    """``count`` uniformly random inputs. Number i is the same whatever the count."""
    inputs: list[NamedInput] = []
    for number in range(count):
        generator = np.random.default_rng([seed, number])
        arrays = tuple(generator.integers(-128, 128, size=tensor.shape, dtype=np.int8) for tensor in tensors)
        inputs.append(NamedInput(f"random {number} (seed {seed})", arrays))
    return inputs


def special_inputs(tensors: Sequence[QuantizedTensor]) -> list[NamedInput]:
    """All minimum, all maximum, all zero point, and a smooth gradient over rows, columns and channels."""
    makers: dict[str, Callable[[QuantizedTensor], Int8Array]] = {
        "all minimum": lambda tensor: np.full(tensor.shape, -128, np.int8),
        "all maximum": lambda tensor: np.full(tensor.shape, 127, np.int8),
        "zero point": lambda tensor: np.full(tensor.shape, tensor.zero_point, np.int8),
        "gradient": lambda tensor: gradient(tensor.shape),
    }
    return [NamedInput(name, tuple(make(tensor) for tensor in tensors)) for name, make in makers.items()]


def standard_inputs(tensors: Sequence[QuantizedTensor], random_count: int, seed: int = 0) -> list[NamedInput]:
    """The random inputs, then the special ones."""
    return random_inputs(tensors, random_count, seed) + special_inputs(tensors)


def gradient(shape: Sequence[int]) -> Int8Array:
    """Rise from -128 at the first element to 127 at the last, by the same amount along every axis."""
    positions = np.zeros(tuple(shape), np.float64)
    for axis, size in enumerate(shape):
        along = [1] * len(shape)
        along[axis] = size
        positions += (np.arange(size) / max(size - 1, 1)).reshape(along)
    axes = max(sum(size > 1 for size in shape), 1)
    return np.rint(positions / axes * 255 - 128).astype(np.int8)
