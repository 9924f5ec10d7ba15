"""Deterministic test inputs: a few that reach the corners, and as many random ones as asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


DEFAULT_SCALE = 1 / 64
"""What floats are multiples of where nothing says what they become."""


class QuantizedTensor(Protocol):
    """What must be known of an input."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes, outermost first."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of an element: int8, uint8, int16 or float32."""
        ...

    @property
    def scale(self) -> float:
        """Of a byte; for floats, of the bytes that they become, as int8; 0 where that is not known."""
        ...

    @property
    def zero_point(self) -> int:
        """The byte that stands for 0, as for `scale`."""
        ...


@dataclass(frozen=True)
class NamedInput:
    """One inference's inputs, in the model's order, under a name for messages."""

    name: str
    arrays: tuple[Array, ...]


def random_inputs(tensors: Sequence[QuantizedTensor], count: int, seed: int = 0) -> list[NamedInput]:
    """``count`` uniformly random inputs. Number i is the same whatever the count."""
    inputs: list[NamedInput] = []
    for number in range(count):
        generator = np.random.default_rng([seed, number])
        arrays = tuple(_random(tensor, generator) for tensor in tensors)
        inputs.append(NamedInput(f"random {number} (seed {seed})", arrays))
    return inputs


def special_inputs(tensors: Sequence[QuantizedTensor]) -> list[NamedInput]:
    """All minimum, all maximum, all zero point, and a smooth gradient over rows, columns and channels."""
    makers: dict[str, Callable[[QuantizedTensor], npt.NDArray[np.int8]]] = {
        "all minimum": lambda tensor: np.full(tensor.shape, -128, np.int8),
        "all maximum": lambda tensor: np.full(tensor.shape, 127, np.int8),
        "zero point": lambda tensor: np.full(tensor.shape, tensor.zero_point - _lowest(tensor), np.int8),
        "gradient": lambda tensor: gradient(tensor.shape),
    }
    return [
        NamedInput(name, tuple(_elements(tensor, make(tensor)) for tensor in tensors)) for name, make in makers.items()
    ]


def _lowest(tensor: QuantizedTensor) -> int:
    """How far the bytes of an input lie above those of int8."""
    return 128 if tensor.dtype == np.uint8 else 0


def _fineness(tensor: QuantizedTensor) -> int:
    """How many elements that floats become there are to one of int8: 256 where they become int16."""
    return int(getattr(tensor, "fineness", 1))


def _elements(tensor: QuantizedTensor, bytes: npt.NDArray[np.int8]) -> Array:
    """Int8 values as elements of an input: themselves, 128 more, 256 times as much, or the floats they stand for."""
    if tensor.dtype == np.float32:
        steps = bytes.astype(np.int32) * _fineness(tensor) - tensor.zero_point
        values = steps * np.float64(tensor.scale or DEFAULT_SCALE)
        return np.where(values == 0, -0.0, values).astype(np.float32)
    if tensor.dtype == np.int16:
        return np.where(bytes == 127, 32767, bytes.astype(np.int32) * 256).astype(np.int16)
    return (bytes.astype(np.int16) + _lowest(tensor)).astype(tensor.dtype)


def _random(tensor: QuantizedTensor, generator: np.random.Generator) -> Array:
    """Random elements; floats between, just on and halfway between the bytes they become, some far out of range."""
    if tensor.dtype == np.int16:
        return generator.integers(-(1 << 15), 1 << 15, size=tensor.shape, dtype=np.int16)
    bytes = generator.integers(-128, 128, size=tensor.shape, dtype=np.int8)
    if tensor.dtype != np.float32:
        return _elements(tensor, bytes)
    steps = bytes.astype(np.float64) * _fineness(tensor) - tensor.zero_point
    kind = generator.integers(0, 16, size=tensor.shape)
    offset = np.select([kind < 8, kind < 12], [generator.uniform(-0.5, 0.5, size=tensor.shape), 0.5], 0.0)
    far = np.where(kind == 15, generator.choice([-3e4, 3e4, 1e8, -1e8, 300.5], size=tensor.shape), 0.0)
    return ((steps + offset + far) * (tensor.scale or DEFAULT_SCALE)).astype(np.float32)


def standard_inputs(tensors: Sequence[QuantizedTensor], random_count: int, seed: int = 0) -> list[NamedInput]:
    """The random inputs, then the special ones."""
    return random_inputs(tensors, random_count, seed) + special_inputs(tensors)


def gradient(shape: Sequence[int]) -> npt.NDArray[np.int8]:
    """Rise from -128 at the first element to 127 at the last, by the same amount along every axis."""
    positions = np.zeros(tuple(shape), np.float64)
    for axis, size in enumerate(shape):
        along = [1] * len(shape)
        along[axis] = size
        positions += (np.arange(size) / max(size - 1, 1)).reshape(along)
    axes = max(sum(size > 1 for size in shape), 1)
    return np.rint(positions / axes * 255 - 128).astype(np.int8)
