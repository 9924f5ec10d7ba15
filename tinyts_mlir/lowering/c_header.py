"""NAME.h: a model's interface in C. What it promises is in docs/c-interface.md."""

from __future__ import annotations

from typing import cast

from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.quant import float32_literal
from tinyts_mlir.dialects.rows import is_index_type
from tinyts_mlir.lowering.c_example import head_comment
from tinyts_mlir.lowering.c_program import CProgram, int_of
from tinyts_mlir.lowering.memory_accounting import row_pointers


def model_header(program: CProgram, include: str | None = None) -> str:
    """NAME.h; its example includes the file `include`, NAME.h itself where none is given."""
    name, macros = program.name, program.macros
    inputs, outputs = program.input_sizes(), program.output_sizes()
    sizes = [f"#define {macros}_INPUT{i}_BYTES {size}u" for i, size in enumerate(inputs)]
    sizes += [f"#define {macros}_OUTPUT{i}_BYTES {size}u" for i, size in enumerate(outputs)]
    first_input = f"{macros}_INPUT0_BYTES" if inputs else "0u"
    rows_read, rows_made = row_pointers(program.program)
    lines = [
        *head_comment(program, include or f"{name}.h"),
        f"#ifndef TINYTS_MODEL_{name}_H",
        f"#define TINYTS_MODEL_{name}_H",
        "",
        f"#ifdef {macros}_ARENA_BYTES",
        f'#error "the macros of two models begin with {macros}_: give one of them another name with --name"',
        "#endif",
        "",
        '#include "tinyts/tinyts_runtime.h"',
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"/* Everything that lives during an inference: {_arena_text(program)}. The caller owns",
        " * the arena; it starts on a multiple of TINYTS_ARENA_ALIGNMENT bytes. */",
        f"#define {macros}_ARENA_BYTES {program.arena_bytes}u",
        "",
        f"#define {macros}_INPUT_COUNT {len(inputs)}",
        f"#define {macros}_OUTPUT_COUNT {len(outputs)}",
        *sizes,
        f"#define {macros}_INPUT_BYTES {first_input}",
        f"#define {macros}_OUTPUT_BYTES {macros}_OUTPUT0_BYTES",
        *(_feed_macros(program) if program.has_feed else []),
        *_external_macro(program),
        *_quantization_macros(program),
        *_index_comment(program),
        "",
        "/* Where things lie: define these for this header and the model's sources alike, for example as",
        ' * __attribute__((section(".dtcm"))). */',
        f"#ifndef {macros}_ARENA_ATTR",
        f"#define {macros}_ARENA_ATTR",
        "#endif",
        f"#ifndef {macros}_WEIGHTS_ATTR",
        f"#define {macros}_WEIGHTS_ATTR",
        "#endif",
        f"#ifndef {macros}_TABLES_ATTR",
        f"#define {macros}_TABLES_ATTR",
        "#endif",
        "",
        "/* What an inference changes besides the arena. Opaque; every context needs an arena of its own. */",
        "typedef struct {",
        "  tinyts_state state;",
        f"  uint16_t bands[{max(1, len(program.layers))}];",
        f"  const int8_t *input_rows[{rows_read}];",
        f"  int8_t *output_rows[{rows_made}];",
        f"}} {name}_context;",
        "",
        "/* Checks the arena and prepares the context; call it once, before anything else. */",
        f"tinyts_status {name}_init({name}_context *context, void *arena, size_t arena_bytes);",
        "",
        "/* One inference. */"
        if not program.external_inputs
        else "/* One inference. Reads the input in place: nothing may write to it before this returns. */",
        f"tinyts_status {name}_invoke({program.invoke_parameters()});",
    ]
    if program.has_feed:
        lines += [
            "",
            f"/* The next `row_count` rows of the input, of {macros}_INPUT_ROW_BYTES bytes each: runs the network as",
            " * far as they allow, so that no buffer of the input's size is needed outside of the arena. An",
            f" * inference is complete with row number {macros}_INPUT_ROWS; the next call starts another. */",
            f"tinyts_status {name}_feed({program.feed_parameters()});",
        ]
    getters = ((program.output_types[number], program.output_function(number)) for number in range(len(outputs)))
    lines += [
        "",
        "/* Where an output lies once an inference is complete, until the next one starts; NULL before. */",
        *(f"const {type} *{getter}(const {name}_context *context);" for type, getter in getters),
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _arena_text(program: CProgram) -> str:
    rest = "activations, scratch, output"
    return f"{rest}, but not the input" if program.external_inputs else f"input rows, {rest}"


def _external_macro(program: CProgram) -> list[str]:
    external = bool(program.external_inputs)
    text = (
        "1: the input is read where the caller has it, is not counted as arena, and cannot be fed"
        if external
        else "0: the input is copied into the arena, and counted there"
    )
    return ["", f"/* {text}. */", f"#define {program.macros}_INPUT_EXTERNAL {int(external)}"]


def _quantization_macros(program: CProgram) -> list[str]:
    """What a byte q stands for, where the program says it: SCALE * (q - ZERO_POINT)."""
    macros: list[str] = []
    for tensor, type in program.quantized_tensors().items():
        macros.append(f"#define {program.macros}_{tensor}_SCALE {float32_literal(type.scale)}f")
        macros.append(f"#define {program.macros}_{tensor}_ZERO_POINT ({type.zero_point})")
    text = "/* Byte q of an input or output stands for SCALE * (q - ZERO_POINT). */"
    return ["", text, *macros] if macros else []


def _index_comment(program: CProgram) -> list[str]:
    """Which outputs are no quantized values."""
    types = program.interface.output_types or ()
    numbers = [str(number) for number, type in enumerate(types) if is_index_type(type)]
    return (
        ["", f"/* Integers that stand for themselves, such as indices: output {', '.join(numbers)}. */"]
        if numbers
        else []
    )


def _feed_macros(program: CProgram) -> list[str]:
    tensor = cast(tinyrt.TensorOp, program.interface.input_tensors[0].owner)
    return [
        f"#define {program.macros}_INPUT_ROWS {int_of(tensor.rows)}u",
        f"#define {program.macros}_INPUT_ROW_BYTES {int_of(tensor.row_bytes)}u",
    ]
