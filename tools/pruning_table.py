"""What prune-channels saves: the tables of docs/pruning.md.

    python tools/pruning_table.py MODELS [--run] [--output docs/pruning.md]

Compiles each model of a folder with `--prune-channels=off` and with the defaults. With --run both are built for the
Cortex-M7 with gcc, run in the emulator on a random input of a fixed seed, and compared; instructions and
flash are then those of the firmware, else flash is that of constants and tables. Models that lose nothing are counted,
not listed. With --output the table between the markers for this kind (`--run`, or not) is replaced.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from generated_text import replace_generated

from tinyts_mlir.compiler import CompiledModel, compile_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.compilers import cortex_m7_compiler
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

OFF = ("--prune-channels=off", "--split-tensors")
ON = ("--split-tensors",)
RUN, COMPILED = "<!-- table: tools/pruning_table.py --run -->", "<!-- table: tools/pruning_table.py -->"


@dataclass(frozen=True)
class Figures:
    """Of one model, compiled in one way."""

    arena: int
    flash: int
    instructions: int


def figures(compiled: CompiledModel, path: Path, run: bool) -> tuple[Figures, list[np.ndarray]]:
    """The figures, and the outputs where it was run."""
    report = compiled.report
    arena = int(str(report["arena_bytes"]))
    if not run:
        return Figures(arena, int(str(report["constant_bytes"])) + int(str(report["tables_bytes"])), 0), []
    with tempfile.TemporaryDirectory(prefix="tinyts-pruning-") as directory:
        program = build_cortex_m7(compiled.files, compiled.name, Path(directory), cortex_m7_compiler("gcc"))
        [inference] = random_inputs(ReferenceModel(path).inputs, 1)
        measured = program.measure(inference.arrays)
        sizes = program.sizes()
        return Figures(arena, sizes.text + sizes.rodata, measured.instructions), measured.outputs


def change(before: int, after: int) -> str:
    """Both figures, and the share that is left."""
    return f"{before:,} | {after:,} | {after / before:.3f}" if before else " | | "


def row(path: Path, run: bool) -> str | None:
    """The row of a model; None for one that loses nothing. Raises CompileError for one that is not accepted."""
    pruned = compile_model(path, ON)
    layers = pruned.report["pruned_layers"]
    assert isinstance(layers, list)
    if not layers:
        return None
    gone = {kind: sum(layer[kind] for layer in layers) for kind in ("constant", "unread", "macs")}
    (before, expected), (after, made) = (
        figures(compiled, path, run) for compiled in (compile_model(path, OFF), pruned)
    )
    for one, other in zip(expected, made, strict=True):
        np.testing.assert_array_equal(one, other)
    cells = [path.stem, f"{gone['constant']:,}", f"{gone['unread']:,}", f"{gone['macs']:,}"]
    cells += [change(before.instructions, after.instructions)] if run else []
    cells += [change(before.arena, after.arena), change(before.flash, after.flash)]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models", type=Path, help="a folder of .tflite files")
    parser.add_argument("--run", action="store_true", help="run on the emulated Cortex-M7")
    parser.add_argument("--output", type=Path, help="the file whose table is replaced; default: print it")
    options = parser.parse_args()
    rows: list[str] = []
    same = refused = 0
    for path in sorted(options.models.glob("*.tflite")):
        try:
            found = row(path, options.run)
        except CompileError:
            refused += 1
            continue
        same += found is None
        rows += [found] if found else []
        print(path.stem, "loses channels" if found else "stays as it is", flush=True)
    kinds = ["instructions", "arena", "flash" if options.run else "constants and tables"]
    heads = [f"{kind} | pruned | share" for kind in kinds[not options.run :]]
    head = f"| model | constant | unread | MACs less | {' | '.join(heads)} |"
    rule = f"|{'---|' * (head.count('|') - 1)}"
    accepted = len(rows) + same
    counts = f"{len(rows)} of {accepted} models that are accepted lose channels"
    text = "\n".join([head, rule, *rows, "", f"{counts}; {refused} of {accepted + refused} are not accepted."])
    if options.output is None:
        print(text)
        return
    replace_generated(options.output, RUN if options.run else COMPILED, text)


if __name__ == "__main__":
    main()
