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
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.utils.arg_spec import parse_pipeline, parse_spec
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError
from xdsl.utils.target import Target
from xdsl.xdsl_opt_main import xDSLOptMain

from tinyts_mlir.budget import memory_of, parse_bytes, parse_percent
from tinyts_mlir.chips import Chip, find_chip
from tinyts_mlir.cli.checks import check_command, is_folder, model_name, next_command
from tinyts_mlir.cli.fits import fits_command
from tinyts_mlir.cli.front import front_command
from tinyts_mlir.cli.input_chunks import STANDARD_INPUT, Chunk, read_chunks
from tinyts_mlir.cli.ir_printing import PassPrinter, elided
from tinyts_mlir.cli.messages import run_command
from tinyts_mlir.cli.opt_help import PROGRAM, OptParser
from tinyts_mlir.cli.progress_line import progress_line
from tinyts_mlir.cli.report import write_report
from tinyts_mlir.compiler import describe_diagnostic, describe_parse_error, import_model, lower
from tinyts_mlir.cores import CORES, CORTEX_M7, Core, find_core
from tinyts_mlir.dialects.ir_text import parse_ir
from tinyts_mlir.errors import CompileError
from tinyts_mlir.output import write_bytes, write_project
from tinyts_mlir.pipeline import (
    PassSpec,
    asked_for,
    build_passes,
    complete,
    pass_flag,
    with_input,
    with_io,
    with_slowdown,
)

CORE_NAMES = tuple(core.name for core in CORES)

if TYPE_CHECKING:
    from tinyts_mlir.compiler import Compilation
    from tinyts_mlir.interpreters.check_passes import PassChecker


