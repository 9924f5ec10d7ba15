"""Measures every model of a folder on the emulated Cortex-M7, beside figures of other runtimes.

    python tools/benchmark.py ../shared/models --peers ../shared/anchors/peers.json --json figures.json

A ratio in brackets is our figure over the peer's: below 1 we need less. Flags of passes (--split-tensors=rows=2) go to
the compiler. One inference is measured, and compared with LiteRT. Everything but the seconds is deterministic.

The peers' file maps model names to objects. An object in it that has a figure of ours (`instructions`, `arena_bytes`,
`stack_bytes`, `text_bytes`, `rodata_bytes`, ...) is a peer, or, one level further down, a variant of a peer. An object
of other numbers, such as estimates of arenas, is printed as it is.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import cast

from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.compiler import compile_model, new_context, read_module
from tinyts_mlir.dialects.rows import CHANNELS, shape_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import Conv2DOp, DepthwiseConv2DOp, FullyConnectedOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.toolchain.compilers import CrossCompiler, cortex_m7_compiler
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.evaluate import evaluate
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

FORMAT, VERSION = "tinyts-benchmark", 1

FIGURES = {
    "instructions": "instructions",
    "instructions_per_mac": "per MAC",
    "sram_bytes": "SRAM",
    "arena_bytes": "arena",
    "stack_bytes": "stack",
    "context_bytes": "context",
    "text_bytes": "text",
    "rodata_bytes": "rodata",
    "tables_bytes": "tables",
}
"""What is compared, by its name in JSON, and the head of its column. SRAM is arena, stack and context."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Measured:
    """One model's figures, and those of its peers."""

    name: str
    macs: int
    compile_seconds: float
    figures: Figures
    peers: dict[str, Figures]
    estimates: dict[str, Figures]
    """What the peers' file has besides peers."""

    def ratio(self, peer: str, figure: str) -> float | None:
        """Our figure over the peer's; None where one of them is missing, or 0."""
        ours, theirs = self.figures.get(figure), self.peers[peer].get(figure)
        return ours / theirs if ours and theirs else None

    def as_json(self) -> dict[str, object]:
        """Everything, with the ratios."""
        return {
            "macs": self.macs,
            "compile_seconds": round(self.compile_seconds, 2),
            **self.figures,
            "peers": {
                peer: {
                    figure: {"value": value, "ratio": None if (ratio := self.ratio(peer, figure)) is None else ratio}
                    for figure, value in figures.items()
                }
                for peer, figures in self.peers.items()
            },
        }


def macs_of(module: ModuleOp) -> int:
    """Multiplications of inputs with weights in one inference."""
    total = 0
    for op in module.walk():
        match op:
            case Conv2DOp():
                total += prod(shape_of(op.result)) * prod(shape_of(op.filter)[1:])
            case DepthwiseConv2DOp():
                total += prod(shape_of(op.result)) * prod(shape_of(op.filter)[1:CHANNELS])
            case FullyConnectedOp():
                total += size_in_bytes(tensor_type(op.result)) * shape_of(op.filter)[1]
            case _:
                pass
    return total


def measure(path: Path, flags: Sequence[str], compiler: CrossCompiler | None, peers: object) -> Measured:
    """Compiles, builds, runs and compares one model; raises ToolchainError where an output byte is wrong."""
    started = time.perf_counter()
    compiled = compile_model(path, flags)
    seconds = time.perf_counter() - started
    reference = ReferenceModel(path)
    evaluation = evaluate(compiled, "cortex-m7", random_inputs(reference.inputs, 1), reference, compiler=compiler)
    if evaluation.figures is None or not evaluation.bit_exact:
        raise ToolchainError(f"{path.name}: {evaluation.mismatch}")
    macs = macs_of(read_module(path, new_context()))
    measured = evaluation.figures
    figures: Figures = {
        "instructions": measured.instructions,
        "instructions_per_mac": round(measured.instructions / max(macs, 1), 3),
        "sram_bytes": evaluation.sram_bytes(measured),
        "arena_bytes": evaluation.arena_bytes,
        "stack_bytes": measured.stack_bytes,
        "context_bytes": measured.context_bytes,
        "text_bytes": measured.text_bytes,
        "rodata_bytes": measured.rodata_bytes,
        "tables_bytes": cast(int, compiled.report["tables_bytes"]),
    }
    found, estimates = read_peers(peers, macs)
    return Measured(path.stem, macs, seconds, figures, found, estimates)


