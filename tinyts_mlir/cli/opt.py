"""`tinyts-opt`: reads a model or IR, runs passes, prints IR, C or a `.tflite` file.

An `xDSLOptMain` with a frontend for `.tflite`, a flag for every pass, targets for C and TFLite, and errors for people.
Frontends and emitters are imported where they are used, so that `--help` comes at once.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.utils.arg_spec import parse_pipeline, parse_spec
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError
from xdsl.utils.target import Target
from xdsl.xdsl_opt_main import xDSLOptMain

from tinyts_mlir.cli.messages import run_command
from tinyts_mlir.cli.output import write_bytes, write_project
from tinyts_mlir.cli.report import check_report, write_report
from tinyts_mlir.compiler import (
    PassSpec,
    build_passes,
    complete,
    describe_diagnostic,
    describe_parse_error,
    lower_within_budget,
    pass_flag,
    with_input,
    with_io,
)
from tinyts_mlir.dialects.ir_text import parse_ir
from tinyts_mlir.errors import CompileError

if TYPE_CHECKING:
    from tinyts_mlir.interpreters.check_passes import PassChecker

PROGRAM = "tinyts-opt"
EPILOG = """Every pass is also a flag: --split-tensors, or --split-tensors=rows=2 with options. Passes run in the order
in which the command line names them. For example:

  tinyts-opt model.tflite                                the model as IR
  tinyts-opt model.tflite --split-tensors --emit-c -o out/   C for a microcontroller, a folder that builds
  tinyts-opt model.tflite --split-tensors --emit-c -o out/ --report report.html   and a page that shows the plan
  tinyts-opt model.tflite --split-tensors --emit-c --input external -o out/   the input stays where the caller has it
  tinyts-opt model.tflite --split-tensors --emit-c --emit-project baremetal -o out/   firmware for a board
