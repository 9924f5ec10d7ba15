"""`--report FILE.html`: one page about a plan, with nothing to load besides it.

What the page shows is computed here and stands in it as JSON; scripts draw it. Headline, figures, points and passes are
text, so that they are there without scripts, too.
"""

from __future__ import annotations

import json
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from tinyts_mlir.analysis.cycle_model import CycleEstimate, estimated_cycles
from tinyts_mlir.chips import Chip
from tinyts_mlir.compiler import Compilation
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.reporting.arena_timeline import Kind, Timeline
from tinyts_mlir.reporting.plans import Comparison, Plan, compare_plans

KINDS = tuple(Kind)


def report_html(made: Compilation, name: str, chip: Chip | None = None) -> str:
    """The page about a compiled model, which people call `name`, for a chip if one is named."""
    cycles = None if chip is None else estimated_cycles(program_of(made.lowered), chip)
    return render(compare_plans(made), name, chip, cycles)


def render(comparison: Comparison, name: str, chip: Chip | None = None, cycles: CycleEstimate | None = None) -> str:
    """The page about plans that are there; what is estimated for a chip is of the chosen one."""
    chosen = comparison.chosen_plan
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            name=name,
            headline=headline(comparison),
            comparison=comparison,
            chosen=chosen,
            chip=chip,
            cycles=cycles,
            most_arena=max(plan.timeline.arena_bytes for plan in comparison.plans) or 1,
            seconds=sum(one.seconds for one in chosen.passes),
            slowest=max((one.seconds for one in chosen.passes), default=0.0) or 1.0,
            data=_script_safe(page_data(comparison)),
        )
    )


def headline(comparison: Comparison) -> str:
    """What the chosen plan takes, and how that compares: `54,112 bytes of arena, 3.8 times less than unsplit`."""
    chosen = comparison.chosen_plan
    arena = chosen.timeline.arena_bytes
    taken = f"{arena:,} bytes of arena"
    unsplit, ours = comparison.plan("unsplit"), comparison.plan("ours")
    if chosen is unsplit:
        if ours is None or not (less := ours.timeline.arena_bytes) or less >= arena:
            return f"{taken}, unsplit"
        return f"{taken}, unsplit; --split-tensors takes {_times(arena, less)} less"
    if unsplit is None or not arena:
        return taken
    whole = unsplit.timeline.arena_bytes
    if whole == arena:
        return f"{taken}, as much as unsplit"
    return f"{taken}, {_times(whole, arena)} less than unsplit" if whole > arena else f"{taken}, more than unsplit"


def _times(more: int, less: int) -> str:
    return f"{more / less:.1f} times" if more >= 1.15 * less else f"{(1 - less / more) * 100:.1f} %"


def page_data(comparison: Comparison) -> dict[str, object]:
    """What the scripts draw, as JSON has it; columns instead of an object for each band."""
    return {
        "plans": [_plan_data(plan) for plan in comparison.plans],
        "chosen": comparison.chosen,
        "kinds": [kind.value for kind in KINDS],
        "points": [
            {
                "title": point.title,
                "total": point.memory.total,
                "arena": point.memory.arena,
                "instructions": round(point.instructions),
            }
            for point in comparison.points
        ],
        "front": comparison.front(),
    }


def _plan_data(plan: Plan) -> dict[str, object]:
    timeline = plan.timeline
    return {
        "key": plan.key,
        "title": plan.title,
        "arena": timeline.arena_bytes,
        "bound": timeline.bound_bytes,
        "instructions": round(plan.instructions),
        "peakStep": timeline.peak_step,
        "holders": timeline.holders(timeline.peak_step),
        "segments": timeline.segments(),
        "live": timeline.live_bytes,
        "steps": timeline.steps,
        "layers": [
            {
                "name": layer.name,
                "kernel": layer.kernel,
                "reads": layer.reads,
                "rows": figures.rows,
                "bandRows": figures.band_rows,
                "bands": figures.bands,
                "bytes": figures.bytes,
                "scratch": figures.scratch_bytes,
                "macs": figures.macs,
                "instructions": round(figures.instructions),
            }
            for layer, figures in zip(timeline.layers, plan.layers, strict=True)
        ],
        "bands": _band_columns(timeline),
    }


def _band_columns(timeline: Timeline) -> dict[str, list[object]]:
    bands = timeline.bands
    return {
        "kind": [KINDS.index(band.kind) for band in bands],
        "layer": [band.layer for band in bands],
        "result": [band.result for band in bands],
        "row": [band.rows.start if band.rows else 0 for band in bands],
        "behindRow": [band.rows.stop if band.rows else 0 for band in bands],
        "totalRows": [band.total_rows for band in bands],
        "address": [band.address for band in bands],
        "bytes": [band.bytes for band in bands],
        "first": [band.first for band in bands],
        "last": [band.last for band in bands],
        "readers": [band.readers for band in bands],
        "returned": [int(band.returned) for band in bands],
        "shares": [band.shares_with for band in bands],
    }


def _script_safe(data: object) -> str:
    """JSON for the inside of a script element, which no name of a model's layer can end."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _with_commas(number: int) -> str:
    return f"{number:,}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tinyts_mlir.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["commas"] = _with_commas
    return environment
