"""LiteRT's reference and the inputs made for it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import gradient, random_inputs, special_inputs, standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel, TensorDetails

TENSOR = TensorDetails("x", 0, (1, 4, 5, 3), np.dtype(np.int8), 0.5, -5)


@pytest.fixture
def reference(sample_tflite: bytes) -> ReferenceModel:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    return ReferenceModel(sample_tflite)


def test_details(reference: ReferenceModel):
    (rows,), (largest,) = reference.inputs, reference.outputs
    assert rows == TensorDetails("rows", 0, (1, 3, 1, 8), np.dtype(np.int8), 0.5, -5)
    assert (largest.name, largest.index, largest.shape, largest.bytes) == ("largest", 1, (1, 1, 1, 8), 8)


def test_run(reference: ReferenceModel):
    array = random_inputs(reference.inputs, 1)[0].arrays[0]
    (output,) = reference.run([array])
    assert output.dtype == np.int8
    np.testing.assert_array_equal(output, array.max(axis=1, keepdims=True))


def test_all_tensors(reference: ReferenceModel):
    array = random_inputs(reference.inputs, 1)[0].arrays[0]
    tensors = reference.run_all_tensors([array])
    np.testing.assert_array_equal(tensors[0], array)
    np.testing.assert_array_equal(tensors[1], array.max(axis=1, keepdims=True))


def test_litert_prints_nothing(reference: ReferenceModel, capfd: pytest.CaptureFixture[str]):
    reference.run([np.zeros((1, 3, 1, 8), np.int8)])
    assert capfd.readouterr() == ("", "")


def test_wrong_inputs(reference: ReferenceModel):
    with pytest.raises(ToolchainError, match="input rows: expected int8, got float32"):
        reference.run([np.zeros((1, 3, 1, 8), np.float32)])
    with pytest.raises(ToolchainError, match=r"input rows: expected shape \[1, 3, 1, 8\], got \[24\]"):
        reference.run([np.zeros(24, np.int8)])
    with pytest.raises(ToolchainError, match="the model has 1 inputs, got 0 arrays"):
        reference.run([])


def test_what_is_no_model(tmp_path: Path):
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    with pytest.raises(ToolchainError, match="LiteRT cannot load the model"):
        ReferenceModel(b"nonsense")
    with pytest.raises(ToolchainError, match=r"cannot read .*none\.tflite: No such file"):
        ReferenceModel(tmp_path / "none.tflite")


def test_a_missing_package_says_what_to_install(sample_tflite: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ToolchainError, match=r"package ai-edge-litert, .* the extra 'run' "):
        ReferenceModel(sample_tflite)


def test_random_inputs_do_not_depend_on_the_count():
    few, many = random_inputs([TENSOR], 2, seed=7), random_inputs([TENSOR], 5, seed=7)
    np.testing.assert_array_equal(few[1].arrays[0], many[1].arrays[0])
    assert few[1].name == "random 1 (seed 7)"
    assert (few[0].arrays[0] != few[1].arrays[0]).any()
    assert (few[0].arrays[0] != random_inputs([TENSOR], 1, seed=8)[0].arrays[0]).any()


def test_special_inputs():
    arrays = {named.name: named.arrays[0] for named in special_inputs([TENSOR])}
    assert {name: (array.min(), array.max()) for name, array in arrays.items()} == {
        "all minimum": (-128, -128),
        "all maximum": (127, 127),
        "zero point": (-5, -5),
        "gradient": (-128, 127),
    }
    assert all(array.shape == TENSOR.shape and array.dtype == np.int8 for array in arrays.values())
    assert len(standard_inputs([TENSOR], 3)) == 7


@pytest.mark.parametrize("shape", [(1,), (1, 1, 1, 1), (1, 7), (3, 1, 2)])
def test_gradient_of_any_shape(shape: tuple[int, ...]):
    assert gradient(shape).shape == shape
    assert gradient(shape).reshape(-1)[0] == -128
