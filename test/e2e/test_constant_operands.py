"""Layers on constants, and outputs that are constants: LiteRT, the interpreters and C make the same bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzz_networks import check_networks
from network_generator import Network

sys.path.insert(0, str(Path(__file__).parent.parent / "tflite"))
from tflite_files import INT8, PROBABILITIES, WINDOW, Constant, activation, integers, layer, model, weights

from tinyts_mlir.dialects.tinyts import LoadOp
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

FIRST_VERSION = ("EXPAND_DIMS", "SQUEEZE", "RESHAPE", "SPLIT", "AVERAGE_POOL_2D", "SPACE_TO_DEPTH")
"""Layers that have int8 in version 1; of the others it is 2."""
ROWS = (1, 2, 99)
Shape = tuple[int, ...]


def bytes_of(name: str, *shape: int) -> Constant:
    """A constant quantized as an activation."""
    return replace(weights(name, *shape), quantization=INT8)


def chain(tensors: Sequence[FileTensor], layers: Sequence[FileLayer], *outputs: int) -> TfliteFile:
    """A model whose first tensor is its input."""
    versions = [replace(one, version=1 if one.op in FIRST_VERSION else 2) for one in layers]
    return model(tensors, versions, [0], outputs)


def moved(op: str, shape: Shape, constants: Sequence[Sequence[int]], result: Shape, **options: Any) -> TfliteFile:
    """A layer that moves the bytes of a constant, and an ADD that reads what it makes and an input of that shape."""
    others = [integers(f"c{n}", *values) for n, values in enumerate(constants)]
    tensors = [activation("x", *result), bytes_of("c", *shape), *others]
    made = len(tensors)
    inputs = list(range(1, made))
    if op == "SPLIT":
        inputs = [2, 1]
    tensors += [activation("m", *result), activation("y", *result)]
    layers = [layer(op, inputs, [made], **options), layer("ADD", [0, made], [made + 1])]
    return chain(tensors, layers, made + 1, made)


def moves() -> Iterator[TfliteFile]:
    yield moved("TILE", (1, 2, 1, 3), [(1, 2, 3, 1)], (1, 4, 3, 3))
    yield moved("TILE", (3,), [(2,)], (6,))
    yield moved("BROADCAST_TO", (1, 3), [(1, 4, 2, 3)], (1, 4, 2, 3))
    yield moved("RESHAPE", (1, 12), [(1, 3, 2, 2)], (1, 3, 2, 2))
    yield moved("TRANSPOSE", (1, 3, 4, 2), [(0, 2, 3, 1)], (1, 4, 2, 3))
    yield moved("TRANSPOSE", (3, 4), [(1, 0)], (4, 3))
    yield moved("EXPAND_DIMS", (1, 3, 2), [(0,)], (1, 1, 3, 2))
    yield moved("SQUEEZE", (1, 1, 3, 2), [], (3, 2))
    yield moved("GATHER", (1, 4, 3), [(3, 0)], (1, 2, 3), Axis=1)
    yield moved("SLICE", (1, 4, 3, 2), [(0, 1, 0, 0), (1, 2, -1, 2)], (1, 2, 3, 2))
    yield moved("STRIDED_SLICE", (1, 6, 3), [(0, 5, 0), (1, 0, 3), (1, -2, 1)], (1, 3, 3))
    yield moved("SPLIT", (1, 4, 3), [(1,)], (1, 4, 3), NumSplits=1)


def joined(shapes: Sequence[Shape | None], shape: Shape, axis: int) -> TfliteFile:
    """A CONCATENATION of an input (None) and constants, behind a layer and in front of one."""
    tensors: list[FileTensor] = [activation("x", *shape), activation("a", *shape)]
    layers = [layer("LEAKY_RELU", [0], [1], Alpha=0.5)]
    inputs: list[int] = []
    total = 0
    for number, part in enumerate(shapes):
        total += (part or shape)[axis]
        inputs.append(1 if part is None else len(tensors))
        if part is not None:
            tensors.append(bytes_of(f"c{number}", *part))
    result = (*shape[:axis], total, *shape[axis + 1 :])
    tensors += [activation("j", *result), activation("y", *result)]
    last = len(tensors) - 1
    layers.append(layer("CONCATENATION", inputs, [last - 1], Axis=axis))
    layers.append(layer("LEAKY_RELU", [last - 1], [last], Alpha=2.0))
    return chain(tensors, layers, last)


def concatenations() -> Iterator[TfliteFile]:
    for shape in ((1, 5, 4, 3), (1, 4, 3), (2, 6), (1, 1, 4, 2)):
        for axis in range(1 if len(shape) == 4 else 0, len(shape)):
            part = (*shape[:axis], 2, *shape[axis + 1 :])
            yield joined([None, part], shape, axis)
            yield joined([part, None, part], shape, axis)


def on_a_constant(
    op: str, shape: Shape, constants: Sequence[FileTensor], result: FileTensor, rank: int = 0, **options: Any
) -> TfliteFile:
    """A layer whose first input is a constant; the model's input is another output."""
    tensors = [activation("x", 1, 3, 2, 2), activation("y", 1, 3, 2, 2), bytes_of("c", *shape), *constants, result]
    last = len(tensors) - 1
    return chain(tensors, [layer("RELU", [0], [1]), layer(op, range(2, last), [last], **options)], last, 1)


