"""The front of SRAM against time, and what `--ram` and `--max-slowdown` take from it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from network_builder import NetworkBuilder
from support import sampled_inputs
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.budget import BudgetError, memory_of
from tinyts_mlir.cli.opt import opt
from tinyts_mlir.compiler import CompiledModel, compile_module, new_context
from tinyts_mlir.errors import CompileError
from tinyts_mlir.front import Front, Ways, find_front
from tinyts_mlir.interpreters.check_passes import run_module
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.universe import installed


def network() -> ModuleOp:
    """Inverted residual blocks, the widest at the beginning."""
    builder = NetworkBuilder(3)

    def block(value: SSAValue, expanded: int, stride: int) -> SSAValue:
        value = builder.depthwise_conv_2d(
            builder.conv_2d(value, expanded), (3, 3), stride=(stride, stride), padding="same"
        )
        return builder.conv_2d(value, 8)

    value = builder.conv_2d(builder.input((1, 24, 24, 3)), 8, (3, 3), padding="same")
    value = block(block(value, 48, 2), 32, 1)
    return builder.module([builder.max_pool_2d(value, (12, 12))])


def compiled(*flags: str) -> CompiledModel:
    return compile_module(network(), flags, "net")


def sram(model: CompiledModel) -> int:
    return memory_of(model.module).total


@pytest.fixture(scope="module")
def front() -> Front:
    return find_front(Ways(network(), [], installed().all_passes, new_context()))


def test_each_point_costs_more_and_needs_less(front: Front) -> None:
    points = front.points
    assert len(points) >= 3
    for one, other in pairwise(points):
        assert one.memory.total <= other.memory.total and one.instructions > other.instructions
    assert points[0].repeated_macs > 0 and points[-1].repeated_macs == 0
    for point in points:
        assert point.repeated_macs <= front.macs * (point.percent or 0) / 100


def test_options_of_a_point_make_its_plan(front: Front) -> None:
    for point in front.points:
        flags = point.options.replace("--max-slowdown ", "--max-slowdown=").replace("--ram ", "--ram=").split()
        made = compiled(*flags)
        assert sram(made) <= point.memory.total
        assert made.report["repeated_macs"] == point.repeated_macs


def test_every_way_computes_the_same() -> None:
    module = network()
    inputs = sampled_inputs(module, np.random.default_rng(0), 1)[0]
    expected = run_module(module, inputs)
    for flags in (("--max-slowdown=0%",), ("--max-slowdown=50",)):
        made = compiled(*flags, "--split-tensors")
        for one, other in zip(run_module(made.module, inputs), expected, strict=True):
            np.testing.assert_array_equal(one.ravel(), other.ravel())


def test_a_budget_takes_blocks_fused_only_where_nothing_else_fits(front: Front) -> None:
    unfused = next(point for point in front.points if point.percent is None)
    keeping = next(point for point in front.points if point.percent == 0)
    assert "fused_block" not in json.dumps(compiled(f"--ram={4 * unfused.memory.total}").report)
    made = compiled(f"--ram={keeping.memory.total}")
    assert sram(made) <= keeping.memory.total < unfused.memory.total and made.report["repeated_macs"] == 0


def test_rows_are_made_again_only_as_asked(front: Front) -> None:
    least = front.points[0]
    with pytest.raises(BudgetError, match=r"--max-slowdown 50%.*The smallest that works: --ram [0-9]+$"):
        compiled(f"--ram={least.memory.total}")
    made = compiled(f"--ram={least.memory.total}", f"--max-slowdown={least.percent}%")
    assert sram(made) <= least.memory.total


@pytest.mark.parametrize("text", ["", "x", "-1", "10.5%", "10%%", "99999999"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(CompileError, match="--max-slowdown: expected a whole percentage"):
        compiled(f"--max-slowdown={text}", "--split-tensors")


def test_blocks_are_fused_by_one_of_both() -> None:
    with pytest.raises(CompileError, match="--max-slowdown: expected no --fuse-blocks"):
        compiled("--max-slowdown=10%", "--fuse-blocks", "--split-tensors")


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], front: Front) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(export_tflite(network()))
    assert opt(["--front", str(model), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [point["sram_bytes"] for point in found["points"]] == [point.memory.total for point in front.points]
    assert opt(["--front", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(front.points) and f"{front.points[0].memory.total:,}" in lines[2]


def test_nothing_to_fuse() -> None:
    builder = NetworkBuilder(1)
    module = builder.module([builder.conv_2d(builder.input((1, 8, 8, 3)), 4, (3, 3))])
    found = find_front(Ways(module, [], installed().all_passes, new_context()))
    assert {point.percent for point in found.points} == {None}
