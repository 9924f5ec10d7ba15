"""Tools of other machines and of analysis, the programs made with them, and where a test is skipped without them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from every_kernel import write
from hostile_models import compiled

from tinyts_mlir.lowering.runtime_files import runtime_directory
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, Compiler
from tinyts_mlir.toolchain.model_interface import ModelInterface
from tinyts_mlir.toolchain.programs import HostProgram

REQUIRED = bool(os.environ.get("TINYTS_REQUIRE_HOSTILE"))
"""Whether a test fails where its tools are missing."""

TIMEOUT_SECONDS = 60


def missing(what: str) -> None:
    """Skips the test, or fails it if its tools are required."""
    report = pytest.fail if REQUIRED else pytest.skip
    report(what)


def need(program: str, package: str) -> None:
    """Skips the test, or fails it, where a program is not installed."""
    if shutil.which(program) is None:
        missing(f"{program} is not installed (Debian: {package})")


def gcc() -> str:
    """GCC of this machine; skips the test where there is none, as `gcc` may be clang's name."""
    need("gcc", "gcc")
    version = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True).stdout
    if "Free Software Foundation" not in version:
        missing("gcc is another compiler here")
    return "gcc"


def need_programs_of(compiler: Compiler, directory: Path, package: str, emulator: Sequence[str] = ()) -> None:
    """Skips the test, or fails it, where no program of this compiler can be linked; skips it where none runs."""
    source, program = directory / "empty.c", directory / "empty"
    source.write_text("#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n")
    command = [*compiler.command, *compiler.compile_flags, *compiler.link_flags, source, "-o", program]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        missing(f"{compiler.command[0]} links nothing here (Debian: {package}):\n{result.stderr[-1000:]}")
    # Some kernels run no 32-bit programs, or put addresses where the thread sanitizer does not want them.
    try:
        result = subprocess.run([*emulator, program], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"the system does not run such programs: {error.strerror}")
    if result.returncode != 0:
        pytest.skip(f"the system does not run such programs: {result.stderr[-1000:]}")


def build(
    name: str,
    directory: Path,
    compiler: Compiler,
    main: Path | None = None,
    emulator: Sequence[str] = (),
    planted: tuple[str, str] | None = None,
) -> HostProgram:
    """Builds a network with a port's main function (the host's, unless given), to be run by an emulator, if given.

    `planted` replaces a text in what connects the model to the port: a fault that has to be found.
    """
    files = compiled(name).files
    sources = write(files, directory / "project")
    interface = ModelInterface.from_header(name, files[f"{name}.h"])
    port = runtime_directory() / "ports"
    connection = interface.host_source()
    if planted is not None:
        assert planted[0] in connection
        connection = connection.replace(*planted)
    (directory / "connection.c").write_text(connection)
    sources += [directory / "connection.c", main or port / "host" / "main.c"]
    objects = {source: directory / f"{number}_{source.stem}.o" for number, source in enumerate(sources)}
    compiler.compile(objects, [directory / "project", port], WARNING_FLAGS)
    executable = directory / name
    compiler.link(list(objects.values()), executable)
    if emulator:
        script = directory / f"{name}.sh"
        script.write_text(f'#!/bin/sh\nexec {" ".join(emulator)} {executable} "$@"\n')
        script.chmod(0o755)
        executable = script
    return HostProgram(interface, executable, compiler.version(), TIMEOUT_SECONDS)
