"""Which channels `prune-channels` left out, as IR carries it: for reports. Functions and programs have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, StringAttr, i64
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects.assembly import int_values

PRUNED_LAYERS = "pruned_layers"


class PrunedLayer(NamedTuple):
    """What one layer lost.

    Attributes:
        name: the model file's.
        channels: of its results, as imported.
        constant: of them, those that are gone as they hold the same byte whatever the input is.
        unread: of them, those that are gone as no output depends on them.
        macs: multiplications less in an inference; also where only what the layer reads has lost channels.
        constant_bytes: bytes of weights and biases less.
    """

    name: str
    channels: int
    constant: int
    unread: int
    macs: int
    constant_bytes: int


def to_attribute(layers: Sequence[PrunedLayer]) -> Attribute:
    """Layers as `[["name", array<i64: channels, constant, unread, macs, constant_bytes>], ...]`."""
    return ArrayAttr(
        ArrayAttr([StringAttr(layer.name), DenseArrayBase.from_list(i64, list(layer[1:]))]) for layer in layers
    )


def pruned_layers(name: str, value: Attribute) -> list[PrunedLayer]:
    """The inverse of `to_attribute`; raises VerifyException, which calls the attribute `name`, for anything else."""
    layers: list[PrunedLayer] = []
    for entry in value if isinstance(value, ArrayAttr) else [value]:
        parts = list(entry) if isinstance(entry, ArrayAttr) else []
        if len(parts) == 2 and isinstance(parts[0], StringAttr) and isinstance(parts[1], DenseArrayBase):
            numbers = int_values(parts[1]) if parts[1].elt_type == i64 else ()
            if len(numbers) == len(PrunedLayer._fields) - 1 and min(numbers[:3]) >= 0:
                layers.append(PrunedLayer(parts[0].data, *numbers))
                continue
        raise VerifyException(
            f'expected {name} to be [["layer", array<i64: channels, constant, unread, macs, bytes>], ...], got {value}'
        )
    return layers
