"""`tinyts-diff`: what differs between two compiles: memory, flash, steps, and layer by layer."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from tinyts_mlir.cli.arguments import Parser
from tinyts_mlir.cli.messages import run_command
from tinyts_mlir.comparison import Comparison, Figure, Layer, LayerPair, Report
from tinyts_mlir.errors import CompileError, shortened

PROGRAM = "tinyts-diff"
JSON_VERSION = 1
EXIT_DIFFERENT = 1
EXIT_ERROR = 2

DESCRIPTION = """Compares two compiles: folders of tinyts-opt --emit-c, or the NAME_report.json in them. Bytes of flash
are those of weights and tables; code is counted by tinyts-run --target cortex-m7."""

EPILOG = "Exit status: 0 all is well, 1 they differ (with --exit-code), 2 an error or wrong usage."


def diff(arguments: Sequence[str]) -> int:
    """Compares what the arguments name; returns the exit status."""
    parser = Parser(
        prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", metavar="A", type=Path)
    parser.add_argument("after", metavar="B", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--exit-code", action="store_true", help="end with status 1 where they differ")
    options = parser.parse_args(arguments)
    try:
        comparison = Comparison.of(Report.read(options.before), Report.read(options.after))
    except CompileError as error:
        error.exit_status = EXIT_ERROR
        raise
    if options.json:
        print(json.dumps({"format": PROGRAM, "version": JSON_VERSION, **comparison.as_json()}, indent=2))
    else:
        print("\n".join(_lines(comparison)))
    return EXIT_DIFFERENT if options.exit_code and not comparison.is_equal else 0


def _lines(comparison: Comparison) -> list[str]:
    """For people: all figures, then the layers that differ."""
    if comparison.is_equal:
        return ["no difference"]
    lines = [f"{'':<16}{'before':>12}{'after':>12}"]
    lines += [_figure_line(title, *values) for title, values in comparison.figures.items() if values != (None, None)]
    if comparison.changed:
        lines += ["", "layers with other bands (rows of the map in bands of rows, bytes of a band):"]
        lines += [f"  {_change(pair)}  {shortened(pair.after.name)}" for pair in comparison.changed]
    for title, layers in (("layers of A only:", comparison.removed), ("layers of B only:", comparison.added)):
        if layers:
            lines += ["", title, *(f"  {_shape(layer):<26}{layer.kernel}  {shortened(layer.name)}" for layer in layers)]
    return lines


def _figure_line(title: str, before: Figure, after: Figure) -> str:
    def text(value: Figure) -> str:
        return "-" if value is None else f"{value:,}"

    change = ""
    if before is not None and after is not None and before != after:
        change = f"{after - before:+,}"
        if before:
            change += f"  ({100 * (after - before) / before:+.1f} %)"
    return f"{title:<16}{text(before):>12}{text(after):>12}{'':>4}{change}".rstrip()


def _shape(layer: Layer) -> str:
    return f"{layer.rows} in {layer.band_rows}, {layer.band_bytes:,} bytes"


def _change(pair: LayerPair) -> str:
    return f"{f'{_shape(pair.before)} -> {_shape(pair.after)}':<56}"


def main() -> None:
    """The console script."""
    run_command(PROGRAM, diff)
