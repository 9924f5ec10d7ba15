"""FULLY_CONNECTED. A result in another shape than LiteRT's gets a RESHAPE behind it."""

from __future__ import annotations

from math import prod

import tflite
from xdsl.dialects.builtin import TensorType

from tinyts_mlir.dialects.rows import quantization_of, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import FullyConnectedOp
from tinyts_mlir.tflite.file import OptionValue
from tinyts_mlir.tflite.layer_reader import LayerReader
from tinyts_mlir.tflite.layer_writer import ACTIVATION_CODES, LayerWriter, bias_type
from tinyts_mlir.tflite.rule import Options, Rule, Unsigned
from tinyts_mlir.tflite.tensors import UnsupportedLayer

VERSION, KEEP_DIMENSIONS_VERSION, NO_BIAS_VERSION = 4, 5, 6


def _read(layer: LayerReader) -> FullyConnectedOp:
    if layer.option("WeightsFormat") != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT:
        raise UnsupportedLayer(
            "expected the default weights format, got a shuffled one; convert the model with int8 quantization"
        )
    input, result = layer.activation(0), layer.output_type()
    filter = layer.dense_filter(1)
    bias = layer.bias(2, input)
    keep = 1 if layer.option("KeepNumDims") else None
    properties = {"activation": layer.activation_function(), "keep_dimensions": keep}
    return FullyConnectedOp([input, filter, bias], result, properties)


def _write(layer: LayerWriter, op: FullyConnectedOp) -> None:
    inputs = [layer.activation(op.input), layer.activation_or_constant(op.filter), *layer.constants(op.bias)]
    keeps_dimensions = op.keep_dimensions is not None and op.keep_dimensions.value.data != 0
    version = KEEP_DIMENSIONS_VERSION if keeps_dimensions else VERSION
    if op.bias is None:
        version = NO_BIAS_VERSION
    options: dict[str, OptionValue] = {
        "FusedActivationFunction": ACTIVATION_CODES[op.activation.data],
        "KeepNumDims": keeps_dimensions,
        **bias_type(op.input, op.bias),
    }
    output_channels, input_channels = shape_of(op.filter)
    input_shape = shape_of(op.input)
    if keeps_dimensions and input_shape[-1] != input_channels:
        raise layer.error(
            f"expected a last dimension of {input_channels} where dimensions are kept, got {list(input_shape)}"
        )
    # LiteRT computes this shape, whatever the file says.
    batches = prod(input_shape) // input_channels
    shape = (*input_shape[:-1], output_channels) if keeps_dimensions else (batches, output_channels)
    if shape == shape_of(op.result):
        layer.add("FULLY_CONNECTED", version, inputs, options)
        return
    flat = layer.tensor("flat", TensorType(quantization_of(op.result), shape))
    layer.exported.append("FULLY_CONNECTED", version, inputs, [flat], options)
    layer.reshape(flat, tensor_type(op.result))


OPTIONS = Options(
    "FullyConnectedOptions", ("FusedActivationFunction", "WeightsFormat", "KeepNumDims", "QuantizedBiasType")
)

RULES = [
    Rule(
        "FULLY_CONNECTED",
        FullyConnectedOp,
        OPTIONS,
        _read,
        _write,
        inputs=(2, 3),
        unsigned=Unsigned.SHIFTED,
        constraints="constant int8 weights with one scale or one a channel, or weights of a layer; constant int32 bias",
    )
]
