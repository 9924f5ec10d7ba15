"""`tinyts-opt --report FILE.html`: what is written."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinyts_mlir.chips import find_chip
from tinyts_mlir.compiler import Compilation
from tinyts_mlir.output import write_bytes


def write_report(arguments: argparse.Namespace, made: Compilation) -> None:
    """Writes the page about a compiled model. Raises CompileError."""
    from tinyts_mlir.reporting.html_report import report_html

    chip = None if arguments.chip is None else find_chip(arguments.chip)
    name = "model" if arguments.input_file is None else Path(arguments.input_file).stem
    write_bytes(Path(arguments.report), report_html(made, name, chip).encode())
