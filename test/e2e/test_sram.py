"""SRAM of real models: arenas near what rows allow, and everything else counted as it is."""

from __future__ import annotations

import re
from dataclasses import astuple
from pathlib import Path

import pytest
from comparison import assert_same, default_cross_compiler, expected_outputs
from network_builder import NetworkBuilder
from support import MODELS, real_models
from xdsl.dialects.builtin import IntegerAttr
from xdsl.dialects.func import FuncOp
from xdsl.passes import PassPipeline
from xdsl.universe import Universe

from tinyts_mlir.analysis.arena_allocation import ARENA_ALIGNMENT
from tinyts_mlir.analysis.arena_blocks import Block, peak_of_live_bytes
from tinyts_mlir.analysis.liveness import assign_storage
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.budget import BudgetError, parse_bytes
from tinyts_mlir.compiler import compile_model, compile_module, new_context, read_module
from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.memory_accounting import STACK_BOUND_BYTES
from tinyts_mlir.pipeline import build_passes, complete, pass_flag
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

# A study's arenas with rows streamed, and with the whole input in the arena; scratch of kernels not counted there.
STREAMED = {
    "0_MW5": 14400,
    "1_MW10": 13056,
    "3_IM5": 15840,
    "4_IM10": 11712,
    "5_IM256": 56960,
    "7_MBV2": 25344,
    "ad_micronet_large": 61504,
    "ic_MLPerf": 9152,
    "kws_MLPerf": 3576,
    "kws_ds_cnn_l": 23304,
    "kws_micronet_l": 27452,
    "vww_MLPerf": 10272,
    "vww_micronet_vww2": 8664,
    "vww_micronet_vww3": 16696,
}
IN_ARENA = {
    "0_MW5": 21440,
    "1_MW10": 15872,
    "3_IM5": 30048,
    "4_IM10": 15168,
    "5_IM256": 80800,
    "7_MBV2": 65808,
    "ad_micronet_large": 64480,
    "ic_MLPerf": 10944,
    "kws_MLPerf": 8640,
    "kws_ds_cnn_l": 24900,
    "kws_micronet_l": 38264,
    "vww_MLPerf": 28032,
    "vww_micronet_vww2": 8892,
    "vww_micronet_vww3": 17360,
}
MARGIN = 1.05


def planned(path: Path, *flags: str) -> FuncOp:
    """The model's function with its plan, behind all passes but the last."""
    context = new_context()
    available = Universe.get_multiverse().all_passes
    asked = [spec for flag in flags if (spec := pass_flag(flag, available)) is not None]
    passes = [one for one in build_passes(complete(asked), available) if one.name != "lower-to-runtime"]
    module = read_module(path, context)
    PassPipeline(tuple(passes)).apply(context, module)
    [function] = [op for op in module.body.block.ops if isinstance(op, FuncOp)]
    return function


def bytes_of(function: FuncOp, name: str) -> int:
    value = function.attributes[f"tinyts.{name}_bytes"]
    assert isinstance(value, IntegerAttr)
    return value.value.data


@pytest.mark.slow
@pytest.mark.parametrize("mode, figures", [("stream", STREAMED), ("arena", IN_ARENA)], ids=["stream", "arena"])
@pytest.mark.parametrize("path", real_models())
def test_arena_is_near_what_rows_allow(path: Path, mode: str, figures: dict[str, int]) -> None:
    function = planned(path, "--split-tensors", f"--schedule-bands=input={mode}")
    arena, peak, bound = (bytes_of(function, name) for name in ("arena", "peak", "bound"))
    if path.stem in figures:
        assert arena <= MARGIN * figures[path.stem]
    assert 0 < bound <= peak <= arena
    # Where rows move a little with every step, gaps stay between them: what overlaps saves less than all that it might.
    graph = OpGraph.of(function)
    lifetimes = assign_storage(graph).lifetimes.items()
    apart = peak_of_live_bytes([Block(size_in_bytes(tensor_type(value)), *astuple(life)) for value, life in lifetimes])
    assert peak <= apart
    assert arena <= MARGIN * apart + ARENA_ALIGNMENT
    if mode == "stream":
        ones = planned(path, "--split-tensors=rows=1")
        assert arena <= bytes_of(ones, "arena"), "higher bands take more arena"
        assert len(graph.ops) <= len(OpGraph.of(ones).ops)


