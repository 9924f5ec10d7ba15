"""From a model file to C: the pipeline, for programs that do not want a command line.

compiled = compile_model(Path("model.tflite"), ["--split-tensors=rows=2"])
compiled.files["model.c"]

Frontends, analyses and emitters are imported where they are used: a command line that only asks for help needs none.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.utils.arg_spec import ArgSpec, parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError

from tinyts_mlir.cores import CORTEX_M7, Core, find_core
from tinyts_mlir.dialects.ir_text import parse_ir
from tinyts_mlir.errors import CompileError, did_you_mean
from tinyts_mlir.progress import note
from tinyts_mlir.universe import installed

if TYPE_CHECKING:
    from tinyts_mlir.budget import PlanSearch

BetweenPasses = Callable[["ModulePass | None", ModuleOp, "ModulePass | None"], None]
"""What looks at a module between two passes."""
ALL_ROWS = (1 << 16) - 1
"""Bands of so many rows are whole maps."""
DEFAULT_ORDER = (
    "strip-edges",
    "fold-pads",
    "receive-inputs",
    "canonicalize",
    "fold-constant-maps",
    "prune-channels",
    "widen-weights",
    "fuse-blocks",
    "check-limits",
    "choose-bands",
    "split-tensors",
    "stream-reductions",
    "schedule-bands",
    "plan-arena",
    "verify-plan",
    "lower-to-runtime",
)
"""The passes from an imported model to a program, in the order in which they run."""

NOT_IMPLIED = ("strip-edges", "fuse-blocks", "split-tensors")
"""Passes of the default order that run only when they are asked for."""


INPUT_OPTIONS = {
    "stream": ("schedule-bands", "input=stream"),
    "arena": ("schedule-bands", "input=arena"),
    "external": ("receive-inputs", "input=external"),
}
"""What `--input` stands for: a pass and its option."""


IO_TYPES = ("model", "int8")
"""What a model takes and gives: its own types, or int8 whatever these are."""


@dataclass(frozen=True)
class PassSpec:
    """A pass on a command line: its name and its text in xDSL's pipeline syntax, options included."""

    name: str
    text: str

    def with_option(self, option: str) -> PassSpec:
        """The pass with one more option."""
        options = self.text.removeprefix(self.name).strip("{}")
        return PassSpec(self.name, f"{self.name}{{{f'{options} {option}'.strip()}}}")

    def option(self, name: str) -> str | None:
        """The value of an option, as text; None where it is not given."""
        match = re.search(rf"[{{\s]{name}=([^\s}}]*)", self.text)
        return None if match is None else match[1].strip("\"'")


def pass_flag(argument: str, known: Mapping[str, object]) -> PassSpec | None:
    """`--split-tensors=rows=2` as a pass; None when the argument is no flag of a known pass.

    Several options are separated by spaces or commas: `--schedule-bands=order=depth-first,input=stream`. One without a
    value is true: `--prune-channels=off`.
    """
    if not argument.startswith("--"):
        return None
    name, _, options = argument[2:].partition("=")
    if name not in known:
        return None
    words = options.strip("{}").replace(",", " ").split()
    options = " ".join(word if "=" in word else f"{word}=true" for word in words)
    return PassSpec(name, f"{name}{{{options}}}" if options else name)


def complete(passes: Sequence[PassSpec]) -> list[PassSpec]:
    """The passes with those of the default order that are missing, each in its place.

    What was named stays in the order in which it was named; a missing pass goes in front of the first pass that the
    default order has behind it.
    """
    pipeline = list(passes)
    named = {spec.name: spec for spec in passes}
    for position, name in enumerate(DEFAULT_ORDER):
        if name in named or name in NOT_IMPLIED or (name == "choose-bands" and not _bands_are_free(named)):
            continue
        behind = set(DEFAULT_ORDER[position + 1 :])
        index = next((i for i, spec in enumerate(pipeline) if spec.name in behind), len(pipeline))
        spec = PassSpec(name, name)
        if name == "choose-bands" and "schedule-bands" in named and named["schedule-bands"].option("input") == "arena":
            spec = spec.with_option("input=arena")
        pipeline.insert(index, spec)
    return pipeline


def asked_for(given: Sequence[PassSpec], finish: Callable[[Sequence[PassSpec]], list[PassSpec]]) -> list[str]:
    """Of the passes that a command names, as text, those without which `finish` would make another pipeline of it."""
    needed, pipeline = list(given), finish(given)
    for spec in given:
        rest = [other for other in needed if other is not spec]
        if finish(rest) == pipeline:
            needed = rest
    return [spec.text for spec in needed]


