"""The runtime's C sources, as they are shipped with the package."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tinyts_mlir.errors import CompileError

PUBLIC_HEADERS = ("tinyts/runtime.h", "tinyts/kernels.h")
DISPATCH_SOURCE = "src/runtime.c"

_INCLUDE = re.compile(r'^#include "([^"]+)"$', re.MULTILINE)


def runtime_directory() -> Path:
    """The folder with the runtime's `include/`, `src/`, `ports/`: in an installed package or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_runtime", package.parent / "runtime"):
        if (candidate / "include").is_dir():
            return candidate
    raise FileNotFoundError("the C runtime is missing from this installation of tinyts-mlir")


@cache
def _read(name: str) -> str:
    root = runtime_directory()
    path = root / "include" / name if name.startswith("tinyts/") else root / name
    return path.read_text(encoding="utf-8")


@cache
def _folder(folder: str) -> tuple[tuple[str, str], ...]:
    paths = sorted((runtime_directory() / folder).iterdir())
    return tuple((path.name, path.read_text(encoding="utf-8")) for path in paths if path.is_file())


def read_runtime_folder(folder: str) -> dict[str, str]:
    """The files of a folder of the runtime, such as `ports/desk`: file name to text."""
    return dict(_folder(folder))


def kernel_source(kernel: str) -> str:
    """The source file of a kernel: one kernel a file."""
    return f"src/{kernel}.c"


def _included(name: str) -> list[str]:
    """The files of the runtime that `name` includes, by their names in a project."""
    folder = name.rpartition("/")[0]
    return [
        include if include.startswith("tinyts/") else f"{folder}/{include}" for include in _INCLUDE.findall(_read(name))
    ]


def runtime_sources(kernels: Iterable[str]) -> dict[str, str]:
    """The runtime's files that a model with these kernels needs: name in a project to text, headers included.

    Raises CompileError for a kernel that the runtime does not have.
    """
    for kernel in kernels:
        if not (runtime_directory() / kernel_source(kernel)).is_file():
            raise CompileError(f"kernel {kernel!r}: the C runtime has no {kernel_source(kernel)}")
    sources: dict[str, str] = {}
    wanted = [*PUBLIC_HEADERS, DISPATCH_SOURCE, *(kernel_source(kernel) for kernel in sorted(set(kernels)))]
    while wanted:
        name = wanted.pop(0)
        if name not in sources:
            sources[name] = _read(name)
            wanted += _included(name)
    return sources


def amalgamate(sources: dict[str, str], roots: Iterable[str]) -> str:
    """The files `roots` as one text, each file of `sources` they include put in once, where it is first included."""
    done: set[str] = set()

    def text(name: str) -> str:
        done.add(name)
        folder = name.rpartition("/")[0]

        def replaced(match: re.Match[str]) -> str:
            include = match.group(1)
            target = include if include in sources or not folder else f"{folder}/{include}"
            if target not in sources:
                return match.group(0)
            return "" if target in done else text(target)

        return f"/* ---- {name} ---- */\n" + _INCLUDE.sub(replaced, sources[name]).strip("\n") + "\n"

    return "\n".join(text(root) for root in roots if root not in done)


def external_functions(sources: dict[str, str]) -> list[str]:
    """The functions that the runtime's public headers declare."""
    text = "\n".join(sources[header] for header in PUBLIC_HEADERS)
    return sorted(set(re.findall(r"\b(tinyts_\w+)\(", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))))
