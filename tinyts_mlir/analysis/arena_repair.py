"""Local search in the arena: a placement is pressed below a height, and what no longer fits is placed anew.

An attempt takes a placement and a height below its own, throws out the blocks that reach above, and places them one by
one. A block goes where the blocks in its way weigh least; those are thrown out in turn and wait. Each time a block is
thrown out it gets heavier, so that the search leaves blocks that are hard to place where they are and moves others. An
attempt succeeds when no block waits.

All numbers are integers and the search is bounded by counted work: the result does not depend on time or machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyts_mlir.analysis.arena_blocks import NOWHERE, BlockTable, Integers

WORK_A_MOVE = 300
"""What placing a block costs besides looking at its conflicts, in conflicts looked at (about 0.15 us each)."""
HEIGHTS = (0.6, 0.8, 0.9, 0.95)
"""The heights that are tried in turn, between the lower bound (0) and the best height so far (1)."""
MOVES_AN_ATTEMPT = 500
"""Moves of one attempt, besides one for each block."""
WEIGHT_SCALE = 16


@dataclass
class Repair:
    """The search on one table of blocks.

    Attributes:
        work: how much is left to spend; see WORK_A_MOVE.
        weights: of the blocks at the start of an attempt: bytes, times the root of the steps for which they live.
    """

    table: BlockTable
    work: int
    weights: Integers = field(init=False)

    def __post_init__(self) -> None:
        """Weighs the blocks."""
        sizes, count = self.table.sizes, len(self.table)
        weights = sizes * np.sqrt(self.table.lifetimes()) * (WEIGHT_SCALE * count / max(1, int(sizes.sum())))
        self.weights = np.maximum(2, weights.astype(np.int64))

    def improve(self, placements: Sequence[Integers], bound: int) -> Integers:
        """The lowest placement found from these, lowest first; stops at `bound` bytes or when the work is spent."""
        best = placements[0]
        height = self.table.height(best)
        starts = [best, *placements]
        failures = attempts = 0
        while height > bound and self.work > 0:
            target = bound + int((height - bound) * HEIGHTS[failures % len(HEIGHTS)])
            start = starts[failures % len(starts)]
            found = self.attempt(start, min(target, height - 1), heaviest_first=attempts % 2 == 0)
            attempts += 1
            if found is None:
                failures += 1
            else:
                best, height, failures = found, self.table.height(found), 0
                starts[0] = best
        return best

    def attempt(
        self, start: Integers, height: int, heaviest_first: bool, placing: Sequence[int] | None = None
    ) -> Integers | None:
        """A placement of at most `height` bytes, or None when the moves of an attempt do not lead to one.

        The blocks `placing` are to be placed; without them, those that end above `height`. Others that are NOWHERE stay
        there, in nobody's way.

        With `heaviest_first` the block waiting that was thrown out most, by weight, is placed next, otherwise the one
        that weighed most in the beginning; then blocks that throw others out get heavier too.
        """
        table = self.table
        begins = start.copy()
        ends = begins + table.sizes
        waiting: list[int] = list(placing) if placing is not None else np.flatnonzero(ends > height).tolist()
        begins[waiting] = ends[waiting] = NOWHERE
        weights = self.weights.copy()
        priority = weights if heaviest_first else self.weights
        for _ in range(len(table) + MOVES_AN_ATTEMPT):
            if not waiting or self.work <= 0:
                break
            block = max(waiting, key=priority.item)
            waiting.remove(block)
            obstacles = table.obstacles(block, begins, ends)
            conflicts = obstacles.blocks
            self.work -= WORK_A_MOVE + len(conflicts) + len(waiting)
            size = table.blocks[block].size
            place, weight = _lightest_place(
                obstacles.starts, obstacles.stops, weights[conflicts], size, table.alignments[block], height - size
            )
            snug_to: int | None = None
            for snug, position in obstacles.snug:
                if snug + size > height or snug % table.alignments[block]:
                    continue
                snug_weight = int(weights[conflicts[obstacles.in_the_way(snug, size, position)]].sum())
                if (snug_weight, snug) < (weight, place):
                    place, weight, snug_to = snug, snug_weight, position
            if weight:
                out = conflicts[obstacles.in_the_way(place, size, snug_to)]
                weights[out] += self.weights[out] // 2
                if not heaviest_first:
                    weights[block] += self.weights[block] // 2
                begins[out] = ends[out] = NOWHERE
                waiting += out.tolist()
            begins[block], ends[block] = place, place + size
        return None if waiting else begins


def _lightest_place(
    starts: Integers, stops: Integers, weights: Integers, size: int, alignment: int, highest: int
) -> tuple[int, int]:
    """The offset where the blocks in the way of `size` bytes weigh least, the lowest of those, and their weight.

    Only places right above or below a block, or at an end of the arena, can be best. In the way of a block at `place`
    are those that start below `place + size`, but for those that stop at or below `place`.
    """
    places = np.concatenate((stops + (alignment - 1), starts - size, (0, highest))) & -alignment
    places = places[(places >= 0) & (places <= highest)]
    places.sort()
    by_start, by_stop = starts.argsort(), stops.argsort()
    starting = np.zeros(len(starts) + 1, dtype=np.int64)
    stopped = np.zeros(len(starts) + 1, dtype=np.int64)
    weights[by_start].cumsum(out=starting[1:])
    weights[by_stop].cumsum(out=stopped[1:])
    in_the_way = (
        starting[starts[by_start].searchsorted(places + size)]
        - stopped[stops[by_stop].searchsorted(places, side="right")]
    )
    best = int(in_the_way.argmin())
    return int(places[best]), int(in_the_way[best])
