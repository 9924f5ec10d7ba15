"""From Python: compile a model, look at the plan, write C, run it.

import tinyts_mlir
compiled = tinyts_mlir.compile("model.tflite", ram="64K")
compiled.arena_bytes, compiled.sram.total
compiled.emit_c("out/")
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.budget import Memory, memory_of, parse_bytes
from tinyts_mlir.chips import find_chip
from tinyts_mlir.compiler import CompiledModel, compile_module, import_model, new_context, parse_text, read_module
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.c_source import model_identifier, require_identifier
from tinyts_mlir.output import write_project
from tinyts_mlir.reporting.summary import Summary, summarize
from tinyts_mlir.toolchain.evaluate import evaluate
from tinyts_mlir.toolchain.inputs import NamedInput

Array = npt.NDArray[Any]
PLACES = ("interpreter", "host", "cortex-m7")
"""Where a compiled model runs."""
TFLITE_IDENTIFIER = b"TFL3"
"""Bytes 4 to 7 of every model file."""


class Compiled:
    """A compiled model. Made by `compile`.

    Attributes:
        name: what C symbols start with.
        report: what `NAME_report.json` holds: sizes and layers, exact.
        files: the emitted project, file name to text.
        module: the lowered module (`tinyrt`).
        planned: the module in front of lowering (`tinyts`, bands with their offsets).
    """

    def __init__(self, model: CompiledModel, chip: str | None = None) -> None:
        self._model = model
        self._chip = None if chip is None else find_chip(chip)
        self.name = model.name
        self.report = model.report
        self.files = model.files
        self.module = model.module
        self.planned: ModuleOp = model.compilation.planned

    @property
    def sram(self) -> Memory:
        """Arena, state, context and the bound of the stack, in bytes; `total` is all of it."""
        return memory_of(self.module)

    @property
    def arena_bytes(self) -> int:
        """Bytes of the arena."""
        return self.sram.arena

    @property
    def layers(self) -> list[dict[str, Any]]:
        """For each layer of the program its name, kernel, rows, rows of a band, and bytes of a row."""
        return cast("list[dict[str, Any]]", self.report["layers"])

    @cached_property
    def summary(self) -> Summary:
        """What `tinyts-opt` shows behind a compile."""
        return summarize(self._model.compilation, self._chip, f'compiled.emit_c("{self.name}/")')

    def emit_c(self, folder: str | PathLike[str]) -> Path:
        """Writes the C project into a folder, whole or not at all; gives the folder. Raises CompileError."""
        write_project(Path(folder), self.files)
        return Path(folder)

    def report_html(self) -> str:
        """The page that `tinyts-opt --report` writes."""
        from tinyts_mlir.reporting.html_report import report_html

        return report_html(self._model.compilation, self.name, self._chip)

    def run(
        self, *inputs: Array, on: Literal["interpreter", "host", "cortex-m7"] = "interpreter"
    ) -> Array | tuple[Array, ...]:
        """One inference; of a model with state, the first of a sequence.

        Args:
            inputs: one array for each input of the model, of its type and size; any shape of that size.
            on: numpy, the emitted C on this machine, or the emitted C on an emulated Cortex-M7.

        Returns the output, flat, or a tuple where there are several. Raises UserError for inputs that do not fit, and
        where what runs C is not installed.
        """
        [outputs] = self.run_sequence([inputs], on=on)
        return outputs

    def run_sequence(
        self,
        steps: Sequence[Array | Sequence[Array]],
        on: Literal["interpreter", "host", "cortex-m7"] = "interpreter",
    ) -> list[Array | tuple[Array, ...]]:
        """Inferences one after the other; a model with state keeps it from each to the next, from its beginning on.

        Args:
            steps: for each inference what `run` takes: an array, or one for each input.
            on: as of `run`.

        Returns for each step what `run` does. Raises UserError as `run` does.
        """
        if on not in PLACES:
            raise CompileError(f"on: expected {', '.join(PLACES)}, got {on!r}")
        inferences = [
            tuple(np.ascontiguousarray(array) for array in ((step,) if isinstance(step, np.ndarray) else step))
            for step in steps
        ]
        made = self._interpret(inferences) if on == "interpreter" else self._evaluate(inferences, on)
        return [outputs[0] if len(outputs) == 1 else tuple(outputs) for outputs in made]

    def _interpret(self, inferences: Sequence[Sequence[Array]]) -> list[list[Array]]:
        from tinyts_mlir.interpreters.check_passes import run_sequence

        return run_sequence(self.module, inferences)

    def _evaluate(self, inferences: Sequence[tuple[Array, ...]], on: Literal["host", "cortex-m7"]) -> list[list[Array]]:
        sizes = cast("list[int]", self.report["input_bytes"])
        for arrays in inferences:
            if [array.nbytes for array in arrays] != sizes:
                raise CompileError(f"expected inputs of {sizes} bytes, got {[array.nbytes for array in arrays]}")
        inputs = [NamedInput(f"step {number}", arrays) for number, arrays in enumerate(inferences)]
        evaluation = evaluate(self._model, on, inputs) if inputs else None
        outputs = [] if evaluation is None else evaluation.outputs
        return [[np.asarray(output).reshape(-1) for output in step] for step in outputs]

    def __repr__(self) -> str:
        return f"<Compiled {self.name}: {self.sram}>"

    def _repr_html_(self) -> str:
        """For notebooks: the accounting as a table."""
        summary = self.summary
        rows = [("SRAM", f"{summary.sram:,}", "exact"), ("flash", f"{summary.flash_bytes:,}", "estimated")]
        rows[1:1] = [(f"&nbsp; {html.escape(one.kind)}", f"{one.bytes:,}", one.certainty) for one in summary.memory]
        rows.append(("instructions", f"{summary.instructions:,}", "estimated"))
        cells = "".join(
            f"<tr><td style='text-align:left'>{title}</td><td style='text-align:right'>{value}</td><td>{how}</td></tr>"
            for title, value, how in rows
        )
        times = "" if summary.unsplit is None else f", {summary.unsplit / summary.sram:.1f} times less than unsplit"
        return f"<table><caption>{html.escape(self.name)}{times}</caption>{cells}</table>"


def compile(
    model: str | PathLike[str] | bytes,
    *,
    ram: int | str | None = None,
    chip: str | None = None,
    input: Literal["stream", "arena", "external"] | None = None,
    io: Literal["model", "int8"] = "model",
    passes: Sequence[str] = ("--split-tensors",),
    name: str | None = None,
) -> Compiled:
    """Compiles a model.

    Args:
        model: the path of a `.tflite` or `.mlir` file, or a model file's bytes, or IR as bytes.
        ram: bytes of SRAM, or text as of `--ram` (`"64K"`): the fastest plan within so many, all counted.
        chip: a name of `tinyts_mlir.chips`: its SRAM is the budget where the plan as asked for needs more.
        input: where the input lives, as of `--input`.
        io: what the model takes and gives, as of `--io`.
        passes: flags of passes as of `tinyts-opt`, each one word; those that are missing are added.
        name: what C symbols start with; by default the file's name.

    Raises CompileError for what cannot be compiled, and BudgetError where nothing fits.
    """
    found = None if chip is None else find_chip(chip)
    budget = None if ram is None else parse_bytes(str(ram))
    context = new_context()

    def compiled(budget: int | None) -> CompiledModel:
        arguments = [*passes]
        arguments += [] if budget is None else [f"--ram={budget}"]
        arguments += [] if input is None else [f"--input={input}"]
        arguments += [] if io == "model" else [f"--io={io}"]
        stem = "model" if isinstance(model, bytes) else Path(model).stem
        return compile_module(
            _read(model, context), arguments, require_identifier(name or model_identifier(stem)), context
        )

    made = compiled(budget)
    if found is not None and budget is None and memory_of(made.module).total > found.ram:
        made = compiled(found.ram)
    return Compiled(made, chip)


def _read(model: str | PathLike[str] | bytes, context: Context) -> ModuleOp:
    if not isinstance(model, bytes):
        return read_module(Path(model), context)
    return import_model(model, "model") if model[4:8] == TFLITE_IDENTIFIER else parse_text(model, "model", context)
