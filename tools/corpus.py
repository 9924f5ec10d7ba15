"""Compiles every model of a folder and compares each that is accepted with LiteRT on this machine.

    python tools/corpus.py ../shared/models/wild -o corpus.tsv

Prints and writes a table: the model, its layers and multiplications, the arena and that of the unsplit plan in bytes,
the seconds that the compile took, and whether the outputs are exact or why the model was refused; then the share
accepted. The inputs of a model are one sequence, in which state stays from one to the next. Each model is compiled in
a process of its own, which may crash or take too long without harm. `--cortex-m7 N` runs every N-th model on the
emulated Cortex-M7 as well; `--smallest N` takes the N smallest files. Exit status 1 where an accepted model is not
exact, or one ended other than with a list of reasons.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path

from tinyts_mlir.compiler import CompiledModel, compile_model, new_context, read_module
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.errors import CompileError, UnsupportedModelError
from tinyts_mlir.kernels.catalogue import macs_per_element
from tinyts_mlir.toolchain.inputs import NamedInput, standard_inputs

COLUMNS = ("model", "status", "layers", "MACs", "arena", "unsplit arena", "seconds", "detail")
EXACT, UNCHECKED, REFUSED, WRONG, FAILED = "exact", "compiled", "refused", "WRONG", "FAILED"
ACCEPTED = (EXACT, UNCHECKED)
MOST_DETAIL = 300
RANDOM_INPUTS, RANDOM_STEPS = 2, 20
"""Random inputs without and with state, beside the special ones; a sequence must be long enough to fill delays."""
UNSPLIT: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """What became of one model: a line of the table."""

    model: str
    status: str
    layers: str = ""
    macs: str = ""
    arena: str = ""
    unsplit_arena: str = ""
    seconds: str = ""
    detail: str = ""

    def line(self) -> str:
        """The columns with tabs between them."""
        return "\t".join(vars(self).values())


def _layers(path: Path) -> str:
    from tinyts_mlir.tflite.reader import read_tflite

    return str(len(read_tflite(path.read_bytes(), path.name).layers))


def _arena_bytes(compiled: CompiledModel) -> int:
    arena = compiled.report["arena_bytes"]
    assert isinstance(arena, int)
    return arena


def examine(path: Path, flags: Sequence[str], check: bool, on_cortex_m7: bool) -> Row:
    """Compiles one model, and compares it with LiteRT where that can be done."""
    started = time.process_time()
    try:
        layers = _layers(path)
        compiled = compile_model(path, flags)
    except UnsupportedModelError as error:
        return Row(path.stem, REFUSED, detail=_one_line("; ".join(error.reasons)))
    except CompileError as error:
        return Row(path.stem, REFUSED, detail=_one_line(str(error)))
    seconds = f"{time.process_time() - started:.1f}"
    facts = (layers, str(_macs(path)), str(_arena_bytes(compiled)))
    try:
        unsplit = str(_arena_bytes(compile_model(path, UNSPLIT)))
    except CompileError as error:
        return Row(path.stem, FAILED, *facts, "", seconds, _one_line(str(error)))
    if not check:
        return Row(path.stem, UNCHECKED, *facts, unsplit, seconds)
    status, detail = compare(path, compiled, on_cortex_m7)
    return Row(path.stem, status, *facts, unsplit, seconds, _one_line(detail))


def _macs(path: Path) -> int:
    """Multiplications with weights in one inference."""
    module = read_module(path, new_context())
    return sum(macs_per_element(op) * prod(shape_of(op.results[0])) for op in module.walk() if isinstance(op, TinytsOp))


def compare(path: Path, compiled: CompiledModel, on_cortex_m7: bool) -> tuple[str, str]:
    """Runs a compiled model and LiteRT on the standard inputs, as one sequence: state stays from one to the next.

    On the Cortex-M7 a model without state runs on the first of them only.
    """
    from tinyts_mlir.toolchain.errors import ToolchainError
    from tinyts_mlir.toolchain.evaluate import evaluate
    from tinyts_mlir.toolchain.reference import ReferenceModel

    try:
        reference = ReferenceModel(path)
    except (ToolchainError, RuntimeError, ValueError) as error:
        return UNCHECKED, f"LiteRT refuses the file: {error}"
    has_state = compiled.report["state_bytes"] != 0
    inputs = standard_inputs(reference.inputs, RANDOM_STEPS if has_state else RANDOM_INPUTS)
    targets: dict[str, list[NamedInput]] = {"host": inputs}
    if on_cortex_m7:
        targets["cortex-m7"] = inputs if has_state else inputs[:1]
    notes = [f"{len(inputs)} steps with state"] if has_state else []
    for target, given in targets.items():
        try:
            evaluation = evaluate(compiled, target, given, reference)
        except ToolchainError as error:
            return FAILED, f"{target}: {error}"
        if evaluation.mismatch is not None:
            return WRONG, f"{target}, {evaluation.mismatch}"
        notes += [f"{target}, not compared: {crash}" for crash in evaluation.crashes]
    return EXACT, "; ".join([*notes, *(["and on the Cortex-M7"] if on_cortex_m7 else [])])


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_DETAIL else f"{line[:MOST_DETAIL]}..."


def _in_process(arguments: Sequence[str], timeout: float, device: Sequence[Path]) -> Callable[[Path], Row]:
    """What examines a model in a process of its own, for at most so many seconds; `device`: on the Cortex-M7, too."""

    def run(path: Path) -> Row:
        command = [sys.executable, __file__, "--one", str(path), *arguments]
        command += ["--cortex-m7=1"] if path in device else []
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return Row(path.stem, FAILED, detail=f"not done after {timeout:g} s")
        lines = done.stdout.splitlines()
        fields = lines[-1].split("\t") if lines else []
        if done.returncode == 0 and len(fields) == len(COLUMNS):
            return Row(*fields)
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return Row(path.stem, FAILED, detail=_one_line(f"exit status {done.returncode}: {last}"))

    return run


def main() -> int:
    """Prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="a folder of .tflite files")
    parser.add_argument("-o", "--output", type=Path, help="where the table goes, with tabs between the columns")
    parser.add_argument("--flags", default="--split-tensors", help="how to compile; default: --split-tensors")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; default: one a core")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for a model; default: 300")
    parser.add_argument(
        "--cortex-m7", type=int, default=0, metavar="N", help="every N-th model there, too; default: none"
    )
    parser.add_argument("--smallest", type=int, metavar="N", help="only the N smallest files; default: all")
    parser.add_argument("--no-check", action="store_true", help="only compile")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(examine(options.one, options.flags.split(), not options.no_check, options.cortex_m7 > 0).line())
        return 0
    if options.folder is None:
        parser.error("expected a folder")
    arguments = [f"--flags={options.flags}", *(["--no-check"] if options.no_check else [])]
    paths = sorted(options.folder.glob("*.tflite"))
    if options.smallest is not None:
        paths = sorted(sorted(paths, key=lambda path: (path.stat().st_size, path.name))[: options.smallest])
    device = paths[:: options.cortex_m7] if options.cortex_m7 > 0 else []
    with ThreadPoolExecutor(options.jobs) as pool:
        rows: list[Row] = []
        for row in pool.map(_in_process(arguments, options.timeout, device), paths):
            print(row.line(), flush=True)
            rows.append(row)
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text("".join(f"{line}\n" for line in ("\t".join(COLUMNS), *(row.line() for row in rows))))
    accepted = sum(row.status in ACCEPTED for row in rows)
    exact = sum(row.status == EXACT for row in rows)
    print(f"{accepted} of {len(rows)} accepted ({accepted / max(len(rows), 1):.0%}), {exact} exact", file=sys.stderr)
    return 1 if any(row.status in (WRONG, FAILED) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
