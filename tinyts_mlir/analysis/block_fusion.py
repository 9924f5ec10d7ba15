"""Which blocks to fuse, so that a network needs the least SRAM for at most so many multiplications more.

The search goes from peak to peak: of the blocks that are at work where most bytes live, or next to these, it fuses the
one that brings the peak down at the least price, with or without its projection and with bands of several heights; a
block that is fused already may get lower bands, which make more rows twice. Several segments of a network may be
nearly as full as the fullest, so a step counts as one down where the sorted list of their peaks goes down. It ends
where nothing brings that down any more, or the multiplications are used up; then blocks that turn out not to matter
are taken apart again. Bytes are those of bands as low as they may be, as `choose-bands` counts them
(`analysis/segment_search.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tinyts_mlir.analysis.arena_allocation import live_bytes
from tinyts_mlir.analysis.band_blocks import blocks_of
from tinyts_mlir.analysis.map_bands import MapBands, lowest_heights
from tinyts_mlir.analysis.map_graph import MapGraph
from tinyts_mlir.analysis.segment_search import run_segments, search_segments, steps_of

COLUMNS = (4, 1)
"""Of the result, that a fused block makes at a time: kernels are fastest with four."""
FULLEST = 3
"""Segments whose peaks are compared: what goes on far below the peak does not matter."""
MOST_TRIALS = 160
"""Of counted plans; some seconds."""


class Fused(NamedTuple):
    """How a block is fused: least rows of a band, columns that are made at a time, and whether with its projection.

    And whether its bands keep rows of the expansion for the next one, so that none is made twice.
    """

    rows: int
    columns: int
    is_projected: bool
    keeps_rows: bool = False


Fusion = Mapping[int, Fused]
"""How blocks are fused, by their number; the others are not."""


class Peak(NamedTuple):
    """Where most bytes live.

    Attributes:
        bytes: the most of each segment, the greatest first.
        layers: the layers at work where the most of all live.
    """

    bytes: tuple[int, ...]
    layers: frozenset[int]


def peak_of(graph: MapGraph) -> Peak:
    """The peak of the order that the lowest bands need least for."""
    bands = MapBands(graph)
    found = bands.graph(lowest_heights(bands))
    segments, _ = search_segments(found)
    runs = run_segments(found, segments)
    steps = steps_of(found, runs)
    blocks, overlaps = blocks_of(found, steps)
    live = live_bytes(blocks, overlaps=overlaps)[: len(steps)]
    peaks = sorted((run.peak for run in runs), reverse=True)
    return Peak(tuple(peaks), frozenset(steps[step][0] for step in np.flatnonzero(live == live.max())))


@dataclass(frozen=True)
class Candidate:
    """A block that may be fused.

    Attributes:
        extra_macs: multiplications that it makes more with bands of at least so many rows, by these.
        can_be_projected: whether it has a projection.
        can_keep_rows: whether the windows of two rows share rows of the expansion.
        next: the number of the block that begins with its projection, if one does.
    """

    extra_macs: Mapping[int, int]
    can_be_projected: bool
    can_keep_rows: bool = False
    next: int | None = None

    def ways(self) -> list[Fused]:
        """The ways to fuse it, those that make least more first."""
        kinds = (True, False) if self.can_be_projected else (False,)
        heights = [(1, True)] if self.can_keep_rows else []
        heights += [(rows, False) for rows in sorted(self.extra_macs, reverse=True)]
        return [Fused(rows, columns, kind, keeps) for rows, keeps in heights for columns in COLUMNS for kind in kinds]

    def extra(self, way: Fused) -> int:
        """Multiplications that it makes more, fused this way."""
        return 0 if way.keeps_rows else self.extra_macs[way.rows]


Count = Callable[[Fusion], tuple[Peak, frozenset[int]]]
"""The peak with some blocks fused, and the numbers of the blocks near it."""


def choose_fusion(candidates: Sequence[Candidate], count: Count, most_extra_macs: int) -> Fusion:
    """The blocks to fuse, and how."""
    return _Search(candidates, count).run(most_extra_macs)


class _Search:
    def __init__(self, candidates: Sequence[Candidate], count: Count) -> None:
        self.candidates = candidates
        self.count = count
        self.counted: dict[tuple[tuple[int, Fused], ...], tuple[Peak, frozenset[int]]] = {}

    def run(self, most_extra_macs: int) -> Fusion:
        """Goes from peak to peak."""
        chosen: Fusion = {}
        peak, near = self.peak(chosen)
        while len(self.counted) < MOST_TRIALS:
            best: tuple[tuple[bool, float], Fusion, Peak, frozenset[int]] | None = None
            for changed in self.steps(chosen, near):
                if self.extra(changed) > most_extra_macs:
                    continue
                found, around = self.peak(changed)
                if found.bytes[:FULLEST] >= peak.bytes[:FULLEST]:
                    continue
                price = max(0, self.extra(changed) - self.extra(chosen)) + 1
                gain = found.bytes[0] < peak.bytes[0], _down(peak.bytes, found.bytes) / price
                if best is None or gain > best[0]:
                    best = gain, changed, found, around
            if best is None:
                break
            _, chosen, peak, near = best
        return self.without_waste(chosen, peak)

    def peak(self, fusion: Fusion) -> tuple[Peak, frozenset[int]]:
        """As of `Count`, each only once."""
        key = tuple(sorted(fusion.items()))
        if key not in self.counted:
            self.counted[key] = self.count(fusion)
        return self.counted[key]

    def extra(self, fusion: Fusion) -> int:
        """Multiplications more."""
        return sum(self.candidates[number].extra(way) for number, way in fusion.items())

    def steps(self, chosen: Fusion, near: Iterable[int]) -> Iterator[Fusion]:
        """What may follow: another block, or one that is fused otherwise."""
        for number in sorted(near):
            for way in self.candidates[number].ways():
                changed = {**chosen, number: way}
                if chosen.get(number) != way and self.is_possible(changed):
                    yield changed

    def is_possible(self, fusion: Fusion) -> bool:
        """Whether no layer is in two blocks."""
        return not any(way.is_projected and self.candidates[number].next in fusion for number, way in fusion.items())

    def without_waste(self, chosen: Fusion, peak: Peak) -> Fusion:
        """The same peak with fewer multiplications: blocks that need not be fused, or may have higher bands."""
        kept = dict(chosen)
        for number in sorted(chosen, key=lambda number: -self.candidates[number].extra(chosen[number])):
            without = {other: way for other, way in kept.items() if other != number}
            way = kept[number]
            heights = () if way.keeps_rows else self.candidates[number].extra_macs
            higher = [rows for rows in sorted(heights, reverse=True) if rows > way.rows]
            for changed in [without, *({**without, number: way._replace(rows=rows)} for rows in higher)]:
                if self.peak(changed)[0].bytes[0] <= peak.bytes[0]:
                    kept = changed
                    break
        return kept


def _down(before: Sequence[int], behind: Sequence[int]) -> int:
    """By how many bytes the first segments that differ do, in the sorted lists."""
    return next((one - other for one, other in zip(before, behind, strict=False) if one != other), 0)
