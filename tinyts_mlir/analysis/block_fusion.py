"""Which blocks to fuse, so that a network needs the least SRAM for at most so many multiplications more.

The search goes from peak to peak: of the blocks that are at work where most bytes live, or next to these, it fuses the
one that brings the peak down at the least price, with or without its projection, keeping rows or making them again.
Several segments of a network may be nearly as full as the fullest, so a step counts as one down where the sorted list
of their peaks goes down. It ends where nothing brings that down any more, or the multiplications are used up; then
blocks that turn out not to matter are taken apart again, and the others made as fast as the same arena allows. Bytes
are those of bands as low as they may be, as `choose-bands` counts them (`analysis/segment_search.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from tinyts_mlir.analysis.arena_allocation import allocate_arena, live_bytes
from tinyts_mlir.analysis.arena_blocks import Block, Overlap
from tinyts_mlir.analysis.band_blocks import blocks_of
from tinyts_mlir.analysis.map_bands import MapBands, lowest_heights
from tinyts_mlir.analysis.map_graph import MapGraph
from tinyts_mlir.analysis.segment_search import (
    UNREACHABLE,
    KnownPeaks,
    OverLimit,
    find_segments,
    run_segments,
    steps_of,
)

COLUMNS = (4, 2, 1)
"""Of the result, that a fused block may make at a time: kernels are fastest with four, one takes least scratch."""
FULLEST = 3
"""Segments whose peaks are compared: what goes on far below the peak does not matter."""
FURTHER = 2
"""Blocks away from those near the peak at which a search goes on that is stuck: they may be of the same segment."""
MOST_TRIALS = 120
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


@dataclass(frozen=True)
class Peak:
    """Where most bytes live.

    Attributes:
        bytes: the most of each segment, the greatest first.
        layers: the layers at work where the most of all live.
        blocks: of bytes, in this order of steps.
        overlaps: which of them may overlap.
    """

    bytes: tuple[int, ...]
    layers: frozenset[int]
    blocks: Sequence[Block]
    overlaps: Sequence[Overlap]

    @cached_property
    def arena_bytes(self) -> int:
        """The arena that holds the blocks."""
        return allocate_arena(self.blocks, overlaps=self.overlaps)[0].size


def peak_of(graph: MapGraph, limit: int = UNREACHABLE, known: KnownPeaks | None = None) -> Peak | None:
    """The peak of the order that the lowest bands need least for; None where it is above the limit.

    `known`: what was found of graphs with other blocks fused.
    """
    bands = MapBands(graph)
    found = bands.graph(lowest_heights(bands))
    try:
        segments, _ = find_segments(found, limit, known)
    except OverLimit:
        return None
    runs = run_segments(found, segments)
    steps = steps_of(found, runs)
    blocks, overlaps = blocks_of(found, steps)
    live = live_bytes(blocks, overlaps=overlaps)[: len(steps)]
    peaks = sorted((run.peak for run in runs), reverse=True)
    fullest = frozenset(steps[step][0] for step in np.flatnonzero(live == live.max()))
    return Peak(tuple(peaks), fullest, blocks, overlaps)


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

    def leanest(self, most_extra_macs: int) -> list[Fused]:
        """The ways that need least SRAM: keeping rows, and bands as low as so many multiplications more allow."""
        kinds = (True, False) if self.can_be_projected else (False,)
        rows = min((rows for rows, extra in self.extra_macs.items() if extra <= most_extra_macs), default=None)
        kept = [Fused(1, COLUMNS[-1], kind, keeps_rows=True) for kind in kinds if self.can_keep_rows]
        return kept + [Fused(rows, COLUMNS[-1], kind) for kind in kinds if rows is not None]

    def coarser(self, way: Fused) -> list[Fused]:
        """Ways that are faster, the fastest first: without anything made twice, with higher bands, or more columns."""
        ways = [way]
        if not way.keeps_rows:
            higher = [rows for rows in sorted(self.extra_macs, reverse=True) if rows > way.rows]
            ways = [*(way._replace(rows=rows) for rows in higher), way]
            ways[:0] = [Fused(1, way.columns, way.is_projected, keeps_rows=True)] if self.can_keep_rows else []
        found = [one._replace(columns=columns) for one in ways for columns in COLUMNS]
        return found[: found.index(way)]

    def extra(self, way: Fused) -> int:
        """Multiplications that it makes more, fused this way."""
        return 0 if way.keeps_rows else self.extra_macs[way.rows]


Count = Callable[[Fusion, int], tuple[Peak, frozenset[int]] | None]
"""The peak with some blocks fused, and the numbers of the blocks near it; None where it is above a limit."""


def choose_fusions(candidates: Sequence[Candidate], count: Count, most_extra_macs: Iterable[int]) -> Iterator[Fusion]:
    """The blocks to fuse, and how, for at most so many multiplications more; each search goes on where the last ended.

    Args:
        candidates: the blocks.
        count: how many bytes live.
        most_extra_macs: in ascending order.
    """
    search = _Search(candidates, count)
    for most in most_extra_macs:
        yield search.run(most)


class _Search:
    def __init__(self, candidates: Sequence[Candidate], count: Count) -> None:
        self.candidates = candidates
        self.count = count
        self.chosen: Fusion = {}
        """Where the search has ended."""
        self.counted: dict[tuple[tuple[int, Fused], ...], tuple[tuple[Peak, frozenset[int]] | None, int]] = {}
        """For each fusion what was counted, and the limit."""

    def run(self, most_extra_macs: int) -> Fusion:
        """Goes from peak to peak."""
        chosen, most_trials = self.chosen, len(self.counted) + MOST_TRIALS
        counted = self.peak(chosen, UNREACHABLE)
        assert counted is not None  # no limit is above it
        peak, near = counted
        while len(self.counted) < most_trials:
            further = {number + step for number in near for step in range(-FURTHER, FURTHER + 1)}
            further &= set(range(len(self.candidates)))
            best = (
                self.best(self.steps(chosen, near, most_extra_macs), chosen, peak)
                or self.best(self.steps(chosen, further - near, most_extra_macs), chosen, peak)
                or self.best(self.leaps(chosen, near, most_extra_macs), chosen, peak)
            )
            if best is None:
                break
            chosen, peak, near = best
        self.chosen = chosen
        return self.without_waste(chosen, peak.arena_bytes)

    def best(self, changes: Iterable[Fusion], chosen: Fusion, peak: Peak) -> tuple[Fusion, Peak, frozenset[int]] | None:
        """The change that brings the peak down at the least price, if one does."""
        best: tuple[tuple[bool, float], tuple[Fusion, Peak, frozenset[int]]] | None = None
        for changed in changes:
            counted = self.peak(changed, peak.bytes[0])
            if counted is None or counted[0].bytes[:FULLEST] >= peak.bytes[:FULLEST]:
                continue
            price = max(0, self.extra(changed) - self.extra(chosen)) + 1
            gain = counted[0].bytes[0] < peak.bytes[0], _down(peak.bytes, counted[0].bytes) / price
            if best is None or gain > best[0]:
                best = gain, (changed, *counted)
        return None if best is None else best[1]

    def peak(self, fusion: Fusion, limit: int) -> tuple[Peak, frozenset[int]] | None:
        """As of `Count`; remembered."""
        key = tuple(sorted(fusion.items()))
        counted, tried = self.counted.get(key, (None, -1))
        if counted is None and tried < limit:
            counted = self.count(fusion, limit)
            self.counted[key] = counted, limit
        return counted if counted is not None and counted[0].bytes[0] <= limit else None

    def extra(self, fusion: Fusion) -> int:
        """Multiplications more."""
        return sum(self.candidates[number].extra(way) for number, way in fusion.items())

    def steps(self, chosen: Fusion, near: Iterable[int], most_extra_macs: int) -> Iterator[Fusion]:
        """What may follow: another block, or one that is fused otherwise."""
        for number in sorted(near):
            others = {other: way for other, way in chosen.items() if other != number}
            for way in self.candidates[number].leanest(most_extra_macs - self.extra(others)):
                changed = {**others, number: way}
                if chosen.get(number) != way and self.is_possible(changed):
                    yield changed

    def leaps(self, chosen: Fusion, near: Iterable[int], most_extra_macs: int) -> Iterator[Fusion]:
        """What may follow where no single block helps: neighbours, or all near the peak, in the same way."""
        numbers = sorted(near)
        neighbours = [pair for pair in pairwise(numbers) if pair[1] == pair[0] + 1]
        for group in (*neighbours, tuple(numbers)):
            for keeps, is_projected in product((False, True), repeat=2):
                changed = dict(chosen)
                for number in group:
                    changed.pop(number, None)
                for number in group:
                    ways = self.candidates[number].leanest(most_extra_macs - self.extra(changed))
                    alike = [way for way in ways if (way.keeps_rows, way.is_projected) == (keeps, is_projected)]
                    if alike and self.is_possible({**changed, number: alike[0]}):
                        changed[number] = alike[0]
                if changed != chosen:
                    yield changed

    def is_possible(self, fusion: Fusion) -> bool:
        """Whether no layer is in two blocks."""
        return not any(way.is_projected and self.candidates[number].next in fusion for number, way in fusion.items())

    def without_waste(self, chosen: Fusion, limit: int) -> Fusion:
        """The same arena at a lower price: blocks that need not be fused, or may be fused in a faster way."""
        kept = dict(chosen)
        for number in sorted(chosen, key=lambda number: -self.candidates[number].extra(chosen[number])):
            without = {other: way for other, way in kept.items() if other != number}
            coarser = ({**without, number: way} for way in self.candidates[number].coarser(kept[number]))
            for changed in (without, *coarser):
                counted = self.peak(changed, limit)
                if counted is not None and counted[0].arena_bytes <= limit:
                    kept = changed
                    break
        return kept


def _down(before: Sequence[int], behind: Sequence[int]) -> int:
    """By how many bytes the first segments that differ do, in the sorted lists."""
    return next((one - other for one, other in zip(before, behind, strict=False) if one != other), 0)
