"""Which bands each band of a layer is made from, as the segment search counts them. No IR here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from tinyts_mlir.analysis.segment_search import UNREACHABLE


def made_joined(band_bytes: Sequence[int]) -> tuple[int, ...]:
    """The bytes of bands that are made where a join wants them: with the first there is the whole map."""
    return (sum(band_bytes), *(0 for _ in band_bytes[1:]))


Bands = tuple[int, int]
"""The first band, and one behind the last."""


def bands_needed(operands: Sequence[int], reads: Sequence[Mapping[int, Bands]]) -> tuple[tuple[Bands, ...], ...]:
    """For each band and operand the bands read, as the search counts them: behind what earlier bands read, before what
    later ones do. Rows of a concatenation may come from one map more than once, and from some not at all.
    """
    nothing = (UNREACHABLE, 0)
    columns: list[list[Bands]] = []
    for operand in operands:
        read = [one.get(operand, nothing) for one in reads]
        firsts = list(accumulate((first for first, _ in reversed(read)), min))[::-1]
        columns.append(list(zip(firsts, accumulate((behind for _, behind in read), max), strict=True)))
    return tuple(zip(*columns, strict=True)) if columns else ((),) * len(reads)


def is_one_to_one(needs: Sequence[Sequence[tuple[int, int]]]) -> bool:
    """Whether every band is made from one band of each operand."""
    return all(behind - first == 1 for band in needs for first, behind in band)
