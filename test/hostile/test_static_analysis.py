"""The emitted C under static analysers and warnings that the build does not ask for, without a finding."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from every_kernel import write
from hostile_models import NAMES, compiled
from hostile_tools import gcc, missing, need

from tinyts_mlir.lowering.emit_c import emit_file
from tinyts_mlir.lowering.runtime_files import runtime_directory
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, Compiler, cortex_m7_compiler
from tinyts_mlir.toolchain.errors import ToolchainError

STRICTER = ("-Wundef", "-Wshadow", "-Wcast-align", "-Wcast-qual", "-Wwrite-strings", "-Wmissing-prototypes")
LEVELS = ("-O0", "-O1", "-O2", "-O3")
Analyser = Callable[[list[Path], Path], None]
Kind = Literal["gcc", "clang", "arm gcc", "arm clang"]


def analyse_with_gcc(sources: list[Path], project: Path) -> None:
    _analyse(Compiler((gcc(),)), sources, project)


def analyse_with_arm_gcc(sources: list[Path], project: Path) -> None:
    """The branches for the DSP extension are others."""
    need("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    _analyse(cortex_m7_compiler("gcc"), sources, project)


def _analyse(compiler: Compiler, sources: list[Path], project: Path) -> None:
    objects = {source: source.with_suffix(".o") for source in sources}
    compiler.compile(objects, [project], [*WARNING_FLAGS, "-O2", "-fanalyzer"])


def analyse_with_cppcheck(sources: list[Path], project: Path) -> None:
    """In all configurations of the preprocessor. Style is no finding: its checks change from version to version."""
    need("cppcheck", "cppcheck")
    options = ["--enable=warning,performance,portability", "--std=c11", "--quiet", "--error-exitcode=1"]
    Compiler(("cppcheck",)).ask([*options, "-I", str(project), *map(str, sources)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("analyse", [analyse_with_gcc, analyse_with_cppcheck])
def test_no_findings(analyse: Analyser, name: str, tmp_path: Path) -> None:
    analyse(write(compiled(name).files, tmp_path), tmp_path)


def test_no_findings_in_branches_for_arm(tmp_path: Path) -> None:
    analyse_with_arm_gcc(write(compiled("every_kernel").files, tmp_path), tmp_path)


FAULTY = """
#include <stdint.h>
#include <stdlib.h>
int main(void) {
  uint32_t sums[4];
  int8_t *bytes = malloc(4);
  bytes[3] = (int8_t)sums[3];
  return bytes[3];
}
"""


@pytest.mark.parametrize("analyse", [analyse_with_gcc, analyse_with_arm_gcc, analyse_with_cppcheck])
def test_faults_are_found(analyse: Analyser, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="uninit"):
        analyse(write({"faulty.c": FAULTY}, tmp_path), tmp_path)


def compiler_of(kind: Kind) -> Compiler:
    """A compiler, with the flags of its machine but no level of optimization."""
    if kind == "gcc":
        return Compiler((gcc(),))
    if kind == "arm gcc":
        need("arm-none-eabi-gcc", "gcc-arm-none-eabi")
        return cortex_m7_compiler("gcc")
    try:
        import ziglang  # noqa: F401
    except ImportError:
        missing("zig's clang is not installed (pip install ziglang)")
    if kind == "arm clang":
        return cortex_m7_compiler("clang")
    compiler = cortex_m7_compiler("clang")  # for where it may write
    # Without a target, zig asks the cc of this machine where headers are.
    flags = ("-target", "x86_64-linux-gnu", "-fno-sanitize=all")
    return Compiler((sys.executable, "-m", "ziglang", "cc"), flags, environment=compiler.environment)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", ["gcc", "clang", "arm gcc", "arm clang"])
def test_no_warnings(kind: Kind, level: str, tmp_path: Path) -> None:
    """Every kernel in one file, compiled to the end: some warnings, and inline assembly, need the optimizer."""
    compiler = compiler_of(kind)
    (source,) = write({"every_kernel.c": emit_file(compiled("every_kernel").module, "every_kernel")}, tmp_path)
    include = [] if compiler.has_libc else [runtime_directory() / "ports" / "cortex-m7-emulator" / "freestanding"]
    levels = [level, "-Xclang", level] if kind.endswith("clang") else [level]  # zig takes -O3 for -O2
    compiler.compile({source: tmp_path / "object.o"}, include, [*WARNING_FLAGS, *STRICTER, *levels])
