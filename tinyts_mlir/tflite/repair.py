"""What files leave out or say oddly, made plain: slips of converters that TFLM runs, though LiteRT refuses some."""

from __future__ import annotations

from dataclasses import replace

from tinyts_mlir.tflite.file import FileQuantization, FileTensor, TfliteFile

OPEN = -1
"""The size of a dimension that a file leaves open."""


def repaired(file: TfliteFile) -> TfliteFile:
    """The file with its tensors repaired; the same object where there is nothing to repair.

    An open batch is 1. Zero points that are missing are 0, and one is for all scales. The dimension along which a
    vector is quantized is its only one.
    """
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
