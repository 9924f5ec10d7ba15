"""TRANSPOSE_CONV. TFLite knows only SAME and VALID padding, of the map that is made."""

from __future__ import annotations

import tflite

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, FEATURE_MAP_RANK, HEIGHT, shape_of
from tinyts_mlir.dialects.tinyts import TransposeConvOp
from tinyts_mlir.tflite.layer_reader import LayerReader
from tinyts_mlir.tflite.layer_writer import ACTIVATION_CODES, LayerWriter, bias_type
from tinyts_mlir.tflite.rule import Options, Rule, Unsigned
from tinyts_mlir.tflite.tensors import UnsupportedLayer
from tinyts_mlir.tflite.windows import same_padding

NO_BIAS_VERSION, BIAS_VERSION, ACTIVATION_VERSION = 2, 3, 4


def _input_size(scheme: int, size: int, window: int, stride: int) -> int:
    """The rows that a convolution would make of the result, as many as LiteRT wants the input to have."""
    return -(-(size if scheme == tflite.Padding.SAME else size - window + 1) // stride)


def _padding(scheme: int, size: int, window: int, stride: int) -> int:
    """The rows of padding above the result that such a convolution would have."""
    return same_padding(size, window, stride)[0] if scheme == tflite.Padding.SAME else 0


def _read(layer: LayerReader) -> TransposeConvOp:
    input, result = layer.activation(2), layer.output_type()
    filter = layer.filter(1)
    bias = layer.bias(3, input)
    shape, size = result.get_shape(), shape_of(filter)
    if tuple(layer.integers(0)) != shape:
        raise UnsupportedLayer(f"expected an output of shape {layer.integers(0)}, got {list(shape)}")
    stride = [layer.integer_option("StrideH"), layer.integer_option("StrideW")]
    if len(shape) != FEATURE_MAP_RANK or len(size) != FEATURE_MAP_RANK or min(stride) < 1:
        raise UnsupportedLayer(
            f"expected a feature map, a filter of four dimensions and strides of 1 or more, got {list(shape)}, "
            f"{list(size)} and {stride}"
        )
    axes = list(zip(shape[HEIGHT:CHANNELS], size[HEIGHT:CHANNELS], stride, strict=True))
    scheme = layer.integer_option("Padding")
    if scheme not in (tflite.Padding.SAME, tflite.Padding.VALID):
        raise UnsupportedLayer(f"expected SAME or VALID padding, got {scheme}")
    padding = [_padding(scheme, *axis) for axis in axes]
    expected = [_input_size(scheme, *axis) for axis in axes]
    if (found := list(shape_of(input)[HEIGHT:CHANNELS])) != expected:
        raise UnsupportedLayer(f"expected an input of {expected} rows and columns for {list(shape)}, got {found}")
    properties = {"stride": stride, "padding": padding, "activation": layer.activation_function()}
    return TransposeConvOp([[input], filter, bias], result, properties)


def _write(layer: LayerWriter, op: TransposeConvOp) -> None:
    shape, size = shape_of(op.result), shape_of(op.filter)
    stride, padding = int_values(op.stride), list(int_values(op.padding))
    axes = list(zip(shape[HEIGHT:CHANNELS], size[HEIGHT:CHANNELS], stride, strict=True))
    rows_and_columns = list(shape_of(op.input[0])[HEIGHT:CHANNELS])
    for scheme in (tflite.Padding.VALID, tflite.Padding.SAME):
        sizes = [_input_size(scheme, *axis) for axis in axes]
        if sizes == rows_and_columns and padding == [_padding(scheme, *axis) for axis in axes]:
            break
    else:
        raise layer.error(
            f"expected SAME or VALID padding, got {padding} above and to the left, from {rows_and_columns} rows and "
            f"columns to {list(shape)}"
        )
    activation = op.activation.data
    version = BIAS_VERSION if op.bias is not None else NO_BIAS_VERSION
    inputs = [
        layer.integers("shape", shape, [len(shape)]),
        layer.constant(op.filter),
        layer.activation(op.input[0]),
        *layer.constants(op.bias),
    ]
    options = {
        "Padding": scheme,
        "StrideH": stride[0],
        "StrideW": stride[1],
        "FusedActivationFunction": ACTIVATION_CODES[activation],
        **bias_type(op.input[0], op.bias),
    }
    layer.add("TRANSPOSE_CONV", version if activation == "none" else ACTIVATION_VERSION, inputs, options)


FIELDS = ("Padding", "StrideH", "StrideW", "FusedActivationFunction", "QuantizedBiasType")
RULES = [
    Rule(
        "TRANSPOSE_CONV",
        TransposeConvOp,
        Options("TransposeConvOptions", FIELDS),
        _read,
        _write,
        inputs=(3, 4),
        unsigned=Unsigned.SHIFTED,
    )
]
