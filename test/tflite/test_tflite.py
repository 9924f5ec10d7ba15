"""What `.tflite` files become."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tflite
from support import real_models, text_of
from tflite_files import CONVOLUTION, INT8, LAYERS, activation, integers, layer, model, weights
from xdsl.dialects.builtin import NameLoc
from xdsl.dialects.func import FuncOp

from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.tflite.file import FileQuantization
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.registry import all_rules, find_rule
from tinyts_mlir.tflite.windows import same_padding
from tinyts_mlir.tflite.writer import write_tflite


def imported(*args: object, **kwargs: object) -> str:
    """The text of the module of a model."""
    return text_of(import_tflite(write_tflite(model(*args, **kwargs)), "model"))  # pyright: ignore


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_is_imported(name: str) -> None:
    file = LAYERS[name]
    text = text_of(import_tflite(write_tflite(file), "model"))
    rule = find_rule(file.layers[0].op)
    assert rule is not None
    assert rule.op_type.name in text


def test_supported_ops_are_all_tested() -> None:
    assert {file.layers[0].op for file in LAYERS.values()} == {
        rule.name
        for rule in all_rules()
        # One layer alone says nothing there (test_variables.py), or is several ops (test_recurrent_layers.py).
        if not rule.on_variables and rule.name != "SVDF"
    }


def test_function_names_and_locations() -> None:
    module = import_tflite(write_tflite(CONVOLUTION), "model")
    (function,) = (op for op in module.walk() if isinstance(op, FuncOp))
    assert function.sym_name.data == "main"
    assert str(function.attributes["tinyts.input_names"]) == '["x"]'
    assert str(function.attributes["tinyts.output_names"]) == '["y"]'
    (argument,) = function.body.block.args
    names = [op.location.desc.data for op in function.body.block.ops if isinstance(op.location, NameLoc)]
    assert isinstance(argument.location, NameLoc)
    assert argument.location.desc.data == "x"
    assert names == ["w", "b", "y"]


def test_a_weight_tensor_is_one_constant() -> None:
    tensors = [activation("x", 1, 4), weights("w", 4, 4), activation("y", 1, 4), activation("z", 1, 4)]
    layers = [layer("FULLY_CONNECTED", [0, 1], [2]), layer("FULLY_CONNECTED", [2, 1], [3])]
    text = imported(tensors, layers, [0], [3])
    assert text.count("tinyts.constant") == 1
    assert text.count("tinyts.fully_connected") == 2


@pytest.mark.parametrize("absent", ["OperatorCodeAddBuiltinCode", "OperatorCodeAddDeprecatedBuiltinCode"])
def test_one_of_the_two_op_codes_is_enough(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, absent, lambda builder, code: None)
    assert read_tflite(write_tflite(LAYERS["reshape"]), "model").layers[0].op == "RESHAPE"


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("window", range(1, 6))
@pytest.mark.parametrize("stride", range(1, 5))
def test_same_padding_makes_the_size_that_tflite_says(size: int, window: int, stride: int) -> None:
    before, after = same_padding(size, window, stride)
    assert 0 <= after - before <= 1
    assert (size + before + after - window) // stride + 1 == -(-size // stride) or before + after == 0


def test_reshape_may_leave_a_dimension_open() -> None:
    tensors = [activation("x", 1, 2, 3, 4), integers("shape", -1, 6), activation("y", 4, 6)]
    assert "tinyts.reshape %0 : tensor<4x6x" in imported(tensors, [layer("RESHAPE", [0, 1], [2])], [0], [2])


def test_open_batch_of_one_is_fine() -> None:
    first, *others = CONVOLUTION.tensors
    file = replace(CONVOLUTION, tensors=(replace(first, signature=(-1, *first.shape[1:])), *others))
    import_tflite(write_tflite(file), "model")


def test_negative_axes_count_from_the_end() -> None:
    tensors = [activation("x", 1, 2, 3, 4), activation("y", 1, 2, 3, 8)]
    layers = [layer("CONCATENATION", [0, 0], [1], Axis=-1)]
    assert "{axis = 3}" in imported(tensors, layers, [0], [1])


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("axes", [(1, 2), (2, 1), (-2, -3), (-3, 2), (1, 2, 1)], ids=str)
def test_mean_over_rows_and_columns(axes: tuple[int, ...], keep: bool) -> None:
    shape = (1, 1, 1, 5) if keep else (1, 5)
    tensors = [activation("x", 1, 4, 6, 5), integers("axes", *axes), activation("y", *shape)]
    text = imported(tensors, [layer("MEAN", [0, 1], [2], KeepDims=keep)], [0], [2])
    assert f"tinyts.mean %0 : tensor<{'x'.join(map(str, shape))}x!quant" in text


def test_quantization_is_kept() -> None:
    scales, zero_points = (0.5, -0.25, 0.0), (0, 0, 0)
    filter = replace(weights("w", 3, 4), quantization=FileQuantization(scales, zero_points, 0, is_custom=False))
    tensors = [activation("x", 1, 4), filter, activation("y", 1, 3)]
    module = import_tflite(write_tflite(model(tensors, [layer("FULLY_CONNECTED", [0, 1], [2])], [0], [2])), "model")
    (op,) = (op for op in module.walk() if op.name == "tinyts.constant")
    assert quantization_of(op.results[0]).scales == scales
    (op,) = (op for op in module.walk() if op.name == "tinyts.fully_connected")
    found = quantization_of(op.results[0])
    assert (found.scale, found.zero_point) == (np.float32(INT8.scales[0]), INT8.zero_points[0])


def test_strange_names_survive() -> None:
    name = 'a "b"\\c\nd/é;1'
    tensors = [activation("x", 1, 4), activation(name, 1, 4)]
    module = import_tflite(write_tflite(model(tensors, [layer("LEAKY_RELU", [0], [1], Alpha=0.1)], [0], [1])), "model")
    (op,) = (op for op in module.walk() if op.name == "tinyts.leaky_relu")
    assert isinstance(op.location, NameLoc)
    assert op.location.desc.data == name


@pytest.mark.parametrize("path", real_models())
def test_real_models(path: Path) -> None:
    data = path.read_bytes()
    module = import_tflite(data, path.name)
    file = read_tflite(data, path.name)
    found = Counter(op.name.removeprefix("tinyts.") for op in module.walk() if op.name.startswith("tinyts."))
    del found["constant"]
    assert found == Counter(layer.op.lower() for layer in file.layers)