def computations() -> Iterator[TfliteFile]:
    shape = (1, 4, 6, 3)
    pool = {"FilterHeight": 2, "FilterWidth": 2, "StrideH": 2, "StrideW": 2, "Padding": 1}
    bias = replace(weights("b", 2, type="int32"), quantization=replace(INT8, scales=(0.001,), zero_points=(0,)))
    yield on_a_constant("ADD", shape, [bytes_of("d", 3)], activation("z", *shape))
    yield on_a_constant("MUL", shape, [bytes_of("d", *shape)], activation("z", *shape))
    yield on_a_constant("MAXIMUM", (4, 3), [bytes_of("d", 1, 3)], activation("z", 4, 3))
    yield on_a_constant("TANH", shape, [], activation("z", *shape))
    yield on_a_constant("LOGISTIC", (1, 9), [], activation("z", 1, 9, quantization=PROBABILITIES))
    yield on_a_constant("SOFTMAX", (1, 9), [], activation("z", 1, 9, quantization=PROBABILITIES), Beta=1.0)
    yield on_a_constant("AVERAGE_POOL_2D", shape, [], activation("z", 1, 2, 3, 3), **pool)
    yield on_a_constant("MAX_POOL_2D", shape, [], activation("z", 1, 2, 3, 3), **pool)
    yield on_a_constant("CONV_2D", shape, [weights("w", 2, 3, 3, 3), bias], activation("z", 1, 2, 4, 2), **WINDOW)
    yield on_a_constant("FULLY_CONNECTED", (1, 6), [weights("w", 2, 6), bias], activation("z", 1, 2))
    yield on_a_constant("MEAN", shape, [integers("axes", 1, 2)], activation("z", 1, 3))
    yield on_a_constant("SPACE_TO_DEPTH", shape, [], activation("z", 1, 2, 3, 12), BlockSize=2)
    paddings = integers("p", 0, 0, 1, 0, 0, 2, 0, 0, shape=(4, 2))
    yield on_a_constant("PAD", shape, [paddings], activation("z", 1, 5, 8, 3))


def outputs() -> Iterator[TfliteFile]:
    relu = layer("RELU", [0], [1])
    maps = [activation("x", 1, 3, 2, 2), activation("y", 1, 3, 2, 2)]
    for shape in ((1, 3, 2, 2), (5,), (2, 3), (1, 2, 2, 2, 2)):
        yield chain([*maps, bytes_of("c", *shape)], [relu], 2, 1)
        yield chain([*maps, bytes_of("c", *shape)], [], 2)
        yield chain([*maps, bytes_of("c", *shape)], [], 2, 2)
        yield chain([*maps, bytes_of("c", *shape)], [relu], 2, 1, 2)


FAMILIES = (moves, concatenations, computations, outputs)
FILES = [
    pytest.param(file, id=f"{family.__name__} {number}") for family in FAMILIES for number, file in enumerate(family())
]


@pytest.mark.parametrize("file", FILES)
def test_the_same_as_litert(file: TfliteFile) -> None:
    pytest.importorskip("ai_edge_litert")
    data = write_tflite(file)
    module, reference = import_tflite(data, "model"), ReferenceModel(data)
    for given in standard_inputs(reference.inputs, 2):
        for ours, expected in zip(run_function(module, given.arrays), reference.run(given.arrays), strict=True):
            assert ours.shape == expected.shape
            np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_in_bands(family: Callable[[], Iterator[TfliteFile]], tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    networks: list[Network] = []
    for number, file in enumerate(family()):
        module = import_tflite(write_tflite(file), "model")
        for rows in ROWS:
            flags = (f"--split-tensors=rows={rows}",)
            networks.append(Network(100 * number + rows, module, flags, feed_rows=None, returns_input=False))
    assert not check_networks(networks, tmp_path)


@pytest.mark.parametrize("file", list(moves()))
def test_moved_constants_are_no_steps(file: TfliteFile) -> None:
    """What is returned of one is loaded once; what an ADD reads of it stays in flash."""
    module = import_tflite(write_tflite(file), "model")
    assert sum(isinstance(op, LoadOp) for op in module.walk()) == 1
