"""From a model file to C: the pipeline, for programs that do not want a command line.

compiled = compile_model(Path("model.tflite"), ["--split-tensors=rows=2"])
compiled.files["model.c"]

Frontends, analyses and emitters are imported where they are used: a command line that only asks for help needs none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.utils.exceptions import DiagnosticException, ParseError

from tinyts_mlir.cores import CORTEX_M7, Core, find_core
from tinyts_mlir.dialects.ir_text import parse_ir
from tinyts_mlir.errors import CompileError, did_you_mean
from tinyts_mlir.pipeline import (
    PassSpec,
    asked_for,
    build_passes,
    complete,
    pass_flag,
    with_input,
    with_io,
    with_slowdown,
)
from tinyts_mlir.progress import note
from tinyts_mlir.universe import installed

if TYPE_CHECKING:
    from tinyts_mlir.budget import PlanSearch

BetweenPasses = Callable[["ModulePass | None", ModuleOp, "ModulePass | None"], None]
"""What looks at a module between two passes."""


def import_model(data: bytes, name: str) -> ModuleOp:
    """The module in the bytes of a `.tflite` file, which messages call `name`; raises CompileError."""
    from tinyts_mlir.provenance import record_source
    from tinyts_mlir.tflite.importer import import_tflite

    return record_source(import_tflite(data, name), data)


def read_module(path: Path, context: Context) -> ModuleOp:
    """The module in a `.tflite` or `.mlir` file; raises CompileError where it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CompileError(f"{path}: {error.strerror}") from error
    if path.suffix == ".tflite":
        return import_model(data, path.name)
    if path.suffix != ".mlir":
        raise CompileError(f"{path.name}: expected a .tflite or .mlir file")
    return parse_text(data, path.name, context)


def parse_text(data: bytes, name: str, context: Context) -> ModuleOp:
    """The module in the bytes of IR, which messages call `name`; raises CompileError."""
    try:
        return parse_ir(data.decode("utf-8"), name, context)
    except UnicodeDecodeError as error:
        raise CompileError(f"{name}: expected UTF-8 text") from error
    except ParseError as error:
        raise CompileError(describe_parse_error(error)) from error


def describe_parse_error(error: ParseError) -> str:
    """`file:line:column: message` and the line where it is."""
    span = error.span
    text = str(span.input.content)
    line = text.count("\n", 0, span.start) + 1
    column = span.start - (text.rfind("\n", 0, span.start) + 1) + 1
    source = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
    shown = source if len(source) <= 160 else f"{source[:160]} ..."
    return f"{span.input.name}:{line}:{column}: {error.msg}\n  {shown.strip()}"


def describe_diagnostic(error: DiagnosticException) -> str:
    """The outermost message of one line in a chain of diagnostics; xDSL's own show the whole module around it."""
    message: BaseException = error
    while "\n" in str(message) and isinstance(message.__cause__, DiagnosticException):
        message = message.__cause__
    return str(message)


def new_context() -> Context:
    """A context with every dialect of the environment."""
    context = Context()
    for name, factory in installed().all_dialects.items():
        context.register_dialect(name, factory)
    return context


@dataclass(frozen=True)
class Compilation:
    """How a module was lowered.

    Attributes:
        name: of the model.
        source: the module as imported.
        front: the module in front of `choose-bands`, where that ran.
        planned: the module in front of `lower-to-runtime`.
        lowered: the module behind it.
        specs: the passes that were asked for.
        available: every pass there is.
        context: where passes run.
        budget: bytes of SRAM that were to be kept, if any.
        search: the search that found the plan, where there was one.
        seconds: how long each pass of `complete(specs)` ran, or else the search.
        core: what it is for: estimates of instructions are of it.
    """

    name: str
    source: ModuleOp
    planned: ModuleOp
    lowered: ModuleOp
    specs: Sequence[PassSpec]
    available: Mapping[str, Callable[[], type[ModulePass]]]
    context: Context
    budget: int | None = None
    search: PlanSearch | None = None
    seconds: tuple[float, ...] = ()
    core: Core = CORTEX_M7
    front: ModuleOp | None = None

    @property
    def is_split(self) -> bool:
        """Whether the plan has bands."""
        return self.budget is not None or any(spec.name == "split-tensors" for spec in self.specs)


