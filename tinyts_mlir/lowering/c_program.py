"""A program as C has it: names, tensor numbers, offsets in units, constants, and parameters that fit their fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

import numpy as np
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    ModuleOp,
    NameLoc,
    StringAttr,
)
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import numpy_type
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import check_parameters
from tinyts_mlir.kernels.parameter_structs import find_struct
from tinyts_mlir.kernels.parameters import IntArray, array_of, parameter_value
from tinyts_mlir.kernels.registry import find_kernel
from tinyts_mlir.kernels.runtime_structs import MODEL, check_fields
from tinyts_mlir.lowering.c_source import (
    Constants,
    c_elements,
    c_identifier,
    distinct,
    is_reserved,
    macro_prefix,
    require_identifier,
)
from tinyts_mlir.lowering.runtime_files import files_needed

LOCAL_NAMES = frozenset({"context", "arena", "workspace", "inputs", "outputs"})
"""Names that the emitted functions use themselves."""
NO_PLACE = 0xFFFF
"""TINYTS_NO_PLACE: stands in placement tables where a step has no scratch, so no offset may be as many units."""
LARGEST_OFFSET_UNIT = 1 << 12
C_TYPES = {"float32": "float", **{name: f"{name}_t" for name in ("int8", "uint8", "int16", "int32", "int64")}}
"""What a model takes and gives, in numpy and in C."""


def program_of(module: ModuleOp) -> tinyrt.ProgramOp:
    """The only program of a module; raises CompileError that names the missing pass where it is not lowered yet."""
    programs = [op for op in module.body.block.ops if isinstance(op, tinyrt.ProgramOp)]
    others = [op for op in module.body.block.ops if not isinstance(op, tinyrt.ProgramOp)]
    if others:
        raise CompileError(
            f"the C target prints a tinyrt.program, but the module holds {others[0].name}: run lower-to-runtime first "
            "(--emit-c appends every pass that is missing)"
        )
    if len(programs) != 1:
        raise CompileError(f"the C target prints one tinyrt.program, but the module holds {len(programs)}")
    return programs[0]


def int_of(attribute: Attribute) -> int:
    """The value of an integer attribute."""
    return cast(IntegerAttr, attribute).value.data


def label_of(op: Operation) -> str:
    """What a layer or tensor is called in comments and reports.

    Names come from the model file: nothing in them may end the comment or the line.
    """
    name = op.location.desc.data if isinstance(op.location, NameLoc) else op.name
    return re.sub(r"[^\w ./:;,+-]", "_", name, flags=re.ASCII).replace("*/", "_").replace("/*", "_")[:120]


def _c_types(types: ArrayAttr[Attribute] | None, count: int) -> list[str]:
    """The C types of the elements of inputs or outputs; int8_t where the program does not say."""
    return ["int8_t"] * count if types is None else [C_TYPES[numpy_type(type).name] for type in types]


class CProgram:
    """One program under one name, which all its C functions and types start with; macros, with it in upper case.

    Raises CompileError for a program that the runtime's tables cannot say, and for kernels without C.

    Attributes:
        macros: what its macros start with.
        source_sha256: of the model file; None where the program comes from none.
        options: how it was compiled, in canonical form; None where nobody recorded it.
        files: the C files of its kernels and of the runtime.
        state_bytes: of the memory that stays from one inference to the next.
        state_pieces: what it holds in the beginning: the C of each `tinyts_state_piece`.
        tensor_numbers: of each tensor, its place in the table of tensors.
        placement: all tensors' offsets in units of `offset_unit` bytes, in one table.
        first_offset: where in it the offsets of each tensor begin.
        parameters: the C of each layer's parameters; empty for one that receives rows.
        input_types: the C types of the inputs' elements.
        output_types: those of the outputs.
        output_parameters: how the outputs are called where the inputs are parameters as well.
        has_feed: whether rows can be fed.
    """

    def __init__(self, program: tinyrt.ProgramOp, name: str) -> None:
        self.program = program
        self.name = require_identifier(name)
        self.macros = macro_prefix(name)
        self.source_sha256 = None if program.source_sha256 is None else program.source_sha256.data
        self.options = None if program.options is None else program.options.data
        self.constants = Constants(name)
        self.layers = program.layers()
        self.tensors = program.tensors()
        self.steps = program.steps()
        self.interface = program.interface()
        self.arena_bytes = int_of(program.arena_bytes)
        self.state_bytes = program.state_byte_count
        self.tensor_numbers: dict[SSAValue, int] = {op.descriptor: i for i, op in enumerate(self.tensors)}
        self.kernels = sorted({layer.kernel.data for layer in self.layers if isinstance(layer, tinyrt.LayerOp)})
        self.files = files_needed(self.kernels)
        if len(self.tensors) >= 1 << 16:
            raise CompileError(f"expected fewer than 65,536 tensors, got {len(self.tensors)}")
        self.input_names = self._interface_names(self.interface.inputs.data, "input")
        self.output_names = self._interface_names(self.interface.outputs.data, "output")
        inputs = set(self.input_names)
        self.output_parameters = distinct([f"{n}_out" if n in inputs else n for n in self.output_names], inputs)
        self.external_inputs = sorted({t.external_input for t in self.tensors if t.external_input is not None})
        self.input_types = _c_types(self.interface.input_types, len(self.input_names))
        self.output_types = _c_types(self.interface.output_types, len(self.output_names))
        self.has_feed = len(self.input_names) == 1 and not self.external_inputs
        self.offset_unit = self._offset_unit()
        counts = {
            "step_count": len(self.steps),
            "arena_bytes": self.arena_bytes,
            "offset_unit": self.offset_unit,
            "layer_count": len(self.layers),
            "input_count": len(self.input_names),
            "output_count": len(self.output_names),
            "external_inputs": len(self.external_inputs),
            "state_offset": self.arena_bytes // self.offset_unit,
        }
        check_fields("the model", MODEL, counts)
        self.placement: list[int] = []
        self.first_offset: list[int] = []
        self._place()
        self.state_pieces = self._state_pieces()
        self.parameters = [self._parameters(number, layer) for number, layer in enumerate(self.layers)]

    def _interface_names(self, attributes: Sequence[Attribute], default: str) -> list[str]:
        """C names for inputs or outputs: the default where there is one, else the model's names made unique."""
        if len(attributes) == 1:
            return [default]
        names: list[str] = []
        for attribute in attributes:
            name = c_identifier(cast(StringAttr, attribute).data, prefix=f"{default}_")
            mistakable = name in LOCAL_NAMES or is_reserved(name) or name.startswith(f"{self.name}_")
            names.append(f"{default}_{name}" if mistakable else name)
        return distinct(names)

    # --- placement ------------------------------------------------------------------------------------------------

    def _offset_unit(self) -> int:
        offsets = [offset for tensor in self.tensors for offset in int_values(tensor.offsets)]
        offsets = [offset for offset in offsets if offset != tinyrt.NO_PLACE]
        if self.state_bytes:
            offsets.append(self.arena_bytes)  # where the state begins
        common = int(np.bitwise_or.reduce(np.array(offsets, np.int64), initial=LARGEST_OFFSET_UNIT))
        unit = common & -common
        if max(offsets, default=0) // unit >= NO_PLACE:
            raise CompileError(
                f"offsets up to {max(offsets)} in units of {unit} bytes do not fit 16 bits; "
                "run plan-arena with a larger alignment"
            )
        return unit

    def _place(self) -> None:
        """Tensors with the same offsets share; an external tensor has the number of its model input there."""
        known: dict[tuple[int, ...], int] = {}
        for tensor in self.tensors:
            offsets = tuple(
                NO_PLACE if offset == tinyrt.NO_PLACE else offset // self.offset_unit
                for offset in int_values(tensor.offsets)
            )
            if tensor.external_input is not None:
                offsets = (tensor.external_input,)
            if offsets not in known:
                known[offsets] = len(self.placement)
                self.placement += offsets
            self.first_offset.append(known[offsets])

    # --- state ----------------------------------------------------------------------------------------------------

    def _state_pieces(self) -> list[str]:
        """States that begin with equal bytes are one piece, with what lies between them."""
        pieces: list[str] = []
        fill, size = 0, 0
        states = self.program.states()
        ends = [*(int_of(state.offset) for state in states), self.state_bytes][1:]
        for state, end in zip(states, ends, strict=False):
            room = end - int_of(state.offset)
            values = state.initial_values()
            value = int(values[0])
            if size and (state.initial is not None or value != fill):
                pieces.append(f"{{NULL, {size}u, {fill}}}")
                size = 0
            if state.initial is None:
                fill, size = value, size + room
            else:
                # As elements, which every machine has in its own byte order.
                elements = array_of(state.initial).reshape(-1)
                padded = cast(IntArray, np.pad(elements, (0, (room - values.size) // elements.itemsize)))
                initial = self.constants.add(f"{padded.dtype.name}_t", padded)
                pieces.append(f"{{(const int8_t *){initial.name}, {padded.nbytes}u, 0}}")
        return [*pieces, f"{{NULL, {size}u, {fill}}}"] if size else pieces

    # --- parameters -----------------------------------------------------------------------------------------------

    def _parameters(self, number: int, layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> str:
        if isinstance(layer, tinyrt.ReceiveOp):
            return ""
        kernel, struct = find_kernel(layer.kernel.data), layer.struct.data
        declared = find_struct(struct, None if kernel is None else kernel.sources)
        if declared is None:
            raise CompileError(f"{label_of(layer)}: no header declares tinyts_{struct}_parameters")
        values = {field: parameter_value(value) for field, value in layer.parameters.data.items()}
        check_parameters(label_of(layer), kernel, struct, values)
        # In the order of the struct, as C++ wants designators.
        given = layer.parameters.data
        fields = [f"  .{one.name} = {self._field(given[one.name])}," for one in declared.fields if one.name in given]
        head = f"static const tinyts_{struct}_parameters {self.name}_layer_{number} = {{"
        return "\n".join([f"/* {label_of(layer)} */", head, *fields, "};"])

    def _field(self, value: Attribute) -> str:
        match value:
            case IntegerAttr():
                return c_elements([value.value.data])
            case DenseArrayBase():
                return "{" + c_elements(int_values(value)) + "}"
            case DenseIntOrFPElementsAttr():
                array = array_of(value).reshape(-1)
                return self.constants.add(f"{array.dtype.name}_t", array).name
            case _:
                raise CompileError(f"a kernel parameter cannot be {value}")

    # --- interface ------------------------------------------------------------------------------------------------

    def input_sizes(self) -> list[int]:
        """Bytes of each input."""
        return [cast(tinyrt.TensorOp, tensor.owner).byte_count for tensor in self.interface.input_tensors]

    def output_sizes(self) -> list[int]:
        """Bytes of each output."""
        return [cast(tinyrt.TensorOp, tensor.owner).byte_count for tensor in self.interface.output_tensors]

    def quantized_tensors(self) -> dict[str, UniformQuantizedType]:
        """The inputs and outputs whose bytes stand for numbers that the program says: `INPUT0`, `OUTPUT1` ..."""
        kinds = (("INPUT", self.interface.input_types), ("OUTPUT", self.interface.output_types))
        return {
            f"{kind}{number}": type
            for kind, types in kinds
            for number, type in enumerate(types or ())
            if isinstance(type, UniformQuantizedType) and not type.is_per_axis
        }

    def output_function(self, number: int) -> str:
        """The function that says where an output lies."""
        return (
            f"{self.name}_output" if len(self.output_names) == 1 else f"{self.name}_output_{self.output_names[number]}"
        )

    def invoke_parameters(self) -> str:
        """The parameters of NAME_invoke."""
        return ", ".join(
            [
                f"{self.name}_context *context",
                *(f"const {type} *{name}" for type, name in zip(self.input_types, self.input_names, strict=True)),
                *(f"{type} *{name}" for type, name in zip(self.output_types, self.output_parameters, strict=True)),
            ]
        )

    def feed_parameters(self) -> str:
        """The parameters of NAME_feed."""
        return f"{self.name}_context *context, const {self.input_types[0]} *rows, size_t row_count"

    @property
    def step_bits(self) -> int:
        """Of a step in the schedule."""
        return 8 if len(self.layers) <= 256 else 16
