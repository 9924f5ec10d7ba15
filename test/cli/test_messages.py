"""What `tinyts-opt` says about errors: one line that starts with its name, an exit status, nothing written."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tinyts_mlir.cli.messages import TRACEBACK_VARIABLE, status_of
from tinyts_mlir.cli.opt import PROGRAM, opt

MODEL = """
    !q = !quant.uniform<i8:f32, 0.5:-1>
    func.func @main(%x: tensor<1x4x2x1x!q>) -> tensor<1x4x2x1x!q> {
      %y = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x1x!q>
      func.return %y : tensor<1x4x2x1x!q>
    }
"""

ERRORS: dict[str, tuple[list[str], str]] = {
    "pass option": (["--split-tensors=row=2"], "--split-tensors: no such option: row; did you mean rows?"),
    "pass option in a pipeline": (["-p", "split-tensors{row=2}"], "--split-tensors: no such option: row; did you mean"),
    "pass option that nothing is near": (
        ["--schedule-bands=x=2"],
        "--schedule-bands: no such option: x; it has order, ",
    ),
    "option of a pass without any": (["--fold-pads=x"], "--fold-pads: no such option: x; it has none"),
    "type of a pass option": (["--split-tensors=rows=many"], "--split-tensors: "),
    "value of a pass option": (["--split-tensors=rows=0"], "split-tensors: expected rows of at least 1, got 0"),
    "braces of a pass option": (["--split-tensors=rows=}"], "--split-tensors: cannot read the options in"),
    "pass": (["-p", "split-tensor"], "there is no pass 'split-tensor'; did you mean split-tensors?"),
    "pass that nothing is near": (["-p", "xyzzy"], "there is no pass 'xyzzy'\n"),
    "pipeline": (["-p", "split-tensors{rows"], "-p: cannot read the pipeline 'split-tensors{rows'"),
    "attached pipeline": (["-pcanonicalize"], "expected a pipeline as -p PIPELINE or --passes=PIPELINE"),
    "target that is a number": (["-t", "2"], "-t: cannot read the target '2'"),
    "empty target": (["-t", ""], "-t: cannot read the target ''"),
    "braces of a target": (["-t", "c{"], "-t: cannot read the target 'c{'"),
    "option of a target": (["-t", "c{x=1}"], "-t c{x=1}: Provided arguments"),
    "quote in a pass option": (['--split-tensors=rows="'], "--split-tensors: cannot read the options in"),
    "number in a pass option": (["--split-tensors=rows=1.5"], "--split-tensors: Incompatible types"),
    "letter in a pass option": (["--split-tensors=§"], "--split-tensors: cannot read the options in"),
    "not lowered": (["-t", "c"], "the C target prints a tinyrt.program, but the module holds func.func: run lower-to-"),
    "two targets": (["-t", "tflite", "--emit-c"], "--emit-c and -t tflite exclude each other"),
    "name that is no identifier": (["--emit-c", "--name=1x"], "--name: expected a C identifier"),
    "name that is a keyword": (["--emit-c", "--name=while"], "--name: expected a C identifier"),
    "name that is a header": (["--emit-c", "--name=string"], "--name: expected a C identifier"),
    "name that is the runtime's": (["--emit-c", "--name=tinyts_net"], "--name: expected a C identifier"),
    "missing folder": (["--emit-c", "-o", "DIR/none/model.c"], "DIR/none/model.c: cannot be written: No such file"),
    "wrong extension": (["--emit-c", "-o", "DIR/model.txt"], "-o DIR/model.txt: expected FILE.c, or a folder with a "),
    "folder for IR": (["-o", "DIR/"], "-o DIR/: a folder is for C: expected --emit-c as well, or FILE.mlir for IR"),
    "C file for IR": (["-o", "DIR/net.c"], "-o DIR/net.c: expected --emit-c as well for C, or FILE.mlir for IR"),
    "name without an end for IR": (["-o", "DIR/out"], "-o DIR/out: expected --emit-c as well for C, or FILE.mlir for "),
    "folder for a model": (["-t", "tflite", "-o", "DIR/"], "DIR: cannot be written: Is a directory"),
    "folder in a file": (["--emit-c", "-o", "MODEL/out/"], "MODEL/out: cannot be written: Not a directory"),
    "folder in a file deep down": (["--emit-c", "-o", "MODEL/a/b/"], "MODEL/a/b: cannot be written: Not a directory"),
    "kind of project": (
        ["--emit-c", "--emit-project", "baremetall", "-o", "DIR/"],
        "--emit-project: expected mbed, mbed-ce, baremetal, cmake, package, got 'baremetall'; did you mean baremetal?",
    ),
    "project in a file": (
        ["--emit-c", "--emit-project", "cmake", "-o", "DIR/x.c"],
        "--emit-project: expected -o and a",
    ),
    "project's own name": (
        ["--emit-c", "--emit-project", "cmake", "--name", "device", "-o", "DIR/"],
        "--emit-project: a model cannot be named device",
    ),
    "benchmark": (
        ["--emit-c", "--emit-project", "cmake", "--benchmark", "x", "-o", "DIR/"],
        "--benchmark: expected ic, vww, kws, ad, got 'x'",
    ),
    "benchmark alone": (["--emit-c", "--benchmark", "ic"], "--benchmark: expected --emit-project as well"),
    "publisher alone": (["--emit-c", "--publisher", "Ada"], "--publisher: expected --emit-project as well"),
    "address alone": (["--emit-c", "--url", "https://example.com/"], "--url: expected --emit-project as well"),
    "publisher of no package": (
        ["--emit-c", "--emit-project", "cmake", "--publisher", "Ada", "-o", "DIR/"],
        "--publisher: expected --emit-project package",
    ),
    "publisher": (
        ["--emit-c", "--emit-project", "package", "--publisher", "", "-o", "DIR/"],
        "--publisher: expected a name in one line, with letters or digits",
    ),
    "address": (
        ["--emit-c", "--emit-project", "package", "--url", "example.com", "-o", "DIR/"],
        "--url: expected an address like https://example.com/, got 'example.com'",
    ),
    "name of a package": (
        ["--emit-c", "--emit-project", "package", "--name", "arduino_net", "-o", "DIR/"],
        "--emit-project package: expected a model's name of at most 63 characters that does not begin with Arduino",
    ),
    "pass to print behind": (
        ["--split-tensors", "--print-ir-after=split-tensor"],
        "--print-ir-after: there is no pass ",
    ),
    "pass to print that does not run": (
        ["--split-tensors", "--print-ir-before", "plan-arena"],
        "--print-ir-before plan-arena: this pass does not run here; these do: split-tensors",
    ),
    "printing within a budget": (
        ["--emit-c", "--ram", "1M", "--print-ir-after=all"],
        "--print-ir-after and --ram excl",
    ),
    "pass that fails": (
        ["--plan-arena", "-o", "DIR/x.mlir"],
        "plan-arena: tinyts.leaky_relu reads a function argument",
    ),
    "several models": (["--split-input-file", "--emit-c", "-o", "DIR/"], "-o DIR/: a folder holds one model"),
}

SPLAT = b"module attributes {a = dense<1> : tensor<%dxi8>}"
INTEGER = b"module attributes {a = dense<1> : tensor<2xi%d>}"


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

    def filled(text: str) -> str:
        return text.replace("DIR", str(folder)).replace("MODEL", str(model))

    status, output, error = run([str(model), *map(filled, arguments)], capsys)
    assert status == 1
    assert output == ""
    assert error.startswith(f"tinyts-opt: error: {filled(message)}")
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
        ("model.mlir", b'module attributes {a = "' + b"a" * 60 + b"\n}", "model.mlir:1:24: expected a string with a "),
        ("model.mlir", b'module attributes {a = @"\\q"}', "model.mlir:1:25: expected a string with a closing quote"),
        ("model.mlir", b"module attributes {a = " + b"[" * 100000, "model.mlir:1:"),
        ("model.mlir", b"module attributes {a = " + b"1" * 10000 + b"}", "model.mlir:1:"),
        ("model.mlir", SPLAT % (2 * 10**8 + 1), "model.mlir:1:35: expected a constant of at most 16777216 elements"),
        ("model.mlir", INTEGER % (1 << 31), "model.mlir:1:44: expected an integer type of at most 65536 bits"),
        ("model.mlir", INTEGER % 10**4000, "model.mlir:1:44: expected an integer type of at most 65536 bits"),
        ("model.mlir", SPLAT % (1 << 63), "model.mlir:1:35: expected a constant of at most 16777216 elements, got 922"),
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
        (["--split-tensor"], "--split-tensor: no such option or pass; did you mean --split-tensors? ("),
        (["--split-tensor=rows=2"], "--split-tensor: no such option or pass; did you mean --split-tensors? ("),
        (["--list-op"], "--list-op: no such option or pass; did you mean --list-ops? ("),
        (["--emit"], "--emit: no such option or pass; did you mean --emit-c? ("),
        (["--xyzzy"], "--xyzzy: no such option or pass ("),
        (["-x"], "-x: no such option or pass ("),
        (["another.mlir"], "unexpected argument another.mlir ("),
        (
            ["--help-pass", "split-tensor"],
            "--help-pass: there is no pass 'split-tensor'; did you mean split-tensors? (",
        ),
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


@pytest.mark.parametrize(
    ("redirection", "status", "message"),
    [
        ("MODEL >/dev/full", 1, "tinyts-opt: error: standard output: cannot be written: No space left on device\n"),
        ("MODEL >&-", 1, "tinyts-opt: error: standard output: cannot be written: Bad file descriptor\n"),
        ("<&-", 1, "tinyts-opt: error: standard input: it is closed\n"),
        ("--help >/dev/full", 1, "tinyts-opt: error: standard output: cannot be written: No space left on device\n"),
        ("--version >&-", 1, "tinyts-opt: error: standard output: cannot be written: Bad file descriptor\n"),
        ("MODEL -o OUT >&-", 0, ""),
        ("MODEL -o /dev/full", 1, "tinyts-opt: error: /dev/full: cannot be written: No space left on device\n"),
        ("MODEL.none 2>&-", 1, ""),
        ("MODEL.none 2>/dev/full", 1, ""),
    ],
)
def test_streams(redirection: str, status: int, message: str, tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(MODEL)
    words = redirection.replace("MODEL", '"$1"').replace("OUT", '"$2"')
    program = f"{shlex.quote(sys.executable)} -c 'from tinyts_mlir.cli.opt import main; main()' {words}"
    files = [str(model), str(tmp_path / "result.mlir")]
    ended = subprocess.run(["sh", "-c", program, "sh", *files], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", message)


def test_errors_that_are_no_exceptions(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as xDSL's ArgSpecParseError."""

    class Odd(BaseException):
        pass

    def command(_: object) -> int:
        raise Odd("that is odd")

    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    assert status_of(PROGRAM, command, []) == 70
    assert "internal error: Odd: that is odd" in capsys.readouterr().err
