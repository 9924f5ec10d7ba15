"""Builds modules of `tinyts` ops op by op, with random weights: small networks for tests and campaigns.

builder = NetworkBuilder(seed=1)
image = builder.input((1, 8, 8, 3))
features = builder.conv_2d(image, 16, (3, 3), stride=(2, 2), padding="same", activation="relu")
module = builder.module([builder.average_pool_2d(features, (4, 4))])

Whatever is not given gets a value that keeps the bytes busy: result scales are chosen so that few results saturate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from random_weights import Dulling, Integers, unsigned_weights
from xdsl.dialects.builtin import (
    ArrayAttr,
    IntegerType,
    LocationAttr,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    TensorType,
    f32,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue

from tinyts_mlir.dialects.quant import UNSIGNED_BYTE, UniformQuantizedType
from tinyts_mlir.dialects.rows import quantization_of, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    AveragePool2DOp,
    BatchMatmulOp,
    BinaryOp,
    ConcatenationOp,
    ConstantOp,
    Conv2DOp,
    DepthwiseConv2DOp,
    DequantizeOp,
    DivOp,
    ElementwiseOp,
    FullyConnectedOp,
    L2NormalizationOp,
    LeakyReluOp,
    LoadOp,
    LogSoftmaxOp,
    MapReductionOp,
    MaximumOp,
    MaxPool2DOp,
    MeanOp,
    MinimumOp,
    MinPool2DOp,
    MulOp,
    PadOp,
    PoolOp,
    QuantizeOp,
    ReshapeOp,
    SoftmaxOp,
    SplitOp,
    SquaredDifferenceOp,
    SumOp,
    TransposeConvOp,
)
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.dialects.tinyts_binary import broadcast
from tinyts_mlir.tflite.windows import same_padding

Pair = tuple[int, int]
Padding = Literal["same", "valid"] | tuple[int, int, int, int]
"""A scheme of TFLite's, or (top, bottom, left, right)."""


@dataclass(frozen=True)
class Quantization:
    """Of a feature map."""

    scale: float
    zero_point: int
    bits: int = 8


PROBABILITIES = Quantization(1 / 256, -128)
"""The only quantization that a softmax may make."""

WIDE_PROBABILITIES = Quantization(1 / 32768, 0, 16)
"""The same of int16."""
STORAGE = {8: i8, 16: i16, 32: i32, 64: i64}

UNSIGNED_AS_INT8 = i8
"""How FULLY_CONNECTED has uint8 weights: less 128, with a zero point, as what layers make."""
FILTER_SCALE = 0.0078125
SPREAD = 74 * 37
"""About what the product of a random weight and a random input byte is, in magnitude."""


def paddings(size: Pair, window: Pair, stride: Pair, padding: Padding) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of a map of `size` under a window, dilation included."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        rows, columns = (same_padding(*axis) for axis in zip(size, window, stride, strict=True))
        return *rows, *columns
    return padding