def _bands_are_free(named: Mapping[str, PassSpec]) -> bool:
    """Whether tensors are split, band heights are nobody's wish yet, and the order is the one they are chosen for."""
    split, schedule = named.get("split-tensors"), named.get("schedule-bands")
    if split is None or split.option("rows") is not None:
        return False
    return schedule is None or schedule.option("order") in (None, "auto")


def build_passes(
    specs: Sequence[PassSpec], available: Mapping[str, Callable[[], type[ModulePass]]]
) -> tuple[ModulePass, ...]:
    """Pass objects; raises CompileError for unknown passes and options."""
    passes: list[ModulePass] = []
    for spec in specs:
        if spec.name not in available:
            raise CompileError(f"there is no pass {spec.name!r}{did_you_mean(spec.name, available)}")
        try:
            [parsed] = parse_pipeline(spec.text)
            made = available[spec.name]()
            _require_options(made, parsed)
            passes.append(made.from_pass_spec(parsed))
        except CompileError:
            raise
        except ArgSpecParseError as error:
            raise CompileError(f"--{spec.name}: cannot read the options in {spec.text!r}") from error
        except Exception as error:
            raise CompileError(f"--{spec.name}: {error}") from error
    return tuple(passes)


def _require_options(made: type[ModulePass], spec: ArgSpec) -> None:
    """Raises CompileError for an option that a pass does not have."""
    options = [field.name for field in fields(made)]
    for option in spec.normalize_parameter_names().parameters:
        if option not in options:
            hint = did_you_mean(option, options) or f"; it has {', '.join(options) or 'none'}"
            raise CompileError(f"--{spec.name}: no such option: {option}{hint}")


def plan_search(
    module: ModuleOp,
    specs: Sequence[PassSpec],
    available: Mapping[str, Callable[[], type[ModulePass]]],
    context: Context,
) -> PlanSearch:
    """The search among a module's plans; tensors are split in any case."""
    from tinyts_mlir.budget import PlanSearch

    if all(spec.name != "split-tensors" for spec in specs):
        specs = with_option(specs, "split-tensors", "")
    pipeline = complete(specs)
    whole = None
    if all(spec.option("rows") is None for spec in specs if spec.name == "split-tensors"):
        split = with_option(pipeline, "split-tensors", f"rows={ALL_ROWS}")
        whole = build_passes([spec for spec in split if spec.name != "choose-bands"], available)
    return PlanSearch(module, build_passes(pipeline, available), whole, context)


def with_option(specs: Sequence[PassSpec], name: str, option: str) -> list[PassSpec]:
    """The passes with one more option for pass `name`, which is added in its place of the default order."""
    if all(spec.name != name for spec in specs):
        behind = set(DEFAULT_ORDER[DEFAULT_ORDER.index(name) + 1 :])
        index = next((i for i, spec in enumerate(specs) if spec.name in behind), len(specs))
        return [*specs[:index], PassSpec(name, f"{name}{{{option}}}" if option else name), *specs[index:]]
    return [spec.with_option(option) if spec.name == name else spec for spec in specs]


def with_slowdown(specs: Sequence[PassSpec], percent: int) -> list[PassSpec]:
    """The passes with what `--max-slowdown` says; raises CompileError where a pass says it already."""
    if any(spec.name == "fuse-blocks" for spec in specs):
        raise CompileError("--max-slowdown: expected no --fuse-blocks besides, which says how blocks are fused")
    return with_option(specs, "fuse-blocks", f"most={percent}")


def with_input(specs: Sequence[PassSpec], mode: str) -> list[PassSpec]:
    """The passes with what `--input` says; raises CompileError for an unknown mode, or where a pass says it already."""
    if mode not in INPUT_OPTIONS:
        raise CompileError(f"--input: expected {', '.join(INPUT_OPTIONS)}, got {mode!r}")
    for spec in specs:
        if spec.name in {name for name, _ in INPUT_OPTIONS.values()} and re.search(r"\binput\b", spec.text):
            raise CompileError(f"--input {mode} and the option input of --{spec.name} exclude each other")
    return with_option(specs, *INPUT_OPTIONS[mode])


def with_io(specs: Sequence[PassSpec], types: str) -> list[PassSpec]:
    """The passes with what `--io` says; raises CompileError for unknown types."""
    if types not in IO_TYPES:
        raise CompileError(f"--io: expected {' or '.join(IO_TYPES)}, got {types!r}")
    return with_option(specs, "strip-edges", "") if types == "int8" else list(specs)


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
