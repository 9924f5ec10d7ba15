"""What is noticed before anything is planned."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tinyts_mlir.cli import checks
from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.opt import PROGRAM, opt
from tinyts_mlir.errors import CompileError

MODEL = """
    !q = !quant.uniform<i8:f32, 0.5:-1>
    func.func @main(%x: tensor<1x4x2x1x!q>) -> tensor<1x4x2x1x!q> {
      %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x1x!q>
      func.return %y : tensor<1x4x2x1x!q>
    }
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--emit-c", "-o", "none/net.c"],
        ["--emit-c", "-o", "net.mlir/out/"],
        ["--emit-c", "--name", "while"],
        ["--emit-c", "--ram", "many"],
        ["--emit-c", "--emit-project", "cmakes", "-o", "out/"],
        ["-o", "none/net.mlir"],
    ],
)
def test_no_pass_runs_before_the_checks(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.mlir").write_text("this is no IR: whatever reads it says so first")
    assert status_of(PROGRAM, opt, ["net.mlir", *arguments]) == 1
    assert "net.mlir:1:" not in capsys.readouterr().err


def test_a_folder_of_another_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.mlir").write_text(MODEL)
    compile_to_out = ["net.mlir", "--emit-c", "-o", "out/"]
    assert status_of(PROGRAM, opt, compile_to_out) == 0
    assert status_of(PROGRAM, opt, compile_to_out) == 0
    assert status_of(PROGRAM, opt, [*compile_to_out, "--name", "other"]) == 1
    assert capsys.readouterr().err == (
        "tinyts-opt: error: -o out/: the folder holds the model 'net', and both would have a CMakeLists.txt there: "
        "another folder, or --name net to replace it\n"
    )
    assert not Path("out/other.c").exists()


@pytest.mark.parametrize("report", ["[]", '{"files": ["net.c"]}', "no json"])
def test_a_report_that_holds_no_project(report: str, tmp_path: Path) -> None:
    (tmp_path / "net_report.json").write_text(report)
    checks.require_writable_project(tmp_path, "other")
    (tmp_path / "net_report.json").write_text(json.dumps({"files": ["CMakeLists.txt"]}))
    with pytest.raises(CompileError, match="holds the model 'net'"):
        checks.require_writable_project(tmp_path, "other")


def test_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may write everywhere; so the answer of the system is replaced."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (tmp_path / "net.tflite").touch()
    with pytest.raises(CompileError, match=r"new/out: cannot be written: Permission denied"):
        checks.require_writable_project(tmp_path / "new" / "out", "net")
    with pytest.raises(CompileError, match=r"net\.c: cannot be written: Permission denied"):
        checks.require_writable_file(tmp_path / "net.c")
    with pytest.raises(CompileError, match=r"net\.tflite: Permission denied"):
        checks.require_readable_file(tmp_path / "net.tflite", "")
