"""`tinyrt` to C: constant tables, one dispatch loop, and the model's own interface.

`emit_project` gives the files of a folder that builds as it is; `emit_file` the same as one C file. The same program
and name give the same bytes. What the emitted code promises is in docs/c-interface.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    NameLoc,
    Signedness,
    StringAttr,
)
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.quant import UniformQuantizedType, float32_literal
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.c_source import (
    Constants,
    c_elements,
    c_identifier,
    distinct,
    is_reserved,
    require_identifier,
)
from tinyts_mlir.lowering.memory_accounting import STACK_BOUND_BYTES, context_bytes, row_pointers
from tinyts_mlir.lowering.runtime_files import (
    DISPATCH_SOURCE,
    amalgamate,
    external_functions,
    kernel_source,
    runtime_sources,
)

REPORT_VERSION = 1
LOCAL_NAMES = frozenset({"context", "arena", "workspace", "inputs", "outputs"})
"""Names that the emitted functions use themselves."""
NO_PLACE = 0xFFFF
"""TINYTS_NO_PLACE: stands in placement tables where a step has no scratch, so no offset may be as many units."""
LARGEST_OFFSET_UNIT = 1 << 12

# Bytes of the runtime's structs on a 32-bit target (runtime/include/tinyts/runtime.h).
TENSOR_STRUCT_BYTES = 12
LAYER_STRUCT_BYTES = 20


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


def _int(attribute: Attribute) -> int:
    return cast(IntegerAttr, attribute).value.data


def _array(attribute: DenseIntOrFPElementsAttr) -> NDArray[np.signedinteger] | NDArray[np.unsignedinteger]:
    element_type = cast(IntegerType, attribute.type.element_type)
    kind = "u" if element_type.signedness.data == Signedness.UNSIGNED else "i"
    return np.frombuffer(attribute.data.data, f"<{kind}{element_type.width.data // 8}")


class Emitter:
    """The C of one program under one name."""

    def __init__(self, program: tinyrt.ProgramOp, name: str) -> None:
        self.program = program
        self.name = require_identifier(name)
        self.constants = Constants(name)
        self.layers = program.layers()
        self.tensors = program.tensors()
        self.steps = program.steps()
        self.interface = program.interface()
        self.arena_bytes = _int(program.arena_bytes)
        self.tensor_numbers: dict[SSAValue, int] = {op.descriptor: i for i, op in enumerate(self.tensors)}
        self.kernels = sorted({layer.kernel.data for layer in self.layers if isinstance(layer, tinyrt.LayerOp)})
        if len(self.layers) > 1 << 16 or len(self.tensors) >= 1 << 16:
            raise CompileError(f"expected fewer than 65,536 layers and tensors, got {len(self.layers)} layers")
        self.input_names = self._parameter_names(self.interface.inputs.data, "input")
        self.output_names = self._parameter_names(self.interface.outputs.data, "output")
        inputs = set(self.input_names)
        self.output_parameters = distinct([f"{n}_out" if n in inputs else n for n in self.output_names], inputs)
        self.external_inputs = sorted({t.external_input for t in self.tensors if t.external_input is not None})
        self.has_feed = len(self.input_names) == 1 and not self.external_inputs
        self.offset_unit = self._offset_unit()
        self.placement: list[int] = []
        self.first_offset: list[int] = []
        self._place()
        self.parameters = [self._parameters(number, layer) for number, layer in enumerate(self.layers)]

    def _parameter_names(self, attributes: Sequence[Attribute], default: str) -> list[str]:
        """C names for inputs or outputs: the default where there is one, else the model's names made unique."""
        if len(attributes) == 1:
            return [default]
        names: list[str] = []
        for attribute in attributes:
            name = c_identifier(cast(StringAttr, attribute).data, prefix=f"{default}_")
            mistakable = name in LOCAL_NAMES or is_reserved(name) or name.startswith(f"{self.name}_")
            names.append(f"{default}_{name}" if mistakable else name)
        return distinct(names)

    def _offset_unit(self) -> int:
        offsets = [offset for tensor in self.tensors for offset in int_values(tensor.offsets)]
        offsets = [offset for offset in offsets if offset != tinyrt.NO_PLACE]
        common = int(np.bitwise_or.reduce(np.array(offsets, np.int64), initial=LARGEST_OFFSET_UNIT))
        unit = common & -common
        if max(offsets, default=0) // unit >= NO_PLACE:
            raise CompileError(
                f"offsets up to {max(offsets)} in units of {unit} bytes do not fit 16 bits; "
                "run plan-arena with a larger alignment"
            )
        return unit

    def _place(self) -> None:
        """All tensors' offsets in one table; tensors with the same offsets share.

        An external tensor has the number of its model input there.
        """
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

    # --- parameters ---------------------------------------------------------------------------------------------

    def _parameters(self, number: int, layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> str:
        if isinstance(layer, tinyrt.ReceiveOp):
            return ""
        fields = [f"  .{field} = {self._field(value)}," for field, value in layer.parameters.data.items()]
        head = f"static const tinyts_{layer.struct.data}_parameters {self.name}_layer_{number} = {{"
        return "\n".join([f"/* {self._label(layer)} */", head, *fields, "};"])

    def _field(self, value: Attribute) -> str:
        match value:
            case IntegerAttr():
                return c_elements([value.value.data])
            case DenseArrayBase():
                return "{" + c_elements(int_values(value)) + "}"
            case DenseIntOrFPElementsAttr():
                array = _array(value)
                return self.constants.add(f"{array.dtype.name}_t", array).name
            case _:
                raise CompileError(f"a kernel parameter cannot be {value}")

    def _label(self, op: Operation) -> str:
        name = op.location.desc.data if isinstance(op.location, NameLoc) else op.name
        # Names come from the model file: nothing in them may end the comment or the line.
        return re.sub(r"[^\w ./:;,+-]", "_", name, flags=re.ASCII).replace("*/", "_").replace("/*", "_")[:120]

    # --- files --------------------------------------------------------------------------------------------------

    def header(self) -> str:
        """NAME.h."""
        name = self.name
        inputs = self.input_sizes()
        outputs = [self._bytes(tensor) for tensor in self.interface.output_tensors]
        sizes = [f"#define {name}_INPUT{i}_BYTES {size}u" for i, size in enumerate(inputs)]
        sizes += [f"#define {name}_OUTPUT{i}_BYTES {size}u" for i, size in enumerate(outputs)]
        first_input = f"{name}_INPUT0_BYTES" if inputs else "0u"
        lines = [
            f"/* {name}: an int8 neural network, compiled by tinyts-mlir. */",
            f"#ifndef TINYTS_MODEL_{name}_H",
            f"#define TINYTS_MODEL_{name}_H",
            "",
            '#include "tinyts/runtime.h"',
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            f"/* Everything that lives during an inference: {self._arena_text()}. The caller owns",
            " * the arena; it starts on a multiple of TINYTS_ARENA_ALIGNMENT bytes. */",
            f"#define {name}_ARENA_BYTES {self.arena_bytes}u",
            "",
            f"#define {name}_INPUT_COUNT {len(inputs)}",
            f"#define {name}_OUTPUT_COUNT {len(outputs)}",
            *sizes,
            f"#define {name}_INPUT_BYTES {first_input}",
            f"#define {name}_OUTPUT_BYTES {name}_OUTPUT0_BYTES",
            *(self._feed_macros() if self.has_feed else []),
            *self._external_macro(),
            *self._quantization_macros(),
            "",
            "/* Where things lie: define these for this header and the model's sources alike, for example as",
            ' * __attribute__((section(".dtcm"))). */',
            f"#ifndef {name}_ARENA_ATTR",
            f"#define {name}_ARENA_ATTR",
            "#endif",
            f"#ifndef {name}_WEIGHTS_ATTR",
            f"#define {name}_WEIGHTS_ATTR",
            "#endif",
            f"#ifndef {name}_TABLES_ATTR",
            f"#define {name}_TABLES_ATTR",
            "#endif",
            "",
            "/* What an inference changes besides the arena. Opaque; every context needs an arena of its own. */",
            "typedef struct {",
            "  tinyts_state state;",
            f"  uint16_t bands[{max(1, len(self.layers))}];",
            f"  const int8_t *input_rows[{row_pointers(self.program)[0]}];",
            f"  int8_t *output_rows[{row_pointers(self.program)[1]}];",
            f"}} {name}_context;",
            "",
            "/* Checks the arena and prepares the context; call it once, before anything else. */",
            f"tinyts_status {name}_init({name}_context *context, void *arena, size_t arena_bytes);",
            "",
            "/* One inference. */"
            if not self.external_inputs
            else "/* One inference. Reads the input in place: nothing may write to it before this returns. */",
            f"tinyts_status {name}_invoke({self._invoke_parameters()});",
        ]
        if self.has_feed:
            lines += [
                "",
                f"/* The next `row_count` rows of the input, of {name}_INPUT_ROW_BYTES bytes each: runs the network as",
                " * far as they allow, so that no buffer of the input's size is needed outside of the arena. An",
                f" * inference is complete with row number {name}_INPUT_ROWS; the next call starts another. */",
                f"tinyts_status {name}_feed({name}_context *context, const int8_t *rows, size_t row_count);",
            ]
        lines += [
            "",
            "/* Where an output lies once an inference is complete, until the next one starts; NULL before. */",
            *(f"const int8_t *{self._output_function(i)}(const {name}_context *context);" for i in range(len(outputs))),
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            "#endif",
        ]
        return "\n".join(lines) + "\n"

    def _arena_text(self) -> str:
        rest = "activations, scratch, output"
        return f"{rest}, but not the input" if self.external_inputs else f"input rows, {rest}"

    def _external_macro(self) -> list[str]:
        external = bool(self.external_inputs)
        text = (
            "1: the input is read where the caller has it, is not counted as arena, and cannot be fed"
            if external
            else "0: the input is copied into the arena, and counted there"
        )
        return ["", f"/* {text}. */", f"#define {self.name}_INPUT_EXTERNAL {int(external)}"]

    def _quantization_macros(self) -> list[str]:
        """What a byte q stands for, where the program says it: SCALE * (q - ZERO_POINT)."""
        macros: list[str] = []
        for kind, types in (("INPUT", self.interface.input_types), ("OUTPUT", self.interface.output_types)):
            for number, type in enumerate(types or ()):
                if isinstance(type, UniformQuantizedType) and not type.is_per_axis:
                    macros.append(f"#define {self.name}_{kind}{number}_SCALE {float32_literal(type.scale)}f")
                    macros.append(f"#define {self.name}_{kind}{number}_ZERO_POINT ({type.zero_point})")
        text = "/* Byte q of an input or output stands for SCALE * (q - ZERO_POINT). */"
        return ["", text, *macros] if macros else []

    def _feed_macros(self) -> list[str]:
        tensor = cast(tinyrt.TensorOp, self.interface.input_tensors[0].owner)
        return [
            f"#define {self.name}_INPUT_ROWS {_int(tensor.rows)}u",
            f"#define {self.name}_INPUT_ROW_BYTES {_int(tensor.row_bytes)}u",
        ]

    def _output_function(self, number: int) -> str:
        return (
            f"{self.name}_output" if len(self.output_names) == 1 else f"{self.name}_output_{self.output_names[number]}"
        )

    def _invoke_parameters(self) -> str:
        return ", ".join(
            [
                f"{self.name}_context *context",
                *(f"const int8_t *{name}" for name in self.input_names),
                *(f"int8_t *{name}" for name in self.output_parameters),
            ]
        )

    def input_sizes(self) -> list[int]:
        """Bytes of each input."""
        return [self._bytes(tensor) for tensor in self.interface.input_tensors]

    def _bytes(self, tensor: SSAValue) -> int:
        op = cast(tinyrt.TensorOp, tensor.owner)
        return _int(op.rows) * _int(op.row_bytes)

    def weights_header(self) -> str:
        """NAME_weights.h: declarations of the constants."""
        guard = f"TINYTS_MODEL_{self.name}_WEIGHTS_H"
        lines = [f"/* The constants of {self.name}. */", f"#ifndef {guard}", f"#define {guard}", ""]
        lines += [f'#include "{self.name}.h"', ""]
        lines += [f"extern {constant.declaration()};" for constant in self.constants.all()]
        return "\n".join([*lines, "", "#endif"]) + "\n"

    def weights_source(self) -> str:
        """NAME_weights.c: the constants."""
        parts = [f"/* The constants of {self.name}: weights as the kernels read them, biases, multipliers. */"]
        parts.append(f'#include "{self.name}_weights.h"')
        for constant in self.constants.all():
            elements = c_elements(constant.values.tolist())
            parts.append(f"{self.name}_WEIGHTS_ATTR {constant.declaration()} = {{\n  {elements}}};")
        if not self.constants.all():
            parts.append(f"typedef int {self.name}_has_no_constants;")
        return "\n\n".join(parts) + "\n"

    def source(self) -> str:
        """NAME.c: tables and interface."""
        name = self.name
        parts = [
            f"/* The tables of {name}. */",
            f'#include "{name}.h"\n#include "{name}_weights.h"\n#include "tinyts/kernels.h"',
            *(text for text in self.parameters if text),
            "/* Where each band lies, in units of the model's offset_unit. */",
            self._table("uint16_t", "offsets", self.placement),
            f"{name}_TABLES_ATTR static const tinyts_tensor {name}_tensors[{len(self.tensors)}] = {{\n"
            + "".join(self._tensor_row(i) for i in range(len(self.tensors)))
            + "};",
        ]
        operands: list[int] = []
        rows: list[str] = []
        for number, layer in enumerate(self.layers):
            rows.append(self._layer_row(number, layer, operands))
        parts += [
            self._table("uint16_t", "operands", operands),
            f"{name}_TABLES_ATTR static const tinyts_layer {name}_layers[{len(self.layers)}] = {{\n"
            + "".join(rows)
            + "};",
            "/* The schedule: which layer runs next. */",
            self._table(f"uint{self._step_bits()}_t", "steps", self.steps),
            self._table("uint16_t", "inputs", [self.tensor_numbers[t] for t in self.interface.input_tensors]),
            self._table("uint16_t", "outputs", [self.tensor_numbers[t] for t in self.interface.output_tensors]),
            self._model(),
            self._functions(),
        ]
        return "\n\n".join(parts) + "\n"

    def _step_bits(self) -> int:
        return 8 if len(self.layers) <= 256 else 16

    def _table(self, ctype: str, suffix: str, values: Sequence[int]) -> str:
        elements = c_elements(values or [0])
        declaration = f"{self.name}_TABLES_ATTR static const {ctype} {self.name}_{suffix}[{max(1, len(values))}]"
        return f"{declaration} = {{\n  {elements}}};"

    def _tensor_row(self, number: int) -> str:
        tensor = self.tensors[number]
        offsets = f"&{self.name}_offsets[{self.first_offset[number]}]"
        row_bytes, rows = _int(tensor.row_bytes), _int(tensor.rows)
        band_rows = f"{_int(tensor.band_rows)}u" if tensor.external is None else "TINYTS_EXTERNAL"
        if rows >= 1 << 16:
            raise CompileError(f"{self._label(tensor)}: expected fewer than 65,536 rows, got {rows}")
        return f"  {{{offsets}, {row_bytes}u, {rows}u, {band_rows}}}, /* {number}: {self._label(tensor)} */\n"

    def _layer_row(self, number: int, layer: tinyrt.LayerOp | tinyrt.ReceiveOp, operands: list[int]) -> str:
        first = len(operands)
        if isinstance(layer, tinyrt.ReceiveOp):
            operands.append(self.tensor_numbers[layer.output])
            row = f"NULL, NULL, {first}u, {_int(layer.input)}u, 1u, TINYTS_NO_SCRATCH, 1u, 1u, 0"
        else:
            operands += [self.tensor_numbers[t] for t in layer.inputs]
            operands += [self.tensor_numbers[t] for t in layer.outputs]
            if max(len(layer.inputs), len(layer.outputs)) > 255:
                raise CompileError(f"{self._label(layer)}: expected at most 255 inputs and outputs")
            scratch = "TINYTS_NO_SCRATCH" if layer.scratch is None else f"{self.tensor_numbers[layer.scratch]}u"
            row = (
                f"tinyts_{layer.kernel.data}, &{self.name}_layer_{number}, {first}u, {len(layer.inputs)}u, "
                f"{len(layer.outputs)}u, {scratch}, {_int(layer.row_stride)}u, {_int(layer.window_rows)}u, "
                f"{_int(layer.padding_top)}"
            )
        return f"  {{{row}}}, /* {number}: {self._label(layer)} */\n"

    def _model(self) -> str:
        name = self.name
        narrow = self._step_bits() == 8
        fields = {
            "tensors": f"{name}_tensors",
            "layers": f"{name}_layers",
            "operands": f"{name}_operands",
            "steps8": f"{name}_steps" if narrow else "NULL",
            "steps16": "NULL" if narrow else f"{name}_steps",
            "inputs": f"{name}_inputs",
            "outputs": f"{name}_outputs",
            "step_count": f"{len(self.steps)}u",
            "arena_bytes": f"{name}_ARENA_BYTES",
            "offset_unit": f"{self.offset_unit}u",
            "layer_count": f"{len(self.layers)}u",
            "input_count": f"{name}_INPUT_COUNT",
            "output_count": f"{name}_OUTPUT_COUNT",
            "external_inputs": f"{len(self.external_inputs)}u",
        }
        text = "".join(f"  .{field} = {value},\n" for field, value in fields.items())
        return f"{name}_TABLES_ATTR static const tinyts_model {name}_model = {{\n{text}}};"

    def _functions(self) -> str:
        name = self.name
        inputs, outputs = self.input_names, self.output_parameters
        workspace = "{&context->state, context->bands, context->input_rows, context->output_rows}"
        check = "  if (context == NULL) {\n    return TINYTS_ERROR_NULL_POINTER;\n  }\n"
        take = f"  const tinyts_workspace workspace = {workspace};\n"
        call = f"(&{name}_model, workspace"
        input_array = f"  const int8_t *const inputs[{max(1, len(inputs))}] = {{{', '.join(inputs) or 'NULL'}}};\n"
        functions = [
            f"tinyts_status {name}_init({name}_context *context, void *arena, size_t arena_bytes) {{\n{check}{take}"
            f"  return tinyts_init{call}, arena, arena_bytes);\n}}",
            f"tinyts_status {name}_invoke({self._invoke_parameters()}) {{\n{check}{take}{input_array}"
            f"  int8_t *const outputs[{len(outputs)}] = {{{', '.join(outputs)}}};\n"
            f"  return tinyts_invoke{call}, inputs, outputs);\n}}",
        ]
        if self.has_feed:
            functions.append(
                f"tinyts_status {name}_feed({name}_context *context, const int8_t *rows, size_t row_count) {{\n"
                f"{check}{take}  return tinyts_feed{call}, rows, row_count);\n}}"
            )
        for number in range(len(outputs)):
            functions.append(
                f"const int8_t *{self._output_function(number)}(const {name}_context *context) {{\n"
                f"  return context == NULL ? NULL : tinyts_output(&{name}_model, &context->state, {number}u);\n}}"
            )
        return "\n\n".join(functions)

    def table_bytes(self) -> dict[str, int]:
        """Bytes of the schedule, of the placement, and of the tensor and layer structs, on a 32-bit target."""
        operands = sum(
            1 if isinstance(layer, tinyrt.ReceiveOp) else len(layer.inputs) + len(layer.outputs)
            for layer in self.layers
        )
        return {
            "schedule_bytes": len(self.steps) * (self._step_bits() // 8),
            "placement_bytes": 2 * len(self.placement),
            "descriptor_bytes": TENSOR_STRUCT_BYTES * len(self.tensors)
            + LAYER_STRUCT_BYTES * len(self.layers)
            + 2 * operands,
        }

    def report(self) -> dict[str, object]:
        """What the compiler knows of the model: exact figures."""
        layers: list[dict[str, object]] = []
        for layer in self.layers:
            output = layer.output if isinstance(layer, tinyrt.ReceiveOp) else layer.outputs[0]
            tensor = cast(tinyrt.TensorOp, output.owner)
            layers.append(
                {
                    "name": self._label(layer),
                    "kernel": "receive" if isinstance(layer, tinyrt.ReceiveOp) else layer.kernel.data,
                    "rows": _int(tensor.rows),
                    "band_rows": _int(tensor.band_rows),
                    "row_bytes": _int(tensor.row_bytes),
                }
            )
        tables = self.table_bytes()
        return {
            "version": REPORT_VERSION,
            "name": self.name,
            "arena_bytes": self.arena_bytes,
            **self._bounds(),
            "context_bytes": context_bytes(self.program),
            "stack_bound_bytes": STACK_BOUND_BYTES,
            "input": self._input_report(),
            "input_bytes": [self._bytes(tensor) for tensor in self.interface.input_tensors],
            "output_bytes": [self._bytes(tensor) for tensor in self.interface.output_tensors],
            "constant_bytes": self.constants.bytes(),
            "tables_bytes": sum(tables.values()),
            **tables,
            "steps": len(self.steps),
            "layers": layers,
        }

    def _bounds(self) -> dict[str, object]:
        """How small the arena could be at best: `peak_bytes` in this order, `bound_bytes` in any."""
        bounds = {"peak_bytes": self.program.peak_bytes, "bound_bytes": self.program.bound_bytes}
        return {name: _int(bound) for name, bound in bounds.items() if bound is not None}

    def _input_report(self) -> dict[str, object]:
        """Where the model's inputs live: `mixed` where they do not all live in the same way."""
        modes = {self._input_mode(number) for number in range(len(self.input_names))}
        return {
            "mode": modes.pop() if len(modes) == 1 else "mixed",
            "bytes": sum(self._bytes(tensor) for tensor in self.interface.input_tensors),
            "counted_in_arena": not self.external_inputs,
        }

    def _input_mode(self, number: int) -> str:
        """`external`; `stream` where something runs before the last row is there, else `arena`."""
        if number in self.external_inputs:
            return "external"
        receives = [isinstance(self.layers[step], tinyrt.ReceiveOp) for step in self.steps]
        of_input = [
            isinstance(layer := self.layers[step], tinyrt.ReceiveOp) and _int(layer.input) == number
            for step in self.steps
        ]
        last = max(position for position, is_one in enumerate(of_input) if is_one)
        return "arena" if all(receives[:last]) else "stream"

    def report_json(self) -> str:
        """NAME_report.json."""
        return json.dumps(self.report(), indent=2) + "\n"

    def cmake(self, sources: Sequence[str]) -> str:
        """CMakeLists.txt: a static library."""
        listed = "\n".join(f"  {source}" for source in sorted(sources))
        return (
            f"cmake_minimum_required(VERSION 3.13)\nproject({self.name} C)\n\n"
            f"add_library({self.name} STATIC\n{listed}\n)\n"
            f"target_include_directories({self.name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})\n"
            f"target_compile_features({self.name} PUBLIC c_std_11)\n"
            "if(NOT CMAKE_BUILD_TYPE)\n  set(CMAKE_BUILD_TYPE Release)\nendif()\n"
        )


def emit_project(module: ModuleOp, name: str) -> dict[str, str]:
    """The files of a folder that builds the model: file name to text."""
    emitter = Emitter(program_of(module), name)
    runtime = runtime_sources(emitter.kernels)
    files = {
        f"{name}.h": emitter.header(),
        f"{name}.c": emitter.source(),
        f"{name}_weights.h": emitter.weights_header(),
        f"{name}_weights.c": emitter.weights_source(),
        f"{name}_report.json": emitter.report_json(),
        **runtime,
    }
    files["CMakeLists.txt"] = emitter.cmake([file for file in files if file.endswith(".c")])
    return files


UNUSED_HELPERS = """
/* Not every model uses every helper of the runtime. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wunused-function"
#endif

"""


def emit_file(module: ModuleOp, name: str) -> str:
    """The model and the runtime that it needs as one C file.

    The runtime's functions get names of the model's own, so that several such files link into one image.
    """
    emitter = Emitter(program_of(module), name)
    sources = runtime_sources(emitter.kernels)
    renames = "\n".join(f"#define {function} {name}_{function}" for function in external_functions(sources))
    sources |= {
        f"{name}.h": emitter.header(),
        f"{name}.c": emitter.source(),
        f"{name}_weights.h": emitter.weights_header(),
        f"{name}_weights.c": emitter.weights_source(),
    }
    kernels = [kernel_source(kernel) for kernel in emitter.kernels]
    roots = [f"{name}.h", DISPATCH_SOURCE, *kernels, f"{name}_weights.c", f"{name}.c"]
    head = f"/* {name}: model and runtime in one file, compiled by tinyts-mlir. */\n{UNUSED_HELPERS}{renames}\n\n"
    return head + amalgamate(sources, roots)
