"""CONV_2D and DEPTHWISE_CONV_2D.

TFLite knows only SAME and VALID padding: a convolution with any other gets a PAD in front, and a CONV_2D without bias
gets one of zeros.
"""

from __future__ import annotations

from typing import TypeVar

import tflite
from xdsl.dialects.builtin import TensorType, i32, i64

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import CHANNELS, WIDTH, is_wide, quantization_of, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import Conv2DOp, DepthwiseConv2DOp
from tinyts_mlir.tflite.file import OptionValue
from tinyts_mlir.tflite.layer_reader import LayerReader
from tinyts_mlir.tflite.layer_writer import ACTIVATION_CODES, NO_PADDING, LayerWriter, bias_type, padding_scheme
from tinyts_mlir.tflite.rule import Options, Rule, Unsigned
from tinyts_mlir.tflite.tensors import UnsupportedLayer

ConvolutionT = TypeVar("ConvolutionT", Conv2DOp, DepthwiseConv2DOp)

VERSION, GROUPED_VERSION = 3, 6
MOST_STEPS = (1 << 15) - 1
"""LiteRT refuses larger strides and dilations of convolutions, but not of pools."""
FIELDS = ("Padding", "StrideH", "StrideW", "FusedActivationFunction", "DilationHFactor", "DilationWFactor")


def _read_conv_2d(layer: LayerReader) -> Conv2DOp:
    return _read(Conv2DOp, layer)


def _read_depthwise_conv_2d(layer: LayerReader) -> DepthwiseConv2DOp:
    return _read(DepthwiseConv2DOp, layer)


def _read(op_type: type[ConvolutionT], layer: LayerReader) -> ConvolutionT:
    input, result = layer.activation(0), layer.output_type()
    filter = layer.filter(1)
    bias = layer.bias(2, input, says_bias_type=op_type is Conv2DOp)
    dilation = [layer.integer_option("DilationHFactor"), layer.integer_option("DilationWFactor")]
    window = layer.window(input, shape_of(filter)[1:3], dilation)
    if (greatest := max(*window["stride"], *dilation)) > MOST_STEPS:
        raise UnsupportedLayer(
            f"expected strides and dilations of at most {MOST_STEPS}, as LiteRT does, got {greatest}"
        )
    activation = layer.activation_function()
    return op_type([input, filter, bias], result, {**window, "dilation": dilation, "activation": activation})


def _write_conv_2d(layer: LayerWriter, op: Conv2DOp) -> None:
    input, options = _input_and_options(layer, op)
    inputs = [input, layer.constant(op.filter)]
    # LiteRT insists on a bias here, and on none elsewhere.
    inputs.append(_zero_bias(layer, op) if op.bias is None else layer.constant(op.bias))
    is_grouped = shape_of(op.filter)[CHANNELS] != shape_of(op.input[0])[CHANNELS]
    options |= bias_type(op.input[0], op.bias)
    layer.add("CONV_2D", GROUPED_VERSION if is_grouped else VERSION, inputs, options)


def _write_depthwise_conv_2d(layer: LayerWriter, op: DepthwiseConv2DOp) -> None:
    input, options = _input_and_options(layer, op)
    inputs = [input, *layer.constants(op.filter, op.bias)]
    layer.add("DEPTHWISE_CONV_2D", VERSION, inputs, {**options, "DepthMultiplier": op.depth_multiplier})


def _input_and_options(layer: LayerWriter, op: Conv2DOp | DepthwiseConv2DOp) -> tuple[int, dict[str, OptionValue]]:
    """The tensor that is convolved, padded where TFLite's schemes do not say how, and the options."""
    input = layer.activation(op.input[0])
    padding, stride, dilation = int_values(op.padding), int_values(op.stride), int_values(op.dilation)
    if (greatest := max(*stride, *dilation)) > MOST_STEPS:
        raise layer.error(f"expected strides and dilations of at most {MOST_STEPS}, got {greatest}")
    spans = [(size - 1) * step + 1 for size, step in zip(op.filter_size, dilation, strict=True)]
    batch, height, width, channels = shape_of(op.input[0])
    scheme = padding_scheme((height, width), spans, stride, padding)
    if scheme is None:
        scheme = tflite.Padding.VALID
        top, bottom, left, right = padding
        shape = (batch, height + top + bottom, width + left + right, channels)
        type = TensorType(quantization_of(op.input[0]), shape)
        input = layer.pad(input, padding, NO_PADDING[:WIDTH], type, layer.exported.unique(f"{layer.names[0]}/padded"))
    options: dict[str, OptionValue] = {
        "Padding": scheme,
        "StrideH": stride[0],
        "StrideW": stride[1],
        "FusedActivationFunction": ACTIVATION_CODES[op.activation.data],
        "DilationHFactor": dilation[0],
        "DilationWFactor": dilation[1],
    }
    return input, options


def _zero_bias(layer: LayerWriter, op: Conv2DOp) -> int:
    storage = i64 if is_wide(tensor_type(op.input[0])) else i32
    scales = [quantization_of(op.input[0]).scale * scale for scale in quantization_of(op.filter).scales]
    if len(scales) == 1:
        element_type = UniformQuantizedType.per_tensor(storage, scales[0])
    else:
        element_type = UniformQuantizedType.per_axis(storage, scales, [0] * len(scales), axis=0)
    channels = shape_of(op.result)[CHANNELS]
    return layer.tensor("bias", TensorType(element_type, [channels]), bytes(storage.width.data // 8 * channels))


WEIGHTS = "constant int8 filter with one scale or one for each output channel, or uint8 with one; constant int32 bias"

RULES = [
    Rule(
        "CONV_2D",
        Conv2DOp,
        Options("Conv2DOptions", (*FIELDS, "QuantizedBiasType")),
        _read_conv_2d,
        _write_conv_2d,
        inputs=(2, 3),
        unsigned=Unsigned.SHIFTED,
        constraints=WEIGHTS,
    ),
    Rule(
        "DEPTHWISE_CONV_2D",
        DepthwiseConv2DOp,
        Options("DepthwiseConv2DOptions", FIELDS),
        _read_depthwise_conv_2d,
        _write_depthwise_conv_2d,
        inputs=(2, 3),
        unsigned=Unsigned.SHIFTED,
        constraints=WEIGHTS,
    ),
]
