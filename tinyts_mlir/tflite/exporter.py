"""From a module of `tinyts` ops on whole tensors to a `.tflite` file.

What is exported and imported again is the same module; how TFLite spells an op is in `tflite/rules/`. Locations become
tensor names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ArrayAttr, Float32Type, FusedLoc, LocationAttr, ModuleOp, NameLoc, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.interfaces import InputInterface, is_constant
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import RowsAttr, is_index_type, numpy_type, tensor_type
from tinyts_mlir.dialects.tinyts_attributes import INPUT_NAMES, OUTPUT_NAMES, declared_names
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.dialects.tinyts_inputs import ConstantOp, LoadOp
from tinyts_mlir.dialects.tinyts_recurrent import SvdfFeaturesOp
from tinyts_mlir.dialects.tinyts_state import AssigningOp, ReadStateOp, ShiftStateOp, StateOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.exported_variables import (
    INITIALISER,
    ExportedVariable,
    ExportedVariables,
    is_variable_tensor,
    resource,
)
from tinyts_mlir.tflite.file import FileLayer, FileQuantization, FileTensor, OptionValue, TfliteFile
from tinyts_mlir.tflite.layer_writer import LayerWriter
from tinyts_mlir.tflite.registry import find_rule, find_rule_of
from tinyts_mlir.tflite.rule import Unsigned
from tinyts_mlir.tflite.rules.variables import write_shift
from tinyts_mlir.tflite.unsigned import unsigned_file
from tinyts_mlir.tflite.writer import write_tflite

NO_BUFFER = 0
"""The empty buffer of everything that is no constant."""

STORAGE_TYPES = {8: "int8", 16: "int16", 32: "int32", 64: "int64"}


def export_tflite(module: ModuleOp) -> bytes:
    """The `.tflite` file of a module with one function on whole tensors; the same module gives the same bytes.

    Raises CompileError for an op that TFLite cannot express, such as one on bands of rows.
    """
    found = list(functions(module))
    if len(found) != 1:
        raise CompileError(f"export to .tflite: expected a module with one function, got {len(found)}")
    return write_tflite(_Exporter(found[0]).file())


def _location_name(location: LocationAttr) -> str | None:
    """The name in a location; of a fused one the last, where the op that was fused into stands."""
    if isinstance(location, NameLoc):
        return location.desc.data
    if isinstance(location, FusedLoc) and isinstance(location.locations, ArrayAttr):
        names = [_location_name(inner) for inner in location.locations if isinstance(inner, LocationAttr)]
        return next((name for name in reversed(names) if name is not None), None)
    return None


class _Exporter:
    def __init__(self, function: FuncOp) -> None:
        self.function = function
        self.block = function.body.block
        self.tensors: list[FileTensor] = []
        self.layers: list[FileLayer] = []
        self.buffers: list[npt.NDArray[np.uint8]] = [np.empty(0, np.uint8)]
        self.indices: dict[SSAValue, int] = {}
        """The tensor of each value."""
        self.variables = ExportedVariables()
        self.used_names: set[str] = set()
        self.reserved_names: dict[SSAValue, str] = {}
        """The names of the model's outputs, which other tensors must not take."""

    def file(self) -> TfliteFile:
        """The model."""
        last = self.block.last_op
        if not isinstance(last, ReturnOp):
            raise CompileError("export to .tflite: expected a function that ends with func.return")
        arguments = self.block.args
        names = self.declared_names(INPUT_NAMES, len(arguments))
        for number, argument in enumerate(arguments):
            name = names[number] or _location_name(argument.location) or f"input_{number}"
            self.indices[argument] = self.add_tensor(self.unique(name), argument.type)
        for value, name in zip(last.operands, self.declared_names(OUTPUT_NAMES, len(last.operands)), strict=True):
            if name is not None and value not in self.reserved_names and value not in self.indices:
                self.reserved_names[value] = self.unique(name)
        self.export_states()
        ops = [
            op
            for op in self.block.ops
            if not isinstance(op, ReturnOp | StateOp | ReadStateOp) and not all(map(is_constant, op.results))
        ]
        unsigned = next((op for op in ops if isinstance(op, TinytsOp) and op.is_of_unsigned_layer), None)
        for op in ops:
            if unsigned is not None:
                self.expect_unsigned(op, unsigned)
            self.export(op)
        file = self.layers_as_file(last)
        return file if unsigned is None else unsigned_file(file)

    def layers_as_file(self, last: ReturnOp) -> TfliteFile:
        """What has been exported."""
        arguments = self.block.args
        return TfliteFile(
            tensors=tuple(self.tensors),
            layers=tuple(self.layers),
            inputs=tuple(self.indices[argument] for argument in arguments),
            outputs=tuple(self.indices[value] for value in last.operands),
            buffers=tuple(self.buffers),
            subgraphs=self.variables.subgraphs(self.buffers),
        )

    # --- Names and tensors -----------------------------------------------------------------------------------------

    def declared_names(self, attribute: str, count: int) -> list[str | None]:
        """The names that the function's attribute gives, or as many times none."""
        return list(declared_names(self.function, attribute)) or [None] * count

    def unique(self, name: str) -> str:
        """The name, with a number behind it where it is taken already."""
        candidate, number = name, 0
        while candidate in self.used_names:
            number += 1
            candidate = f"{name}_{number}"
        self.used_names.add(candidate)
        return candidate

    def name_results(self, op: Operation) -> list[str]:
        """The names for the results of an op."""
        base = _location_name(op.location) or f"{op.name.rpartition('.')[2]}_{len(self.layers)}"
        wanted = [base, *(f"{base}:{number}" for number in range(1, len(op.results)))]
        return [
            self.reserved_names.get(result) or self.unique(name)
            for name, result in zip(wanted, op.results, strict=True)
        ]

    def index_of(self, value: SSAValue) -> int | None:
        """The tensor of a value; None where it has none yet."""
        return self.indices.get(value)

    def set_index(self, value: SSAValue, index: int) -> None:
        """Says which tensor a value is."""
        self.indices[value] = index

    def add_tensor(self, name: str, type: Attribute, data: bytes | None = None) -> int:
        """A tensor of a quantized type, of float32 or of indices; a constant where it has data."""
        buffer = NO_BUFFER if data is None else self.add_buffer(data)
        if isinstance(type, TensorType) and isinstance(type.element_type, Float32Type):
            return self.add(name, "float32", type.get_shape(), buffer, None)
        if isinstance(type, TensorType) and is_index_type(type.element_type):
            return self.add(name, numpy_type(type.element_type).name, type.get_shape(), buffer, None)
        if not isinstance(type, TensorType) or not isinstance(type.element_type, UniformQuantizedType):
            raise CompileError(f"export to .tflite: expected tensors of !quant.uniform elements, got {type}")
        element_type = type.element_type
        axis = element_type.axis.data if element_type.is_per_axis else 0
        quantization = FileQuantization(element_type.scales, element_type.zero_points, axis, is_custom=False)
        storage = "uint8" if element_type.is_unsigned else STORAGE_TYPES[element_type.storage_type.width.data]
        return self.add(name, storage, type.get_shape(), buffer, quantization)

    def add_integers(self, name: str, values: Sequence[int], shape: Sequence[int]) -> int:
        """A constant of integers, such as a shape."""
        return self.add(self.unique(name), "int32", shape, self.add_buffer(np.array(values, "<i4").tobytes()), None)

    def add(
        self, name: str, type: str, shape: Sequence[int], buffer: int, quantization: FileQuantization | None
    ) -> int:
        index = len(self.tensors)
        tensor = FileTensor(
            index, name, type, tuple(shape), (), buffer, quantization, is_variable=False, is_sparse=False
        )
        self.tensors.append(tensor)
        return index

    def add_buffer(self, data: bytes) -> int:
        self.buffers.append(np.frombuffer(data, np.uint8))
        return len(self.buffers) - 1

    def constant(self, value: SSAValue, user: Operation) -> int:
        """The tensor of weights or a bias, made at its first use."""
        if value not in self.indices:
            op = value.owner
            if not isinstance(op, ConstantOp):
                raise self.error(user, "expected weights from tinyts.constant")
            name = self.unique(_location_name(op.location) or f"constant_{len(self.tensors)}")
            self.indices[value] = self.add_tensor(name, value.type, op.value.data.data)
        return self.indices[value]

    def error(self, op: Operation, message: str) -> CompileError:
        name = _location_name(op.location)
        return CompileError(f"export to .tflite: {op.name}{f' {name!r}' if name else ''}: {message}")

    # --- Ops -------------------------------------------------------------------------------------------------------

    def export(self, op: Operation) -> None:
        """One op, as one layer or several."""
        self.expect_whole(op)
        if isinstance(op, InputInterface):
            self.export_input(op)
        elif isinstance(op, LoadOp):
            self.indices[op.result] = self.constant(op.constant, op)
        elif isinstance(op, SvdfFeaturesOp) or (isinstance(op, AssigningOp) and is_variable_tensor(op.state)):
            pass  # part of a recurrent layer, which is written where it makes its output
        elif isinstance(op, ShiftStateOp):  # several layers of TFLite's, each of which has a rule of its own
            write_shift(LayerWriter(op, self), op)
        elif (rule := find_rule_of(op)) is not None:
            rule.write(LayerWriter(op, self), op)
        else:
            raise self.error(op, "this op has no counterpart in .tflite")

    def export_states(self) -> None:
        """Variables, and what is read of them: a layer that came later would read what is assigned before it."""
        states = [op for op in self.block.ops if isinstance(op, StateOp)]
        for op in states:
            if is_variable_tensor(op.result):
                self.declare_variable_tensor(op)
        states = [op for op in states if op.result not in self.indices]
        if states:
            self.append("CALL_ONCE", 1, [], [], {"InitSubgraphIndex": INITIALISER})
        for op in states:
            self.export(op)
        for op in self.block.ops:
            if isinstance(op, ReadStateOp) and op.state not in self.indices:
                self.export(op)

    def declare_variable_tensor(self, op: StateOp) -> None:
        """A variable tensor for a state, which is what is read of it as well."""
        if op.initial is not None:
            raise self.error(op, "expected a state that begins with its zero point, as a recurrent layer has")
        type = tensor_type(op.result)
        flat = TensorType(type.element_type, (1, prod(type.get_shape())))
        index = self.indices[op.result] = self.add_variable(self.unique(op.name_in_file.data), flat)
        for use in op.result.uses:
            if isinstance(use.operation, ReadStateOp):
                self.indices[use.operation.result] = index

    def add_variable(self, name: str, type: Attribute) -> int:
        """A variable tensor."""
        index = self.add_tensor(name, type)
        self.tensors[index] = replace(self.tensors[index], is_variable=True)
        return index

    def declare_variable(self, op: StateOp) -> None:
        """A variable for a state, with a subgraph that initialises it."""
        name = op.name_in_file.data
        value = self.tensors.pop(self.add_tensor(name, op.result.type, op.initial_bytes()))
        handle = len(self.tensors)
        self.tensors.append(resource(handle, self.unique(name)))
        variable = ExportedVariable(op, handle, value)
        self.variables.add(variable)
        self.append("VAR_HANDLE", 1, [], [handle], variable.options)

    def handle_of(self, state: SSAValue) -> int:
        """The tensor that names the variable of a state."""
        return self.variables.handle_of(state)

    def expect_unsigned(self, op: Operation, other: Operation) -> None:
        """Raises unless an op is one that LiteRT does with uint8, as it has to do another one of the model."""
        rule = find_rule_of(op)
        is_signed = isinstance(op, TinytsOp) and op.is_of_unsigned_layer is False
        if is_signed or (rule is not None and rule.unsigned is Unsigned.REFUSED):
            raise self.error(
                op,
                f"expected a layer that LiteRT does with uint8, as it does {other.name} "
                f"{_location_name(other.location) or ''} of this model, got one of int8".replace("  ", " "),
            )

    def expect_whole(self, op: Operation) -> None:
        """Raises unless the op works on whole tensors, each a result of another layer or an input of the model."""
        groups = op.row_groups() if isinstance(op, RowGeometryInterface) else ()
        types = [value.type for value in (*op.operands, *op.results)]
        if any(len(group) != 1 for group in groups) or any(
            isinstance(type, TensorType) and isinstance(type.encoding, RowsAttr) for type in types
        ):
            raise self.error(op, "expected whole tensors, got bands of rows; export the model before split-tensors")
        for group in groups:
            if group[0] not in self.indices:
                raise self.error(op, "expected the result of another layer as operand, got a constant")

    def export_input(self, op: InputInterface) -> None:
        """An input is the argument itself, or a reshape of it."""
        [result], [argument] = op.results, op.operands
        if result.type == argument.type:
            self.indices[result] = self.indices[argument]
        else:
            LayerWriter(op, self).reshape(self.indices[argument], tensor_type(result))

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
        rule = find_rule(name)
        options_type = rule.options.type if rule is not None and rule.options is not None else "NONE"
        number = len(self.layers)
        self.layers.append(
            FileLayer(
                number,
                name,
                version,
                tuple(inputs),
                tuple(outputs),
                options_type,
                options,
                custom_options,
                tuple(intermediates),
            )
        )
