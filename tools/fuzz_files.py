"""Damages model files and IR texts, and compiles them: a campaign, or one case of it.

    python tools/fuzz_files.py --count 10000                      files of random networks
    python tools/fuzz_files.py --count 1000 --models ../shared/models     of these models, too
    python tools/fuzz_files.py --texts --count 2000               IR texts
    python tools/fuzz_files.py --count 1 --seed 5017 --save bad.tflite

A damaged file is refused, or compiled; then its outputs are LiteRT's, bit by bit, where LiteRT runs the file. What
fails: an internal error, other bytes, a compile of more than 10 s of CPU time or of 1 GB. Files that are accepted here
and refused by LiteRT are counted, with LiteRT's reasons. A case is its seed, whatever the number of processes.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np
from file_mutations import change_record, mutate
from fuzz_networks import bits
from host_batch import build_host_batch
from network_generator import random_network
from text_mutations import mutated
from time_limit import TooSlow, time_limit
from xdsl.printer import Printer

from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.opt import PROGRAM, opt
from tinyts_mlir.compiler import CompiledModel, compile_module
from tinyts_mlir.errors import UserError
from tinyts_mlir.interpreters.tinyrt import run_program
from tinyts_mlir.interpreters.tinyts import States
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

SECONDS, BYTES = 10.0, 1 << 30
NETWORKS = 400
"""Random networks whose files and texts are damaged."""
LARGEST_MODEL = 400_000
BATCH = 250
EVERY_C = 10
"""Of so many files that are accepted, one runs as C as well, with sanitizers."""


@dataclass
class Outcome:
    """What became of some cases."""

    counts: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    """Why LiteRT does not run files that are accepted."""
    failures: list[str] = field(default_factory=list[str])
    slowest: tuple[float, int] = (0.0, 0)
    """CPU seconds, and the seed."""

    def note(self, seed: int, seconds: float) -> None:
        """Takes down the CPU seconds of a compile."""
        self.slowest = max(self.slowest, (seconds, seed))
        if seconds > SECONDS:
            self.failures.append(f"case {seed}: {seconds:.1f} s of CPU time to compile")

    def add(self, other: Outcome) -> None:
        """Adds what became of others."""
        self.counts += other.counts
        self.reasons += other.reasons
        self.failures += other.failures
        self.slowest = max(self.slowest, other.slowest)


@cache
def network_file(number: int) -> bytes:
    """The model file of a random network."""
    return export_tflite(random_network(number).module)


def damaged_file(seed: int, models: Sequence[Path]) -> bytes:
    """The file of a case."""
    random = np.random.default_rng(seed)
    if models and random.integers(10) == 0:
        data = models[int(random.integers(len(models)))].read_bytes()
    else:
        data = network_file(int(random.integers(NETWORKS)))
    file = read_tflite(data, "model")
    if random.integers(2) or not file.layers:
        return mutate(data, seed)
    for _ in range(int(random.integers(1, 4))):
        file = change_record(file, random)
    try:
        return write_tflite(file)
    except Exception:  # a number that the format has no place for
        return mutate(data, seed)


def damaged_text(seed: int) -> str:
    """The text of a case."""
    random = np.random.default_rng(seed)
    text = io.StringIO()
    Printer(text).print_op(random_network(int(random.integers(NETWORKS))).module)
    return mutated(text.getvalue(), random)


def try_file(seed: int, models: Sequence[Path], outcome: Outcome) -> CompiledModel | None:
    """Compiles a file; gives what is to run as C."""
    data = damaged_file(seed, models)
    started = time.process_time()
    try:
        module = import_tflite(data, f"case {seed}")
        compiled = compile_module(module, ["--split-tensors"], f"case_{seed}")
    except UserError:
        outcome.counts["refused"] += 1
        return None
    finally:
        outcome.note(seed, time.process_time() - started)
    outcome.counts["accepted"] += 1
    try:
        reference = ReferenceModel(data)
        inputs = standard_inputs(reference.inputs, 2)
        expected = [reference.run(given.arrays) for given in inputs]
    except ToolchainError as error:
        outcome.counts["LiteRT refuses"] += 1
        outcome.reasons[re.sub(r"\d+", "N", str(error))[:160]] += 1
        return None
    program = program_of(compiled.module)
    states: States = {}
    for given, wanted in zip(inputs, expected, strict=True):
        outputs = run_program(program, given.arrays, states=states)
        for number, (one, other) in enumerate(zip(outputs, wanted, strict=True)):
            if (bits(one) != bits(other)).any():
                outcome.failures.append(f"case {seed}: input {given.name}, output {number}: other bytes than LiteRT's")
                return None
    outcome.counts["exact"] += 1
    return compiled


def try_text(seed: int, folder: Path, outcome: Outcome) -> None:
    """Compiles a text with the command line's own code."""
    model, output = folder / "model.mlir", folder / "model.c"
    model.write_text(damaged_text(seed), encoding="utf-8")
    output.unlink(missing_ok=True)
    sys.stderr = captured = io.StringIO()
    started = time.process_time()
    try:
        status = status_of(PROGRAM, opt, [str(model), "--split-tensors", "--emit-c", "-o", str(output)])
    finally:
        sys.stderr = sys.__stderr__
        outcome.note(seed, time.process_time() - started)
    outcome.counts["accepted" if status == 0 else "refused"] += 1
    if status not in (0, 1) or (status == 1 and output.exists()):
        outcome.failures.append(f"case {seed}: exit status {status}: {captured.getvalue()[:300]}")


