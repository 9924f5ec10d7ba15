"""NAME.c and NAME_weights: a model's constants, the tables that the runtime reads, and the functions around them."""

from __future__ import annotations

from collections.abc import Sequence

from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.kernels.runtime_structs import LAYER, TENSOR, check_fields
from tinyts_mlir.lowering.c_example import LICENSE_LINE
from tinyts_mlir.lowering.c_program import CProgram, int_of, label_of
from tinyts_mlir.lowering.c_source import c_elements

# --- Constants -----------------------------------------------------------------------------------------------------


def weights_header(program: CProgram) -> str:
    """NAME_weights.h: declarations of the constants."""
    guard = f"TINYTS_MODEL_{program.name}_WEIGHTS_H"
    lines = [f"/* The constants of {program.name}. */", f"#ifndef {guard}", f"#define {guard}", ""]
    lines += [f'#include "{program.name}.h"', ""]
    lines += [f"extern {constant.declaration()};" for constant in program.constants.all()]
    return "\n".join([*lines, "", "#endif"]) + "\n"


def weights_source(program: CProgram) -> str:
    """NAME_weights.c: the constants."""
    name = program.name
    parts = [
        f"/* The constants of {name}: weights as the kernels read them, biases, multipliers.\n"
        " * They come from the model file, and are under its terms. */"
    ]
    parts.append(f'#include "{name}_weights.h"')
    for constant in program.constants.all():
        elements = c_elements(constant.values.tolist())
        parts.append(f"{program.macros}_WEIGHTS_ATTR {constant.declaration()} = {{\n  {elements}}};")
    if not program.constants.all():
        parts.append(f"typedef int {name}_has_no_constants;")
    return "\n\n".join(parts) + "\n"


# --- Tables --------------------------------------------------------------------------------------------------------


def model_source(program: CProgram) -> str:
    """NAME.c: tables and interface."""
    name = program.name
    headers = program.files.headers[1:]  # NAME.h includes the first, the runtime's
    included = [f"{name}.h", f"{name}_weights.h", *headers]
    operands: list[int] = []
    rows = [_layer_row(program, number, layer, operands) for number, layer in enumerate(program.layers)]
    numbers = program.tensor_numbers
    parts = [
        f"/* The tables of {name}.\n *\n{LICENSE_LINE}\n */",
        "\n".join(f'#include "{file}"' for file in included),
        *(text for text in program.parameters if text),
        "/* Where each band lies, in units of the model's offset_unit. */",
        _table(program, "uint16_t", "offsets", program.placement),
        _structs(program, "tensor", [_tensor_row(program, number) for number in range(len(program.tensors))]),
        _table(program, "uint16_t", "operands", operands),
        _structs(program, "layer", rows),
        "/* The schedule: which layer runs next. */",
        _table(program, f"uint{program.step_bits}_t", "steps", program.steps),
        _table(program, "uint16_t", "inputs", [numbers[tensor] for tensor in program.interface.input_tensors]),
        _table(program, "uint16_t", "outputs", [numbers[tensor] for tensor in program.interface.output_tensors]),
        *_state_pieces(program),
        _model(program),
        _functions(program),
    ]
    return "\n\n".join(parts) + "\n"


def _table(program: CProgram, ctype: str, suffix: str, values: Sequence[int]) -> str:
    elements = c_elements(values or [0])
    declaration = f"{program.macros}_TABLES_ATTR static const {ctype} {program.name}_{suffix}[{max(1, len(values))}]"
    return f"{declaration} = {{\n  {elements}}};"


def _structs(program: CProgram, kind: str, rows: Sequence[str]) -> str:
    name = program.name
    head = f"{program.macros}_TABLES_ATTR static const tinyts_{kind} {name}_{kind}s[{len(rows)}] = {{\n"
    return head + "".join(rows) + "};"


def _tensor_row(program: CProgram, number: int) -> str:
    tensor = program.tensors[number]
    label = label_of(tensor)
    offsets = f"&{program.name}_offsets[{program.first_offset[number]}]"
    names = ("row_bytes", "rows", "band_rows")
    values = (int_of(tensor.row_bytes), int_of(tensor.rows), int_of(tensor.band_rows))
    check_fields(label, TENSOR, dict(zip(names, values, strict=True)))
    row_bytes, rows, height = values
    band_rows = f"{height}u" if tensor.external is None else "TINYTS_EXTERNAL"
    return f"  {{{offsets}, {row_bytes}u, {rows}u, {band_rows}}}, /* {number}: {label} */\n"


