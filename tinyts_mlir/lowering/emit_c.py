"""`tinyrt` to C: constant tables, one dispatch loop, and the model's own interface.

`emit_project` gives the files of a folder that builds as it is; `emit_file` the same as one C file. The same program
and name give the same bytes. What the emitted code promises is in docs/c-interface.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.lowering.build_id import stamp
from tinyts_mlir.lowering.c_header import model_header
from tinyts_mlir.lowering.c_program import CProgram, program_of
from tinyts_mlir.lowering.c_tables import model_source, weights_header, weights_source
from tinyts_mlir.lowering.read_me import READ_ME, read_me
from tinyts_mlir.lowering.report import report_json
from tinyts_mlir.lowering.runtime_files import DISPATCH_SOURCE
from tinyts_mlir.lowering.single_file import amalgamate

UNUSED_HELPERS = """
/* Not every model uses every helper of the runtime. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wunused-function"
#endif

"""


def emit_project(module: ModuleOp, name: str) -> dict[str, str]:
    """The files of a folder that builds the model: file name to text."""
    program = CProgram(program_of(module), name)
    return finish_project(program, project_files(program))


def project_files(program: CProgram) -> dict[str, str]:
    """The C files and the CMakeLists.txt; `finish_project` does the rest."""
    files = {**_model_files(program), **program.files.texts}
    files["CMakeLists.txt"] = _cmake(program.name, [file for file in files if file.endswith(".c")])
    return files


def finish_project(
    program: CProgram, files: Mapping[str, str], places: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A project that has all its files but README.md and the report: with them, and with build ids.

    The report names all files. A README.md that is there says how the project around the model is built. `places` says
    of files where they lie in the end, if elsewhere.
    """
    name = program.name
    moved = places or {}
    sources = [moved.get(file, file) for file in (f"{name}.c", f"{name}_weights.c", *program.files.texts)]
    complete = {**files, READ_ME: read_me(program, sources, files.get(READ_ME))}
    report = f"{name}_report.json"
    complete[report] = report_json(program, sorted(moved.get(file, file) for file in [*complete, report]))
    return {moved.get(file, file): text for file, text in stamp(complete, name, program.files).items()}


def emit_file(module: ModuleOp, name: str) -> str:
    """The model, and what it needs of the runtime and of packages, as one C file.

    External functions of the runtime and of packages get names of the model's own, so that several such files link into
    one image.
    """
    program = CProgram(program_of(module), name)
    files = program.files
    renames = "\n".join(f"#define {function} {name}_{function}" for function in files.external_functions())
    roots = [f"{name}.h", DISPATCH_SOURCE, *files.kernel_sources, f"{name}_weights.c", f"{name}.c"]
    head = f"/* {name}: model and runtime in one file, compiled by tinyts-mlir. */\n{UNUSED_HELPERS}{renames}\n\n"
    return head + amalgamate({**files.texts, **_model_files(program, f"{name}.c")}, roots)


def _model_files(program: CProgram, include: str | None = None) -> dict[str, str]:
    """The model's own files; `include` is what the header's example includes, where that is not the header."""
    name = program.name
    return {
        f"{name}.h": model_header(program, include),
        f"{name}.c": model_source(program),
        f"{name}_weights.h": weights_header(program),
        f"{name}_weights.c": weights_source(program),
    }


def _cmake(name: str, sources: Sequence[str]) -> str:
    """CMakeLists.txt: a static library."""
    listed = "\n".join(f"  {source}" for source in sorted(sources))
    return (
        f"cmake_minimum_required(VERSION 3.13)\nproject({name} C)\n\n"
        f"add_library({name} STATIC\n{listed}\n)\n"
        f"target_include_directories({name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})\n"
        f"target_compile_features({name} PUBLIC c_std_11)\n"
        "if(NOT CMAKE_BUILD_TYPE)\n  set(CMAKE_BUILD_TYPE Release)\nendif()\n"
    )
