"""Slips of converters that are repaired: the same module comes of the file without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tflite_files import LAYERS

from tinyts_mlir.tflite.file import FileQuantization, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.repair import repaired
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.reference import ReferenceModel

INPUT, FILTER, BIAS, OUTPUT = range(4)
CHANNELS = 4


def changed(file: TfliteFile, index: int, **changes: object) -> TfliteFile:
    """The file with a tensor changed."""
    tensors = list(file.tensors)
    tensors[index] = replace(tensors[index], **changes)  # pyright: ignore
    return replace(file, tensors=tuple(tensors))


def per_axis(scale: float, zero_points: tuple[int, ...], dimension: int = 0) -> FileQuantization:
    return FileQuantization((scale,) * CHANNELS, zero_points, dimension, is_custom=False)


ZEROS = (0,) * CHANNELS
PER_AXIS = changed(LAYERS["convolution"], FILTER, quantization=per_axis(0.02, ZEROS))
GOOD = changed(PER_AXIS, BIAS, quantization=per_axis(0.001, ZEROS))
SLIPS = {
    "no zero points": changed(GOOD, FILTER, quantization=per_axis(0.02, ())),
    "one zero point": changed(GOOD, BIAS, quantization=per_axis(0.001, (0,))),
    "dimension of a bias": changed(GOOD, BIAS, quantization=per_axis(0.001, ZEROS, dimension=3)),
    "dimension of one scale": changed(
        GOOD,
        OUTPUT,
        quantization=replace(GOOD.tensors[OUTPUT].quantization, dimension=7),  # pyright: ignore
    ),
    "open batch": changed(GOOD, INPUT, shape=(-1, *GOOD.tensors[INPUT].shape[1:])),
}


@pytest.mark.parametrize("name", SLIPS)
def test_slips_are_repaired(name: str) -> None:
    data = write_tflite(SLIPS[name])
    assert str(import_tflite(data, "slip")) == str(import_tflite(write_tflite(GOOD), "good"))
    reference = ReferenceModel(data)
    image = np.full(reference.inputs[0].shape, 3, np.int8)
    np.testing.assert_array_equal(reference.run([image])[0], ReferenceModel(write_tflite(GOOD)).run([image])[0])


def test_an_op_version_that_litert_has_not() -> None:
    """The same op in an older version is the reference."""
    layers = (replace(GOOD.layers[0], version=20),)
    reference = ReferenceModel(write_tflite(replace(GOOD, layers=layers)))
    [version] = reference.older_versions.values()
    assert version < 20
    plain = ReferenceModel(write_tflite(GOOD))
    assert not plain.older_versions
    image = np.full(reference.inputs[0].shape, 3, np.int8)
    np.testing.assert_array_equal(reference.run([image])[0], plain.run([image])[0])


def test_an_op_that_litert_has_in_no_version() -> None:
    """The error is of the file as it is."""
    layers = (replace(GOOD.layers[0], op="ELU", version=7, inputs=(0, 1)),)
    with pytest.raises(ToolchainError, match=r"LiteRT cannot load the model: .*'ELU' version '7'"):
        ReferenceModel(write_tflite(replace(GOOD, layers=layers)))


def test_a_file_without_slips_stays() -> None:
    assert repaired(GOOD) is GOOD