def _layer_row(program: CProgram, number: int, layer: tinyrt.LayerOp | tinyrt.ReceiveOp, operands: list[int]) -> str:
    label = label_of(layer)
    first = len(operands)
    numbers = program.tensor_numbers
    if isinstance(layer, tinyrt.ReceiveOp):
        operands.append(numbers[layer.output])
        check_fields(label, LAYER, {"first_operand": first, "input_count": int_of(layer.input)})
        row = f"NULL, NULL, {first}u, {int_of(layer.input)}u, 1u, TINYTS_NO_SCRATCH, 1u, 1u, 0"
    else:
        operands += [numbers[tensor] for tensor in (*layer.inputs, *layer.outputs)]
        names = ("row_stride", "window_rows", "padding_top")
        window = (int_of(layer.row_stride), int_of(layer.window_rows), int_of(layer.padding_top))
        inputs, outputs = len(layer.inputs), len(layer.outputs)
        counts = {"first_operand": first, "input_count": inputs, "output_count": outputs}
        check_fields(label, LAYER, {**counts, **dict(zip(names, window, strict=True))})
        scratch = "TINYTS_NO_SCRATCH" if layer.scratch is None else f"{numbers[layer.scratch]}u"
        stride, window_rows, padding = window
        row = (
            f"tinyts_{layer.kernel.data}, &{program.name}_layer_{number}, {first}u, {inputs}u, "
            f"{outputs}u, {scratch}, {stride}u, {window_rows}u, {padding}"
        )
    return f"  {{{row}}}, /* {number}: {label} */\n"


def _state_pieces(program: CProgram) -> list[str]:
    if not program.state_pieces:
        return []
    rows = [f"  {piece},\n" for piece in program.state_pieces]
    return ["/* What the state is in the beginning. */", _structs(program, "state_piece", rows)]


def _model(program: CProgram) -> str:
    name = program.name
    narrow = program.step_bits == 8
    state: dict[str, str] = {}
    if program.state_bytes:
        state = {
            "state_offset": f"{program.arena_bytes // program.offset_unit}u",
            "state_pieces": f"{name}_state_pieces",
            "state_piece_count": f"{len(program.state_pieces)}u",
        }
    fields = {  # in the order of the struct, as C++ wants them
        "tensors": f"{name}_tensors",
        "layers": f"{name}_layers",
        "operands": f"{name}_operands",
        "steps8": f"{name}_steps" if narrow else "NULL",
        "steps16": "NULL" if narrow else f"{name}_steps",
        "inputs": f"{name}_inputs",
        "outputs": f"{name}_outputs",
        "step_count": f"{len(program.steps)}u",
        "arena_bytes": f"{program.macros}_ARENA_BYTES",
        "offset_unit": f"{program.offset_unit}u",
        **state,
        "layer_count": f"{len(program.layers)}u",
        "input_count": f"{program.macros}_INPUT_COUNT",
        "output_count": f"{program.macros}_OUTPUT_COUNT",
        "external_inputs": f"{len(program.external_inputs)}u",
    }
    text = "".join(f"  .{field} = {value},\n" for field, value in fields.items())
    return f"{program.macros}_TABLES_ATTR static const tinyts_model {name}_model = {{\n{text}}};"


# --- Functions -----------------------------------------------------------------------------------------------------


def _functions(program: CProgram) -> str:
    name = program.name
    inputs, outputs = program.input_names, program.output_parameters
    kept = "(int8_t *)context->kept" if program.state_bytes else "NULL"
    workspace = f"{{&context->state, context->bands, context->input_rows, context->output_rows, {kept}}}"
    check = "  if (context == NULL) {\n    return TINYTS_ERROR_NULL_POINTER;\n  }\n"
    take = f"  const tinyts_workspace workspace = {workspace};\n"
    call = f"(&{name}_model, workspace"
    pointers = _pointers(program.input_types, inputs, "const ")
    input_array = f"  const int8_t *const inputs[{max(1, len(inputs))}] = {{{pointers}}};\n"
    functions = [
        f"tinyts_status {name}_init({name}_context *context, void *arena, size_t arena_bytes) {{\n{check}{take}"
        f"  return tinyts_init{call}, arena, arena_bytes);\n}}",
        f"tinyts_status {name}_invoke({program.invoke_parameters()}) {{\n{check}{take}{input_array}"
        f"  int8_t *const outputs[{len(outputs)}] = {{{_pointers(program.output_types, outputs, '')}}};\n"
        f"  return tinyts_invoke{call}, inputs, outputs);\n}}",
    ]
    if program.state_bytes:
        functions.append(
            f"tinyts_status {name}_reset({name}_context *context) {{\n{check}{take}  return tinyts_reset{call});\n}}"
        )
    if program.has_feed:
        rows = _pointers(program.input_types, ["rows"], "const ")
        functions.append(
            f"tinyts_status {name}_feed({program.feed_parameters()}) {{\n"
            f"{check}{take}  return tinyts_feed{call}, {rows}, row_count);\n}}"
        )
    for number, type in enumerate(program.output_types):
        functions.append(
            f"const {type} *{program.output_function(number)}(const {name}_context *context) {{\n"
            f"  return context == NULL ? NULL : {_output_cast(type)}"
            f"tinyts_output(&{name}_model, &context->state, {number}u);\n}}"
        )
    return "\n\n".join(functions)


def _pointers(types: Sequence[str], names: Sequence[str], constant: str) -> str:
    """Pointers of the model's types as the bytes that the runtime has."""
    return (
        ", ".join(
            name if type == "int8_t" else f"({constant}int8_t *){name}" for type, name in zip(types, names, strict=True)
        )
        or "NULL"
    )


def _output_cast(type: str) -> str:
    """The cast from the runtime's bytes to the type of an output: a place in the arena is aligned for it."""
    return "" if type == "int8_t" else f"(const {type} *)(const void *)"
