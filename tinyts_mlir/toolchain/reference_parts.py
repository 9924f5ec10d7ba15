"""A model some of whose ops LiteRT's reference kernels have not: these run alone, by another resolver.

The optimized kernels of that resolver round other ops otherwise than the reference does (CONV_2D, MEAN), so they get
only the layers for which there is nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinyts_mlir.tflite.file import FileLayer, TfliteFile
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.writer import write_tflite

Array = npt.NDArray[Any]


class Part(NamedTuple):
    """Some layers of a model: an interpreter, what it takes and what it gives, by their indices in the model."""

    interpreter: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class PartedInterpreter:
    """As much of LiteRT's Interpreter as is needed, for a model whose layers of some ops run alone.

    In front of each of them run all layers before it that are no such layers; at last all of these run.

    Args:
        content: the file.
        alone: the ops that run alone.
        reference: makes an interpreter of a file, with the reference kernels.
        other: makes one with kernels for the ops that run alone.

    Raises CompileError where the file cannot be read, and what the makers raise.
    """

    def __init__(
        self,
        content: bytes,
        alone: Sequence[str],
        reference: Callable[[bytes], Any],
        other: Callable[[bytes], Any],
    ) -> None:
        file = read_tflite(content, "the model")
        self._values: dict[int, Array] = {}
        self._parts: list[Part] = []
        known, before = file.inputs, list[FileLayer]()
        for layer in file.layers:
            if layer.op not in alone:
                before.append(layer)
                continue
            self._parts.append(_part(file, before, known, layer.inputs, reference))
            self._parts.append(_part(file, [layer], layer.inputs, layer.outputs, other))
            known += layer.outputs
        self._last = _part(file, before, known, file.outputs, reference)
        self._parts.append(self._last)
        self._input_count = len(file.inputs)

    def get_input_details(self) -> list[Mapping[str, Any]]:
        """The model's inputs."""
        return self._last.interpreter.get_input_details()[: self._input_count]

    def get_output_details(self) -> list[Mapping[str, Any]]:
        """The model's outputs."""
        return self._last.interpreter.get_output_details()

    def get_tensor_details(self) -> list[Mapping[str, Any]]:
        """All tensors."""
        return self._last.interpreter.get_tensor_details()

    def set_tensor(self, index: int, array: Array) -> None:
        """Gives an input."""
        self._values[index] = np.array(array)

    def get_tensor(self, index: int) -> Array:
        """A tensor behind an inference."""
        return self._last.interpreter.get_tensor(index)

    def invoke(self) -> None:
        """One inference."""
        for part in self._parts:
            for index in part.inputs:
                part.interpreter.set_tensor(index, self._values[index])
            part.interpreter.invoke()
            self._values |= {index: part.interpreter.get_tensor(index) for index in part.outputs}


def _part(
    file: TfliteFile,
    layers: Sequence[FileLayer],
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    create: Callable[[bytes], Any],
) -> Part:
    layers = [replace(layer, index=number) for number, layer in enumerate(layers)]
    content = write_tflite(replace(file, layers=tuple(layers), inputs=inputs, outputs=outputs))
    return Part(create(content), inputs, outputs)
