"""`--target` and `--chip` of tinyts-opt name a core; the same C runs on all of them."""

from pathlib import Path

import pytest

from tinyts_mlir.analysis.macs import macs_of_module
from tinyts_mlir.chips import CHIPS
from tinyts_mlir.cli.opt import main
from tinyts_mlir.compiler import compile_model
from tinyts_mlir.cores import CORES, find_core
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.reporting.summary import summarize
from tinyts_mlir.tflite.exporter import export_tflite


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "demo.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


def emitted(model: Path, folder: Path, *options: str) -> str:
    file = folder / "model.c"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["tinyts-opt", str(model), "--emit-c", "-q", "-o", str(file), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
    return file.read_text()


@pytest.mark.parametrize("core", ["cortex-m0plus", "rv32imac", "cortex-m4", "cortex-m33"])
def test_a_core_changes_nothing(model: Path, tmp_path: Path, core: str):
    assert emitted(model, tmp_path, "--target", core) == emitted(model, tmp_path)


@pytest.mark.parametrize("chip", ["rp2040", "esp32c3", "nrf52840"])
def test_a_chip_with_room_changes_nothing(model: Path, tmp_path: Path, chip: str):
    assert emitted(model, tmp_path, "--chip", chip) == emitted(model, tmp_path)
    assert emitted(model, tmp_path, "--target", "cortex-m7", "--chip", chip) == emitted(model, tmp_path)


def test_from_python(model: Path):
    default = compile_model(model, ["--split-tensors"])
    assert compile_model(model, ["--split-tensors", "--target=cortex-m0plus"]).files == default.files
    with pytest.raises(CompileError, match="--target: expected one of"):
        compile_model(model, ["--split-tensors", "--target=z80"])


def test_estimates_are_of_the_core(model: Path):
    """Within a quarter of what `python tools/targets_table.py` counts for the demonstration model."""
    counted = {"cortex-m7": 2.20, "cortex-m4": 2.20, "rv32imac": 6.66, "cortex-m0plus": 11.02}
    for name, per_multiplication in counted.items():
        made = compile_model(model, ["--split-tensors", f"--target={name}"]).compilation
        summary = summarize(made, None, "")
        assert summary.core == summary.as_json()["core"] == name
        assert summary.instructions / macs_of_module(made.source) == pytest.approx(per_multiplication, rel=0.25), name


def test_every_chip_has_a_core_of_the_table():
    names = {core.name for core in CORES}
    assert {chip.core_name for chip in CHIPS} <= names
    assert {chip.name for chip in CHIPS if not find_core(chip.core_name).has_dsp} == {
        "esp32c3",
        "esp32s3",
        "rp2040",
        "samd21",
        "stm32f103",
    }
