"""Finds room for kernels' scratch in an arena that is already laid out.

Every kernel can do without its scratch, only slower. Scratch lives for one step, so it fits wherever the values that
live at that step leave a gap; no two kernels' scratch is ever there at once.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

from tinyts_mlir.analysis.arena_allocation import Block, round_up


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
