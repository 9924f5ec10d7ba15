"""`tinyts-opt --report FILE.html`: what is written."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from tinyts_mlir.cli.output import write_bytes
from tinyts_mlir.compiler import PassSpec

if TYPE_CHECKING:
    from tinyts_mlir.budget import PlanSearch


def write_report(
    arguments: argparse.Namespace,
    module: ModuleOp,
    made: tuple[ModuleOp, ModuleOp, tuple[float, ...], PlanSearch | None],
    specs: Sequence[PassSpec],
    available: Mapping[str, Callable[[], type[ModulePass]]],
    context: Context,
) -> None:
    """Writes the page about a module as imported, compiled by `specs`. Raises CompileError.

    `made` is what came of that, as `Emitted` has it (`reporting/plans.py`).
    """
    from tinyts_mlir.budget import parse_bytes
    from tinyts_mlir.reporting.html_report import report_html
    from tinyts_mlir.reporting.plans import Emitted

    name = "model" if arguments.input_file is None else Path(arguments.input_file).stem
    budget = None if arguments.ram is None else parse_bytes(arguments.ram)
    page = report_html(module, specs, name, available, context, budget, Emitted(*made))
    write_bytes(Path(arguments.report), page.encode())
