"""What of a file's layers is known before any of them runs, and what of them nothing reads.

Converters leave arithmetic on shapes in their files: a SHAPE, a few slices, a PACK that a RESHAPE reads. Here shapes
are fixed, so such layers are run once, in numpy, and their results become constants of the file. So do those of layers
that move the bytes of int8 constants; what computes with such is left to its kernel, which knows how it rounds. A
tensor whose batch is open has a batch of 1. Layers whose results nothing reads go. What cannot be known stays as it is,
and whoever reads it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile
from tinyts_mlir.tflite.slices import MASKS, strided_slice_index

IntegerArray = npt.NDArray[Any]

PLAIN_TYPES = {"int32": np.dtype("<i4"), "int64": np.dtype("<i8"), "bool": np.dtype("?")}
INTEGER_TYPES = {**PLAIN_TYPES, "int8": np.dtype("i1"), "uint8": np.dtype("u1")}
MOST_ELEMENTS = 1 << 16
"""Of a tensor that is worked out here: shapes and indices have a few."""
MOST_RANK = 8


def fold_constants(file: TfliteFile) -> TfliteFile:
    """The file with its known integers as constants, and without layers that nothing needs."""
    return _without_unread_layers(_Folder(file).folded())


class _Folder:
    def __init__(self, file: TfliteFile) -> None:
        self.file = replace(file, tensors=tuple(map(_with_batch, file.tensors)))
        self.known: dict[int, IntegerArray] = {}
        """The results of layers that have been run."""

    def folded(self) -> TfliteFile:
        rest: list[FileLayer] = []
        for layer in self.file.layers:
            results = self.run(layer)
            if results is None:
                rest.append(layer)
            else:
                self.known |= zip(layer.outputs, results, strict=True)
        if not self.known:
            return self.file
        tensors, buffers = list(self.file.tensors), list(self.file.buffers)
        for index, value in self.known.items():
            tensors[index] = replace(tensors[index], shape=value.shape, signature=(), buffer=len(buffers))
            buffers.append(np.frombuffer(value.tobytes(), np.uint8))
        return replace(self.file, tensors=tuple(tensors), layers=tuple(rest), buffers=tuple(buffers))

    def run(self, layer: FileLayer) -> list[IntegerArray] | None:
        """The results of a layer; None where they cannot be known."""
        tensors = self.file.tensors
        if not all(0 <= index < len(tensors) for index in (*layer.inputs, *layer.outputs)) or not layer.outputs:
            return None
        types = [INTEGER_TYPES.get(tensors[index].type) for index in layer.outputs]
        if layer.op == "SHAPE" and len(layer.inputs) == 1 and tensors[layer.outputs[0]].type in PLAIN_TYPES:
            known = self.known.get(layer.inputs[0])
            shape = tensors[layer.inputs[0]].shape if known is None else known.shape
            return [np.array(shape, types[0])] if all(size > 0 for size in shape) else None
        fold = FOLDS.get(layer.op)
        if fold is None or None in types or not (self.is_plain(layer) or self.moves_bytes(layer)):
            return None
        inputs = [self.value(index) for index in layer.inputs]
        known = [value for value in inputs if value is not None]
        if len(known) != len(inputs):
            return None
        try:
            results = fold(layer, known, [tensors[index].shape for index in layer.outputs])
        except (ValueError, IndexError, TypeError, KeyError, OverflowError, ZeroDivisionError, MemoryError):
            return None  # a damaged layer: its rule, or that of the layer which reads it, says what is wrong
        if len(results) != len(types) or any(value.size > MOST_ELEMENTS for value in results):
            return None
        return [np.asarray(value, type, order="C") for value, type in zip(results, types, strict=True)]

    def is_plain(self, layer: FileLayer) -> bool:
        """Whether a layer's tensors are integers that stand for themselves."""
        return all(self.file.tensors[index].type in PLAIN_TYPES for index in (*layer.inputs, *layer.outputs))

    def moves_bytes(self, layer: FileLayer) -> bool:
        """Whether a layer's results are elements of its operands, as LiteRT has it for these quantizations."""
        if layer.op not in MOVES or (layer.op == "CONCATENATION" and layer.options.get("FusedActivationFunction")):
            return False
        operands, axes = (layer.inputs, ()) if layer.op in JOINING else _operand_and_axes(layer)
        results = [self.file.tensors[index] for index in layer.outputs]
        moved = [self.file.tensors[index] for index in operands]
        return (
            all(tensor.type == results[0].type for tensor in (*moved, *results))
            and all(self.file.tensors[index].type in PLAIN_TYPES for index in axes)
            and (layer.op != "CONCATENATION" or all(t.quantization == results[0].quantization for t in moved))
        )

    def value(self, index: int) -> IntegerArray | None:
        """The contents of a tensor, where they are known integers."""
        if index in self.known:
            return self.known[index]
        tensor = self.file.tensors[index]
        type = INTEGER_TYPES.get(tensor.type)
        if type is None or tensor.is_variable or tensor.is_sparse or tensor.buffer >= len(self.file.buffers):
            return None
        content = self.file.buffers[tensor.buffer]
        fits = all(size > 0 for size in tensor.shape) and len(tensor.shape) <= MOST_RANK
        elements = prod(tensor.shape)
        if not fits or elements > MOST_ELEMENTS or not len(content) or len(content) != elements * type.itemsize:
            return None
        return np.frombuffer(content.tobytes(), type).reshape(tensor.shape)


