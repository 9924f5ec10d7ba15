"""Writes results whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tinyts_mlir.errors import CompileError


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file by renaming a finished temporary one; raises CompileError where that fails.

    What is no regular file (a device, a pipe) is written to as it is.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
    except OSError as error:
        raise CompileError(f"{path}: cannot be written: {error.strerror}") from error


def write_project(folder: Path, files: Mapping[str, str]) -> None:
    """Writes files into a folder, which is made where it is missing; other files in it stay.

    Everything is written beside the folder first. Raises CompileError where that fails.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, text in files.items():
                path = temporary / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            for name in files:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
            for name in files:
                (temporary / name).replace(folder / name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise CompileError(f"{folder}: cannot be written: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
