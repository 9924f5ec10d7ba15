"""What NAME.h says before anything else: where the code comes from, and how it is called."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tinyts_mlir.kernels.c_sources import int16_sources
from tinyts_mlir.lowering.c_program import CProgram
from tinyts_mlir.version import VERSION

LICENSE_LINE = " * SPDX-License-Identifier: Apache-2.0"
"""In a comment of C: the licence of the code that we wrote, or that we write."""
LICENSE_TEXT = (
    "That is the licence of the code. The network and its weights are those of the model file, under its terms."
)
INDENT = "    "
"""Of the example: it is copied as it stands, and no line of it is a directive of the header's."""


def head_comment(program: CProgram, include: str) -> list[str]:
    """The comment at the top of NAME.h; its example includes the file `include`."""
    options = _wrapped(options_text(program), len("Options: "))
    bits = "int16" if int16_sources().header in program.files.headers else "int8"
    return [
        f"/* {program.name}: an {bits} neural network as C, written by tinyts-mlir {VERSION}.",
        " *",
        LICENSE_LINE,
        *(f" * {line}" for line in textwrap.wrap(LICENSE_TEXT, 110)),
        " *",
        f" * Model:   {source_text(program)}",
        f" * Options: {options[0]}",
        *(f" *          {line}" for line in options[1:]),
        " *",
        " * An inference, as a whole program in C or C++:",
        "",
        *(f"{INDENT}{line}" if line else "" for line in example(program, include)),
        "",
        " */",
    ]


def source_text(program: CProgram) -> str:
    """Which model it is."""
    return "IR without a model file" if program.source_sha256 is None else f"SHA-256 {program.source_sha256}"


def options_text(program: CProgram) -> str:
    """How it was compiled."""
    return {None: "not recorded", "": "none"}.get(program.options, program.options or "")


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, 116 - indent, break_long_words=False, break_on_hyphens=False)


def example(program: CProgram, include: str) -> list[str]:
    """A program that runs one inference, in lines; comments are of one line, since it stands in one itself."""
    name, macros = program.name, program.macros
    inputs, outputs = buffers_of("input", program.input_types), buffers_of("output", program.output_types)
    arguments = ", ".join(["&context", *inputs, *outputs])
    return [
        f'#include "{include}"',
        "",
        "// What lives during an inference is yours: static, shared with other code, or on a heap.",
        f"{macros}_ARENA_ATTR TINYTS_ARENA_ALIGNED static int8_t arena[{macros}_ARENA_BYTES];",
        f"static {name}_context context;",
        *(f"static {type} {_array(program, buffer, type)};" for buffer, type in (*inputs.items(), *outputs.items())),
        "",
        "int main(void) {",
        f"{INDENT}if ({name}_init(&context, arena, sizeof arena) != TINYTS_OK) {{",
        f"{INDENT * 2}return 1;",
        f"{INDENT}}}",
        f"{INDENT}// Fill {', '.join(inputs)} here{_meaning(program, 'input')}.",
        f"{INDENT}if ({name}_invoke({arguments}) != TINYTS_OK) {{",
        f"{INDENT * 2}return 1;",
        f"{INDENT}}}",
        f"{INDENT}// Read {', '.join(outputs)} here{_meaning(program, 'output')}.",
        f"{INDENT}return 0;",
        "}",
    ]


def buffers_of(kind: str, types: Sequence[str]) -> dict[str, str]:
    """The example's buffers, and their elements' types."""
    return {kind if len(types) == 1 else f"{kind}{number}": type for number, type in enumerate(types)}


def _array(program: CProgram, buffer: str, type: str) -> str:
    size = f"{program.macros}_{buffer.upper()}_BYTES"
    return f"{buffer}[{size}{'' if type != 'float' else ' / sizeof(float)'}]"


def _meaning(program: CProgram, kind: str) -> str:
    """What an int8 element stands for, where the header says it."""
    first = f"{kind.upper()}0"
    if first not in program.quantized_tensors():
        return ""
    return f": byte q stands for {program.macros}_{first}_SCALE * (q - {program.macros}_{first}_ZERO_POINT)"
