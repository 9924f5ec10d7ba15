"""Every C file and header of the runtime, found by glob: without a warning as C11, the headers alone as C++17 too.

gcc and clang, for this machine and for cores of Arm with and without DSP instructions; tcc; clang as MSVC with all of
GNU's extensions taken away, which stands for compilers that cannot be had here.
"""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[2] / "runtime"
INCLUDES = (f"-I{RUNTIME / 'include'}", f"-I{RUNTIME / 'src'}")
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-fsyntax-only")
SOURCES = sorted((RUNTIME / "src").glob("*.c"))
HEADERS = sorted([*(RUNTIME / "src").glob("*.h"), *(RUNTIME / "include" / "tinyts").glob("*.h")])
FREESTANDING = RUNTIME / "ports" / "cortex-m7-emulator" / "freestanding"

CORES = {
    "host": (),
    "cortex-m7": ("-mcpu=cortex-m7", "-mthumb"),
    "cortex-m0plus": ("-mcpu=cortex-m0plus", "-mthumb"),
    "cortex-m55": ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
}
TRIPLES = {
    "host": "x86_64-linux-gnu",
    "cortex-m7": "thumbv7em-none-eabi",
    "cortex-m0plus": "thumbv6m-none-eabi",
    "cortex-m55": "thumbv8.1m.main-none-eabihf",
}


def _is_for(header: Path, core: str) -> bool:
    """Whether a header is one that is included on a core: some need DSP instructions or Helium."""
    if header.stem.endswith("mve"):
        return core == "cortex-m55"
    return not header.stem.endswith("dsp") or core in ("cortex-m7", "cortex-m55")


NO_GNU = ("-U__GNUC__", "-U__clang__", "-D__attribute__(x)=no_attributes", "-D__asm__=no_assembly")


def _clang() -> tuple[list[str], list[str]]:
    """The clang that zig is built on, and where its own headers are: no C library."""
    if find_spec("ziglang") is None:
        pytest.skip("zig's clang is not installed (pip install ziglang)")
    import ziglang

    folder = Path(ziglang.__file__).parent
    headers = ["-ffreestanding", "-nostdinc", "-isystem", str(folder / "lib" / "include")]
    return [str(folder / "zig"), "clang"], headers


def _compiler(family: str, core: str, is_cpp: bool = False) -> list[str]:
    if family == "clang":
        command, headers = _clang()
        language = ["-x", "c++", "-Drestrict=__restrict"] if is_cpp else []
        return [*command, *language, f"--target={TRIPLES[core]}", *headers, *CORES[core], f"-I{FREESTANDING}"]
    prefix = "" if core == "host" else "arm-none-eabi-"
    name = f"{prefix}{'g++' if is_cpp else 'gcc'}"
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return [name, *CORES[core]]


def _silent(command: list[str], *files: Path) -> None:
    result = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.fixture(params=[(family, core) for family in ("gcc", "clang") for core in CORES], ids="-".join)
def compiler(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


def test_sources(compiler: tuple[str, str]) -> None:
    assert len(SOURCES) > 50
    _silent([*_compiler(*compiler), "-std=c11", *WARNINGS, *INCLUDES], *SOURCES)


@pytest.mark.parametrize("standard", ["c11", "c++17"])
def test_each_header_alone(compiler: tuple[str, str], standard: str, tmp_path: Path) -> None:
    family, core = compiler
    is_cpp = standard == "c++17"
    alone = [header for header in HEADERS if _is_for(header, core)]
    assert len(alone) > 15
    files: list[Path] = []
    for header in alone:
        files.append(tmp_path / f"{header.stem}{'.cpp' if is_cpp else '.c'}")
        # What is static in a header is not used here, and a file of C must have a declaration.
        files[-1].write_text(f'#include "{header}"\nextern int tinyts_anything;\n')
    command = [*_compiler(family, core, is_cpp), f"-std={standard}", *WARNINGS, "-Wno-unused-function", *INCLUDES]
    _silent(command, *files)


def test_compilers_without_gnu_extensions() -> None:
    """As MSVC, with a compile error wherever GNU's attributes or assembly are not behind a guard."""
    command, headers = _clang()
    target = ["--target=x86_64-pc-windows-msvc", "-fms-compatibility", *headers, f"-I{FREESTANDING}"]
    _silent([*command, *target, *NO_GNU, "-std=c11", *WARNINGS, "-Wno-unused-function", *INCLUDES], *SOURCES)


def test_what_is_taken_away_is_missed(tmp_path: Path) -> None:
    """The test above would fail on what it is there for."""
    command, headers = _clang()
    target = ["--target=x86_64-pc-windows-msvc", "-fms-compatibility", *headers, *NO_GNU, "-std=c11", "-fsyntax-only"]
    for text in ("__attribute__((noinline)) int f(void);", 'void f(void) { __asm__("nop"); }'):
        (tmp_path / "file.c").write_text(text)
        assert subprocess.run([*command, *target, tmp_path / "file.c"], capture_output=True, check=False).returncode


def test_tcc(tmp_path: Path) -> None:
    if shutil.which("tcc") is None:
        pytest.skip("tcc is not installed (Debian: tcc)")
    for source in SOURCES:
        _silent(["tcc", "-std=c11", "-Wall", "-Werror", *INCLUDES, "-c", "-o", str(tmp_path / "file.o")], source)
