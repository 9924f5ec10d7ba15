"""What a rule sees of a layer that is imported: its inputs as values, constants, types and options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Protocol

import numpy as np
import numpy.typing as npt
import tflite
from xdsl.dialects.builtin import IntegerType, NameLoc, NoneAttr, StringAttr, TensorType, i8, i32, i64
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.quant import UNSIGNED_BYTE, UniformQuantizedType
from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK, HEIGHT, WIDTH, is_wide, quantization_of, tensor_type
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.dialects.tinyts_edges import QuantizeOp
from tinyts_mlir.dialects.tinyts_inputs import ConstantOp, LoadOp
from tinyts_mlir.quantization import INT8_MAX, INT8_MIN
from tinyts_mlir.tflite.file import FileLayer, FileTensor, OptionValue
from tinyts_mlir.tflite.schema import names_of
from tinyts_mlir.tflite.tensors import ACTIVATION_TYPES, FULL_INTEGER, UNSIGNED_OFFSET, Tensors, UnsupportedLayer
from tinyts_mlir.tflite.variables import Variables
from tinyts_mlir.tflite.windows import ACTIVATIONS, same_padding

ACTIVATION_NAMES = names_of(tflite.ActivationFunctionType)
NO_TENSOR = -1
MOST_INTEGER_BYTES = 256
"""A constant of integers, such as a shape, is a few numbers."""


def named(name: str) -> NameLoc:
    """The location that says which tensor of the file something comes from."""
    return NameLoc(StringAttr(name), NoneAttr())


class ImportedValues(Protocol):
    """What there is so far of the module that a file becomes."""

    tensors: Tensors
    values: dict[int, SSAValue]
    """The value of each tensor that there is; constants once a layer has used them."""
    shifted: dict[int, SSAValue]
    """The int8 value that stands for a tensor whose value is uint8, where a layer has read it."""
    contents: dict[int, bytes]
    """The bytes of the buffers that constants have used."""
    variables: Variables
    """What variables hold at this place in the file."""

    def add(self, op: Operation) -> None:
        """Adds an op behind those that there are."""


class LayerReader:
    """One layer of a file. Everything here raises UnsupportedLayer for what cannot be compiled."""

    def __init__(self, layer: FileLayer, imported: ImportedValues) -> None:
        self.layer = layer
        self.imported = imported
        self.tensors = imported.tensors

    # --- inputs and outputs ----------------------------------------------------------------------------------------

    @property
    def input_count(self) -> int:
        """How many inputs the layer has, absent ones included."""
        return len(self.layer.inputs)

    def has_input(self, position: int) -> bool:
        """Whether an input is there."""
        return position < len(self.layer.inputs) and self.layer.inputs[position] != NO_TENSOR

    def activation(self, position: int) -> SSAValue:
        """The int8 value of an input: what a layer makes, or a constant, which is loaded for this layer."""
        tensor = self.tensors.get(self.layer.inputs[position])
        return self._value(tensor, self.tensors.activation_type(tensor))

    def movable(self, position: int) -> SSAValue:
        """The same where it may be indices as well, as layers that only move elements take."""
        tensor = self.tensors.get(self.layer.inputs[position])
        return self._value(tensor, self.tensors.movable_type(tensor))

    def edge(self, position: int) -> SSAValue:
        """The same where it may have any type that a model takes."""
        tensor = self.tensors.get(self.layer.inputs[position])
        return self._value(tensor, self.tensors.edge_type(tensor))

    def kept(self, position: int) -> SSAValue:
        """The same where it may have any type that a state has."""
        tensor = self.tensors.get(self.layer.inputs[position])
        return self._value(tensor, self.tensors.state_type(tensor))

    def state(self, position: int) -> SSAValue:
        """What a variable tensor that is this input holds before the layer."""
        tensor = self.tensors.get(self.layer.inputs[position])
        variables = self.imported.variables
        return variables.value(variables.tensor(tensor.index), self.tensors.state_type(tensor))

    def state_type(self, position: int) -> TensorType[Attribute]:
        """The type of a variable tensor that is this input."""
        tensor = self.tensors.get(self.layer.inputs[position])
        if not tensor.is_variable:
            raise UnsupportedLayer(f"expected {tensor.label} to be a variable tensor")
        return self.tensors.state_type(tensor)

    def ring_buffer(self, position: int, type: TensorType[Attribute]) -> SSAValue:
        """The state that a variable tensor is which only this layer has, of a type that the layer chooses."""
        return self.imported.variables.ring_buffer(self.layer.inputs[position], type)

    def intermediate_type(self, position: int, storage: IntegerType) -> UniformQuantizedType:
        """The quantization of an intermediate tensor."""
        if position >= len(self.layer.intermediates):
            raise UnsupportedLayer(
                f"expected {position + 1} or more intermediate tensors, got {len(self.layer.intermediates)}; "
                f"{FULL_INTEGER}"
            )
        tensor = self.tensors.get(self.layer.intermediates[position])
        type = self.tensors.element_type(replace(tensor, shape=tensor.shape or (1,)), storage)
        if type.is_per_axis:
            raise UnsupportedLayer(f"expected one scale for {tensor.label}, got {len(type.scales)}")
        return type

    def set_output(self, value: SSAValue) -> None:
        """Says what the only output is, where an op of several results has been added."""
        if len(self.layer.outputs) != 1:
            raise UnsupportedLayer(f"expected one output, got {len(self.layer.outputs)}")
        [output] = self.layer.outputs
        if output in self.imported.values or self.tensors.is_constant(self.tensors.get(output)):
            raise UnsupportedLayer("expected a new output tensor, but it has its value already")
        self.imported.values[output] = value

    def assign_state(self, position: int, value: SSAValue) -> None:
        """Has the variable tensor that is this input hold a value behind the layer.

        An op of the layer that makes the value must have been added (`add`).
        """
        variables = self.imported.variables
        variables.assign(variables.tensor(self.layer.inputs[position]), value)

    def _value(self, tensor: FileTensor, type: TensorType[Attribute]) -> SSAValue:
        if self.tensors.is_constant(tensor):
            return loaded_constant(self.imported, tensor, type)
        if tensor.index not in self.imported.values:
            raise UnsupportedLayer(f"expected an earlier layer to make {tensor.label}, but none does")
        value = self.imported.values[tensor.index]
        wants_int8 = isinstance(type.element_type, UniformQuantizedType) and not type.element_type.is_unsigned
        if not wants_int8 or not is_unsigned(value):
            return value
        if tensor.index not in self.imported.shifted:
            self.imported.shifted[tensor.index] = flipped(self.imported, value, type, tensor)
        return self.imported.shifted[tensor.index]

    def output_type(self) -> TensorType[Attribute]:
        """The type of the only output."""
        [type] = self.output_types()
        return type

    def requantized_output_type(self) -> TensorType[Attribute]:
        """The type of the only output, which may be int32 with a scale as well."""
        [index] = self.layer.outputs
        return self.tensors.requantized_type(self.tensors.get(index))

    def edge_output_type(self) -> TensorType[Attribute]:
        """The type of the only output, which may be any that a model takes or gives."""
        [index] = self.layer.outputs
        return self.tensors.edge_type(self.tensors.get(index))

    @property
    def is_unsigned(self) -> bool:
        """Whether the layer is one of uint8 tensors, for which int8 ones stand here."""
        return any(self.tensors.get(index).type == "uint8" for index in self.layer.outputs)

    def movable_output_type(self) -> TensorType[Attribute]:
        """The type of the only output, which may be indices as well."""
        [type] = self.movable_output_types()
        return type

    def movable_output_types(self) -> list[TensorType[Attribute]]:
        """The types of all outputs, which may be indices as well."""
        return [self.tensors.movable_type(self.tensors.get(index)) for index in self.layer.outputs]

    def output_types(self) -> list[TensorType[Attribute]]:
        """The types of all outputs."""
        return [self.tensors.activation_type(self.tensors.get(index)) for index in self.layer.outputs]

    def shape(self, position: int) -> tuple[int, ...]:
        """The shape of an input that is not a constant."""
        return shape_of(self.activation(position))

    def add(self, op: TinytsOp, suffix: str = "") -> SSAValue:
        """Adds an op that the layer's op reads, called as the layer; gives its first result."""
        name = self.tensors.get(self.layer.outputs[0]).name
        op.location = named(f"{name}{suffix}")
        self.imported.add(op)
        return op.results[0]

    # --- constants -------------------------------------------------------------------------------------------------

    def integers(self, position: int) -> list[int]:
        """The elements of a constant of integers, such as a shape."""
        tensor, content = self._constant_bytes(position)
        size = {"int32": 4, "int64": 8}.get(tensor.type)
        if size is None or len(content) != size * prod(tensor.shape) or len(content) > MOST_INTEGER_BYTES:
            raise UnsupportedLayer(
                f"expected input {position} to hold a few integers, got {list(tensor.shape)} x {tensor.type}"
            )
        return np.frombuffer(content.tobytes(), f"<i{size}").tolist()

    def constant_byte(self, position: int) -> int:
        """The element of a constant that is one int8, or one uint8, less 128 then."""
        tensor, content = self._constant_bytes(position)
        if tensor.type not in ("int8", "uint8") or len(content) != 1:
            raise UnsupportedLayer(
                f"expected input {position} to be one int8, got {list(tensor.shape)} x {tensor.type}"
            )
        return int(content.view(np.int8)[0]) if tensor.type == "int8" else int(content[0]) - UNSIGNED_OFFSET

    def weights(self, position: int, storage: IntegerType) -> SSAValue:
        """The constant that is this input, made where it is used first; int8 stands for uint8 in a layer of such."""
        tensor, _ = self._constant_bytes(position)
        type = f"int{storage.width.data}"
        stands_for_unsigned = storage == i8 and self.is_unsigned
        if tensor.type != ("uint8" if stands_for_unsigned else type):
            raise UnsupportedLayer(f"expected {type} for {tensor.label}, got {tensor.type}; {FULL_INTEGER}")
        tensor = replace(tensor, shape=self.tensors.checked_shape(tensor))
        if stands_for_unsigned:
            return constant(self.imported, tensor, self.tensors.shifted_type(tensor))
        return constant(self.imported, tensor, self.tensors.element_type(tensor, storage))

    def filter(self, position: int) -> SSAValue:
        """The constant that is this input: int8, or in a layer of uint8 tensors uint8 as it is, with its zero point."""
        if not self.is_unsigned:
            return self.weights(position, i8)
        tensor, _ = self._constant_bytes(position)
        if tensor.type != "uint8":
            raise UnsupportedLayer(
                f"expected uint8 for {tensor.label}, as the layer's input and output are, got {tensor.type}"
            )
        self.tensors.shifted_type(tensor)  # of one scale
        tensor = replace(tensor, shape=self.tensors.checked_shape(tensor))
        return constant(self.imported, tensor, self.tensors.element_type(tensor, UNSIGNED_BYTE))

    def dense_filter(self, position: int) -> SSAValue:
        """The same as int8, or what a layer makes.

        Where uint8 weights less their zero point fit int8, that they are, without zero point.
        """
        filter = self.activation_or_weights(position, i8)
        owner = filter.owner
        if not isinstance(owner, ConstantOp) or not (zero_point := quantization_of(filter).zero_point):
            return filter
        centred = np.frombuffer(owner.value.data.data, np.int8).astype(np.int16) - zero_point
        if not self.is_unsigned or centred.min() < INT8_MIN or centred.max() > INT8_MAX:
            return filter
        type = UniformQuantizedType.per_tensor(i8, quantization_of(filter).scale)
        op = ConstantOp.from_bytes(centred.astype(np.int8).tobytes(), shape_of(filter), type, owner.location)
        self.imported.add(op)
        return op.result

    def activation_or_weights(self, position: int, storage: IntegerType) -> SSAValue:
        """The value of an input, whether a layer makes it or it is a constant."""
        constant = self.has_input(position) and self.tensors.is_constant(self.tensors.get(self.layer.inputs[position]))
        return self.weights(position, storage) if constant else self.activation(position)

    def two_operands(self) -> list[SSAValue]:
        """Both inputs, one of which may be a constant; of two constants the first is loaded.

        A kernel has rows of at least one.
        """
        operands = [self.activation_or_weights(position, self.activation_storage(position)) for position in (0, 1)]
        return [self.activation(0), operands[1]] if all(map(is_constant, operands)) else operands

    def activation_storage(self, position: int) -> IntegerType:
        """How wide the elements of a feature map are that is this input: int8, or int16 where the file says so."""
        return ACTIVATION_TYPES.get(self.tensors.get(self.layer.inputs[position]).type, i8)

    def bias(self, position: int, map: SSAValue, *, says_bias_type: bool = True) -> SSAValue | None:
        """The bias of a layer on a feature map: int32, or int64 beside an int16 map.

        With `says_bias_type`, the layer's options say that a bias of an int16 map is int32, or would be, if it had one.
        """
        if not is_wide(tensor_type(map)):
            return self.optional_weights(position, i32)
        said = self.integer_option("QuantizedBiasType") if says_bias_type else tflite.TensorType.FLOAT32
        if not self.has_input(position):
            return self._zero_bias() if said == tflite.TensorType.INT32 else None
        tensor = self.tensors.get(self.layer.inputs[position])
        wanted = {tflite.TensorType.INT32: "int32"}.get(said, "int64")
        if tensor.type != wanted:
            raise UnsupportedLayer(
                f"expected {wanted} for the bias {tensor.label} of int16 activations, got {tensor.type}"
            )
        return self.weights(position, i32 if wanted == "int32" else i64)

    def _zero_bias(self) -> SSAValue:
        """An int32 bias of zeroes, as wide as the only output has channels."""
        shape, type = self.output_type().get_shape()[-1:], UniformQuantizedType.per_tensor(i32, 1.0)
        name = self.tensors.get(self.layer.outputs[0]).name
        op = ConstantOp.from_bytes(np.zeros(shape, np.int32).tobytes(), shape, type, named(f"{name}/bias"))
        self.imported.add(op)
        return op.result

    def optional_weights(self, position: int, storage: IntegerType) -> SSAValue | None:
        """The same where the input is there."""
        return self.weights(position, storage) if self.has_input(position) else None

    def _constant_bytes(self, position: int) -> tuple[FileTensor, npt.NDArray[np.uint8]]:
        """An input that must be a constant, and its contents."""
        if not self.has_input(position):
            raise UnsupportedLayer(f"expected a constant as input {position}, got none")
        tensor = self.tensors.get(self.layer.inputs[position])
        content = self.tensors.bytes_of(tensor)
        if not len(content):
            raise UnsupportedLayer(f"expected input {position} to be a constant, but {tensor.label} has no contents")
        if tensor.is_variable or tensor.is_sparse:
            self.tensors.checked_shape(tensor)
        # A scalar is a vector of one element: they are broadcast alike.
        return tensor if tensor.shape else replace(tensor, shape=(1,)), content

    # --- options ---------------------------------------------------------------------------------------------------

    def option(self, field: str) -> OptionValue:
        """The value of an option, by the schema's name in camel case."""
        return self.layer.options[field]

    def integer_option(self, field: str) -> int:
        """The value of an option that is an integer."""
        return int(self.layer.options[field])

    @property
    def custom_options(self) -> bytes:
        """The options of a custom op, in its own format."""
        return self.layer.custom_options

    def activation_function(self) -> str:
        """The fused activation, as the `activation` property has it."""
        code = self.integer_option("FusedActivationFunction")
        name = ACTIVATION_NAMES.get(code, f"activation {code}")
        if name not in ACTIVATIONS:
            raise UnsupportedLayer(f"expected an activation of {', '.join(ACTIVATIONS)}, got {name}")
        return ACTIVATIONS[name]

    def window(self, input: SSAValue, size: Sequence[int], dilation: Sequence[int]) -> dict[str, list[int]]:
        """The stride and the padding of a layer with a window of this size."""
        shape = shape_of(input)
        stride = [self.integer_option("StrideH"), self.integer_option("StrideW")]
        if len(shape) != FEATURE_MAP_RANK or len(size) != 2:
            raise UnsupportedLayer(f"expected a feature map and a window of two dimensions, got shape {list(shape)}")
        if min(stride) < 1 or min(dilation) < 1 or min(size) < 1:
            raise UnsupportedLayer(
                f"expected a window, strides and dilations of 1 or more, "
                f"got {list(size)}, {stride} and {list(dilation)}"
            )
        padding = [0, 0, 0, 0]
        if self.option("Padding") == tflite.Padding.SAME:
            spans = [(s - 1) * d + 1 for s, d in zip(size, dilation, strict=True)]
            axes = zip((HEIGHT, WIDTH), spans, stride, strict=True)
            padding = [p for axis, span, step in axes for p in same_padding(shape[axis], span, step)]
        elif self.option("Padding") != tflite.Padding.VALID:
            raise UnsupportedLayer(f"expected SAME or VALID padding, got {self.option('Padding')}")
        return {"stride": stride, "padding": padding}


