"""Fewer channels: tensors that must have as many channels as each other lose them together.

Layers say which of their tensors these are, and along which axes of their constants the channels lie; where a layer
says nothing, its tensors keep their channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile

ABSENT = -1


@dataclass
class _Groups:
    """Which tensors have the same channels, and which constants follow them.

    Attributes:
        parent: a forest of tensors; those of one tree have the same channels.
        frozen: tensors whose channels stay.
        followers: constant and axis, of the tensor whose channels lie there.
    """

    file: TfliteFile
    parent: dict[int, int] = field(default_factory=dict[int, int])
    frozen: set[int] = field(default_factory=set[int])
    followers: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])

    def root(self, tensor: int) -> int:
        while (above := self.parent.setdefault(tensor, tensor)) != tensor:
            tensor = above
        return tensor

    def join(self, one: int, other: int) -> None:
        self.parent[self.root(one)] = self.root(other)

    def follow(self, layer: FileLayer, operand: int, axis: int, tensor: int) -> None:
        """An operand of a layer, where there is one, has a tensor's channels along an axis."""
        if operand < len(layer.inputs) and layer.inputs[operand] != ABSENT:
            self.followers.append((layer.inputs[operand], axis, tensor))


def narrower_files(file: TfliteFile) -> Iterator[TfliteFile]:
    """Files with fewer channels: of all tensors that can, then of one group after the other, the widest first."""
    groups = _groups(file)
    frozen = {groups.root(tensor) for tensor in groups.frozen}
    roots = {groups.root(tensor) for tensor in groups.parent} - frozen
    counts = {root: file.tensors[root].shape[-1] for root in roots if file.tensors[root].shape}
    wide = sorted((root for root in counts if counts[root] > 1), key=lambda root: (-counts[root], root))
    if len(wide) > 1:
        yield _narrowed(file, groups, dict.fromkeys(wide, 1))
        yield _narrowed(file, groups, {root: counts[root] // 2 for root in wide})
    for root in wide:
        for count in dict.fromkeys((1, counts[root] // 2, counts[root] - 1)):
            yield _narrowed(file, groups, {root: count})


def _groups(file: TfliteFile) -> _Groups:
    groups = _Groups(file)
    for layer in file.layers:
        _add_layer(groups, layer)
    return groups


def _add_layer(groups: _Groups, layer: FileLayer) -> None:
    file = groups.file
    inputs = [tensor for tensor in layer.inputs if tensor != ABSENT]
    moving = [tensor for tensor in inputs if not _is_constant(file, tensor)]
    channels = {tensor: file.tensors[tensor].shape[-1:] for tensor in (*inputs, *layer.outputs)}
    for tensor in (*moving, *layer.outputs):
        groups.root(tensor)
    if len(layer.outputs) != 1 or not moving or len(inputs) < 1:
        groups.frozen.update((*moving, *layer.outputs))
        return
    [y], x = layer.outputs, inputs[0]
    constants = [tensor for tensor in inputs if tensor not in moving]
    match layer.op:
        case "CONV_2D" if moving == [x]:
            groups.follow(layer, 1, 3, x)
            groups.follow(layer, 1, 0, y)
            groups.follow(layer, 2, 0, y)
        case "FULLY_CONNECTED" if moving == [x]:
            groups.follow(layer, 1, 0, y)
            groups.follow(layer, 2, 0, y)
            if channels[x] == file.tensors[layer.inputs[1]].shape[1:]:
                groups.follow(layer, 1, 1, x)
            else:
                groups.frozen.add(x)
        case "DEPTHWISE_CONV_2D" if moving == [x] and channels[x] == channels[y]:
            groups.join(x, y)
            groups.follow(layer, 1, 3, y)
            groups.follow(layer, 2, 0, y)
        case "AVERAGE_POOL_2D" | "MAX_POOL_2D" | "PAD" | "MEAN" if moving == [x] and channels[x] == channels[y]:
            groups.join(x, y)
        case _ if all(file.tensors[tensor].shape == file.tensors[y].shape for tensor in moving):
            for tensor in moving:
                groups.join(tensor, y)
            for tensor in constants:  # of one element, or with the channels last
                if channels[tensor] == channels[y]:
                    groups.followers.append((tensor, len(file.tensors[tensor].shape) - 1, y))
        case _:
            groups.frozen.update((*moving, y))


def _is_constant(file: TfliteFile, tensor: int) -> bool:
    return len(file.buffers[file.tensors[tensor].buffer]) > 0


def _narrowed(file: TfliteFile, groups: _Groups, counts: dict[int, int]) -> TfliteFile:
    """A file in which the groups of some roots have fewer channels: the first ones are left."""
    tensors, buffers = list(file.tensors), list(file.buffers)
    for tensor in groups.parent:
        if (count := counts.get(groups.root(tensor))) is not None:
            tensors[tensor] = _cut_tensor(tensors[tensor], len(tensors[tensor].shape) - 1, count)
    for constant, axis, tensor in dict.fromkeys(groups.followers):
        if (count := counts.get(groups.root(tensor))) is None or axis >= len(tensors[constant].shape):
            continue
        cut = _cut_tensor(tensors[constant], axis, count)
        buffer = _cut_buffer(tensors[constant], buffers[tensors[constant].buffer], axis, count)
        if buffer is not None:
            buffers.append(buffer)  # others may read the old one
            tensors[constant] = replace(cut, buffer=len(buffers) - 1)
    used = sorted({tensor.buffer for tensor in tensors} | {0})
    places = {old: new for new, old in enumerate(used)}
    return replace(
        file,
        tensors=tuple(replace(tensor, buffer=places[tensor.buffer]) for tensor in tensors),
        buffers=tuple(buffers[old] for old in used),
    )


def _cut_tensor(tensor: FileTensor, axis: int, count: int) -> FileTensor:
    shape = (*tensor.shape[:axis], min(count, tensor.shape[axis]), *tensor.shape[axis + 1 :])
    quantization = tensor.quantization
    if quantization is not None and len(quantization.scales) > 1 and quantization.dimension == axis:
        quantization = replace(
            quantization, scales=quantization.scales[:count], zero_points=quantization.zero_points[:count]
        )
    return replace(tensor, shape=shape, signature=(), quantization=quantization)


def _cut_buffer(
    tensor: FileTensor, buffer: npt.NDArray[np.uint8], axis: int, count: int
) -> npt.NDArray[np.uint8] | None:
    """None where the buffer is not as the tensor says."""
    try:
        values = np.frombuffer(buffer.tobytes(), np.dtype(tensor.type)).reshape(tensor.shape)
    except (TypeError, ValueError):
        return None
    chosen: Sequence[slice] = [slice(None)] * axis + [slice(count)]
    return np.frombuffer(np.ascontiguousarray(values[tuple(chosen)]).tobytes(), np.uint8)
