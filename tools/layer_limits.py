"""Layers that take more instructions for one multiplication than their kind is to take.

    python tools/layer_limits.py build/benchmark.json
    python tools/layer_limits.py build/benchmark.json --output docs/benchmark.md
    python tools/benchmark.py ../shared/models/wild --compiler gcc --no-estimates --json build/wild.json
    python tools/layer_limits.py build/wild.json --most 6 --share 5

Reads what tools/benchmark.py wrote with --json, and looks at layers that take more than one percent of their net's
instructions. Prints a row for each kind, and one for each layer above its kind's aim. *Held* is what is reached today;
a layer above that fell off its fast path (tools/layer_kinds.py has the numbers). With --most every layer that
multiplies is judged, by that number alone, and layers are told by their shape.

Exit status: 0 no layer is above what is held or --most, 1 one is, or a file is no benchmark, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NoReturn

from benchmark_report import FORMAT, VERSION, Cell, table
from generated_text import replace_generated
from layer_kinds import KINDS, Layer

from tinyts_mlir.errors import UserError
from tinyts_mlir.toolchain.errors import ToolchainError

BEGIN = "<!-- table: tools/layer_limits.py -->"
BEGIN_MOST = "<!-- table: tools/layer_limits.py --most -->"
SHARE = 1.0
"""Percent of a net's instructions: layers with less are left out."""
EXIT_ABOVE, EXIT_ERROR, EXIT_USAGE = 1, 1, 2


def load_layers(path: Path, least_share: float = SHARE) -> list[Layer]:
    """The layers that multiply, with more than a share of their net's instructions, of a benchmark's JSON.

    Raises ToolchainError where the file cannot be read or is something else.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ToolchainError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ToolchainError(f"{path} is no JSON: {error}") from None
    if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise ToolchainError(f"{path}: expected {FORMAT} of version {VERSION}, as tools/benchmark.py --json writes it")
    try:
        return [layer for layer in _layers(content) if layer.share > least_share]
    except (AttributeError, KeyError, TypeError, ZeroDivisionError):
        raise ToolchainError(f"{path}: its models do not have the layers of {FORMAT} {VERSION}") from None


def _layers(content: dict[str, Any]) -> Iterator[Layer]:
    for name, model in content["models"].items():
        for compiler, build in model["compilers"].items():
            for layer in build["layers"]:
                instructions, macs = int(layer["instructions"]), int(layer["macs"])
                share = 100 * instructions / build["instructions"]
                if macs > 0:
                    yield Layer(name, compiler, layer["kernel"], layer["shape"], macs, instructions, share)


def above_held(layers: Sequence[Layer]) -> list[Layer]:
    """Those above what their kind reaches today."""
    return [layer for layer in layers if layer.held is not None and layer.per_mac > layer.held]


def kinds_table(layers: Sequence[Layer]) -> str:
    """A row for each kind that occurs; what is held of layers with few output channels is behind the slash."""
    rows: list[list[Cell]] = []
    for kind in KINDS:
        per_mac = [layer.per_mac for layer in layers if layer.kind == kind]
        if per_mac:
            above = None if kind.aim is None else sum(one > kind.aim for one in per_mac)
            held = f"{kind.held:.2f} / {kind.held_by_few:.2f}"
            rows.append([kind.name, len(per_mac), median(per_mac), max(per_mac), kind.aim, above, held])
    return table(["kind", "layers", "median", "most", "aim", "above it", "held"], rows)


def above_table(layers: Sequence[Layer]) -> str:
    """A row for each layer above its kind's aim, those that are furthest above first."""
    found = [
        (layer.per_mac / kind.aim, kind.aim, layer)
        for layer in layers
        if (kind := layer.kind) is not None and kind.aim is not None and layer.per_mac > kind.aim
    ]
    rows: list[list[Cell]] = [
        [layer.model, layer.compiler, layer.shape, f"{layer.share:.1f} %", layer.per_mac, aim, ratio, layer.held]
        for ratio, aim, layer in sorted(found, key=lambda one: -one[0])
    ]
    return table(["model", "compiler", "layer", "share", "per MAC", "aim", "of aim", "held"], rows, left=3)


def most_table(layers: Sequence[Layer], most: float) -> str:
    """A row for each layer above `most`, without names: the same layer of several files is one row."""
    above = Counter(
        (layer.kernel, layer.shape, layer.macs, round(layer.per_mac, 2)) for layer in layers if layer.per_mac > most
    )
    rows: list[list[Cell]] = [[*layer, count] for layer, count in sorted(above.items())]
    return table(["kernel", "layer", "MACs", "per MAC", "layers"], rows, left=2)


def judge(options: argparse.Namespace) -> int:
    """Prints the tables; returns the exit status."""
    layers = [layer for path in options.paths for layer in load_layers(path, options.share)]
    if options.most is not None:
        text = most_table(layers, options.most)
        print(text)
        if options.output:
            replace_generated(options.output, BEGIN_MOST, text)
        return EXIT_ABOVE if any(layer.per_mac > options.most for layer in layers) else 0
    text = kinds_table(layers)
    print(f"{text}\n\n{above_table(layers)}")
    if options.output:
        replace_generated(options.output, BEGIN, text)
    fallen = above_held(layers)
    for layer in fallen:
        name = f"{layer.model} with {layer.compiler}, {layer.shape}"
        print(f"layer_limits: {name}: {layer.per_mac:.2f} instructions a MAC, held: {layer.held}", file=sys.stderr)
    return EXIT_ABOVE if fallen else 0


class _Parser(argparse.ArgumentParser):
    """Errors on one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"layer_limits: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = _Parser(
        prog="layer_limits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE", help="JSON that tools/benchmark.py wrote")
    parser.add_argument("--output", type=Path, metavar="FILE", help="replace the table between the markers there")
    parser.add_argument("--most", type=float, metavar="N", help="instructions a MAC that no layer is to be above")
    parser.add_argument("--share", type=float, default=SHARE, metavar="PERCENT", help="of layers that are left out")
    try:
        return judge(parser.parse_args(arguments))
    except (UserError, OSError, ValueError) as error:
        print(f"layer_limits: error: {error}", file=sys.stderr)
        return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