def read_peers(entry: object, macs: int) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """The peers in a model's entry of the peers' file, and the other objects of numbers in it."""
    peers: dict[str, Figures] = {}
    others: dict[str, Figures] = {}

    def take(name: str, value: object) -> None:
        if not isinstance(value, dict):
            return
        fields = cast(Mapping[str, object], value)
        numbers = {key: float(cast(float, number)) for key, number in fields.items() if _is_number(number)}
        known = {key: number for key, number in numbers.items() if key in FIGURES}
        if known:
            peers[name] = _with_sums(known, numbers.get("input_outside_arena_bytes", 0.0), macs)
            return
        if numbers:
            others[name] = numbers
        for key, inner in fields.items():
            take(f"{name} {key}", inner)

    if isinstance(entry, dict):
        for name, value in cast(Mapping[str, object], entry).items():
            take(name, value)
    return peers, others


def _with_sums(figures: Figures, input_bytes: float, macs: int) -> Figures:
    """Adds what follows from other figures; an input that the peer keeps outside of its arena counts as SRAM."""
    if "instructions" in figures and macs:
        figures["instructions_per_mac"] = round(figures["instructions"] / macs, 3)
    if "arena_bytes" in figures and "sram_bytes" not in figures:
        parts = ("arena_bytes", "stack_bytes", "context_bytes")
        figures["sram_bytes"] = input_bytes + sum(figures.get(part, 0.0) for part in parts)
    return {figure: figures[figure] for figure in FIGURES if figure in figures}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- Text ----------------------------------------------------------------------------------------------------------


def number(value: float) -> str:
    """A count with separators, or a quotient with two digits behind the point."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Lines of aligned columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  " + "  ".join(cells).rstrip()


def describe(model: Measured) -> str:
    """A model's table."""

    def row(peer: str) -> list[str]:
        cells: list[str] = []
        for figure in FIGURES:
            value, ratio = model.peers[peer].get(figure), model.ratio(peer, figure)
            text = "" if value is None else number(value)
            cells.append(f"{text} ({ratio:.2f})" if ratio is not None else text)
        return [peer, *cells]

    ours = ["tinyts-mlir", *(number(model.figures[figure]) for figure in FIGURES)]
    rows = [["", *FIGURES.values()], ours, *map(row, model.peers)]
    lines = [f"{model.name}: {model.macs:,} MACs, compiled in {model.compile_seconds:.1f} s", *table(rows)]
    for name, values in model.estimates.items():
        lines.append(f"  {name}: " + ", ".join(f"{key} {number(value)}" for key, value in values.items()))
    return "\n".join(lines)


def means(models: Sequence[Measured]) -> dict[str, Figures]:
    """For each peer and figure the geometric mean of the ratios, over the models that have both."""
    result: dict[str, Figures] = {}
    for peer in dict.fromkeys(peer for model in models for peer in model.peers):
        for figure in FIGURES:
            ratios = [model.ratio(peer, figure) for model in models if peer in model.peers]
            logarithms = [math.log(ratio) for ratio in ratios if ratio is not None]
            if logarithms:
                result.setdefault(peer, {})[figure] = round(math.exp(sum(logarithms) / len(logarithms)), 4)
    return result


def describe_means(found: Mapping[str, Figures]) -> str:
    """The table of geometric means."""
    rows = [["", *FIGURES.values()]]
    for peer, figures in found.items():
        rows.append([peer, *(f"{figures[figure]:.2f}" if figure in figures else "" for figure in FIGURES)])
    return "\n".join(["all models, geometric means of the ratios:", *table(rows)])


# --- Command line --------------------------------------------------------------------------------------------------


def benchmark(options: argparse.Namespace, flags: Sequence[str]) -> None:
    """Measures the models and prints what was found."""
    peers = cast(Mapping[str, object], json.loads(options.peers.read_text()) if options.peers else {})
    paths = sorted(path for path in options.folder.glob("*.tflite") if not options.only or path.stem in options.only)
    if not paths:
        raise ToolchainError(f"{options.folder}: no .tflite files" + (" of these names" if options.only else ""))
    models: list[Measured] = []
    for path in paths:
        models.append(measure(path, flags, options.compiler, peers.get(path.stem)))
        print(describe(models[-1]), end="\n\n", flush=True)
    if any(model.peers for model in models):
        print(describe_means(means(models)))
    if options.json:
        content = {
            "format": FORMAT,
            "version": VERSION,
            "compiler": cortex_m7_compiler(options.compiler).version(),
            "flags": list(flags),
            "models": {model.name: model.as_json() for model in models},
            "means": means(models),
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n")


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, help="the folder with the .tflite files")
    parser.add_argument("--peers", type=Path, metavar="FILE", help="figures of other runtimes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there as well")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these models")
    parser.add_argument("--compiler", choices=["gcc", "clang"], help="default: gcc if it is installed")
    options, flags = parser.parse_known_args()
    try:
        benchmark(options, flags or ["--split-tensors"])
    except (CompileError, ToolchainError, OSError) as error:
        print(f"benchmark: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
