"""Blocks of bytes with lifetimes, which of them are alive together, and what a placement of them is. No IR here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.kernels.lead import Lead

Integers = NDArray[np.int64]

NOWHERE = 1 << 60
"""The offset of a block that is not placed; beyond any that is."""

STEPS_A_CHUNK = 32
"""Steps for which one list of the blocks alive at the first of them is kept."""
MOST_KEPT_CONFLICTS = 2_000_000
"""Conflicts of which `Neighbours` are kept, at 40 bytes each; further ones are made anew each time."""


class Block(NamedTuple):
    """Bytes that are needed from step `first` to step `last`, both included, at a multiple of `alignment` bytes."""

    size: int
    first: int
    last: int
    alignment: int = 1


class Overlap(NamedTuple):
    """Block `over` may lie on block `under` where it begins below it as `lead` says; both are numbers of blocks.

    It is made at the last step of `under`, by a kernel that then writes only where it has read.
    """

    over: int
    under: int
    lead: Lead


class Allocation(NamedTuple):
    """Where blocks lie: `offsets[i]` is the first byte of block `i`; `size` is the arena's."""

    offsets: tuple[int, ...]
    size: int


def round_up(value: int, multiple: int) -> int:
    """The least multiple of `multiple` that is not below `value`."""
    return -(-value // multiple) * multiple


def peak_of_live_bytes(blocks: Sequence[Block], alignment: int = 1, overlaps: Sequence[Overlap] = ()) -> int:
    """The most bytes that are alive at one step, sizes rounded up to `alignment`.

    No arena whose offsets and size are multiples of `alignment` can be smaller.
    """
    return int(live_bytes(blocks, alignment, overlaps).max(initial=0))


def least_height(blocks: Sequence[Block], alignment: int, overlaps: Sequence[Overlap] = ()) -> int:
    """Where the highest block ends at least, with offsets that are multiples of `alignment`.

    At each step all blocks but the topmost take a multiple of the alignment.
    """
    rounded = peak_of_live_bytes(blocks, alignment, overlaps) - alignment + 1
    return max(peak_of_live_bytes(blocks, overlaps=overlaps), rounded)


def live_bytes(blocks: Sequence[Block], alignment: int = 1, overlaps: Sequence[Overlap] = ()) -> Integers:
    """The bytes that are alive at each step, sizes rounded up to `alignment`; those that two may share count once."""
    sizes, firsts, lasts, _ = np.array(blocks, dtype=np.int64).reshape(-1, 4).T
    rounded = -(-sizes // alignment) * alignment
    change = np.zeros(int(lasts.max(initial=-1)) + 2, dtype=np.int64)
    np.add.at(change, firsts, rounded)
    np.subtract.at(change, lasts + 1, rounded)
    live = np.cumsum(change)
    under: dict[int, list[tuple[int, Lead]]] = {}
    for overlap in overlaps:
        under.setdefault(overlap.over, []).append((blocks[overlap.under].size, overlap.lead))
    for over, others in under.items():
        live[blocks[over].first] -= round_up(shared_bytes(blocks[over].size, others), alignment)
    return live


def shared_bytes(size: int, under: Sequence[tuple[int, Lead]]) -> int:
    """The most of `size` bytes that can lie on others, given by their sizes and how."""
    bytes_under, least = 0, size
    for bytes, lead in under:
        bytes_under += bytes
        least = min(least, lead.exact)
    return min(bytes_under, size - least)


class Neighbours(NamedTuple):
    """The blocks that are alive together with one, and from which of its places each keeps it away.

    Each is in its way from one place on and no longer from another on. Such an event is an integer: the place in the
    high bits, and in the low ones (`BlockTable.number_bits`) its number, that of the other block where it gets in the
    way, and the count of all blocks more where it no longer is. The last two events are the arena's begin, and the
    highest place.

    Attributes:
        blocks: the other blocks, in no particular order.
        numbers: of the events: of each block's first, of each block's second, and the last two.
        distances: from other blocks' begins, 0, and the height of the arena to the events.
        mask: rounds an event down to a place that is a multiple of the block's alignment, where that is not so anyway.
        snug: blocks, and by how much one place is behind the begin of each that it is not in the way of.
    """

    blocks: Integers
    numbers: Integers
    distances: Integers
    mask: int | None
    snug: tuple[tuple[int, int], ...]


class BlockTable:
    """Blocks of at least one byte as arrays, and for each those that are alive at one of its steps: its conflicts.

    Conflicts are found by time and not by looking at every pair, so a table of many short-lived blocks is cheap.

    Where two blocks may overlap, one is in the other's way with less than all its bytes: see `neighbours`.

    Attributes:
        sizes, firsts, lasts: as in the blocks.
        alignments: of each block, a power of two.
        conflict_counts: how many conflicts each block has.
        kept_neighbours: what `neighbours` found before, as far as it is kept.
        number_bits: what the numbers of events take; see `Neighbours`.
    """

    def __init__(self, blocks: Sequence[Block], alignment: int = 1, overlaps: Sequence[Overlap] = ()) -> None:
        self.blocks = blocks
        self.overlaps = overlaps
        self._overlaps_of: dict[int, list[Overlap]] = {}
        for overlap in overlaps:
            self._overlaps_of.setdefault(overlap.over, []).append(overlap)
            self._overlaps_of.setdefault(overlap.under, []).append(overlap)
        columns = np.array(blocks, dtype=np.int64).reshape(-1, 4).T.copy()
        self.sizes, self.firsts, self.lasts = columns[:3]
        self._alignments = np.maximum(columns[3], alignment)
        self.alignments: list[int] = self._alignments.tolist()
        self._least_alignment = min(self.alignments, default=1)
        self.peak = least_height(blocks, self._least_alignment, overlaps)
        """No placement that keeps the alignments can be lower."""
        self.by_first: Integers = np.argsort(self.firsts, kind="stable")
        sorted_firsts = self.firsts[self.by_first]
        ended_before = np.searchsorted(np.sort(self.lasts), self.firsts)
        made_before_end = np.searchsorted(sorted_firsts, self.lasts, "right")
        self.conflict_counts = made_before_end - ended_before - 1
        # Where each block is among those by first step, and where those end that are made while it lives.
        self._ranks: list[int] = np.argsort(self.by_first).tolist()
        self._ends: list[int] = made_before_end.tolist()
        chunks = np.arange(0, int(self.firsts.max(initial=0)) + 1, STEPS_A_CHUNK)
        self._chunk_begins: list[int] = np.searchsorted(sorted_firsts, chunks).tolist()
        self.number_bits = (2 * len(blocks) + 2).bit_length()
        self._alive_at_chunk = self._chunks()
        self.kept_neighbours: dict[int, Neighbours] = {}
        self._room = MOST_KEPT_CONFLICTS

    def __len__(self) -> int:
        return len(self.blocks)

    def lifetimes(self) -> Integers:
        """Steps for which each block lives."""
        return self.lasts - self.firsts + 1

    def height(self, offsets: Integers) -> int:
        """The end of the block that reaches highest."""
        return int((offsets + self.sizes).max(initial=0))

    def part(self, blocks: Integers) -> BlockTable:
        """The table of some of the blocks."""
        numbers = {block: number for number, block in enumerate(blocks.tolist())}
        overlaps = [
            Overlap(numbers[overlap.over], numbers[overlap.under], overlap.lead)
            for overlap in self.overlaps
            if overlap.over in numbers and overlap.under in numbers
        ]
        return BlockTable([self.blocks[i] for i in numbers], self._least_alignment, overlaps)

    def neighbours(self, block: int) -> Neighbours:
        """What may be in the way of a block, wherever it is."""
        if (kept := self.kept_neighbours.get(block)) is not None:
            return kept
        conflicts = self.conflicts(block)
        count, total, size, alignment = len(conflicts), len(self), self.blocks[block].size, self.alignments[block]
        # In the way of a place are blocks that begin below `place + size` and end above `place`. Of the multiples of
        # the alignment, the first that is so and the first that is not any more are rounded up: here, where all other
        # blocks are at such multiples, otherwise when it is known where they are.
        bits = self.number_bits
        mask: int | None = None
        rounding = -alignment
        if alignment > self._least_alignment and int(self._alignments[conflicts].min(initial=alignment)) < alignment:
            mask = (-alignment << bits) + (1 << bits) - 1
            rounding = -1
        distances = np.empty(2 * count + 2, dtype=np.int64)
        distances[:count] = (alignment - size) & rounding
        distances[count:-2] = self.sizes[conflicts] + (alignment - 1)
        snug: list[tuple[int, int]] = []
        for position, other, lead, is_over in self._partners(block, conflicts):
            # Only places that begin between `begin of under - least` and `end of under` are not for `over`.
            least = alignment - lead.least if is_over else lead.least + alignment - 1
            distances[position if is_over else count + position] = least & rounding
            if lead.exact < lead.least:
                snug.append((other, -lead.exact if is_over else lead.exact))
        distances[count:-2] &= rounding
        distances[-2:] = 0, -size
        numbers = np.empty(2 * count + 2, dtype=np.int64)
        numbers[:count] = conflicts
        numbers[count:-2] = conflicts + total
        numbers[-2:] = 2 * total, 2 * total + 1
        found = Neighbours(conflicts, numbers, distances << bits, mask, tuple(snug))
        if count <= self._room:
            self._room -= count
            self.kept_neighbours[block] = found
        return found

    def _partners(self, block: int, conflicts: Integers) -> list[tuple[int, int, Lead, bool]]:
        """The blocks that may overlap this one: their positions among its conflicts, which they are, how, and whether
        it is the one that lies on them.
        """
        if block not in self._overlaps_of:
            return []
        positions = {other: position for position, other in enumerate(conflicts.tolist())}
        found: list[tuple[int, int, Lead, bool]] = []
        for over, under, lead in self._overlaps_of[block]:
            other = under if over == block else over
            least = Lead(lead.exact, min(lead.least, self.blocks[over].size))
            found.append((positions[other], other, least, over == block))
        return found

    def conflicts(self, block: int) -> Integers:
        """The blocks that are alive together with this one, in no particular order."""
        first = self.blocks[block].first
        chunk, rank = first // STEPS_A_CHUNK, self._ranks[block]
        before = self.by_first[self._chunk_begins[chunk] : rank]
        behind = self.by_first[rank + 1 : self._ends[block]]
        found = np.concatenate((self._alive_at_chunk[chunk], before, behind))
        return found[self.lasts[found] >= first]

    def _chunks(self) -> list[Integers]:
        """For each chunk of steps the blocks made before its first step and alive at it."""
        chunks: list[Integers] = []
        alive = self.by_first[:0]
        made = 0
        for chunk, upto in enumerate(self._chunk_begins):
            alive = np.concatenate((alive, self.by_first[made:upto]))
            alive = alive[self.lasts[alive] >= chunk * STEPS_A_CHUNK]
            made = upto
            chunks.append(alive)
        return chunks
