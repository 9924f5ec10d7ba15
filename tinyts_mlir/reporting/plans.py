"""The plans of one model that a report compares: as it was asked for, layer by layer, depth-first, and with more SRAM."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.utils.exceptions import DiagnosticException

from tinyts_mlir.analysis.cost_model import estimated_instructions
from tinyts_mlir.budget import Candidate, Memory, fastest_within, memory_of
from tinyts_mlir.compiler import (
    PassSpec,
    budget_passes,
    build_passes,
    candidate_specs,
    complete,
    describe_diagnostic,
    with_option,
)
from tinyts_mlir.dialects.rows import tensor_type, total_rows
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.reporting.arena_timeline import Timeline, timeline_of
from tinyts_mlir.reporting.layer_table import LayerFigures, layer_table, macs_of_layers

LOWER = "lower-to-runtime"
FREE_PASSES = ("choose-bands", "split-tensors")
"""What makes a plan one of bands."""

MOST_BANDS = 20_000
"""Bands of one row beyond which TinyTS's plan is not made: placing them takes minutes."""

LARGER_ARENAS = 3
"""Plans with more SRAM than the chosen one."""
LEAST_GAIN = 1.1
"""No such plan is made where unsplit maps take hardly more than this times the arena."""

Available = Mapping[str, Callable[[], type[ModulePass]]]


@dataclass(frozen=True)
class PassTime:
    """A pass with its options, as a pipeline says it, and how long it ran."""

    text: str
    seconds: float


@dataclass(frozen=True)
class Plan:
    """A plan with all that is known of it.

    Attributes:
        key: what it is called in the page.
        title: what people call it.
        specs: its passes.
        passes: what ran, in its order.
        timeline: its arena.
        layers: figures of the timeline's layers.
        memory: what of SRAM it takes.
        instructions: predicted for one inference.
    """

    key: str
    title: str
    specs: tuple[PassSpec, ...]
    passes: tuple[PassTime, ...]
    timeline: Timeline
    layers: tuple[LayerFigures, ...]
    memory: Memory
    instructions: float


@dataclass(frozen=True)
class Point:
    """A plan of which only what it takes is wanted: its SRAM and its predicted instructions."""

    title: str
    memory: Memory
    instructions: float


@dataclass(frozen=True)
class Comparison:
    """Plans of one model.

    Attributes:
        plans: unsplit, depth-first, ours, as far as they could be made.
        chosen: the number of that which was asked for.
        points: of the front, plans included; fewest bytes first.
        notes: for people: which plan is not here, and why.
    """

    plans: tuple[Plan, ...]
    chosen: int
    points: tuple[Point, ...]
    notes: tuple[str, ...]

    @property
    def chosen_plan(self) -> Plan:
        """The plan that was asked for."""
        return self.plans[self.chosen]

    def plan(self, key: str) -> Plan | None:
        """The plan of that key, if it could be made."""
        return next((plan for plan in self.plans if plan.key == key), None)

    def front(self) -> list[int]:
        """The numbers of the points that no other one is better than in SRAM and time, fewest bytes first."""
        best: list[int] = []
        for number, point in enumerate(self.points):
            if not best or point.instructions < self.points[best[-1]].instructions:
                best.append(number)
        return best


def compare_plans(
    module: ModuleOp, specs: Sequence[PassSpec], available: Available, context: Context, budget: int | None = None
) -> Comparison:
    """Plans an imported module in several ways; it stays as it is.

    Args:
        module: as imported.
        specs: the passes that were asked for; those that are missing are added.
        available: every pass there is.
        context: where passes run.
        budget: bytes of SRAM, where the plan asked for is the fastest within so many (`--ram`).

    Raises CompileError where the plan that was asked for cannot be made; others are left out with a note.
    """
    planner = _Planner(module, available, context)
    asked = planner.asked(specs, budget)
    unsplit = complete(_without_bands(specs))
    depth_first = complete(_depth_first(specs))
    wanted = [("unsplit", "Unsplit", unsplit), ("depth-first", "Depth-first (TinyTS, DF_1)", depth_first)]
    ours = candidate_specs(specs, Candidate()) if asked in (unsplit, depth_first) else asked
    wanted.append(("ours", "tinyts-mlir", ours))
    plans: list[Plan] = []
    chosen = 0
    notes: list[str] = []
    for key, title, pipeline in wanted:
        if key == "depth-first" and pipeline != asked and (bands := bands_of_one_row(module)) > MOST_BANDS:
            notes.append(f"{title} is left out: it would have {bands:,} bands of one row.")
            continue
        try:
            plan = planner.plan(key, title, pipeline)
        except (CompileError, DiagnosticException) as error:
            if pipeline == asked:
                raise
            reason = describe_diagnostic(error) if isinstance(error, DiagnosticException) else str(error)
            notes.append(f"{title} is left out: {reason}.")
            continue
        if pipeline == asked:
            chosen = len(plans)
        plans.append(plan)
    points = [Point(plan.title, plan.memory, plan.instructions) for plan in plans]
    points += planner.larger(specs, plans)
    points.sort(key=lambda point: (point.memory.total, point.instructions))
    return Comparison(tuple(plans), chosen, tuple(points), tuple(notes))


