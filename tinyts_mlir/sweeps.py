"""Many compiles at once: models x chips x options, in parallel, again from where it was interrupted.

python -c "import tinyts_mlir; tinyts_mlir.sweep(['a.tflite'], chips=['stm32f411'], output='sweep.csv')"
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from itertools import product
from os import PathLike
from pathlib import Path

from tinyts_mlir.errors import CompileError, UserError


@dataclass(frozen=True)
class SweepRow:
    """One compile.

    Attributes:
        model: the file.
        chip: what it is for; empty for none.
        options: flags of `tinyts-opt`, separated by spaces.
        status: `ok`, or `refused` where it does not fit or cannot be compiled.
        arena_bytes: of the plan; 0 where there is none, as all figures.
        sram_bytes: with context and stack.
        flash_bytes: estimated.
        instructions: estimated of one inference on a Cortex-M7.
        seconds: of compiling.
        message: why it was refused.
    """

    model: str
    chip: str
    options: str
    status: str
    arena_bytes: int = 0
    sram_bytes: int = 0
    flash_bytes: int = 0
    instructions: int = 0
    seconds: float = 0
    message: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What was compiled, for what and how."""
        return self.model, self.chip, self.options


COLUMNS = tuple(field.name for field in fields(SweepRow))


def sweep(
    models: Iterable[str | PathLike[str]],
    *,
    chips: Sequence[str] = (),
    options: Sequence[str] = ("--split-tensors",),
    output: str | PathLike[str] | None = None,
    executor: Executor | None = None,
) -> list[SweepRow]:
    """Compiles every model for every chip with every set of options.

    Args:
        models: files.
        chips: names of `tinyts_mlir.chips`; none: without one.
        options: each a set of flags, separated by spaces: passes, `--ram=64K`, `--input=external`, `--io=int8`.
        output: a CSV file: rows are added as they are done, and those that it has already are not compiled again.
        executor: where compiles run: any of `concurrent.futures`, such as Dask's and Ray's; default: processes.

    Returns the rows, in the order of models, chips and options. Raises CompileError for a file that is no CSV of ours.
    """
    wanted = [(str(model), chip, text) for model, chip, text in product(models, chips or [""], options)]
    path = None if output is None else Path(output)
    done = {} if path is None else _read(path)
    missing = [key for key in dict.fromkeys(wanted) if key not in done]
    own = ProcessPoolExecutor() if executor is None and missing else None
    running = executor or own
    try:
        if missing and running is not None:
            futures: list[Future[SweepRow]] = [running.submit(compile_one, *key) for key in missing]
            for future in as_completed(futures):
                row = future.result()
                done[row.key] = row
                if path is not None:
                    _append(path, row)
    finally:
        if own is not None:
            own.shutdown(cancel_futures=True)
    return [done[key] for key in wanted]


def compile_one(model: str, chip: str, options: str) -> SweepRow:
    """One compile; what goes wrong is in the row."""
    from tinyts_mlir.api import compile

    started = time.perf_counter()
    try:
        compiled = compile(model, chip=chip or None, passes=options.split())
        summary = compiled.summary
    except UserError as error:
        seconds = round(time.perf_counter() - started, 2)
        return SweepRow(model, chip, options, "refused", seconds=seconds, message=" ".join(str(error).split()))
    return SweepRow(
        model,
        chip,
        options,
        "ok",
        compiled.arena_bytes,
        compiled.sram.total,
        summary.flash_bytes,
        summary.instructions,
        round(time.perf_counter() - started, 2),
    )


def front(rows: Iterable[SweepRow]) -> list[SweepRow]:
    """Of one model's rows those that no other is better than in SRAM and instructions, the least SRAM first."""
    best: list[SweepRow] = []
    for row in sorted((row for row in rows if row.status == "ok"), key=lambda row: (row.sram_bytes, row.instructions)):
        if not best or row.instructions < best[-1].instructions:
            best.append(row)
    return best


def _read(path: Path) -> dict[tuple[str, str, str], SweepRow]:
    """The rows of a sweep that was interrupted; a last line that was cut off is left out."""
    if not path.exists():
        return {}
    text = path.read_bytes()
    if not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])
    rows: dict[tuple[str, str, str], SweepRow] = {}
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        head = next(reader, None)
        if head is not None and tuple(head) != COLUMNS:
            raise CompileError(f"{path}: expected a CSV file with the columns {', '.join(COLUMNS)}")
        for cells in reader:
            if len(cells) == len(COLUMNS):
                model, chip, options, status, arena, sram, flash, instructions, seconds, message = cells
                figures = int(arena), int(sram), int(flash), int(instructions), float(seconds)
                row = SweepRow(model, chip, options, status, *figures, message)
                rows[row.key] = row
    return rows


def _append(path: Path, row: SweepRow) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        if is_new or not path.stat().st_size:
            writer.writeheader()
        writer.writerow(asdict(row))