def constant(imported: ImportedValues, tensor: FileTensor, element_type: UniformQuantizedType) -> SSAValue:
    """The constant that a tensor is, made where it is used first."""
    content = imported.tensors.bytes_of(tensor)
    size = prod(tensor.shape) * element_type.storage_type.width.data // 8
    if len(content) != size:
        raise UnsupportedLayer(
            f"expected {size} bytes in {tensor.label} for shape {list(tensor.shape)}, got {len(content)}"
        )
    is_shifted = tensor.type == "uint8" and not element_type.is_unsigned
    made = imported.shifted if is_shifted else imported.values
    if tensor.index not in made:
        if is_shifted:
            data = (content ^ UNSIGNED_OFFSET).tobytes()
        else:
            data = imported.contents.setdefault(tensor.buffer, content.tobytes())
        op = ConstantOp.from_bytes(data, tensor.shape, element_type, named(tensor.name))
        imported.add(op)
        made[tensor.index] = op.result
    return made[tensor.index]


def loaded_constant(imported: ImportedValues, tensor: FileTensor, type: TensorType[Attribute]) -> SSAValue:
    """A constant as a feature map of its own, whose bytes live no longer than its reader needs them."""
    if not isinstance(type.element_type, UniformQuantizedType):
        raise UnsupportedLayer(f"expected int8 or uint8 for the constant {tensor.label}, got {tensor.type}")
    op = LoadOp([constant(imported, tensor, type.element_type)], type, location=named(tensor.name))
    imported.add(op)
    return op.result


def flipped(imported: ImportedValues, value: SSAValue, type: TensorType[Attribute], tensor: FileTensor) -> SSAValue:
    """A tensor's value as int8 where it is uint8, or the other way round: the highest bit of each byte flips."""
    op = QuantizeOp([[value]], type, location=named(tensor.name))
    imported.add(op)
    return op.results[0]


def is_unsigned(value: SSAValue) -> bool:
    """Whether a value is of uint8 elements."""
    assert isinstance(value.type, TensorType)
    element_type = value.type.element_type
    return isinstance(element_type, UniformQuantizedType) and element_type.is_unsigned


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """The shape of a tensor value."""
    assert isinstance(value.type, TensorType)
    return value.type.get_shape()


def axis_from_front(axis: int, rank: int) -> int:
    """An axis counted from the front; one that is out of range is left to the verifier."""
    return axis + rank if axis < 0 else axis
