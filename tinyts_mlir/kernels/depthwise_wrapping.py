"""Constants for channels of a depthwise convolution whose sums are at an end of int32, and may wrap around.

Training leaves such channels for dead: their weights' scale is so tiny that the converter's bias ends at an end of
int32, and from there some sums come out at the other end. The kernel's sums wrap in the same way if weights and bias
are the model's own, not doubled. Then only the scaling is to be found: on either side of the wrap both ways of scaling
rise, or fall, with the sum, so they are the same if they are at the ends and at every step from byte to byte.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.kernels.channel_scaling import LEAST_SHIFT, NARROW_LIMIT
from tinyts_mlir.quantization import INT8_MAX, INT8_MIN, INT32_MAX, INT32_MIN, requantize

MOST_RIGHT = -LEAST_SHIFT
_LAP = 1 << 32

Int64Array = NDArray[np.int64]
Piece = tuple[int, int]
"""The least and the greatest of sums without a gap."""


class WrappingScale(NamedTuple):
    """byte = SSAT8((round(sum * multiplier / 2**32) + offset - (sum < 0)) >> right).

    Where `negated`, of -1 - sum, the bits of the sum inverted: the least int32 has no negative.
    """

    negated: bool
    multiplier: int
    right: int
    offset: int


def wrapping_scale(scale: tuple[int, int], sums: Piece, zero_point: int) -> WrappingScale | None:
    """A scale to the same bytes as `scale`, a multiplier and its shift, for sums that may wrap, or None.

    `sums` are the least and the greatest, as if nothing wrapped.
    """
    multiplier, shift = scale
    pieces = _pieces(*sums)
    if pieces is None or shift >= 0:
        return None
    negated = multiplier < 0
    critical = np.concatenate([_around_steps(scale, piece, zero_point) for piece in pieces])
    bytes = _bytes(scale, critical, zero_point)
    own = ~critical if negated else critical
    for right in range(min(-shift - 1, MOST_RIGHT), -1, -1):
        candidate = abs(multiplier) >> (-shift - 1 - right)
        if candidate > INT32_MAX:
            continue
        offset = _offset(own, bytes, candidate, right, zero_point)
        if offset is not None:
            return WrappingScale(negated, candidate, right, offset)
    return None


def _pieces(lowest: int, highest: int) -> list[Piece] | None:
    """The sums that come out; None where they wrap more than once, or some have another sign than their neighbours."""
    lap = (lowest - INT32_MIN) // _LAP * _LAP
    lowest, highest = lowest - lap, highest - lap
    pieces = [(lowest, min(highest, INT32_MAX))]
    if highest > INT32_MAX:
        pieces.append((INT32_MIN, highest - _LAP))
    return None if any((first < 0) != (last < 0) for first, last in pieces) else pieces


def _bytes(scale: tuple[int, int], sums: Int64Array, zero_point: int) -> Int64Array:
    return np.clip(requantize(sums, *scale).astype(np.int64) + zero_point, INT8_MIN, INT8_MAX)


def _around_steps(scale: tuple[int, int], piece: Piece, zero_point: int) -> Int64Array:
    """The ends of a piece, and the sums on both sides of each step from one byte to another."""
    ends = np.array(piece)
    first, last = _bytes(scale, ends, zero_point).tolist()
    direction = 1 if first < last else -1
    values = np.arange(first, last, direction) + direction
    before, behind = np.full(len(values), piece[0]), np.full(len(values), piece[1])
    while (behind - before > 1).any():
        middle = (before + behind) >> 1
        reached = direction * (_bytes(scale, middle, zero_point) - values) >= 0
        behind, before = np.where(reached, middle, behind), np.where(reached, before, middle)
    return np.concatenate([ends, before, behind])


def _offset(sums: Int64Array, bytes: Int64Array, multiplier: int, right: int, zero_point: int) -> int | None:
    """One with which all sums give their bytes, with the sign, and without where the kernel leaves it out."""
    high = (sums * multiplier + (1 << 31)) >> 32
    signs = [0, 1] if zero_point == INT8_MIN else [1]
    scaled = np.stack([high - subtracted * (sums < 0) for subtracted in signs])
    least = np.where(bytes == INT8_MIN, -NARROW_LIMIT + 1, (bytes << right) - scaled).max()
    most = np.where(bytes == INT8_MAX, NARROW_LIMIT - 1, ((bytes + 1) << right) - 1 - scaled).min()
    return int(least) if -NARROW_LIMIT < least <= most < NARROW_LIMIT else None
