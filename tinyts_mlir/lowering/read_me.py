"""README.md of an emitted folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tinyts_mlir.version import VERSION

if TYPE_CHECKING:
    from tinyts_mlir.lowering.c_program import CProgram

READ_ME = "README.md"
READ_ME_MARK = "<!-- Written by tinyts-mlir: a compile into this folder replaces it. -->"
"""The first line of a README.md that we wrote: any other is somebody else's, and stays."""


def read_me(program: CProgram, sources: Iterable[str], project: str | None) -> str:
    """README.md of an emitted folder.

    Args:
        program: the model.
        sources: the C files of model and kernels, the model's own first.
        project: how the project around the model is built, where there is one.
    """
    from tinyts_mlir.lowering.c_example import buffers_of, options_text, source_text

    name, macros = program.name, program.macros
    inputs, outputs = buffers_of("input", program.input_types), buffers_of("output", program.output_types)
    buffers = ", ".join([*inputs, *outputs])
    options = f"`{options_text(program)}`" if program.options else options_text(program)
    sources = list(sources)
    include = PurePosixPath(sources[0]).parent
    building = "" if project is None else f"{project.strip()}\n\n## The model alone\n\n"
    return f"""{READ_ME_MARK}

# {name}

An int8 neural network as C for microcontrollers, compiled by tinyts-mlir {VERSION}.

{building}Build it along with your program:

    cc -std=c11 -O2 -I{include} main.c {" ".join(_patterns(sources))}

Call it, with an `arena` of {macros}_ARENA_BYTES ({program.arena_bytes}) bytes, aligned to TINYTS_ARENA_ALIGNMENT:

    {name}_init(&context, arena, sizeof arena);
    {name}_invoke(&context, {buffers});

`{name}.h` begins with a whole program to copy, and says what else there is. `{name}_report.json` has sizes and layers.

- Model: {source_text(program)}
- Options: {options}
- Code: Apache-2.0. The network and its weights are those of the model file, under its terms.
"""


def _patterns(sources: Iterable[str]) -> list[str]:
    """C files as a shell finds them: those of a folder together."""
    names = sorted(PurePosixPath(source) for source in sources if source.endswith(".c"))
    top = [str(name) for name in names if len(name.parts) == 1]
    return top + sorted({f"{name.parent}/*.c" for name in names if len(name.parts) > 1})
