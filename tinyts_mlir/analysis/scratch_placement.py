"""Finds room for kernels' scratch in an arena that is already laid out.

Every kernel can do without its scratch, only slower. Scratch lives for one step, so it fits wherever the values that
live at that step leave a gap; no two kernels' scratch is ever there at once. Where the gaps of a step are large enough
together, but none is alone, values are moved.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyts_mlir.analysis.arena_allocation import SEARCH_WORK, Block, live_bytes, round_up
from tinyts_mlir.analysis.arena_blocks import NOWHERE, BlockTable, Integers, Overlap
from tinyts_mlir.analysis.arena_repair import Repair


class ScratchRequest(NamedTuple):
    """`size` bytes at step `step`."""

    step: int
    size: int


def place_scratch(
    blocks: Sequence[Block], offsets: Sequence[int], requests: Sequence[ScratchRequest], alignment: int
) -> list[int]:
    """For each request the lowest offset where it fits; it may end above every block.

    `offsets` are those of `blocks`. Requests may come in any order.
    """
    starting: dict[int, list[int]] = {}
    ending: dict[int, list[int]] = {}
    for number, block in enumerate(blocks):
        starting.setdefault(block.first, []).append(number)
        ending.setdefault(block.last, []).append(number)
    wanted: dict[int, list[int]] = {}
    for number, request in enumerate(requests):
        wanted.setdefault(request.step, []).append(number)

    placed = [0] * len(requests)
    alive: list[tuple[int, int, int]] = []
    """(first byte, one behind the last, number) of the blocks that live, in the order of their bytes."""
    for step in sorted({*starting, *ending, *wanted}):
        for number in starting.get(step, ()):
            insort(alive, (offsets[number], offsets[number] + blocks[number].size, number))
        for number in wanted.get(step, ()):
            placed[number] = _lowest_gap(alive, requests[number].size, alignment)
        for number in ending.get(step, ()):
            alive.remove((offsets[number], offsets[number] + blocks[number].size, number))
    return placed


def _lowest_gap(alive: Sequence[tuple[int, int, int]], size: int, alignment: int) -> int:
    position = 0
    for start, stop, _ in alive:
        if start - position >= size:
            break
        position = max(position, round_up(stop, alignment))
    return position


def make_room(
    blocks: Sequence[Block],
    offsets: Sequence[int],
    wanted: Sequence[Sequence[Block]],
    height: int,
    alignment: int = 1,
    overlaps: Sequence[Overlap] = (),
) -> tuple[list[int], list[list[int] | None]]:
    """Moves blocks below `height` so that more fit there: of each group of `wanted` all, or none.

    `overlaps` are those of `blocks`. Gives the new offsets of `blocks`, and those of each group, None where it does not
    fit. The groups that are wanted most come first.
    """
    live = live_bytes(blocks, overlaps=overlaps)
    possible = [number for number, group in enumerate(wanted) if all(live[b.first] + b.size <= height for b in group)]
    every = [*blocks, *(block for number in possible for block in wanted[number])]
    table = BlockTable(every, alignment, overlaps)
    places: Integers = np.full(len(every), NOWHERE, dtype=np.int64)
    places[: len(blocks)] = offsets
    search = Repair(table, SEARCH_WORK)
    found: list[list[int] | None] = [None] * len(wanted)
    first = len(blocks)
    fitting: dict[int, range] = {}
    for number in possible:
        members = range(first, first + len(wanted[number]))
        first = members.stop
        if (moved := search.attempt(places, height, heaviest_first=True, placing=members)) is not None:
            places = moved
            fitting[number] = members
    for number, members in fitting.items():
        found[number] = places[members.start : members.stop].tolist()
    return places[: len(blocks)].tolist(), found
