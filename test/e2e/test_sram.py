"""SRAM of real models: arenas near what rows allow, and everything else counted as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparison import assert_same, default_cross_compiler, expected_outputs
from support import MODELS, real_models

from tinyts_mlir.budget import BudgetError, parse_bytes
from tinyts_mlir.compiler import compile_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.memory_accounting import STACK_BOUND_BYTES
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


@pytest.mark.parametrize("mode, figures", [("stream", STREAMED), ("arena", IN_ARENA)], ids=["stream", "arena"])
@pytest.mark.parametrize("path", real_models())
def test_arena_is_near_what_rows_allow(path: Path, mode: str, figures: dict[str, int]) -> None:
    if path.stem not in figures:
        pytest.skip(f"no figure for {path.stem}")
    report = compile_model(path, ["--split-tensors", f"--input={mode}"]).report
    assert int(str(report["arena_bytes"])) <= MARGIN * figures[path.stem]


@pytest.mark.parametrize("path", real_models())
def test_higher_bands_cost_no_arena(path: Path) -> None:
    chosen = compile_model(path, ["--split-tensors"]).report
    ones = compile_model(path, ["--split-tensors=rows=1"]).report
    assert int(str(chosen["arena_bytes"])) <= int(str(ones["arena_bytes"]))
    assert int(str(chosen["steps"])) <= int(str(ones["steps"]))


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
