"""LiteRT may end its process: that is a result for the input at hand, and nothing for the others."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from support import parse

from tinyts_mlir.cli.run import main
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.reference import ReferenceModel
from tinyts_mlir.toolchain.reference_process import ReferenceCrash, ReferenceProcess, ReferenceRefusal

LOGITS = "tensor<1x{0}x!quant.uniform<i8:f32, 0.02:3>>"
SOFTMAX = f"""func.func @main(%x: {LOGITS}) -> tensor<1x{{0}}x!quant.uniform<i8:f32, 0.00390625:-128>> {{{{
  %y = tinyts.softmax %x {{{{beta = 1.0}}}} : tensor<1x{{0}}x!quant.uniform<i8:f32, 0.00390625:-128>>
  func.return %y : tensor<1x{{0}}x!quant.uniform<i8:f32, 0.00390625:-128>>
}}}}"""
SUM_FAR_BELOW_ITS_OPERANDS = """
func.func @main(%x: tensor<1x2x!quant.uniform<i8:f32, 1.0>>) -> tensor<1x2x!quant.uniform<i8:f32, 0.000001>> {
  %y = tinyts.add %x, %x : tensor<1x2x!quant.uniform<i8:f32, 0.000001>>
  func.return %y : tensor<1x2x!quant.uniform<i8:f32, 0.000001>>
}"""


def softmax(size: int) -> bytes:
    return export_tflite(parse(SOFTMAX.format(size)))


@pytest.fixture(scope="module")
def aborting() -> bytes:
    """The exponentials of equal logits sum to 512, which LiteRT does not survive."""
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    return softmax(512)


@pytest.fixture(scope="module")
def sound() -> bytes:
    return softmax(8)


def equal_logits(size: int) -> np.ndarray:
    return np.full((1, size), 3, np.int8)


def test_an_abort_is_an_error_and_others_go_on(aborting: bytes, sound: bytes):
    process = ReferenceProcess()
    bad, good = ReferenceModel(aborting, process), ReferenceModel(sound, process)
    expected = good.run([equal_logits(8)])
    uneven = np.arange(512).astype(np.int8).reshape(1, 512)
    before = bad.run([uneven])
    for _ in range(2):
        with pytest.raises(ReferenceCrash, match=r"LiteRT aborted \(SIGABRT\)"):
            bad.run([equal_logits(512)])
    np.testing.assert_array_equal(good.run([equal_logits(8)]), expected)
    np.testing.assert_array_equal(bad.run([uneven]), before)
    process.close()


def test_an_abort_while_the_model_is_loaded():
    """ADD aborts where its scales are too far apart."""
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    data = export_tflite(parse(SUM_FAR_BELOW_ITS_OPERANDS))
    with pytest.raises(ReferenceCrash, match=r"LiteRT aborted \(SIGABRT\)"):
        ReferenceModel(data)


def test_an_op_without_a_reference_kernel_runs_by_the_other_resolver(sound: bytes):
    """All tensors of it, too, and after the process was started anew."""
    process = ReferenceProcess()
    text = "func.func @main(%x: {0}) -> {0} {{ %y = tinyts.elu %x : {0} func.return %y : {0} }}".format(
        "tensor<1x4x!quant.uniform<i8:f32, 0.03125>>"
    )
    model = ReferenceModel(export_tflite(parse(text)), process)
    given = np.array([[-128, -32, 0, 50]], np.int8)
    for _ in range(2):
        np.testing.assert_array_equal(model.run([given]), [[[-31, -20, 0, 50]]])
        process.close()
    assert any((tensor == [[-31, -20, 0, 50]]).all() for tensor in model.run_all_tensors([given]).values())
    assert not model.has_reference_kernels
    assert ReferenceModel(sound, process).has_reference_kernels
    process.close()


def test_one_process_for_all_models(sound: bytes):
    process = ReferenceProcess()
    models = [ReferenceModel(sound, process) for _ in range(3)]
    [identifier] = {model._process._identifier() for model in models}
    for model in models:
        model.run([equal_logits(8)])
    del models, model
    other = ReferenceModel(sound, process)
    assert len(process._contents) == 1  # what nothing holds any more is dropped
    other.run([equal_logits(8)])
    assert process._identifier() == identifier == 1
    process.close()
    process.close()
    other.run([equal_logits(8)])
    assert process._identifier() == 2
    process.close()


def test_what_does_not_answer_is_stopped(sound: bytes):
    process = ReferenceProcess(timeout_seconds=0.5)
    try:
        model = ReferenceModel(sound, process)
    except ReferenceCrash:
        pytest.skip("this machine is too slow to start LiteRT in half a second")
    os.kill(process._process.pid, signal.SIGSTOP)
    with pytest.raises(ReferenceCrash, match=r"LiteRT did not answer within 0\.5 seconds"):
        model.run([equal_logits(8)])
    process.close()


def test_a_limit_of_memory():
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    process = ReferenceProcess(bytes=1 << 30)
    large = "tensor<1x30000x30000x1x!quant.uniform<i8:f32, 0.5:3>>"
    text = f"func.func @main(%x: {large}) -> {large} {{ %y = tinyts.relu %x : {large} func.return %y : {large} }}"
    with pytest.raises(ToolchainError, match="LiteRT"):
        ReferenceModel(export_tflite(parse(text)), process)
    process.close()


def test_a_refusal_ends_nothing(sound: bytes):
    process = ReferenceProcess()
    model = ReferenceModel(sound, process)
    with pytest.raises(ReferenceRefusal):
        process.load(b"nonsense")
    model.run([equal_logits(8)])
    assert process._identifier() == 1
    process.close()


def test_run_compares_the_other_inputs(
    aborting: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("model.tflite").write_bytes(aborting)
    assert main(["model.tflite", "--check", "--inputs", "2"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert "bit exact     yes, 1,536 output bytes of 3 inputs compared with LiteRT" in out
    for number, name in ((2, "all minimum"), (3, "all maximum"), (4, "zero point")):
        assert f"not compared  input {number} ({name}): LiteRT aborted (SIGABRT)" in out

    assert main(["model.tflite", "--check", "--inputs", "2", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["bit_exact"], report["compared_bytes"]) == (True, 1536)
    assert [crash["input_number"] for crash in report["reference_crashes"]] == [2, 3, 4]


def test_run_with_nothing_to_compare(
    aborting: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("model.tflite").write_bytes(aborting)
    np.save("x.npy", equal_logits(512).repeat(2, axis=0))
    assert main(["model.tflite", "--check", "--input-file", "x.npy"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "tinyts-run: error: LiteRT aborted (SIGABRT); so it does on all of the 2 inputs\n"


@pytest.mark.parametrize("name", ["model", "string", "stdint", "tinyts", "main", "while"])
def test_run_a_model_of_any_name(name: str, sound: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A header of the project's must hide none of the port's or of C's."""
    monkeypatch.chdir(tmp_path)
    Path(f"{name}.tflite").write_bytes(sound)
    assert main([f"{name}.tflite", "--check", "--inputs", "1"]) == 0
