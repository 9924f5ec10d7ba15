"""Weights in the order in which kernels read them, and back: the layouts of runtime/include/tinyts/tinyts_kernels.h."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PAIR_WORDS = 5
"""int32 of the constants of a pair of output channels."""
HALF_WORD = 256
"""How often the even channel's weight is in what stands for a pair of int8 weights; the odd one's is in it once."""


@dataclass(frozen=True)
class PatchLayout:
    """How weights lie in a pair of output channels.

    Attributes:
        elements: of a patch.
        groups: of channels.
        overlaps: the last word of a patch is its last four elements, where they do not fill words otherwise.
        wide: weights are int16; otherwise int8, those of both channels in a half word.
    """

    elements: int
    groups: int = 1
    overlaps: bool = False
    wide: bool = False

    @property
    def words(self) -> int:
        """Words of a patch, four elements each."""
        return -(-self.elements // 4)

    def places(self) -> NDArray[np.int64]:
        """Where each element is, counted from the start of the patch's first word."""
        places = np.arange(self.elements)
        if self.overlaps:
            places[4 * (self.words - 1) :] += 4 * self.words - self.elements
        return places


def pack_channel_pairs(weights: NDArray[np.int8] | NDArray[np.int16], layout: PatchLayout) -> NDArray[np.uint32]:
    """Weights (output channels, elements of a patch) as (pairs of all groups, words of a patch, 2; or 4 if wide).

    A patch is padded to words of four elements, a group to pairs of channels, both with zeros. Weights of int16 are for
    a wide layout, and so are those for which `fit_half_words` is false.
    """
    channels, groups = weights.shape[0], layout.groups
    in_group = channels // groups
    padded = np.zeros((groups, in_group + in_group % 2, 4 * layout.words), weights.dtype)
    padded[:, :in_group, layout.places()] = weights.reshape(groups, in_group, -1)
    by_word = padded.reshape(-1, 2, layout.words, 4)
    if layout.wide:
        # (pairs, words, 0 or 1 for the first element, channel, second element)
        halves = by_word.reshape(*by_word.shape[:3], 2, 2).transpose(0, 2, 4, 1, 3)
        return np.ascontiguousarray(halves, "<i2").view("<u4").reshape(*halves.shape[:2], 4).astype(np.uint32)
    both = HALF_WORD * by_word[:, 0].astype(np.int16) + by_word[:, 1]
    # Of each word of the patch, elements 0 and 2, then 1 and 3.
    halves = both.reshape(*both.shape[:2], 2, 2).swapaxes(-1, -2)
    return np.ascontiguousarray(halves, "<i2").view("<u4")[..., 0].astype(np.uint32)


def unpack_channel_pairs(
    packed: NDArray[np.uint32], channels: int, layout: PatchLayout
) -> NDArray[np.int8] | NDArray[np.int16]:
    """The inverse of `pack_channel_pairs`."""
    pairs, words, _ = packed.shape
    if layout.wide:
        halves = packed.astype("<u4").view("<i2").reshape(pairs, words, 2, 2, 2)
        by_word = halves.transpose(0, 3, 1, 4, 2).astype(np.int16)
    else:
        both = packed.astype("<u4").view("<i2").reshape(pairs, words, 2, 2).swapaxes(-1, -2).reshape(pairs, words, 4)
        odd = both.astype(np.int8)
        even = ((both.astype(np.int32) - odd) // HALF_WORD).astype(np.int8)
        by_word = np.stack([even, odd], axis=1)
    padded = by_word.reshape(layout.groups, -1, 4 * words)[:, : channels // layout.groups]
    return np.ascontiguousarray(padded[..., layout.places()]).reshape(channels, layout.elements)


def pack_row_quads(weights: NDArray[np.int8]) -> NDArray[np.uint32]:
    """Weights (..., rows, elements) as (..., rows / 4, words of a row, 4 rows), words of 4 elements, padded with zeros.

    Where elements do not fill the last word, it is the last four, with zeros for those in the word before.
    """
    *outer, rows, elements = weights.shape
    layout = PatchLayout(elements, overlaps=True)
    padded = np.zeros((*outer, -(-rows // 4) * 4, 4 * layout.words), np.int8)
    padded[..., :rows, layout.places()] = weights
    by_word = padded.reshape(*outer, -1, 4, layout.words, 4)
    return np.ascontiguousarray(by_word.swapaxes(-2, -3)).view("<u4")[..., 0].astype(np.uint32)


def unpack_row_quads(packed: NDArray[np.uint32], rows: int, elements: int) -> NDArray[np.int8]:
    """The inverse of `pack_row_quads`."""
    layout = PatchLayout(elements, overlaps=True)
    *outer, quads, words, _ = packed.shape
    by_word = packed.astype("<u4").view(np.int8).reshape(*packed.shape, 4)
    padded = by_word.swapaxes(-2, -3).reshape(*outer, 4 * quads, 4 * words)
    return np.ascontiguousarray(padded[..., :rows, :][..., layout.places()])


def pack_pair_constants(
    bias: NDArray[np.int32],
    multipliers: NDArray[np.int32],
    shifts: NDArray[np.int32],
    groups: int,
    wide: bool = False,
) -> NDArray[np.int32]:
    """Constants of output channels, one element each, as (pairs of all groups, PAIR_WORDS)."""
    in_group = bias.size // groups
    fields = np.zeros((3, groups, in_group + in_group % 2), np.int32)
    fields[:, :, :in_group] = np.stack([bias, multipliers, -1 - shifts]).reshape(3, groups, in_group)
    even, odd = (fields[:, :, i::2].reshape(3, -1) for i in (0, 1))
    rights = (even[2] & 0xFF) | (odd[2] & 0xFF) << 8
    first = even[0] if wide else (np.int64(HALF_WORD) * even[0] + odd[0]).astype(np.int32)
    return np.stack([first, odd[0], even[1], odd[1], rights], axis=1).astype(np.int32)


def unpack_pair_constants(
    packed: NDArray[np.int32], channels: int, groups: int, wide: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Bias, multipliers and shifts: the inverse of `pack_pair_constants`."""
    by_pair = packed.reshape(-1, PAIR_WORDS)
    rights = np.stack([by_pair[:, 4], by_pair[:, 4] >> 8], axis=1).astype(np.int8)

    def by_channel(pairs: NDArray[np.int32]) -> NDArray[np.int32]:
        return np.ascontiguousarray(pairs.reshape(groups, -1)[:, : channels // groups]).reshape(-1)

    bias = by_pair[:, 0:2].copy()
    if not wide:
        bias[:, 0] = (bias[:, 0] - bias[:, 1]) >> 8
    return by_channel(bias), by_channel(by_pair[:, 2:4]), by_channel(-1 - rights.astype(np.int32))
