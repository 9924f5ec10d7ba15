"""What files leave out or say oddly, made plain: slips of converters that TFLM runs, though LiteRT refuses some.

One it takes without a word, and reads beyond the ends of biases: `with_bias_types`.
"""

from __future__ import annotations

from dataclasses import replace

import tflite

from tinyts_mlir.tflite.file import FileLayer, FileQuantization, FileTensor, TfliteFile

BIAS_TYPE = "QuantizedBiasType"
"""The option that says how wide a bias is."""
OPEN = -1
"""The size of a dimension that a file leaves open."""


BIASED_LAYERS = {"CONV_2D": (0, 2), "FULLY_CONNECTED": (0, 2), "TRANSPOSE_CONV": (2, 3)}
"""The inputs of layers that are their maps and their biases, where options say how wide a bias of an int16 map is."""


def with_bias_types(file: TfliteFile) -> TfliteFile:
    """The file with options that say of int32 biases of int16 maps that they are; the same object where all do.

    LiteRT takes a bias of which nothing is said for int64, and reads beyond its end; TFLM looks at the tensor.
    """
    layers = tuple(_with_bias_type(file, layer) for layer in file.layers)
    same = all(one is other for one, other in zip(layers, file.layers, strict=True))
    return file if same else replace(file, layers=layers)


def _with_bias_type(file: TfliteFile, layer: FileLayer) -> FileLayer:
    positions = BIASED_LAYERS.get(layer.op)
    if positions is None or len(layer.inputs) <= positions[1] or layer.options.get(BIAS_TYPE):
        return layer
    indices = [layer.inputs[position] for position in positions]
    if not all(0 <= index < len(file.tensors) for index in indices):
        return layer
    if [file.tensors[index].type for index in indices] != ["int16", "int32"]:
        return layer
    return replace(layer, options={**layer.options, BIAS_TYPE: tflite.TensorType.INT32})


def repaired(file: TfliteFile) -> TfliteFile:
    """The file with its tensors repaired, and `with_bias_types`; the same object where there is nothing to repair.

    An open batch is 1. Zero points that are missing are 0, and one is for all scales. The dimension along which a
    vector is quantized is its only one.
    """
    file = with_bias_types(file)
    tensors = tuple(map(_repaired, file.tensors))
    same = all(one is other for one, other in zip(tensors, file.tensors, strict=True))
    return file if same else replace(file, tensors=tensors)


def _repaired(tensor: FileTensor) -> FileTensor:
    if len(tensor.shape) > 1 and tensor.shape[0] == OPEN:
        tensor = replace(tensor, shape=(1, *tensor.shape[1:]))
    if tensor.quantization is None or tensor.quantization.is_custom:
        return tensor
    quantization = _repaired_quantization(tensor.quantization, tensor.shape)
    return tensor if quantization == tensor.quantization else replace(tensor, quantization=quantization)


def _repaired_quantization(quantization: FileQuantization, shape: tuple[int, ...]) -> FileQuantization:
    count, zero_points = len(quantization.scales), quantization.zero_points
    if len(zero_points) <= 1 < count or (count == 1 and not zero_points):
        quantization = replace(quantization, zero_points=(zero_points or (0,)) * count)
    if quantization.dimension != 0 and (count == 1 or shape == (count,)):
        quantization = replace(quantization, dimension=0)
    return quantization
