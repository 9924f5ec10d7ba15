"""Packed weights and constants, and back."""

from __future__ import annotations

import numpy as np
import pytest

from tinyts_mlir.kernels.weight_packing import (
    PAIR_WORDS,
    PatchLayout,
    pack_channel_pairs,
    pack_pair_constants,
    unpack_channel_pairs,
    unpack_pair_constants,
)

SHAPES = [(1, 1, 1), (2, 4, 1), (3, 27, 1), (16, 9, 1), (9, 5, 3), (8, 12, 2), (6, 7, 6)]
"""Channels, elements of a patch, groups."""


@pytest.mark.parametrize(("channels", "elements", "groups"), SHAPES)
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("overlaps", [False, True])
def test_weights_come_back(channels: int, elements: int, groups: int, wide: bool, overlaps: bool) -> None:
    weights = np.random.default_rng(elements).integers(-128 if wide else -127, 128, (channels, elements), np.int8)
    layout = PatchLayout(elements, groups, overlaps and elements > 4, wide)
    packed = pack_channel_pairs(weights, layout)
    pairs = groups * -(-(channels // groups) // 2)
    assert packed.shape == (pairs, -(-elements // 4), 4 if wide else 2)
    assert packed.dtype == np.uint32
    np.testing.assert_array_equal(unpack_channel_pairs(packed, channels, layout), weights)


def test_order_of_weights() -> None:
    """Two channels of four elements: 0 and 2 in front of 1 and 3, as half words of both, or as int16 of each."""
    weights = np.array([[1, 2, 3, -4], [5, 6, 7, 8]], np.int8)
    words = pack_channel_pairs(weights, PatchLayout(4)).reshape(-1)
    assert [hex(word) for word in words] == ["0x3070105", "0xfc080206"]
    wide = pack_channel_pairs(weights, PatchLayout(4, wide=True)).reshape(-1)
    assert [hex(word) for word in wide] == ["0x30001", "0x70005", "0xfffc0002", "0x80006"]


def test_last_word_that_overlaps() -> None:
    weights = np.array([[1, 2, 3, 4, 5, 6]], np.int8)
    words = pack_channel_pairs(weights, PatchLayout(6, overlaps=True))[0, :, 0]
    assert [hex(word) for word in words] == ["0x3000100", "0x5000000"]
    words = pack_channel_pairs(weights, PatchLayout(6, overlaps=True))[0, :, 1]
    assert [hex(word) for word in words] == ["0x4000200", "0x6000000"]


def test_half_words_with_signs() -> None:
    """What is below 0 of the odd channel takes 1 from the upper byte."""
    weights = np.array([[1, -127, -1, 127], [-1, 127, -128, -128]], np.int8)
    words = pack_channel_pairs(weights, PatchLayout(4)).reshape(-1)
    assert [hex(word) for word in words] == ["0xfe8000ff", "0x7e80817f"]


@pytest.mark.parametrize(("channels", "elements", "groups"), SHAPES)
@pytest.mark.parametrize(("wide", "bias_bits"), [(True, 31), (False, 23)])
def test_constants_come_back(channels: int, elements: int, groups: int, wide: bool, bias_bits: int) -> None:
    generator = np.random.default_rng(channels)
    bias, multipliers = (
        generator.integers(-(1 << bits), 1 << bits, channels).astype(np.int32) for bits in (bias_bits, 31)
    )
    shifts = generator.integers(-31, 31, channels).astype(np.int32)
    packed = pack_pair_constants(bias, multipliers, shifts, groups, wide)
    assert packed.shape == (groups * -(-(channels // groups) // 2), PAIR_WORDS)
    unpacked = unpack_pair_constants(packed, channels, groups, wide)
    for got, expected in zip(unpacked, (bias, multipliers, shifts), strict=True):
        np.testing.assert_array_equal(got, expected)
