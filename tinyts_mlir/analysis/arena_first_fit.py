"""First-fit and best-fit: each block in turn at a place that is free while it lives. No IR here.

Two kinds. `sweep` goes through time, forwards or backwards, and keeps a list of gaps, as an allocator of a running
program would: near-linear in the number of blocks. `first_fit` takes any order of blocks and looks at those placed
before that are alive at the same time: better, and linear in the number of such pairs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from tinyts_mlir.analysis.arena_blocks import NOWHERE, BlockTable, Integers, live_bytes
from tinyts_mlir.analysis.arena_places import Places

Order = Callable[[BlockTable], list[int]]


def by_area(table: BlockTable) -> list[int]:
    """Most bytes times steps first."""
    area = table.sizes * table.lifetimes()
    return np.lexsort((-area,)).tolist()


def by_size(table: BlockTable) -> list[int]:
    """Largest first, then as they are made."""
    return np.lexsort((table.firsts, -table.sizes)).tolist()


def by_pressure(table: BlockTable) -> list[int]:
    """Blocks of the fullest steps first, long-lived before short-lived."""
    return np.lexsort((-table.sizes, -table.lifetimes(), -fullest_steps(table))).tolist()


def by_lifetime(table: BlockTable) -> list[int]:
    """Longest-lived first, then largest."""
    return np.lexsort((-table.sizes, -table.lifetimes())).tolist()


def by_size_and_lifetime(table: BlockTable) -> list[int]:
    """Largest first, then longest-lived."""
    return np.lexsort((-table.lifetimes(), -table.sizes)).tolist()


ORDERS: tuple[Order, ...] = (by_area, by_size, by_pressure, by_size_and_lifetime, by_lifetime)
"""The orders for `first_fit`, those first that win most often."""


def fullest_steps(table: BlockTable) -> Integers:
    """For each block the most bytes that are alive at one of its steps: a maximum over a range of steps.

    `maxima[k][t]` is the maximum of the 2^k steps from t on; two of them cover any range.
    """
    maxima = [live_bytes(table.blocks, overlaps=table.overlaps)]
    while 2 ** len(maxima) <= len(maxima[0]):
        half = 2 ** (len(maxima) - 1)
        maxima.append(np.maximum(maxima[-1][:-half], maxima[-1][half:]))
    fullest = np.zeros(len(table), dtype=np.int64)
    levels = np.frexp(table.lifetimes())[1] - 1
    for level, maximum in enumerate(maxima):
        blocks = np.flatnonzero(levels == level)
        fullest[blocks] = np.maximum(maximum[table.firsts[blocks]], maximum[table.lasts[blocks] + 1 - 2**level])
    return fullest


def first_fit(table: BlockTable, order: Sequence[int], highest: int = NOWHERE) -> Integers | None:
    """The offsets when each block in turn takes the lowest place where nothing placed before is in its way.

    None where a block would end above `highest`.
    """
    places = Places(table, [NOWHERE] * len(table), [1] * len(table))
    for block in order:
        place, _, _ = places.lightest(block)
        if place + table.blocks[block].size > highest:
            return None
        places.put(block, place)
    return np.array(places.offsets, dtype=np.int64)


def sweep(table: BlockTable, backwards: bool, tightest: bool) -> Integers:
    """The offsets when blocks are placed as they are made, or, backwards, from the last to die to the first.

    `tightest`: in the smallest gap that holds the block (best-fit) instead of the lowest (first-fit). Blocks that are
    made at one step are placed largest first. No blocks overlap.
    """
    offsets: Integers = np.zeros(len(table), dtype=np.int64)
    starts, ends = (-table.lasts, -table.firsts) if backwards else (table.firsts, table.lasts)
    dying = np.lexsort((ends,)).tolist()
    gap_starts, gap_ends = [0], [NOWHERE]
    dead = 0
    for i in np.lexsort((-table.sizes, starts)).tolist():
        start = int(starts[i])
        while int(ends[dying[dead]]) < start:
            freed = dying[dead]
            _give_back(gap_starts, gap_ends, int(offsets[freed]), int(offsets[freed]) + table.blocks[freed].size)
            dead += 1
        offsets[i] = _take(gap_starts, gap_ends, table.blocks[i].size, table.alignments[i], tightest)
    return offsets


def _take(gap_starts: list[int], gap_ends: list[int], size: int, alignment: int, tightest: bool) -> int:
    """Takes bytes from the gaps; the last gap has no end."""
    chosen = -1
    for gap, (start, end) in enumerate(zip(gap_starts, gap_ends, strict=True)):
        if ((start + alignment - 1) & -alignment) + size > end:
            continue
        if chosen < 0 or end - start < gap_ends[chosen] - gap_starts[chosen]:
            chosen = gap
        if not tightest:
            break
    start, end = gap_starts[chosen], gap_ends[chosen]
    place = (start + alignment - 1) & -alignment
    left = [(begin, behind) for begin, behind in ((start, place), (place + size, end)) if begin < behind]
    gap_starts[chosen : chosen + 1] = [begin for begin, _ in left]
    gap_ends[chosen : chosen + 1] = [behind for _, behind in left]
    return place


def _give_back(gap_starts: list[int], gap_ends: list[int], start: int, end: int) -> None:
    """Makes bytes a gap again, one with the gaps that touch it."""
    position = bisect_right(gap_starts, start)
    touches_above = gap_starts[position] == end
    if position > 0 and gap_ends[position - 1] == start:
        gap_ends[position - 1] = gap_ends[position] if touches_above else end
        if touches_above:
            del gap_starts[position], gap_ends[position]
    elif touches_above:
        gap_starts[position] = start
    else:
        gap_starts.insert(position, start)
        gap_ends.insert(position, end)
