"""tinyts-sizes on programs that no linker script of ours made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from firmware import demo, emit, need, run

from tinyts_mlir.cli.sizes import main as sizes

HEADINGS = ("weights", "tables", "code")


def test_a_model_is_found_by_its_symbols(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("make", "cc")
    package = emit(demo().module, "demo", "package", tmp_path / "package")
    run("make", "-C", package, "CFLAGS=-O1")
    assert sizes([str(package / "build" / "example"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    [model] = found["models"]
    assert model["name"] == "demo"
    assert model["weights"] == demo().report["constant_bytes"]
    assert model["tables"] > 0
    assert 0 < model["code"] < found["runtime"]
    assert sizes([str(package / "build" / "example")]) == 0
    text = capsys.readouterr().out
    assert "model demo" in text
    assert all(heading in text for heading in HEADINGS)


def test_a_program_without_a_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("cc")
    (tmp_path / "none.c").write_text("int main(void) { return 0; }\n")
    run("cc", tmp_path / "none.c", "-o", tmp_path / "none")
    assert sizes([str(tmp_path / "none")]) == 1
    assert "none: expected the tables of a model" in capsys.readouterr().err