def _operand_and_axes(layer: FileLayer) -> tuple[Sequence[int], Sequence[int]]:
    """The operand whose elements a layer moves, and its other inputs, which say where to."""
    position = 0 if layer.op not in AXIS_FIRST else 1
    others = (*layer.inputs[:position], *layer.inputs[position + 1 :])
    return layer.inputs[position : position + 1], others


def _with_batch(tensor: FileTensor) -> FileTensor:
    """The tensor with a batch of 1 where the file leaves it open."""
    if len(tensor.shape) > 1 and tensor.shape[0] < 1 and len(tensor.signature) in (0, len(tensor.shape)):
        return replace(tensor, shape=(1, *tensor.shape[1:]))
    return tensor


def _without_unread_layers(file: TfliteFile) -> TfliteFile:
    """The file without layers whose results are no outputs and which no layer reads that is needed.

    A layer without results does something else, and stays; so does one that writes into a constant, to be refused.
    """
    if not file.outputs:
        return file
    read = set(file.outputs)
    layers: list[FileLayer] = []
    for layer in reversed(file.layers):
        if not layer.outputs or not read.isdisjoint(layer.outputs) or _writes_constant(file, layer):
            layers.append(layer)
            read.update(layer.inputs)
    return replace(file, layers=tuple(reversed(layers)))


def _writes_constant(file: TfliteFile, layer: FileLayer) -> bool:
    """Whether a result of a layer has contents already."""
    buffers = [file.tensors[index].buffer for index in layer.outputs if 0 <= index < len(file.tensors)]
    return any(0 <= buffer < len(file.buffers) and len(file.buffers[buffer]) > 0 for buffer in buffers)


# --- What layers make of integers ----------------------------------------------------------------------------------

Shapes = Sequence[tuple[int, ...]]
Fold = Callable[[FileLayer, Sequence[IntegerArray], Shapes], Sequence[IntegerArray]]


def _elementwise(function: Callable[..., Any]) -> Fold:
    """A fold that is one numpy function of the inputs."""
    return lambda layer, inputs, shapes: [np.asarray(function(*inputs))]