def run_batch(first: int, count: int, texts: bool, models: Sequence[Path]) -> Outcome:
    """The cases of one batch, in this process."""
    os.environ["TINYTS_TRACEBACK"] = ""
    outcome, programs = Outcome(), dict[str, CompiledModel]()
    with tempfile.TemporaryDirectory(prefix="tinyts-fuzz-") as folder:
        for seed in range(first, first + count):
            try:
                with time_limit(6 * SECONDS):
                    if texts:
                        try_text(seed, Path(folder), outcome)
                    elif (compiled := try_file(seed, models, outcome)) is not None and seed % EVERY_C == 0:
                        programs[compiled.name] = compiled
            except (Exception, TooSlow) as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{Path(place.filename).name}:{place.lineno}"
                outcome.failures.append(f"case {seed}: {type(error).__name__} at {where}: {str(error)[:200]}")
        outcome.failures += _run_c(programs, models, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if peak > BYTES:
        outcome.failures.append(f"one of the cases {first} to {first + count - 1} took {peak >> 20} MB")
    return outcome


def _run_c(programs: dict[str, CompiledModel], models: Sequence[Path], folder: Path) -> list[str]:
    """What fails of programs that passed in the interpreter."""
    if not programs:
        return []
    failures: list[str] = []
    built = build_host_batch({name: one.files for name, one in programs.items()}, folder)
    for name in programs:
        seed = int(name.rpartition("_")[2])
        reference = ReferenceModel(damaged_file(seed, models))
        inputs = [given.arrays for given in standard_inputs(reference.inputs, 2)]
        try:
            for arrays, got in zip(inputs, built[name].run_all(inputs), strict=True):
                if any((bits(a) != bits(b)).any() for a, b in zip(got, reference.run(arrays), strict=True)):
                    failures.append(f"case {seed}: C: other bytes than LiteRT's")
        except ToolchainError as error:
            failures.append(f"case {seed}: C: {error}")
    return failures


def main() -> int:
    """Runs a campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="how many cases; default: 1000")
    parser.add_argument("--seed", type=int, default=0, help="of the first; the next has the next seed; default: 0")
    parser.add_argument("--texts", action="store_true", help="IR texts instead of model files")
    parser.add_argument("--models", type=Path, help="a folder of .tflite files to damage besides random networks")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; default: one a core")
    parser.add_argument("--save", type=Path, help="write the first case there, and do not run it")
    options = parser.parse_args()
    found = sorted(options.models.glob("*.tflite")) if options.models is not None else []
    models = [path for path in found if path.stat().st_size <= LARGEST_MODEL]
    if options.save is not None:
        data = damaged_text(options.seed).encode() if options.texts else damaged_file(options.seed, models)
        options.save.write_bytes(data)
        return 0
    started, total, done = time.monotonic(), Outcome(), 0
    firsts = range(options.seed, options.seed + options.count, BATCH)
    counts = [min(BATCH, options.seed + options.count - first) for first in firsts]
    run = partial(run_batch, texts=options.texts, models=models)
    with ProcessPoolExecutor(options.jobs) as pool:
        for count, outcome in zip(counts, pool.map(run, firsts, counts), strict=True):
            total.add(outcome)
            done += count
            for failure in outcome.failures:
                print(failure, flush=True)
            known = ", ".join(f"{number} {name}" for name, number in sorted(total.counts.items()))
            seconds = time.monotonic() - started
            print(f"{done} cases, {known}, {len(total.failures)} failed, {seconds:.0f} s", file=sys.stderr, flush=True)
    for reason, number in total.reasons.most_common():
        print(f"{number:6} accepted, LiteRT: {reason}")
    print(f"slowest: case {total.slowest[1]}, {total.slowest[0]:.1f} s of CPU time")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
