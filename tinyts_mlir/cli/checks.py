"""What can be known to be wrong before anything is planned: where output goes, what it is called, what it is for.

A large model is planned for a minute; a folder that cannot be written is noticed at once.
"""

from __future__ import annotations

import errno
import os
import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from tinyts_mlir.cores import DEFAULT_CORE, Core
from tinyts_mlir.errors import CompileError
from tinyts_mlir.output import models_in
from tinyts_mlir.pipeline import PassSpec


def require_writable_file(path: Path) -> None:
    """Raises CompileError where a file cannot be made or replaced; says what writing it would say."""
    if path.is_dir():
        raise _unwritable(path, errno.EISDIR)
    if path.exists() and not path.is_file():
        return  # a device or a pipe, which is written to as it is
    if not path.parent.exists():
        raise _unwritable(path, errno.ENOENT)
    _require_writable_folder(path.parent, path)


def require_writable_project(folder: Path, name: str) -> None:
    """Raises CompileError where a folder cannot be made or written to, or holds a model of another name."""
    _require_writable_folder(next(one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    if others := [other for other in models_in(folder) if other != name]:
        raise CompileError(
            f"-o {folder}/: the folder holds the model {others[0]!r}, and both would have a CMakeLists.txt there: "
            f"another folder, or --name {others[0]} to replace it"
        )


def _require_writable_folder(folder: Path, path: Path) -> None:
    if not folder.is_dir():
        raise _unwritable(path, errno.ENOTDIR)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(path, errno.EACCES)


def _unwritable(path: Path, number: int) -> CompileError:
    return CompileError(f"{path}: cannot be written: {os.strerror(number)}")


def require_readable_file(path: Path, what: str) -> None:
    """Raises CompileError where a file is missing or cannot be read."""
    if not path.exists():
        raise CompileError(f"{what}{path}: {os.strerror(errno.ENOENT)}")
    if path.is_dir():
        raise CompileError(f"{what}{path}: {os.strerror(errno.EISDIR)}")
    if not os.access(path, os.R_OK):
        raise CompileError(f"{what}{path}: {os.strerror(errno.EACCES)}")


def model_name(args: Namespace) -> str:
    """What C symbols start with: what `--name` says, or the input file; raises CompileError for no identifier."""
    from tinyts_mlir.lowering.c_source import model_identifier, require_identifier

    if args.name is not None:
        return require_identifier(args.name)
    return "model" if args.input_file is None else model_identifier(Path(args.input_file).stem)


def is_folder(output: str | None) -> bool:
    """Whether `-o` names a folder: with a slash behind its name, or one that is there."""
    return output is not None and (output.endswith(os.sep) or Path(output).is_dir())


def check_report(arguments: Namespace) -> None:
    """Raises CompileError where the report could not be made or written: better now than behind all planning."""
    if arguments.report is None:
        return
    if not arguments.emit_c:
        raise CompileError("--report: expected --emit-c as well: only a complete plan can be shown")
    if arguments.split_input_file:
        raise CompileError("--report: one page is about one model, expected no --split-input-file")
    report, output = Path(arguments.report), arguments.output_file
    if output is not None and is_folder(output) and report.parent == Path(output):
        return  # the project's folder, which is written first
    require_writable_file(report)


def check_command(args: Namespace) -> None:
    """Raises CompileError for what the command line of `tinyts-opt` has that cannot work, whatever the model is."""
    output: str | None = args.output_file
    if args.input_file is not None:
        require_readable_file(Path(args.input_file), "")
    if args.ram is not None:
        from tinyts_mlir.budget import parse_bytes

        parse_bytes(args.ram)
    if args.emit_c or args.target == "c":
        _check_c(args, output)
    elif output is not None:
        _check_file(args, output)
    check_report(args)


def _check_c(args: Namespace, output: str | None) -> None:
    name = model_name(args)
    if args.emit_project is not None:
        if not is_folder(output):
            raise CompileError("--emit-project: expected -o and a folder with a slash behind its name")
        from tinyts_mlir.lowering.projects import require_project

        require_project(args.emit_project, args.benchmark, name, args.publisher, args.url)
    else:
        for flag in ("benchmark", "publisher", "url"):
            if getattr(args, flag) is not None:
                raise CompileError(f"--{flag}: expected --emit-project as well")
    if output is None:
        return
    if is_folder(output):
        if args.split_input_file:
            raise CompileError(f"-o {output}: a folder holds one model, expected no --split-input-file")
        require_writable_project(Path(output), name)
        return
    if not output.endswith(".c") and not _is_device(Path(output)):
        raise CompileError(f"-o {output}: expected FILE.c, or a folder with a slash behind its name")
    require_writable_file(Path(output))


def _check_file(args: Namespace, output: str) -> None:
    """IR, or what a target of xDSL's prints, in one file."""
    path = Path(output)
    if args.target == "mlir":
        if is_folder(output):
            raise CompileError(f"-o {output}: a folder is for C: expected --emit-c as well, or FILE.mlir for IR")
        if path.suffix in (".c", "") and not path.exists():
            raise CompileError(f"-o {output}: expected --emit-c as well for C, or FILE.mlir for IR")
    require_writable_file(path)


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


def next_command(args: Namespace, specs: Sequence[PassSpec], core: Core) -> str:
    """What to type behind a compile: build it, run it, compare with LiteRT, and measure; of IR, build it."""
    if args.input_file is None or Path(args.input_file).suffix != ".tflite":
        return f"cmake -S {args.output_file} -B build && cmake --build build"
    flags = [f"--{spec.text.replace('{', '=').replace('}', '').replace(' ', ',')}" for spec in specs]
    flags += [] if args.ram is None else [f"--ram {args.ram}"]
    target = core.name if core.can_run else DEFAULT_CORE
    return shlex.join(["tinyts-run", args.input_file, *" ".join(flags).split(), "--target", target, "--check"])
