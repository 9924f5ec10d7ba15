"""UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF, whose variable tensors are state."""

from __future__ import annotations

from collections.abc import Sequence

import tflite
from xdsl.dialects.builtin import TensorType, i8, i16, i32

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import LstmOp, ShiftStateOp, SvdfFeaturesOp, SvdfSumsOp
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.tflite.layer_reader import NO_TENSOR, LayerReader
from tinyts_mlir.tflite.layer_writer import LayerWriter
from tinyts_mlir.tflite.rule import Options, Rule
from tinyts_mlir.tflite.tensors import UnsupportedLayer

INPUT_WEIGHTS, HIDDEN_WEIGHTS, BIASES = (2, 3, 4, 1), (6, 7, 8, 5), (13, 14, 15, 12)
"""The layer's inputs for the gates forget, cell, output and input, of which the last may not be there."""
HIDDEN_STATE, CELL_STATE = 18, 19
UNSUPPORTED = {"peephole weights": (9, 10, 11), "a projection": (16, 17), "layer normalization": (20, 21, 22, 23)}
HIDDEN = 4
"""Which of the layer's intermediate tensors has the quantization of what a step makes."""
INPUT_COUNTS = (20, 24)
VERSION = 1
GATE_SCALE = 2.0**-12
TANH, RELU = tflite.ActivationFunctionType.TANH, tflite.ActivationFunctionType.RELU
FILTERS_AND_STEPS = 2


def _read_lstm(layer: LayerReader) -> Sequence[TinytsOp]:
    if layer.input_count not in INPUT_COUNTS:
        raise UnsupportedLayer(f"expected 20 or 24 inputs, got {layer.input_count}")
    for what, positions in UNSUPPORTED.items():
        if any(map(layer.has_input, positions)):
            raise UnsupportedLayer(f"expected an LSTM without {what}, got one; convert a plain LSTM layer")
    if layer.integer_option("FusedActivationFunction") != TANH:
        raise UnsupportedLayer("expected TANH as the activation of an LSTM; convert a layer with activation='tanh'")
    if layer.option("DiagonalRecurrentTensors"):
        raise UnsupportedLayer("expected recurrent weights that are matrices, got diagonals")
    input = layer.activation(0)
    time_axis = 0 if layer.option("TimeMajor") else 1
    shape = shape_of(input)
    if len(shape) != 3 or shape[1 - time_axis] != 1:
        raise UnsupportedLayer(
            f"expected a sequence of three dimensions with a batch of 1, got shape {list(shape)}; "
            "convert the model with batch size 1"
        )
    present = {layer.has_input(group[-1]) for group in (INPUT_WEIGHTS, HIDDEN_WEIGHTS, BIASES)}
    if len(present) != 1:
        raise UnsupportedLayer("expected weights and a bias for the input gate, or none of these")
    gates = slice(0, 4 if present == {True} else 3)
    weights = [layer.weights(position, i8) for group in (INPUT_WEIGHTS, HIDDEN_WEIGHTS) for position in group[gates]]
    biases = [layer.weights(position, i32) for position in BIASES[gates]]
    hidden_type = layer.intermediate_type(HIDDEN, i8)
    states = [layer.state(position) for position in (HIDDEN_STATE, CELL_STATE)]
    clip = float(layer.option("CellClip"))
    properties = {
        "hidden_scale": hidden_type.scale,
        "hidden_zero_point": hidden_type.zero_point,
        "cell_clip": clip if clip > 0 else None,
    }
    types = [layer.output_type(), *(state.type for state in states)]
    op = LstmOp([input, *states, weights, biases], types, properties)
    layer.add(op)
    for position, value in ((HIDDEN_STATE, op.hidden_after), (CELL_STATE, op.cell_after)):
        layer.assign_state(position, value)
    layer.set_output(op.result)
    return ()