def kws() -> Path:
    path = MODELS / "kws_MLPerf.tflite"
    if not path.exists():
        pytest.skip(f"no {path.name} in {MODELS}: set TINYTS_MODELS to the folder that has it")
    return path


@pytest.mark.parametrize("flags", [["--split-tensors"], ["--split-tensors", "--ram=16K"]], ids=["least", "16K"])
def test_context_and_stack_are_as_counted(flags: list[str], tmp_path: Path) -> None:
    path = kws()
    compiled = compile_model(path, flags)
    program = build_cortex_m7(compiled.files, compiled.name, tmp_path, default_cross_compiler())
    reference = ReferenceModel(path)
    inputs = standard_inputs(reference.inputs, 2, 0)
    assert_same(inputs, expected_outputs(reference, inputs), program.run_all([i.arrays for i in inputs]), str(flags))
    stack_bytes = program.measure(inputs[0].arrays).stack_bytes
    assert program.context_bytes == compiled.report["context_bytes"]
    assert stack_bytes <= STACK_BOUND_BYTES


def test_more_ram_is_used_for_speed() -> None:
    steps: list[int] = []
    for budget in (6 << 10, 16 << 10, 64 << 10):
        report = compile_model(kws(), ["--split-tensors", f"--ram={budget}"]).report
        total = sum(int(str(report[name])) for name in ("arena_bytes", "context_bytes", "stack_bound_bytes"))
        assert total <= budget
        steps.append(int(str(report["steps"])))
    assert steps[0] > steps[1] > steps[2]


def test_too_little_ram_names_what_works() -> None:
    with pytest.raises(BudgetError, match=r"needs at least (\d+) bytes .* blocks: \d+ bytes live") as caught:
        compile_model(kws(), ["--split-tensors", "--ram=2K"])
    assert caught.value.exit_status == 3
    smallest = int(str(caught.value).rpartition(" ")[2])
    compile_model(kws(), ["--split-tensors", f"--ram={smallest}"])
    with pytest.raises(BudgetError):
        compile_model(kws(), ["--split-tensors", f"--ram={smallest - 1}"])


@pytest.mark.parametrize("text, bytes", [("65536", 65536), ("64K", 65536), ("1M", 1 << 20), ("96KB", 98304)])
def test_bytes_are_written_in_powers_of_two(text: str, bytes: int) -> None:
    assert parse_bytes(text) == bytes


@pytest.mark.parametrize("text", ["", "0", "-1", "64Q", "6.4K", "K"])
def test_other_amounts_of_ram_are_refused(text: str) -> None:
    with pytest.raises(CompileError, match="--ram: expected a number of bytes"):
        parse_bytes(text)


def test_a_map_that_is_returned_and_read_need_not_be_there_twice() -> None:
    """Split, it would be: `--ram` then does without, and no plan is below the bound of another."""
    builder = NetworkBuilder()
    features = builder.conv_2d(builder.input((1, 16, 16, 3)), 8, (3, 3), padding="same")
    network = builder.module([features, builder.mean(features)])
    split, whole = (compile_module(network.clone(), flags, "net").report for flags in (["--split-tensors=rows=1"], []))
    assert int(str(split["bound_bytes"])) <= int(str(whole["arena_bytes"])) < int(str(split["arena_bytes"]))
    with pytest.raises(BudgetError, match=r"blocks: \d+ bytes live") as caught:
        compile_module(network.clone(), ["--ram=1K"], "net")
    numbers = re.search(r"blocks: (\d+) bytes.*--ram (\d+)$", str(caught.value))
    assert numbers is not None
    live, smallest = map(int, numbers.groups())
    assert live <= int(str(whole["arena_bytes"]))
    report = compile_module(network.clone(), [f"--ram={smallest}"], "net").report
    assert report["arena_bytes"] == whole["arena_bytes"]
