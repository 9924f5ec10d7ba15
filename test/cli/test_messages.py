"""What `tinyts-opt` says about errors: one line that starts with its name, an exit status, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.opt import PROGRAM, opt

MODEL = """
    !q = !quant.uniform<i8:f32, 0.5:-1>
    func.func @main(%x: tensor<1x4x2x1x!q>) -> tensor<1x4x2x1x!q> {
      %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x1x!q>
      func.return %y : tensor<1x4x2x1x!q>
    }
"""

ERRORS: dict[str, tuple[list[str], str]] = {
    "pass option": (["--split-tensors=row=2"], "--split-tensors: "),
    "type of a pass option": (["--split-tensors=rows=many"], "--split-tensors: "),
    "value of a pass option": (["--split-tensors=rows=0"], "split-tensors: expected rows of at least 1, got 0"),
    "braces of a pass option": (["--split-tensors=rows=}"], "--split-tensors: cannot read the options in"),
    "pass": (["-p", "split-tensor"], "there is no pass 'split-tensor'; available: "),
    "pipeline": (["-p", "split-tensors{rows"], "-p: cannot read the pipeline 'split-tensors{rows'"),
    "attached pipeline": (["-pcanonicalize"], "expected a pipeline as -p PIPELINE or --passes=PIPELINE"),
    "not lowered": (["-t", "c"], "the C target prints a tinyrt.program, but the module holds func.func: run lower-to-"),
    "two targets": (["-t", "tflite", "--emit-c"], "--emit-c and -t tflite exclude each other"),
    "name that is no identifier": (["--emit-c", "--name=1x"], "--name: expected a C identifier"),
    "name that is a keyword": (["--emit-c", "--name=while"], "--name: expected a C identifier"),
    "name that is the runtime's": (["--emit-c", "--name=tinyts_net"], "--name: expected a C identifier"),
    "missing folder": (["--emit-c", "-o", "DIR/none/model.c"], "DIR/none/model.c: cannot be written: No such file"),
    "wrong extension": (["--emit-c", "-o", "DIR/model.txt"], "-o DIR/model.txt: expected FILE.c, or a folder with a "),
    "folder for IR": (["-o", "DIR/"], "DIR: cannot be written: Is a directory"),
    "pass that fails": (
        ["--plan-arena", "-o", "DIR/x.mlir"],
        "plan-arena: tinyts.leaky_relu reads a function argument",
    ),
    "several models": (["--split-input-file", "--emit-c", "-o", "DIR/"], "-o DIR/: a folder holds one model"),
}


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = status_of(PROGRAM, opt, arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = ERRORS[name]
    model = tmp_path / "model.mlir"
    model.write_text(MODEL)
    folder = tmp_path / "out"
    folder.mkdir()
    arguments = [argument.replace("DIR", str(folder)) for argument in arguments]
    status, output, error = run([str(model), *arguments], capsys)
    assert status == 1
    assert output == ""
    assert error.startswith(f"tinyts-opt: error: {message.replace('DIR', str(folder))}")
    assert error.count("\n") == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        ("none.mlir", None, "none.mlir: No such file or directory"),
        ("none.tflite", None, "none.tflite: No such file or directory"),
        ("model.txt", b"text", "model.txt: expected a .tflite or .mlir file"),
        ("model", b"text", "model: expected a .tflite or .mlir file"),
        ("model.mlir", b"\xff\xfe", "model.mlir: expected UTF-8 text"),
        ("model.mlir", b"func.func @f() {\n  tinyts.nothing\n}", "model.mlir:"),
        ("model.tflite", b"", "model.tflite: "),
        ("model.tflite", b"text that is no model", "model.tflite: "),
    ],
)
def test_input_files(
    file: str, data: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / file
    if data is not None:
        path.write_bytes(data)
    status, output, error = run([str(path)], capsys)
    assert (status, output) == (1, "")
    assert error.startswith("tinyts-opt: error: ")
    assert message in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split-tensor"], "unrecognized arguments: --split-tensor"),
        (["-p"], "argument -p/--passes: expected one argument"),
        (["-t", "pascal"], "argument -t/--target: invalid choice: 'pascal'"),
    ],
)
def test_usage(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(MODEL)
    with pytest.raises(SystemExit) as exit:
        opt([str(model), *arguments])
    assert exit.value.code == 2
    assert f"tinyts-opt: error: {message}" in capsys.readouterr().err


def test_a_layer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(MODEL.replace("{alpha = 0.5} : tensor<1x4x2x1x!q>", '{} : tensor<1x4x2x1x!q> loc("conv/Relu")'))
    status, _, error = run([str(model)], capsys)
    assert status == 1
    assert error.startswith("tinyts-opt: error: layer 'conv/Relu': tinyts.leaky_relu: property 'alpha' expected")
    assert error.count("\n") == 1
