"""The command line of tinyts-run, with a compiler that hands out the sample project."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tinyts_mlir.cli.run import main
from tinyts_mlir.errors import CompileError

Run = Callable[..., tuple[int, str, str]]


@dataclass
class FakeCompiler:
    files: dict[str, str]
    error: Exception | None = None
    arguments: list[str] = field(default_factory=list)

    def compile_model(self, path: Path, arguments: Sequence[str]):
        if self.error is not None:
            raise self.error
        self.arguments = list(arguments)
        compiled = ModuleType("compiled")
        compiled.name, compiled.files, compiled.report = "sample", self.files, {"tables_bytes": 12}
        return compiled


@pytest.fixture
def compiler(make_sample: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> FakeCompiler:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    fake = FakeCompiler(make_sample())
    module = ModuleType("tinyts_mlir.compiler")
    module.compile_model = fake.compile_model
    monkeypatch.setitem(sys.modules, "tinyts_mlir.compiler", module)
    return fake


@pytest.fixture
def run(
    compiler: FakeCompiler,
    sample_tflite: bytes,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("model.tflite").write_bytes(sample_tflite)

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(["model.tflite", *arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        return status, *capfd.readouterr()

    return call


def test_check_on_the_host(run: Run):
    status, out, err = run("--check", "--inputs", "3")
    assert (status, err) == (0, "")
    assert "bit exact     yes, 56 output bytes of 7 inputs compared with LiteRT" in out
    assert "arena                   64 bytes, planned" in out


def test_json_on_the_cortex_m7(run: Run, compiler: FakeCompiler, cross_compiler: str):
    arguments = ("--target", "cortex-m7", "--check", "--json", "--compiler", cross_compiler)
    status, out, err = run(*arguments, "--split-tensors=rows=2", "--schedule-bands")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert (report["format"], report["version"], report["bit_exact"], report["inputs"]) == ("tinyts-run", 1, True, 14)
    assert report["arguments"] == compiler.arguments == ["--split-tensors=rows=2", "--schedule-bands"]
    assert (report["arena_bytes"], report["context_bytes"], report["tables_bytes"]) == (64, 20, 12)
    assert report["sram_bytes"] == 64 + 20 + report["stack_bytes"]
    assert report["instructions"] > 0 and report["text_bytes"] > 0 and report["rodata_bytes"] == 0
    assert json.loads(run(*arguments, "--feed", "2")[1])["feed_rows"] == 2


def test_the_report_fits_on_a_screen(run: Run, cross_compiler: str):
    status, out, _ = run("--target", "cortex-m7", "--compiler", cross_compiler)
    assert status == 0
    assert "not checked, 1 inputs run" in out and "measured: one inference, input random 0 (seed 0)" in out
    assert len(out.splitlines()) < 24 and max(map(len, out.splitlines())) <= 100


def test_without_pass_flags_tensors_are_split(run: Run, compiler: FakeCompiler):
    run()
    assert compiler.arguments == ["--split-tensors"]


@pytest.mark.parametrize("feed", [(), ("--feed", "1")])
def test_a_mismatch(
    feed: tuple[str, ...], run: Run, compiler: FakeCompiler, make_sample: Callable[..., dict[str, str]]
):
    compiler.files = make_sample("if (ctx->arena[5] == 127) { ctx->arena[5] = 126; }")
    status, out, err = run("--check", "--inputs", "0", *feed)
    assert (status, err) == (4, "")
    assert "bit exact     NO" in out
    assert "input 1 (all maximum), output 0, index 5: expected 127, got 126; differing bytes in all outputs: 1" in out
    report = json.loads(run("--check", "--inputs", "0", "--json", *feed)[1])
    assert report["bit_exact"] is False
    assert report["mismatch"]["input_number"] == 1


def test_input_and_output_files(run: Run):
    array = np.arange(48, dtype=np.int8).reshape(2, 3, 1, 8)
    np.save("x.npy", array)
    assert run("--input-file", "x.npy", "--output", "y", "--check")[0] == 0
    output = np.load("y")
    assert output.shape == (2, 1, 1, 8)
    np.testing.assert_array_equal(output, array.max(axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((1, 3, 1, 8), np.uint8), "x.npy: expected dtype int8, got uint8"),
        (np.zeros((3, 8), np.int8), "x.npy: expected shape [1, 3, 1, 8], got [3, 8]"),
        (np.zeros((0, 3, 1, 8), np.int8), "x.npy: expected shape [1, 3, 1, 8], got [0, 3, 1, 8]"),
        (np.array(5, np.int8), "x.npy: expected shape [1, 3, 1, 8], got []"),
        (np.array([{}]), "x.npy is not a .npy file with numbers"),
    ],
)
def test_wrong_arrays(array: np.ndarray, message: str, run: Run):
    np.save("x.npy", array)
    assert run("--input-file", "x.npy") == (1, "", f"tinyts-run: error: {message}\n")


def test_what_is_no_array(run: Run):
    assert run("--input-file", "none.npy")[2] == "tinyts-run: error: cannot read none.npy: No such file or directory\n"
    Path("x.npy").write_bytes(b"nonsense")
    assert run("--input-file", "x.npy")[2] == "tinyts-run: error: x.npy is not a .npy file with numbers\n"
    Path("x.npy").write_bytes(b"")
    assert run("--input-file", "x.npy")[2] == "tinyts-run: error: x.npy is not a .npy file with numbers\n"
    np.savez("x.npz", np.zeros(1))
    message = "tinyts-run: error: x.npz: expected one array (.npy), got several (.npz)\n"
    assert run("--input-file", "x.npz")[2] == message
    np.save("x.npy", np.zeros((1, 3, 1, 8), np.int8))
    assert "expected 1 files, one per model input, got 2" in run("--input-file", "x.npy", "--input-file", "x.npy")[2]
    assert "missing/y.npy: cannot be written: No such file" in run("--output", "missing/y.npy")[2]
    assert "expected 1 files, one per output, got 2" in run("--output", "a", "--output", "b")[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--target", "toaster"), "invalid choice: 'toaster'"),
        (("--inputs", "-1"), "expected at least 0, got -1"),
        (("--feed", "0"), "expected at least 1, got 0"),
        (("--inputs", "0"), "--inputs 0 leaves nothing to run without --check"),
        (("--inputs", "many"), "invalid integer value: 'many'"),
        (("--input-file", "x.npy", "--inputs", "2"), "--input-file and --inputs exclude each other"),
        (("--compiler", "gcc"), "--compiler is for --target cortex-m7"),
        (("32K",), "unexpected argument 32K"),
        (("-p", "canonicalize"), "unexpected argument -p"),
        (("--split-tensor=rows=2",), "--split-tensor: no such option or pass; did you mean --split-tensors?"),
        (("--chek",), "--chek: no such option or pass; did you mean --check?"),
        (("--emit-c",), "--emit-c: no such option or pass"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str, run: Run):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("tinyts-run: error: ") and message in err and err.count("\n") == 1


@pytest.mark.parametrize("separator", [" ", "="])
def test_options_of_the_compiler(separator: str, run: Run, compiler: FakeCompiler):
    words = " ".join(f"{option}{separator}{value}" for option, value in {"--ram": "8K", "--input": "arena"}.items())
    assert run(*words.split(), "--split-tensors=rows=2")[0] == 0
    assert compiler.arguments == ["--split-tensors=rows=2", "--input=arena", "--ram=8K"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--input-file", "x.npy", "--input-file", "x.npy"),
            "--input-file: expected 1 files, one per model input, got 2",
        ),
        (("--output", "y", "--output", "z"), "--output: expected 1 files, one per output, got 2"),
        (("--output", "none/y"), "none/y: cannot be written: No such file or directory"),
        (("--name", "1x"), "--name: expected a C identifier"),
        (("--input-file", "none.npy"), "cannot read none.npy: No such file or directory"),
    ],
)
def test_files_are_checked_before_anything_is_compiled(
    arguments: tuple[str, ...], message: str, run: Run, compiler: FakeCompiler
):
    compiler.error = CompileError("it was compiled")
    np.save("x.npy", np.zeros((1, 3, 1, 8), np.int8))
    status, out, err = run(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith(f"tinyts-run: error: {message}")


def test_errors_of_the_compiler(run: Run, compiler: FakeCompiler):
    compiler.error = CompileError("model.tflite: 1 unsupported layer\n  layer 3: LSTM")
    assert run() == (1, "", "tinyts-run: error: model.tflite: 1 unsupported layer\n  layer 3: LSTM\n")
    compiler.error = KeyError("oops")
    status, output, message = run()
    assert (status, output) == (70, "")
    assert message.startswith("tinyts-run: internal error: KeyError: 'oops'; this is a bug")
    assert "Traceback" not in message


def test_emitted_c_with_a_warning_is_an_error(run: Run, compiler: FakeCompiler):
    compiler.files["src/maximum.c"] += "static int unused;\n"
    status, _, err = run()
    assert status == 1
    assert err.startswith("tinyts-run: error: ") and "unused" in err


def test_help(run: Run):
    status, out, _ = run("--help")
    assert status == 0 and "--check" in out and "Exit status" in out
