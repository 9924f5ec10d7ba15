"""The table of docs/targets.md: what models take on the cores that are emulated, every output byte as LiteRT's.

    python tools/targets_table.py ../shared/models [--only kws_MLPerf ...] [--output docs/targets.md]

Each model, and the package's demonstration model, is compiled for each core, built with GCC, and runs one inference on
a random input of a fixed seed. Instructions and stack are counted, not estimated. With --output the table between the
markers in that file is replaced.

Exit status: 0 all is well, 1 where an output byte differs from LiteRT's reference kernels, or a model cannot be run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from generated_text import replace_generated

from tinyts_mlir.analysis.macs import macs_of_module
from tinyts_mlir.compiler import CompiledModel, compile_model, new_context, read_module
from tinyts_mlir.cores import CORTEX_M7, Core, find_core
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import UserError
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.build import build_for
from tinyts_mlir.toolchain.compilers import compiler_for
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

BEGIN = "<!-- table: tools/targets_table.py -->"
CORES = (CORTEX_M7, *map(find_core, ("cortex-m4", "cortex-m33", "rv32imac", "cortex-m0plus")))
DEMO = "demo"


@dataclass(frozen=True)
class Count:
    """One inference on a core."""

    instructions: int
    stack_bytes: int


@dataclass(frozen=True)
class ModelCounts:
    """A model on all cores."""

    name: str
    macs: int
    counts: tuple[Count, ...]


def count(path: Path, cores: Iterable[Core]) -> ModelCounts:
    """Runs a model on each core; raises UserError where it cannot be run or an output byte is wrong."""
    reference = ReferenceModel(path)
    [inference] = random_inputs(reference.inputs, 1)
    expected = reference.run(inference.arrays)
    counts: list[Count] = []
    compilations: dict[bool, CompiledModel] = {}
    for core in cores:
        if core.has_dsp not in compilations:  # which is all that a core changes of the files
            compilations[core.has_dsp] = compile_model(path, ["--split-tensors", f"--target={core.name}"])
        compiled = compilations[core.has_dsp]
        with tempfile.TemporaryDirectory(prefix="tinyts-targets-") as directory:
            program = build_for(core, compiled.files, compiled.name, Path(directory), compiler_for(core, "gcc"))
            measured = program.measure(inference.arrays)
        for output, right in zip(measured.outputs, expected, strict=True):
            differing = int(np.count_nonzero(output != right.reshape(-1)))
            if differing:
                raise ToolchainError(f"{path.name} on a {core.title}: {differing} output bytes differ from LiteRT's")
        counts.append(Count(measured.instructions, measured.stack_bytes))
    return ModelCounts(path.stem, macs_of_module(read_module(path, new_context())), tuple(counts))


def row(model: ModelCounts) -> list[str]:
    """The cells of one model."""
    first = model.counts[0].instructions
    figures = [f"{one.instructions / model.macs:.3f} ({one.instructions / first:.3f})" for one in model.counts]
    return [model.name, f"{model.macs:,}", *figures, "exact"]


def table(models: Sequence[ModelCounts], cores: Sequence[Core]) -> str:
    """Instructions a multiplication, and those of the first core's instructions; the last row has the most stack."""
    head = ["model", "multiplications", *(core.title for core in cores), "output"]
    lines = [head, ["---"] * len(head), *map(row, models)]
    stacks = [max(model.counts[i].stack_bytes for model in models) for i in range(len(cores))]
    lines.append(["most stack", "", *(f"{stack:,} bytes" for stack in stacks), ""])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> int:
    """Counts, and prints or writes the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", type=Path, help="a folder of .tflite models")
    parser.add_argument("--only", nargs="*", help="models by their names; demo is the demonstration model")
    parser.add_argument("--output", type=Path, help="the file whose table is replaced; default: print it")
    options = parser.parse_args()
    found: list[ModelCounts] = []
    with tempfile.TemporaryDirectory(prefix="tinyts-targets-") as directory:
        demo = Path(directory, f"{DEMO}.tflite")
        demo.write_bytes(export_tflite(demo_model()))
        paths = [demo, *sorted(options.models.glob("*.tflite"), key=lambda path: (path.stat().st_size, path.name))]
        try:
            for path in paths:
                if options.only is None or path.stem in options.only:
                    found.append(count(path, CORES))
                    print(f"targets: {', '.join(row(found[-1]))}", file=sys.stderr, flush=True)
        except UserError as error:
            print(f"targets: {error}", file=sys.stderr)
            return 1
    if not found:
        print(f"targets: {options.models}: no .tflite files of these names", file=sys.stderr)
        return 1
    text = table(found, CORES)
    if options.output is None:
        print(text)
    else:
        replace_generated(options.output, BEGIN, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
