"""`tinyts-opt --fits MODEL`: which budgets a model fits, from its graph and the search for the best order alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tinyts_mlir.chips import find_chip
from tinyts_mlir.cli.arguments import Parser

VERSION = 1
"""Of the JSON form."""


def fits_command(arguments: Sequence[str]) -> int:
    """Prints the answer; raises CompileError. The exit status is 3 where the model does not fit the chip."""
    parser = Parser(prog="tinyts-opt", description="Whether a model fits, in a second or two: all figures estimated.")
    parser.add_argument("--fits", action="store_true", help="only say which budgets the model fits")
    parser.add_argument("model", metavar="MODEL", type=Path)
    parser.add_argument("--chip", metavar="NAME", help="a chip of the table")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    chip = None if options.chip is None else find_chip(options.chip)
    from tinyts_mlir.compiler import new_context, read_module
    from tinyts_mlir.reporting.fits import estimate

    context = new_context()
    found = estimate(read_module(options.model, context), context)
    if options.json:
        result = {"format": "tinyts-opt --fits", "version": VERSION, "name": options.model.stem, **found.as_json()}
        if chip is not None:
            result |= {"chip": chip.name, "fits": found.needed(chip.ram) is not None}
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join([f"{options.model.name}: all figures estimated", *found.lines()]) + "\n")
        if chip is not None:
            way = found.needed(chip.ram)
            sys.stdout.write(f"  {chip}: {'does not fit' if way is None else f'fits, {way}'}\n")
    return 3 if chip is not None and found.needed(chip.ram) is None else 0
