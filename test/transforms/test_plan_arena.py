"""Plans of real models: bounds below peaks below arenas, aligned offsets; and exact plans."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support import parse
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp

from tinyts_mlir.analysis.arena_blocks import Allocation, Block, Overlap
from tinyts_mlir.dialects.tinyts_attributes import FITTING_BYTES
from tinyts_mlir.errors import CompileError
from tinyts_mlir.transforms import plan_arena
from tinyts_mlir.transforms.plan_arena import PlanArenaPass, natural_alignment

NETWORK = """
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<12x!q>) -> (tensor<12x!q>, tensor<5x!q>) {
  %a = tinyts.receive %x : tensor<12x!q>
  %f = tinyts.constant dense<1> : tensor<5x12xi8> as !quant.uniform<i8:f32, 0.125>
  %b = tinyts.fully_connected %a, %f : tensor<5x!q>
  %c = tinyts.leaky_relu %a {alpha = 0.5} : tensor<12x!q>
  func.return %c, %b : tensor<12x!q>, tensor<5x!q>
}
"""


def planned(**options: bool) -> FuncOp:
    module = parse(NETWORK)
    PlanArenaPass(**options).apply(Context(), module)
    [function] = function_of(module)
    return function


def function_of(module: ModuleOp) -> list[FuncOp]:
    return [op for op in module.body.block.ops if isinstance(op, FuncOp)]


def attribute(function: FuncOp, name: str) -> int:
    value = function.attributes[name]
    assert isinstance(value, IntegerAttr)
    return value.value.data


@pytest.mark.parametrize(("size", "alignment"), [(0, 4), (1, 1), (10, 2), (12, 4), (64, 4), (7, 1)])
def test_natural_alignment(size: int, alignment: int) -> None:
    assert natural_alignment(size) == alignment


def test_exact() -> None:
    pytest.importorskip("ortools.sat.python.cp_model", reason="needs OR-tools: pip install 'tinyts-mlir[exact]'")
    function = planned(exact=True)
    assert (attribute(function, "tinyts.arena_bytes"), attribute(function, "tinyts.peak_bytes")) == (32, 17)
    assert attribute(function, "tinyts.arena_is_optimal") in (1, -1)
    plan_arena.plan_function(function)
    assert "tinyts.arena_is_optimal" not in function.attributes


def test_exact_without_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise CompileError("plan-arena: exact=true needs OR-tools")

    monkeypatch.setattr(plan_arena, "load_solver", missing)
    with pytest.raises(CompileError, match="needs OR-tools"):
        planned(exact=True)
    assert attribute(planned(), "tinyts.arena_bytes") == 32


def test_known_arena_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the search for the smallest arena ends above one that `choose-bands` has found."""
    allocate_arena = plan_arena.allocate_arena

    def worse(
        blocks: Sequence[Block], alignment: int = 0, enough: int = 0, overlaps: Sequence[Overlap] = ()
    ) -> tuple[Allocation, int]:
        allocation, unit = allocate_arena(blocks, alignment, enough, overlaps)
        return (allocation if enough else Allocation(allocation.offsets, allocation.size + 16)), unit

    def arena_bytes(fitting: int) -> int:
        [function] = function_of(parse(NETWORK))
        if fitting:
            function.attributes[FITTING_BYTES] = IntegerAttr(fitting, i64)
        plan_arena.plan_function(function)
        assert FITTING_BYTES not in function.attributes
        return attribute(function, "tinyts.arena_bytes")

    known = arena_bytes(0)
    monkeypatch.setattr(plan_arena, "allocate_arena", worse)
    assert arena_bytes(0) == known + 16
    assert arena_bytes(known) == known
