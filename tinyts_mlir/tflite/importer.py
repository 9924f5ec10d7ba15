"""From a `.tflite` file to a module of `tinyts` ops.

The function `main` takes the model's inputs and returns its outputs. Layers become ops one to one, in the file's
order; the name of a layer's (first) output tensor is its op's location. Constants stand in front of their first use.
What cannot be compiled is reported all at once, layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import numpy.typing as npt
import tflite
from xdsl.dialects.builtin import (
    ArrayAttr,
    IntegerType,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    TensorType,
    UnrealizedConversionCastOp,
    i8,
    i32,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, Region, SSAValue
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects.rows import CHANNELS, FEATURE_MAP_RANK, HEIGHT, WIDTH
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    AveragePool2DOp,
    ConcatenationOp,
    ConstantOp,
    Conv2DOp,
    DepthwiseConv2DOp,
    FullyConnectedOp,
    LeakyReluOp,
    MaxPool2DOp,
    MeanOp,
    PadOp,
    ReshapeOp,
    SoftmaxOp,
    SplitOp,
)
from tinyts_mlir.dialects.tinyts_attributes import INPUT_NAMES, OUTPUT_NAMES
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.errors import CompileError, UnsupportedModelError
from tinyts_mlir.tflite.arithmetic import check_arithmetic
from tinyts_mlir.tflite.file import (
    ACTIVATION_NAMES,
    OPTIONS,
    FileLayer,
    FileTensor,
    TfliteFile,
    read_tflite,
)
from tinyts_mlir.tflite.tensors import FULL_INTEGER, Tensors, UnsupportedLayer

ACTIVATIONS = {"NONE": "none", "RELU": "relu", "RELU6": "relu6", "RELU_N1_TO_1": "relu_n1_to_1"}
"""The fused activations that LiteRT's int8 kernels know, and their names in the `activation` attribute."""

NO_TENSOR = -1

INTEGER_INPUTS = f"{FULL_INTEGER}, with int8 as the type of inputs and outputs"
RELU_INSTEAD = "train the model with RELU, RELU6 or LEAKY_RELU instead"
HINTS = {
    "QUANTIZE": INTEGER_INPUTS,
    "DEQUANTIZE": INTEGER_INPUTS,
    "SHAPE": "convert the model with a fixed input shape",
    "LOGISTIC": RELU_INSTEAD,
    "TANH": RELU_INSTEAD,
    "HARD_SWISH": RELU_INSTEAD,
    "ELU": RELU_INSTEAD,
    "PRELU": RELU_INSTEAD,
}
"""What to do about some ops that are not supported."""


