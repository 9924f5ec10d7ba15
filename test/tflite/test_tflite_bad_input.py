"""Whatever the bytes, an import succeeds or says in one error what is wrong and where."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
import tflite
from file_mutations import change_record, mutate
from support import real_models
from tflite_files import CONVOLUTION, INT8, LAYERS, activation, as_uint8, integers, layer, model, weights

from tinyts_mlir.errors import CompileError, UnsupportedModelError
from tinyts_mlir.tflite.file import FileQuantization, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.writer import write_tflite

SECONDS = 2.0
"""More than any small damaged file may take, on a machine that is busy with other things."""


def message(data: bytes) -> str:
    """The text of the error that importing these bytes gives."""
    with pytest.raises(CompileError) as caught:
        import_tflite(data, "bad.tflite")
    assert str(caught.value).startswith("bad.tflite: ")
    return str(caught.value)


def with_tensor(file: TfliteFile, index: int, **changes: object) -> TfliteFile:
    """The file with a tensor changed."""
    tensors = list(file.tensors)
    tensors[index] = replace(tensors[index], **changes)  # pyright: ignore
    return replace(file, tensors=tuple(tensors))


def with_layer(file: TfliteFile, **changes: object) -> TfliteFile:
    """The file with its first layer changed."""
    return replace(file, layers=(replace(file.layers[0], **changes), *file.layers[1:]))  # pyright: ignore


def with_options(file: TfliteFile, **options: int | float) -> TfliteFile:
    """The file with options of its first layer changed."""
    return with_layer(file, options={**file.layers[0].options, **options})


def quantized(*scales: float, zero_points: tuple[int, ...] = (0,), dimension: int = 0) -> FileQuantization:
    return FileQuantization(scales, zero_points, dimension, is_custom=False)


INT16 = quantized(0.0003)
ADD, CONCATENATION, FULLY_CONNECTED = LAYERS["add"], LAYERS["concatenation"], LAYERS["fully connected"]
SPLIT, PAD, RESHAPE, SOFTMAX = LAYERS["split"], LAYERS["pad"], LAYERS["reshape"], LAYERS["softmax"]
BATCH_MATMUL = LAYERS["batch matmul"]
MEAN, TRANSPOSED = LAYERS["mean"], LAYERS["transposed convolution"]

UNSUPPORTED = {
    "float32": (
        with_tensor(with_tensor(CONVOLUTION, 0, type="float32"), 3, type="float32"),
        "layer 0 'y' (CONV_2D): expected int8 or int16 activations, got float32; convert the model with full integer",
    ),
    "float32 input": (
        with_tensor(CONVOLUTION, 0, type="float32"),
        "layer 0 'y' (CONV_2D): expected int8 or int16 activations, got float32",
    ),
    "int16 with a zero point": (
        with_tensor(CONVOLUTION, 0, type="int16"),
        "layer 0 'y' (CONV_2D): expected a zero point of 0 for int16, got -3; convert the model with symmetric int16",
    ),
    "int16 to int8": (
        with_tensor(CONVOLUTION, 0, type="int16", quantization=INT16),
        "layer 0 'y' (CONV_2D): expected feature maps of one width, got [8, 16] bits",
    ),
    "int8 to int16": (
        with_tensor(CONVOLUTION, 3, type="int16", quantization=INT16),
        "layer 0 'y' (CONV_2D): expected feature maps of one width, got [8, 16] bits",
    ),
    "int16 weights": (with_tensor(CONVOLUTION, 1, type="int16"), "expected int8 for 'w', got int16"),
    "int4 weights beside int16": (
        with_tensor(with_tensor(CONVOLUTION, 0, type="int16", quantization=INT16), 1, type="int4"),
        "expected int8 for 'w', got int4",
    ),
    "int16 bias beside int16": (
        with_tensor(with_tensor(CONVOLUTION, 0, type="int16", quantization=INT16), 2, type="int16"),
        "expected int64 for the bias 'b' of int16 activations, got int16",
    ),
    "uint8 result of int8": (
        with_tensor(CONVOLUTION, 3, type="uint8"),
        "expected tensors of int8, or of uint8, got int8 'x', int8 'w', uint8 'y'; convert the model with full",
    ),
    "uint8 weights of int8": (
        with_tensor(CONVOLUTION, 1, type="uint8"),
        "expected tensors of int8, or of uint8, got int8 'x', uint8 'w', int8 'y'",
    ),
    "int8 weights of uint8": (
        with_tensor(as_uint8(CONVOLUTION), 1, type="int8", quantization=quantized(0.02)),
        "expected tensors of int8, or of uint8, got uint8 'x', int8 'w', uint8 'y'",
    ),
    "uint8 operand of int8": (
        with_tensor(ADD, 1, type="uint8", quantization=quantized(0.05)),
        "expected tensors of int8, or of uint8, got int8 'x', uint8 'z', int8 'y'",
    ),
    "uint8 weights with several scales": (
        with_tensor(
            as_uint8(CONVOLUTION), 1, quantization=quantized(0.1, 0.2, 0.3, 0.4, zero_points=(128, 128, 128, 128))
        ),
        "expected one scale for 'w', as uint8 tensors have in LiteRT, got 4; convert the model with int8",
    ),
    "uint8 activations with several scales": (
        with_tensor(as_uint8(ADD), 1, quantization=quantized(*[0.1] * 4, zero_points=(0,) * 4, dimension=1)),
        "expected one scale for 'z', got 4",
    ),
    "uint8 weights of a float32 layer": (
        with_tensor(with_tensor(as_uint8(CONVOLUTION), 0, type="float32"), 3, type="float32"),
        "expected int8 or int16 activations, got float32",
    ),
    "uint8 bias scale": (
        with_tensor(as_uint8(CONVOLUTION), 2, quantization=quantized(0.1)),
        "expected a bias scale of 0.000999",
    ),
    "uint8 negative product": (
        with_tensor(as_uint8(CONVOLUTION), 1, quantization=quantized(-0.02, zero_points=(128,))),
        "expected no negative product of scales",
    ),
    "uint8 zero point": (
        with_tensor(as_uint8(CONVOLUTION), 0, quantization=quantized(0.05, zero_points=(-3,))),
        "expected a zero point in [0, 255], got -3 for 'x'",
    ),
    "uint8 batch matmul": (as_uint8(BATCH_MATMUL), "expected int8 activations, got uint8, with which LiteRT has no"),
    "uint8 sum": (as_uint8(LAYERS["sum"]), "expected int8 activations, got uint8, with which LiteRT has no"),
    "int4 weights": (with_tensor(CONVOLUTION, 1, type="int4"), "expected int8 for 'w', got int4"),
    "int64 bias": (with_tensor(CONVOLUTION, 2, type="int64"), "expected int32 for 'b', got int64"),
    "batch": (with_tensor(CONVOLUTION, 0, shape=(2, 5, 6, 3)), "model input 0 'x': expected a batch of 1, got shape"),
    "open batch above 1": (with_tensor(FULLY_CONNECTED, 0, shape=(2, 6), signature=(-1, 6)), "expected a batch of 1"),
    "open height": (
        with_tensor(CONVOLUTION, 0, signature=(-1, -1, 6, 3)),
        "model input 0 'x': expected a fixed shape, got [-1, -1, 6, 3] for 'x'; convert the model with a fixed input",
    ),
    "dimension 0": (with_tensor(CONVOLUTION, 0, shape=(1, 0, 6, 3)), "expected a fixed shape"),
    "negative dimension": (with_tensor(CONVOLUTION, 3, shape=(1, -1, 4, 4)), "expected a fixed shape"),
    "no shape": (with_tensor(CONVOLUTION, 3, shape=()), "expected a fixed shape of 1 to 2^31 - 1 elements, got []"),
    "huge shape": (with_tensor(CONVOLUTION, 0, shape=(1, 1 << 30, 1 << 30, 3)), "expected a fixed shape of 1 to 2^31"),
    "unknown op": (
        with_layer(CONVOLUTION, op="SHAPE"),
        "layer 0 'y' (SHAPE): this op is not supported; convert the model with a fixed input shape",
    ),
    "op without an int8 kernel": (
        with_layer(CONVOLUTION, op="SQUARE"),
        "layer 0 'y' (SQUARE): LiteRT has no int8 kernel for this op; multiply the operand with itself (MUL)",
    ),
    "custom op": (with_layer(CONVOLUTION, op="CUSTOM"), "layer 0 'y' (CUSTOM ''): this op is not supported"),
    "arg max along no axis": (
        with_tensor(LAYERS["arg max"], 0, shape=()),
        "expected a fixed shape of 1 to 2^31 - 1 elements, got []",
    ),
    "arg max of another shape": (
        with_tensor(LAYERS["arg max"], 2, shape=(1, 6, 4)),
        "layer 0 'y' (ARG_MAX): expected an output of shape [1, 4, 6], got [1, 6, 4]",
    ),
    "arg max to int16": (
        with_tensor(LAYERS["arg max"], 2, type="int16"),
        "layer 0 'y' (ARG_MAX): expected 'y' to have a scale, got no quantization",
    ),
    "arg max to int8": (
        with_tensor(LAYERS["arg max"], 2, type="int8", quantization=INT8),
        "layer 0 'y' (ARG_MAX): expected an output of int32 or int64, got !quant.uniform<i8:f32, 0.05:-3>",
    ),
    "arg max of int32": (
        with_tensor(LAYERS["arg max"], 0, type="int32"),
        "layer 0 'y' (ARG_MAX): expected int8 or int16 activations, got int32",
    ),
    "int32 input": (
        with_tensor(LAYERS["reshape"], 0, type="int32"),
        "model input 0 'x': expected int8, uint8, int16, float32 as input or output, got int32",
    ),
    "quantize to float32": (with_tensor(LAYERS["quantize"], 1, type="float32"), "expected a tensor of !quant.uniform"),
    "quantize by 0": (with_tensor(LAYERS["quantize"], 1, quantization=quantized(0.0)), "a scale above 0"),
    "quantize into int4": (with_tensor(LAYERS["quantize"], 1, type="int4"), "expected int8, uint8, int16, float32 as"),
    "dequantize into int8": (
        with_tensor(LAYERS["dequantize"], 1, type="int8", quantization=INT8),
        "expected a result of f32",
    ),
    "wrong options": (with_layer(ADD, options_type="Pool2DOptions"), "expected AddOptions, got Pool2DOptions"),
    "no options": (with_layer(CONVOLUTION, options_type="NONE"), "strides and dilations of 1 or more"),
    "variable tensor": (with_tensor(CONVOLUTION, 0, is_variable=True), "expected no variable tensors, got 'x'"),
    "sparse weights": (with_tensor(CONVOLUTION, 1, is_sparse=True), "expected dense tensors, got the sparse 'w'"),
    "no quantization": (with_tensor(CONVOLUTION, 3, quantization=None), "expected 'y' to have a scale"),
    "no bias quantization": (with_tensor(CONVOLUTION, 2, quantization=None), "expected 'b' to have a scale"),
    "custom quantization": (
        with_tensor(CONVOLUTION, 3, quantization=replace(INT8, is_custom=True)),
        "got a custom quantization",
    ),
    "infinite scale": (with_tensor(CONVOLUTION, 3, quantization=quantized(float("inf"))), "expected finite scales"),
    "scale of 0": (with_tensor(CONVOLUTION, 3, quantization=quantized(0.0)), "the output scale must not be 0"),
    "zero point": (
        with_tensor(CONVOLUTION, 3, quantization=quantized(1.0, zero_points=(128,))),
        "[-128, 127], got 128",
    ),
    "zero points": (with_tensor(CONVOLUTION, 3, quantization=quantized(1.0, zero_points=(1, 2))), "got 2 and 1"),
    "activation per axis": (
        with_tensor(CONVOLUTION, 3, quantization=quantized(1.0, 2.0, 3.0, zero_points=(0,) * 3, dimension=1)),
        "expected one scale for 'y', got 3",
    ),
    "filter scales along another axis": (
        with_tensor(CONVOLUTION, 1, quantization=quantized(1.0, 2.0, 3.0, zero_points=(0,) * 3, dimension=3)),
        "expected filter scales along axis 0",
    ),
    "too few scales": (
        with_tensor(CONVOLUTION, 1, quantization=quantized(1.0, 2.0, zero_points=(0, 0))),
        "or one for each index along a dimension of [4, 3, 3, 3], got 2 along dimension 0",
    ),
    "filter zero point": (
        with_tensor(CONVOLUTION, 1, quantization=quantized(1.0, zero_points=(1,))),
        "expected filter zero points of 0",
    ),
    "transposed into another shape": (
        with_tensor(TRANSPOSED, 4, shape=(1, 6, 9, 4)),
        "expected an output of shape [1, 6, 8, 4], got [1, 6, 9, 4]",
    ),
    "transposed from another size": (
        with_tensor(TRANSPOSED, 0, shape=(1, 4, 4, 3)),
        "expected an input of [3, 4] rows and columns for [1, 6, 8, 4], got [4, 4]",
    ),
    "transposed without padding": (with_options(TRANSPOSED, Padding=1), "expected an input of [2, 3] rows and"),
    "transposed by another filter": (with_tensor(TRANSPOSED, 1, shape=(4, 3, 3, 3)), "a few integers"),
    "transposed with another padding": (with_options(TRANSPOSED, Padding=2), "expected SAME or VALID padding, got 2"),
    "transposed by no stride": (with_options(TRANSPOSED, StrideH=0), "strides of 1 or more"),
    "transposed from other channels": (
        with_tensor(TRANSPOSED, 0, shape=(1, 3, 4, 2)),
        "expected a filter of 4 x height x width x 2 channels, got [4, 3, 3, 3]",
    ),
    "tanh of a transposed convolution": (with_options(TRANSPOSED, FusedActivationFunction=4), "got TANH"),
    "product of matrices that do not fit": (
        with_options(BATCH_MATMUL, AdjY=False),
        "expected matrices that fit, got sums of 5 and of 4 products",
    ),
    "product into another shape": (
        with_tensor(BATCH_MATMUL, 2, shape=(2, 4, 3)),
        "expected a result of shape [2, 3, 4], got [2, 4, 3]",
    ),
    "product of a vector": (
        with_tensor(BATCH_MATMUL, 0, shape=(5,)),
        "expected operands of 2 to 5 dimensions, got [5]",
    ),
    "product of different batches": (
        with_tensor(BATCH_MATMUL, 0, shape=(3, 3, 5)),
        "expected dimensions that can be broadcast, got [3, 3, 5] and [2, 4, 5]",
    ),
    "product of a negative scale": (
        with_tensor(BATCH_MATMUL, 0, quantization=quantized(-1.0)),
        "expected no negative product of scales",
    ),
    "normalized into another scale": (
        with_tensor(LAYERS["l2 normalization"], 1, quantization=INT8),
        "expected a result with scale 1/128 and zero point 0",
    ),
    "normalized with an activation": (
        with_options(LAYERS["l2 normalization"], FusedActivationFunction=1),
        "expected no activation, got relu",
    ),
    "normalized vectors that are too long": (
        with_tensor(with_tensor(LAYERS["l2 normalization"], 0, shape=(1, 32768)), 1, shape=(1, 32768)),
        "expected vectors of less than 2^15 elements, got 32768",
    ),
    "weights of another layer that do not fit": (
        with_tensor(with_tensor(FULLY_CONNECTED, 1, shape=(4, 5), buffer=0), 2, buffer=0),
        "layer 0 'y' (FULLY_CONNECTED): expected an earlier layer to make 'w', but none does",
    ),
    "tanh": (with_options(CONVOLUTION, FusedActivationFunction=4), "RELU_N1_TO_1, got TANH"),
    "sign bit": (with_options(ADD, FusedActivationFunction=5), "got SIGN_BIT"),
    "unknown activation": (with_options(ADD, FusedActivationFunction=99), "got activation 99"),
    "activation of a concatenation": (with_options(CONCATENATION, FusedActivationFunction=1), "expected no activation"),
    "padding": (with_options(CONVOLUTION, Padding=2), "expected SAME or VALID padding, got 2"),
    "stride": (with_options(CONVOLUTION, StrideW=0), "got [3, 3], [1, 0] and [1, 1]"),
    "shuffled weights": (with_options(FULLY_CONNECTED, WeightsFormat=1), "expected the default weights format"),
    "weights not constant": (
        with_tensor(CONVOLUTION, 1, buffer=0),
        "expected input 1 to be a constant, but 'w' has no",
    ),
    "buffer of an activation": (
        with_tensor(ADD, 1, buffer=1),
        "expected 'z' to have a buffer below 1, got 1",
    ),
    "constant of another quantization": (
        model(
            [activation("x", 1, 4), weights("c", 1, 4), activation("y", 1, 8)],
            [layer("CONCATENATION", [0, 1], [2], Axis=1)],
            [0],
            [2],
        ),
        "layer 0 'y' (CONCATENATION): expected operands quantized as the result",
    ),
    "constants of another quantization": (
        model(
            [activation("x", 1, 8), weights("c", 1, 4), activation("y", 1, 8), activation("z", 1, 8)],
            [layer("CONCATENATION", [1, 1], [2], Axis=1), layer("ADD", [0, 2], [3])],
            [0],
            [3],
        ),
        "layer 0 'y' (CONCATENATION): expected operands quantized as the result",
    ),
    "constant of another size": (
        model(
            [activation("x", 1, 4), replace(weights("c", 1, 4), shape=(1, 5)), activation("y", 1, 9)],
            [layer("CONCATENATION", [0, 1], [2], Axis=1)],
            [0],
            [2],
        ),
        "expected 5 bytes in 'c' for shape [1, 5], got 4",
    ),
    "weights of another size": (with_tensor(CONVOLUTION, 1, shape=(4, 3, 3, 2)), "expected 72 bytes in 'w' for shape"),
    "a layer that nothing reads writes into a constant": (
        model(
            [activation("x", 1, 4), weights("y", 1, 4), activation("z", 1, 4)],
            [layer("RELU", [0], [1]), layer("RELU", [0], [2])],
            [0],
            [2],
        ),
        "expected a new output tensor, but 'y' has its value already",
    ),
    "broadcast to another shape": (
        with_tensor(LAYERS["broadcast to"], 2, shape=(2, 3)),
        "expected an output of shape [4, 3], got [2, 3]",
    ),
    "ends beyond the operand, as offsets": (
        model(
            [
                activation("x", 1, 6),
                integers("begin", 0, 3),
                integers("end", 1, 5),
                integers("strides", 1, 1),
                activation("y", 1, 3),
            ],
            [layer("STRIDED_SLICE", [0, 1, 2, 3], [4], Offset=True)],
            [0],
            [4],
        ),
        "expected beginnings plus offsets up to [1, 6], got [1, 8]",
    ),
    "alpha larger than the operand": (
        model(
            [activation("x", 1, 4, 1, 2), weights("alpha", 1, 4, 3, 2), activation("y", 1, 4, 3, 2)],
            [layer("PRELU", [0, 1], [2])],
            [0],
            [2],
        ),
        "expected a result of the operand's shape [1, 4, 1, 2], got [1, 4, 3, 2]",
    ),
    "resized in two ways": (
        with_options(LAYERS["resize bilinear"], AlignCorners=True, HalfPixelCenters=True),
        "expected align_corners or half_pixel_centers, not both",
    ),
    "resized to another size": (
        with_tensor(LAYERS["resize bilinear"], 2, shape=(1, 2, 9, 4)),
        "rows and columns, got shape [1, 2, 9, 4]",
    ),
    "broadcast": (
        with_tensor(ADD, 1, shape=(1, 3)),
        "expected shapes that can be broadcast, got [1, 4] and [1, 3]",
    ),
    "add scales": (with_tensor(ADD, 2, quantization=quantized(1e-9)), "of an addition is too small"),
    "softmax scale": (with_tensor(SOFTMAX, 1, quantization=INT8), "expected a result with scale 1/256"),
    "softmax beta": (with_options(SOFTMAX, Beta=0.0), "is out of range"),
    "result shape": (with_tensor(CONVOLUTION, 3, shape=(1, 4, 4, 4)), "make 3 rows, but the result has 4"),
    "reshape": (with_tensor(RESHAPE, 2, shape=(1, 12)), "expected an output of shape [1, 24], got [1, 12]"),
    "padding of the batch": (
        model(
            [*PAD.tensors[:1], integers("paddings", 0, 1, 1, 0, 1, 0, 1, 0, shape=[4, 2]), activation("y", 2, 3, 4, 5)],
            PAD.layers,
            [0],
            [2],
        ),
        "expected a batch of 1",
    ),
    "padding of a vector": (
        model(
            [activation("x", 1, 2), integers("paddings", 0, 0, 1, 1, 0, 0, shape=[3, 2]), activation("y", 1, 4)],
            PAD.layers,
            [0],
            [2],
        ),
        "expected 4 paddings",
    ),
    **{
        f"mean over {axes}": (
            model([activation("x", 1, 4, 6, 5), integers("axes", *axes), activation("y", 1, 5)], MEAN.layers, [0], [2]),
            f"layer 0 'y' (MEAN): expected axes of shape [1, 4, 6, 5], got {list(axes)}",
        )
        for axes in ((1, 6), (1, -5))
    },
    "mean over axes that are not constant": (
        with_tensor(MEAN, 1, buffer=0),
        "layer 0 'y' (MEAN): expected input 1 to be a constant",
    ),
    "mean that keeps dimensions": (with_options(MEAN, KeepDims=True), "expected an output of shape [1, 1, 1, 5], got"),
    "mean that drops dimensions": (
        with_tensor(MEAN, 2, shape=(1, 1, 1, 5)),
        "expected an output of shape [1, 5], got [1, 1, 1, 5]",
    ),
    "mean with a scale of 0": (with_tensor(MEAN, 2, quantization=quantized(0.0)), "the output scale must not be 0"),
    "mean out of range": (with_tensor(MEAN, 2, quantization=quantized(1e-14)), "multiplier must be below 2**31"),
    "mean of too many": (with_tensor(MEAN, 0, shape=(1, 4097, 2049, 5)), "elements can leave 32 bits"),
    "axis": (with_options(CONCATENATION, Axis=2), "expected an axis from 0 to 1, got 2"),
    "concatenation of different scales": (
        with_tensor(CONCATENATION, 0, quantization=quantized(0.5)),
        "expected operands quantized as the result",
    ),
    "split": (with_options(SPLIT, NumSplits=3), "expected 3 outputs, got 2"),
    "too many inputs": (with_layer(ADD, inputs=(0, 1, 1)), "expected 2 inputs, got 3"),
    "no outputs": (with_layer(ADD, outputs=()), "expected an output, got none"),
    "many outputs": (with_layer(ADD, outputs=(2, 2)), "expected one output, got 2"),
    "the same output twice": (with_layer(SPLIT, outputs=(2, 2)), "got the same one twice"),
    "missing filter": (with_layer(CONVOLUTION, inputs=(0, -1)), "expected a constant as input 1, got none"),
    "tensor index": (with_layer(ADD, inputs=(0, 99)), "expected a tensor index below 3, got 99"),
    "negative tensor index": (with_layer(ADD, inputs=(0, -7)), "expected a tensor index below 3, got -7"),
    "buffer index": (with_tensor(ADD, 2, buffer=1 << 31), "to have a buffer below 1, got 2147483648"),
    "writes to an input": (
        replace(with_layer(ADD, outputs=(1,)), outputs=(1,)),
        "expected a new output tensor, but 'z' has its value already",
    ),
    "reads what is not made": (replace(ADD, inputs=(0,)), "expected an earlier layer to make 'z', but none does"),
    "input index": (replace(ADD, inputs=(0, 50)), "model input 1 '?': expected a tensor index below 3, got 50"),
    "input twice": (replace(ADD, inputs=(0, 1, 0)), "model input 2 'x': expected different tensors"),
    "constant input": (
        replace(CONVOLUTION, inputs=(0, 1)),
        "model input 1 'w': expected an activation, got a constant",
    ),
    "no inputs": (replace(ADD, inputs=()), "expected at least one model input, got none"),
    "output index": (replace(ADD, outputs=(-1,)), "model output 0 '?': expected a tensor index below 3, got -1"),
    "output that is a constant of floats": (
        replace(with_tensor(FULLY_CONNECTED, 1, type="float32"), outputs=(1,)),
        "model output 0 'w': expected int8 or uint8 for the constant 'w', got float32",
    ),
    "output that is a constant of integers": (
        replace(CONVOLUTION, outputs=(2,)),
        "model output 0 'b': expected int8 or uint8 for the constant 'b', got int32",
    ),
    "no model outputs": (replace(ADD, outputs=()), "expected at least one model output, got none"),
    "no layers": (replace(ADD, layers=()), "model output 0 'y': expected an input or the result of a layer"),
    "lines in a name": (with_tensor(with_tensor(ADD, 2, name="a\nb"), 2, shape=(2,)), "layer 0 'a\\nb' (ADD)"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported(name: str) -> None:
    file, expected = UNSUPPORTED[name]
    assert expected in message(write_tflite(file))


def test_all_layers_are_named_at_once() -> None:
    floats = [replace(activation(name, 1, 4, 4, 3), type="float32") for name in ("x", "a", "b", "c")]
    layers = [layer("LEAKY_RELU", [i], [i + 1], Alpha=0.1) for i in range(3)]
    with pytest.raises(UnsupportedModelError) as caught:
        import_tflite(write_tflite(model(floats, layers, [0], [3])), "float.tflite")
    assert [reason.partition(":")[0] for reason in caught.value.reasons] == [
        "layer 0 'a' (LEAKY_RELU)",
        "layer 1 'b' (LEAKY_RELU)",
        "layer 2 'c' (LEAKY_RELU)",
    ]


def test_layers_behind_an_unsupported_one_are_checked() -> None:
    tensors = [activation("x", 1, 4), activation("a", 1, 4), activation("b", 1, 5)]
    layers = [layer("LOGICAL_NOT", [0], [1]), layer("LEAKY_RELU", [1], [2], Alpha=0.1)]
    text = message(write_tflite(model(tensors, layers, [0], [2])))
    assert "layer 0 'a' (LOGICAL_NOT): this op is not supported" in text
    assert "layer 1 'b' (LEAKY_RELU): expected a result of shape [1, 4], got [1, 5]" in text
    assert "model output" not in text


# --- Files that are no models --------------------------------------------------------------------------------------

GOOD = write_tflite(CONVOLUTION)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0" * 7])
def test_hardly_a_file(data: bytes) -> None:
    assert f"expected a TensorFlow Lite model, got a file of {len(data)} bytes" in message(data)


@pytest.mark.parametrize("data", [b"\x7fELF" * 8, b"\0" * 64, GOOD[:4] + b"TFL2" + GOOD[8:]])
def test_other_files(data: bytes) -> None:
    assert "expected a TensorFlow Lite model (file identifier TFL3), got" in message(data)


def test_good_file_is_good() -> None:
    import_tflite(GOOD, "good.tflite")


def raw_model(version: int = 3, subgraphs: int = 1, buffer: tuple[int, int] | None = None, layers: int = 0) -> bytes:
    """A model with nothing in its subgraphs, and perhaps a buffer that is (offset, size) in the file."""
    builder = flatbuffers.Builder()
    buffers = None
    if buffer is not None:
        tflite.BufferStart(builder)
        tflite.BufferAddOffset(builder, buffer[0])
        tflite.BufferAddSize(builder, buffer[1])
        table = tflite.BufferEnd(builder)
        tflite.ModelStartBuffersVector(builder, 1)
        builder.PrependUOffsetTRelative(table)
        buffers = builder.EndVector()
    tflite.OperatorStart(builder)
    operator = tflite.OperatorEnd(builder)
    tflite.SubGraphStartOperatorsVector(builder, layers)
    for _ in range(layers):
        builder.PrependUOffsetTRelative(operator)
    operators = builder.EndVector()
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddOperators(builder, operators)
    graph = tflite.SubGraphEnd(builder)
    tflite.ModelStartSubgraphsVector(builder, subgraphs)
    for _ in range(subgraphs):
        builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, version)
    tflite.ModelAddSubgraphs(builder, graphs)
    if buffers is not None:
        tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def test_schema_version() -> None:
    assert "expected schema version 3, got 2" in message(raw_model(version=2))


@pytest.mark.parametrize("count", [0, 2])
def test_subgraphs(count: int) -> None:
    assert f"expected a model of one subgraph, got {count}" in message(raw_model(subgraphs=count, layers=1))


def test_subgraphs_without_layers_are_not_looked_at() -> None:
    assert "expected at least one model output" in message(raw_model(subgraphs=3))


@pytest.mark.parametrize("buffer", [(2, 1 << 40), (1 << 63, 1), ((1 << 64) - 1, (1 << 64) - 1), (1000, 0)])
def test_external_buffers(buffer: tuple[int, int]) -> None:
    assert "the file is damaged or truncated: buffer 0 lies at" in message(raw_model(buffer=buffer))


def test_nothing_in_the_subgraph() -> None:
    assert "expected at least one model output" in message(raw_model())


def test_many_tables_in_one_place() -> None:
    """A vector of tables that are all the same one stands for far more than the file holds."""
    builder = flatbuffers.Builder()
    tflite.TensorStart(builder)
    tensor = tflite.TensorEnd(builder)
    count = 20_000
    tflite.SubGraphStartTensorsVector(builder, count)
    for _ in range(count):
        builder.PrependUOffsetTRelative(tensor)
    tensors = builder.EndVector()
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    graph = tflite.SubGraphEnd(builder)
    tflite.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddSubgraphs(builder, graphs)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    data = bytearray(builder.Output())
    position = data.index(np.array([count], "<u4").tobytes())
    for length in (count + 1, 0x3FFFFFFF, 0xFFFFFFFF):
        data[position : position + 4] = np.array([length], "<u4").tobytes()
        start = time.monotonic()
        assert "damaged or truncated" in message(bytes(data))
        assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("size", range(8, len(GOOD), 4))
def test_truncated(size: int) -> None:
    assert "bad.tflite: " in message(GOOD[:size])


# --- Damage --------------------------------------------------------------------------------------------------------


def check(data: bytes) -> None:
    """Imports the bytes: anything but a CompileError is a failure, and so is taking long."""
    start = time.monotonic()
    try:
        import_tflite(data, "damaged.tflite")
    except CompileError as error:
        assert str(error).startswith("damaged.tflite: ")
    assert time.monotonic() - start < SECONDS + len(data) / 1e5


@pytest.mark.parametrize("name", LAYERS)
def test_damaged_files(name: str) -> None:
    data = write_tflite(LAYERS[name])
    for seed in range(300):
        check(mutate(data, seed))


@pytest.mark.parametrize("name", LAYERS)
def test_files_that_say_something_else(name: str) -> None:
    for seed in range(300):
        random = np.random.default_rng(seed)
        file = LAYERS[name]
        for _ in range(int(random.integers(1, 4))):
            file = change_record(file, random)
        check(write_tflite(file))


@pytest.mark.parametrize("path", real_models())
def test_damaged_real_models(path: Path) -> None:
    data = path.read_bytes()
    for seed in range(4):
        check(mutate(data, seed))