class _Planner:
    """Compiles one module again and again."""

    def __init__(self, module: ModuleOp, available: Available, context: Context) -> None:
        self.module = module
        self.available = available
        self.context = context

    def asked(self, specs: Sequence[PassSpec], budget: int | None) -> list[PassSpec]:
        """All passes of the plan that was asked for."""
        if budget is None:
            return complete(specs)
        found = fastest_within(self.module, budget, budget_passes(specs, self.available), self.context)
        return candidate_specs(specs, found.candidate)

    def plan(self, key: str, title: str, specs: Sequence[PassSpec]) -> Plan:
        """A plan of the module with everything about it."""
        module = self.module.clone()
        timed: list[PassTime] = []
        timeline: Timeline | None = None
        macs: list[int] = []
        for spec, one in zip(specs, build_passes(specs, self.available), strict=True):
            if spec.name == LOWER:
                timeline, macs = timeline_of(module), macs_of_layers(module)
            started = time.perf_counter()
            one.apply(self.context, module)
            timed.append(PassTime(spec.text, time.perf_counter() - started))
        program = program_of(module)
        assert timeline is not None  # a program is what `lower-to-runtime` makes
        figures = tuple(layer_table(timeline, macs, program))
        instructions = sum(layer.instructions for layer in figures)
        return Plan(key, title, tuple(specs), tuple(timed), timeline, figures, memory_of(module), instructions)

    def larger(self, specs: Sequence[PassSpec], plans: Sequence[Plan]) -> list[Point]:
        """What higher bands and more scratch would take and cost, between our arena and the unsplit one."""
        by_key = {plan.key: plan.memory.arena for plan in plans}
        least, most = by_key.get("ours", 0), by_key.get("unsplit", 0)
        free = all(spec.name not in ("choose-bands", "schedule-bands") for spec in specs)
        free &= all(spec.option("rows") is None for spec in specs if spec.name == "split-tensors")
        if not free or not least or most < LEAST_GAIN * least:
            return []
        points: list[Point] = []
        for number in range(1, LARGER_ARENAS + 1):
            limit = round(least * (most / least) ** (number / (LARGER_ARENAS + 1)))
            passes = build_passes(candidate_specs(specs, Candidate(limit)), self.available)
            clone = self.module.clone()
            try:
                PassPipeline(passes).apply(self.context, clone)
            except CompileError:
                continue
            points.append(Point(f"arena limit {limit:,}", memory_of(clone), estimated_instructions(program_of(clone))))
        return points


def bands_of_one_row(module: ModuleOp) -> int:
    """How many bands a module of whole tensors has when each is one row."""
    ops = (op for op in module.walk() if isinstance(op, TinytsOp))
    return sum(total_rows(tensor_type(result)) for op in ops for result in op.results)


def _without_bands(specs: Sequence[PassSpec]) -> list[PassSpec]:
    """The passes without those that make bands, and without what orders or limits them; inputs come as they came."""
    kept = [spec for spec in specs if spec.name not in FREE_PASSES]
    return [_with_only_input(spec) if spec.name == "schedule-bands" else spec for spec in kept]


def _depth_first(specs: Sequence[PassSpec]) -> list[PassSpec]:
    """The passes of TinyTS's DF_1."""
    split = with_option(_without_bands(specs), "split-tensors", "rows=1")
    return with_option(split, "schedule-bands", "order=depth-first")


def _with_only_input(spec: PassSpec) -> PassSpec:
    value = spec.option("input")
    bare = PassSpec(spec.name, spec.name)
    return bare if value is None else bare.with_option(f"input={value}")
