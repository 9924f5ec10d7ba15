"""`tinyts-opt --report FILE.html`: when it can be had, and what is written."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from tinyts_mlir.compiler import PassSpec
from tinyts_mlir.errors import CompileError
from tinyts_mlir.output import require_writable, write_bytes


def check_report(arguments: argparse.Namespace) -> None:
    """Raises CompileError where the report could not be made or written: better now than behind all planning."""
    if arguments.report is None:
        return
    if not arguments.emit_c:
        raise CompileError("--report: expected --emit-c as well: only a complete plan can be shown")
    if arguments.split_input_file:
        raise CompileError("--report: one page is about one model, expected no --split-input-file")
    report, output = Path(arguments.report), arguments.output_file
    if output is not None and output.endswith(os.sep) and report.parent == Path(output):
        return  # the project's folder, which is written first
    require_writable(report)


def write_report(
    arguments: argparse.Namespace,
    module: ModuleOp,
    specs: Sequence[PassSpec],
    available: Mapping[str, Callable[[], type[ModulePass]]],
    context: Context,
) -> None:
    """Writes the page about a module as imported, compiled by `specs`. Raises CompileError."""
    from tinyts_mlir.budget import parse_bytes
    from tinyts_mlir.reporting.html_report import report_html

    name = "model" if arguments.input_file is None else Path(arguments.input_file).stem
    budget = None if arguments.ram is None else parse_bytes(arguments.ram)
    page = report_html(module, specs, name, available, context, budget)
    write_bytes(Path(arguments.report), page.encode())
