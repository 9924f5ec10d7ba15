"""From a `.tflite` file to a module of `tinyts` ops.

The function `main` takes the model's inputs and returns its outputs. Layers become ops one to one, in the file's
order; the name of a layer's (first) output tensor is its op's location. Constants stand in front of their first use.
What cannot be compiled is reported all at once, layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
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
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK
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
    PadOp,
    ReshapeOp,
    SoftmaxOp,
    SplitOp,
    TinytsOp,
)
from tinyts_mlir.errors import CompileError, UnsupportedModelError
from tinyts_mlir.frontends.arithmetic import check_arithmetic
from tinyts_mlir.frontends.tflite_file import (
    ACTIVATION_NAMES,
    OPTIONS,
    FileLayer,
    FileTensor,
    TfliteFile,
    quoted,
    read_tflite,
)

INPUT_NAMES = "tinyts.input_names"
"""The function's attribute that holds the names of the model's inputs, in order."""

OUTPUT_NAMES = "tinyts.output_names"
"""The function's attribute that holds the names of the model's outputs, in order."""

ACTIVATIONS = {"NONE": "none", "RELU": "relu", "RELU6": "relu6", "RELU_N1_TO_1": "relu_n1_to_1"}
"""The fused activations that LiteRT's int8 kernels know, and their names in the `activation` attribute."""

FULL_INTEGER = "convert the model with full integer quantization"
NO_TENSOR = -1
MAXIMUM_ELEMENTS = (1 << 31) - 1

INTEGER_INPUTS = f"{FULL_INTEGER}, with int8 as the type of inputs and outputs"
RELU_INSTEAD = "train the model with RELU, RELU6 or LEAKY_RELU instead"
HINTS = {
    "QUANTIZE": INTEGER_INPUTS,
    "DEQUANTIZE": INTEGER_INPUTS,
    "SHAPE": "convert the model with a fixed input shape",
    "MEAN": "use an average pool over the whole feature map instead",
    "LOGISTIC": RELU_INSTEAD,
    "TANH": RELU_INSTEAD,
    "HARD_SWISH": RELU_INSTEAD,
    "ELU": RELU_INSTEAD,
    "PRELU": RELU_INSTEAD,
}
"""What to do about some ops that are not supported."""


