"""Places blocks with known sizes and lifetimes in one arena: dynamic storage allocation, offline.

A portfolio of first-fit and best-fit placements (`arena_first_fit.py`), then a local search from the best of them
(`arena_repair.py`), both on `arena_places.py`; also that with the blocks of the fullest steps only, and the others
behind them. Deterministic, and bounded by counted work that grows no faster than the number of blocks: with very many
blocks, fewer orders are tried. On the models of TinyTS's evaluation the result is 0 to 5 % above the peak of live
bytes, which no arena can be below; `arena_exact.py` can prove or improve it. No IR here.

See Buchsbaum et al., 'OPT versus LOAD in dynamic storage allocation' (2003), on how far peak and arena may be apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tinyts_mlir.analysis.arena_blocks import (
    NOWHERE,
    Allocation,
    Block,
    BlockTable,
    Integers,
    Overlap,
    live_bytes,
    peak_of_live_bytes,
    round_up,
)
from tinyts_mlir.analysis.arena_first_fit import ORDERS, first_fit, fullest_steps, sweep
from tinyts_mlir.analysis.arena_repair import WORK_A_MOVE, Repair

__all__ = [
    "SCRATCH_ALIGNMENT",
    "Allocation",
    "Block",
    "Overlap",
    "allocate",
    "allocate_arena",
    "live_bytes",
    "natural_alignment",
    "peak_of_live_bytes",
    "round_up",
]

SCRATCH_ALIGNMENT = 4
"""Kernels keep words in their scratch."""
ARENA_ALIGNMENT = 16
"""The arena starts on a multiple of this, and its size is one (TINYTS_ARENA_ALIGNMENT in the runtime)."""
MOST_OFFSET_UNITS = (1 << 16) - 1
"""Placement tables hold offsets as 16-bit numbers of units."""
VALUE_ALIGNMENT = 4
"""Of values whose size is a multiple of it; int32 state always is one."""
ORDER_WORK, ORDER_WORK_A_BLOCK = 4_000_000, 800
"""What first-fit over the orders may cost, in conflicts looked at: a constant, and more for each block."""
SEARCH_WORK, SEARCH_WORK_A_BLOCK = 8_000_000, 20_000
"""What the local search may cost: the second for each block, but never more than the first (a quarter of a second)."""
MANY_BLOCKS = 1_200
"""Beyond, it may cost less the more there are: compiling a map of twice the rows takes about twice the time, and the
values of very many rows fill gaps well enough."""
SEARCHED_PLACEMENTS = 4
"""How many of the best placements the local search starts from."""
PERCENT_OF_PEAK = (97, 90, 85)
"""Blocks that live at steps with so many of the most live bytes are placed before the others, unless they are most."""
FULLEST_WORK = 2_000_000
"""What the local search may cost on such a set."""
PERCENT_NEARLY_ENOUGH = 102
"""What is asked to fit into so many bytes is searched for longer where it nearly does."""
MORE_BLOCKS = 1.1
"""By how many times more blocks such a set must have than the one before."""


def allocate(
    blocks: Sequence[Block],
    alignment: int = 1,
    granule: int = 1,
    enough: int = 0,
    overlaps: Sequence[Overlap] = (),
) -> Allocation:
    """The smallest arena found; blocks that are alive at one step share no bytes but as `overlaps` allow it.

    With `enough`, the first found of at most so many bytes; where what is found is far above, without the last and
    longest search.

    Offsets are multiples of the block's alignment and of `alignment`; the size is one of `alignment` and of `granule`.
    All are powers of two. What was allocated before is remembered: plans for several budgets have much in common.
    """
    return _allocate(tuple(blocks), alignment, granule, enough, tuple(overlaps))


@lru_cache(maxsize=16)
def _allocate(
    blocks: tuple[Block, ...], alignment: int, granule: int, enough: int, overlaps: tuple[Overlap, ...]
) -> Allocation:
    granule = max(granule, alignment)
    sized = [i for i, block in enumerate(blocks) if block.size]
    table = BlockTable(blocks, alignment, overlaps)
    if len(sized) < len(blocks):
        table = table.part(np.array(sized, dtype=np.int64))
    goal = max(enough // granule * granule, round_up(table.peak, granule))
    placement = _place(table, goal, thorough=not enough)
    offsets = [0] * len(blocks)
    for i, offset in zip(sized, placement.tolist(), strict=True):
        offsets[i] = offset
    return Allocation(tuple(offsets), round_up(table.height(placement), granule))


def natural_alignment(size: int, element_bytes: int = 1) -> int:
    """The alignment of a value of `size` bytes: the largest power of two that divides it, up to VALUE_ALIGNMENT.

    Or up to the size of an element, where that is more: callers read int64 where they lie.
    """
    most = max(VALUE_ALIGNMENT, element_bytes)
    return min(size & -size, most) or most


def allocate_arena(
    blocks: Sequence[Block], alignment: int = 0, enough: int = 0, overlaps: Sequence[Overlap] = ()
) -> tuple[Allocation, int]:
    """The arena for these blocks, `enough` and `overlaps` as of `allocate`, and the unit of its offsets.

    With an `alignment` of 0 the unit is the least power of two for which offsets fit the runtime's tables.
    """
    unit = alignment or 1
    allocation = allocate(blocks, unit, ARENA_ALIGNMENT, enough, overlaps)
    least = min((max(block.alignment, unit) for block in blocks), default=1)
    while not alignment and allocation.size > least * MOST_OFFSET_UNITS:
        unit = least = 2 * least
        allocation = allocate(blocks, unit, ARENA_ALIGNMENT, enough, overlaps)
    return allocation, unit


def _place(table: BlockTable, enough: int, thorough: bool) -> Integers:
    """The lowest placement found; the first that is at most `enough` bytes high."""
    placements = _portfolio(table, enough)
    best = placements[0]
    fullest = fullest_steps(table)
    placed_first = 0
    for percent in PERCENT_OF_PEAK:
        if table.height(best) <= enough:
            return best
        inner = np.flatnonzero(fullest * 100 >= percent * int(fullest.max(initial=0)))
        if len(inner) <= MORE_BLOCKS * placed_first or 2 * len(inner) > len(table):
            continue
        placed_first = len(inner)
        placement = _place_first(table, inner, enough)
        if placement is not None and table.height(placement) < table.height(best):
            best = placement
    if not thorough and table.height(best) * 100 > PERCENT_NEARLY_ENOUGH * enough:
        return best
    return min(best, _search(table, [best, *placements], enough, SEARCH_WORK), key=table.height)


def _portfolio(table: BlockTable, enough: int) -> list[Integers]:
    """The lowest first-fit and best-fit placements, the lowest first; no more behind one of at most `enough` bytes."""
    placements: list[Integers] = []

    def add(placement: Integers | None) -> bool:
        if placement is not None:
            placements.append(placement)
            placements.sort(key=table.height)
            del placements[SEARCHED_PLACEMENTS:]
        return table.height(placements[0]) <= enough

    for backwards in (False, True):
        for tightest in (False, True):
            if add(sweep(table, backwards, tightest)):
                return placements
    work = ORDER_WORK + ORDER_WORK_A_BLOCK * len(table)
    for order in ORDERS:
        work -= WORK_A_MOVE * len(table) + int(table.conflict_counts.sum())
        if work < 0 or add(first_fit(table, order(table), table.height(placements[-1]))):
            break
    return placements


def _search(table: BlockTable, placements: Sequence[Integers], enough: int, most_work: int) -> Integers:
    """The local search from the best of these placements."""
    least_work = SEARCH_WORK * MANY_BLOCKS**2 // max(MANY_BLOCKS, len(table)) ** 2
    search = Repair(table, min(most_work, SEARCH_WORK_A_BLOCK * len(table), least_work))
    return search.improve(placements[:SEARCHED_PLACEMENTS], enough)


def _place_first(table: BlockTable, inner: Integers, enough: int) -> Integers | None:
    """Places the blocks `inner`, those of the fullest steps, as if they were all, then the others below their height.

    The others have room to spare, so that what becomes of the fullest steps does not depend on them. None where the
    others do not fit after all.
    """
    inner_table = table.part(inner)
    placed = _search(inner_table, _portfolio(inner_table, enough), enough, FULLEST_WORK)
    start: Integers = np.full(len(table), NOWHERE, dtype=np.int64)
    start[inner] = placed
    return Repair(table, FULLEST_WORK).attempt(start, inner_table.height(placed), heaviest_first=True)
