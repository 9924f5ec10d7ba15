"""Random layers of every kind that there is a rule for, on values of a network under construction.

Which ops there are is what the registry of rules says (`tinyts_mlir/tflite/registry.py`); here is, for each family, how
to make a random layer of it. An op whose class derives from a family's is covered as soon as it has a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from index_samples import random_indices
from network_builder import NetworkBuilder, Padding, Pair, Quantization, quantization, result_size
from rearrangement_samples import random_rearrangement, rearranged
from recurrent_samples import random_recurrent
from state_samples import random_state
from xdsl.ir import Operation, SSAValue

from tinyts_mlir.dialects.interfaces import StateInterface
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import (
    ArgExtremeOp,
    AveragePool2DOp,
    BatchMatmulOp,
    BinaryOp,
    ConcatenationOp,
    Conv2DOp,
    DepthwiseConv2DOp,
    DequantizeOp,
    ElementwiseOp,
    FullyConnectedOp,
    L2NormalizationOp,
    LogSoftmaxOp,
    LstmOp,
    MeanOp,
    MinPool2DOp,
    PadOp,
    PoolOp,
    PreluOp,
    RearrangementOp,
    ReluOp,
    ReshapeOp,
    ResizeBilinearOp,
    SoftmaxOp,
    SplitOp,
    SumOp,
    SvdfSumsOp,
    TransposeConvOp,
)
from tinyts_mlir.dialects.tinyts_base import PLAN_PROPERTIES, TinytsOp
from tinyts_mlir.dialects.tinyts_binary import ActivatedBinaryOp, broadcast
from tinyts_mlir.tflite.registry import all_rules
from tinyts_mlir.tflite.rule import Unsigned

MOST_ELEMENTS = 3000
"""Of any value."""
FLAGS = ("approximate",)
"""Properties of look-ups that are 0 or 1."""
LONGEST_SOFTMAX = 256
MOST_RECURRENT_INPUTS = 400

DULL_NETWORKS = 0.3
"""The share of networks with channels that are dead, saturated, nearly dead, or read by nobody."""
ACTIVATIONS = ("none", "none", "relu", "relu6", "relu_n1_to_1")
NAMES = ("serving_default_x:0", "int", "input", "output", "context", "arena", "x", "x", "ärger", "1/2", "NULL", "a*/b")
"""Names of inputs and outputs: nothing says that they are C identifiers, or differ."""


class Sampler:
    """Makes random layers; `values` are those that they may read. With `unsigned`, those that LiteRT has for uint8."""

    def __init__(self, seed: int, bits: int = 8, unsigned: bool = False) -> None:
        self.seed = seed
        self.random = np.random.default_rng([seed, 1])
        is_dull = np.random.default_rng([seed, 2]).random() < DULL_NETWORKS
        self.builder = NetworkBuilder([seed, 0], bits, 0.4 if is_dull else 0.0, unsigned)
        self.values: list[SSAValue] = []
        self.states = 0
        self.edges: list[SSAValue] = []
        """Outputs that are neither int8 nor int16: no layer reads them."""

    def layers(self) -> list[Callable[[], list[SSAValue]]]:
        """A maker of random layers for each rule, and of some combinations; those with weights come more often."""
        makers: list[Callable[[], list[SSAValue]]] = [self.inverted_residual, self.residual, self.constant]
        for rule in all_rules():
            if not self.takes(rule.op_type) or (self.builder.unsigned and rule.unsigned is Unsigned.REFUSED):
                continue
            if (maker := self.layer_of(rule.op_type)) is not None:
                makers += [maker] * (2 if issubclass(rule.op_type, Conv2DOp | DepthwiseConv2DOp) else 1)
        return makers

    def takes(self, op_type: type[TinytsOp]) -> bool:
        """Whether ops of a type take feature maps as wide as this network's."""
        return self.builder.bits in op_type.ACTIVATION_BITS or issubclass(op_type, ReshapeOp)

    def layer_of(self, op_type: type[Operation]) -> Callable[[], list[SSAValue]] | None:
        """A maker of random layers of one op; None for a family that is not known here."""
        families: dict[type[Operation], Callable[[Any], list[SSAValue]]] = {
            Conv2DOp: lambda _: self.convolution(),
            DepthwiseConv2DOp: lambda _: self.depthwise_convolution(),
            TransposeConvOp: lambda _: self.transposed_convolution(),
            PoolOp: self.pool,
            MeanOp: lambda _: self.mean(),
            SumOp: lambda _: self.sum(),
            PadOp: lambda _: self.pad(),
            BinaryOp: self.binary,
            ConcatenationOp: lambda _: self.concatenation(),
            SplitOp: lambda _: self.split(),
            DequantizeOp: lambda _: self.dequantize(),
            ArgExtremeOp: self.indices,
            ElementwiseOp: self.elementwise,
            SoftmaxOp: lambda _: self.softmax(),
            LogSoftmaxOp: lambda _: self.log_softmax(),
            L2NormalizationOp: lambda _: self.l2_normalization(),
            ReshapeOp: lambda _: self.reshape(),
            RearrangementOp: self.rearrangement,
            ResizeBilinearOp: self.rearrangement,
            BatchMatmulOp: lambda _: self.batch_matmul(),
            FullyConnectedOp: lambda _: self.fully_connected(),
            StateInterface: lambda _: self.state(),
            LstmOp: lambda _: self.recurrent(),
            SvdfSumsOp: lambda _: self.recurrent(),
        }
        make = next((families[base] for base in op_type.__mro__ if base in families), None)
        return None if make is None else lambda: make(op_type)

    def state(self) -> list[SSAValue]:
        """What a value and those of calls before it are together."""
        value = self.pick(lambda value: 6 * prod(shape_of(value)) <= MOST_ELEMENTS)
        if value is None:
            return []
        self.states += 1
        return [random_state(self.builder, value, self.random, f"state/{self.states}")]

    def recurrent(self) -> list[SSAValue]:
        """An LSTM or an SVDF."""
        value = self.pick(lambda value: prod(shape_of(value)) <= MOST_RECURRENT_INPUTS)
        if value is None:
            return []
        self.states += 1
        return [random_recurrent(self.builder, value, self.random, f"memory/{self.states}")]

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
        if self.builder.bits == 8 and self.chance(0.3):
            scales *= self.random.choice([-1, 0, 1], channels)
        return scales.tolist()

    def bias(self, channels: int) -> npt.NDArray[np.signedinteger[Any]] | None:
        """None for the builder's own choice."""
        if not self.chance(0.15):
            return None
        ends = self.random.choice([-(1 << 31), (1 << 31) - 1, 0, (1 << 31) - 5000], channels)
        return ends.astype(np.int32) if self.builder.bits > 8 and self.chance(0.5) else ends

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

    def transposed_convolution(self) -> list[SSAValue]:
        value = self.pick(lambda value: _is_map(value) and prod(shape_of(value)) <= 400)
        if value is None:
            return []
        channels, size, stride = self.integer(1, 9), self.pair(1, 5), self.pair(1, 4)
        rows, columns = _size(value)
        if (rows * stride[0] + size[0]) * (columns * stride[1] + size[1]) * channels > MOST_ELEMENTS:
            return []
        scales = [float(self.random.uniform(0.001, 0.02))]
        if self.chance(0.6):
            scales = self.random.uniform(0.001, 0.02, channels).tolist()
        result = self.builder.transpose_conv(
            value,
            channels,
            size,
            stride=stride,
            padding="same" if self.chance(0.5) else "valid",
            activation=self.activation(),
            scales=scales,
            bias=None if self.chance(0.2) else "random",
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

    def pool(self, op_type: type[PoolOp]) -> list[SSAValue]:
        if (value := self.pick(_is_map)) is None:
            return []
        if op_type is MinPool2DOp:
            return [self.builder.min_pool_2d(value)]
        pool = self.builder.average_pool_2d if op_type is AveragePool2DOp else self.builder.max_pool_2d
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
        result = quantization(value) if self.chance(0.3) else self.builder.like(value, scale)
        return [self.builder.mean(value, keep_dimensions=self.chance(0.5), result=result)]

    def sum(self) -> list[SSAValue]:
        if (value := self.pick(_is_map)) is None:
            return []
        _, rows, columns, _ = shape_of(value)
        scale = quantization(value).scale * float(self.random.uniform(0.1, 2)) * rows * columns
        result = quantization(value) if self.chance(0.2) else Quantization(scale, self.builder.zero_point())
        return [self.builder.sum(value, keep_dimensions=self.chance(0.5), result=result)]

    def pad(self) -> list[SSAValue]:
        if (value := self.pick(_is_map)) is None:
            return []
        spatial = (self.integer(0, 2), self.integer(0, 2), self.integer(0, 2), self.integer(0, 2))
        channels = self.pair(0, 2) if self.chance(0.3) else (0, 0)
        _, rows, columns, depth = shape_of(value)
        if (rows + 4) * (columns + 4) * (depth + sum(channels)) > MOST_ELEMENTS:
            return []
        result = self.builder.like(value, quantization(value).scale) if self.chance(0.1) else None
        return [self.builder.pad(value, spatial, channels, result)]

    def binary(self, op_type: type[BinaryOp]) -> list[SSAValue]:
        """Two maps of one shape, or one that is broadcast, or a constant, in either order."""
        if (value := self.pick(lambda value: len(shape_of(value)) <= 4)) is None:
            return []
        shape = shape_of(value)
        if self.chance(0.4):
            other = self.pick(lambda other: shape_of(other) == shape)
        elif self.chance(0.6):
            fixed = [1 if self.chance(0.4) else size for size in shape]
            drop = self.integer(0, len(shape) - 1)
            scale = float(self.random.uniform(0.3, 2)) * quantization(value).scale
            is_wide = self.builder.bits > 8
            given = Quantization(scale, 0, 16) if is_wide else Quantization(scale, self.integer(-128, 127))
            other = self.builder.constant_operand(fixed[drop:], given)
        else:
            other = self.pick(lambda other: broadcast(shape_of(other), shape) == shape and len(shape_of(other)) <= 4)
        assert other is not None
        operands = (other, value) if self.chance(0.3) and op_type is not PreluOp else (value, other)
        activation = self.activation() if issubclass(op_type, ActivatedBinaryOp) else None
        return [self.builder.binary(op_type, *operands, activation=activation)]

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

    def constant(self) -> list[SSAValue]:
        """A constant like a value that there is: what can be concatenated with it."""
        value = self.pick(lambda value: True)
        return [] if value is None else [self.builder.load(shape_of(value), quantization(value))]

    def split(self) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        shape = shape_of(value)
        axis = self.integer(1 if len(shape) == 4 else 0, len(shape) - 1)
        counts = [count for count in range(1, shape[axis] + 1) if shape[axis] % count == 0 and count < 6]
        return self.builder.split(value, self.one_of(counts), axis)

    def elementwise(self, op_type: type[ElementwiseOp]) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        names = [name for name in op_type.get_irdl_definition().properties if name not in PLAN_PROPERTIES]
        if not op_type.IS_OF_NEGATIVE:
            value = self.builder.elementwise(ReluOp, value)
        given = {n: self.integer(0, 1) if n in FLAGS else float(self.random.uniform(-0.5, 1.5)) for n in names}
        return [self.builder.elementwise(op_type, value, given)]

    def dequantize(self) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        if self.builder.bits == 8 and self.chance(0.3):
            result = Quantization(quantization(value).scale * self.random.uniform(0.5, 2), self.integer(0, 255))
            self.edges.append(self.builder.quantize_to_uint8(value, result))
        else:
            self.edges.append(self.builder.dequantize(value))
        return []

    def indices(self, op_type: type[ArgExtremeOp]) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is not None:
            self.edges.append(random_indices(self.builder, op_type, value, self.random))
        return []

    def softmax(self) -> list[SSAValue]:
        value = self.pick(lambda value: shape_of(value)[-1] <= LONGEST_SOFTMAX)
        return [] if value is None else [self.builder.softmax(value, float(self.random.uniform(0.1, 3)))]

    def log_softmax(self) -> list[SSAValue]:
        value = self.pick(lambda value: True)
        return [] if value is None else [self.builder.log_softmax(value)]

    def l2_normalization(self) -> list[SSAValue]:
        value = self.pick(lambda value: True)
        return [] if value is None else [self.builder.l2_normalization(value)]

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
        result = self.builder.like(value, quantization(value).scale * 2) if self.chance(0.2) else None
        return [self.builder.reshape(value, shape, result)]

    def rearrangement(self, op_type: type[RearrangementOp | ResizeBilinearOp]) -> list[SSAValue]:
        if (value := self.pick(lambda value: True)) is None:
            return []
        found = random_rearrangement(op_type, shape_of(value), self.random)
        if found is None or prod(found[0]) > MOST_ELEMENTS:
            return []
        return [rearranged(self.builder, op_type, value, *found)]

    def batch_matmul(self) -> list[SSAValue]:
        """A value times another that fits, a constant, or itself."""
        value = self.pick(lambda value: len(shape_of(value)) >= 2 and prod(shape_of(value)) <= 1200)
        if value is None:
            return []
        shape, adjoint = shape_of(value), (self.chance(0.5), self.chance(0.5))
        depth = shape[-2] if adjoint[0] else shape[-1]

        def fits(other: SSAValue) -> bool:
            found = shape_of(other)
            return len(found) == len(shape) and found[:-2] == shape[:-2] and found[-1 if adjoint[1] else -2] == depth

        other = self.pick(fits)
        if other is None or self.chance(0.3):
            columns = self.integer(1, 9)
            matrix = (columns, depth) if adjoint[1] else (depth, columns)
            other = self.builder.constant_operand(matrix, Quantization(0.01, self.builder.zero_point()))
        columns = shape_of(other)[-2 if adjoint[1] else -1]
        if prod(shape) // depth * columns > MOST_ELEMENTS:
            return []
        return [self.builder.batch_matmul(value, other, adjoint=adjoint)]

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
