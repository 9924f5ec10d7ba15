"""What the emitted C declares: with the model in one file, its names must not be those of whatever surrounds it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from every_kernel import FLAGS, every_kernel

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.kernels.c_sources import runtime_directory
from tinyts_mlir.lowering.emit_c import emit_file
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, host_compiler

NAME = "net"
FREESTANDING = runtime_directory() / "ports" / "cortex-m7-emulator" / "freestanding"
OURS = re.compile(r"(tinyts_|TINYTS_|net_|NET_)\w+")
HEADERS = (
    *("assert.h", "complex.h", "ctype.h", "errno.h", "fcntl.h", "fenv.h", "inttypes.h", "limits.h", "locale.h"),
    *("math.h", "netdb.h", "poll.h", "pthread.h", "sched.h", "search.h", "setjmp.h", "signal.h", "stdio.h"),
    *("stdlib.h", "string.h", "strings.h", "sys/mman.h", "sys/socket.h", "sys/stat.h", "sys/time.h", "termios.h"),
    *("tgmath.h", "time.h", "unistd.h", "wchar.h"),
)
"""What declares most of the plain names that there are."""


@pytest.fixture(scope="module")
def single_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with every kernel, in one C file."""
    path = tmp_path_factory.mktemp("names") / "net.c"
    path.write_text(emit_file(compile_module(every_kernel(), FLAGS, NAME).module, NAME), encoding="utf-8")
    return path


def test_macros_have_a_prefix(single_file: Path) -> None:
    macros = set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", single_file.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(macros) > 100
    assert [name for name in sorted(macros) if not OURS.fullmatch(name)] == []


@pytest.mark.parametrize("machine", [["--target=x86_64"], ["--target=thumbv7em-none-eabihf", "-mcpu=cortex-m7"]])
def test_declarations_have_a_prefix(single_file: Path, machine: list[str]) -> None:
    zig = pytest.importorskip("ziglang", reason="its clang tells what a file declares")
    headers = ["-isystem", str(Path(zig.__file__).parent / "lib" / "include"), "-isystem", str(FREESTANDING)]
    dump = ["-ffreestanding", "-fsyntax-only", "-Xclang", "-ast-dump=json", str(single_file)]
    command = [sys.executable, "-m", "ziglang", "clang", *machine, *headers, *dump]
    tree = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    names = {name for node in tree["inner"] if _is_of_the_file(node) for name in _declared(node)}
    assert len(names) > 100
    assert [name for name in sorted(names) if not OURS.fullmatch(name)] == []


def test_the_file_may_stand_behind_any_header(single_file: Path) -> None:
    behind = single_file.parent / "behind.c"
    existing = [f"#if __has_include(<{name}>)\n#include <{name}>\n#endif" for name in HEADERS]
    behind.write_text("#define _GNU_SOURCE\n" + "\n".join(existing) + f'\n#include "{single_file.name}"\n')
    flags = [flag for flag in WARNING_FLAGS if not flag.startswith("-std")]
    host_compiler().compile({behind: behind.with_suffix(".o")}, [], ["-std=gnu11", *flags])


def _is_of_the_file(node: dict[str, Any]) -> bool:
    """Whether a declaration at file scope is in the file itself, not in what it includes."""
    location = node.get("loc", {})
    location = location.get("expansionLoc", location)
    return "includedFrom" not in location and not node.get("isImplicit", False)


def _declared(node: dict[str, Any]) -> list[str]:
    """The names that a declaration brings into the file's scope."""
    constants = [inner["name"] for inner in node.get("inner", []) if inner["kind"] == "EnumConstantDecl"]
    return ([node["name"]] if node.get("name") else []) + constants
