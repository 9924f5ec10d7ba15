"""What a rule sees of an op that is exported: tensors for its values, and the layers that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import tflite
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.rows import is_wide, quantization_of, tensor_type
from tinyts_mlir.dialects.tinyts_state import StateOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.file import OptionValue
from tinyts_mlir.tflite.windows import ACTIVATIONS, same_padding

ACTIVATION_CODES = {name: getattr(tflite.ActivationFunctionType, code) for code, name in ACTIVATIONS.items()}
NO_PADDING = (0, 0, 0, 0)
INT32_BITS = 32
RESHAPE_VERSION, PAD_VERSION = 1, 2
"""The versions of the layers that are put around others."""


class ExportedLayers(Protocol):
    """What there is so far of the file that a module becomes."""

    def index_of(self, value: SSAValue) -> int | None:
        """The tensor of a value; None where it has none yet."""
        ...

    def set_index(self, value: SSAValue, index: int) -> None:
        """Says which tensor a value is."""

    def constant(self, value: SSAValue, user: Operation) -> int:
        """The tensor of weights or a bias, made at its first use."""
        ...

    def add_variable(self, name: str, type: Attribute) -> int:
        """A variable tensor."""
        ...

    def unique(self, name: str) -> str:
        """The name, with a number behind it where it is taken already."""
        ...

    def name_results(self, op: Operation) -> list[str]:
        """The names for the results of an op."""
        ...

    def add_tensor(self, name: str, type: Attribute, data: bytes | None = None) -> int:
        """A tensor of a quantized type; a constant where it has data."""
        ...

    def add_integers(self, name: str, values: Sequence[int], shape: Sequence[int]) -> int:
        """A constant of integers, such as a shape."""
        ...

    def append(
        self,
        name: str,
        version: int,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Mapping[str, OptionValue],
        custom_options: bytes = b"",
        intermediates: Sequence[int] = (),
    ) -> None:
        """A layer behind those that there are."""

    def declare_variable(self, op: StateOp) -> None:
        """A variable for a state, with a subgraph that initialises it."""

    def handle_of(self, state: SSAValue) -> int:
        """The tensor that names the variable of a state."""
        ...

    def error(self, op: Operation, message: str) -> CompileError:
        """An error that names the op and its layer."""
        ...


class LayerWriter:
    """One op on its way into a file."""

    def __init__(self, op: Operation, exported: ExportedLayers) -> None:
        self.op = op
        self.exported = exported
        self._names: list[str] | None = None

    @property
    def names(self) -> list[str]:
        """The names of the op's results in the file."""
        if self._names is None:
            self._names = self.exported.name_results(self.op)
        return self._names

    def error(self, message: str) -> CompileError:
        """An error that names the op and its layer."""
        return self.exported.error(self.op, message)

    # --- tensors ---------------------------------------------------------------------------------------------------

    def activation(self, value: SSAValue) -> int:
        """The tensor of an operand that another layer makes."""
        if (index := self.exported.index_of(value)) is None:
            raise self.error("expected the result of another layer as operand, got a constant")
        return index

    def constant(self, value: SSAValue) -> int:
        """The tensor of weights or a bias."""
        return self.exported.constant(value, self.op)

    def activation_or_constant(self, value: SSAValue) -> int:
        """The tensor of an operand, whether a layer makes it or it is a constant."""
        return self.constant(value) if is_constant(value) else self.activation(value)

    def constants(self, *values: SSAValue | None) -> list[int]:
        """The tensors of those weights and biases that there are."""
        return [self.constant(value) for value in values if value is not None]

    def integers(self, suffix: str, values: Sequence[int], shape: Sequence[int]) -> int:
        """A constant of integers, called as the op's first result with a suffix."""
        return self.exported.add_integers(f"{self.names[0]}/{suffix}", values, shape)

    def tensor(self, suffix: str, type: Attribute, data: bytes | None = None) -> int:
        """A tensor that the op does not have itself, called as its first result with a suffix."""
        return self.exported.add_tensor(self.exported.unique(f"{self.names[0]}/{suffix}"), type, data)

    def variable(self, suffix: str, type: Attribute) -> int:
        """A variable tensor that the op does not have itself, called as its first result with a suffix."""
        return self.exported.add_variable(self.exported.unique(f"{self.names[0]}/{suffix}"), type)

    # --- layers ----------------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        version: int,
        inputs: Sequence[int],
        options: Mapping[str, OptionValue] | None = None,
        custom_options: bytes = b"",
    ) -> None:
        """A layer that makes all results of the op."""
        outputs: list[int] = []
        for result, result_name in zip(self.op.results, self.names, strict=True):
            outputs.append(self.exported.add_tensor(result_name, result.type))
            self.exported.set_index(result, outputs[-1])
        self.exported.append(name, version, inputs, outputs, options or {}, custom_options)

    def add_first(
        self,
        name: str,
        version: int,
        inputs: Sequence[int],
        options: Mapping[str, OptionValue],
        intermediates: Sequence[int],
    ) -> None:
        """A layer that makes the first result of the op; the others are variable tensors that it assigns."""
        output = self.exported.add_tensor(self.names[0], self.op.results[0].type)
        self.exported.set_index(self.op.results[0], output)
        self.exported.append(name, version, inputs, [output], options, intermediates=intermediates)

    def reshape(self, input: int, type: TensorType[Attribute]) -> None:
        """A RESHAPE of a tensor that makes the op's result."""
        [result], [name] = self.op.results, self.names
        shape = self.integers("shape", type.get_shape(), [len(type.get_shape())])
        output = self.exported.add_tensor(name, type)
        self.exported.set_index(result, output)
        self.exported.append("RESHAPE", RESHAPE_VERSION, [input, shape], [output], {})

    def pad(
        self, input: int, padding: Sequence[int], channels: Sequence[int], type: TensorType[Attribute], name: str
    ) -> int:
        """A PAD by (top, bottom, left, right) and channels, into a tensor of this name."""
        paddings = self.exported.add_integers(f"{name}/paddings", [0, 0, *padding, *channels], [4, 2])
        output = self.exported.add_tensor(name, type)
        self.exported.append("PAD", PAD_VERSION, [input, paddings], [output], {})
        return output


def bias_type(map: SSAValue, bias: SSAValue | None) -> dict[str, OptionValue]:
    """The option that says of a layer on an int16 map that its bias is int32: where nothing is said, it is int64."""
    if bias is None or not is_wide(tensor_type(map)) or quantization_of(bias).storage_type.width.data > INT32_BITS:
        return {}
    return {"QuantizedBiasType": tflite.TensorType.INT32}


def padding_scheme(
    size: Sequence[int], window: Sequence[int], stride: Sequence[int], padding: tuple[int, ...]
) -> int | None:
    """The padding scheme of TFLite that pads a map of (rows, columns) like this, if there is one."""
    if padding == NO_PADDING:
        return tflite.Padding.VALID
    axes = zip(size, window, stride, strict=True)
    same = [pad for rows, span, step in axes for pad in same_padding(rows, span, step)]
    return tflite.Padding.SAME if list(padding) == same else None
