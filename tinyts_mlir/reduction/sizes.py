"""Smaller maps: the inputs of a model with less height or width, and what its layers make of them.

A size is carried forward through layers for which a simple rule says what comes out; where one has none, there is no
smaller file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tinyts_mlir.tflite.file import FileLayer, OptionValue, TfliteFile

HEIGHT, WIDTH = 1, 2
MAP_RANK = 4
SAME_PADDING = 0

SHRINK: tuple[Callable[[int], int], ...] = (lambda size: 1, lambda size: size // 2, lambda size: size - 1)
"""What is tried for a size, the smallest first."""

Shapes = dict[int, tuple[int, ...]]


def smaller_files(file: TfliteFile) -> Iterator[TfliteFile]:
    """Files with less height or width; layers are as they were, but for pools over whole maps."""
    for axis in (HEIGHT, WIDTH):
        for shrink in SHRINK:
            if (resized := _resized(file, axis, shrink)) is not None:
                yield resized


def _resized(file: TfliteFile, axis: int, shrink: Callable[[int], int]) -> TfliteFile | None:
    shapes: Shapes = {}
    for number in file.inputs:
        shape = file.tensors[number].shape
        if len(shape) == MAP_RANK and (size := max(shrink(shape[axis]), 1)) < shape[axis]:
            shapes[number] = (*shape[:axis], size, *shape[axis + 1 :])
    if not shapes:
        return None
    layers: list[FileLayer] = []
    for layer in file.layers:
        if all(tensor not in shapes for tensor in layer.inputs):
            layers.append(layer)
        elif (changed := _carry(file, layer, axis, shapes)) is not None:
            layers.append(changed)
        else:
            return None
    tensors = [
        replace(tensor, shape=shapes[tensor.index], signature=()) if tensor.index in shapes else tensor
        for tensor in file.tensors
    ]
    return replace(file, tensors=tuple(tensors), layers=tuple(layers))


def _carry(file: TfliteFile, layer: FileLayer, axis: int, shapes: Shapes) -> FileLayer | None:
    """The layer, with another window where that is the whole map; where its output's shape changes, `shapes` has it."""
    number = next(tensor for tensor in layer.inputs if tensor in shapes)
    old, new = file.tensors[number].shape, shapes[number]
    if len(layer.outputs) != 1 or len(old) != MAP_RANK:
        return None
    result = file.tensors[layer.outputs[0]].shape
    options: dict[str, OptionValue] = {}
    if layer.op == "MEAN" and (len(result) < MAP_RANK or result[axis] == 1):
        return layer
    if len(result) != MAP_RANK:
        return None
    if layer.op in _WINDOWS:
        window = _window(file, layer, axis)
        if window == old[axis] and layer.op in _POOLS:
            window = new[axis]
            options = {_FILTER[axis]: window}
        size = _windowed(layer, axis, new[axis], window)
    elif layer.op == "PAD":
        size = new[axis] + result[axis] - old[axis]
    elif result[axis] == old[axis]:
        size = new[axis]  # element by element, or a concatenation along another axis
    else:
        return None
    if size < 1:
        return None
    if size != result[axis]:
        shapes[layer.outputs[0]] = (*result[:axis], size, *result[axis + 1 :])
    return replace(layer, options={**layer.options, **options})


_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
_WINDOWS = ("CONV_2D", "DEPTHWISE_CONV_2D", *_POOLS)
_FILTER = {HEIGHT: "FilterHeight", WIDTH: "FilterWidth"}
_STRIDE = {HEIGHT: "StrideH", WIDTH: "StrideW"}
_DILATION = {HEIGHT: "DilationHFactor", WIDTH: "DilationWFactor"}


def _window(file: TfliteFile, layer: FileLayer, axis: int) -> int:
    """How many rows or columns an output reads."""
    if layer.op in _POOLS:
        return int(layer.options[_FILTER[axis]])
    size = file.tensors[layer.inputs[1]].shape[axis]
    return (size - 1) * max(int(layer.options[_DILATION[axis]]), 1) + 1


def _windowed(layer: FileLayer, axis: int, size: int, window: int) -> int:
    """How many outputs there are along an axis of so many inputs; less than 1 where the window does not fit."""
    stride = max(int(layer.options[_STRIDE[axis]]), 1)
    reach = size if int(layer.options["Padding"]) == SAME_PADDING else size - window + 1
    return -(-reach // stride)
