"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND around a convolution: how converters may write one with dilation.

The blocks become the convolution's dilation, what the first pads and the last does not crop becomes a PAD, and the maps
between keep a batch of 1. Files of 1-D convolutions have layers besides, which give the map another rank; their shapes
in the file are of no use. A chain that is anything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import tflite

from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile

RELABELLING = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
MOST_INTEGERS = 16


def fold_space_to_batch(file: TfliteFile) -> TfliteFile:
    """The file with dilated convolutions where it says them in batches."""
    if not any(layer.op == "SPACE_TO_BATCH_ND" for layer in file.layers):
        return file
    return _Folder(file).folded()


class _Folder:
    def __init__(self, file: TfliteFile) -> None:
        self.file = file
        self.tensors = list(file.tensors)
        self.buffers = list(file.buffers)
        self.readers: dict[int, list[int]] = {index: [-1] for index in file.outputs}
        """The layers that read each tensor; -1 for the model's outputs."""
        for position, layer in enumerate(file.layers):
            for index in layer.inputs:
                self.readers.setdefault(index, []).append(position)

    def folded(self) -> TfliteFile:
        layers: dict[int, Sequence[FileLayer]] = {}
        for position, layer in enumerate(self.file.layers):
            chain = self.chain(position) if layer.op == "SPACE_TO_BATCH_ND" else []
            convolution = self.convolution(chain) if chain else None
            if convolution is not None:
                layers |= dict.fromkeys(chain, ())
                layers[chain[-1]] = convolution
        return replace(
            self.file,
            tensors=tuple(self.tensors),
            buffers=tuple(self.buffers),
            layers=tuple(
                made for position, layer in enumerate(self.file.layers) for made in layers.get(position, (layer,))
            ),
        )

    def chain(self, position: int) -> list[int]:
        """The layers from a SPACE_TO_BATCH_ND to its BATCH_TO_SPACE_ND, each the only reader of the one before."""
        layers, chain = self.file.layers, [position]
        while layers[chain[-1]].op != "BATCH_TO_SPACE_ND":
            outputs = layers[chain[-1]].outputs
            readers = self.readers.get(outputs[0], []) if len(outputs) == 1 else []
            if len(readers) != 1 or readers[0] <= chain[-1] or layers[readers[0]].inputs[:1] != outputs:
                return []
            if layers[readers[0]].op not in (*RELABELLING, *CONVOLUTIONS, "BATCH_TO_SPACE_ND"):
                return []
            chain.append(readers[0])
        return chain

    def convolution(self, chain: Sequence[int]) -> list[FileLayer] | None:
        """The layers that a chain stands for; None where it is no dilated convolution."""
        first, *between, last = (self.file.layers[position] for position in chain)
        convolutions = [layer for layer in between if layer.op in CONVOLUTIONS]
        if len(convolutions) != 1 or len(first.inputs) != 3 or len(last.inputs) != 3:
            return None
        [convolution] = convolutions
        block, pads, other_block, crops = (self.integers(index) for index in (*first.inputs[1:], *last.inputs[1:]))
        indices = (first.inputs[0], *convolution.inputs[:2], convolution.outputs[0], last.outputs[0])
        if any(not 0 <= index < len(self.file.tensors) for index in indices) or not block or block != other_block:
            return None
        input, inner, filter, inner_result, result = (self.file.tensors[index] for index in indices)
        options = convolution.options
        plain = {"Padding": tflite.Padding.VALID, "StrideH": 1, "StrideW": 1}
        plain |= {"DilationHFactor": 1, "DilationWFactor": 1}
        shape = input.shape
        if any(options.get(name) != value for name, value in plain.items()) or len(filter.shape) != 4:
            return None
        if len(inner.shape) != 4 or len(shape) != len(block) + 2 or len(block) > 2 or len(pads) != 2 * len(block):
            return None
        pads = [pad - crop for pad, crop in zip(pads, crops, strict=False)]
        if len(crops) != len(pads) or min(pads) < 0 or min(block) < 1 or min(shape) < 1 or shape[0] != 1:
            return None
        padded = (1, *(size + sum(pads[2 * k : 2 * k + 2]) for k, size in enumerate(shape[1:-1])), shape[-1])
        dilation = list(block)
        map = padded
        if len(block) == 1:
            is_width = inner.shape[1] == 1
            dilation = [1, block[0]] if is_width else [block[0], 1]
            map = (1, 1, *padded[1:]) if is_width else (1, padded[1], 1, padded[2])
        spans = [(filter.shape[1 + k] - 1) * dilation[k] for k in (0, 1)]
        convolved = (1, map[1] - spans[0], map[2] - spans[1], inner_result.shape[-1])
        if min(convolved) < 1 or prod(convolved) != prod(result.shape):
            return None
        layers: list[FileLayer] = []
        current = first.inputs[0]
        if any(pads):
            paddings = self.add_integers([0, 0, *pads, 0, 0], (len(shape), 2))
            padding = self.add(replace(input, name=f"{inner_result.name}/padded", shape=padded, signature=()))
            layers.append(replace(first, op="PAD", inputs=(current, paddings), outputs=(padding,), options_type="NONE"))
            current = padding
        if map != padded:
            reshaped = self.add(replace(input, name=f"{inner_result.name}/map", shape=map, signature=()))
            layers.append(_reshape(first, current, reshaped))
            current = reshaped
        output = last.outputs[0] if convolved == result.shape else -1
        if output < 0:
            output = self.add(replace(inner_result, shape=convolved, signature=()))
        dilated = {**options, "DilationHFactor": dilation[0], "DilationWFactor": dilation[1]}
        inputs = (current, *convolution.inputs[1:])
        layers.append(replace(convolution, inputs=inputs, outputs=(output,), options=dilated))
        if output != last.outputs[0]:
            layers.append(_reshape(last, output, last.outputs[0]))
        return layers

    def integers(self, index: int) -> list[int]:
        """A constant of a few integers; none where it is not one."""
        if not 0 <= index < len(self.file.tensors):
            return []
        tensor = self.file.tensors[index]
        if tensor.type != "int32" or tensor.buffer >= len(self.file.buffers):
            return []
        content = self.file.buffers[tensor.buffer]
        fits = len(content) == 4 * prod(tensor.shape) and len(content) <= 4 * MOST_INTEGERS
        return np.frombuffer(content.tobytes(), "<i4").tolist() if fits else []

    def add(self, tensor: FileTensor) -> int:
        self.tensors.append(replace(tensor, index=len(self.tensors), buffer=0, is_variable=False))
        return len(self.tensors) - 1

    def add_integers(self, values: Sequence[int], shape: tuple[int, ...]) -> int:
        self.buffers.append(np.frombuffer(np.array(values, "<i4").tobytes(), np.uint8))
        index = len(self.tensors)
        self.tensors.append(
            FileTensor(
                index, "paddings", "int32", shape, (), len(self.buffers) - 1, None, is_variable=False, is_sparse=False
            )
        )
        return index


def _reshape(layer: FileLayer, input: int, output: int) -> FileLayer:
    """A RESHAPE in the place of a layer, into the shape of its output."""
    return replace(layer, op="RESHAPE", inputs=(input,), outputs=(output,), options_type="NONE", options={})
