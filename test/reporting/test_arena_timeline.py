"""Rectangles are what a plan says: the arena is full to its top, no byte is two things, and steps are the program's."""

from __future__ import annotations

from itertools import pairwise

import networks
import pytest
from networks import function_of, lowered
from support import parse, real_models
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.universe import Universe

from tinyts_mlir.analysis.arena_blocks import round_up
from tinyts_mlir.compiler import new_context, read_module
from tinyts_mlir.demo import demo_model
from tinyts_mlir.dialects.rows import RowRange
from tinyts_mlir.dialects.tinyts_attributes import ARENA_BYTES, PEAK_BYTES
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.pipeline import PassSpec, build_passes, complete, pass_flag
from tinyts_mlir.reporting.arena_timeline import Band, Kind, Timeline, common_bytes, timeline_of

PASSES = Universe.get_multiverse().all_passes
PLANS = [(1, "depth-first", "stream"), (2, "breadth-first", "arena"), (1, "auto", "stream"), (2, "auto", "external")]
ARENA_ALIGNMENT = 16


def planned(module: ModuleOp, *flags: str) -> ModuleOp:
    """A module with the plan of `tinyts-opt` with these flags."""
    specs = [spec for flag in flags if (spec := pass_flag(flag, PASSES)) is not None]
    assert len(specs) == len(flags)
    for one in build_passes([spec for spec in complete(specs) if spec.name != "lower-to-runtime"], PASSES):
        one.apply(new_context(), module)
    return module


def number(module: ModuleOp, attribute: str) -> int:
    value = function_of(module).attributes[attribute]
    assert isinstance(value, IntegerAttr)
    return value.value.data


def live_together(one: Band, other: Band) -> bool:
    return one.first <= other.last and other.first <= one.last


def clashes(timeline: Timeline) -> list[tuple[Band, Band]]:
    """Bands that lie on the same bytes at the same time without a plan to."""
    found: list[tuple[Band, Band]] = []
    for step in range(len(timeline.steps)):
        alive = sorted(timeline.alive_at(step), key=lambda number: timeline.bands[number].address)
        for position, number in enumerate(alive):
            band = timeline.bands[number]
            for other in alive[position + 1 :]:
                over = timeline.bands[other]
                if over.address >= band.end:
                    break
                if other not in band.shares_with and number not in over.shares_with:
                    found.append((band, over))
    return found


def check(module: ModuleOp) -> Timeline:
    """What holds for every plan."""
    timeline = timeline_of(module)
    top = max(band.end for band in timeline.bands)
    assert round_up(top, ARENA_ALIGNMENT) == timeline.arena_bytes == number(module, ARENA_BYTES)
    assert not clashes(timeline)
    for band in timeline.bands:
        for under in band.shares_with:
            # Shared on purpose: the other dies just as this one is made, by a layer that reads it.
            assert timeline.bands[under].last == band.first
            assert band.layer in timeline.bands[under].readers
            assert common_bytes(timeline.bands[under], band) > 0
    program = program_of(lowered(module))
    layer_of = {one: place for place, layer in enumerate(timeline.layers) for one in layer.program_layers}
    assert sorted(layer_of) == list(range(len(program.layers())))
    assert [layer_of[step] for step in program.steps()] == list(timeline.steps)
    check_live_bytes(timeline)
    return timeline


def check_live_bytes(timeline: Timeline) -> None:
    """Live bytes are the bytes that some band lies on, counted one by one."""
    for step, live in enumerate(timeline.live_bytes):
        alive = [timeline.bands[number] for number in timeline.alive_at(step)]
        held = {byte for band in alive if band.kind is not Kind.SCRATCH for byte in range(band.address, band.end)}
        assert live == len(held)
    assert timeline.live_bytes[timeline.peak_step] == max(timeline.live_bytes)


@pytest.mark.parametrize("plan", PLANS, ids=str)
@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed: int, plan: tuple[int, str, str]) -> None:
    check(networks.planned(networks.random_network(seed), *plan))


@pytest.mark.parametrize("flags", [(), ("--split-tensors",), ("--split-tensors=rows=1",)], ids=str)
def test_the_demo_model(flags: tuple[str, ...]) -> None:
    check(planned(demo_model(), *flags))


@pytest.mark.slow
@pytest.mark.parametrize("path", real_models())
def test_real_models(path) -> None:
    module = planned(read_module(path, new_context()), "--split-tensors")
    timeline = timeline_of(module)
    assert round_up(max(band.end for band in timeline.bands), ARENA_ALIGNMENT) == timeline.arena_bytes
    assert not clashes(timeline)
    # `plan-arena` counts as shared what results may share with operands; where they lie says what they do share.
    assert number(module, PEAK_BYTES) <= max(timeline.live_bytes) <= timeline.arena_bytes


