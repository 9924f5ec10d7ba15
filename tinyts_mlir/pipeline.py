"""The passes of a compile: which there are, in which order, and how a command line names them.

Analyses are imported where they are used: a command line that only asks for help needs none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec, parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError

from tinyts_mlir.errors import CompileError, did_you_mean

if TYPE_CHECKING:
    from tinyts_mlir.budget import PlanSearch

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
    value is true: `--prune-channels=off`. A number behind a comma is one more of a list: `--fuse-blocks=blocks=0,1`.
    """
    if not argument.startswith("--"):
        return None
    name, _, options = argument[2:].partition("=")
    if name not in known:
        return None
    words: list[str] = []
    for word in options.strip("{}").replace(",", " ").split():
        if word.isdecimal() and words and "=" in words[-1]:  # one more of a list: blocks=0,1
            words[-1] += f",{word}"
        else:
            words.append(word)
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
    first: str | None = None,
) -> PlanSearch:
    """The search among a module's plans; tensors are split in any case.

    `first`: the first pass that did not run on the module; None: none did.
    """
    from tinyts_mlir.budget import PlanSearch

    if all(spec.name != "split-tensors" for spec in specs):
        specs = with_option(specs, "split-tensors", "")
    pipeline = complete(specs)
    if first is not None:
        pipeline = pipeline[[spec.name for spec in pipeline].index(first) :]
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
