"""The C files that a model needs: the runtime as it is shipped with this package, and those of packages' kernels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.c_sources import RUNTIME_FOLDERS, CSources, runtime_directory, runtime_source, runtime_sources
from tinyts_mlir.kernels.entry import Kernel
from tinyts_mlir.kernels.registry import all_kernels, find_kernel

PUBLIC_HEADERS = ("tinyts/tinyts_runtime.h", "tinyts/tinyts_kernels.h")
DISPATCH_SOURCE = runtime_source("runtime")

INCLUDE = re.compile(r'^#include "([^"]+)"$', re.MULTILINE)


@cache
def _folder(folder: str) -> tuple[tuple[str, str], ...]:
    paths = sorted((runtime_directory() / folder).iterdir())
    return tuple((path.name, path.read_text(encoding="utf-8")) for path in paths if path.is_file())


def read_runtime_folder(folder: str) -> dict[str, str]:
    """The files of a folder of the runtime, such as `ports/desk`: file name to text."""
    return dict(_folder(folder))


def license_text() -> str:
    """The licence of the runtime: in an installed package beside it, in a checkout one folder above."""
    runtime = runtime_directory()
    beside = runtime / "LICENSE"
    return (beside if beside.is_file() else runtime.parent / "LICENSE").read_text(encoding="utf-8")


@dataclass(frozen=True)
class ModelFiles:
    """The C files that a model with some kernels needs besides its own.

    Attributes:
        headers: those with parameter structs and external functions, the runtime's first.
        kernel_sources: a C file for each kernel, in the order in which they were given, then for those that they call.
        texts: every file, headers included, by its name in a project.
        packages: of each package that brings some of the kernels, the header, and the texts of all that it has for all
            of its kernels, whether the model needs them or not.
    """

    headers: tuple[str, ...]
    kernel_sources: tuple[str, ...]
    texts: dict[str, str]
    packages: dict[str, dict[str, str]]

    def external_functions(self) -> list[str]:
        """The functions that the headers declare; all begin with `tinyts_`."""
        text = "\n".join(self.texts[header] for header in self.headers)
        return sorted(set(re.findall(r"\b(tinyts_\w+)\(", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))))


def files_needed(kernels: Sequence[str]) -> ModelFiles:
    """The files that a model with these kernels needs.

    Raises CompileError for a kernel that has no C, and where two packages have different files of one name.
    """
    found = {name: find_kernel(name) for name in kernels}
    called = [name for kernel in found.values() if kernel is not None for name in kernel.calls]
    found |= {name: find_kernel(name) for name in called if name not in found}
    packages = list(dict.fromkeys(one.sources for one in found.values() if one is not None and one.sources is not None))
    headers = dict.fromkeys([*PUBLIC_HEADERS, *(sources.header for sources in packages)])
    kernel_sources = tuple(_kernel_source(name, kernel) for name, kernel in found.items())
    texts = _with_includes([*PUBLIC_HEADERS, DISPATCH_SOURCE], runtime_sources())
    for sources in packages:
        _add(texts, _with_includes([sources.header], sources))
    for file, kernel in zip(kernel_sources, found.values(), strict=True):
        sources = kernel.sources if kernel is not None else None
        _add(texts, _with_includes([file], sources or runtime_sources()))
    others = [one for one in packages if PurePosixPath(one.header).parts[0] not in RUNTIME_FOLDERS]
    return ModelFiles(tuple(headers), kernel_sources, texts, {one.header: _package_texts(one) for one in others})


def _package_texts(sources: CSources) -> dict[str, str]:
    """All C files of a package: what its kernels need, without the runtime's."""
    names = [kernel.source_name for kernel in all_kernels() if kernel.sources is sources]
    texts = _with_includes([sources.header, *names], sources)
    return {name: text for name, text in texts.items() if PurePosixPath(name).parts[0] not in RUNTIME_FOLDERS}


def _kernel_source(name: str, kernel: Kernel | None) -> str:
    file = runtime_source(name) if kernel is None else kernel.source_name
    if kernel is None or kernel.sources is None:
        if runtime_sources().find(file) is None:
            raise CompileError(f"kernel {name!r}: the C runtime has no {file}, and no package brings it")
    elif kernel.sources.find(file) is None:
        raise CompileError(f"kernel {name!r}: its package has no {file}")
    return file


def _with_includes(names: Sequence[str], sources: CSources) -> dict[str, str]:
    """Some files and what they include, in this package or in the runtime: name in a project to text."""
    texts: dict[str, str] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop(0)
        text = _find(name, sources)
        if name in texts or text is None:
            continue
        texts[name] = text
        beside = PurePosixPath(name).parent
        for include in INCLUDE.findall(text):
            # As a C compiler looks: beside the file, then from the project's folder on.
            near = str(beside / include)
            wanted.append(include if _find(near, sources) is None else near)
    return texts


def _find(name: str, sources: CSources) -> str | None:
    of_runtime = PurePosixPath(name).parts[0] in RUNTIME_FOLDERS
    return (runtime_sources() if of_runtime else sources).find(name)


def _add(texts: dict[str, str], more: dict[str, str]) -> None:
    for name, text in more.items():
        if texts.setdefault(name, text) != text:
            raise CompileError(f"{name}: two packages bring different files of this name")