TWO_LAYERS = """
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x4x2x8x!q>) -> tensor<1x2x1x8x!q> {
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x8x!q>
  %b = tinyts.max_pool_2d %a {window = [2, 2], stride = [2, 2], padding = [0, 0, 0, 0]} : tensor<1x2x1x8x!q>
  func.return %b : tensor<1x2x1x8x!q>
}
"""


def test_what_a_band_is() -> None:
    timeline = check(planned(parse(TWO_LAYERS), "--split-tensors=rows=1", "--schedule-bands=order=depth-first"))
    received, relu, pool = timeline.layers
    assert [layer.kernel for layer in timeline.layers] == ["receive", "lookup", "max_pool_2d"]
    assert (received.reads, relu.reads, pool.reads) == ((), (0,), (1,))
    # A row arrives and is looked up where it lies; of two such rows the pool makes one.
    assert timeline.steps == (0, 1, 0, 1, 2) * 2
    bands = [band for band in timeline.bands if band.layer == 1]
    assert [band.rows for band in bands] == [RowRange(row, row + 1) for row in range(4)]
    assert [(band.first, band.last) for band in bands] == [(1, 4), (3, 4), (6, 9), (8, 9)]
    assert all(band.readers == (2,) and not band.returned and band.bytes == 16 for band in bands)
    assert all(len(band.shares_with) == 1 for band in bands)
    outputs = [band for band in timeline.bands if band.layer == 2]
    assert [(band.first, band.last, band.returned) for band in outputs] == [(4, 9, True), (9, 9, True)]
    assert timeline.segments() == [(0, 3)]


def test_layer_by_layer_each_is_a_segment() -> None:
    timeline = check(planned(parse(TWO_LAYERS)))
    assert timeline.segments() == [(0, 1), (1, 2), (2, 3)]
    assert timeline.steps == (0, 1, 2)


REDUCTION = """
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x4x2x8x!q>) -> tensor<1x8x!q> {
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x8x!q>
  %b = tinyts.average_pool_2d %a {window = [4, 2], stride = [4, 2], padding = [0, 0, 0, 0]} : tensor<1x1x1x8x!q>
  %c = tinyts.reshape %b : tensor<1x8x!q>
  func.return %c : tensor<1x8x!q>
}
"""


def test_state_is_one_rectangle_from_its_clearing_on() -> None:
    timeline = check(planned(parse(REDUCTION), "--split-tensors=rows=1"))
    [state] = [band for band in timeline.bands if band.kind is Kind.STATE]
    assert (state.bytes, state.rows, state.total_rows) == (4 * 8, None, 0)
    assert len(timeline.layers[state.layer].program_layers) == 2
    steps = [step for step, layer in enumerate(timeline.steps) if layer == state.layer]
    assert len(steps) == 5  # it is cleared, and takes four rows
    assert (state.first, state.last) == (steps[0], steps[-1] + 1)
    assert state.readers == (state.layer + 1,)  # what makes the mean of the sums; not the layer that sums
    # The reshape is its operand's bytes: one rectangle, which the caller reads.
    [result] = [band for band in timeline.bands if band.returned]
    assert result.layer == state.layer + 1


def test_holders_of_a_step() -> None:
    timeline = check(planned(parse(TWO_LAYERS), "--split-tensors=rows=1", "--schedule-bands=order=depth-first"))
    assert timeline.holders(4) == [(1, 32), (2, 8)]
    assert sum(held for _, held in timeline.holders(4)) == timeline.live_bytes[4]


def test_scratch_lives_for_its_step() -> None:
    module = demo_model()
    timeline = check(planned(module, "--split-tensors", "--plan-arena=scratch=always"))
    scratch = [band for band in timeline.bands if band.kind is Kind.SCRATCH]
    assert scratch
    assert all(band.first == band.last and timeline.steps[band.first] == band.layer for band in scratch)


def test_bands_of_a_layer_come_in_order() -> None:
    timeline = check(planned(demo_model(), "--split-tensors"))
    for layer in range(len(timeline.layers)):
        bands = [band for band in timeline.bands if band.layer == layer and band.rows is not None and not band.result]
        for one, other in pairwise(bands):
            assert one.rows is not None and other.rows is not None
            assert one.rows.stop == other.rows.start and one.first < other.first


def test_a_module_without_a_plan_is_refused() -> None:
    module = parse(TWO_LAYERS)
    for one in build_passes([PassSpec("receive-inputs", "receive-inputs")], PASSES):
        one.apply(new_context(), module)
    with pytest.raises(CompileError, match="has no plan; run plan-arena first"):
        timeline_of(module)