class UnsupportedLayer(Exception):
    """A layer cannot be compiled; the text is the reason."""


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
        self.source = source
        self.reasons: list[str] = []
        self.block = Block()
        self.values: dict[int, SSAValue] = {}
        """The value of each tensor that there is so far; constants once a layer has used them."""
        self.contents: dict[int, bytes] = {}
        """The bytes of the buffers that constants have used so far."""
        self.converters: dict[str, Callable[[FileLayer], TinytsOp]] = {
            "CONV_2D": lambda layer: self.convolution(Conv2DOp, layer),
            "DEPTHWISE_CONV_2D": lambda layer: self.convolution(DepthwiseConv2DOp, layer),
            "ADD": self.add,
            "AVERAGE_POOL_2D": lambda layer: self.pool(AveragePool2DOp, layer),
            "MAX_POOL_2D": lambda layer: self.pool(MaxPool2DOp, layer),
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
                tensor = self.tensor(index)
                if index in self.values:
                    raise UnsupportedLayer("expected different tensors, got the same one twice")
                if self.is_constant(tensor):
                    raise UnsupportedLayer("expected an activation, got a constant")
                argument = self.block.insert_arg(self.activation_type(tensor), len(self.block.args))
                argument.location = named(tensor.name)
                self.values[index] = argument
            except UnsupportedLayer as reason:
                self.reasons.append(f"model input {position} {self.label(index)}: {reason}")
                self.stand_in(index)

    def import_outputs(self) -> list[SSAValue]:
        if not self.file.outputs:
            self.reasons.append("expected at least one model output, got none")
        outputs: list[SSAValue] = []
        for position, index in enumerate(self.file.outputs):
            try:
                self.tensor(index)
                if index not in self.values or index in self.file.inputs:
                    raise UnsupportedLayer("expected the result of a layer, but no layer makes it")
                outputs.append(self.values[index])
            except UnsupportedLayer as reason:
                self.reasons.append(f"model output {position} {self.label(index)}: {reason}")
        return outputs

    # --- Layers ----------------------------------------------------------------------------------------------------

    def import_layer(self, layer: FileLayer) -> None:
        try:
            op = self.convert(layer)
            self.check(op)
            op.location = named(self.tensor(layer.outputs[0]).name)
            self.block.add_op(op)
            for index, result in zip(layer.outputs, op.results, strict=True):
                self.values[index] = result
        except UnsupportedLayer as reason:
            name = self.label(layer.outputs[0]) if layer.outputs else "without outputs"
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
        for position, index in enumerate(layer.outputs):
            tensor = self.tensor(index)
            if index in self.values or index in layer.outputs[:position] or self.is_constant(tensor):
                raise UnsupportedLayer(f"expected a new output tensor, but {tensor.label} has its value already")
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
        try:
            op = UnrealizedConversionCastOp.get([], [self.activation_type(self.tensor(index))])
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
        input = self.activation(layer, 1)
        results = [self.activation_type(self.tensor(index)) for index in layer.outputs]
        return SplitOp([[input]], results, {"axis": _axis(axes[0], len(_shape(input)))})

    # --- Tensors ---------------------------------------------------------------------------------------------------

    def tensor(self, index: int) -> FileTensor:
        if not 0 <= index < len(self.file.tensors):
            raise UnsupportedLayer(f"expected a tensor index below {len(self.file.tensors)}, got {index}")
        return self.file.tensors[index]

    def label(self, index: int) -> str:
        return self.file.tensors[index].label if 0 <= index < len(self.file.tensors) else quoted("?")

    def bytes_of(self, tensor: FileTensor) -> Any:
        """The contents of a tensor's buffer; none for an activation."""
        if tensor.buffer >= len(self.file.buffers):
            count = len(self.file.buffers)
            raise UnsupportedLayer(f"expected {tensor.label} to have a buffer below {count}, got {tensor.buffer}")
        return self.file.buffers[tensor.buffer]

    def is_constant(self, tensor: FileTensor) -> bool:
        return len(self.bytes_of(tensor)) > 0

    def expect_inputs(self, layer: FileLayer, least: int, most: int | None = None) -> None:
        if not least <= len(layer.inputs) <= (most or least):
            count = f"{least} inputs" if most is None else f"{least} to {most} inputs"
            raise UnsupportedLayer(f"expected {count}, got {len(layer.inputs)}")

    def has_input(self, layer: FileLayer, position: int) -> bool:
        return position < len(layer.inputs) and layer.inputs[position] != NO_TENSOR

    def activation(self, layer: FileLayer, position: int) -> SSAValue:
        """The value of an input that is not a constant."""
        tensor = self.tensor(layer.inputs[position])
        self.activation_type(tensor)
        if self.is_constant(tensor):
            raise UnsupportedLayer(f"expected input {position} to be an activation, got the constant {tensor.label}")
        if tensor.index not in self.values:
            raise UnsupportedLayer(f"expected an earlier layer to make {tensor.label}, but none does")
        return self.values[tensor.index]

    def output_type(self, layer: FileLayer) -> TensorType[Attribute]:
        return self.activation_type(self.tensor(layer.outputs[0]))

    def activation_type(self, tensor: FileTensor) -> TensorType[Attribute]:
        """The type of an input or an output of a layer."""
        if tensor.type != "int8":
            raise UnsupportedLayer(f"expected int8 activations, got {tensor.type}; {FULL_INTEGER}")
        shape = self.checked_shape(tensor)
        open_dimensions = [axis for axis, size in enumerate(tensor.signature) if size < 0 and axis > 0]
        if open_dimensions:
            raise UnsupportedLayer(
                f"expected a fixed shape, got {list(tensor.signature)} for {tensor.label}; "
                "convert the model with a fixed input shape"
            )
        batch = shape[0] if shape else 1
        if batch != 1 and (len(shape) == FEATURE_MAP_RANK or tensor.signature[:1] == (-1,)):
            raise UnsupportedLayer(
                f"expected a batch of 1, got shape {list(shape)} for {tensor.label}; "
                "convert the model with batch size 1"
            )
        element_type = self.element_type(tensor, i8)
        if element_type.is_per_axis:
            raise UnsupportedLayer(f"expected one scale for {tensor.label}, got {len(element_type.scales)}")
        return TensorType(element_type, shape)

    def checked_shape(self, tensor: FileTensor) -> tuple[int, ...]:
        """The shape of a tensor that is fit for use."""
        if tensor.is_variable:
            raise UnsupportedLayer(f"expected no variable tensors, got {tensor.label}; use a model without state")
        if tensor.is_sparse:
            raise UnsupportedLayer(f"expected dense tensors, got the sparse {tensor.label}; convert without sparsity")
        if not tensor.shape or min(tensor.shape) < 1 or prod(tensor.shape) > MAXIMUM_ELEMENTS:
            raise UnsupportedLayer(
                f"expected a fixed shape of 1 to 2^31 - 1 elements, got {list(tensor.shape)} for {tensor.label}"
            )
        return tensor.shape

    def element_type(self, tensor: FileTensor, storage: IntegerType) -> UniformQuantizedType:
        """The quantization of a tensor as an element type: per tensor where there is one scale."""
        quantization = tensor.quantization
        if quantization is None:
            raise UnsupportedLayer(f"expected {tensor.label} to have a scale, got no quantization; {FULL_INTEGER}")
        scales, zero_points = quantization.scales, quantization.zero_points
        if quantization.is_custom or len(zero_points) not in (1, len(scales)):
            raise UnsupportedLayer(
                f"expected {tensor.label} to have as many zero points as scales, "
                f"got {'a custom quantization' if quantization.is_custom else f'{len(zero_points)} and {len(scales)}'}"
            )
        try:
            if len(scales) == 1:
                return UniformQuantizedType.per_tensor(storage, scales[0], zero_points[0])
            axis = quantization.dimension
            if not 0 <= axis < len(tensor.shape) or len(scales) != tensor.shape[axis]:
                raise UnsupportedLayer(
                    f"expected one scale for {tensor.label}, or one for each index along a dimension of "
                    f"{list(tensor.shape)}, got {len(scales)} along dimension {axis}"
                )
            if len(zero_points) == 1:
                zero_points *= len(scales)
            return UniformQuantizedType.per_axis(storage, scales, zero_points, axis)
        except VerifyException as error:
            raise UnsupportedLayer(f"{str(error).removeprefix('quant.uniform: ')} for {tensor.label}") from None

    def constant_bytes(self, layer: FileLayer, position: int) -> tuple[FileTensor, Any]:
        """An input that must be a constant, and its contents."""
        if not self.has_input(layer, position):
            raise UnsupportedLayer(f"expected a constant as input {position}, got none")
        tensor = self.tensor(layer.inputs[position])
        content = self.bytes_of(tensor)
        if not len(content):
            raise UnsupportedLayer(f"expected input {position} to be a constant, but {tensor.label} has no contents")
        if tensor.is_variable or tensor.is_sparse:
            self.checked_shape(tensor)
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
        shape = self.checked_shape(tensor)
        size = prod(shape) * storage.width.data // 8
        if len(content) != size:
            raise UnsupportedLayer(
                f"expected {size} bytes in {tensor.label} for shape {list(shape)}, got {len(content)}"
            )
        if tensor.index not in self.values:
            element_type = self.element_type(tensor, storage)
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
