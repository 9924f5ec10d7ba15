"""Writes results whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import cast

from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.read_me import READ_ME, READ_ME_MARK
from tinyts_mlir.signals import held_back

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None


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
    """Makes a folder hold a project, all of it or none; raises CompileError where that fails.

    A folder that is new, or empty, appears with everything in it in one step. In one that holds something, files are
    replaced one by one, under a lock, and put back where that fails halfway; files of an older compile of the same
    model go, and all others stay; so does a README.md that somebody wrote.

    Args:
        folder: where to; folders above it are made, too.
        files: file name, with slashes, to text.
    """
    try:
        folder = folder.resolve()
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not folder.exists() or not any(folder.iterdir()):
            with suppress(_NotAtOnce):
                _write_at_once(folder, files)
                return
        with _locked(folder):
            foreign = {name for name in files if _is_foreign_read_me(folder / name)}
            _replace(folder, {name: text for name, text in files.items() if name not in foreign})
    except OSError as error:
        raise CompileError(f"{folder}: cannot be written: {error.strerror}") from error


class _NotAtOnce(Exception):
    """The folder is no longer empty, or stands where none can be moved to."""


def _write_at_once(folder: Path, files: Mapping[str, str]) -> None:
    mode = folder.stat().st_mode & 0o7777 if folder.exists() else 0o777 & ~_umask()
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except PermissionError:
        raise _NotAtOnce from None
    try:
        _write_all(temporary, files)
        temporary.chmod(mode)
        try:
            temporary.replace(folder)
        except OSError:  # somebody else was faster, or it is a mount point
            if not folder.exists():
                raise
            raise _NotAtOnce from None
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_all(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _replace(folder: Path, files: Mapping[str, str]) -> None:
    """Replaces files in a folder that holds something."""
    temporary = Path(tempfile.mkdtemp(prefix=".tinyts.", dir=folder))
    new, old = temporary / "new", temporary / "old"
    try:
        _write_all(new, files)
        moved: list[tuple[Path, Path]] = []

        def move(source: Path, target: Path) -> None:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
            moved.append((source, target))

        with held_back():
            try:
                for name in [*files, *_outdated(folder, files)]:
                    target = folder / name
                    if target.exists() or target.is_symlink():
                        if target.is_dir() and not target.is_symlink():
                            raise IsADirectoryError(0, f"{name} is a folder")
                        move(target, old / name)
                    if name in files:
                        move(new / name, target)
            except BaseException:
                for source, target in reversed(moved):
                    target.rename(source)
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_foreign_read_me(path: Path) -> bool:
    """Whether it is a README.md that no compile has written."""
    if path.name != READ_ME or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(READ_ME_MARK)) != READ_ME_MARK.encode()


def _outdated(folder: Path, files: Mapping[str, str]) -> list[str]:
    """What an older compile of the same model has left in a folder: named by its report, by no other and not anew."""
    reports = {path.name: _files_of_report(path) for path in sorted(folder.glob("*_report.json"))}
    mine = {name for report, names in reports.items() if report in files for name in names}
    others = {name for report, names in reports.items() if report not in files for name in names}
    return sorted(name for name in mine - others - files.keys() if _is_ours(folder, name))


def models_in(folder: Path) -> list[str]:
    """The names of the models whose projects a folder holds: those whose report lists its CMakeLists.txt."""
    end = "_report.json"
    reports = sorted(folder.glob(f"*{end}")) if folder.is_dir() else []
    return [path.name.removesuffix(end) for path in reports if "CMakeLists.txt" in _files_of_report(path)]


def _files_of_report(path: Path) -> set[str]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    names = cast(object, report.get("files")) if isinstance(report, dict) else None
    return {name for name in cast(list[object], names) if isinstance(name, str)} if isinstance(names, list) else set()


def _is_ours(folder: Path, name: str) -> bool:
    """Whether a file of a report, which anybody can have written, is in the folder and looks like one of a project."""
    inside = re.fullmatch(r"[\w.\-]+(/[\w.\-]+)*", name) is not None and ".." not in PurePosixPath(name).parts
    path = folder / name
    return inside and path.is_file() and path.resolve().is_relative_to(folder) and not _is_foreign_read_me(path)


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Only one process at a time replaces files of a folder."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
