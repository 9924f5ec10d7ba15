"""Local search in the arena: a placement is pressed below a height, and what no longer fits is placed anew.

An attempt takes a placement and a height below its own, throws out the blocks that reach above, and places them one by
one. A block goes where the blocks in its way weigh least; those are thrown out in turn and wait. Each time a block is
thrown out it gets heavier, so that the search leaves blocks that are hard to place where they are and moves others. An
attempt succeeds when no block waits.

All numbers are integers and the search is bounded by counted work: the result does not depend on time or machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyts_mlir.analysis.arena_blocks import NOWHERE, BlockTable, Integers
from tinyts_mlir.analysis.arena_places import Places

WORK_A_MOVE = 300
"""What placing a block costs besides looking at its conflicts, in conflicts looked at (about 0.03 us each)."""
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
    weights: list[int] = field(init=False)
    _failed: dict[tuple[bytes, int, bool], int] = field(init=False, default_factory=dict[tuple[bytes, int, bool], int])
    """The attempts that led to nothing, and the work that they took: they would do so again."""

    def __post_init__(self) -> None:
        """Weighs the blocks."""
        sizes, count = self.table.sizes, len(self.table)
        weights = sizes * np.sqrt(self.table.lifetimes()) * (WEIGHT_SCALE * count / max(1, int(sizes.sum())))
        self.weights = np.maximum(2, weights.astype(np.int64)).tolist()

    def improve(self, placements: Sequence[Integers], bound: int) -> Integers:
        """The lowest placement found from these, lowest first; stops at `bound` bytes or when the work is spent."""
        best = placements[0]
        height = self.table.height(best)
        starts = [best, *placements]
        failures = attempts = 0
        while height > bound and self.work > 0:
            target = bound + int((height - bound) * HEIGHTS[failures % len(HEIGHTS)])
            start = starts[failures % len(starts)]
            found = self._new_attempt(start, min(target, height - 1), heaviest_first=attempts % 2 == 0)
            attempts += 1
            if found is None:
                failures += 1
            else:
                best, height, failures = found, self.table.height(found), 0
                starts[0] = best
        return best

    def _new_attempt(self, start: Integers, height: int, heaviest_first: bool) -> Integers | None:
        """An attempt, but for the work only where it is not known to fail."""
        key = start.tobytes(), height, heaviest_first
        if (work := self._failed.get(key)) is not None:
            self.work -= work
            return None
        before = self.work
        found = self.attempt(start, height, heaviest_first)
        if found is None:
            self._failed[key] = before - self.work
        return found

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
        waiting = list(placing) if placing is not None else np.flatnonzero(start + table.sizes > height).tolist()
        offsets = start.tolist()
        for block in waiting:
            offsets[block] = NOWHERE
        places = Places(table, offsets, self.weights, height)
        # What weighs most is placed next, of equals what waits longest.
        queue = [(-self.weights[block], number, block) for number, block in enumerate(waiting)]
        heapq.heapify(queue)
        count = len(queue)
        before, weights, conflicts = self.weights, places.weights, table.conflict_counts.tolist()
        for _ in range(len(table) + MOVES_AN_ATTEMPT):
            if not queue or self.work <= 0:
                break
            _, _, block = heapq.heappop(queue)
            self.work -= WORK_A_MOVE + conflicts[block] + len(queue)
            place, _, in_the_way = places.lightest(block)
            for out in in_the_way:
                places.take_away(out)
                places.weigh(out, weights[out] + before[out] // 2)
                heapq.heappush(queue, (-(weights if heaviest_first else before)[out], count, out))
                count += 1
            if in_the_way and not heaviest_first:
                places.weigh(block, weights[block] + before[block] // 2)
            places.put(block, place)
        return None if queue else np.array(places.offsets, dtype=np.int64)
