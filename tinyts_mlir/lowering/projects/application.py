"""What every project shares: the applications' sources, and the header that ties them to the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import is_index_type
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.c_program import CProgram
from tinyts_mlir.lowering.memory_accounting import context_bytes
from tinyts_mlir.lowering.report import table_bytes
from tinyts_mlir.lowering.runtime_files import read_runtime_folder, runtime_directory
from tinyts_mlir.mlperf_tiny import BENCHMARKS, Conventions, Result, own_conventions

FOLDER = "applications"
MAINS = ("tinyts_main_device.c", "tinyts_main_streaming.c")
STREAMING = (
    "tinyts_main_streaming.c",
    "tinyts_source.h",
    "tinyts_source_generator.c",
    "tinyts_source_serial.c",
    "tinyts_streaming.c",
    "tinyts_streaming.h",
)


_PROGRAMS = ("device", "streaming")
_CMAKE_TARGETS = frozenset(
    ("all", "clean", "depend", "edit_cache", "help", "install", "package", "preinstall", "rebuild_cache", "test")
)
_INCLUDED_HEADERS = frozenset(("board", "console", "mbed", "poll", "port", "source", "startup"))
"""Headers of SDKs: the model's folder is searched before theirs. Headers of C name no model in any case."""


def _taken_names() -> frozenset[str]:
    """Names that a file or a build target of a project has, so that no model can have them."""
    files = [path for folder in (FOLDER, "ports") for path in (runtime_directory() / folder).rglob("*.*")]
    targets = {f"{prefix}{program}" for prefix in ("", "run_", "flash_", "flash-") for program in _PROGRAMS}
    return frozenset({*(path.stem for path in files)} | targets | _CMAKE_TARGETS | _INCLUDED_HEADERS)


def require_application_name(name: str) -> None:
    """Raises CompileError for a name of a model that a file or a build target of every project has."""
    if name in _taken_names():
        raise CompileError(
            f"--emit-project: a model cannot be named {name}, which is a file or a target of the project; "
            "--name gives it another name"
        )


@dataclass(frozen=True)
class Application:
    """A model as the applications have it."""

    name: str
    macros: str
    """What the model's macros begin with."""
    model_sources: tuple[str, ...]
    conventions: Conventions
    can_stream: bool
    """Whether rows can be fed to it."""
    arena_bytes: int
    context_bytes: int
    input_bytes: int
    weights_bytes: int
    tables_bytes: int

    @classmethod
    def of(cls, program: CProgram, model_files: Mapping[str, str], benchmark: str | None) -> Application:
        """The application of an emitted model; raises CompileError for a model that none can have."""
        inputs, outputs = program.interface.input_types, program.interface.output_types
        if inputs is None or outputs is None:
            raise CompileError("--emit-project: expected a tinyrt.interface with input_types and output_types")
        if (len(inputs), len(outputs)) != (1, 1):
            raise CompileError(
                f"--emit-project: the applications have one input and one output, but the model has {len(inputs)} and "
                f"{len(outputs)}; --emit-c alone writes its C"
            )
        if any(map(is_index_type, outputs)):
            raise CompileError(
                "--emit-project: the applications need an int8 output, but the model gives int32 or int64 indices; "
                "--emit-c alone writes its C"
            )
        types = [*inputs, *outputs]
        if not all(
            isinstance(type, UniformQuantizedType) and not type.is_per_axis and not type.is_unsigned for type in types
        ):
            raise CompileError(
                "--emit-project: the applications need an int8 input and output quantized per tensor; --io int8 makes "
                "them so where the model quantizes and dequantizes them itself"
            )
        [input_type] = inputs
        assert isinstance(input_type, UniformQuantizedType)
        conventions = own_conventions(program.name, input_type.zero_point)
        if benchmark is not None:
            conventions = BENCHMARKS[benchmark]
        if conventions.result is Result.MEAN_SQUARED_ERROR and program.input_sizes() != program.output_sizes():
            raise CompileError(
                f"--benchmark {benchmark}: expected a model whose output has the input's size, but they have "
                f"{program.output_sizes()} and {program.input_sizes()} bytes"
            )
        return cls(
            name=program.name,
            macros=program.macros,
            model_sources=tuple(sorted(file for file in model_files if file.endswith(".c"))),
            conventions=conventions,
            can_stream=program.has_feed,
            arena_bytes=program.arena_bytes,
            context_bytes=context_bytes(program.program) + program.state_bytes,
            input_bytes=sum(program.input_sizes()),
            weights_bytes=program.constants.bytes(),
            tables_bytes=sum(table_bytes(program).values()),
        )

    def files(self, mains: bool = True) -> dict[str, str]:
        """The applications' files; without those of the streaming one where the model cannot be fed."""
        sources = read_runtime_folder(FOLDER)
        left_out = (() if self.can_stream else STREAMING) + (() if mains else MAINS)
        files = {f"{FOLDER}/{file}": text for file, text in sources.items() if file not in left_out}
        files[f"{FOLDER}/tinyts_application_model.h"] = self.header()
        return files

    def header(self) -> str:
        """tinyts_application_model.h."""
        conventions = self.conventions
        return f"""/* The model of this folder's applications: {self.name}. Included by tinyts_model_data.h. */
#ifndef TINYTS_APPLICATION_MODEL_H
#define TINYTS_APPLICATION_MODEL_H

#include "{self.name}.h"

/* TINYTS_MODEL(invoke) is {self.name}_invoke, TINYTS_MODEL_MACRO(ARENA_BYTES) is {self.macros}_ARENA_BYTES. */
#define TINYTS_MODEL(symbol) {self.name}_##symbol
#define TINYTS_MODEL_MACRO(symbol) {self.macros}_##symbol

/* What the device says it runs: benchmark runners choose their inputs by it. */
#define TINYTS_DEVICE_MODEL "{conventions.model}"

/* What comes over the serial line for an element of the input, and what goes back. */
#define TINYTS_INPUT_ENCODING {conventions.encoding.value}
#define TINYTS_RESULT {conventions.result.value}

#endif
"""

    def library(self) -> str:
        """CMake commands that make the model a static library."""
        listed = "\n".join(f"  {source}" for source in self.model_sources)
        return (
            f"add_library({self.name} STATIC\n{listed}\n)\n"
            f"target_include_directories({self.name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})\n"
            f"target_compile_features({self.name} PUBLIC c_std_11)\n"
        )

    def settings(self) -> str:
        """CMake variables that the ports' CMake files read."""
        return f"set(MODEL {self.name})\nset(MODEL_CAN_STREAM {'ON' if self.can_stream else 'OFF'})\n"


RELEASE = "if(NOT CMAKE_BUILD_TYPE)\n  set(CMAKE_BUILD_TYPE Release)\nendif()\n"
"""CMake commands that make an optimized build the default."""
