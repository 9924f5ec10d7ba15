"""Sweeps: every combination once, resumed where they were interrupted."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tinyts_mlir import sweep
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.sweeps import SweepRow, front
from tinyts_mlir.tflite.exporter import export_tflite


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "demo.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


class Counting(ThreadPoolExecutor):
    """Counts what it runs."""

    count = 0

    def submit(self, *arguments: Any, **more: Any) -> Future[Any]:
        self.count += 1
        return super().submit(*arguments, **more)


def test_every_combination_in_order(model: Path) -> None:
    options = ("--split-tensors", "--split-tensors --ram=2K", "--nonsense")
    with Counting(1) as executor:
        rows = sweep([model], chips=["stm32f103", "stm32f767"], options=options, executor=executor)
    assert [(row.chip, row.options) for row in rows] == [
        (chip, text) for chip in ("stm32f103", "stm32f767") for text in options
    ]
    assert [row.status for row in rows] == ["ok", "refused", "refused"] * 2
    assert "--ram" in rows[1].message and "nonsense" in rows[2].message
    assert 0 < rows[0].arena_bytes < rows[0].sram_bytes and rows[0].instructions


def test_a_sweep_goes_on_where_it_was_interrupted(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "sweep.csv"
    with Counting(1) as executor:
        first = sweep([model], options=["--split-tensors", ""], output=output, executor=executor)
        assert executor.count == 2
        output.write_bytes(output.read_bytes()[:-3])  # the last line was being written
        again = sweep(
            [model], options=["--split-tensors", "", "--split-tensors=rows=2"], output=output, executor=executor
        )
        assert executor.count == 4
        assert sweep([model], options=["", "--split-tensors=rows=2"], output=output, executor=executor) == again[1:]
        assert executor.count == 4
    assert [row.sram_bytes for row in first] == [row.sram_bytes for row in again[:2]]
    assert len(output.read_text().splitlines()) == 4


def test_processes_are_the_default(model: Path) -> None:
    [row] = sweep([model])
    assert row.status == "ok"


def test_another_csv_is_refused(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "other.csv"
    output.write_text("a,b\n1,2\n")
    with pytest.raises(CompileError, match="expected a CSV file with the columns model, chip"):
        sweep([model], output=output)
    assert output.read_text() == "a,b\n1,2\n"


def test_front() -> None:
    rows = [
        SweepRow("m", "", str(n), "ok", 0, sram, 0, cost) for n, (sram, cost) in enumerate([(3, 9), (1, 9), (2, 8)])
    ]
    assert [row.options for row in front([*rows, SweepRow("m", "", "", "refused")])] == ["1", "2"]
