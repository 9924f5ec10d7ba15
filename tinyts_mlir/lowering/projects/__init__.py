"""Projects around a compiled model: `tinyts-opt --emit-c --emit-project KIND -o DIR/`.

Each kind is the emitted model, the applications of `runtime/applications/` and what one build system wants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.errors import CompileError, did_you_mean
from tinyts_mlir.lowering.c_program import CProgram, program_of
from tinyts_mlir.lowering.emit_c import finish_project, project_files
from tinyts_mlir.lowering.projects.application import Application, require_application_name
from tinyts_mlir.lowering.projects.baremetal import baremetal_files
from tinyts_mlir.lowering.projects.cmake import cmake_files
from tinyts_mlir.lowering.projects.mbed import mbed_ce_files, mbed_files
from tinyts_mlir.lowering.projects.package import package_files, package_layout
from tinyts_mlir.lowering.projects.package_descriptions import Publisher, require_package_name
from tinyts_mlir.mlperf_tiny import BENCHMARKS

PROJECTS: Mapping[str, Callable[[Application], dict[str, str]]] = {
    "mbed": mbed_files,
    "mbed-ce": mbed_ce_files,
    "baremetal": baremetal_files,
    "cmake": cmake_files,
}
"""Kind to what it adds to the emitted model (a CMakeLists.txt replaces the model's own)."""

PACKAGE = "package"
"""The kind that has a publisher, and is laid out anew."""

KINDS = (*PROJECTS, PACKAGE)


def require_project(
    kind: str, benchmark: str | None, name: str, publisher: str | None = None, url: str | None = None
) -> Publisher:
    """Who publishes a package. Raises CompileError for unknown kinds and benchmarks, and for impossible names."""
    if kind not in KINDS:
        raise CompileError(f"--emit-project: expected {', '.join(KINDS)}, got {kind!r}{did_you_mean(kind, KINDS)}")
    if benchmark is not None and benchmark not in BENCHMARKS:
        raise CompileError(f"--benchmark: expected {', '.join(BENCHMARKS)}, got {benchmark!r}")
    published_by = Publisher.of(publisher, url)
    if kind == PACKAGE:
        require_package_name(name)
    elif publisher is not None or url is not None:
        flag = "--publisher" if publisher is not None else "--url"
        raise CompileError(f"{flag}: expected --emit-project {PACKAGE}: only packages say who publishes them")
    require_application_name(name)
    return published_by


def emit_application_project(
    module: ModuleOp,
    name: str,
    kind: str,
    benchmark: str | None = None,
    publisher: str | None = None,
    url: str | None = None,
) -> dict[str, str]:
    """The files of a project, file name to text.

    `benchmark` names the MLPerf Tiny benchmark whose conventions the device follows; `publisher` and `url` go into a
    package's descriptions. Raises CompileError for unknown kinds and benchmarks, and for models that an application
    cannot have: those with several inputs or outputs, and those that are not quantized per tensor.
    """
    published_by = require_project(kind, benchmark, name, publisher, url)
    program = CProgram(program_of(module), name)
    model_files = project_files(program)
    application = Application.of(program, model_files, benchmark)
    del model_files["CMakeLists.txt"]
    if kind == PACKAGE:
        files = {**model_files, **package_files(application, published_by)}
        return finish_project(program, files, package_layout(files))
    return finish_project(program, {**model_files, **PROJECTS[kind](application)})
