"""Layers that become several ops: what LiteRT makes of the file, the interpreter makes of the module."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tflite"))
from tflite_files import INT8, FileQuantization, activation, integers, layer, model, weights

from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.tflite.file import FileLayer, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

OTHER = FileQuantization((0.031,), (7,), 0, is_custom=False)
Shape = tuple[int, ...]
Pair = tuple[int, int]
UNVERSIONED = ("EXPAND_DIMS", "SQUEEZE", "RESHAPE")


def versioned(file: TfliteFile) -> TfliteFile:
    """The file with layers of the version that has int8."""
    return replace(
        file, layers=tuple(replace(layer, version=1 if layer.op in UNVERSIONED else 2) for layer in file.layers)
    )


def on_constants(
    op: str, shape: Shape, constants: Sequence[tuple[Sequence[int], Shape | None]], *results: Shape, **options: Any
) -> TfliteFile:
    """A layer on one activation and constants."""
    quantization = OTHER if op in ("MEAN", "SUM") else INT8
    tensors = [activation("x", *shape)]
    tensors += [integers(f"c{n}", *values, shape=size) for n, (values, size) in enumerate(constants)]
    outputs = range(len(tensors), len(tensors) + len(results))
    tensors += [activation(f"y{n}", *result, quantization=quantization) for n, result in enumerate(results)]
    return versioned(model(tensors, [layer(op, range(len(constants) + 1), outputs, **options)], [0], outputs))


def reductions() -> Iterator[TfliteFile]:
    for op in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"):
        for shape in ((1, 3, 4, 5), (2, 3, 4), (3, 5), (1, 2, 3, 2, 2)):
            for count in (1, 2, 3):
                for axes in combinations(range(len(shape)), count):
                    keep = sum(axes) % 2 == 0
                    kept = [1 if k in axes else size for k, size in enumerate(shape) if keep or k not in axes]
                    if kept and (len(kept) != 4 or kept[0] == 1):
                        yield on_constants(op, shape, [(axes, None)], tuple(kept), KeepDims=keep)


def slices() -> Iterator[TfliteFile]:
    def strided(shape: Shape, begin: Shape, end: Shape, strides: Shape, result: Shape, **masks: int) -> TfliteFile:
        bounds: list[tuple[Shape, None]] = [(begin, None), (end, None), (strides, None)]
        return on_constants("STRIDED_SLICE", shape, bounds, result, **masks)

    yield strided((1, 6, 5, 4), (0, 1, 0, 0), (1, 5, 5, 4), (1, 2, 1, 1), (1, 2, 5, 4))
    yield strided((1, 6, 5, 4), (0, -1, 0, 0), (1, 0, 3, 4), (1, -2, 1, 1), (1, 3, 3, 4))
    yield strided((1, 6, 5, 4), (0, 2, 0, 0), (1, 3, 9, -1), (1, 1, 2, 1), (1, 3, 3), ShrinkAxisMask=2)
    yield strided((1, 6, 5, 4), (0, 0, 1, 0), (0, 0, 4, 0), (1, 1, 1, 1), (1, 6, 3, 4), BeginMask=11, EndMask=11)
    yield strided((1, 6, 5, 4), (0, 1), (0, 3), (1, 1), (1, 6, 5, 2), EllipsisMask=1)
    yield strided((6, 5), (0, 0, 1), (0, 6, 4), (1, 2, 1), (1, 3, 3), NewAxisMask=1)
    yield strided((7,), (5,), (0,), (-1,), (6,), EndMask=1)
    yield on_constants("SLICE", (1, 6, 5, 4), [((0, 1, 2, 1), None), ((1, -1, 2, 3), None)], (1, 5, 2, 3))
    yield on_constants("SLICE", (3, 4), [((1, 0), None), ((2, 4), None)], (2, 4))
    for axis, sizes in ((1, (1, 3, 2)), (2, (2, 3)), (3, (1, -1)), (-1, (2, 2))):
        parts = [size if size > 0 else 3 for size in sizes]
        results = [tuple(p if k == axis % 4 else size for k, size in enumerate((1, 6, 5, 4))) for p in parts]
        yield on_constants("SPLIT_V", (1, 6, 5, 4), [(sizes, None), ((axis,), ())], *results, NumSplits=len(results))
    for axis in (1, 2, -1):
        rest = tuple(size for k, size in enumerate((1, 2, 3)) if k != axis % 3)
        yield on_constants("UNPACK", (1, 2, 3), [], *[rest] * (1, 2, 3)[axis], Axis=axis, Num=(1, 2, 3)[axis])
    for paddings, shape in (
        ((0, 0, 2, 1, 0, 0), (1, 4, 3)),
        ((1, 2, 0, 3), (4, 3)),
        ((0, 0, 1, 0, 0, 0, 2, 2), (1, 2, 3, 2)),
    ):
        result = tuple(size + paddings[2 * k] + paddings[2 * k + 1] for k, size in enumerate(shape))
        yield on_constants("PAD", shape, [(paddings, (len(shape), 2))], result)
    yield on_constants("PAD", (1, 2, 2, 3, 2), [((0, 0, 0, 0, 1, 1, 0, 0, 1, 0), (5, 2))], (1, 2, 4, 3, 3))
    yield on_constants("EXPAND_DIMS", (1, 4, 3), [((1,), ())], (1, 1, 4, 3))
    yield on_constants("SQUEEZE", (1, 1, 4, 3), [], (4, 3))
    yield on_constants("GATHER", (1, 4, 3), [((2, 0, 3, 3), (2, 2))], (1, 2, 2, 3), Axis=1)
    for shape, paddings, result in (
        ((1, 3), (0, 0, 1, 2), (1, 6)),
        ((1, 2, 3, 2), (0, 0, 1, 0, 0, 2, 0, 0), (1, 3, 5, 2)),
    ):
        value = replace(weights("value", 1), quantization=INT8)
        tensors = [activation("x", *shape), integers("p", *paddings, shape=(len(shape), 2)), value]
        tensors.append(activation("y", *result))
        yield versioned(model(tensors, [layer("PADV2", [0, 1, 2], [3])], [0], [3]))
    for axis in (0, 1, -1):
        tensors = [activation("x", 1, 4, 3), activation("z", 1, 4, 3)]
        result = [1, 4, 3]
        result.insert(axis if axis >= 0 else 3, 2)
        if result[0] == 1:
            tensors.append(activation("y", *result))
            yield versioned(model(tensors, [layer("PACK", [0, 1], [2], Axis=axis, ValuesCount=2)], [0, 1], [2]))


def connections() -> Iterator[TfliteFile]:
    """FULLY_CONNECTED with weights that are an input, or that a layer makes."""
    bias = weights("b", 4, type="int32")
    assert bias.quantization is not None
    bias = replace(bias, quantization=replace(bias.quantization, scales=(0.05 * 0.05,)))
    for shape, keep in (((2, 6), False), ((2, 6), True), ((2, 2, 6), True), ((1, 2, 3, 6), True), ((3, 4), False)):
        vectors = prod(shape) // 6
        result = (*shape[:-1], 4) if keep else (vectors, 4)
        tensors = [activation("x", *shape), activation("w", 4, 6), activation("a", 4, 6), bias]
        tensors.append(activation("y", *result, quantization=OTHER))
        for inputs in ([0, 1, 3], [0, 2, 3], [0, 2]):
            layers = [layer("RELU", [1], [2]), layer("FULLY_CONNECTED", inputs, [4], KeepNumDims=keep)]
            file = versioned(model(tensors, layers[2 not in inputs :], [0, 1], [4]))
            versions = {"RELU": 2, "FULLY_CONNECTED": 9}
            yield replace(file, layers=tuple(replace(one, version=versions[one.op]) for one in file.layers))


def dilated(
    op: str, shape: Shape, size: Pair, block: Sequence[int], pads: Sequence[int], crops: Sequence[int], is_1d: bool
) -> TfliteFile:
    """A convolution with dilation as converters write it: of batches; in a file of 1-D ones, with another rank."""
    spatial, channels = shape[1:-1], shape[-1]
    padded = [size + pads[2 * k] + pads[2 * k + 1] for k, size in enumerate(spatial)]
    batch, inner = prod(block), [size // step for size, step in zip(padded, block, strict=True)]
    map = [1, *inner] if is_1d else inner
    convolved = [extent - window + 1 for extent, window in zip(map, size, strict=True)]
    result = [
        extent * step - crops[2 * k] - crops[2 * k + 1]
        for k, (extent, step) in enumerate(zip(convolved[-len(block) :], block, strict=True))
    ]
    filter = weights("w", *((1, *size, channels) if op == "DEPTHWISE_CONV_2D" else (channels, *size, channels)))
    bias = weights("b", channels, type="int32")
    assert bias.quantization is not None
    bias = replace(bias, quantization=replace(bias.quantization, scales=(0.001,)))
    tensors = [
        activation("x", *shape),
        integers("block", *block),
        integers("pads", *pads, shape=(len(block), 2)),
        activation("batches", batch, *inner, channels),
        filter,
        bias,
        activation("convolved", batch, *convolved, channels, quantization=OTHER),
        integers("crops", *crops, shape=(len(block), 2)),
        activation("y", 1, *result, channels, quantization=OTHER),
        integers("axis", 1, shape=()),
        activation("map", batch, *map, channels),
        integers("shape", batch, *convolved[-len(block) :], channels),
        activation("line", batch, *convolved[-len(block) :], channels, quantization=OTHER),
    ]
    options: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "Padding": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    if op == "DEPTHWISE_CONV_2D":
        options["DepthMultiplier"] = 1
    layers = [
        plain_layer("SPACE_TO_BATCH_ND", [0, 1, 2], [3]),
        layer("EXPAND_DIMS", [3, 9], [10]),
        layer(op, [10 if is_1d else 3, 4, 5], [6], **options),
        layer("RESHAPE", [6, 11], [12]),
        plain_layer("BATCH_TO_SPACE_ND", [12 if is_1d else 6, 1, 7], [8]),
    ]
    return versioned(model(tensors, layers if is_1d else layers[::2], [0], [8]))


def plain_layer(op: str, inputs: Sequence[int], outputs: Sequence[int]) -> FileLayer:
    """A layer of an op that has no options."""
    return FileLayer(0, op, 1, tuple(inputs), tuple(outputs), "NONE", {})


def dilated_convolutions() -> Iterator[TfliteFile]:
    for op in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        yield dilated(op, (1, 8, 6, 3), (3, 3), (2, 2), (0, 0, 0, 0), (0, 0, 0, 0), False)
        yield dilated(op, (1, 8, 6, 3), (3, 2), (2, 3), (2, 2, 3, 3), (0, 0, 0, 0), False)
        yield dilated(op, (1, 7, 6, 3), (3, 3), (2, 2), (2, 3, 2, 2), (0, 1, 0, 0), False)
        yield dilated(op, (1, 20, 4), (1, 3), (4,), (8, 0), (0, 0), True)
        yield dilated(op, (1, 9, 4), (1, 2), (2,), (1, 2), (0, 1), True)


FILES = [
    pytest.param(file, id=f"{file.layers[0].op} {n}")
    for n, file in enumerate((*reductions(), *slices(), *connections(), *dilated_convolutions()))
]


@pytest.mark.parametrize("file", FILES)
def test_the_same_as_litert(file: TfliteFile) -> None:
    pytest.importorskip("ai_edge_litert")
    data = write_tflite(file)
    module, reference = import_tflite(data, "model"), ReferenceModel(data)
    for given in standard_inputs(reference.inputs, 3):
        for ours, expected in zip(run_function(module, given.arrays), reference.run(given.arrays), strict=True):
            assert ours.shape == expected.shape
            np.testing.assert_array_equal(ours, expected)
