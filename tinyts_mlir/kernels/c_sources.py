"""Where the C of kernels is: in the runtime that is shipped with this package, or in a package that brings kernels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from pathlib import Path, PurePosixPath
from typing import Protocol

RUNTIME_FOLDERS = ("src", "tinyts", "applications", "ports")
"""Folders of an emitted project that are the runtime's own."""


class Folder(Protocol):
    """A folder on disk or in an installed package: a `Path`, or what `importlib.resources.files` gives."""

    def joinpath(self, name: str, /) -> Folder:
        """A file or a folder in the folder."""
        ...

    def is_file(self) -> bool:
        """Whether this is a file that is there."""
        ...

    def read_text(self, encoding: str) -> str:
        """The text of the file."""
        ...


class CSources:
    """C files, by their names in an emitted project, such as `example/kernels.h`.

    A package keeps them as they lie in a project, in a folder of its own name; there, files include each other by these
    names, or by what stands behind the last slash.

    Args:
        header: the name of the header with the parameter structs and the declarations of all external functions.
        folders: where files are looked for.
    """

    def __init__(self, header: str, *folders: Folder) -> None:
        self.header = header
        self.folders: Sequence[Folder] = folders
        self._texts: dict[str, str | None] = {}

    def find(self, name: str) -> str | None:
        """The text of a file; None where there is none."""
        if name not in self._texts:
            parts = PurePosixPath(name).parts
            files = [reduce(lambda folder, part: folder.joinpath(part), parts, folder) for folder in self.folders]
            found = next((file for file in files if file.is_file()), None)
            self._texts[name] = None if found is None else found.read_text(encoding="utf-8")
        return self._texts[name]


def package_sources(header: str, folder: Folder) -> CSources:
    """The C files of a package, below `folder`; raises ValueError where `header` is in no folder of the package's own.

    SOURCES = package_sources("example/kernels.h", importlib.resources.files("example") / "c")
    """
    parts = PurePosixPath(header).parts
    if len(parts) < 2 or parts[0] in RUNTIME_FOLDERS or ".." in parts or header.startswith("/"):
        raise ValueError(f"expected a header in a folder of the package's own, such as example/kernels.h, got {header}")
    return CSources(header, folder)


@cache
def runtime_directory() -> Path:
    """The folder with the runtime's `include/`, `src/`, `ports/`: in an installed package or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "_runtime", package.parent / "runtime"):
        if (candidate / "include").is_dir():
            return candidate
    raise FileNotFoundError("the C runtime is missing from this installation of tinyts-mlir")


@cache
def runtime_sources() -> CSources:
    """The runtime's C files: `tinyts/tinyts_kernels.h` and `tinyts/tinyts_runtime.h`, and what is in `src/`."""
    return CSources("tinyts/tinyts_kernels.h", runtime_directory() / "include", runtime_directory())
