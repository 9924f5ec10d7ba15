"""What fused blocks save and cost: the table of docs/fusion.md.

    python tools/fusion_table.py MODELS [--peers PEERS.json] [--output docs/fusion.md]

Compiles each model of a folder with `--split-tensors` alone, and with `--max-slowdown` of 0% and 10%; runs each plan
on the emulated Cortex-M7 (gcc) on random inputs of a fixed seed, and compares every byte with LiteRT. With peers, the
means say how far arenas are below the best that TinyTS has with every output right.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean

import numpy as np
from benchmark_peers import RIVAL, Peer, best, load_peers
from generated_text import replace_generated

from tinyts_mlir.analysis.macs import macs_of_module
from tinyts_mlir.compiler import compile_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.compilers import cortex_m7_compiler
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

WAYS = ((), ("--max-slowdown=0%",), ("--max-slowdown=10%",))
INPUTS = 2
MARKER = "<!-- table: tools/fusion_table.py -->"


@dataclass(frozen=True)
class Figures:
    """Of one model, compiled in one way and run."""

    arena: int
    repeated_macs: int
    instructions: int
    is_exact: bool


def figures(path: Path, way: Sequence[str]) -> tuple[Figures, int]:
    """Compiles, runs and compares; gives the network's multiplications, too. Raises CompileError."""
    compiled = compile_model(path, ("--split-tensors", *way))
    report = compiled.report
    reference = ReferenceModel(path)
    instructions, is_exact = 0, True
    with tempfile.TemporaryDirectory(prefix="tinyts-fusion-") as directory:
        program = build_cortex_m7(compiled.files, compiled.name, Path(directory), cortex_m7_compiler("gcc"))
        for inference in random_inputs(reference.inputs, INPUTS):
            measured = program.measure(inference.arrays)
            instructions = instructions or measured.instructions
            expected = reference.run(inference.arrays)
            pairs = zip(measured.outputs, expected, strict=True)
            is_exact &= all(np.array_equal(one.ravel(), other.ravel()) for one, other in pairs)
    arena, repeated = (int(str(report[key])) for key in ("arena_bytes", "repeated_macs"))
    return Figures(arena, repeated, instructions, is_exact), macs_of_module(compiled.compilation.source)


def row(name: str, plans: Sequence[Figures], macs: int) -> str:
    """A model's line."""
    first, *fused = plans
    cells = [name, f"{first.arena:,}", f"{first.instructions:,}"]
    for plan in fused:
        cells += [
            f"{plan.arena:,}",
            f"{plan.repeated_macs / macs:.1%}",
            f"{plan.instructions / first.instructions:.3f}",
        ]
    return f"| {' | '.join([*cells, 'yes' if all(plan.is_exact for plan in plans) else '**no**'])} |"


def means(plans: Mapping[str, Sequence[Figures]], peers: Mapping[str, list[Peer]]) -> list[str]:
    """Sentences about all models."""
    lines: list[str] = []
    for number, name in enumerate(("without fused blocks", "0 %", "10 %")):
        more = [found[number].instructions / found[0].instructions for found in plans.values()]
        text = f"{name}: {geometric_mean(more):.3f} times the instructions (geometric mean of {len(plans)})"
        arenas = {model: best(peers.get(model, []), RIVAL, "arena_bytes") for model in plans}
        below = [arena / plans[model][number].arena for model, arena in arenas.items() if arena is not None]
        if below:
            text += f"; arenas {geometric_mean(below):.3f} times below TinyTS's ({len(below)} models)"
        lines.append(f"- {text}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models", type=Path, help="a folder of .tflite files")
    parser.add_argument("--peers", type=Path, help="figures of other runtimes")
    parser.add_argument("--output", type=Path, help="the file whose table is replaced; default: print it")
    options = parser.parse_args()
    peers = load_peers(options.peers)
    plans: dict[str, list[Figures]] = {}
    rows: list[str] = []
    for path in sorted(options.models.glob("*.tflite")):
        try:
            found = [figures(path, way) for way in WAYS]
        except CompileError as error:
            print(f"{path.stem}: {error}", file=sys.stderr)
            continue
        plans[path.stem] = [plan for plan, _ in found]
        rows.append(row(path.stem, plans[path.stem], found[0][1]))
        print(rows[-1], file=sys.stderr, flush=True)
    columns = ["model", "arena", "instructions"]
    columns += [f"{name}{of}" for of in (", 0 %", ", 10 %") for name in ("arena", "made again", "instructions, times")]
    head = f"| {' | '.join([*columns, 'exact'])} |"
    rule = f"|---|{'---:|' * (len(columns) - 1)}---|"
    text = "\n".join([head, rule, *rows, "", *means(plans, peers)])
    if options.output is None:
        print(text)
    else:
        replace_generated(options.output, MARKER, text)
    return 0 if all(plan.is_exact for found in plans.values() for plan in found) else 1


if __name__ == "__main__":
    sys.exit(main())
