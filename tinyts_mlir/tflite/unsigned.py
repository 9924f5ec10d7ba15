"""A file of int8 tensors as one of uint8: all bytes and zero points are 128 more.

The inverse of what the importer does with uint8 layers, for modules that have some. Inputs and outputs of the model
stay as they are: where they are int8, a QUANTIZE at the edge says the same with other bytes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile
from tinyts_mlir.tflite.tensors import UNSIGNED_OFFSET

QUANTIZE = "QUANTIZE"


def unsigned_file(file: TfliteFile) -> TfliteFile:
    """The file with uint8 in place of int8, but for the model's inputs and outputs; what needs none stays as it is."""
    unsigned = _Unsigned(file)
    unsigned.shift()
    unsigned.drop_flips()
    unsigned.keep_edges()
    return TfliteFile(
        tuple(unsigned.tensors),
        tuple(replace(layer, index=number) for number, layer in enumerate(unsigned.layers)),
        tuple(unsigned.inputs),
        tuple(unsigned.outputs),
        tuple(unsigned.buffers),
    )


class _Unsigned:
    def __init__(self, file: TfliteFile) -> None:
        self.file = file
        self.tensors = list(file.tensors)
        self.layers = list(file.layers)
        self.inputs, self.outputs = list(file.inputs), list(file.outputs)
        self.buffers: list[npt.NDArray[np.uint8]] = list(file.buffers)

    def shift(self) -> None:
        """Makes all int8 tensors uint8."""
        shifted: dict[int, int] = {}
        for index, tensor in enumerate(self.file.tensors):
            if tensor.type != "int8" or tensor.quantization is None:
                continue
            zero_points = tuple(point + UNSIGNED_OFFSET for point in tensor.quantization.zero_points)
            buffer = tensor.buffer
            if len(self.file.buffers[buffer]):
                if buffer not in shifted:
                    shifted[buffer] = len(self.buffers)
                    self.buffers.append(self.file.buffers[buffer] ^ np.uint8(UNSIGNED_OFFSET))
                buffer = shifted[buffer]
            quantization = replace(tensor.quantization, zero_points=zero_points)
            self.tensors[index] = replace(tensor, type="uint8", quantization=quantization, buffer=buffer)

    def drop_flips(self) -> None:
        """Removes layers between a uint8 tensor and the int8 one that stood for it."""
        for number in range(len(self.file.layers)):
            [layer] = [one for one in self.layers if one.index == self.file.layers[number].index]
            if layer.op != QUANTIZE or not self.is_flip(self.file.layers[number]):
                continue
            [source], [result] = layer.inputs, layer.outputs
            if result not in self.outputs:
                self.rename(layer, result, source)
            elif source not in (*self.inputs, *self.outputs) and not self.is_constant(source):
                self.rename(layer, source, result)

    def is_constant(self, index: int) -> bool:
        """Whether a tensor has contents."""
        return len(self.buffers[self.tensors[index].buffer]) > 0

    def is_flip(self, layer: FileLayer) -> bool:
        """Whether a QUANTIZE of the file has uint8 on one side only, and the same quantization on both but for that."""
        (was, now), (was_made, made) = (
            (self.file.tensors[index], self.tensors[index]) for index in (layer.inputs[0], layer.outputs[0])
        )
        return was.type != was_made.type and now.type == made.type and now.quantization == made.quantization

    def rename(self, layer: FileLayer, old: int, new: int) -> None:
        """Removes a layer, and puts one tensor in the place of another."""

        def renamed(indices: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(new if index == old else index for index in indices)

        self.layers = [
            replace(one, inputs=renamed(one.inputs), outputs=renamed(one.outputs))
            for one in self.layers
            if one is not layer
        ]

    def keep_edges(self) -> None:
        """Gives the model its int8 inputs and outputs back."""
        for number, index in enumerate(self.file.inputs):
            if self.file.tensors[index].type == "int8":
                self.inputs[number] = self.add(self.file.tensors[index])
                self.layers.insert(number, self.quantize(self.inputs[number], index))
        for number, index in enumerate(self.file.outputs):
            if self.file.tensors[index].type == "int8":
                self.outputs[number] = self.add(self.file.tensors[index])
                if self.is_constant(index):
                    continue  # there is nothing to do for it
                self.layers.append(self.quantize(index, self.outputs[number]))

    def add(self, tensor: FileTensor) -> int:
        """Another tensor, whose name the one that stands for it gives up."""
        self.tensors[tensor.index] = replace(self.tensors[tensor.index], name=f"{tensor.name}/uint8")
        self.tensors.append(replace(tensor, index=len(self.tensors)))
        return len(self.tensors) - 1

    def quantize(self, source: int, result: int) -> FileLayer:
        """A layer between a tensor and the one that stands for it."""
        return FileLayer(0, QUANTIZE, 1, (source,), (result,), "NONE", {})