class NetworkBuilder:
    """A function under construction. Ops are checked as they are added.

    Attributes:
        bits: how wide the elements of inputs are that no quantization is given for: 8 or 16.
        dulling: of the share of channels `dull` of random weights, which training could have left for dead.
        unsigned: filters and roundings are those of layers of uint8 tensors: one scale, weights with a zero point.
    """

    def __init__(self, seed: int | Sequence[int] = 0, bits: int = 8, dull: float = 0.0, unsigned: bool = False) -> None:
        self.bits = bits
        self.random = np.random.default_rng(seed)
        self.dulling = Dulling(seed, dull)
        self.unsigned = unsigned
        self.block = Block()
        self.input_names: list[str] = []
        self.ops = 0

    def module(self, outputs: Sequence[SSAValue], output_names: Sequence[str] | None = None) -> ModuleOp:
        """The module whose only function returns these values."""
        names = output_names or [f"output{number}" for number in range(len(outputs))]
        self.block.add_op(ReturnOp(*outputs))
        types = ([argument.type for argument in self.block.args], [output.type for output in outputs])
        function = FuncOp("main", types, Region(self.block))
        function.attributes["tinyts.input_names"] = ArrayAttr([StringAttr(name) for name in self.input_names])
        function.attributes["tinyts.output_names"] = ArrayAttr([StringAttr(name) for name in names])
        module = ModuleOp([function])
        module.verify()
        return module

    def input(
        self, shape: Sequence[int], quantization: Quantization | None = None, name: str | None = None
    ) -> SSAValue:
        """A model input."""
        quantization = quantization or self.quantized(0.02)
        argument = self.block.insert_arg(feature_map(shape, quantization), len(self.block.args))
        self.input_names.append(name or f"input{len(self.input_names)}")
        argument.location = _named(self.input_names[-1])
        return argument

    def edge_input(self, shape: Sequence[int], element_type: Attribute, name: str | None = None) -> SSAValue:
        """A model input of another type than int8."""
        argument = self.block.insert_arg(TensorType(element_type, shape), len(self.block.args))
        self.input_names.append(name or f"input{len(self.input_names)}")
        argument.location = _named(self.input_names[-1])
        return argument

    # --- ops with weights ------------------------------------------------------------------------------------------

    def conv_2d(
        self,
        input: SSAValue,
        channels: int,
        size: Pair = (1, 1),
        *,
        groups: int = 1,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: Padding = "valid",
        activation: str = "none",
        scales: Sequence[float] = (FILTER_SCALE,),
        bias: Integers | Literal["random"] | None = "random",
        weights: Integers | None = None,
        result: Quantization | None = None,
    ) -> SSAValue:
        """CONV_2D; several `scales` are per output channel."""
        shape = (channels, *size, shape_of(input)[3] // groups)
        filter, bias_value = self._weights(input, shape, 0, scales, bias, weights)
        properties, (rows, columns) = _window(input, size, stride, dilation, padding)
        return self.append(
            Conv2DOp(
                [[input], filter, bias_value],
                feature_map((1, rows, columns, channels), result or self._spread(input, scales, prod(shape[1:]))),
                {**properties, "dilation": dilation, "activation": activation},
            )
        )

    def depthwise_conv_2d(
        self,
        input: SSAValue,
        size: Pair = (3, 3),
        *,
        multiplier: int = 1,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        padding: Padding = "same",
        activation: str = "none",
        scales: Sequence[float] = (FILTER_SCALE,),
        bias: Integers | Literal["random"] | None = "random",
        weights: Integers | None = None,
        result: Quantization | None = None,
    ) -> SSAValue:
        """DEPTHWISE_CONV_2D; several `scales` are per output channel."""
        channels = shape_of(input)[3] * multiplier
        filter, bias_value = self._weights(input, (1, *size, channels), 3, scales, bias, weights)
        properties, (rows, columns) = _window(input, size, stride, dilation, padding)
        return self.append(
            DepthwiseConv2DOp(
                [[input], filter, bias_value],
                feature_map((1, rows, columns, channels), result or self._spread(input, scales, prod(size))),
                {**properties, "dilation": dilation, "activation": activation},
            )
        )

    def transpose_conv(
        self,
        input: SSAValue,
        channels: int,
        size: Pair = (3, 3),
        *,
        stride: Pair = (2, 2),
        padding: Literal["same", "valid"] = "same",
        shape: Pair | None = None,
        activation: str = "none",
        scales: Sequence[float] = (FILTER_SCALE,),
        bias: Integers | Literal["random"] | None = "random",
        weights: Integers | None = None,
        result: Quantization | None = None,
    ) -> SSAValue:
        """TRANSPOSE_CONV, into a map of (rows, columns) of `shape` or else of the size that TensorFlow gives it."""
        _, rows, columns, depth = shape_of(input)
        if self.unsigned and weights is None:
            weights = self.random.integers(-128, 128, (channels, *size, depth))  # less their zero point
        filter, bias_value = self._weights(input, (channels, *size, depth), 0, scales, bias, weights)
        if shape is None:
            more = [
                max(window - step, 0) if padding == "valid" else 0 for window, step in zip(size, stride, strict=True)
            ]
            shape = rows * stride[0] + more[0], columns * stride[1] + more[1]
        axes = zip(shape, size, stride, strict=True)
        pads = [same_padding(*axis)[0] if padding == "same" else 0 for axis in axes]
        type = feature_map((1, *shape, channels), result or self._spread(input, scales, prod(size) * depth))
        properties = {"stride": stride, "padding": pads, "activation": activation}
        return self.append(TransposeConvOp([[input], filter, bias_value], type, properties))

    def fully_connected(
        self,
        input: SSAValue,
        channels: int,
        *,
        input_channels: int | None = None,
        keep_dimensions: bool = False,
        activation: str = "none",
        scales: Sequence[float] = (FILTER_SCALE,),
        bias: Integers | Literal["random"] | None = "random",
        weights: Integers | None = None,
        result: Quantization | None = None,
    ) -> SSAValue:
        """FULLY_CONNECTED of vectors of `input_channels`, of all elements unless it is given."""
        *dimensions, last = shape_of(input)
        taken = last if keep_dimensions else input_channels or prod(shape_of(input))
        batches = prod(shape_of(input)) // taken
        filter, bias_value = self._weights(input, (channels, taken), 0, scales, bias, weights, UNSIGNED_AS_INT8)
        shape = (*dimensions, channels) if keep_dimensions else (batches, channels)
        return self.append(
            FullyConnectedOp(
                [input, filter, bias_value],
                feature_map(shape, result or self._spread(input, scales, taken)),
                {"activation": activation, "keep_dimensions": 1 if keep_dimensions else None},
            )
        )

    def batch_matmul(
        self,
        left: SSAValue,
        right: SSAValue,
        *,
        adjoint: tuple[bool, bool] = (False, False),
        result: Quantization | None = None,
    ) -> SSAValue:
        """BATCH_MATMUL; a constant is made by `constant_operand`."""
        first, second = shape_of(left), shape_of(right)
        rows, depth = first[-2:][::-1] if adjoint[0] else first[-2:]
        columns = second[-2] if adjoint[1] else second[-1]
        batches = broadcast(first[:-2], second[:-2])
        assert batches is not None
        scale = 40 * quantization(left).scale * quantization(right).scale * sqrt(depth)
        type = feature_map((*batches, rows, columns), result or self.like(left, scale))
        flags = {"adjoint_lhs": 1 if adjoint[0] else None, "adjoint_rhs": 1 if adjoint[1] else None}
        return self.append(BatchMatmulOp([[left], [right]], type, flags))

    # --- ops without ----------------------------------------------------------------------------------------------

    def average_pool_2d(
        self,
        input: SSAValue,
        window: Pair,
        *,
        stride: Pair = (1, 1),
        padding: Padding = "valid",
        activation: str = "none",
        ties_up: bool | None = None,
    ) -> SSAValue:
        """AVERAGE_POOL_2D; ties of uint8 go up."""
        ties = {"ties": "up"} if (self.unsigned if ties_up is None else ties_up) else {}
        return self._pool(AveragePool2DOp, input, window, stride, padding, activation, ties)

    def max_pool_2d(
        self,
        input: SSAValue,
        window: Pair,
        *,
        stride: Pair = (1, 1),
        padding: Padding = "valid",
        activation: str = "none",
    ) -> SSAValue:
        """MAX_POOL_2D."""
        return self._pool(MaxPool2DOp, input, window, stride, padding, activation)

    def min_pool_2d(self, input: SSAValue) -> SSAValue:
        """REDUCE_MIN over rows and columns, the only minimum of windows that TFLite has."""
        _, rows, columns, _ = shape_of(input)
        return self._pool(MinPool2DOp, input, (rows, columns), (1, 1), "valid", "none")

    def mean(self, input: SSAValue, *, keep_dimensions: bool = True, result: Quantization | None = None) -> SSAValue:
        """MEAN over rows and columns."""
        result = result or self.like(input, quantization(input).scale * 0.4)
        return self._map_reduction(MeanOp, input, keep_dimensions, result)

    def sum(self, input: SSAValue, *, keep_dimensions: bool = True, result: Quantization | None = None) -> SSAValue:
        """SUM over rows and columns."""
        _, rows, columns, _ = shape_of(input)
        result = result or Quantization(quantization(input).scale * 0.8 * rows * columns, self.zero_point())
        return self._map_reduction(SumOp, input, keep_dimensions, result)

    def _map_reduction(
        self, op_type: type[MapReductionOp], input: SSAValue, keep_dimensions: bool, result: Quantization
    ) -> SSAValue:
        channels = shape_of(input)[3]
        shape = (1, 1, 1, channels) if keep_dimensions else (1, channels)
        return self.append(op_type([[input]], feature_map(shape, result)))

    def _pool(
        self,
        op: type[PoolOp],
        input: SSAValue,
        window: Pair,
        stride: Pair,
        padding: Padding,
        activation: str,
        more: Mapping[str, str] | None = None,
    ) -> SSAValue:
        properties, (rows, columns) = _window(input, window, stride, (1, 1), padding)
        type = feature_map((1, rows, columns, shape_of(input)[3]), quantization(input))
        return self.append(
            op([[input]], type, {**properties, "window": window, "activation": activation, **(more or {})})
        )

    def add(
        self, left: SSAValue, right: SSAValue, *, activation: str = "none", result: Quantization | None = None
    ) -> SSAValue:
        """ADD."""
        scale = quantization(left).scale + quantization(right).scale
        type = feature_map(shape_of(left), result or self.like(left, scale * 0.7))
        return self.append(AddOp([[left], [right]], type, {"activation": activation}))

    def binary(
        self,
        op_type: type[BinaryOp],
        left: SSAValue,
        right: SSAValue,
        *,
        activation: str | None = None,
        result: Quantization | None = None,
    ) -> SSAValue:
        """Any op on two operands; a constant is made by `constant_operand`."""
        shape = broadcast(shape_of(left), shape_of(right))
        assert shape is not None
        scales = quantization(left).scale, quantization(right).scale
        scale = 0.7 * sum(scales)
        if op_type is DivOp:
            right = self.divisor(right)
            scale = 0.02 * scales[0] / scales[1]
        if issubclass(op_type, MulOp | SquaredDifferenceOp):
            scale = 40 * scales[0] * scales[1] if issubclass(op_type, MulOp) else 60 * max(scales) ** 2
            scale *= 256 if quantization(left).bits > 8 else 1
        type = feature_map(shape, result or self.like(left, scale))
        properties = {} if activation is None else {"activation": activation}
        return self.append(op_type([[left], [right]], type, properties))

    def divisor(self, value: SSAValue) -> SSAValue:
        """The value without zeroes, which LiteRT does not divide by: another constant, or a layer more."""
        type = quantization(value)
        other = type.zero_point + (1 if type.zero_point < 127 else -1)
        if isinstance(constant := value.owner, ConstantOp):
            bytes = np.frombuffer(constant.value.data.data, np.int8).reshape(shape_of(value))
            return self.constant_operand(bytes.shape, type, np.where(bytes == type.zero_point, other, bytes))
        shape = (1,) if len(shape_of(value)) <= 4 else shape_of(value)
        limit = self.constant_operand(shape, type, np.full(shape, other))
        return self.binary(MaximumOp if other > type.zero_point else MinimumOp, value, limit, result=type)

    def constant_operand(
        self, shape: Sequence[int], given: Quantization, values: npt.NDArray[np.integer[Any]] | None = None
    ) -> SSAValue:
        """A constant of these bytes, or of random ones."""
        half = 1 << (given.bits - 1)
        values = self.random.integers(-half, half, shape) if values is None else values
        values = values.astype(f"<i{given.bits // 8}")
        type = stored(given)
        op = ConstantOp.from_bytes(values.tobytes(), values.shape, type, _named(f"constant_{self.ops}_operand"))
        self.block.add_op(op)
        return op.result

    def load(self, shape: Sequence[int], given: Quantization) -> SSAValue:
        """A constant of random bytes as a feature map."""
        constant = self.constant_operand(shape, given)
        return self.append(LoadOp([constant], constant.type))

    def softmax(self, input: SSAValue, beta: float = 1.0) -> SSAValue:
        """SOFTMAX."""
        result = WIDE_PROBABILITIES if quantization(input).bits > 8 else PROBABILITIES
        return self.append(SoftmaxOp([[input]], feature_map(shape_of(input), result), {"beta": beta}))

    def log_softmax(self, input: SSAValue) -> SSAValue:
        """LOG_SOFTMAX."""
        return self.append(LogSoftmaxOp([[input]], feature_map(shape_of(input), Quantization(1 / 16, 127))))

    def l2_normalization(self, input: SSAValue) -> SSAValue:
        """L2_NORMALIZATION."""
        return self.append(L2NormalizationOp([[input]], feature_map(shape_of(input), Quantization(1 / 128, 0))))

    def leaky_relu(self, input: SSAValue, alpha: float, result: Quantization | None = None) -> SSAValue:
        """LEAKY_RELU."""
        return self.elementwise(LeakyReluOp, input, {"alpha": alpha}, result)

    def elementwise(
        self,
        op_type: type[ElementwiseOp],
        input: SSAValue,
        properties: Mapping[str, float] | None = None,
        result: Quantization | None = None,
    ) -> SSAValue:
        """Any function of each element."""
        is_wide = quantization(input).bits > 8
        scale = (op_type.WIDE_RESULT_SCALE if is_wide else op_type.RESULT_SCALE) or quantization(input).scale * 0.9
        result = result or self.like(input, scale)
        return self.append(op_type([[input]], feature_map(shape_of(input), result), properties))

    def quantize(self, input: SSAValue, result: Quantization) -> SSAValue:
        """QUANTIZE to int8."""
        return self.append(QuantizeOp([[input]], feature_map(shape_of(input), result)))

    def quantize_to_uint8(self, input: SSAValue, result: Quantization) -> SSAValue:
        """QUANTIZE to uint8."""
        return self.append(QuantizeOp([[input]], TensorType(uint8(result), shape_of(input))))

    def dequantize(self, input: SSAValue) -> SSAValue:
        """DEQUANTIZE."""
        return self.append(DequantizeOp([[input]], TensorType(f32, shape_of(input))))

    def reshape(self, input: SSAValue, shape: Sequence[int], result: Quantization | None = None) -> SSAValue:
        """RESHAPE."""
        type = like(input, shape) if result is None else feature_map(shape, result)
        return self.append(ReshapeOp([input], type))

    def pad(
        self,
        input: SSAValue,
        padding: tuple[int, int, int, int],
        channels: Pair = (0, 0),
        result: Quantization | None = None,
    ) -> SSAValue:
        """PAD by (top, bottom, left, right) and channels."""
        batch, rows, columns, depth = shape_of(input)
        top, bottom, left, right = padding
        shape = (batch, rows + top + bottom, columns + left + right, depth + sum(channels))
        type = feature_map(shape, result or quantization(input))
        return self.append(PadOp([[input]], type, {"padding": padding, "channels": channels}))

    def concatenation(self, inputs: Sequence[SSAValue], axis: int) -> SSAValue:
        """CONCATENATION of values with one quantization."""
        shape = list(shape_of(inputs[0]))
        shape[axis] = sum(shape_of(value)[axis] for value in inputs)
        type = like(inputs[0], shape)
        return self.append(ConcatenationOp([list(inputs)], type, {"axis": axis}))

    def split(self, input: SSAValue, parts: int, axis: int) -> list[SSAValue]:
        """SPLIT."""
        shape = list(shape_of(input))
        shape[axis] //= parts
        types = [like(input, shape)] * parts
        op = SplitOp([[input]], types, {"axis": axis})
        self.append(op)
        return list(op.results)

    # --- what all use ---------------------------------------------------------------------------------------------

    def zero_point(self) -> int:
        """A random zero point, often an extreme one."""
        return int(self.random.choice([-128, 127, 0, int(self.random.integers(-128, 128))]))

    def quantized(self, scale: float) -> Quantization:
        """A quantization of elements as wide as the builder's; of int16, steps are so much finer."""
        return Quantization(scale, self.zero_point()) if self.bits == 8 else Quantization(scale / 256, 0, 16)

    def like(self, input: SSAValue, scale: float) -> Quantization:
        """A quantization with elements as wide as those of a value."""
        return Quantization(scale, 0, 16) if quantization(input).bits > 8 else Quantization(scale, self.zero_point())

    def append(self, op: TinytsOp) -> SSAValue:
        """Any op; gives its first result."""
        op.location = _named(f"{op.name.rpartition('.')[2]}_{self.ops}")
        self.ops += 1
        op.verify()
        self.block.add_op(op)
        return op.results[0]

    def _weights(
        self,
        input: SSAValue,
        shape: Sequence[int],
        channel_axis: int,
        scales: Sequence[float],
        bias: Integers | Literal["random"] | None,
        weights: Integers | None,
        unsigned_storage: IntegerType = UNSIGNED_BYTE,
    ) -> tuple[SSAValue, SSAValue | None]:
        if self.unsigned:
            scales = [abs(scales[0])]
            filter, weights = self._unsigned_filter(shape, scales[0], weights, unsigned_storage)
        else:
            is_random = weights is None
            if weights is None:
                weights = self.random.integers(-128, 128, shape)
                if self.ops % 8 != 7:  # converters make no -128, which half words take only now and then
                    weights = np.maximum(weights, -127)
            if is_random and self.dulling.share:
                weights = self.dulling.weights(weights, channel_axis)
            filter = self._constant(weights.reshape(shape).astype(np.int8), scales, channel_axis)
        if bias is None:
            return filter, None
        channels = shape[channel_axis]
        if isinstance(bias, str):
            largest = 4 * SPREAD * int(sqrt(weights.size / channels))
            bias = self.random.integers(-largest, largest + 1, channels)
            if self.dulling.share:
                bias = self.dulling.bias(bias)
        bias_scales = [quantization(input).scale * scale for scale in scales]
        is_wide = quantization(input).bits > 8
        if is_wide and (bias.dtype != np.int32 or channel_axis != 0):  # of a depthwise convolution always
            return filter, self._constant(bias.astype(np.int64), bias_scales, 0)
        return filter, self._constant(bias.astype(np.int32), bias_scales, 0)

    def _unsigned_filter(
        self, shape: Sequence[int], scale: float, weights: Integers | None, storage: IntegerType
    ) -> tuple[SSAValue, Integers]:
        """A filter of uint8, or of the int8 that stand for it, with a zero point; and the weights less that."""
        stored, zero_point = unsigned_weights(self.random, shape, weights)
        shift = 0 if storage == UNSIGNED_BYTE else 128
        type = UniformQuantizedType.per_tensor(storage, scale, zero_point - shift)
        data = ((stored - shift) & 255).astype(np.uint8).tobytes()
        op = ConstantOp.from_bytes(data, shape, type, _named(f"constant_{self.ops}_weights"))
        self.block.add_op(op)
        return op.result, stored - zero_point

    def _constant(
        self, values: npt.NDArray[np.int8 | np.int32 | np.int64], scales: Sequence[float], axis: int
    ) -> SSAValue:
        storage = STORAGE[8 * values.dtype.itemsize]
        if len(scales) == 1:
            type = UniformQuantizedType.per_tensor(storage, scales[0])
        else:
            type = UniformQuantizedType.per_axis(storage, scales, [0] * len(scales), axis)
        name = f"constant_{self.ops}_{'weights' if storage == i8 else 'bias'}"
        op = ConstantOp.from_bytes(values.tobytes(), values.shape, type, _named(name))
        self.block.add_op(op)
        return op.result

    def _spread(self, input: SSAValue, scales: Sequence[float], products: int) -> Quantization:
        """A result quantization under which sums of so many products fill the range of a byte."""
        scale = quantization(input).scale * max(max(abs(scale) for scale in scales), 1e-6)
        return self.like(input, scale * SPREAD * 2 * sqrt(products) / 100)


def quantization(value: SSAValue) -> Quantization:
    """The quantization of a value."""
    type = quantization_of(value)
    return Quantization(type.scale, type.zero_point, type.storage_type.width.data)


def stored(quantization: Quantization) -> UniformQuantizedType:
    """The type of int8 or int16 elements."""
    storage = STORAGE[quantization.bits]
    return UniformQuantizedType.per_tensor(storage, quantization.scale, quantization.zero_point)


def feature_map(shape: Sequence[int], quantization: Quantization) -> TensorType[Attribute]:
    """The type of an int8 or int16 tensor."""
    return TensorType(stored(quantization), shape)


def like(value: SSAValue, shape: Sequence[int]) -> TensorType[Attribute]:
    """The type of a tensor with elements like a value's."""
    return TensorType(tensor_type(value).element_type, shape)


def uint8(quantization: Quantization) -> UniformQuantizedType:
    """The type of uint8 elements."""
    return UniformQuantizedType.per_tensor(UNSIGNED_BYTE, quantization.scale, quantization.zero_point)


def result_size(size: Pair, window: Pair, stride: Pair, padding: Padding) -> Pair:
    """Rows and columns that a window (dilation included) makes of a map; below 1 where it does not fit."""
    top, bottom, left, right = paddings(size, window, stride, padding)
    return (size[0] + top + bottom - window[0]) // stride[0] + 1, (size[1] + left + right - window[1]) // stride[1] + 1


def _window(
    input: SSAValue, size: Pair, stride: Pair, dilation: Pair, padding: Padding
) -> tuple[dict[str, tuple[int, ...]], Pair]:
    """Properties of a window, and the rows and columns that it makes."""
    _, rows, columns, _ = shape_of(input)
    window = (size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1
    properties = {"stride": stride, "padding": paddings((rows, columns), window, stride, padding)}
    return properties, result_size((rows, columns), window, stride, padding)


def _named(name: str) -> LocationAttr:
    return NameLoc(StringAttr(name), NoneAttr())
