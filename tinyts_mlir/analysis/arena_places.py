"""Blocks at places in an arena, and where one more would be least in the way. No IR here.

What the blocks weigh that are in the way of one more is a step function of its place: each adds its weight at one place
and takes it off at another. With these events in their order (`Neighbours`), running sums tell it for all places at
once. The lowest place where it is least is where a block is no longer in the way, or the arena's begin.

Placements and searches do little else than this, and a few numpy calls on short arrays are as fast as Python gets: so
one sort of integers has the events in order, and one look-up has what they add.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.analysis.arena_blocks import NOWHERE, BlockTable, Integers

OUTSIDE = 1 << 60
"""More than all blocks weigh together."""
PLACE_BITS = 61
"""Bits for place and number of an event, so that distances may be added to it."""


Candidate = tuple[int, int, list[int]]
"""A place for a block, what the blocks that are in its way there weigh together, and these blocks."""


class Places:
    """Where the blocks of a table are, in an arena of `height` bytes.

    Args:
        table: the blocks.
        offsets: where they are, and NOWHERE for those that are not placed, and so in nobody's way.
        weights: what they weigh, above 0.
        height: of the arena; there is room for all blocks without it.
    """

    def __init__(
        self, table: BlockTable, offsets: Sequence[int], weights: Sequence[int], height: int | None = None
    ) -> None:
        self.table = table
        self._count = count = len(table)
        self._bits = bits = table.number_bits
        self.offsets = list(offsets)
        self.weights = list(weights)
        self._nowhere = 1 << PLACE_BITS - bits
        self.height = self._nowhere >> 1 if height is None else height
        begins: Integers = np.array([*self.offsets, *self.offsets, 0, self.height], dtype=np.int64)
        # For each event where its block begins, and its number.
        self._begins: Integers = (np.minimum(begins, self._nowhere) << bits) + np.arange(2 * count + 2)
        # In front of the arena's begin everything is in the way, and above the highest place, too.
        self._added: Integers = np.array([*weights, *(-one for one in weights), -OUTSIDE, OUTSIDE], dtype=np.int64)
        self._low = (1 << bits) - 1

    def lightest(self, block: int) -> Candidate:
        """The lowest place where what is in the way of a block weighs least."""
        table, bits = self.table, self._bits
        blocks, numbers, distances, mask, snug = table.kept_neighbours.get(block) or table.neighbours(block)
        events = self._begins.take(numbers)
        events += distances
        if mask is not None:
            events &= mask
        in_order = events.copy()
        in_order.sort()
        # At one place blocks get in the way first, so that no sum is below the last there.
        sums = self._added.take(in_order & self._low).cumsum()
        best = sums.argmin()
        place, weight = in_order.item(best) >> bits, sums.item(best) + OUTSIDE
        if not (weight or place):
            return 0, 0, []
        snug_to: int | None = None
        for other, distance in snug:
            near = self.offsets[other] + distance
            if near < 0 or near + table.blocks[block].size > self.height or near % table.alignments[block]:
                continue
            last = in_order.searchsorted((near << bits) + 2 * self._count + 1) - 1
            found = sums.item(last) + OUTSIDE - self.weights[other]
            if (found, near) < (weight, place):
                place, weight, snug_to = near, found, other
        if not weight:
            return place, 0, []
        begun = events < (place + 1 << bits)
        in_the_way = begun[: len(blocks)]
        in_the_way ^= begun[len(blocks) : -2]
        found = blocks[in_the_way].tolist()
        if snug_to is not None:
            found.remove(snug_to)
        return place, weight, found

    def put(self, block: int, place: int) -> None:
        """Places a block."""
        self.offsets[block] = place
        first = (place << self._bits) + block
        self._begins[block] = first
        self._begins[self._count + block] = first + self._count

    def take_away(self, block: int) -> None:
        """Leaves a block without a place."""
        self.put(block, self._nowhere)
        self.offsets[block] = NOWHERE

    def weigh(self, block: int, weight: int) -> None:
        """Makes a block weigh so much."""
        self.weights[block] = weight
        self._added[block] = weight
        self._added[self._count + block] = -weight
