"""STRIDED_SLICE's bounds: which elements of each axis they choose."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType

from tinyts_mlir.tflite.tensors import UnsupportedLayer

Index = slice | int | EllipsisType | None
"""What stands between the brackets of a numpy array: None makes a new axis."""


def strided_slice_index(
    begin: Sequence[int], end: Sequence[int], strides: Sequence[int], masks: Sequence[int], is_offset: bool = False
) -> tuple[Index, ...]:
    """The numpy index that says what a STRIDED_SLICE says.

    `masks` are the options' masks of begin, end, ellipsis, new axis and shrunk axis, a bit for each entry of the
    bounds. With `is_offset`, ends count from the beginnings. numpy clamps bounds as TFLite does.
    """
    begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask = masks
    index: list[Index] = []
    for position, (first, last, stride) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << position
        if ellipsis_mask & bit:
            index.append(Ellipsis)
        elif new_axis_mask & bit:
            index.append(None)
        elif shrink_axis_mask & bit:
            index.append(0 if begin_mask & bit else first)
        else:
            stop = first + last if is_offset else last
            index.append(slice(None if begin_mask & bit else first, None if end_mask & bit else stop, stride))
    return tuple(index)


def chosen_indices(shape: Sequence[int], index: Sequence[Index]) -> list[range]:
    """The indices of each axis that a numpy index chooses, in their order.

    Raises UnsupportedLayer where the index does not fit the shape.
    """
    entries = [entry for entry in index if entry is not None]
    if Ellipsis not in entries:
        entries.append(Ellipsis)
    place = entries.index(Ellipsis)
    missing = len(shape) - (len(entries) - 1)
    if missing < 0 or entries.count(Ellipsis) > 1:
        raise UnsupportedLayer(f"expected the bounds of {len(shape)} dimensions, got those of {len(entries) - 1}")
    entries[place : place + 1] = [slice(None)] * missing
    chosen: list[range] = []
    for entry, size in zip(entries, shape, strict=True):
        if isinstance(entry, slice):
            chosen.append(range(*entry.indices(size)))
        elif isinstance(entry, int) and -size <= entry < size:
            chosen.append(range(entry % size, entry % size + 1))
        else:
            raise UnsupportedLayer(f"expected an index below {size}, got {entry}")
    return chosen


MASKS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")
"""The options that are masks, by the schema's names in camel case."""
