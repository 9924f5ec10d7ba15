"""A small real model, made here: what the first command of the README compiles.

A MobileNetV2 in miniature for 48x48 colour images: a strided convolution, inverted residual blocks with depthwise 3x3
and 5x5, an addition, explicit paddings in front of strided windows, a global average pool, a dense layer and softmax.
Weights are random, but everything else is as a converter would leave it: the model runs, layer by layer as it is built,
on a few sample images, and each layer's scales and biases are chosen such that its outputs are spread over their range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, NameLoc, NoneAttr, StringAttr, TensorType, i8, i32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    AveragePool2DOp,
    ConstantOp,
    Conv2DOp,
    DepthwiseConv2DOp,
    FullyConnectedOp,
    PadOp,
    ReshapeOp,
    SoftmaxOp,
)
from tinyts_mlir.dialects.tinyts_attributes import INPUT_NAMES, OUTPUT_NAMES
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.tflite.windows import same_padding

IMAGE_SIZE = 48
CLASSES = 10
PATTERN_SIZE = 6
SAMPLES = 8
"""How many images the scales are calibrated on."""
PILOT_RUNS = 3
"""How often a layer runs to learn how its results are distributed."""

IMAGE = UniformQuantizedType.per_tensor(i8, 1 / 255, -128)
"""Colours from 0 to 1."""
RELU6 = UniformQuantizedType.per_tensor(i8, 6 / 255, -128)
PROBABILITY = UniformQuantizedType.per_tensor(i8, 1 / 256, -128)

Int8Array = NDArray[np.int8]
RealArray = NDArray[np.float64]
Make = Callable[[Block, Sequence[SSAValue], TensorType[Attribute]], Operation]
"""Adds a layer's constants to a block and makes its op (on these operands, of this type)."""


def demo_model(seed: int = 0) -> ModuleOp:
    """The model; another seed gives other weights."""
    net = _Net(seed)
    x = net.image()
    x = net.convolution("stem", x, 8, size=3, stride=2)
    x = net.depthwise("block1/depthwise", x, size=3)
    x = net.convolution("block1/project", x, 8, activation="none")

    x = net.convolution("block2/expand", x, 32)
    x = net.pad("block2/pad", x, [1, 1, 1, 1])
    x = net.depthwise("block2/depthwise", x, size=3, stride=2, pad=False)
    shortcut = net.convolution("block2/project", x, 16, activation="none")

    x = net.convolution("block3/expand", shortcut, 48)
    x = net.depthwise("block3/depthwise", x, size=5)
    x = net.convolution("block3/project", x, 16, activation="none")
    x = net.add("block3/add", shortcut, x)

    x = net.convolution("block4/expand", x, 64)
    x = net.pad("block4/pad", x, [2, 2, 2, 2])
    x = net.depthwise("block4/depthwise", x, size=5, stride=2, pad=False)
    x = net.convolution("block4/project", x, 24, activation="none")

    x = net.convolution("head", x, 64)
    x = net.global_average("pool", x)
    x = net.flatten("flatten", x)
    x = net.dense("logits", x, CLASSES)
    return net.module(net.softmax("probabilities", x))


