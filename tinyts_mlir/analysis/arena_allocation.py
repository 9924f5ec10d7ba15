"""Places blocks with known sizes and lifetimes in one arena: dynamic storage allocation, offline.

First-fit over several orders of the blocks; then, from the best of them, a local search that places the blocks which
reach the top of the arena first. The best arena found is kept. Deterministic. No IR here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Block(NamedTuple):
    """Bytes that are needed from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int


class Allocation(NamedTuple):
    """Where blocks lie: `offsets[i]` is the first byte of block `i`; `size` is the arena's."""

    offsets: tuple[int, ...]
    size: int


def peak_of_live_bytes(blocks: Sequence[Block], alignment: int = 1) -> int:
    """The most bytes that are alive at one step, sizes rounded up to the alignment: no arena can be smaller."""
    steps = max((block.last for block in blocks), default=-1) + 2
    change = np.zeros(steps, dtype=np.int64)
    for block in blocks:
        size = round_up(block.size, alignment)
        change[block.first] += size
        change[block.last + 1] -= size
    return int(np.cumsum(change).max(initial=0))


def round_up(value: int, multiple: int) -> int:
    """The least multiple of `multiple` that is not below `value`."""
    return -(-value // multiple) * multiple


def _by_size(blocks: Sequence[Block], pressure: NDArray[np.int64]) -> list[int]:
    return sorted(range(len(blocks)), key=lambda i: (-blocks[i].size, blocks[i].first))


def _by_lifetime(blocks: Sequence[Block], pressure: NDArray[np.int64]) -> list[int]:
    return sorted(range(len(blocks)), key=lambda i: (blocks[i].first - blocks[i].last, -blocks[i].size))


def _by_area(blocks: Sequence[Block], pressure: NDArray[np.int64]) -> list[int]:
    return sorted(range(len(blocks)), key=lambda i: -blocks[i].size * (blocks[i].last - blocks[i].first + 1))


def _by_start(blocks: Sequence[Block], pressure: NDArray[np.int64]) -> list[int]:
    return sorted(range(len(blocks)), key=lambda i: (blocks[i].first, -blocks[i].last))


def _by_pressure(blocks: Sequence[Block], pressure: NDArray[np.int64]) -> list[int]:
    """Blocks of the fullest steps first, long-lived ones before short-lived."""
    peaks = [int(pressure[block.first : block.last + 1].max()) for block in blocks]
    return sorted(range(len(blocks)), key=lambda i: (-peaks[i], blocks[i].first - blocks[i].last, -blocks[i].size))


Order = Callable[[Sequence[Block], NDArray[np.int64]], list[int]]
ORDERS: tuple[Order, ...] = (_by_pressure, _by_lifetime, _by_area, _by_size, _by_start)


SEARCHED_ORDERS = 2
"""How many of the best orders the local search starts from."""
SEARCH_ROUNDS = 40
"""First-fit runs of the local search, for each order it starts from."""


def allocate(blocks: Sequence[Block], alignment: int) -> Allocation:
    """The smallest arena that the search finds, offsets on multiples of `alignment` bytes."""
    if not blocks:
        return Allocation((), 0)
    bound = peak_of_live_bytes(blocks, alignment)
    pressure = _pressure(blocks)
    starts: list[tuple[Allocation, list[int]]] = []
    for order in (order(blocks, pressure) for order in ORDERS):
        starts.append((_first_fit(blocks, order, alignment), order))
        if starts[-1][0].size <= bound:
            return starts[-1][0]
    starts.sort(key=lambda start: start[0].size)
    best = starts[0][0]
    for allocation, order in starts[:SEARCHED_ORDERS]:
        found = _promote_top_blocks(blocks, allocation, order, alignment, bound)
        best = min(best, found, key=lambda allocation: allocation.size)
    return best


def _promote_top_blocks(
    blocks: Sequence[Block], allocation: Allocation, order: list[int], alignment: int, bound: int
) -> Allocation:
    """Again and again places the blocks that end at the top before all others; the best arena on the way."""
    best = allocation
    for _ in range(SEARCH_ROUNDS):
        if best.size <= bound:
            break
        top = [
            i for i, offset in enumerate(allocation.offsets) if offset + blocks[i].size > allocation.size - alignment
        ]
        promoted = set(top)
        order = [*top, *(i for i in order if i not in promoted)]
        allocation = _first_fit(blocks, order, alignment)
        best = min(best, allocation, key=lambda allocation: allocation.size)
    return best


def _pressure(blocks: Sequence[Block]) -> NDArray[np.int64]:
    change = np.zeros(max(block.last for block in blocks) + 2, dtype=np.int64)
    for block in blocks:
        change[block.first] += block.size
        change[block.last + 1] -= block.size
    return np.cumsum(change)


def _first_fit(blocks: Sequence[Block], order: Sequence[int], alignment: int) -> Allocation:
    """Each block in turn at the lowest offset where nothing placed before is in its way."""
    count = len(blocks)
    first = np.array([blocks[i].first for i in order])
    last = np.array([blocks[i].last for i in order])
    begin = np.zeros(count, dtype=np.int64)
    end = np.zeros(count, dtype=np.int64)
    for placed in range(count):
        size = blocks[order[placed]].size
        in_the_way = (first[:placed] <= last[placed]) & (last[:placed] >= first[placed])
        starts, stops = begin[:placed][in_the_way], end[:placed][in_the_way]
        by_start = np.argsort(starts, kind="stable")
        position = 0
        for start, stop in zip(starts[by_start].tolist(), stops[by_start].tolist(), strict=True):
            if start - position >= size:
                break
            position = max(position, round_up(stop, alignment))
        begin[placed], end[placed] = position, position + size
    offsets = np.empty(count, dtype=np.int64)
    offsets[np.array(order)] = begin
    return Allocation(tuple(offsets.tolist()), round_up(int(end.max()), alignment))
