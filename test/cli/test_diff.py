"""`tinyts-diff`: figures and layers of two compiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tinyts_mlir.cli.diff import PROGRAM, diff
from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.opt import opt

MODEL = """
    !q = !quant.uniform<i8:f32, 0.5:-1>
    !w = !quant.uniform<i8:f32, 0.25>
    func.func @main(%x: tensor<1x8x8x1x!q>) -> tensor<1x1x1x4x!q> {
      %w = tinyts.constant dense<1> : tensor<4x3x3x1xi8> as !w
      %a = tinyts.conv_2d %x, %w {padding = [1, 1, 1, 1]} : tensor<1x8x8x4x!q> loc("conv")
      %b = tinyts.LAYER : tensor<1x8x8x4x!q> loc("activation")
      %c = tinyts.average_pool_2d %b {window = [8, 8]} : tensor<1x1x1x4x!q> loc("pool")
      func.return %c : tensor<1x1x1x4x!q>
    }
"""

Compile = Callable[..., str]
Result = tuple[int, str, str]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    def compile_to(name: str, *arguments: str, layer: str = "relu %a") -> str:
        model = tmp_path / "net.mlir"
        model.write_text(MODEL.replace("LAYER", layer))
        assert opt([str(model), *arguments, "--emit-c", "-o", f"{tmp_path / name}/"]) == 0
        return str(tmp_path / name)

    return compile_to


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def call(*arguments: str) -> Result:
        status = status_of(PROGRAM, diff, arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_the_same(compiled: Compile, run: Callable[..., Result]) -> None:
    one, other = compiled("a", "--split-tensors"), compiled("b", "--split-tensors")
    assert run(one, other, "--exit-code") == (0, "no difference\n", "")
    assert json.loads(run(one, other, "--json")[1])["equal"] is True


def test_other_bands(compiled: Compile, run: Callable[..., Result]) -> None:
    one, other = compiled("a", "--split-tensors=rows=2"), compiled("b", "--split-tensors=rows=4")
    reports = [json.loads((Path(folder) / "net_report.json").read_text()) for folder in (one, other)]
    status, out, _ = run(one, other)
    assert status == 0
    before, after = (report["arena_bytes"] for report in reports)
    assert after > before
    line = next(line.split() for line in out.splitlines() if line.startswith("arena "))
    assert line[:4] == ["arena", f"{before:,}", f"{after:,}", f"{after - before:+,}"]
    assert "  8 in 2, 64 bytes -> 8 in 4, 128 bytes " in out
    assert "of A only" not in out
    assert run(one, other, "--exit-code")[0] == 1
    found = json.loads(run(f"{one}/net_report.json", other, "--json")[1])
    assert (found["format"], found["version"], found["equal"]) == ("tinyts-diff", 1, False)
    assert found["figures"]["steps"] == {"before": reports[0]["steps"], "after": reports[1]["steps"]}
    assert [pair["after"]["band_rows"] for pair in found["changed"] if pair["after"]["name"] == "conv"] == [4]


def test_other_layers(compiled: Compile, run: Callable[..., Result]) -> None:
    one, other = compiled("a"), compiled("b", layer="max_pool_2d %a {window = [1, 1]}")
    found = json.loads(run(one, other, "--json")[1])
    assert [(layer["name"], layer["kernel"]) for layer in found["removed"]] == [("activation", "lookup")]
    assert [(layer["name"], layer["kernel"]) for layer in found["added"]] == [("activation", "max_pool_2d")]
    _, out, _ = run(one, other)
    assert "layers of A only:\n  8 in 8, 256 bytes         lookup  activation\n" in out


@pytest.mark.parametrize("text", ["", "[]", '{"name": "net"}', '{"name": "net", "layers": [{"name": "conv"}]}'])
def test_no_report(text: str, tmp_path: Path, run: Callable[..., Result]) -> None:
    (tmp_path / "net_report.json").write_text(text)
    status, out, err = run(str(tmp_path), str(tmp_path), "--exit-code")
    assert (status, out) == (2, "")
    assert "net_report.json: expected the report of a compile" in err


def test_no_folder(tmp_path: Path, run: Callable[..., Result]) -> None:
    assert run(str(tmp_path), "none") == (
        2, "", f"tinyts-diff: error: {tmp_path}: expected a folder with one report (NAME_report.json), got none\n",
    )  # fmt: skip
    (tmp_path / "a_report.json").touch()
    (tmp_path / "b_report.json").touch()
    assert "got a_report.json, b_report.json" in run(str(tmp_path), "none")[2]
    assert "none: No such file or directory" in run("none", "none")[2]
