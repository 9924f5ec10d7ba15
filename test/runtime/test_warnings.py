"""The C of all kernels without a warning for every core, by both compilers."""

from pathlib import Path

import pytest
from kernel_machine import RUNTIME

from tinyts_mlir.cores import CORES, Core
from tinyts_mlir.toolchain.compilers import compiler_for
from tinyts_mlir.toolchain.errors import ToolchainError

FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
BUILT = [core for core in CORES if core.gcc]


def test_cores_are_those_of_two_architectures() -> None:
    assert {"cortex-m0plus", "cortex-m4", "cortex-m55", "rv32imc"} < {core.name for core in BUILT}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gcc", "clang"])
@pytest.mark.parametrize("core", BUILT, ids=lambda core: core.name)
def test_every_core_compiles_all_kernels_without_a_warning(core: Core, kind: str, tmp_path: Path) -> None:
    assert kind in ("gcc", "clang")
    try:
        compiler = compiler_for(core, kind)
        known = tmp_path / "known.c"
        known.write_text("int tinyts_known;\n")
        compiler.compile({known: tmp_path / "known.o"}, [], [])
    except ToolchainError as error:  # it is not installed, or older than the core
        pytest.skip(str(error))
    # One unit of all files: names are unique among them, as the emitted single file wants.
    sources = sorted((RUNTIME / "src").glob("*.c"))
    assert len(sources) > 50
    unit = tmp_path / "all.c"
    unit.write_text("".join(f'#include "{source.name}"\n' for source in sources))
    include = [RUNTIME / "include", RUNTIME / "src"]
    if not compiler.has_libc:
        include.append(RUNTIME / "ports" / "cortex-m7-emulator" / "freestanding")
    compiler.compile({unit: tmp_path / "all.o"}, include, FLAGS)