class _Net:
    """A function under construction, and what each of its values is for every sample image."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.block = Block()
        self.samples: dict[SSAValue, list[Int8Array]] = {}

    # --- Layers ----------------------------------------------------------------------------------------------------

    def image(self) -> SSAValue:
        """The input; samples are coarse patterns with some noise, of different brightness and contrast."""
        shape = (1, IMAGE_SIZE, IMAGE_SIZE, 3)
        argument = self.block.insert_arg(TensorType(IMAGE, shape), 0)
        argument.location = _named("image")
        coarse = (SAMPLES, 1, PATTERN_SIZE, PATTERN_SIZE, 3)
        patterns = self.random.integers(-100, 101, coarse) * self.random.integers(1, 6, (SAMPLES, 1, 1, 1, 3)) // 5
        zoom = IMAGE_SIZE // PATTERN_SIZE
        images = patterns.repeat(zoom, axis=2).repeat(zoom, axis=3) + self.random.integers(-28, 29, (SAMPLES, *shape))
        images += self.random.integers(-64, 65, (SAMPLES, 1, 1, 1, 3))
        self.samples[argument] = list(np.clip(images, -128, 127).astype(np.int8))
        return argument

    def convolution(
        self, name: str, x: SSAValue, channels: int, *, size: int = 1, stride: int = 1, activation: str = "relu6"
    ) -> SSAValue:
        """A CONV_2D with SAME padding."""
        weights = self.weights(channels, size, size, shape_of(x)[3])
        properties = _window(x, size, stride, pad=True)
        shape = (*_size(x, size, stride, pad=True), channels)

        def make(scales: RealArray, bias: RealArray, activation: str) -> Make:
            def add(block: Block, operands: Sequence[SSAValue], type: TensorType[Attribute]) -> Operation:
                constants = _constants(block, name, operands[0], weights, scales, bias, axis=0)
                return Conv2DOp([[operands[0]], *constants], type, {**properties, "activation": activation})

            return add

        bound = np.abs(weights).sum(axis=(1, 2, 3), dtype=np.int64)
        return self.calibrated(name, x, shape, bound, make, activation)

    def depthwise(self, name: str, x: SSAValue, *, size: int, stride: int = 1, pad: bool = True) -> SSAValue:
        """A DEPTHWISE_CONV_2D with SAME padding, or none."""
        channels = shape_of(x)[3]
        weights = self.weights(1, size, size, channels)
        properties = _window(x, size, stride, pad)
        shape = (*_size(x, size, stride, pad), channels)

        def make(scales: RealArray, bias: RealArray, activation: str) -> Make:
            def add(block: Block, operands: Sequence[SSAValue], type: TensorType[Attribute]) -> Operation:
                constants = _constants(block, name, operands[0], weights, scales, bias, axis=3)
                return DepthwiseConv2DOp([[operands[0]], *constants], type, {**properties, "activation": activation})

            return add

        bound = np.abs(weights).sum(axis=(0, 1, 2), dtype=np.int64)
        return self.calibrated(name, x, shape, bound, make, "relu6")

    def dense(self, name: str, x: SSAValue, channels: int) -> SSAValue:
        """A FULLY_CONNECTED."""
        weights = self.weights(channels, shape_of(x)[1])

        def make(scales: RealArray, bias: RealArray, activation: str) -> Make:
            def add(block: Block, operands: Sequence[SSAValue], type: TensorType[Attribute]) -> Operation:
                constants = _constants(block, name, operands[0], weights, scales, bias, axis=0)
                return FullyConnectedOp([operands[0], *constants], type, {"activation": activation})

            return add

        bound = np.abs(weights).sum(axis=1, dtype=np.int64)
        return self.calibrated(name, x, (1, channels), bound, make, "none")

    def add(self, name: str, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        """An ADD."""

        def make(block: Block, operands: Sequence[SSAValue], type: TensorType[Attribute]) -> Operation:
            return AddOp([[operands[0]], [operands[1]]], type)

        sums = [self.reals(lhs)[i] + self.reals(rhs)[i] for i in range(SAMPLES)]
        return self.append(name, make, [lhs, rhs], TensorType(_spread(np.array(sums)), shape_of(lhs)))

    def pad(self, name: str, x: SSAValue, padding: Sequence[int]) -> SSAValue:
        """A PAD of rows and columns."""
        _, height, width, channels = shape_of(x)
        shape = (1, height + padding[0] + padding[1], width + padding[2] + padding[3], channels)
        return self.append(
            name, lambda _, operands, type: PadOp([operands], type, {"padding": list(padding)}), [x], _like(x, shape)
        )

    def global_average(self, name: str, x: SSAValue) -> SSAValue:
        """An AVERAGE_POOL_2D over the whole map."""
        _, height, width, channels = shape_of(x)
        return self.append(
            name,
            lambda _, operands, type: AveragePool2DOp([operands], type, {"window": [height, width]}),
            [x],
            _like(x, (1, 1, 1, channels)),
        )

    def flatten(self, name: str, x: SSAValue) -> SSAValue:
        """A RESHAPE to a vector."""
        return self.append(
            name, lambda _, operands, type: ReshapeOp([operands[0]], type), [x], _like(x, (1, shape_of(x)[3]))
        )

    def softmax(self, name: str, x: SSAValue) -> SSAValue:
        """A SOFTMAX."""
        type = TensorType(PROBABILITY, shape_of(x))
        return self.append(name, lambda _, operands, type: SoftmaxOp([operands], type), [x], type)

    def module(self, output: SSAValue) -> ModuleOp:
        """The finished model."""
        module = _module(self.block, output)
        (function,) = (op for op in module.body.block.ops if isinstance(op, FuncOp))
        function.attributes[INPUT_NAMES] = ArrayAttr([StringAttr("image")])
        function.attributes[OUTPUT_NAMES] = ArrayAttr([StringAttr("probabilities")])
        module.verify()
        return module

    # --- Calibration -----------------------------------------------------------------------------------------------

    def weights(self, *shape: int) -> Int8Array:
        """Random weights."""
        return np.clip(np.rint(self.random.normal(0, 40, shape)), -127, 127).astype(np.int8)

    def reals(self, value: SSAValue) -> RealArray:
        """What a value stands for, for every sample."""
        type = quantization_of(value)
        return (np.array(self.samples[value], np.float64) - type.zero_point) * type.scale

    def run(self, make: Make, operands: Sequence[SSAValue], type: TensorType[Attribute]) -> list[Int8Array]:
        """The results of one layer on its own, for every sample."""
        block = Block(arg_types=[operand.type for operand in operands])
        op = make(block, block.args, type)
        block.add_op(op)
        module = _module(block, op.results[0])
        return [run_function(module, [self.samples[operand][i] for operand in operands])[0] for i in range(SAMPLES)]

    def append(self, name: str, make: Make, operands: Sequence[SSAValue], type: TensorType[Attribute]) -> SSAValue:
        """Adds a layer to the function."""
        op = make(self.block, operands, type)
        op.location = _named(name)
        self.block.add_op(op)
        result = op.results[0]
        self.samples[result] = self.run(make, operands, type)
        return result

    def calibrated(
        self,
        name: str,
        x: SSAValue,
        shape: Sequence[int],
        bound: NDArray[np.int64],
        make: Callable[[RealArray, RealArray, str], Make],
        activation: str,
    ) -> SSAValue:
        """A layer with weights whose output channels are normalized, as a batch normalization would have left them.

        `bound` is the sum of the magnitudes of each channel's weights; `make` takes filter scales, biases in real
        numbers and an activation.
        """
        # What mean and deviation does each channel have? At first at a scale at which nothing saturates, then finer.
        ones = np.full(len(bound), 1 / 128)
        means = deviations = np.zeros(len(bound))
        radius = float(np.abs(self.reals(x)).max() * bound.max() / 128)
        for _ in range(PILOT_RUNS):
            pilot = UniformQuantizedType.per_tensor(i8, radius / 127)
            results = np.array(self.run(make(ones, -means, "none"), [x], TensorType(pilot, shape)), np.float64)
            axes = tuple(range(results.ndim - 1))
            centred = results * pilot.scale - (results * pilot.scale).mean(axis=axes)
            means = means + (results * pilot.scale).mean(axis=axes)
            deviations = np.maximum(centred.std(axis=axes), pilot.scale)
            radius = float(np.abs(centred).max()) + pilot.scale
        wanted_mean, wanted_deviation = (1.5, 2.0) if activation == "relu6" else (0.0, 1.0)
        scales = _rounded(ones * wanted_deviation / deviations)
        bias = wanted_mean - means * scales / ones
        if activation == "relu6":
            type = RELU6
        else:
            wide = UniformQuantizedType.per_tensor(i8, 8 * wanted_deviation / 127)
            rough = np.array(self.run(make(scales, bias, activation), [x], TensorType(wide, shape)), np.float64)
            type = _spread(rough * wide.scale)
        return self.append(name, make(scales, bias, activation), [x], TensorType(type, shape))


def _rounded(values: RealArray) -> RealArray:
    """The values to four digits, so that no platform's last bit makes another model."""
    return np.array([float(f"{value:.4g}") for value in values])


