"""A `.tflite` file as something to reduce."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tinyts_mlir.reduction import channels, sizes
from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.writer import write_tflite

ABSENT = -1


class FileModel:
    """A model, with nothing in it that no layer needs."""

    def __init__(self, file: TfliteFile) -> None:
        self.file = file

    @staticmethod
    def read(data: bytes, source: str) -> FileModel:
        """The model in a file, whole; raises CompileError for what is none."""
        return FileModel(read_tflite(data, source))

    @property
    def layer_count(self) -> int:
        """As of Subject."""
        return len(self.file.layers)

    def encode(self) -> bytes:
        """As of Subject."""
        return write_tflite(self.file)

    def __str__(self) -> str:
        """As of Subject."""
        count = self.layer_count
        weights = sum(len(buffer) for buffer in self.file.buffers)
        return f"{count} {'layer' if count == 1 else 'layers'}, {weights:,} bytes of constants"

    def keep(self, layers: Sequence[int]) -> FileModel:
        """As of Subject."""
        chosen = [self.file.layers[number] for number in layers]
        made = {tensor for layer in chosen for tensor in layer.outputs}
        read = [tensor for layer in chosen for tensor in layer.inputs if tensor != ABSENT]
        inputs = [tensor for tensor in dict.fromkeys(read) if tensor not in made and not self.is_constant(tensor)]
        old_inputs = [tensor for tensor in self.file.inputs if tensor in inputs]
        outputs = [tensor for tensor in self.file.outputs if tensor in made]
        unread = [tensor for layer in chosen for tensor in layer.outputs if tensor not in read]
        return self._with(chosen, dict.fromkeys([*old_inputs, *inputs]), dict.fromkeys([*outputs, *unread]))

    def shortcuts(self) -> Iterator[FileModel]:
        """As of Subject: outputs that something reads are dropped; a layer's readers read its input."""
        file = self.file
        read = {tensor for layer in file.layers for tensor in layer.inputs}
        for output in file.outputs:
            if output in read and len(file.outputs) > 1:
                yield FileModel(replace(file, outputs=tuple(one for one in file.outputs if one != output)))
        for number, layer in enumerate(file.layers):
            if len(file.layers) == 1 or len(layer.outputs) != 1:
                continue
            made = file.tensors[layer.outputs[0]]
            for operand in dict.fromkeys(layer.inputs):
                if operand == ABSENT or self.is_constant(operand):
                    continue
                if (file.tensors[operand].shape, file.tensors[operand].type) == (made.shape, made.type):
                    yield self._bypassed(number, operand)

    def _bypassed(self, number: int, operand: int) -> FileModel:
        """Without a layer of one output: whoever reads it reads `operand`."""
        made = self.file.layers[number].outputs[0]
        others = [layer for layer in self.file.layers if layer.index != number]
        rewired = [
            replace(layer, inputs=tuple(operand if one == made else one for one in layer.inputs)) for layer in others
        ]
        outputs = [operand if one == made else one for one in self.file.outputs]
        makers = {tensor for layer in rewired for tensor in layer.outputs}
        return FileModel(replace(self.file, layers=tuple(rewired))).keep_with_outputs(
            [one for one in outputs if one in makers]
        )

    def keep_with_outputs(self, outputs: Sequence[int]) -> FileModel:
        """All layers, with other outputs besides those that nothing reads."""
        layers = [replace(layer, index=number) for number, layer in enumerate(self.file.layers)]
        model = FileModel(replace(self.file, layers=tuple(layers), outputs=tuple(outputs)))
        return model.keep(range(len(layers)))

    def smaller(self) -> Iterator[FileModel]:
        """As of Subject: less height, less width, fewer channels."""
        for file in (*sizes.smaller_files(self.file), *channels.narrower_files(self.file)):
            yield FileModel(file)

    def simpler(self) -> Iterator[FileModel]:
        """As of Subject: all zeroes."""
        full = [number for number, buffer in enumerate(self.file.buffers) if np.any(buffer)]
        if len(full) > 1:
            yield self._zeroed(full)
        for number in full:
            yield self._zeroed([number])

    def _zeroed(self, numbers: Sequence[int]) -> FileModel:
        buffers = list(self.file.buffers)
        for number in numbers:
            buffers[number] = np.zeros_like(buffers[number])
        return FileModel(replace(self.file, buffers=tuple(buffers)))

    def is_constant(self, tensor: int) -> bool:
        """Whether a tensor has contents in the file."""
        return len(self.file.buffers[self.file.tensors[tensor].buffer]) > 0

    def _with(self, layers: Sequence[FileLayer], inputs: Mapping[int, None], outputs: Mapping[int, None]) -> FileModel:
        """A file of these layers and of what they need, numbered anew. Buffer 0 is empty by convention."""
        named = [*inputs, *outputs, *(tensor for layer in layers for tensor in (*layer.inputs, *layer.outputs))]
        numbers = {old: new for new, old in enumerate(sorted(set(named) - {ABSENT}))}
        numbers_or_absent = {**numbers, ABSENT: ABSENT}
        buffers = [np.empty(0, np.uint8)]
        places: dict[int, int] = {}
        tensors: list[FileTensor] = []
        for old, new in numbers.items():
            tensor = self.file.tensors[old]
            if self.is_constant(old) and tensor.buffer not in places:
                places[tensor.buffer] = len(buffers)
                buffers.append(self.file.buffers[tensor.buffer])
            tensors.append(replace(tensor, index=new, buffer=places.get(tensor.buffer, 0)))
        renumbered = [
            replace(
                layer,
                index=number,
                inputs=tuple(numbers_or_absent[tensor] for tensor in layer.inputs),
                outputs=tuple(numbers[tensor] for tensor in layer.outputs),
            )
            for number, layer in enumerate(layers)
        ]
        return FileModel(
            TfliteFile(
                tensors=tuple(tensors),
                layers=tuple(renumbered),
                inputs=tuple(numbers[tensor] for tensor in inputs),
                outputs=tuple(numbers[tensor] for tensor in outputs),
                buffers=tuple(buffers),
            )
        )