def lower(
    module: ModuleOp,
    name: str,
    specs: Sequence[PassSpec],
    available: Mapping[str, Callable[[], type[ModulePass]]],
    context: Context,
    budget: int | None = None,
    between: BetweenPasses | None = None,
) -> Compilation:
    """Lowers an imported module, which stays as it is.

    Args:
        module: verified.
        name: of the model.
        specs: the passes that were asked for; those that are missing are added.
        available: every pass there is.
        context: where passes run.
        budget: bytes of SRAM, for the fastest plan within so many; blocks are fused where nothing else fits.
        between: is called in front of the first pass, between two, and behind the last; not within a budget.

    Raises CompileError, and BudgetError where nothing fits.
    """
    started = time.perf_counter()
    if budget is not None:
        from tinyts_mlir.front import Ways

        search, plan = Ways(module, specs, available, context).fastest_within(budget)
        seconds = (time.perf_counter() - started,)
        return Compilation(name, module, plan.planned, plan.module, specs, available, context, budget, search, seconds)
    planned = lowered = module.clone()
    front: ModuleOp | None = None

    def callback(previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        nonlocal planned, started, front
        if previous is not None:
            times.append(time.perf_counter() - started)
        if between is not None:
            between(previous, module, following)
        if following is not None:
            note(following.name)
            if following.name == "choose-bands":
                front = module.clone()
            if following.name == "lower-to-runtime":
                planned = module.clone()
        started = time.perf_counter()

    times: list[float] = []
    PassPipeline(build_passes(complete(specs), available), callback).apply(context, lowered)
    return Compilation(name, module, planned, lowered, specs, available, context, seconds=tuple(times), front=front)


@dataclass(frozen=True)
class CompiledModel:
    """A compiled model.

    Attributes:
        name: what C symbols start with.
        files: the emitted project, file name to text.
        report: the emitted report (`NAME_report.json`).
        module: the module after the last pass.
        compilation: how it was compiled.
    """

    name: str
    files: dict[str, str]
    report: dict[str, object]
    module: ModuleOp
    compilation: Compilation


def compile_module(
    module: ModuleOp, arguments: Sequence[str], name: str, context: Context | None = None
) -> CompiledModel:
    """Compiles a module; `arguments` are pass flags as of `tinyts-opt`, each one word. Raises CompileError."""
    from tinyts_mlir.budget import parse_bytes, parse_percent
    from tinyts_mlir.lowering.emit_c import emit_project
    from tinyts_mlir.provenance import canonical_options, record_options

    context = context or new_context()
    available = installed().all_passes
    specs: list[PassSpec] = []
    budget: int | None = None
    slowdown: int | None = None
    input_mode: str | None = None
    io = "model"
    core: Core | None = None
    for argument in arguments:
        if argument.startswith("--input="):
            input_mode = argument.removeprefix("--input=")
            continue
        if argument.startswith("--io="):
            io = argument.removeprefix("--io=")
            continue
        if argument.startswith("--ram="):
            budget = parse_bytes(argument.removeprefix("--ram="))
            continue
        if argument.startswith("--max-slowdown="):
            slowdown = parse_percent(argument.removeprefix("--max-slowdown="))
            continue
        if argument.startswith("--target="):
            core = find_core(argument.removeprefix("--target="))
            continue
        if (spec := pass_flag(argument, available)) is None:
            raise CompileError(
                f"expected the flag of a pass, got {argument!r}"
                f"{did_you_mean(argument.partition('=')[0], [f'--{known}' for known in available])}"
            )
        specs.append(spec)

    if slowdown is not None:
        specs = with_slowdown(specs, slowdown)

    def with_modes(passes: Sequence[PassSpec]) -> list[PassSpec]:
        return with_io(passes if input_mode is None else with_input(passes, input_mode), io)

    passes = asked_for(specs, lambda passes: complete(with_modes(passes)))
    record_options(module, canonical_options(passes, input_mode, io, budget))
    specs = with_modes(specs)
    try:
        module.verify()
        made = replace(lower(module, name, specs, available, context, budget), core=core or CORTEX_M7)
        made.lowered.verify()
    except DiagnosticException as error:
        raise CompileError(describe_diagnostic(error)) from error
    files = emit_project(made.lowered, name)
    return CompiledModel(name, files, json.loads(files[f"{name}_report.json"]), made.lowered, made)


def int8_model(path: Path) -> bytes:
    """A model file without its edges, as `--io int8` compiles it. Raises CompileError."""
    from tinyts_mlir.tflite.exporter import export_tflite
    from tinyts_mlir.transforms.strip_edges import StripEdgesPass

    context = new_context()
    module = read_module(path, context)
    StripEdgesPass().apply(context, module)
    return export_tflite(module)


def compile_model(
    path: Path, arguments: Sequence[str] = ("--split-tensors",), name: str | None = None
) -> CompiledModel:
    """Compiles a model file; `arguments` are pass flags as of `tinyts-opt`. Raises CompileError."""
    from tinyts_mlir.lowering.c_source import model_identifier

    context = new_context()
    return compile_module(read_module(path, context), arguments, name or model_identifier(path.stem), context)
