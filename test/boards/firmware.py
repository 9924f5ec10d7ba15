"""Builds emitted projects: compiled model to folder, CMake to programs. Skips tests where a tool is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.compiler import CompiledModel, compile_model, compile_module
from tinyts_mlir.demo import demo_model
from tinyts_mlir.lowering.projects import emit_application_project
from tinyts_mlir.output import write_project

REQUIRED = bool(os.environ.get("TINYTS_REQUIRE_BOARDS"))
"""Whether tests that want the cross compiler and the emulator fail where they are missing."""

DEBIAN_PACKAGES = {"arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi"}


def need(*programs: str) -> None:
    """Skips the test, or fails it if boards are required, where a program is missing."""
    for program in programs:
        if shutil.which(program) is None:
            report = pytest.fail if REQUIRED else pytest.skip
            report(f"{program} is not installed (Debian: {DEBIAN_PACKAGES.get(program, program)})")


def need_firmware_tools() -> None:
    """Skips the test where firmware cannot be built."""
    need("arm-none-eabi-gcc", "cmake", "make")


def run(*command: str | Path, status: int = 0) -> str:
    """Runs a command that must end with `status`; gives what it printed."""
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, errors="replace")
    text = result.stdout + result.stderr
    if status == 0:
        assert result.returncode == 0, f"{command[0]}: status {result.returncode}\n{text[-4000:]}"
    else:
        assert result.returncode != 0, f"{command[0]}: expected a failure\n{text[-4000:]}"
    return text


@cache
def demo(*flags: str) -> CompiledModel:
    """The demo model, compiled."""
    return compile_module(demo_model(), ["--split-tensors", *flags], "demo")


@cache
def real(path: Path, *flags: str) -> CompiledModel:
    """A model file, compiled."""
    return compile_model(path, ["--split-tensors", *flags])


def emit(module: ModuleOp, name: str, kind: str, folder: Path, benchmark: str | None = None) -> Path:
    """Writes a project."""
    write_project(folder, emit_application_project(module, name, kind, benchmark))
    return folder


def build(folder: Path, target: str | None = None, fails: bool = False, **settings: str) -> str:
    """Configures and builds a CMake project in its `build` folder; gives what CMake printed."""
    defines = [f"-D{name}={value}" for name, value in settings.items()]
    build_folder = folder / "build"
    run("cmake", "-G", "Unix Makefiles", "-S", folder, "-B", build_folder, *defines)
    chosen = [] if target is None else ["--target", target]
    return run("cmake", "--build", build_folder, *chosen, status=int(fails))


def firmware(compiled: CompiledModel, folder: Path, target: str, benchmark: str | None = None, **settings: str) -> Path:
    """Builds firmware of an emitted bare-metal project; gives the ELF file."""
    need_firmware_tools()
    build(emit(compiled.module, compiled.name, "baremetal", folder, benchmark), target, **settings)
    return folder / "build" / f"{target}.elf"


def files_of(folder: Path) -> Mapping[str, str]:
    """The text files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