def _spread(values: RealArray) -> UniformQuantizedType:
    """The type whose range these values, and 0, fill."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    (scale,) = _rounded(np.array([(high - low) / 255]))
    return UniformQuantizedType.per_tensor(i8, scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def _named(name: str) -> NameLoc:
    return NameLoc(StringAttr(name), NoneAttr())


def _like(x: SSAValue, shape: Sequence[int]) -> TensorType[Attribute]:
    return TensorType(quantization_of(x), shape)


def _size(x: SSAValue, size: int, stride: int, pad: bool) -> tuple[int, int, int]:
    """Batch, height and width of what a window makes."""
    _, height, width, _ = shape_of(x)
    reach = 0 if pad else size - 1
    return 1, -(-(height - reach) // stride), -(-(width - reach) // stride)


def _window(x: SSAValue, size: int, stride: int, pad: bool) -> dict[str, list[int]]:
    """The stride and padding of a window."""
    _, height, width, _ = shape_of(x)
    padding = [*same_padding(height, size, stride), *same_padding(width, size, stride)] if pad else [0, 0, 0, 0]
    return {"stride": [stride, stride], "padding": padding}


def _constants(
    block: Block,
    name: str,
    input: SSAValue,
    weights: Int8Array,
    scales: RealArray,
    bias: RealArray,
    axis: int,
) -> tuple[SSAValue, SSAValue]:
    """The filter and the bias as constants in the block; `bias` holds real numbers."""
    zeros = [0] * len(scales)
    type = UniformQuantizedType.per_axis(i8, scales.tolist(), zeros, axis)
    filter = ConstantOp.from_bytes(weights.tobytes(), weights.shape, type, _named(f"{name}/weights"))
    block.add_op(filter)
    bias_scales = quantization_of(input).scale * scales
    stored = np.rint(bias / bias_scales).astype("<i4")
    bias_type = UniformQuantizedType.per_axis(i32, bias_scales.tolist(), zeros, 0)
    op = ConstantOp.from_bytes(stored.tobytes(), stored.shape, bias_type, _named(f"{name}/bias"))
    block.add_op(op)
    return filter.result, op.result


def _module(block: Block, output: SSAValue) -> ModuleOp:
    """A module with a function of this block."""
    block.add_op(ReturnOp(output))
    types = ([argument.type for argument in block.args], [output.type])
    return ModuleOp([FuncOp("main", types, Region(block))])
