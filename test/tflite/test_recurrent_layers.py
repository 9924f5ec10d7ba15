"""LSTM and SVDF layers of files: they come back as they were, and what cannot be compiled says why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from network_builder import NetworkBuilder, Quantization
from recurrent_samples import Lstm, Svdf, lstm, svdf
from support import text_of, without_value_names

from tinyts_mlir.errors import UnsupportedModelError
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.file import FileTensor, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.writer import write_tflite

HIDDEN_STATE, CELL_STATE, MEMORY = 18, 19, 4
PEEPHOLE, PROJECTION, LAYER_NORM, INPUT_BIAS = 10, 16, 21, 12


def lstm_file(like: Lstm, steps: int = 3, inputs: int = 4) -> TfliteFile:
    builder = NetworkBuilder(1)
    shape = (steps, 1, inputs) if like.time_major else (1, steps, inputs)
    sequence = builder.input(shape, Quantization(0.05, -3))
    return read_tflite(export_tflite(builder.module([lstm(builder, sequence, like, "lstm")])), "lstm")


def svdf_file(like: Svdf) -> TfliteFile:
    builder = NetworkBuilder(1)
    vector = builder.input((1, 5), Quantization(0.05, -128))
    return read_tflite(export_tflite(builder.module([svdf(builder, vector, like, "svdf")])), "svdf")


FILES = {
    "lstm": lstm_file(Lstm(5)),
    "coupled, clipped": lstm_file(Lstm(5, gates=3, cell_clip=2.0)),
    "time major": lstm_file(Lstm(5, time_major=True)),
    "svdf": svdf_file(Svdf(4, 2, 3)),
    "svdf without bias": svdf_file(Svdf(4, 1, 3, has_bias=False)),
    "svdf of one step": svdf_file(Svdf(4, 1, 1)),
}


@pytest.mark.parametrize("name", FILES)
def test_files_come_back_as_they_were(name: str) -> None:
    first = import_tflite(write_tflite(FILES[name]), name)
    assert [layer.op for layer in FILES[name].layers] in (["UNIDIRECTIONAL_SEQUENCE_LSTM"], ["SVDF"])
    again = import_tflite(export_tflite(first), name)
    assert text_of(without_value_names(again)) == text_of(without_value_names(first))


def with_input(file: TfliteFile, position: int, tensor: int) -> TfliteFile:
    """The file with another tensor as an input of its layer."""
    [layer] = file.layers
    inputs = list(layer.inputs)
    inputs[position] = tensor
    return replace(file, layers=(replace(layer, inputs=tuple(inputs)),))


def with_tensor(file: TfliteFile, position: int, change: Callable[[FileTensor], FileTensor]) -> TfliteFile:
    """The file with an input of its layer changed."""
    index = file.layers[0].inputs[position]
    tensors = (change(tensor) if tensor.index == index else tensor for tensor in file.tensors)
    return replace(file, tensors=tuple(tensors))


def with_options(file: TfliteFile, **options: int) -> TfliteFile:
    [layer] = file.layers
    return replace(file, layers=(replace(layer, options={**layer.options, **options}),))


def rescaled(scale: float) -> Callable[[FileTensor], FileTensor]:
    def change(tensor: FileTensor) -> FileTensor:
        assert tensor.quantization is not None
        return replace(tensor, quantization=replace(tensor.quantization, scales=(float(np.float32(scale)),)))

    return change


def reshaped(*shape: int) -> Callable[[FileTensor], FileTensor]:
    return lambda tensor: replace(tensor, shape=shape)


def unvaried(tensor: FileTensor) -> FileTensor:
    return replace(tensor, is_variable=False)


LSTM, SVDF = FILES["lstm"], FILES["svdf"]
POWER = "expected a cell state with a power of two as scale"
RANGE = "expected a cell state with a scale of 2^-15 to 2^-9"


def twice(file: TfliteFile) -> TfliteFile:
    """The layer and another one on the same tensors, with an output of its own."""
    [layer], count = file.layers, len(file.tensors)
    [output] = layer.outputs
    return replace(
        file,
        layers=(layer, replace(layer, index=1, outputs=(count,))),
        tensors=(*file.tensors, replace(file.tensors[output], index=count, name="second")),
        outputs=(output, count),
    )


REFUSED = {
    "peephole": (with_input(LSTM, PEEPHOLE, 1), "expected an LSTM without peephole weights, got one"),
    "projection": (with_input(LSTM, PROJECTION, 1), "expected an LSTM without a projection, got one"),
    "layer norm": (with_input(LSTM, LAYER_NORM, 1), "expected an LSTM without layer normalization, got one"),
    "a bias too few": (with_input(LSTM, INPUT_BIAS, -1), "expected weights and a bias for the input gate, or none"),
    "relu": (with_options(LSTM, FusedActivationFunction=1), "expected TANH as the activation of an LSTM"),
    "diagonal": (with_options(LSTM, DiagonalRecurrentTensors=1), "recurrent weights that are matrices, got diagonals"),
    "batch": (with_options(LSTM, TimeMajor=1), "expected a sequence of three dimensions with a batch of 1"),
    "no state": (with_tensor(LSTM, HIDDEN_STATE, unvaried), "to be a variable tensor"),
    "cell scale": (
        with_tensor(LSTM, CELL_STATE, rescaled(0.0003)),
        "expected a cell state with a power of two as scale",
    ),
    "cell range": (
        with_tensor(LSTM, CELL_STATE, rescaled(2.0**-8)),
        "expected a cell state with a scale of 2^-15 to 2^-9",
    ),
    "units": (with_tensor(LSTM, CELL_STATE, reshaped(1, 6)), "expected a result of shape [1, 3, 6], got [1, 3, 5]"),
    "no intermediates": (
        replace(LSTM, layers=(replace(LSTM.layers[0], intermediates=()),)),
        "expected 5 or more intermediate tensors, got 0",
    ),
    "inputs": (
        replace(LSTM, layers=(replace(LSTM.layers[0], inputs=LSTM.layers[0].inputs[:22]),)),
        "expected 20 or 24 inputs, got 22",
    ),
    "svdf without relu": (with_options(SVDF, FusedActivationFunction=0), "expected RELU as the activation of an SVDF"),
    "rank": (with_options(SVDF, Rank=3), "expected a result of 1 x 8 filters / rank 3"),
    "rank of 0": (with_options(SVDF, Rank=0), "expected a result of 1 x 8 filters / rank 0"),
    "memory": (with_tensor(SVDF, MEMORY, reshaped(1, 23)), "expected a state of 1 x 24 elements, got [1, 23]"),
    "svdf without state": (with_tensor(SVDF, MEMORY, unvaried), "to be a variable tensor"),
    "one memory for two": (twice(SVDF), "in one layer, got it in several"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compiled_says_why(name: str) -> None:
    file, message = REFUSED[name]
    with pytest.raises(UnsupportedModelError) as error:
        import_tflite(write_tflite(file), name)
    assert message in str(error.value)
