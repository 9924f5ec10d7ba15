"""The plans that a report compares are those that `tinyts-opt` makes with the same flags."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pages import SMALL, compare, demo_plans
from support import parse
from xdsl.universe import Universe

from tinyts_mlir.analysis.cost_model import estimated_instructions
from tinyts_mlir.analysis.macs import macs_of_module
from tinyts_mlir.budget import BudgetError, memory_of
from tinyts_mlir.compiler import compile_module, lower, new_context
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.pipeline import PassSpec, complete
from tinyts_mlir.reporting import plans as plans_module
from tinyts_mlir.reporting.html_report import headline
from tinyts_mlir.reporting.plans import bands_of_one_row, compare_plans

FLAGS = {
    "unsplit": [],
    "depth-first": ["--split-tensors=rows=1", "--schedule-bands=order=depth-first"],
    "ours": ["--split-tensors"],
}


@pytest.mark.parametrize("key", FLAGS)
def test_each_plan_is_what_its_flags_make(key: str) -> None:
    plan = demo_plans().plan(key)
    assert plan is not None
    compiled = compile_module(demo_model(), FLAGS[key], "demo")
    assert plan.timeline.arena_bytes == plan.memory.arena == compiled.report["arena_bytes"]
    assert plan.memory.context == compiled.report["context_bytes"]
    assert len(plan.timeline.steps) == compiled.report["steps"]
    assert plan.instructions == pytest.approx(estimated_instructions(program_of(compiled.module)))
    layers = compiled.report["layers"]
    assert isinstance(layers, list)
    for layer, figures in zip(plan.timeline.layers, plan.layers, strict=True):
        reported = layers[layer.program_layers[-1]]
        assert (layer.name, layer.kernel) == (reported["name"], reported["kernel"])
        assert (figures.rows, figures.band_rows) == (reported["rows"], reported["band_rows"])


@pytest.mark.parametrize("key", FLAGS)
def test_macs_of_layers_are_the_model_s(key: str) -> None:
    plan = demo_plans().plan(key)
    assert plan is not None
    assert sum(layer.macs for layer in plan.layers) == macs_of_module(demo_model()) > 0


def test_ways_to_fuse_blocks_are_points() -> None:
    comparison = compare(demo_model(), "--fuse-blocks=most=10", "--split-tensors")
    titles = {point.title for point in comparison.points}
    assert {"no block fused", "blocks fused, 0 % made again", "blocks fused, 10 % made again"} <= titles
    assert not any("fuse" in point.title for point in demo_plans().points)
    for key in ("unsplit", "depth-first"):  # as they are without
        plan, other = comparison.plan(key), demo_plans().plan(key)
        assert plan is not None and other is not None and plan.memory == other.memory


def test_the_plan_asked_for_is_chosen() -> None:
    assert demo_plans().chosen_plan.key == "ours"
    for key, flags in FLAGS.items():
        comparison = compare(parse(SMALL), *flags)
        assert comparison.chosen_plan.key == key
        assert [plan.key for plan in comparison.plans] == list(FLAGS)


def test_flags_of_one_s_own_are_ours() -> None:
    comparison = compare(parse(SMALL), "--split-tensors=rows=3")
    assert comparison.chosen_plan.key == "ours"
    assert "split-tensors{rows=3}" in [one.text for one in comparison.chosen_plan.passes]
    assert {layer.band_rows for layer in comparison.chosen_plan.layers} >= {3}


def test_other_plans_take_the_input_as_it_is_asked_for() -> None:
    comparison = compare(parse(SMALL), "--receive-inputs=input=external", "--split-tensors")
    for plan in comparison.plans:
        assert all(layer.kernel != "receive" for layer in plan.timeline.layers)
    arena = compare(parse(SMALL), "--split-tensors", "--schedule-bands=input=arena")
    for plan in arena.plans:
        received = [step for step, layer in enumerate(plan.timeline.steps) if layer == 0]
        assert received == list(range(len(received)))


def test_the_module_stays_as_it_is() -> None:
    module = parse(SMALL)
    compare(module, "--split-tensors")
    assert module.is_structurally_equivalent(parse(SMALL))


def test_a_budget() -> None:
    least = demo_plans().chosen_plan
    budget = least.memory.total + 3000
    comparison = compare(demo_model(), "--split-tensors", budget=budget)
    assert comparison.chosen_plan.key == "ours"
    expected = compile_module(demo_model(), ["--split-tensors", f"--ram={budget}"], "demo")
    assert comparison.chosen_plan.memory == memory_of(expected.module)
    assert least.memory.total < comparison.chosen_plan.memory.total <= budget
    assert comparison.chosen_plan.instructions < least.instructions
    # What takes least is a point, too.
    assert [point.memory for point in comparison.points if point.title == "least arena"] == [least.memory]


def test_a_plan_that_is_made_is_not_made_again() -> None:
    """Also where it is another than the same passes make, as when a search was stopped."""
    available = Universe.get_multiverse().all_passes
    asked, other = ([PassSpec("split-tensors", text)] for text in ("split-tensors", "split-tensors{rows=4}"))
    made = lower(parse(SMALL), "small", other, available, new_context())
    expected = compare_plans(made).chosen_plan
    seconds = tuple(float(number) for number in range(len(complete(asked))))
    shown = compare_plans(replace(made, specs=asked, seconds=seconds)).chosen_plan
    assert (shown.key, shown.timeline, shown.layers) == ("ours", expected.timeline, expected.layers)
    assert [(one.text, one.seconds) for one in shown.passes] == [
        (spec.text, number) for number, spec in enumerate(complete(asked))
    ]


def test_a_budget_that_is_too_small() -> None:
    with pytest.raises(BudgetError, match="does not fit into 100 bytes"):
        compare(parse(SMALL), "--split-tensors", budget=100)


def test_the_front_is_of_points_that_no_other_beats() -> None:
    comparison = demo_plans()
    assert len(comparison.points) > len(comparison.plans)  # plans with more SRAM are there, too
    figures = [(point.memory.total, point.instructions) for point in comparison.points]
    assert figures == sorted(figures)
    unbeaten = [
        number
        for number, (total, time) in enumerate(figures)
        if not any(t <= total and i <= time and (t, i) != (total, time) for t, i in figures)
    ]
    assert comparison.front() == unbeaten


def test_bands_of_one_row_are_counted() -> None:
    depth_first = demo_plans().plan("depth-first")
    assert depth_first is not None
    assert sum(layer.bands for layer in depth_first.layers) <= bands_of_one_row(demo_model()) + 64


def test_depth_first_is_left_out_of_very_tall_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans_module, "MOST_BANDS", 10)
    comparison = compare(parse(SMALL), "--split-tensors")
    assert [plan.key for plan in comparison.plans] == ["unsplit", "ours"]
    assert comparison.chosen_plan.key == "ours"
    [note] = comparison.notes
    assert note.startswith("Depth-first (TinyTS, DF_1) is left out: it would have ")


def test_a_plan_that_cannot_be_made_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = plans_module.lower

    def failing(module, name, specs, *others):
        if any(spec.option("order") == "depth-first" for spec in specs):
            raise CompileError("no such order here")
        return lowered(module, name, specs, *others)

    monkeypatch.setattr(plans_module, "lower", failing)
    comparison = compare(parse(SMALL), "--split-tensors")
    assert [plan.key for plan in comparison.plans] == ["unsplit", "ours"]
    assert comparison.notes == ("Depth-first (TinyTS, DF_1) is left out: no such order here.",)


ONE_ROW = """
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x8x!q>) -> tensor<1x8x!q> {
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x8x!q>
  func.return %a : tensor<1x8x!q>
}
"""


def test_headlines() -> None:
    arena = {plan.key: plan.timeline.arena_bytes for plan in demo_plans().plans}
    unsplit, ours, times = arena["unsplit"], arena["ours"], f"{arena['unsplit'] / arena['ours']:.1f} times"
    assert headline(demo_plans()) == f"{ours:,} bytes of arena, {times} less than unsplit"
    whole = replace(demo_plans(), chosen=0)
    assert headline(whole) == f"{unsplit:,} bytes of arena, unsplit; --split-tensors takes {times} less"
    one_row = compare(parse(ONE_ROW), "--split-tensors")
    assert one_row.chosen_plan.key == "ours"
    assert headline(one_row) == "16 bytes of arena, as much as unsplit"