"""


@dataclass(frozen=True)
class _Chunk:
    """A piece of the input: its bytes, its format, and the lines of the file in front of it."""

    data: bytes
    kind: str
    first_line: int


class TinytsOptMain(xDSLOptMain):
    """The command line of `tinyts-opt`."""

    version_format = "tinyts-opt, on xDSL {xdsl_version}"

    def __init__(self, arguments: Sequence[str]) -> None:
        self.requested: list[PassSpec] = []
        self.arguments = list(arguments)
        # The base class parses this very list, after register_all_passes has taken the passes out of it.
        try:
            super().__init__("Compiles int8 TensorFlow Lite models to C, and runs passes on their IR.", self.arguments)
        except ArgSpecParseError as error:  # passes were read before: this is the target
            raise CompileError(f"-t: cannot read the target {self.args.target!r}") from error

    # --- registration -------------------------------------------------------------------------------------------

    def register_all_frontends(self) -> None:
        """Adds `.tflite`."""
        super().register_all_frontends()
        self.available_frontends["tflite"] = lambda stream: _import_tflite(stream.read(), self.get_input_name())

    def register_all_passes(self) -> None:
        """Registers passes, and takes the flags that name them, and `-p`, out of the command line in their order."""
        super().register_all_passes()
        rest: list[str] = []
        arguments = iter(self.arguments)
        for argument in arguments:
            if (spec := pass_flag(argument, self.available_passes)) is not None:
                self.requested.append(spec)
            elif argument in ("-p", "--passes"):
                if (pipeline := next(arguments, None)) is None:
                    rest.append(argument)  # argparse says what is missing
                else:
                    self.requested += _pipeline(pipeline)
            elif argument.startswith("--passes="):
                self.requested += _pipeline(argument.partition("=")[2])
            else:
                rest.append(argument)
        self.arguments[:] = rest

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        """Adds our options."""
        super().register_all_arguments(arg_parser)
        arg_parser.prog = PROGRAM
        arg_parser.epilog = EPILOG
        arg_parser.formatter_class = argparse.RawDescriptionHelpFormatter
        arg_parser.add_argument(
            "--emit-c",
            action="store_true",
            help="print C; adds the lowering passes that were not named. -o DIR/ writes a project, -o FILE.c one file",
        )
        arg_parser.add_argument(
            "--emit-project",
            metavar="KIND",
            help="with --emit-c -o DIR/: firmware around the model, ready to build: cmake (programs of this machine), "
            "baremetal, mbed (Mbed OS 6) or mbed-ce; see docs/boards.md",
        )
        arg_parser.add_argument(
            "--benchmark",
            metavar="NAME",
            help="with --emit-project: the MLPerf Tiny benchmark that the device is for: ic, vww, kws or ad",
        )
        arg_parser.add_argument(
            "--ram",
            metavar="BYTES",
            help="with --emit-c: the fastest plan within BYTES (64K, 1M) of SRAM: arena, context and stack",
        )
        arg_parser.add_argument(
            "--input",
            metavar="MODE",
            help="where the model's input lives: stream (rows arrive as they are needed, the default), arena (it is "
            "in the arena as a whole) or external (read in place where the caller has it)",
        )
        arg_parser.add_argument(
            "--io",
            metavar="TYPES",
            default="model",
            help="what the model takes and gives: model (its own types, the default) or int8 (the int8 tensors behind "
            "float32 and uint8 ones; the header has their scales and zero points)",
        )
        arg_parser.add_argument(
            "--report",
            metavar="FILE.html",
            help="with --emit-c: a page about the plan: its arena over time, beside other plans (docs/report.md)",
        )
        arg_parser.add_argument("--name", help="what all C symbols start with (default: the input file's name)")
        arg_parser.add_argument(
            "--list-ops",
            action="store_true",
            help="print which layers of model files are taken; with --json for programs",
        )
        arg_parser.add_argument(
            "--elide-constants",
            choices=["auto", "always", "never"],
            default="auto",
            help="leave out the values of large constants when printing IR (auto: when printing to a terminal)",
        )
        arg_parser.add_argument(
            "--check-passes",
            action="store_true",
            help="interpret the module before and after every pass on random inputs, and fail where results differ",
        )

    def setup_pipeline(self) -> None:
        """Builds the passes that the command line asks for."""
        if self.args.input is not None:
            self.requested = with_input(self.requested, self.args.input)
        self.requested = with_io(self.requested, self.args.io)
        self.requested_by_user = list(self.requested)
        if self.args.emit_c:
            if self.args.target != "mlir":
                raise CompileError(f"--emit-c and -t {self.args.target} exclude each other")
            self.requested = complete(self.requested)
        elif self.args.emit_project is not None:
            raise CompileError("--emit-project: expected --emit-c as well")
        elif self.args.ram is not None:
            raise CompileError("--ram: expected --emit-c as well: only a complete plan can be counted")
        self._check_target_options()
        check_report(self.args)
        from tinyts_mlir.cli.verification import ChangeVerifier

        passes = build_passes(self.requested, self.available_passes)
        self.pipeline = PassPipeline(passes, self._between_passes)
        if self.args.passes:  # argparse knows abbreviations, for which register_all_passes does not look
            raise CompileError("expected a pipeline as -p PIPELINE or --passes=PIPELINE")
        self._verifier = ChangeVerifier()
        self._checker = new_pass_checker() if self.args.check_passes else None
        self._started = time.perf_counter()

    def _check_target_options(self) -> None:
        spec = parse_spec(self.args.target)
        factory = self.available_targets[spec.name]
        if not spec.parameters or inspect.signature(factory).parameters:
            return
        try:
            cast(Callable[[], type[Target]], factory)().from_spec(spec)
        except Exception as error:
            raise CompileError(f"-t {self.args.target}: {error}") from error

    def _between_passes(self, previous_pass: ModulePass | None, module: ModuleOp, next_pass: ModulePass | None) -> None:
        if previous_pass is not None and self.args.time_passes:
            seconds = time.perf_counter() - self._started
            print(f"Pass {previous_pass.name} took {seconds:.3f} seconds", file=sys.stderr)
        if not self.args.disable_verify:
            self._verifier.verify(module)
        if self._checker is not None:
            self._checker.check(module, previous_pass.name if previous_pass is not None else None)
        if previous_pass is not None and next_pass is not None and self.args.print_between_passes:
            print(f"IR after {previous_pass.name}:")
            sys.stdout.write(_elided(module))
            print("\n\n\n")
        self._started = time.perf_counter()

    # --- running ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Reads, runs passes, prints; nothing is written before everything is there."""
        texts: list[str | bytes] = []
        for number, chunk in enumerate(self._read_chunks()):
            if number:
                texts.append("// -----\n")
            texts.append(self._run_chunk(chunk))
        if texts == [_WRITTEN]:
            return
        data = b"".join(text if isinstance(text, bytes) else text.encode() for text in texts)
        if self.args.output_file is not None:
            write_bytes(Path(self.args.output_file), data)
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def _read_chunks(self) -> list[_Chunk]:
        """The input, in pieces where `--split-input-file` asks for them."""
        file = self.args.input_file
        try:
            data = _standard_input() if file is None else Path(file).read_bytes()
        except OSError as error:
            raise CompileError(f"{file or 'standard input'}: {error.strerror}") from error
        except ValueError as error:  # a name with a zero byte
            raise CompileError(f"{file}: {error}") from error
        kind = self.args.frontend or ("mlir" if file is None else Path(file).suffix.removeprefix("."))
        if kind not in self.available_frontends:
            raise CompileError(f"{file}: expected a .tflite or .mlir file")
        if not self.args.split_input_file:
            return [_Chunk(data, kind, 0)]
        chunks: list[_Chunk] = []
        line = 0
        for part in data.split(b"// -----"):
            chunks.append(_Chunk(part, kind, line))
            line += part.count(b"\n")
        return chunks

    def _parse(self, chunk: _Chunk) -> ModuleOp:
        if chunk.kind == "tflite":
            return _import_tflite(chunk.data, Path(self.get_input_name()).name)
        if chunk.kind != "mlir":
            return self.available_frontends[chunk.kind](BytesIO(chunk.data))
        try:
            text = chunk.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CompileError(f"{self.get_input_name()}: expected UTF-8 text") from error
        # Empty lines for what stands before the chunk, so that errors name the file's lines.
        text = "\n" * chunk.first_line + text
        return parse_ir(text, self.get_input_name(), self.ctx, not self.args.no_implicit_module)

    def _run_chunk(self, chunk: _Chunk) -> str | bytes:
        try:
            module = self._parse(chunk)
            source = None if self.args.report is None else module.clone()
            rendered = self._render(self._apply(module))
            if source is not None:
                write_report(self.args, source, self.requested_by_user, self.available_passes, self.ctx)
            return rendered
        except ParseError as error:
            if not self.args.parsing_diagnostics:
                raise
            return f"{error}\n"
        except DiagnosticException as error:
            if not self.args.verify_diagnostics:
                raise
            return f"{describe_diagnostic(error)}\n"
        except CompileError as error:
            if not self.args.verify_diagnostics:
                raise self._with_file(error, chunk) from error
            return f"error: {error}\n"

    def _with_file(self, error: CompileError, chunk: _Chunk) -> CompileError:
        """The error with the model's file where it begins with a layer of it; what is wrong with IR has its place."""
        if chunk.kind != "tflite" or not str(error).startswith(("layer ", "the model: ")):
            return error
        return CompileError(f"{Path(self.get_input_name()).name}: {error}")

    def _apply(self, module: ModuleOp) -> ModuleOp:
        """The module behind the passes."""
        if self.args.ram is None:
            self.apply_passes(module)
            return module
        from tinyts_mlir.budget import parse_bytes

        module.verify()
        budget = parse_bytes(self.args.ram)
        return lower_within_budget(module, self.requested_by_user, budget, self.available_passes, self.ctx)

    def _render(self, module: ModuleOp) -> str | bytes:
        """The output for one module."""
        if self.args.emit_c or self.args.target == "c":
            return self._render_c(module)
        if self.args.target == "tflite":
            if self.args.output_file is None and sys.stdout.isatty():
                raise CompileError("-t tflite: expected -o FILE.tflite, or standard output that is not a terminal")
            from tinyts_mlir.tflite.exporter import export_tflite

            return export_tflite(module)
        elide = self.args.elide_constants
        on_terminal = self.args.output_file is None and sys.stdout.isatty()
        if self.args.target == "mlir" and (elide == "always" or (elide == "auto" and on_terminal)):
            return f"{_elided(module, self.args.print_op_generic, self.args.print_debuginfo)}\n"
        return self.output_resulting_program(module)

    def _render_c(self, module: ModuleOp) -> str:
        from tinyts_mlir.lowering.c_source import model_identifier, require_identifier
        from tinyts_mlir.lowering.emit_c import emit_file

        name = self.args.name
        if name is None:
            name = "model" if self.args.input_file is None else model_identifier(Path(self.args.input_file).stem)
        require_identifier(name)
        output = self.args.output_file
        if output is None or not (output.endswith(os.sep) or Path(output).is_dir()):
            if self.args.emit_project is not None:
                raise CompileError("--emit-project: expected -o and a folder with a slash behind its name")
            if output is not None and not output.endswith(".c"):
                raise CompileError(f"-o {output}: expected FILE.c, or a folder with a slash behind its name")
            return emit_file(module, name)
        if self.args.split_input_file:
            raise CompileError(f"-o {output}: a folder holds one model, expected no --split-input-file")
        write_project(Path(output), self._project_files(module, name))
        return _WRITTEN

    def _project_files(self, module: ModuleOp, name: str) -> dict[str, str]:
        if self.args.emit_project is None:
            if self.args.benchmark is not None:
                raise CompileError("--benchmark: expected --emit-project as well")
            from tinyts_mlir.lowering.emit_c import emit_project

            return emit_project(module, name)
        from tinyts_mlir.lowering.projects import emit_application_project

        return emit_application_project(module, name, self.args.emit_project, self.args.benchmark)