def _read_svdf(layer: LayerReader) -> Sequence[TinytsOp]:
    if layer.integer_option("FusedActivationFunction") != RELU:
        raise UnsupportedLayer("expected RELU as the activation of an SVDF, as LiteRT has it")
    input, filter, weights = layer.activation(0), layer.weights(1, i8), layer.weights(2, i16)
    bias = layer.optional_weights(3, i32)
    rank = layer.integer_option("Rank")
    if len(shape_of(weights)) != FILTERS_AND_STEPS:
        raise UnsupportedLayer(f"expected weights of filters x steps, got shape {list(shape_of(weights))}")
    filters, steps = shape_of(weights)
    result = layer.output_type()
    if rank < 1 or filters % rank or result.get_shape() != (1, filters // rank):
        raise UnsupportedLayer(
            f"expected a result of 1 x {filters} filters / rank {rank}, got {list(result.get_shape())}; "
            "convert the model with batch size 1"
        )
    kept = layer.state_type(4)
    if kept.get_shape() != (1, filters * steps):
        raise UnsupportedLayer(f"expected a state of 1 x {filters * steps} elements, got {list(kept.get_shape())}")
    element = kept.element_type
    assert isinstance(element, UniformQuantizedType)
    memory = layer.add(SvdfFeaturesOp([input, filter], TensorType(element, (1, 1, 1, filters))))
    if steps > 1:  # of one step, nothing is kept
        state = layer.ring_buffer(4, TensorType(element, (1, steps, 1, filters)))
        memory = layer.add(ShiftStateOp([memory, state], state.type))
    return [SvdfSumsOp([memory, weights, bias], result)]


LSTM_OPTIONS = (
    "FusedActivationFunction",
    "CellClip",
    "ProjClip",
    "TimeMajor",
    "AsymmetricQuantizeInputs",
    "DiagonalRecurrentTensors",
)


def _write_lstm(layer: LayerWriter, op: LstmOp) -> None:
    gates = len(op.biases)
    inputs = [NO_TENSOR] * max(INPUT_COUNTS)
    inputs[0] = layer.activation(op.input)
    inputs[HIDDEN_STATE], inputs[CELL_STATE] = layer.activation(op.hidden), layer.activation(op.cell)
    for positions, values in (
        (INPUT_WEIGHTS, op.weights[:gates]),
        (HIDDEN_WEIGHTS, op.weights[gates:]),
        (BIASES, op.biases),
    ):
        for position, value in zip(positions, values, strict=False):
            inputs[position] = layer.constant(value)
    shape = shape_of(op.input)
    options = {
        "FusedActivationFunction": TANH,
        "CellClip": 0.0 if op.cell_clip is None else op.cell_clip.value.data,
        "TimeMajor": shape[0] != 1,
    }
    hidden = UniformQuantizedType.per_tensor(i8, op.hidden_scale.value.data, op.hidden_zero_point.value.data)
    gate = UniformQuantizedType.per_tensor(i16, GATE_SCALE, 0)
    types = [TensorType(type, (1, op.units)) for type in (*[gate] * HIDDEN, hidden)]
    intermediates = [layer.tensor(f"intermediate_{number}", type) for number, type in enumerate(types)]
    layer.add_first("UNIDIRECTIONAL_SEQUENCE_LSTM", VERSION, inputs, options, intermediates)


def _write_svdf(layer: LayerWriter, op: SvdfSumsOp) -> None:
    shift = op.memory.owner
    features = shift.value.owner if isinstance(shift, ShiftStateOp) else shift
    if not isinstance(features, SvdfFeaturesOp):
        raise layer.error("expected a memory of what tinyts.svdf_features makes")
    if isinstance(shift, ShiftStateOp):
        state = layer.activation(shift.state)
    else:
        state = layer.variable("state", TensorType(quantization_of(op.memory), (1, shape_of(op.weights)[0])))
    bias = layer.constants(op.bias) or [NO_TENSOR]
    inputs = [layer.activation(features.input), *layer.constants(features.filter, op.weights), *bias, state]
    layer.add("SVDF", VERSION, inputs, {"Rank": op.rank, "FusedActivationFunction": RELU})


RULES = [
    Rule(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        LstmOp,
        Options("UnidirectionalSequenceLSTMOptions", LSTM_OPTIONS),
        _read_lstm,
        _write_lstm,
        inputs=INPUT_COUNTS,
        on_variables=True,
        types="int8, a cell of int16",
        constraints="a batch of 1; no peephole weights, projection or layer normalization",
    ),
    Rule(
        "SVDF",
        SvdfSumsOp,
        Options("SVDFOptions", ("Rank", "FusedActivationFunction")),
        _read_svdf,
        _write_svdf,
        inputs=(5, 5),
        types="int8, a memory of int16",
        constraints="a batch of 1, RELU",
    ),
]
