"""Names in the applications' C: all begin with tinyts_ or TINYTS_, as an SDK around them has names of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from firmware import demo, emit, need, run

APPLICATIONS = Path(__file__).parents[2] / "runtime" / "applications"
SOURCES = sorted(APPLICATIONS.glob("*.[ch]"))
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_macros_and_functions(source: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", source.read_text(), flags=re.DOTALL)
    macros = re.findall(r"^ *# *define (\w+)", text, re.MULTILINE)
    functions = re.findall(r"^[a-z][\w *]*?\b(\w+)\([^;]*\)(?: \{|;)", text, re.MULTILINE)
    types = re.findall(r"^\} (\w+);", text, re.MULTILINE)
    other = {name for name in macros if not name.startswith("TINYTS_")}
    other |= {name for name in functions if not name.startswith(("tinyts_", "TINYTS_"))}
    other |= {name for name in types if not name.startswith("tinyts_") and name != "device"}
    assert other <= {"main"}
    assert macros or functions


def test_symbols_and_warnings_of_an_emitted_project(tmp_path: Path) -> None:
    """What the linker sees, and every C file of the project compiled as strictly as the runtime."""
    need("cc", "nm")
    folder = emit(demo().module, "demo", "cmake", tmp_path / "demo")
    sources = [*(folder / "applications").glob("*.c"), *(folder / "ports").rglob("*.c")]
    assert len(sources) > 8
    for source in sources:
        includes = [f"-I{folder}", f"-I{folder / 'applications'}"]
        run("cc", "-std=c11", *STRICT, *includes, "-c", source, "-o", tmp_path / "file.o")
        defined = run("nm", "--defined-only", "--extern-only", "--format=just-symbols", tmp_path / "file.o").split()
        assert {name for name in defined if not name.startswith("tinyts_")} <= {"main"}


def test_headers_as_cpp(tmp_path: Path) -> None:
    """Each header alone, C linkage included: a port may be C++."""
    need("c++")
    folder = emit(demo().module, "demo", "cmake", tmp_path / "demo")
    headers = sorted([*(folder / "applications").glob("*.h"), *folder.glob("*.h")])
    assert len(headers) > 6
    for header in headers:
        (tmp_path / "file.cpp").write_text(f'#include "{header}"\n')
        includes = [f"-I{folder}", f"-I{folder / 'applications'}"]
        run("c++", "-std=c++17", *STRICT, *includes, "-fsyntax-only", tmp_path / "file.cpp")