def _reduction(function: Callable[..., Any]) -> Fold:
    def fold(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
        values, axes = inputs
        chosen = tuple(int(axis) for axis in axes.reshape(-1))
        return [np.asarray(function(values, axis=chosen, keepdims=bool(layer.options["KeepDims"])))]

    return fold


def _strided_slice(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    values, *bounds = inputs
    masks = [int(layer.options[mask]) for mask in MASKS]
    begin, end, strides = (bound.reshape(-1).tolist() for bound in bounds)
    return [np.asarray(values[strided_slice_index(begin, end, strides, masks, bool(layer.options["Offset"]))])]


def _slice(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    values, begin, size = inputs
    bounds = zip(begin.reshape(-1).tolist(), size.reshape(-1).tolist(), strict=True)
    return [values[tuple(slice(first, None if count == -1 else first + count) for first, count in bounds)]]


def _pack(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    return [np.stack(inputs, axis=int(layer.options["Axis"]))]


def _unpack(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    [values] = inputs
    return list(np.moveaxis(values, int(layer.options["Axis"]), 0))


def _concatenation(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    return [np.concatenate(inputs, axis=int(layer.options["Axis"]))]


def _gather(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    if layer.options["BatchDims"]:
        raise ValueError("batches are not gathered here")
    return [np.take(inputs[0], inputs[1], axis=int(layer.options["Axis"]))]


def _into_result_shape(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    """EXPAND_DIMS, SQUEEZE and CAST: the same elements in the shape that the file gives the result."""
    return [inputs[0].reshape(shapes[0])]


def _reshape(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    return [inputs[0].reshape(inputs[1].reshape(-1).tolist() if len(inputs) > 1 else shapes[0])]


def _bounded(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape that is not too large to be made."""
    sizes = tuple(int(size) for size in shape)
    if prod(sizes) > MOST_ELEMENTS or min(sizes, default=0) < 0:
        raise ValueError("too large a shape")
    return sizes


def _fill(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    return [np.full(_bounded(inputs[0].reshape(-1).tolist()), inputs[1].reshape(-1)[0])]


def _tile(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    repeats = inputs[1].reshape(-1).tolist()
    _bounded([size * times for size, times in zip(inputs[0].shape, repeats, strict=True)])
    return [np.tile(inputs[0], repeats)]


def _broadcast_to(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    return [np.broadcast_to(inputs[0], _bounded(inputs[1].reshape(-1).tolist()))]


def _transpose(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    return [np.transpose(inputs[0], inputs[1].reshape(-1).tolist())]


def _split(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    return np.split(inputs[1], len(shapes), axis=int(inputs[0].reshape(-1)[0]))


def _range(layer: FileLayer, inputs: Sequence[IntegerArray], shapes: Shapes) -> list[IntegerArray]:
    start, limit, delta = (int(value.reshape(-1)[0]) for value in inputs)
    _bounded([len(range(start, limit, delta))])
    return [np.arange(start, limit, delta)]


FOLDS: dict[str, Fold] = {
    "ADD": _elementwise(np.add),
    "SUB": _elementwise(np.subtract),
    "MUL": _elementwise(np.multiply),
    "MINIMUM": _elementwise(np.minimum),
    "MAXIMUM": _elementwise(np.maximum),
    "FLOOR_DIV": _elementwise(np.floor_divide),
    "FLOOR_MOD": _elementwise(np.mod),
    "NEG": _elementwise(np.negative),
    "ABS": _elementwise(np.abs),
    "EQUAL": _elementwise(np.equal),
    "LESS": _elementwise(np.less),
    "GREATER": _elementwise(np.greater),
    "SELECT": _elementwise(np.where),
    "SELECT_V2": _elementwise(np.where),
    "REDUCE_PROD": _reduction(np.prod),
    "REDUCE_MAX": _reduction(np.max),
    "REDUCE_MIN": _reduction(np.min),
    "SUM": _reduction(np.sum),
    "CAST": _into_result_shape,
    "EXPAND_DIMS": _into_result_shape,
    "SQUEEZE": _into_result_shape,
    "RESHAPE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "SLICE": _slice,
    "PACK": _pack,
    "UNPACK": _unpack,
    "CONCATENATION": _concatenation,
    "GATHER": _gather,
    "FILL": _fill,
    "TILE": _tile,
    "BROADCAST_TO": _broadcast_to,
    "RANGE": _range,
    "TRANSPOSE": _transpose,
    "SPLIT": _split,
}

JOINING = ("CONCATENATION", "PACK")
"""Layers all of whose operands are moved."""
AXIS_FIRST = ("SPLIT",)
"""Layers whose second operand is moved."""
MOVES = frozenset(
    (
        *JOINING,
        *AXIS_FIRST,
        "BROADCAST_TO",
        "EXPAND_DIMS",
        "GATHER",
        "RESHAPE",
        "SLICE",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TILE",
        "TRANSPOSE",
        "UNPACK",
    )
)
"""Layers that move elements whatever they stand for."""

OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "REDUCE_PROD": ("ReducerOptions", ("KeepDims",)),
    "REDUCE_MAX": ("ReducerOptions", ("KeepDims",)),
    "REDUCE_MIN": ("ReducerOptions", ("KeepDims",)),
    "SUM": ("ReducerOptions", ("KeepDims",)),
    "SHAPE": ("ShapeOptions", ("OutType",)),
    "STRIDED_SLICE": ("StridedSliceOptions", (*MASKS, "Offset")),
    "PACK": ("PackOptions", ("Axis", "ValuesCount")),
    "UNPACK": ("UnpackOptions", ("Axis", "Num")),
    "GATHER": ("GatherOptions", ("Axis", "BatchDims")),
}
"""The options that folds read of ops that may have no rule, or that LiteRT needs to run a file that was repaired: the
schema's type of them, and fields."""