def _standard_input() -> bytes:
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # it was closed when Python started
        raise CompileError("standard input: it is closed")
    return sys.stdin.buffer.read()


def _import_tflite(data: bytes, name: str) -> ModuleOp:
    """The module in a model file."""
    from tinyts_mlir.tflite.importer import import_tflite

    return import_tflite(data, name)


def _elided(module: ModuleOp, generic: bool = False, locations: bool = False) -> str:
    """The module as text without the values of large constants."""
    from tinyts_mlir.dialects.assembly import ElidingPrinter

    text = StringIO()
    ElidingPrinter(text, print_generic_format=generic, print_debuginfo=locations).print_op(module)
    return text.getvalue()


def new_pass_checker() -> PassChecker:
    """A checker for `--check-passes`."""
    from tinyts_mlir.interpreters.check_passes import PassChecker

    return PassChecker()


_WRITTEN = "\0"
"""Stands for output that went into a folder."""


def _pipeline(text: str) -> list[PassSpec]:
    """The passes of a `-p` option."""
    try:
        return [PassSpec(spec.name, str(spec)) for spec in parse_pipeline(text)]
    except ArgSpecParseError as error:
        raise CompileError(f"-p: cannot read the pipeline {text!r}") from error


def _list_ops(as_json: bool) -> int:
    from tinyts_mlir.tflite import op_table

    ops = op_table.listed_ops()
    sys.stdout.write(json.dumps(op_table.as_json(ops), indent=2) + "\n" if as_json else op_table.as_text(ops))
    return 0


def opt(arguments: Sequence[str]) -> int:
    """Runs the tool; raises what `main` reports."""
    if "--list-ops" in arguments:
        if rest := [argument for argument in arguments if argument not in ("--list-ops", "--json")]:
            raise CompileError(f"--list-ops: expected nothing besides but --json, got {rest[0]}")
        return _list_ops("--json" in arguments)
    try:
        TinytsOptMain(arguments).run()
    except ParseError as error:
        raise CompileError(describe_parse_error(error)) from error
    except DiagnosticException as error:
        raise CompileError(describe_diagnostic(error)) from error
    return 0


def main() -> None:
    """The console script."""
    # numpy has a thread of BLAS start on every core as soon as it is imported; only interpreters multiply matrices.
    if "--check-passes" not in sys.argv:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    run_command(PROGRAM, opt)
