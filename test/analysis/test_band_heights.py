"""Band heights: never more SRAM than allowed, and never less speed for more of it."""

from __future__ import annotations

import pytest
from networks import apply, function_of, random_network
from support import parse
from xdsl.dialects.func import FuncOp
from xdsl.transforms.canonicalize import CanonicalizePass

from tinyts_mlir.analysis.cost_model import band_instructions
from tinyts_mlir.dialects.tinyts_attributes import ARENA_BYTES, PEAK_BYTES
from tinyts_mlir.transforms.choose_bands import ChooseBandsPass
from tinyts_mlir.transforms.plan_arena import PlanArenaPass
from tinyts_mlir.transforms.receive_inputs import ReceiveInputsPass
from tinyts_mlir.transforms.schedule_bands import ORDERS, ScheduleBandsPass
from tinyts_mlir.transforms.split_tensors import SplitTensorsPass
from tinyts_mlir.transforms.stream_reductions import StreamReductionsPass

SEEDS = range(60)


def plan(seed: int, choose: ChooseBandsPass | None, rows: int | None, order: str = "auto") -> dict[str, int]:
    """Bytes of arena and peak, and the number of ops that run."""
    function = planned(seed, choose, rows, order)
    found = {name: function.attributes[name].value.data for name in (ARENA_BYTES, PEAK_BYTES)}  # pyright: ignore
    return found | {"ops": len(list(function.body.block.ops))}


def planned(seed: int, choose: ChooseBandsPass | None, rows: int | None, order: str = "auto") -> FuncOp:
    module = apply(parse(random_network(seed)), ReceiveInputsPass("arena"), CanonicalizePass())
    if choose is not None:
        apply(module, choose)
    apply(module, SplitTensorsPass(rows), StreamReductionsPass(), ScheduleBandsPass(order), PlanArenaPass())
    return function_of(module)


@pytest.mark.parametrize("seed", SEEDS)
def test_higher_bands_cost_no_arena(seed: int) -> None:
    chosen, ones = plan(seed, ChooseBandsPass(), None), plan(seed, None, 1)
    assert chosen[ARENA_BYTES] <= ones[ARENA_BYTES]
    assert chosen["ops"] <= ones["ops"]


@pytest.mark.parametrize("kind", ["returned map", "several results", "moved rows"])
def test_higher_bands_in_networks_of_any_kind(kind: str) -> None:
    seeds = {
        "returned map": range(0, len(SEEDS), 4),
        "several results": [seed for seed in SEEDS if "tinyts.split" in random_network(seed)],
        "moved rows": [seed for seed in SEEDS if "{axis = 1}" in random_network(seed)],
    }[kind]
    gains = [plan(seed, None, 1)["ops"] - plan(seed, ChooseBandsPass(), None)["ops"] for seed in seeds]
    assert len(gains) >= 8
    assert 3 * sum(gain > 0 for gain in gains) >= len(gains)


@pytest.mark.parametrize("seed", [*range(0, len(SEEDS), 4), 154, 338])
def test_higher_bands_are_faster_where_plans_are_compared(seed: int) -> None:
    """In the last two networks, the highest that fit would be slower."""
    chosen, ones = planned(seed, ChooseBandsPass(), None), planned(seed, None, 1)
    assert band_instructions(chosen) <= band_instructions(ones)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_limit_is_kept(seed: int) -> None:
    least = plan(seed, None, 1)[ARENA_BYTES]
    for percent in (110, 150, 300):
        limit = least * percent // 100
        assert plan(seed, ChooseBandsPass(limit=limit), None)[ARENA_BYTES] <= limit


def test_room_is_used() -> None:
    ops = [[plan(seed, ChooseBandsPass(limit=limit), None)["ops"] for limit in (1, 1 << 20)] for seed in SEEDS]
    assert all(least >= most for least, most in ops)
    assert sum(least > most for least, most in ops) > len(SEEDS) // 2


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_is_better_than_auto(seed: int, rows: int) -> None:
    peaks = {order: plan(seed, None, rows, order)[PEAK_BYTES] for order in ORDERS}
    assert peaks["auto"] == min(peaks.values())
