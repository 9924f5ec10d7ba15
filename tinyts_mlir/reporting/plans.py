"""The plans of one model that a report compares: as asked for, layer by layer, depth-first, and with more SRAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException

from tinyts_mlir.budget import Memory, PlanSearch, memory_of
from tinyts_mlir.compiler import Compilation, describe_diagnostic, lower
from tinyts_mlir.dialects.pruned_layers import PrunedLayer
from tinyts_mlir.dialects.rows import tensor_type, total_rows
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.front import FUSE_BLOCKS, PERCENTS, Ways
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.pipeline import PassSpec, complete, plan_search, with_option
from tinyts_mlir.progress import note
from tinyts_mlir.reporting.arena_timeline import Timeline, timeline_of
from tinyts_mlir.reporting.layer_table import LayerFigures, layer_table, macs_of_layers
from tinyts_mlir.reporting.plan_searches import search_of

UNSPLIT = "unsplit", "Unsplit"
DEPTH_FIRST = "depth-first", "Depth-first (TinyTS, DF_1)"
OURS = "ours", "tinyts-mlir"
"""Key and title of the plans that a page can switch between."""

FREE_PASSES = ("fuse-blocks", "choose-bands", "split-tensors")
"""What makes a plan one of bands, or of less than rows."""

MOST_BANDS = 20_000
"""Bands of one row beyond which TinyTS's plan is not made: placing them takes minutes."""

LARGER_ARENAS = 3
"""Plans with more SRAM than the chosen one."""
LEAST_GAIN = 1.1
"""No such plan is made where unsplit maps take hardly more than this times the arena."""


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
        passes: what ran, in its order.
        timeline: its arena.
        layers: figures of the timeline's layers.
        memory: what of SRAM it takes.
        instructions: predicted for one inference.
    """

    key: str
    title: str
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
        left_out: channels of the model that the chosen plan does not make.
    """

    plans: tuple[Plan, ...]
    chosen: int
    points: tuple[Point, ...]
    notes: tuple[str, ...]
    left_out: tuple[PrunedLayer, ...] = ()

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


def compare_plans(made: Compilation) -> Comparison:
    """The plan that was made, and others of the same module; those that cannot be made are left out with a note."""
    specs, budget = made.specs, made.budget
    asked = None if budget is not None else complete(specs)
    unsplit, depth_first = complete(_without_bands(specs)), complete(_depth_first(specs))
    if asked in (unsplit, depth_first):
        specs = with_option(_without_bands(specs), "split-tensors", "")
    planner = _Planner(made, specs)
    pipelines = ((*UNSPLIT, unsplit), (*DEPTH_FIRST, depth_first), (*OURS, complete(specs)))
    plans: list[Plan] = []
    chosen = 0
    notes: list[str] = []
    for key, title, pipeline in pipelines:
        is_asked = pipeline == asked if budget is None else key == OURS[0]
        if key == DEPTH_FIRST[0] and not is_asked and (bands := bands_of_one_row(made.source)) > MOST_BANDS:
            notes.append(f"{title} is left out: it would have {bands:,} bands of one row.")
            continue
        if is_asked:
            chosen = len(plans)
            texts = (
                [spec.text for spec in pipeline] if budget is None else [f"search among plans within {budget:,} bytes"]
            )
            passes = [PassTime(*one) for one in zip(texts, made.seconds, strict=True)]
            plans.append(_described(key, title, passes, made.planned, made.lowered))
            continue
        note(f"report: {title}")
        try:
            plans.append(planner.plan(key, title, pipeline))
        except CompileError as error:
            notes.append(f"{title} is left out: {error}.")
        except DiagnosticException as error:
            notes.append(f"{title} is left out: {describe_diagnostic(error)}.")
    # Of plans that are equal, that which was asked for is looked at first.
    ordered = [plans[chosen], *plans[:chosen], *plans[chosen + 1 :]]
    points = [Point(plan.title, plan.memory, plan.instructions) for plan in ordered]
    for point in [*planner.larger(plans, with_least=budget is not None), *planner.ways()]:
        if all((point.memory, point.instructions) != (known.memory, known.instructions) for known in points):
            points.append(point)
    points.sort(key=lambda point: (point.memory.total, point.instructions))
    left_out = tuple(program_of(made.lowered).left_out())
    return Comparison(tuple(plans), chosen, tuple(points), tuple(notes), left_out)


class _Planner:
    """Compiles one module again and again."""

    def __init__(self, made: Compilation, specs: Sequence[PassSpec]) -> None:
        self.made = made
        self.specs = specs
        self._search = made.search

    def search(self) -> PlanSearch:
        """The search among plans with bands, which is begun once."""
        if self._search is None and self.specs == self.made.specs:
            self._search = search_of(self.made)
        elif self._search is None:
            self._search = plan_search(self.made.source, self.specs, self.made.available, self.made.context)
        return self._search

    def ways(self) -> list[Point]:
        """The least that the ways to fuse blocks need, up to what was asked for, where anything was."""
        ways = Ways(self.made.source, self.specs, self.made.available, self.made.context)
        if not ways.are_free or all(spec.name != FUSE_BLOCKS for spec in self.specs):
            return []
        points: list[Point] = []
        for percent, search in ways.searches([percent for percent in PERCENTS if percent <= ways.most]):
            title = "no block fused" if percent is None else f"blocks fused, {percent} % made again"
            note(f"report: {title}")
            plan = search.least()
            points.append(Point(title, plan.memory, plan.instructions))
        return points

    def plan(self, key: str, title: str, specs: Sequence[PassSpec]) -> Plan:
        """A plan of the module by these passes, which are all there are."""
        found = lower(self.made.source, self.made.name, specs, self.made.available, self.made.context)
        passes = [PassTime(spec.text, seconds) for spec, seconds in zip(specs, found.seconds, strict=True)]
        return _described(key, title, passes, found.planned, found.lowered)

    def larger(self, plans: Sequence[Plan], with_least: bool) -> list[Point]:
        """What higher bands and more scratch would take and cost, between our arena and the unsplit one.

        With `with_least` that, too, which no more SRAM than it must have takes.
        """
        by_key = {plan.key: plan.memory.arena for plan in plans}
        ours, most = by_key.get(OURS[0], 0), by_key.get(UNSPLIT[0], 0)
        if not ours or (most < LEAST_GAIN * ours and not with_least):
            return []
        search = self.search()
        if search.bands is None or search.choosing is None or search.choosing.limit is not None:
            return []
        limits = [round(ours * (most / ours) ** (n / (LARGER_ARENAS + 1))) for n in range(1, LARGER_ARENAS + 1)]
        limits = [limit for limit in limits if limit > ours]
        points: list[Point] = []
        for limit in [None, *limits] if with_least else limits:
            note(f"report: a plan within {limit or ours:,} bytes of arena")
            title = "least arena" if limit is None else f"arena limit {limit:,}"
            try:
                choice = search.bands.search.choose(search.choosing.highest, limit)
                found = search.planned(choice, limit or 0)
            except CompileError:
                continue
            points.append(Point(title, found.memory, found.instructions))
        return points


def _described(key: str, title: str, passes: Sequence[PassTime], planned: ModuleOp, lowered: ModuleOp) -> Plan:
    timeline = timeline_of(planned)
    figures = tuple(layer_table(timeline, macs_of_layers(planned), program_of(lowered)))
    instructions = sum(layer.instructions for layer in figures)
    return Plan(key, title, tuple(passes), timeline, figures, memory_of(lowered), instructions)


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