def import_tflite(data: bytes, source: str) -> ModuleOp:
    """The module of the model in the `.tflite` file with these bytes.

    Raises CompileError when the file is damaged, and UnsupportedModelError with every offending layer when the model is
    not supported; `source` is what the error calls the file. No other exception, whatever the bytes.
    """
    return _Importer(read_tflite(data, source), source).module()


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """TFLite's SAME padding, (before, after), along an axis; `window` is that of the dilated filter."""
    total = max(0, (-(-size // stride) - 1) * stride + window - size)
    return total // 2, total - total // 2


def named(name: str) -> NameLoc:
    """The location that says which tensor of the file something comes from."""
    return NameLoc(StringAttr(name), NoneAttr())


class _Importer:
    def __init__(self, file: TfliteFile, source: str) -> None:
        self.file = file
        self.tensors = Tensors(file)
        self.source = source
        self.reasons: list[str] = []
        self.block = Block()
        self.values: dict[int, SSAValue] = {}
        """The value of each tensor that there is so far; constants once a layer has used them."""
        self.reported: set[int] = set()
        """The results of unsupported layers."""
        self.contents: dict[int, bytes] = {}
        """The bytes of the buffers that constants have used so far."""
        self.converters: dict[str, Callable[[FileLayer], TinytsOp]] = {
            "CONV_2D": lambda layer: self.convolution(Conv2DOp, layer),
            "DEPTHWISE_CONV_2D": lambda layer: self.convolution(DepthwiseConv2DOp, layer),
            "ADD": self.add,
            "AVERAGE_POOL_2D": lambda layer: self.pool(AveragePool2DOp, layer),
            "MAX_POOL_2D": lambda layer: self.pool(MaxPool2DOp, layer),
            "MEAN": self.mean,
            "FULLY_CONNECTED": self.fully_connected,
            "SOFTMAX": self.softmax,
            "RESHAPE": self.reshape,
            "PAD": self.pad,
            "CONCATENATION": self.concatenation,
            "SPLIT": self.split,
            "LEAKY_RELU": self.leaky_relu,
        }

    def module(self) -> ModuleOp:
        """The whole model."""
        self.import_inputs()
        for layer in self.file.layers:
            self.import_layer(layer)
        outputs = self.import_outputs()
        if not self.file.layers:
            self.reasons.append("expected at least one layer, got none")
        if self.reasons:
            raise UnsupportedModelError(self.source, self.reasons)
        self.block.add_op(ReturnOp(*outputs))
        types = ([argument.type for argument in self.block.args], [output.type for output in outputs])
        function = FuncOp("main", types, Region(self.block))
        function.attributes[INPUT_NAMES] = self.names(self.file.inputs)
        function.attributes[OUTPUT_NAMES] = self.names(self.file.outputs)
        module = ModuleOp([function])
        try:
            module.verify()
        except VerifyException as error:
            raise CompileError(f"{self.source}: {error}") from None
        return module

    def names(self, indices: Sequence[int]) -> ArrayAttr[StringAttr]:
        return ArrayAttr([StringAttr(self.file.tensors[index].name) for index in indices])

    # --- Inputs and outputs ----------------------------------------------------------------------------------------

    def import_inputs(self) -> None:
        if not self.file.inputs:
            self.reasons.append("expected at least one model input, got none")
        for position, index in enumerate(self.file.inputs):
            try:
                tensor = self.tensors.get(index)
                if index in self.values:
                    raise UnsupportedLayer("expected different tensors, got the same one twice")
                if self.tensors.is_constant(tensor):
                    raise UnsupportedLayer("expected an activation, got a constant")
                argument = self.block.insert_arg(self.tensors.activation_type(tensor), len(self.block.args))
                argument.location = named(tensor.name)
                self.values[index] = argument
            except UnsupportedLayer as reason:
                self.reasons.append(f"model input {position} {self.tensors.label(index)}: {reason}")
                self.stand_in(index)

    def import_outputs(self) -> list[SSAValue]:
        if not self.file.outputs:
            self.reasons.append("expected at least one model output, got none")
        outputs: list[SSAValue] = []
        for position, index in enumerate(self.file.outputs):
            try:
                tensor = self.tensors.get(index)
                if index in self.reported:
                    continue
                value = self.values.get(index)
                if value is None or isinstance(value, BlockArgument) or self.tensors.is_constant(tensor):
                    raise UnsupportedLayer("expected the result of a layer, but no layer makes it")
                outputs.append(value)
            except UnsupportedLayer as reason:
                self.reasons.append(f"model output {position} {self.tensors.label(index)}: {reason}")
        return outputs

    # --- Layers ----------------------------------------------------------------------------------------------------

    def import_layer(self, layer: FileLayer) -> None:
        try:
            op = self.convert(layer)
            self.check(op)
            op.location = named(self.tensors.get(layer.outputs[0]).name)
            self.block.add_op(op)
            for index, result in zip(layer.outputs, op.results, strict=True):
                self.values[index] = result
        except UnsupportedLayer as reason:
            name = self.tensors.label(layer.outputs[0]) if layer.outputs else "without outputs"
            self.reasons.append(f"layer {layer.index} {name} ({layer.op}): {reason}")
            for index in layer.outputs:
                self.stand_in(index)

    def convert(self, layer: FileLayer) -> TinytsOp:
        if layer.op not in self.converters:
            hint = f"; {HINTS[layer.op]}" if layer.op in HINTS else ""
            raise UnsupportedLayer(f"this op is not supported{hint}")
        expected, _ = OPTIONS[layer.op]
        if layer.options_type not in (expected, "NONE"):
            raise UnsupportedLayer(f"expected {expected}, got {layer.options_type}")
        if not layer.outputs:
            raise UnsupportedLayer("expected an output, got none")
        if layer.op != "SPLIT" and len(layer.outputs) != 1:
            raise UnsupportedLayer(f"expected one output, got {len(layer.outputs)}")
        for index in layer.outputs:
            tensor = self.tensors.get(index)
            if index in self.values or self.tensors.is_constant(tensor):
                raise UnsupportedLayer(f"expected a new output tensor, but {tensor.label} has its value already")
        if len(set(layer.outputs)) != len(layer.outputs):
            raise UnsupportedLayer("expected different output tensors, got the same one twice")
        return self.converters[layer.op](layer)

    def check(self, op: TinytsOp) -> None:
        try:
            op.verify()
        except VerifyException as error:
            raise UnsupportedLayer(str(error).removeprefix(f"{op.name}: ")) from None
        try:
            check_arithmetic(op)
        except ValueError as error:
            raise UnsupportedLayer(str(error)) from None

    def stand_in(self, index: int) -> None:
        """Gives a tensor of an unsupported layer a value, so that layers which read it are checked all the same."""
        self.reported.add(index)
        try:
            op = UnrealizedConversionCastOp.get([], [self.tensors.activation_type(self.tensors.get(index))])
        except UnsupportedLayer:
            return  # the layers that read it will say the same
        self.values.setdefault(index, op.results[0])

    def convolution(self, op: type[Conv2DOp] | type[DepthwiseConv2DOp], layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 2, 3)
        input, result = self.activation(layer, 0), self.output_type(layer)
        filter = self.weights(layer, 1, "int8", i8)
        bias = self.weights(layer, 2, "int32", i32) if self.has_input(layer, 2) else None
        dilation = [int(layer.options["DilationHFactor"]), int(layer.options["DilationWFactor"])]
        window = self.window(layer, input, _shape(filter)[1:3], dilation)
        return op([input, filter, bias], result, {**window, "dilation": dilation, "activation": _activation(layer)})

    def pool(self, op: type[AveragePool2DOp] | type[MaxPool2DOp], layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 1)
        input, result = self.activation(layer, 0), self.output_type(layer)
        size = [int(layer.options["FilterHeight"]), int(layer.options["FilterWidth"])]
        window = self.window(layer, input, size, [1, 1])
        return op([[input]], result, {"window": size, **window, "activation": _activation(layer)})

    def window(
        self, layer: FileLayer, input: SSAValue, size: Sequence[int], dilation: Sequence[int]
    ) -> dict[str, list[int]]:
        """The stride and the padding of a layer with a window of this size."""
        shape = _shape(input)
        stride = [int(layer.options["StrideH"]), int(layer.options["StrideW"])]
        if len(shape) != FEATURE_MAP_RANK or len(size) != 2:
            raise UnsupportedLayer(f"expected a feature map and a window of two dimensions, got shape {list(shape)}")
        if min(stride) < 1 or min(dilation) < 1 or min(size) < 1:
            raise UnsupportedLayer(
                f"expected a window, strides and dilations of 1 or more, "
                f"got {list(size)}, {stride} and {list(dilation)}"
            )
        padding = [0, 0, 0, 0]
        if layer.options["Padding"] == tflite.Padding.SAME:
            spans = [(s - 1) * d + 1 for s, d in zip(size, dilation, strict=True)]
            padding = [p for i in (0, 1) for p in same_padding(shape[1 + i], spans[i], stride[i])]
        elif layer.options["Padding"] != tflite.Padding.VALID:
            raise UnsupportedLayer(f"expected SAME or VALID padding, got {layer.options['Padding']}")
        return {"stride": stride, "padding": padding}

    def add(self, layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 2)
        lhs, rhs = self.activation(layer, 0), self.activation(layer, 1)
        if _shape(lhs) != _shape(rhs):
            raise UnsupportedLayer(
                f"expected two operands of the same shape, got {list(_shape(lhs))} and {list(_shape(rhs))}; "
                "broadcasting is not supported"
            )
        return AddOp([[lhs], [rhs]], self.output_type(layer), {"activation": _activation(layer)})

    def mean(self, layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 2)
        input, result = self.activation(layer, 0), self.output_type(layer)
        shape, axes = _shape(input), self.integers(layer, 1)
        if len(shape) != FEATURE_MAP_RANK or {_axis(axis, len(shape)) for axis in axes} != {HEIGHT, WIDTH}:
            raise UnsupportedLayer(
                "expected the mean over the rows and columns of a feature map, axes [1, 2], "
                f"got axes {axes} of shape {list(shape)}"
            )
        expected = [1, 1, 1, shape[CHANNELS]] if layer.options["KeepDims"] else [1, shape[CHANNELS]]
        if list(result.get_shape()) != expected:
            raise UnsupportedLayer(f"expected an output of shape {expected}, got {list(result.get_shape())}")
        return MeanOp([[input]], result)

    def fully_connected(self, layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 2, 3)
        if layer.options["WeightsFormat"] != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT:
            raise UnsupportedLayer(
                "expected the default weights format, got a shuffled one; convert the model with int8 quantization"
            )
        input, result = self.activation(layer, 0), self.output_type(layer)
        filter = self.weights(layer, 1, "int8", i8)
        bias = self.weights(layer, 2, "int32", i32) if self.has_input(layer, 2) else None
        keep = 1 if layer.options["KeepNumDims"] else None
        properties = {"activation": _activation(layer), "keep_dimensions": keep}
        return FullyConnectedOp([input, filter, bias], result, properties)

    def softmax(self, layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 1)
        return SoftmaxOp([[self.activation(layer, 0)]], self.output_type(layer), {"beta": layer.options["Beta"]})

    def leaky_relu(self, layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 1)
        return LeakyReluOp([[self.activation(layer, 0)]], self.output_type(layer), {"alpha": layer.options["Alpha"]})

    def reshape(self, layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 1, 2)
        input, result = self.activation(layer, 0), self.output_type(layer)
        if self.has_input(layer, 1):
            shape = self.integers(layer, 1)
            if shape.count(-1) == 1 and (rest := -prod(shape)) > 0:
                shape[shape.index(-1)] = prod(_shape(input)) // rest
            if tuple(shape) != result.get_shape():
                raise UnsupportedLayer(f"expected an output of shape {shape}, got {list(result.get_shape())}")
        return ReshapeOp([input], result)

    def pad(self, layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 2)
        input, result = self.activation(layer, 0), self.output_type(layer)
        pads = self.integers(layer, 1)
        if len(_shape(input)) != FEATURE_MAP_RANK or len(pads) != 2 * FEATURE_MAP_RANK:
            raise UnsupportedLayer(f"expected a feature map and 8 paddings, got shape {list(_shape(input))} and {pads}")
        if any(pads[:2]):
            raise UnsupportedLayer(f"expected a batch without padding, got {pads[:2]}")
        return PadOp([[input]], result, {"padding": pads[2:6], "channels": pads[6:]})

    def concatenation(self, layer: FileLayer) -> TinytsOp:
        if _activation(layer) != "none":
            raise UnsupportedLayer(f"expected no activation, got {_activation(layer)}")
        inputs = [self.activation(layer, position) for position in range(len(layer.inputs))]
        result = self.output_type(layer)
        axis = _axis(int(layer.options["Axis"]), len(result.get_shape()))
        return ConcatenationOp([inputs], result, {"axis": axis})

    def split(self, layer: FileLayer) -> TinytsOp:
        self.expect_inputs(layer, 2)
        axes = self.integers(layer, 0)
        if len(axes) != 1:
            raise UnsupportedLayer(f"expected one axis, got {axes}")
        if layer.options["NumSplits"] != len(layer.outputs):
            raise UnsupportedLayer(f"expected {layer.options['NumSplits']} outputs, got {len(layer.outputs)}")
        input = self.activation(layer, 1)
        results = [self.tensors.activation_type(self.tensors.get(index)) for index in layer.outputs]
        return SplitOp([[input]], results, {"axis": _axis(axes[0], len(_shape(input)))})

    # --- Tensors ---------------------------------------------------------------------------------------------------

    def expect_inputs(self, layer: FileLayer, least: int, most: int | None = None) -> None:
        if not least <= len(layer.inputs) <= (most or least):
            count = f"{least} inputs" if most is None else f"{least} to {most} inputs"
            raise UnsupportedLayer(f"expected {count}, got {len(layer.inputs)}")

    def has_input(self, layer: FileLayer, position: int) -> bool:
        return position < len(layer.inputs) and layer.inputs[position] != NO_TENSOR

    def activation(self, layer: FileLayer, position: int) -> SSAValue:
        """The value of an input that is not a constant."""
        tensor = self.tensors.get(layer.inputs[position])
        self.tensors.activation_type(tensor)
        if self.tensors.is_constant(tensor):
            raise UnsupportedLayer(f"expected input {position} to be an activation, got the constant {tensor.label}")
        if tensor.index not in self.values:
            raise UnsupportedLayer(f"expected an earlier layer to make {tensor.label}, but none does")
        return self.values[tensor.index]

    def output_type(self, layer: FileLayer) -> TensorType[Attribute]:
        return self.tensors.activation_type(self.tensors.get(layer.outputs[0]))

    def constant_bytes(self, layer: FileLayer, position: int) -> tuple[FileTensor, npt.NDArray[np.uint8]]:
        """An input that must be a constant, and its contents."""
        if not self.has_input(layer, position):
            raise UnsupportedLayer(f"expected a constant as input {position}, got none")
        tensor = self.tensors.get(layer.inputs[position])
        content = self.tensors.bytes_of(tensor)
        if not len(content):
            raise UnsupportedLayer(f"expected input {position} to be a constant, but {tensor.label} has no contents")
        if tensor.is_variable or tensor.is_sparse:
            self.tensors.checked_shape(tensor)
        return tensor, content

    def integers(self, layer: FileLayer, position: int) -> list[int]:
        """The elements of a constant of integers, such as a shape."""
        tensor, content = self.constant_bytes(layer, position)
        size = {"int32": 4, "int64": 8}.get(tensor.type)
        if size is None or len(content) != size * prod(tensor.shape) or len(content) > 256:
            raise UnsupportedLayer(
                f"expected input {position} to hold a few integers, got {list(tensor.shape)} x {tensor.type}"
            )
        return np.frombuffer(content.tobytes(), f"<i{size}").tolist()

    def weights(self, layer: FileLayer, position: int, type: str, storage: IntegerType) -> SSAValue:
        """The constant that is this input, made where it is used first."""
        tensor, content = self.constant_bytes(layer, position)
        if tensor.type != type:
            raise UnsupportedLayer(f"expected {type} for {tensor.label}, got {tensor.type}; {FULL_INTEGER}")
        shape = self.tensors.checked_shape(tensor)
        size = prod(shape) * storage.width.data // 8
        if len(content) != size:
            raise UnsupportedLayer(
                f"expected {size} bytes in {tensor.label} for shape {list(shape)}, got {len(content)}"
            )
        if tensor.index not in self.values:
            element_type = self.tensors.element_type(tensor, storage)
            if tensor.buffer not in self.contents:
                self.contents[tensor.buffer] = content.tobytes()
            op = ConstantOp.from_bytes(self.contents[tensor.buffer], shape, element_type, named(tensor.name))
            self.block.add_op(op)
            self.values[tensor.index] = op.result
        return self.values[tensor.index]


def _shape(value: SSAValue) -> tuple[int, ...]:
    assert isinstance(value.type, TensorType)
    return value.type.get_shape()


def _axis(axis: int, rank: int) -> int:
    """An axis counted from the front; one that is out of range is left to the verifier."""
    return axis + rank if axis < 0 else axis


def _activation(layer: FileLayer) -> str:
    code = layer.options["FusedActivationFunction"]
    name = ACTIVATION_NAMES.get(int(code), f"activation {code}")
    if name not in ACTIVATIONS:
        raise UnsupportedLayer(f"expected an activation of {', '.join(ACTIVATIONS)}, got {name}")
    return ACTIVATIONS[name]
