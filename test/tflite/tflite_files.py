"""Small models as the plain data that the writer turns into files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from tinyts_mlir.tflite.file import (
    FileLayer,
    FileQuantization,
    FileTensor,
    OptionValue,
    TfliteFile,
)
from tinyts_mlir.tflite.registry import find_rule

INT8 = FileQuantization((0.05,), (-3,), 0, is_custom=False)
WEIGHTS = FileQuantization((0.02,), (0,), 0, is_custom=False)
PROBABILITIES = FileQuantization((1 / 256,), (-128,), 0, is_custom=False)


@dataclass(frozen=True)
class Constant(FileTensor):
    """A tensor with its contents, for which `model` makes a buffer."""

    data: bytes = b""


def activation(name: str, *shape: int, quantization: FileQuantization | None = INT8) -> FileTensor:
    """An int8 tensor without contents."""
    return FileTensor(0, name, "int8", shape, (), 0, quantization, is_variable=False, is_sparse=False)


FLOATS = replace(activation("x", 1, 4, quantization=None), type="float32")


def weights(name: str, *shape: int, type: str = "int8") -> Constant:
    """An int8 (or int32) constant."""
    data = (np.arange(prod(shape)) % 200 - 100).astype(type).tobytes()
    return Constant(0, name, type, shape, (), 0, WEIGHTS, is_variable=False, is_sparse=False, data=data)


def integers(name: str, *values: int, shape: Sequence[int] | None = None) -> Constant:
    """A constant such as a shape."""
    data = np.array(values, "<i4").tobytes()
    found = (len(values),) if shape is None else tuple(shape)
    return Constant(0, name, "int32", found, (), 0, None, is_variable=False, is_sparse=False, data=data)


def layer(op: str, inputs: Sequence[int], outputs: Sequence[int], **options: OptionValue) -> FileLayer:
    """A layer with options of the type that its op has."""
    rule = find_rule(op)
    options_type = rule.options.type if rule is not None and rule.options is not None else "NONE"
    return FileLayer(0, op, 1, tuple(inputs), tuple(outputs), options_type, options)


def model(
    tensors: Sequence[FileTensor], layers: Sequence[FileLayer], inputs: Sequence[int], outputs: Sequence[int]
) -> TfliteFile:
    """A model; numbers its tensors and layers."""
    buffers = [np.empty(0, np.uint8)]
    numbered: list[FileTensor] = []
    for index, tensor in enumerate(tensors):
        if isinstance(tensor, Constant):
            tensor = replace(tensor, buffer=len(buffers))
            buffers.append(np.frombuffer(tensor.data, np.uint8))
        numbered.append(replace(tensor, index=index))
    return TfliteFile(
        tuple(numbered),
        tuple(replace(layer, index=index) for index, layer in enumerate(layers)),
        tuple(inputs),
        tuple(outputs),
        tuple(buffers),
    )


def as_uint8(file: TfliteFile) -> TfliteFile:
    """The file with every int8 tensor, inputs and outputs too, as one of uint8: bytes and zero points are 128 more."""
    tensors, buffers = list(file.tensors), list(file.buffers)
    for index, tensor in enumerate(file.tensors):
        if tensor.type != "int8" or tensor.quantization is None:
            continue
        points = tuple(point + 128 for point in tensor.quantization.zero_points)
        quantization = replace(tensor.quantization, zero_points=points)
        tensors[index] = replace(tensor, type="uint8", quantization=quantization)
        if tensor.buffer:
            buffers[tensor.buffer] = file.buffers[tensor.buffer] ^ np.uint8(128)
    return replace(file, tensors=tuple(tensors), buffers=tuple(buffers))


WINDOW = {"StrideH": 1, "StrideW": 1, "Padding": 1}
BIAS = replace(weights("b", 4, type="int32"), quantization=FileQuantization((0.001,), (0,), 0, is_custom=False))

CONVOLUTION = model(
    [activation("x", 1, 5, 6, 3), weights("w", 4, 3, 3, 3), BIAS, activation("y", 1, 3, 4, 4)],
    [layer("CONV_2D", [0, 1, 2], [3], **WINDOW)],
    [0],
    [3],
)

LAYERS = {
    "convolution": CONVOLUTION,
    "depthwise": model(
        [activation("x", 1, 5, 6, 4), weights("w", 1, 3, 3, 4), BIAS, activation("y", 1, 3, 4, 4)],
        [layer("DEPTHWISE_CONV_2D", [0, 1, 2], [3], DepthMultiplier=1, **WINDOW)],
        [0],
        [3],
    ),
    "transposed convolution": model(
        [
            activation("x", 1, 3, 4, 3),
            integers("shape", 1, 6, 8, 4),
            weights("w", 4, 3, 3, 3),
            BIAS,
            activation("y", 1, 6, 8, 4),
        ],
        [layer("TRANSPOSE_CONV", [1, 2, 0, 3], [4], StrideH=2, StrideW=2, Padding=0)],
        [0],
        [4],
    ),
    "add": model(
        [activation("x", 1, 4), activation("z", 1, 4), activation("y", 1, 4)],
        [layer("ADD", [0, 1], [2])],
        [0, 1],
        [2],
    ),
    "average pool": model(
        [activation("x", 1, 4, 6, 4), activation("y", 1, 2, 3, 4)],
        [layer("AVERAGE_POOL_2D", [0], [1], FilterHeight=2, FilterWidth=2, StrideH=2, StrideW=2, Padding=1)],
        [0],
        [1],
    ),
    "mean": model(
        [activation("x", 1, 4, 6, 5), integers("axes", 1, 2), activation("y", 1, 5)],
        [layer("MEAN", [0, 1], [2])],
        [0],
        [2],
    ),
    "sum": model(
        [activation("x", 1, 4, 6, 5), integers("axes", 1, 2), activation("y", 1, 5)],
        [layer("SUM", [0, 1], [2])],
        [0],
        [2],
    ),
    **{
        name: model(
            [
                activation("x", 1, 4, 6, 5),
                integers("axis", -1, shape=()),
                replace(activation("y", 1, 4, 6, quantization=None), type="int32"),
            ],
            [layer(op, [0, 1], [2], OutputType=2)],
            [0],
            [2],
        )
        for name, op in (("arg max", "ARG_MAX"), ("arg min", "ARG_MIN"))
    },
    "reduce max": model(
        [activation("x", 1, 4, 6, 5), integers("axes", 2), activation("y", 1, 4, 5)],
        [layer("REDUCE_MAX", [0, 1], [2])],
        [0],
        [2],
    ),
    "reduce min": model(
        [activation("x", 1, 4, 6, 5), integers("axes", 1, 2), activation("y", 1, 5)],
        [layer("REDUCE_MIN", [0, 1], [2])],
        [0],
        [2],
    ),
    "max pool": model(
        [activation("x", 1, 4, 6, 4), activation("y", 1, 4, 6, 4)],
        [layer("MAX_POOL_2D", [0], [1], FilterHeight=3, FilterWidth=3, StrideH=1, StrideW=1, Padding=0)],
        [0],
        [1],
    ),
    "fully connected": model(
        [activation("x", 1, 6), weights("w", 4, 6), BIAS, activation("y", 1, 4)],
        [layer("FULLY_CONNECTED", [0, 1, 2], [3])],
        [0],
        [3],
    ),
    "batch matmul": model(
        [activation("x", 1, 3, 5), activation("z", 2, 4, 5), activation("y", 2, 3, 4)],
        [layer("BATCH_MATMUL", [0, 1], [2], AdjX=False, AdjY=True)],
        [0, 1],
        [2],
    ),
    "l2 normalization": model(
        [
            activation("x", 1, 6),
            activation("y", 1, 6, quantization=FileQuantization((1 / 128,), (0,), 0, is_custom=False)),
        ],
        [layer("L2_NORMALIZATION", [0], [1])],
        [0],
        [1],
    ),
    "softmax": model(
        [activation("x", 1, 6), activation("y", 1, 6, quantization=PROBABILITIES)],
        [layer("SOFTMAX", [0], [1], Beta=1.0)],
        [0],
        [1],
    ),
    "reshape": model(
        [activation("x", 1, 2, 3, 4), integers("shape", 1, 24), activation("y", 1, 24)],
        [layer("RESHAPE", [0, 1], [2])],
        [0],
        [2],
    ),
    "pad": model(
        [
            activation("x", 1, 2, 3, 4),
            integers("paddings", 0, 0, 1, 2, 3, 4, 5, 6, shape=[4, 2]),
            activation("y", 1, 5, 10, 15),
        ],
        [layer("PAD", [0, 1], [2])],
        [0],
        [2],
    ),
    "pad v2": model(
        [
            activation("x", 1, 4),
            integers("paddings", 0, 0, 1, 2, shape=[2, 2]),
            replace(weights("value", 1), quantization=INT8),
            activation("y", 1, 7),
        ],
        [layer("PADV2", [0, 1, 2], [3])],
        [0],
        [3],
    ),
    "concatenation": model(
        [activation("x", 1, 4), activation("z", 1, 2), activation("y", 1, 6)],
        [layer("CONCATENATION", [0, 1], [2], Axis=1)],
        [0, 1],
        [2],
    ),
    "split": model(
        [activation("x", 1, 4), integers("axis", 1, shape=[]), activation("y", 1, 2), activation("z", 1, 2)],
        [layer("SPLIT", [1, 0], [2, 3], NumSplits=2)],
        [0],
        [2, 3],
    ),
    "quantize": model([FLOATS, activation("y", 1, 4)], [layer("QUANTIZE", [0], [1])], [0], [1]),
    "dequantize": model([activation("x", 1, 4), replace(FLOATS, name="y")], [layer("DEQUANTIZE", [0], [1])], [0], [1]),
    "relu6": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("RELU6", [0], [1])], [0], [1]),
    "relu": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("RELU", [0], [1])], [0], [1]),
    "relu n1 to 1": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("RELU_N1_TO_1", [0], [1])], [0], [1]),
    "tanh": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("TANH", [0], [1])], [0], [1]),
    "hard swish": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("HARD_SWISH", [0], [1])], [0], [1]),
    "abs": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("ABS", [0], [1])], [0], [1]),
    "exp": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("EXP", [0], [1])], [0], [1]),
    "log": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("LOG", [0], [1])], [0], [1]),
    "neg": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("NEG", [0], [1])], [0], [1]),
    "sqrt": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("SQRT", [0], [1])], [0], [1]),
    "rsqrt": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("RSQRT", [0], [1])], [0], [1]),
    "elu": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("ELU", [0], [1])], [0], [1]),
    "log softmax": model(
        [
            activation("x", 1, 6),
            activation("y", 1, 6, quantization=FileQuantization((1 / 16,), (127,), 0, is_custom=False)),
        ],
        [layer("LOG_SOFTMAX", [0], [1])],
        [0],
        [1],
    ),
    "gelu": model([activation("x", 1, 4), activation("y", 1, 4)], [layer("GELU", [0], [1], Approximate=1)], [0], [1]),
    "logistic": model(
        [activation("x", 1, 4), activation("y", 1, 4, quantization=PROBABILITIES)],
        [layer("LOGISTIC", [0], [1])],
        [0],
        [1],
    ),
    "sub": model(
        [activation("x", 1, 4), activation("z", 4), activation("y", 1, 4)], [layer("SUB", [0, 1], [2])], [0, 1], [2]
    ),
    "mul": model(
        [activation("x", 1, 4), activation("z", 4), activation("y", 1, 4)], [layer("MUL", [0, 1], [2])], [0, 1], [2]
    ),
    "minimum": model(
        [activation("x", 1, 4), activation("z", 4), activation("y", 1, 4)], [layer("MINIMUM", [0, 1], [2])], [0, 1], [2]
    ),
    "maximum": model(
        [activation("x", 1, 4), activation("z", 4), activation("y", 1, 4)], [layer("MAXIMUM", [0, 1], [2])], [0, 1], [2]
    ),
    "squared difference": model(
        [activation("x", 1, 4), activation("z", 4), activation("y", 1, 4)],
        [layer("SQUARED_DIFFERENCE", [0, 1], [2])],
        [0, 1],
        [2],
    ),
    "div": model(
        [activation("x", 1, 4), activation("z", 4), activation("y", 1, 4)], [layer("DIV", [0, 1], [2])], [0, 1], [2]
    ),
    "mul by a constant": model(
        [activation("x", 1, 3, 2, 4), weights("w", 4), activation("y", 1, 3, 2, 4)],
        [layer("MUL", [0, 1], [2])],
        [0],
        [2],
    ),
    "leaky relu": model(
        [activation("x", 1, 4), activation("y", 1, 4)], [layer("LEAKY_RELU", [0], [1], Alpha=0.1)], [0], [1]
    ),
    "transpose": model(
        [activation("x", 1, 2, 3, 4), integers("axes", 0, 1, 3, 2), activation("y", 1, 2, 4, 3)],
        [layer("TRANSPOSE", [0, 1], [2])],
        [0],
        [2],
    ),
    "strided slice": model(
        [
            activation("x", 1, 4, 6),
            integers("begin", 0, 1, 5),
            integers("end", 0, 3, 0),
            integers("strides", 1, 1, -2),
            activation("y", 2, 3),
        ],
        [layer("STRIDED_SLICE", [0, 1, 2, 3], [4], ShrinkAxisMask=1)],
        [0],
        [4],
    ),
    "slice": model(
        [activation("x", 1, 4, 6), integers("begin", 0, 1, 2), integers("size", 1, 2, -1), activation("y", 1, 2, 4)],
        [layer("SLICE", [0, 1, 2], [3])],
        [0],
        [3],
    ),
    "split v": model(
        [
            activation("x", 1, 6),
            integers("sizes", 2, -1),
            integers("axis", 1, shape=[]),
            activation("y", 1, 2),
            activation("z", 1, 4),
        ],
        [layer("SPLIT_V", [0, 1, 2], [3, 4])],
        [0],
        [3, 4],
    ),
    "unpack": model(
        [activation("x", 1, 2, 3), activation("y", 1, 3), activation("z", 1, 3)],
        [layer("UNPACK", [0], [1, 2], Axis=1, Num=2)],
        [0],
        [1, 2],
    ),
    "pack": model(
        [activation("x", 1, 3), activation("z", 1, 3), activation("y", 1, 3, 2)],
        [layer("PACK", [0, 1], [2], Axis=-1, ValuesCount=2)],
        [0, 1],
        [2],
    ),
    "expand dimensions": model(
        [activation("x", 1, 3), integers("axis", 1, shape=[]), activation("y", 1, 1, 3)],
        [layer("EXPAND_DIMS", [0, 1], [2])],
        [0],
        [2],
    ),
    "squeeze": model([activation("x", 1, 1, 3), activation("y", 1, 3)], [layer("SQUEEZE", [0], [1])], [0], [1]),
    "gather": model(
        [activation("x", 1, 3, 4), integers("indices", 2, 0), activation("y", 1, 2, 4)],
        [layer("GATHER", [0, 1], [2], Axis=1)],
        [0],
        [2],
    ),
    "tile": model(
        [activation("x", 1, 3), integers("multiples", 1, 2), activation("y", 1, 6)],
        [layer("TILE", [0, 1], [2])],
        [0],
        [2],
    ),
    "broadcast to": model(
        [activation("x", 1, 3), integers("shape", 4, 3), activation("y", 4, 3)],
        [layer("BROADCAST_TO", [0, 1], [2])],
        [0],
        [2],
    ),
    "mirror pad": model(
        [activation("x", 1, 4), integers("paddings", 0, 0, 2, 1, shape=[2, 2]), activation("y", 1, 7)],
        [layer("MIRROR_PAD", [0, 1], [2], Mode=1)],
        [0],
        [2],
    ),
    "prelu": model(
        [activation("x", 1, 4, 3, 2), weights("alpha", 1, 1, 2), activation("y", 1, 4, 3, 2)],
        [layer("PRELU", [0, 1], [2])],
        [0],
        [2],
    ),
    "resize nearest neighbor": model(
        [activation("x", 1, 2, 3, 4), integers("size", 4, 6), activation("y", 1, 4, 6, 4)],
        [layer("RESIZE_NEAREST_NEIGHBOR", [0, 1], [2], AlignCorners=False, HalfPixelCenters=True)],
        [0],
        [2],
    ),
    "resize bilinear": model(
        [activation("x", 1, 2, 3, 4), integers("size", 4, 6), activation("y", 1, 4, 6, 4)],
        [layer("RESIZE_BILINEAR", [0, 1], [2], AlignCorners=True, HalfPixelCenters=False)],
        [0],
        [2],
    ),
    "depth to space": model(
        [activation("x", 1, 2, 3, 4), activation("y", 1, 4, 6, 1)],
        [layer("DEPTH_TO_SPACE", [0], [1], BlockSize=2)],
        [0],
        [1],
    ),
    "space to depth": model(
        [activation("x", 1, 4, 6, 1), activation("y", 1, 2, 3, 4)],
        [layer("SPACE_TO_DEPTH", [0], [1], BlockSize=2)],
        [0],
        [1],
    ),
}
"""A model of one layer for each op that can be compiled."""
