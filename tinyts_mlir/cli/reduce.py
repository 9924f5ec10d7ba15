"""`tinyts-reduce`: the smallest model, or IR, that still shows something, by a command of the user's."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tinyts_mlir.cli.arguments import Parser, positive_number
from tinyts_mlir.cli.checks import require_readable_file, require_writable_file
from tinyts_mlir.cli.messages import run_command
from tinyts_mlir.errors import CompileError
from tinyts_mlir.output import write_bytes
from tinyts_mlir.reduction.oracle import Oracle
from tinyts_mlir.reduction.search import Search
from tinyts_mlir.reduction.subject import Subject

PROGRAM = "tinyts-reduce"
EXIT_UNSTABLE = 4

DESCRIPTION = """Finds a small model (.tflite), or IR (.mlir), that is still interesting: on which a command of yours
ends with exit status 0. Layers are cut and bypassed, shapes shrink, constants become zeroes; the command decides what
stays."""

EPILOG = """For example, a model on which the compiler fails with a message:

  tinyts-reduce net.tflite --test 'tinyts-opt {} --split-tensors --emit-c 2>&1 | grep -q "reads a function argument"'

Exit status: 0 all is well, 1 error, 2 wrong usage, 4 the command says something else of the same file another time."""


def reduce(arguments: Sequence[str]) -> int:
    """Reduces what the arguments name; returns the exit status."""
    parser = Parser(
        prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a .tflite or .mlir file")
    parser.add_argument("--test", required=True, metavar="COMMAND", help="for the shell; {} stands for the file's name")
    parser.add_argument("-o", dest="output", metavar="FILE", type=Path, help="default: NAME.reduced.tflite, or .mlir")
    parser.add_argument("--seconds", type=positive_number, default=600.0, help="for all of it; default: 600")
    parser.add_argument(
        "--seconds-each", type=positive_number, default=60.0, help="a test that takes longer has failed; default: 60"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    options = parser.parse_args(arguments)
    model: Path = options.model
    output: Path = options.output or Path(f"{model.stem}.reduced{model.suffix}")
    require_readable_file(model, "")
    require_writable_file(output)
    subject = _read(model)

    def progress(text: str) -> None:
        if not options.quiet:
            print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)

    oracle = Oracle(options.test, model.suffix, options.seconds, options.seconds_each, progress)
    if not oracle.ends_well(model.read_bytes()):
        raise CompileError(f"--test: expected exit status 0 for {model} itself, which is to stay interesting")
    if not oracle.is_interesting(subject):
        raise CompileError(f"--test: {model} is no longer interesting when it is only read and written again")
    search = Search(subject, oracle.is_interesting)
    ended = ""
    try:
        search.run()
    except KeyboardInterrupt:
        ended = ", interrupted"
    data = search.best.encode()
    write_bytes(output, data)
    # Once more, and not from memory: a command that depends on something else is found out.
    again = Oracle(options.test, model.suffix, options.seconds_each, options.seconds_each, progress)
    if not again.ends_well(data):
        print(f"{PROGRAM}: error: {output} is no longer interesting; the command is not deterministic", file=sys.stderr)
        return EXIT_UNSTABLE
    print(f"{output}: {search.best}, of {subject}; {oracle.tests} tests{ended}")
    return 0


def _read(model: Path) -> Subject:
    """The subject in a file; raises CompileError where there is none."""
    if model.suffix == ".tflite":
        from tinyts_mlir.reduction.file_model import FileModel

        return FileModel.read(model.read_bytes(), model.name)
    from tinyts_mlir.compiler import new_context, read_module
    from tinyts_mlir.reduction.ir_module import IRModule

    return IRModule(read_module(model, new_context()))


def main() -> None:
    """The console script."""
    run_command(PROGRAM, reduce)
