"""`tinyts_mlir.compile` and what it gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinyts_mlir
from tinyts_mlir.budget import BudgetError
from tinyts_mlir.compiler import compile_model
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.reference import ReferenceModel


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "demo.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


def test_a_path_and_bytes_compile_alike(model: Path) -> None:
    compiled = tinyts_mlir.compile(model, name="net")
    again = tinyts_mlir.compile(model.read_bytes(), name="net")
    assert compiled.files == again.files
    assert compiled.files == compile_model(model, ["--split-tensors"], "net").files
    assert compiled.arena_bytes == compiled.report["arena_bytes"] < compiled.sram.total
    assert [layer["name"] for layer in compiled.layers]
    assert tinyts_mlir.compile(model, passes=()).arena_bytes > compiled.arena_bytes


def test_ir_as_bytes_compiles(model: Path) -> None:
    text = str(compile_model(model, []).compilation.source)
    assert tinyts_mlir.compile(text.encode()).arena_bytes == tinyts_mlir.compile(model).arena_bytes


@pytest.mark.parametrize("on", ["interpreter", "host", "cortex-m7"])
def test_run_gives_what_the_reference_does(model: Path, on: str) -> None:
    reference = ReferenceModel(model)
    image = np.random.default_rng(1).integers(-128, 128, reference.inputs[0].shape, np.int8)
    [expected] = reference.run([image])
    output = tinyts_mlir.compile(model).run(image, on=on)  # pyright: ignore[reportArgumentType]
    assert isinstance(output, np.ndarray)
    np.testing.assert_array_equal(output, expected.reshape(-1))


def test_run_refuses_what_does_not_fit(model: Path) -> None:
    compiled = tinyts_mlir.compile(model)
    for on in ("interpreter", "host"):
        with pytest.raises(CompileError, match="expected"):
            compiled.run(np.zeros(3, np.int8), on=on)


def test_run_refuses_places_that_there_are_not(model: Path) -> None:
    with pytest.raises(CompileError, match="on: expected interpreter, host, cortex-m7, got 'gpu'"):
        tinyts_mlir.compile(model).run(np.zeros(3, np.int8), on="gpu")  # pyright: ignore[reportArgumentType]


def test_budgets(model: Path) -> None:
    least = tinyts_mlir.compile(model).sram.total
    roomy = tinyts_mlir.compile(model, ram="64K")
    assert least < roomy.sram.total <= 65536
    assert roomy.summary.instructions < tinyts_mlir.compile(model).summary.instructions
    with pytest.raises(BudgetError, match="The smallest that works: --ram"):
        tinyts_mlir.compile(model, ram=2000)
    with pytest.raises(CompileError, match="did you mean stm32f767"):
        tinyts_mlir.compile(model, chip="stm32f76")
    assert tinyts_mlir.compile(model, chip="stm32f767").summary.fits


def test_files_and_pages(model: Path, tmp_path: Path) -> None:
    compiled = tinyts_mlir.compile(model)
    folder = compiled.emit_c(tmp_path / "out")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(compiled.files)
    assert compiled.report_html().startswith("<!doctype html>")
    assert f"{compiled.sram.total:,}" in compiled._repr_html_()  # pyright: ignore[reportPrivateUsage]


def test_the_summary_adds_up(model: Path) -> None:
    summary = tinyts_mlir.compile(model, ram="16K").summary
    whole = [line.bytes for line in summary.memory if not line.is_part]
    assert sum(whole) == summary.sram
    arena, *parts = [line for line in summary.memory if line.kind == "arena" or line.kind.endswith("when fullest")]
    assert 0 < sum(part.bytes for part in parts) <= arena.bytes
    assert summary.unsplit is not None and summary.unsplit > summary.sram
    assert all(rung.bytes != summary.sram for rung in summary.ladder)


def test_what_there_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tinyts_mlir.nonsense  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(CompileError, match="No such file"):
        tinyts_mlir.compile("/nonexistent/model.tflite")
