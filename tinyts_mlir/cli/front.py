"""`tinyts-opt --front MODEL`: the plans that no other is better than, from least SRAM to fewest instructions."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tinyts_mlir.cli.arguments import Parser
from tinyts_mlir.cli.progress_line import progress_line

if TYPE_CHECKING:
    from tinyts_mlir.front import Front, FrontPoint

VERSION = 1
"""Of the JSON form."""


def front_command(arguments: Sequence[str]) -> int:
    """Prints the front; raises CompileError."""
    parser = Parser(prog="tinyts-opt", description="SRAM against instructions: the plans that no other is better than.")
    parser.add_argument("--front", action="store_true", help="only show the front")
    parser.add_argument("model", metavar="MODEL", type=Path)
    parser.add_argument("--io", metavar="TYPES", default="model", help="model or int8, as of tinyts-opt")
    parser.add_argument("--input", metavar="MODE", help="stream, arena or external, as of tinyts-opt")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    from tinyts_mlir.compiler import new_context, read_module
    from tinyts_mlir.front import Ways, find_front
    from tinyts_mlir.pipeline import with_input, with_io
    from tinyts_mlir.universe import installed

    context = new_context()
    specs = with_io([] if options.input is None else with_input([], options.input), options.io)
    with progress_line(is_quiet=False):
        module = read_module(options.model, context)
        front = find_front(Ways(module, specs, installed().all_passes, context))
    if options.json:
        found = {"format": "tinyts-opt --front", "version": VERSION, "name": options.model.stem, **_as_json(front)}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        lines = [f"{options.model.name}: SRAM exact, instructions estimated", *_lines(front)]
        sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _lines(front: Front) -> list[str]:
    """For people."""
    head = ["SRAM", "arena", "made again", "instructions", "options"]
    fewest = front.points[-1].instructions
    rows = [
        [
            f"{point.memory.total:,}",
            f"{point.memory.arena:,}",
            f"{_share(point, front):.1%}",
            f"{point.instructions:,.0f} ({point.instructions / fewest:.2f} x)",
            point.options,
        ]
        for point in front.points
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return ["  " + "  ".join([*map(str.rjust, row[:-1], widths), row[-1]]).rstrip() for row in ([*head], *rows)]


def _share(point: FrontPoint, front: Front) -> float:
    return point.repeated_macs / front.macs if front.macs else 0.0


def _as_json(front: Front) -> dict[str, object]:
    """For programs."""
    return {
        "macs": front.macs,
        "points": [
            {
                "sram_bytes": point.memory.total,
                "arena_bytes": point.memory.arena,
                "repeated_macs": point.repeated_macs,
                "instructions": round(point.instructions),
                "options": point.options,
            }
            for point in front.points
        ],
    }
