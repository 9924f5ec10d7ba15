"""`make board-test`: the MLPerf Tiny models as firmware on mps2-an500 under QEMU, driven over its UART."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from firmware import firmware, need, real
from support import real_model

from tinyts_mlir.cli.serial import main
from tinyts_mlir.mlperf_tiny import BENCHMARKS
from tinyts_mlir.toolchain.firmware_sizes import FirmwareSizes

pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (pip install 'tinyts-mlir[run]')")

VWW_INPUT_BYTES = 27_648
OVERHEAD_BYTES = 16 * 1024
INPUTS = {"ic": 3, "vww": 2, "kws": 3, "ad": 3}


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", sorted(BENCHMARKS))
def test_device_results_are_litert_s(benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = real_model(f"{benchmark}_MLPerf")
    need("qemu-system-arm")
    image = firmware(real(path, "--input=external"), tmp_path / "project", "device", benchmark, BOARD="mps2-an500")
    arguments = [str(path), "--emulate", str(image), "--inputs", str(INPUTS[benchmark]), "--json"]
    status = main([*arguments, "--iterations", "2", "--warmup", "1"])
    output = capsys.readouterr()
    assert (status, output.err) == (0, "")
    report = json.loads(output.out)
    assert report["equal"] is True
    assert report["device_model"] == BENCHMARKS[benchmark].model
    assert len(report["inputs"]) == INPUTS[benchmark]
    assert all(one["microseconds"] > 0 and one["inferences"] == 2 for one in report["inputs"])
    # Three random inputs with the same result would say little about the input's way to the model.
    if benchmark != "vww":
        assert len({tuple(one["results"]) for one in report["inputs"]}) > 1


@pytest.mark.slow
def test_streaming_results_are_litert_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = real_model("vww_MLPerf")
    need("qemu-system-arm")
    image = firmware(real(path), tmp_path / "project", "streaming", "vww", BOARD="mps2-an500")
    assert main([str(path), "--emulate", str(image), "--streaming", "--benchmark", "vww", "--inputs", "2"]) == 0
    assert "2 of 2 equal to LiteRT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "input_mode", "most_bytes"),
    [("streaming", "stream", OVERHEAD_BYTES), ("device", "external", VWW_INPUT_BYTES + OVERHEAD_BYTES)],
)
def test_ram_of_vww(target: str, input_mode: str, most_bytes: int, tmp_path: Path) -> None:
    """All RAM of the F767ZI image: variables, arena, and all that the linker script keeps for the stack."""
    compiled = real(real_model("vww_MLPerf"), f"--input={input_mode}")
    image = firmware(compiled, tmp_path / "project", target, "vww", BOARD="stm32f767zi")
    sizes = FirmwareSizes.read(image)
    assert sizes.ram_bytes <= most_bytes
    assert sizes.stack_bound is not None
    assert sizes.stack_bound <= sizes.stack
    assert sizes.dtcm == compiled.report["arena_bytes"]
    if target == "device":
        assert sizes.bss >= VWW_INPUT_BYTES
