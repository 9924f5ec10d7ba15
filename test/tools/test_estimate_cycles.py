"""The command that shows hot blocks, on the demo model."""

import re
from pathlib import Path

import pytest
from estimate_cycles import main

from tinyts_mlir.toolchain.cycles import missing_tools


@pytest.mark.skipif(bool(missing_tools()), reason="LLVM's programs are not installed")
def test_the_hottest_blocks_come_first(demo: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(demo), "--compiler", "clang", "--blocks", "5", "--code"]) == 0
    out = capsys.readouterr().out
    rows = [line.split("|")[1:-1] for line in out.splitlines() if line.startswith("| 0x")]
    executed = [int(row[4].replace(",", "")) for row in rows]
    assert len(rows) == 5 and executed == sorted(executed, reverse=True)
    for row, all_instructions in zip(rows, executed, strict=True):
        executions, instructions, cycles = int(row[1].replace(",", "")), int(row[2]), float(row[3])
        assert executions * instructions == all_instructions
        assert cycles >= instructions / 2  # the core issues two at most
    assert re.search(r"^all \d+ blocks: [\d,]+ instructions, [\d,]+ cycles estimated$", out, re.MULTILINE)
    assert out.count("\n\n0x") == 5


def test_without_llvm(demo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([str(demo)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "estimate_cycles: error: llvm-mca and llvm-objdump not on PATH: estimates need LLVM's programs (package llvm)\n"
    )
