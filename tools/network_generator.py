"""Random small networks, and the flags to compile them with: whatever a model file may say, in unusual combinations.

The same seed gives the same network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from network_builder import NetworkBuilder, Padding, Pair, Quantization, quantization, result_size
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, SSAValue

from tinyts_mlir.compiler import INPUT_OPTIONS
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.transforms.plan_arena import SCRATCH
from tinyts_mlir.transforms.schedule_bands import ORDERS

MOST_ELEMENTS = 3000
"""Of any value."""
MOST_OPS = 14
LONGEST_SOFTMAX = 256

ACTIVATIONS = ("none", "none", "relu", "relu6", "relu_n1_to_1")
NAMES = ("serving_default_x:0", "int", "input", "output", "context", "arena", "x", "x", "ärger", "1/2", "NULL", "a*/b")
"""Names of inputs and outputs: nothing says that they are C identifiers, or differ."""


@dataclass(frozen=True)
class Network:
    """A network and how to compile and run it."""

    seed: int
    module: ModuleOp
    flags: tuple[str, ...]
    feed_rows: int | None
    """Rows to feed at a time, for a network with one input."""
    returns_input: bool
    """Whether an output is an input; a `.tflite` file with such an output is not imported."""


def random_network(seed: int) -> Network:
    """The network of a seed."""
    return _Generator(seed).network()


class _Generator:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = np.random.default_rng([seed, 1])
        self.builder = NetworkBuilder([seed, 0])
        self.values: list[SSAValue] = []

    # --- choices --------------------------------------------------------------------------------------------------

    def chance(self, probability: float) -> bool:
        return bool(self.random.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.random.integers(low, high + 1))

    def pair(self, low: int, high: int) -> Pair:
        return self.integer(low, high), self.integer(low, high)

    def one_of(self, choices: Sequence[int]) -> int:
        return choices[self.integer(0, len(choices) - 1)]

    def word(self, choices: Sequence[str]) -> str:
        return choices[self.integer(0, len(choices) - 1)]

    def activation(self) -> str:
        return self.word(ACTIVATIONS)

    def names(self, count: int) -> list[str]:
        return [self.word(NAMES) for _ in range(count)]

    def pick(self, fits: Callable[[SSAValue], bool]) -> SSAValue | None:
        """A value that fits, a late one rather than an early one."""
        candidates = [value for value in self.values if fits(value)]
        if not candidates:
            return None
        return candidates[max(self.integer(0, len(candidates) - 1), self.integer(0, len(candidates) - 1))]

    # --- the network ----------------------------------------------------------------------------------------------

    def network(self) -> Network:
        input_count = self.one_of((1, 1, 1, 2, 3))
        names = self.names(input_count)
        for number in range(input_count):
            self.values.append(self.input(names[number]))
        wanted = self.integer(1, MOST_OPS)
        steps = (
            self.convolution,
            self.convolution,
            self.depthwise_convolution,
            self.depthwise_convolution,
            self.inverted_residual,
            self.pool,
            self.mean,
            self.pad,
            self.addition,
            self.residual,
            self.concatenation,
            self.split,
            self.leaky_relu,
            self.softmax,
            self.reshape,
            self.fully_connected,
        )
        for _ in range(10 * wanted):
            if self.builder.ops >= wanted:
                break
            self.values += steps[self.integer(0, len(steps) - 1)]()
        if not self.builder.ops:
            self.values += [self.builder.leaky_relu(self.values[0], 0.3)]
        outputs = self.outputs()
        module = self.builder.module(outputs, self.names(len(outputs)))
        return Network(
            self.seed,
            module,
            tuple(self.flags()),
            self.integer(1, 6) if input_count == 1 and self.chance(0.5) else None,
            any(isinstance(output, BlockArgument) for output in outputs),
        )

    def input(self, name: str) -> SSAValue:
        shape: tuple[int, ...] = (1, self.integer(1, 13), self.integer(1, 9), self.integer(1, 8))
        if self.chance(0.15):
            shape = (1, 1, self.integer(1, 20), self.integer(1, 4))
        if self.chance(0.15):
            shape = (1, self.integer(1, 20), 1, self.integer(1, 4))
        if not self.chance(0.2):
            return self.builder.input(shape, name=name)
        flat = self.builder.input((1, prod(shape)) if self.chance(0.5) else shape[1:], name=name)
        self.values.append(flat)
        return self.builder.reshape(flat, shape)

    def outputs(self) -> list[SSAValue]:
        made = [value for value in self.values if not isinstance(value, BlockArgument)]
        outputs = [made[-1]]
        outputs += [value for value in made[:-1] if not value.uses and self.chance(0.7)]
        if self.chance(0.2):
            outputs.append(made[self.integer(0, len(made) - 1)])
        if self.chance(0.1):
            outputs.append(outputs[0])
        if self.chance(0.1):
            outputs.append(self.values[0])
        return [outputs[i] for i in self.random.permutation(len(outputs))]

    def flags(self) -> list[str]:
        flags: list[str] = []
        if self.chance(0.1):
            flags.append("--ram=1M")
        elif self.chance(0.3):
            flags.append("--split-tensors")
            if self.chance(0.5):
                flags.append(f"--choose-bands=limit={self.integer(1, 1 << 15)},highest={self.integer(1, 8)}")
        elif rows := self.one_of((0, 1, 1, 2, 3, 5)):
            flags.append(f"--split-tensors=rows={rows}")
        if "--split-tensors" not in flags:
            flags.append(f"--schedule-bands=order={self.word(ORDERS)}")
        flags.append(f"--input={self.word(tuple(INPUT_OPTIONS))}")
        if self.chance(0.3):
            flags.append(f"--plan-arena=alignment={self.one_of((0, 1, 2, 8, 16, 32))},scratch={self.word(SCRATCH)}")
        return flags

    # --- ops: each gives the values that it adds, or none where it does not fit -------------------------------------

    def padding(self, most: int) -> Padding:
        return (
            "same",
            "valid",
            (self.integer(0, most), self.integer(0, most), self.integer(0, most), self.integer(0, most)),
        )[self.integer(0, 2)]

    def window(self, value: SSAValue, largest: int = 5) -> tuple[Pair, Pair, Pair, Padding] | None:
        """Filter, stride, dilation and padding that fit a feature map, or None."""
        for _ in range(8):
            size, stride, dilation = self.pair(1, largest), self.pair(1, 3), (1, 1)
            padding = self.padding(4)
            if self.chance(0.2):
                dilation = self.pair(1, 3)
                stride = (1, 1)
            spans = (size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1
            rows, columns = result_size(_size(value), spans, stride, padding)
            if rows >= 1 and columns >= 1 and rows * columns * shape_of(value)[3] <= MOST_ELEMENTS:
                return size, stride, dilation, padding
        return None

    def filter_scales(self, channels: int) -> list[float]:
        if self.chance(0.4):
            return [float(self.random.uniform(0.001, 0.02))]
        scales = self.random.uniform(0.001, 0.02, channels)
        if self.chance(0.3):
            scales *= self.random.choice([-1, 0, 1], channels)
        return scales.tolist()

    def bias(self, channels: int) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        """None for the builder's own choice."""
        if not self.chance(0.15):
            return None
        return self.random.choice([-(1 << 31), (1 << 31) - 1, 0, (1 << 31) - 5000], channels)

    def convolution(self) -> list[SSAValue]:
        value = self.pick(_is_map)
        if value is None or (window := self.window(value)) is None:
            return []
        size, stride, dilation, padding = window
        depth = shape_of(value)[3]
        groups = self.one_of([group for group in range(1, depth + 1) if depth % group == 0])
        if self.chance(0.7):
            groups = 1
        channels = groups * self.integer(1, max(1, 9 // groups))
        spans = (size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1
        if prod(result_size(_size(value), spans, stride, padding)) * channels > MOST_ELEMENTS:
            return []
        bias = self.bias(channels)
        result = self.builder.conv_2d(
            value,
            channels,
            size,
            groups=groups,
            stride=stride,
            dilation=dilation,
            padding=padding,
            activation=self.activation(),
            scales=self.filter_scales(channels),
            bias=bias if bias is not None else None if self.chance(0.1) else "random",
        )
        return [result]

    def depthwise_convolution(self) -> list[SSAValue]:
        value = self.pick(_is_map)
        if value is None or (window := self.window(value, largest=7)) is None:
            return []
        size, stride, dilation, padding = window
        multiplier = self.one_of((1, 1, 1, 2, 3))
        channels = multiplier * shape_of(value)[3]
        spans = (size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1
        if prod(result_size(_size(value), spans, stride, padding)) * channels > MOST_ELEMENTS:
            return []
        bias = self.bias(channels)
        result = self.builder.depthwise_conv_2d(
            value,
            size,
            multiplier=multiplier,
            stride=stride,
            dilation=dilation,
            padding=padding,
            activation=self.activation(),
            scales=self.filter_scales(channels),
            bias=bias if bias is not None else None if self.chance(0.1) else "random",
        )
        return [result]

    def inverted_residual(self) -> list[SSAValue]:
        """A depthwise convolution between pointwise ones, with channels in fours: rows may lie on those that die."""
        value = self.pick(_is_map)
        if value is None or (window := self.window(value)) is None:
            return []
        size, stride, dilation, padding = window
        channels = 4 * self.integer(1, 4)
        if prod(_size(value)) * channels > MOST_ELEMENTS:
            return []
        wide = self.builder.conv_2d(value, channels, activation=self.activation(), scales=self.filter_scales(channels))
        wide = self.builder.depthwise_conv_2d(
            wide,
            size,
            stride=stride,
            dilation=dilation,
            padding=padding,
            activation=self.activation(),
            scales=self.filter_scales(channels),
        )
        return [self.builder.conv_2d(wide, self.integer(1, 8))]

    def pool(self) -> list[SSAValue]:
        if (value := self.pick(_is_map)) is None:
            return []
        pool = self.builder.average_pool_2d if self.chance(0.5) else self.builder.max_pool_2d
        if self.chance(0.3):
            return [pool(value, _size(value), activation=self.activation())]
        size, stride = self.pair(1, 4), self.pair(1, 4)
        padding: Padding = "same" if self.chance(0.5) else "valid"
        if min(result_size(_size(value), size, stride, padding)) < 1:
            return []
        return [pool(value, size, stride=stride, padding=padding, activation=self.activation())]

    def mean(self) -> list[SSAValue]:
        if (value := self.pick(_is_map)) is None:
            return []
        scale = quantization(value).scale * float(self.random.uniform(0.1, 2))
        result = quantization(value) if self.chance(0.3) else Quantization(scale, self.builder.zero_point())
        return [self.builder.mean(value, keep_dimensions=self.chance(0.5), result=result)]

    def pad(self) -> list[SSAValue]:
        if (value := self.pick(_is_map)) is None:
            return []
        spatial = (self.integer(0, 2), self.integer(0, 2), self.integer(0, 2), self.integer(0, 2))
        channels = self.pair(0, 2) if self.chance(0.3) else (0, 0)
        _, rows, columns, depth = shape_of(value)
        if (rows + 4) * (columns + 4) * (depth + sum(channels)) > MOST_ELEMENTS:
            return []
        result = Quantization(quantization(value).scale, self.builder.zero_point()) if self.chance(0.1) else None
        return [self.builder.pad(value, spatial, channels, result)]

    def addition(self) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        other = self.pick(lambda other: shape_of(other) == shape_of(value))
        assert other is not None
        return [self.builder.add(value, other, activation=self.activation())]

    def residual(self) -> list[SSAValue]:
        if (value := self.pick(_is_map)) is None:
            return []
        inner = self.builder.depthwise_conv_2d(value, self.pair(1, 3), activation=self.activation())
        inner = self.builder.conv_2d(inner, shape_of(value)[3], scales=self.filter_scales(shape_of(value)[3]))
        return [inner, self.builder.add(value, inner)]

    def concatenation(self) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        shape = shape_of(value)
        axis = self.integer(1 if len(shape) == 4 else 0, len(shape) - 1)

        def fits(other: SSAValue) -> bool:
            found = shape_of(other)
            return (
                quantization(other) == quantization(value)
                and len(found) == len(shape)
                and all(i == axis or found[i] == shape[i] for i in range(len(shape)))
            )

        parts = [value]
        for _ in range(self.integer(0, 3)):
            other = self.pick(fits)
            assert other is not None
            parts.append(other)
        if sum(prod(shape_of(part)) for part in parts) > MOST_ELEMENTS:
            return []
        return [self.builder.concatenation(parts, axis)]

    def split(self) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        shape = shape_of(value)
        axis = self.integer(1 if len(shape) == 4 else 0, len(shape) - 1)
        counts = [count for count in range(1, shape[axis] + 1) if shape[axis] % count == 0 and count < 6]
        return self.builder.split(value, self.one_of(counts), axis)

    def leaky_relu(self) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        return [self.builder.leaky_relu(value, float(self.random.uniform(-0.5, 1.5)))]

    def softmax(self) -> list[SSAValue]:
        value = self.pick(lambda value: shape_of(value)[-1] <= LONGEST_SOFTMAX)
        return [] if value is None else [self.builder.softmax(value, float(self.random.uniform(0.1, 3)))]

    def reshape(self) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        size = prod(shape_of(value))
        shape: list[int] = []
        for _ in range(self.integer(0, 2)):
            factors = [factor for factor in range(1, size + 1) if size % factor == 0]
            shape.append(self.one_of(factors))
            size //= shape[-1]
        shape.append(size)
        if len(shape) == 3 and self.chance(0.7):
            shape.insert(0, 1)
        result = Quantization(quantization(value).scale * 2, self.builder.zero_point()) if self.chance(0.2) else None
        return [self.builder.reshape(value, shape, result)]

    def fully_connected(self) -> list[SSAValue]:
        value = self.pick(lambda value: prod(shape_of(value)) <= 1200)
        if value is None:
            return []
        channels = self.integer(1, 10)
        keep = self.chance(0.3)
        size = prod(shape_of(value))
        if keep and size // shape_of(value)[-1] * channels > MOST_ELEMENTS:
            return []
        scales = [float(self.random.uniform(0.001, 0.02))]
        if self.chance(0.5):
            scales = self.random.uniform(0.001, 0.02, channels).tolist()
        divisor = self.one_of([divisor for divisor in (1, 2, 3) if size % divisor == 0])
        result = self.builder.fully_connected(
            value,
            channels,
            input_channels=size // divisor,
            keep_dimensions=keep,
            activation=self.activation(),
            scales=scales,
            bias=None if self.chance(0.2) else "random",
        )
        return [result]


def _is_map(value: SSAValue) -> bool:
    shape = shape_of(value)
    return len(shape) == 4 and shape[0] == 1


def _size(value: SSAValue) -> Pair:
    _, rows, columns, _ = shape_of(value)
    return rows, columns
