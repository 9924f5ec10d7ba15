"""The blocks of code that a model spends its instructions in, with llvm-mca's *estimated* cycles of a Cortex-M7.

    python tools/estimate_cycles.py MODEL.tflite [--compiler gcc] [--blocks 12] [--code]

A block is straight code between branches; llvm-mca takes it for a loop of its own, with perfect caches and predicted
branches. Where two forms of a loop differ in rank between instructions and estimated cycles, believe the cycles.
Flags of passes (--split-tensors=rows=2) go to the compiler. Needs llvm-mca and llvm-objdump; exit status 1 without.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmark import DEFAULT_FLAGS, EXIT_ERROR
from benchmark_report import share, table

from tinyts_mlir.compiler import compile_model
from tinyts_mlir.errors import UserError
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.cycles import estimate_cycles, estimator_version, total_cycles
from tinyts_mlir.toolchain.elf import Image
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel


def estimate(options: argparse.Namespace, flags: Sequence[str]) -> None:
    """Measures one inference and prints its hottest blocks."""
    version = estimator_version()  # first: without it everything else is for nothing
    compiled = compile_model(options.model, flags)
    [inference] = random_inputs(ReferenceModel(options.model).inputs, 1)
    with tempfile.TemporaryDirectory(prefix="tinyts-estimate-") as directory:
        program = build_cortex_m7(compiled.files, compiled.name, Path(directory), options.compiler)
        measured = program.measure(inference.arrays)
        estimates = estimate_cycles(program.executable, measured.executions)
        image = Image.read(program.executable)
    executed = {block: count * len(estimates[block].instructions) for block, count in measured.executions.items()}
    hottest = sorted(executed, key=lambda block: (-executed[block], block))[: options.blocks]
    rows: list[list[int | float | str | None]] = []
    for block in hottest:
        count, found = measured.executions[block], estimates[block]
        cycles = None if found.cycles is None else count * found.cycles
        rows.append([image.describe(block[0]), count, len(found.instructions), found.cycles, executed[block]])
        rows[-1] += [share(executed[block], measured.instructions), None if cycles is None else round(cycles)]
    head = ["block", "executions", "instructions", "est. cycles", "instructions in all", "share", "est. cycles in all"]
    print(f"{compiled.name}: {program.compiler_version}; estimated with llvm-mca of {version}, model cortex-m7\n")
    print(table(head, rows))
    total = total_cycles(measured.executions, estimates)
    print(f"\nall {len(executed)} blocks: {measured.instructions:,} instructions, {total:,} cycles estimated")
    if options.code:
        for block in hottest:
            print(f"\n{image.describe(block[0])}")
            print("\n".join(f"    {instruction}" for instruction in estimates[block].instructions))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="estimate_cycles",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--compiler", choices=["gcc", "clang"], help="default: gcc if it is installed")
    parser.add_argument("--blocks", type=int, default=12, metavar="N", help="print so many; default: 12")
    parser.add_argument("--code", action="store_true", help="print their instructions as well")
    options, flags = parser.parse_known_args(arguments)
    if wrong := [flag for flag in flags if not flag.startswith("--")]:
        parser.error(f"unexpected argument {wrong[0]}")
    try:
        estimate(options, flags or DEFAULT_FLAGS)
    except UserError as error:
        print(f"estimate_cycles: error: {error}", file=sys.stderr)
        return EXIT_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