class TinytsOptMain(xDSLOptMain):
    """The command line of `tinyts-opt`."""

    version_format = "tinyts-opt, on xDSL {xdsl_version}"

    def __init__(self, arguments: Sequence[str]) -> None:
        self.requested: list[PassSpec] = []
        self._core: Core | None = None
        self.arguments = list(arguments)
        # The base class parses this very list, after register_all_passes has taken the passes out of it.
        try:
            super().__init__(
                "Compiles quantized TensorFlow Lite models to C, and runs passes on their IR.", self.arguments
            )
        except ArgSpecParseError as error:  # passes were read before: this is the target
            raise CompileError(f"-t: cannot read the target {self.args.target!r}") from error

    # --- registration -------------------------------------------------------------------------------------------

    def register_all_frontends(self) -> None:
        """Adds `.tflite`."""
        super().register_all_frontends()
        self.available_frontends["tflite"] = lambda stream: import_model(stream.read(), self.get_input_name())

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
            elif argument.startswith("--target=") and argument.partition("=")[2] in CORE_NAMES:
                self._core = find_core(argument.partition("=")[2])
            elif argument == "--target":
                value = next(arguments, None)
                if value in CORE_NAMES:
                    self._core = find_core(value)
                else:  # xDSL's other spelling of -t
                    rest += [argument] if value is None else [argument, value]
            elif argument.startswith("--passes="):
                self.requested += _pipeline(argument.partition("=")[2])
            else:
                rest.append(argument)
        self.arguments[:] = rest

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        """Adds our options."""
        super().register_all_arguments(arg_parser)
        OptParser.adopt(arg_parser, self.available_passes)

    def setup_pipeline(self) -> None:
        """Builds the passes that the command line asks for."""
        if self.args.input_file == STANDARD_INPUT:
            self.args.input_file = None
        self._chip = None if self.args.chip is None else find_chip(self.args.chip)
        if self._core is None and self._chip is not None:
            self._core = find_core(self._chip.core_name)
        if self.args.max_slowdown is not None:
            self.requested = with_slowdown(self.requested, parse_percent(self.args.max_slowdown))
        given = self.requested
        self.requested = self._with_modes(given)
        self.requested_by_user = list(self.requested)
        if self.args.emit_c:
            if self.args.target != "mlir":
                raise CompileError(f"--emit-c and -t {self.args.target} exclude each other")
            self.requested = complete(self.requested)
        elif self.args.emit_project is not None:
            raise CompileError("--emit-project: expected --emit-c as well")
        elif self.args.max_slowdown is not None:
            raise CompileError("--max-slowdown: expected --emit-c as well; of IR, --fuse-blocks behind --canonicalize")
        elif self.args.ram is not None or self.args.chip is not None:
            flag = "--ram" if self.args.ram is not None else "--chip"
            raise CompileError(f"{flag}: expected --emit-c as well: only a complete plan can be counted")
        self._check_target_options()
        check_command(self.args)
        self._budget = None if self.args.ram is None else parse_bytes(self.args.ram)
        from tinyts_mlir.cli.verification import ChangeVerifier

        passes = build_passes(self.requested, self.available_passes)
        self._given = given
        self.options = self._canonical_options(given)
        self.pipeline = PassPipeline(passes, self._between_passes)
        self._printer = self._pass_printer(passes)
        if self.args.passes:  # argparse knows abbreviations, for which register_all_passes does not look
            raise CompileError("expected a pipeline as -p PIPELINE or --passes=PIPELINE")
        self._verifier = ChangeVerifier()
        self._checker = new_pass_checker() if self.args.check_passes else None
        self._started = time.perf_counter()

    def _pass_printer(self, passes: Sequence[ModulePass]) -> PassPrinter:
        """What `--print-ir-before` and `--print-ir-after` ask for."""
        before, after = self.args.print_ir_before, self.args.print_ir_after
        between = {
            "--print-ir-after": after,
            "--print-ir-before": before,
            "--check-passes": self.args.check_passes,
            "--time-passes": self.args.time_passes,
        }
        if self.args.ram is not None and any(between.values()):
            flag = next(flag for flag, is_given in between.items() if is_given)
            raise CompileError(f"{flag} and --ram exclude each other: within a budget several plans are compiled")
        running = list(dict.fromkeys(one.name for one in passes))
        return PassPrinter.of(before, after, running, self.available_passes, self.args.print_debuginfo)

    def _with_modes(self, passes: Sequence[PassSpec]) -> list[PassSpec]:
        """The passes with what `--input` and `--io` say."""
        if self.args.input is not None:
            passes = with_input(passes, self.args.input)
        return with_io(passes, self.args.io)

    def _canonical_options(self, given: Sequence[PassSpec]) -> str:
        from tinyts_mlir.provenance import canonical_options

        def finish(passes: Sequence[PassSpec]) -> list[PassSpec]:
            passes = self._with_modes(passes)
            return complete(passes) if self.args.emit_c else passes

        return canonical_options(asked_for(given, finish), self.args.input, self.args.io, self._budget)

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
        self._printer.between(previous_pass, module, next_pass)
        if previous_pass is not None and next_pass is not None and self.args.print_between_passes:
            print(f"IR after {previous_pass.name}:")
            sys.stdout.write(elided(module))
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

    def _read_chunks(self) -> list[Chunk]:
        """The input, in pieces where `--split-input-file` asks for them."""
        return read_chunks(
            self.args.input_file, self.args.frontend, self.available_frontends, self.args.split_input_file
        )

    def _parse(self, chunk: Chunk) -> ModuleOp:
        if chunk.kind == "tflite":
            return import_model(chunk.data, Path(self.get_input_name()).name)
        if chunk.kind != "mlir":
            return self.available_frontends[chunk.kind](BytesIO(chunk.data))
        try:
            text = chunk.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CompileError(f"{self.get_input_name()}: expected UTF-8 text") from error
        # Empty lines for what stands before the chunk, so that errors name the file's lines.
        text = "\n" * chunk.first_line + text
        return parse_ir(text, self.get_input_name(), self.ctx, not self.args.no_implicit_module)

    def _run_chunk(self, chunk: Chunk) -> str | bytes:
        from tinyts_mlir.provenance import record_options

        try:
            module = self._parse(chunk)
            pristine = module.clone() if self._chip is not None and self._budget is None else None
            record_options(module, self.options, always=self.args.emit_c or self.args.target == "c")
            with progress_line(self.args.quiet) as progress:
                lowered = self._apply(module)
                if pristine is not None and self._chip is not None and self._exceeds(lowered, self._chip):
                    # The chip's RAM is the budget: bands, and as high as fit.
                    self.args.ram, self._budget = str(self._chip.ram), self._chip.ram
                    record_options(pristine, self._canonical_options(self._given))
                    lowered = self._apply(pristine)
            rendered = self._render(lowered)
            if self.compilation is not None and self.args.report is not None:
                write_report(self.args, self.compilation)
            if self.compilation is not None and is_folder(self.args.output_file) and not self.args.quiet:
                self._show(self.compilation, progress.is_stopped)
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

    def _with_file(self, error: CompileError, chunk: Chunk) -> CompileError:
        """The error with the model's file where it begins with a layer of it; what is wrong with IR has its place."""
        if chunk.kind != "tflite" or not str(error).startswith(("layer ", "the model: ")):
            return error
        return CompileError(f"{Path(self.get_input_name()).name}: {error}")

    def _apply(self, module: ModuleOp) -> ModuleOp:
        """The module behind the passes; of a complete plan, how it was made stays in `compilation`."""
        self.compilation: Compilation | None = None
        if not self.args.emit_c:
            self.apply_passes(module)
            return module
        module.verify()
        specs, available = self.requested_by_user, self.available_passes
        self.compilation = made = lower(
            module, model_name(self.args), specs, available, self.ctx, self._budget, self._between_passes
        )
        return made.lowered

    @staticmethod
    def _exceeds(lowered: ModuleOp, chip: Chip) -> bool:
        return memory_of(lowered).total > chip.ram

    def _show(self, made: Compilation, is_stopped: bool) -> None:
        """Prints the first screen, or the same as JSON."""
        from tinyts_mlir.cli.screen import print_summary
        from tinyts_mlir.reporting.summary import summarize

        core = self._core or CORTEX_M7
        command = next_command(self.args, self.requested_by_user, core)
        summary = summarize(replace(made, core=core), self._chip, command, is_stopped)
        if self.args.json:
            print(json.dumps(summary.as_json(), indent=2))
        else:
            print_summary(summary, sys.stdout)

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
            return f"{elided(module, self.args.print_op_generic, self.args.print_debuginfo)}\n"
        return self.output_resulting_program(module)

    def _render_c(self, module: ModuleOp) -> str:
        from tinyts_mlir.lowering.emit_c import emit_file

        name, output = model_name(self.args), self.args.output_file
        if not is_folder(output):
            return emit_file(module, name)
        write_project(Path(output), self._project_files(module, name))
        return _WRITTEN

    def _project_files(self, module: ModuleOp, name: str) -> dict[str, str]:
        if self.args.emit_project is None:
            from tinyts_mlir.lowering.emit_c import emit_project

            return emit_project(module, name)
        from tinyts_mlir.lowering.projects import emit_application_project

        args = self.args
        return emit_application_project(module, name, args.emit_project, args.benchmark, args.publisher, args.url)


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
    if "--fits" in arguments:
        return fits_command(arguments)
    if "--front" in arguments:
        return front_command(arguments)
    if "--list-ops" in arguments:
        if rest := [argument for argument in arguments if argument not in ("--list-ops", "--json")]:
            raise CompileError(f"--list-ops: expected nothing besides but --json, got {rest[0]}")
        return _list_ops("--json" in arguments)
    if not arguments and _is_terminal(sys.stdin):
        arguments = ["--help"]
    try:
        TinytsOptMain(arguments).run()
    except ParseError as error:
        raise CompileError(describe_parse_error(error)) from error
    except DiagnosticException as error:
        raise CompileError(describe_diagnostic(error)) from error
    return 0


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits there; Python has None for a stream that was closed when it started."""
    return stream is not None and stream.isatty()


def main() -> None:
    """The console script."""
    # numpy has a thread of BLAS start on every core as soon as it is imported; only interpreters multiply matrices.
    if "--check-passes" not in sys.argv:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    run_command(PROGRAM, opt)
