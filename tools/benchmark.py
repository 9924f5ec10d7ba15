"""Measures models on the emulated Cortex-M7, with gcc and clang, beside figures of other runtimes.

    python tools/benchmark.py ../shared/models --peers ../shared/anchors/peers.json --json build/benchmark.json
    python tools/benchmark.py ../shared/models/kws_MLPerf.tflite --layers --compiler gcc

One inference of each model is measured, on a random input of a fixed seed, and its output compared with LiteRT's
reference kernels. Figures are counted, not timed: two runs print the same. Cache misses are simulated, and where LLVM's
programs are on PATH there are estimated cycles as well. Flags of passes (--split-tensors=rows=2) go to the compiler.

Exit status: 0 all is well, 1 a model failed (the others are printed, no file is written), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

import numpy as np
from benchmark_cycles import CycleSection, load_cycle_peers
from benchmark_peers import Peer, load_peers
from benchmark_report import Build, Model, Report, layer_table
from generated_text import replace_generated

from tinyts_mlir.compiler import compile_model, new_context, read_module
from tinyts_mlir.errors import UserError
from tinyts_mlir.lowering.c_program import CProgram, program_of
from tinyts_mlir.memories import STM32F767_CACHES
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.compilers import Compiler, CrossCompiler, cortex_m7_compiler
from tinyts_mlir.toolchain.cycles import estimate_cycles, estimator_version, missing_tools, total_cycles
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.profile import RUNTIME, Profile, profile
from tinyts_mlir.toolchain.programs import EmulatedProgram
from tinyts_mlir.toolchain.reference import Array, ReferenceModel

BEGIN = "<!-- tables: tools/benchmark.py -->"
DEFAULT_FLAGS = ("--split-tensors",)
EXIT_ERROR, EXIT_USAGE = 1, 2


@dataclass(frozen=True)
class Setting:
    """How all models are measured."""

    compilers: Mapping[str, Compiler]
    flags: Sequence[str]
    estimate: bool


def measure(path: Path, setting: Setting, peers: Sequence[Peer]) -> Model:
    """Compiles one model, and builds, runs and compares it with each compiler.

    Raises UserError where something fails or an output byte is wrong.
    """
    compiled = compile_model(path, setting.flags)
    source = read_module(path, new_context())
    reference = ReferenceModel(path)
    [inference] = random_inputs(reference.inputs, 1)
    expected = reference.run(inference.arrays)
    builds: dict[str, Build] = {}
    for name, compiler in setting.compilers.items():
        with tempfile.TemporaryDirectory(prefix="tinyts-benchmark-") as directory:
            program = build_cortex_m7(compiled.files, compiled.name, Path(directory), compiler)
            measured = profile(program, compiled, source, inference.arrays, STM32F767_CACHES)
            require_equal(f"{path.name} with {name}", expected, measured.outputs)
            cycles = estimated(program, measured) if setting.estimate else None
            builds[name] = Build(measured, program.sizes(), program.context_bytes, cycles)
    report = compiled.report
    return Model(
        path.stem,
        cast(int, report["arena_bytes"]),
        cast(int, report["tables_bytes"]),
        CProgram(program_of(compiled.module), compiled.name).constants.bytes(),
        builds,
        list(peers),
    )


def require_equal(name: str, expected: Sequence[Array], outputs: Sequence[Array]) -> None:
    """Raises ToolchainError where a byte differs from LiteRT's."""
    differing = sum(
        int(np.count_nonzero(reference.reshape(-1) != output))
        for reference, output in zip(expected, outputs, strict=True)
    )
    if differing:
        raise ToolchainError(f"{name}: {differing} output bytes differ from LiteRT's")


def estimated(program: EmulatedProgram, measured: Profile) -> dict[int | str, int]:
    """Estimated cycles by layer number, and of the runtime."""
    estimates = estimate_cycles(program.executable, measured.executions)
    cycles: dict[int | str, int] = {
        layer.number: total_cycles(layer.executions, estimates) for layer in measured.layers
    }
    cycles[RUNTIME] = total_cycles(measured.executions, estimates) - sum(cycles.values())
    return cycles


def find_models(path: Path, only: Sequence[str] | None) -> list[Path]:
    """The model, or the models of a folder, in the order of their names."""
    if not path.is_dir():
        return [path]
    paths = sorted(found for found in path.glob("*.tflite") if not only or found.stem in only)
    if not paths:
        raise ToolchainError(f"{path}: no .tflite files" + (" of these names" if only else ""))
    return paths


def installed(kinds: Sequence[CrossCompiler] | None) -> dict[str, Compiler]:
    """The compilers asked for, or those of gcc and clang that are there."""
    found: dict[str, Compiler] = {}
    problems: list[str] = []
    for kind in kinds or (cast(CrossCompiler, "gcc"), cast(CrossCompiler, "clang")):
        try:
            found[kind] = cortex_m7_compiler(kind)
        except ToolchainError as error:
            if kinds:
                raise
            problems.append(str(error))
    if not found:
        raise ToolchainError("; ".join(problems))
    for problem in problems:
        print(f"benchmark: left out: {problem}", file=sys.stderr)
    return found


def benchmark(options: argparse.Namespace, flags: Sequence[str]) -> int:
    """Measures the models, prints what was found and writes the files; returns the exit status."""
    peers, cycle_peers = load_peers(options.peers), load_cycle_peers(options.cycle_peers)
    paths = find_models(options.path, options.only)
    setting = Setting(installed(options.compiler), flags, not options.no_estimates and not missing_tools())
    models: list[Model] = []
    failed = False
    for path in paths:
        print(f"benchmark: {path.stem}", file=sys.stderr, flush=True)
        try:
            models.append(measure(path, setting, peers.get(path.stem, [])))
        except UserError as error:
            print(f"benchmark: error: {error}", file=sys.stderr)
            failed = True
    report = Report(
        models,
        {name: (compiler.version(), " ".join(compiler.compile_flags)) for name, compiler in setting.compilers.items()},
        list(flags),
        estimator_version() if setting.estimate else None,
        [CycleSection(list(setting.compilers), cycle_peers)],
    )
    if models:
        print("\n\n".join(map(layer_table, models)) if options.layers else report.markdown())
    if failed:
        return EXIT_ERROR
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.json(), encoding="utf-8")
    if options.output:
        replace_generated(options.output, BEGIN, report.markdown())
    return 0


class _Parser(argparse.ArgumentParser):
    """Errors on one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"benchmark: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = _Parser(
        prog="benchmark",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("path", type=Path, help="a .tflite file, or a folder of them")
    parser.add_argument("--peers", type=Path, metavar="FILE", help="figures of other runtimes")
    parser.add_argument("--cycle-peers", type=Path, metavar="FILE", help="estimated cycles of CMSIS-NN's kernels")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there as well")
    parser.add_argument("--output", type=Path, metavar="FILE", help="replace the tables between the markers there")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these models of the folder")
    parser.add_argument("--layers", action="store_true", help="print a row for each layer instead of the tables")
    parser.add_argument("--no-estimates", action="store_true", help="no estimated cycles, though LLVM is there")
    parser.add_argument(
        "--compiler", action="append", choices=["gcc", "clang"], help="may be repeated; default: both, if installed"
    )
    options, flags = parser.parse_known_args(arguments)
    if wrong := [flag for flag in flags if not flag.startswith("--")]:
        parser.error(f"unexpected argument {wrong[0]}")
    try:
        return benchmark(options, flags or DEFAULT_FLAGS)
    except (UserError, OSError, ValueError) as error:
        print(f"benchmark: error: {error}", file=sys.stderr)
        return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
