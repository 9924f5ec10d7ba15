"""The demo model is a real one: everything in it is used, and nothing saturates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import text_of

from tinyts_mlir.cli.demo_model import write_demo_model
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

MOVES = ("PAD", "RESHAPE")


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    first, second = tmp_path / "first.tflite", tmp_path / "second.tflite"
    assert write_demo_model(["-o", str(first), "--seed", "3"]) == 0
    write_demo_model(["-o", str(second), "--seed", "3"])
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != export_tflite(demo_model(4))


def test_it_survives_a_round_trip() -> None:
    module = demo_model()
    again = import_tflite(export_tflite(module), "demo.tflite")
    assert text_of(again, locations=True) == text_of(module, locations=True)


@pytest.mark.parametrize("seed", [0, 1])
def test_activations_are_spread(seed: int) -> None:
    pytest.importorskip("ai_edge_litert")
    module = demo_model(seed)
    data = export_tflite(module)
    model, file = ReferenceModel(data), read_tflite(data, "demo.tflite")
    (inputs,) = random_inputs(model.inputs, 1)
    np.testing.assert_array_equal(model.run(inputs.arrays)[0], run_function(module, inputs.arrays)[0])
    tensors = model.run_all_tensors(inputs.arrays)
    for layer in file.layers:
        result = tensors[layer.outputs[0]]
        assert (result == 127).mean() < 0.12, layer
        if layer.op not in MOVES:
            assert (result == -128).mean() < 0.5, layer
        if result.size > 1000:
            assert len(np.unique(result)) > 100, layer


@pytest.mark.parametrize("arguments", [["--seed", "-1"], ["--seed", "x"], ["more"]])
def test_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        write_demo_model(arguments)
    assert caught.value.code == 2
    assert "tinyts-demo-model: error: " in capsys.readouterr().err


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="cannot be written"):
        write_demo_model(["-o", str(tmp_path / "missing" / "demo.tflite")])
