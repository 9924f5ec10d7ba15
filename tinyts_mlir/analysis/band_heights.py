"""How many rows the bands of each map should have: as many as pay, in no more SRAM than there is.

Higher bands are fewer steps, and kernels reuse weights over all pixels of a band; but more rows live at once. The
search starts from the order that bands of one row need least for, or, of very many rows, the lowest bands that are not
too many (`lowest_heights`). There, segment by segment, it gives kernels their scratch where that fits into the budget;
then it makes bands higher as long as the live bytes fit, first those of all layers of a segment together, then layer by
layer, those first that gain the most. Costs come from `analysis/cost_model.py`, live bytes from counting bands
(`analysis/segment_search.py`).

Live bytes are not yet an arena, and in some functions only an estimate: the result is allocated, or planned as it will
be, and where it does not fit, the search is repeated with less room: for the segments that may grow, then without
growing those that are near the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tinyts_mlir.analysis.arena_allocation import allocate_arena
from tinyts_mlir.analysis.band_blocks import blocks_of
from tinyts_mlir.analysis.map_bands import MapBands, lowest_heights
from tinyts_mlir.analysis.segment_search import (
    BandGraph,
    OverLimit,
    Segment,
    SegmentRun,
    different_sets,
    held_sets,
    run_segments,
    schedule,
    search_segments,
)

LADDER = (2, 4, 8, 16, 32, 64, 128, 256)
"""Heights that are tried, below that of the whole map."""
ROOM = ((100, True), (92, False), (80, False), (60, False))
"""Attempts: percent of the budget that higher bands may fill, and whether to touch segments that need more anyway."""

MANY_BANDS = 1800
"""With more bands of one row, only the last attempt is made: each allocates all of them."""

Costs = Callable[[int, int, bool], float]
"""Estimated instructions of a layer, from its number, its band height, and whether it has scratch."""


@dataclass(frozen=True)
class BandChoice:
    """Band heights by layer, and the segments in which to run them.

    Attributes:
        arena_bytes: the arena that they were found to fit into.
        instructions: estimated of one inference, of the layers that are made by rows.
    """

    heights: tuple[int, ...]
    segments: tuple[Segment, ...]
    arena_bytes: int = 0
    instructions: float = 0


ArenaBytes = Callable[[BandChoice, int], int]
"""The arena in bytes for a choice, scratch not counted; with a second argument above 0, an upper bound of it that is
exact where it is above that number."""


def allocated_bytes(layers: MapBands) -> ArenaBytes:
    """The arena for the bands that `layers` knows."""

    def arena_bytes(choice: BandChoice, enough: int) -> int:
        graph = layers.graph(choice.heights)
        blocks, overlaps = blocks_of(graph, schedule(graph, choice.segments))
        return allocate_arena(blocks, enough=enough, overlaps=overlaps)[0].size

    return arena_bytes


class HeightSearch:
    """Chooses the heights of one network's bands, for any limits; what needs least is found once.

    Args:
        layers: the network's maps.
        costs: what a layer costs.
        scratch_bytes: of each layer's kernel; 0 where it has none.
        arena_bytes: the arena of a choice.
        pays: of choices without a limit that fit, the first that pays is taken; None: each does.
    """

    def __init__(
        self,
        layers: MapBands,
        costs: Costs,
        scratch_bytes: Sequence[int],
        arena_bytes: ArenaBytes,
        pays: Callable[[BandChoice], bool] | None = None,
    ) -> None:
        self.layers = layers
        self.costs = costs
        self.scratch_bytes = scratch_bytes
        self.arena_bytes = arena_bytes
        self.pays = pays
        heights = lowest_heights(layers)
        self.graph = layers.graph(heights)
        segments, _ = search_segments(self.graph)
        lowest = BandChoice(tuple(heights), tuple(segments))
        self.least_bytes = arena_bytes(lowest, 0)
        self.lowest = replace(lowest, arena_bytes=self.least_bytes, instructions=self._instructions(lowest, None))

    def choose(self, highest: int, limit: int | None = None) -> BandChoice:
        """The heights that cost least, none above `highest` rows.

        The arena is at most `limit` bytes, or, without one or where that is too little, what the lowest bands need.
        """
        if limit is not None and limit < self.least_bytes:
            return self.lowest
        budget = self.least_bytes if limit is None else limit
        many = sum(len(layer.band_bytes) for layer in self.graph.layers) > MANY_BANDS
        for percent, everywhere in ROOM[-1:] if many else ROOM:
            search = _Coarsening(self.layers, self.costs, self.scratch_bytes, highest, self.graph, self.lowest)
            heights = search.run(budget * percent // 100, budget, everywhere)
            choice = BandChoice(tuple(heights), tuple(search.segments))
            choice = replace(
                choice,
                arena_bytes=self.arena_bytes(choice, budget),
                instructions=self._instructions(choice, search.has_scratch),
            )
            if choice.arena_bytes <= budget and (limit is not None or self.pays is None or self.pays(choice)):
                return choice
        return self.lowest

    def _instructions(self, choice: BandChoice, has_scratch: Sequence[bool] | None) -> float:
        return sum(
            self.costs(number, height, has_scratch is not None and has_scratch[number])
            for number, height in enumerate(choice.heights)
            if self.layers.layers[number].has_heights
        )


class _Coarsening:
    """One search: raises heights of a graph whose bands are the lowest."""

    def __init__(
        self,
        layers: MapBands,
        costs: Costs,
        scratch_bytes: Sequence[int],
        highest: int,
        graph: BandGraph,
        lowest: BandChoice,
    ) -> None:
        self.layers = layers
        self.costs = costs
        self.scratch_bytes = scratch_bytes
        self.highest = highest
        self.graph = graph
        self.segments = list(lowest.segments)
        self.lowest = lowest.heights
        self.heights = list(lowest.heights)
        self.has_scratch = [not size for size in scratch_bytes]
        self.segment_of = [0] * len(layers.layers)
        for number, segment in enumerate(lowest.segments):
            for layer in range(segment.start, segment.stop):
                self.segment_of[layer] = number
        self.held_sets = held_sets(graph)
        self.limits: list[int] = []
        self.budget = 0
        self.untouched: set[int] = set()

    def run(self, room: int, budget: int, everywhere: bool) -> list[int]:
        """The heights for which live bytes stay within `room` bytes, or where they are above it stay as they are.

        With scratch they may be `budget`: it goes into gaps, and leaves none behind.
        """
        self.budget = budget
        peaks = self.peaks()
        self.limits = [max(room, peak) for peak in peaks]
        self.untouched = {number for number, peak in enumerate(peaks) if peak > room and not everywhere}
        for number in self._by_gain([i for i, size in enumerate(self.scratch_bytes) if size], self._scratch_gain):
            self._try_scratch(number)
        free = [
            number
            for number, layer in enumerate(self.layers.layers)
            if layer.has_heights and self.untouched.isdisjoint(self._segments_with(number))
        ]
        for segment in self.segments:
            self._raise_together([number for number in free if segment.start <= number < segment.stop])
        self._raise_one_by_one(free)
        return self.heights

    def peaks(self) -> list[int]:
        """The most live bytes of each segment; scratch not counted."""
        return [run.peak for run in run_segments(self.graph, self.segments)]

    # --- moves --------------------------------------------------------------------------------------------------

    def _try_scratch(self, number: int) -> None:
        changed = replace(self.graph.layers[number], scratch_bytes=self.scratch_bytes[number])
        if self._accept(self.graph.with_layers({number: changed}), {self.segment_of[number]}):
            self.has_scratch[number] = True

    def _raise_together(self, layers: Sequence[int]) -> None:
        """Gives all layers of a segment the greatest heights that fit, in proportion to their rows."""
        fewest = min((self.layers.layers[i].rows for i in layers), default=1)
        for factor in reversed((*(step for step in LADDER if step < self.highest), self.highest)):
            wanted = {i: self._best_height(i, factor * self.layers.layers[i].rows // fewest) for i in layers}
            wanted = {number: height for number, height in wanted.items() if height != self.heights[number]}
            if not wanted or self._try_heights(wanted):
                return

    def _raise_one_by_one(self, layers: Sequence[int]) -> None:
        for number in self._by_gain(layers, self._height_gain):
            tried: set[int] = set()
            for most in reversed((*LADDER, self.layers.layers[number].rows)):
                height = self._best_height(number, most)
                if height in tried or self._cost(number, height) >= self._cost(number, self.heights[number]):
                    continue
                tried.add(height)
                if self._try_heights({number: height}):
                    break

    def _try_heights(self, wanted: dict[int, int]) -> bool:
        """Gives layers other heights if the segments that make or read them still fit."""
        before = {number: self.heights[number] for number in wanted}
        segments: set[int] = set()
        for number, height in wanted.items():
            self.heights[number] = height
            segments |= self._segments_with(number)
        changed = self.layers.changed(self.graph, self.heights, tuple(wanted))
        if self._accept(changed, segments):
            return True
        for number, height in before.items():
            self.heights[number] = height
        return False

    def _segments_with(self, number: int) -> set[int]:
        """The segments that make or read a layer's map."""
        return {self.segment_of[layer] for layer in (number, *self.graph.consumers[number])}

    def _accept(self, graph: BandGraph, segments: set[int]) -> bool:
        """Takes over a graph if these segments fit their limits, with any set of held maps where order may change."""
        fitting: dict[int, Segment] = {}
        for number in sorted(segments):
            now = self.segments[number]
            sets = [now.held] if number in self.untouched else [now.held, *self.held_sets]
            for held in different_sets(graph, now.start, now.stop, sets):
                candidate = Segment(now.start, now.stop, held)
                try:
                    SegmentRun(graph, candidate, self.limits[number], self.budget).run()
                except OverLimit:
                    continue
                fitting[number] = candidate
                break
            else:
                return False
        self.graph = graph
        for number, segment in fitting.items():
            self.segments[number] = segment
        return True

    # --- costs --------------------------------------------------------------------------------------------------

    def _cost(self, number: int, height: int) -> float:
        return self.costs(number, height, self.has_scratch[number])

    def _best_height(self, number: int, most: int) -> int:
        """The cheapest height up to `most` rows; of equals the lowest."""
        lowest, block = self.lowest[number], self.layers.layers[number].block
        most = max(lowest, min(most, self._most_rows(number)) // block * block)
        heights = [height // block * block for height in (1, *LADDER) if lowest <= height < most] + [most]
        return min(heights, key=lambda height: (self._cost(number, height), height))

    def _most_rows(self, number: int) -> int:
        """The most rows of a band; what reads an input does not wait for all of it."""
        rows = self.layers.layers[number].rows
        if any(self.graph.layers[operand].input for operand in self.layers.layers[number].operands):
            rows = max(1, rows // 2)
        return min(rows, self.highest)

    def _height_gain(self, number: int) -> float:
        return self._cost(number, self.heights[number]) - self._cost(number, self._best_height(number, self.highest))

    def _scratch_gain(self, number: int) -> float:
        height = self.heights[number]
        return self.costs(number, height, False) - self.costs(number, height, True)

    @staticmethod
    def _by_gain(numbers: Sequence[int], gain: Callable[[int], float]) -> list[int]:
        """The numbers whose gain is above nothing, the greatest first."""
        gains = {number: gain(number) for number in numbers}
        return sorted((number for number in numbers if gains[number] > 0), key=lambda number: (-gains[number], number))
