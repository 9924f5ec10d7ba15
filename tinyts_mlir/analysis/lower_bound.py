"""A lower bound on the bytes of feature maps that any order needs: what no schedule and no arena can be below.

It holds for every execution in a single pass that makes each row of a map once and whole: no recomputation, no split of
rows or channels. The order is free, and so are bands of any number of rows. Kernels may work in place. No IR here;
`map_graph.py` makes the maps of a function.

Why it is a bound
-----------------

Look at the instants between the making of two rows. Of the N_t rows of map t, n_t are made. Let c read t, let S be the
n_c rows of c that are made. A row of t is *needed* when a row of S reads it; then it is made. It is *dead* when all
rows of c that read it are in S. What is made and not dead is alive, whatever other readers do.

1. *Needed.* Assign each row of t that is read to one row of c that reads it. What is assigned to S is needed: at least
   as many rows as the n_c rows of c with the fewest have. If S is neither empty nor all, some row of c is in S and a
   neighbour is not; both read `overlap` rows of t at least, which are needed. Where the neighbour is the next row,
   assign each row of t to its last reader: then those are not assigned to S and come on top. Where it is the one
   before, assign to the first reader. So needed(n_c) is the lesser of the two, or what any one assignment says.
2. *Alive.* Of the R rows that are read at all, those not dead are needed by the N_c - n_c rows of c that are not made:
   alive >= n_t - dead, dead <= N_t - needed(N_c - n_c). And unless S is empty or all, the rows that the two neighbours
   read are made and not dead: alive >= overlap.
3. *Sum.* At the instant when n_m rows of map m are made, every other map has some count that fulfils 1. The bytes alive
   are the sum over maps, so at least the least sum over all such counts; and every n_m from 1 to N_m comes about. The
   bound is the greatest of these least sums. (A kernel that makes several rows in one step has all that they read and
   all that it makes in the arena meanwhile; in thought it makes them one by one.)
4. *While a row is made.* When row n_m + 1 of m is about to be made, needed(n_m + 1) rows of what it is made from are
   there already, and those that it reads, `window` at least, are alive. Unless its kernel works in place, the new row
   is there with them (of a reduction, the state). The least sums under these conditions count, too.

What is left out only lowers the sum: of several maps that an op reads only one is followed, the one behind the longest
chain, so that the maps are a forest and least sums are exact by dynamic programming; a map with several readers counts
only for one of them. A residual input that its ADD reads row by row counts as (share made - share added) x bytes: this
is the sum of such differences along the chain between the two, and so a part of the cost of each link. Both ways of
counting it, for the ADD or for another reader, are tried. Counts of maps with more than LEVELS rows are put in classes,
and each class counts with its most favourable members.

The sums are over maps only, without kernels' scratch. A reduction counts as streamed where the module streams it. Tiles
that are narrower than a row could need less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

LEVELS = 512
"""The most classes of progress of a map besides 'not begun', at least 2."""
SCALE = 1 << 12
"""Costs are integers of 1/SCALE byte."""
IMPOSSIBLE = 1 << 60


@dataclass(frozen=True)
class RowReading:
    """Which of `inputs` rows each of `outputs` rows reads: row `i` reads `i * stride + tap`, as far as there is one.

    With a `block`, `i` is the number of a block of so many rows.
    """

    inputs: int
    outputs: int
    stride: int = 1
    taps: tuple[int, ...] = (0,)
    block: int = 1

    def read_by(self, output: int) -> set[int]:
        """The input rows that an output row reads."""
        first = output // self.block * self.stride
        return {input for tap in self.taps if 0 <= (input := first + tap) < self.inputs}

    @property
    def is_row_by_row(self) -> bool:
        """Whether row `i` reads just row `i`."""
        return self.inputs == self.outputs and self.stride == 1 and self.taps == (0,) and self.block == 1

    @cached_property
    def window(self) -> int:
        """The least number of input rows that an output row reads."""
        return min(len(self.read_by(output)) for output in range(self.outputs))

    @cached_property
    def overlap(self) -> int:
        """The least number of input rows that two neighbouring output rows both read; 0 for a single row."""
        read = [self.read_by(output) for output in range(self.outputs)]
        return min((len(a & b) for a, b in pairwise(read)), default=0)

    @cached_property
    def needed(self) -> Integers:
        """For each number of output rows from 0 on, the input rows that are needed for so many, at least."""
        read = [self.read_by(output) for output in range(self.outputs)]
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for output, inputs in enumerate(read):
            for input in inputs:
                first.setdefault(input, output)
                last[input] = output
        middle = {input: (first[input] + last[input]) // 2 for input in first}
        middle = {input: reader if input in read[reader] else first[input] for input, reader in middle.items()}
        beyond = np.minimum(self._fewest(first), self._fewest(last))
        beyond[1:-1] += self.overlap
        return np.maximum(beyond, self._fewest(middle))

    def _fewest(self, assigned: dict[int, int]) -> Integers:
        """The input rows assigned to so many output rows, those with the fewest first."""
        cells = np.bincount(list(assigned.values()), minlength=self.outputs)
        return np.concatenate(([0], np.cumsum(np.sort(cells))))

    @cached_property
    def dead(self) -> Integers:
        """For each number of output rows from 0 on, the input rows that so many leave without a reader, at most."""
        return self.inputs - self.needed[::-1]


@dataclass(frozen=True)
class MovedRowReading(RowReading):
    """Reading a map of whose rows only some are rows of the `inputs`: those of `moves`.

    A move (start, stop, shift) says that row `i` of the map that is read is input row `i + shift` if start <= i < stop.
    """

    moves: tuple[tuple[int, int, int], ...] = ()

    def read_by(self, output: int) -> set[int]:
        """The input rows that an output row reads."""
        rows = [output // self.block * self.stride + tap for tap in self.taps]
        return {row + shift for start, stop, shift in self.moves for row in rows if start <= row < stop}

    @property
    def is_row_by_row(self) -> bool:
        """Not as a whole."""
        return False


@dataclass(frozen=True)
class Map:
    """A feature map.

    Attributes:
        rows: how many rows it has.
        row_bytes: bytes of a row.
        state_bytes: of a reduction, whose rows are those it has taken: these bytes live as soon as it has taken one.
        returned: it must be there at the end.
        leading: an input that is complete before anything else is made.
        in_place: a row of it may be written over rows that it is made from, or nearly so.
    """

    rows: int
    row_bytes: int
    state_bytes: int = 0
    returned: bool = False
    leading: bool = False
    in_place: bool = False


@dataclass(frozen=True)
class Read:
    """Map number `consumer` is made from map number `producer`: row by row as `rows` says, or from the whole map."""

    producer: int
    consumer: int
    rows: RowReading | None = None


class _Levels:
    """The classes of a map's progress: the fewest and the most rows made in each; `share` grows with the class."""

    def __init__(self, map: Map) -> None:
        count = min(map.rows, LEVELS)
        classes = np.arange(1, count, dtype=np.int64)
        # Complete is a class of its own.
        low = (map.rows - 1) * (classes - 1) // max(1, count - 1) + 1
        high = (map.rows - 1) * classes // max(1, count - 1)
        self.low: Integers = np.concatenate(([0], low, [map.rows]))
        self.high: Integers = np.concatenate(([0], high, [map.rows]))
        self.share: Integers = (self.low + self.high) * SCALE // (2 * map.rows)


def lower_bound(maps: Sequence[Map], reads: Sequence[Read]) -> int:
    """Bytes that every execution needs at some instant; maps are in an order in which they can be made."""
    return max(_Forest(maps, reads, held).bound() for held in (True, False))


HELD = -1
"""In the place of a reader: the map counts for the ADD that reads it as a residual input."""


class _Forest:
    """The least sums for one way of counting residual inputs: `held` until the ADD, or for another reader."""

    def __init__(self, maps: Sequence[Map], reads: Sequence[Read], held: bool) -> None:
        self.maps = maps
        self.levels = [_Levels(map) for map in maps]
        self.followed = _longest_chains(maps, reads)
        self.children: list[list[int]] = [[] for _ in maps]
        for child, read in enumerate(self.followed):
            if read is not None:
                self.children[read.producer].append(child)
        self.fixed = [self._fixed_cost(map, levels) for map, levels in zip(maps, self.levels, strict=True)]
        # For each map the reader that it counts for, and what residual inputs held across it cost, in bytes.
        self.counted: list[int | None] = [max(children, default=None) for children in self.children]
        self.held_bytes = [0] * len(maps)
        if held:
            for read in reads:
                self._hold(read)
        self.links = [None if read is None else self._link(read, about_to_make=False) for read in self.followed]

    def _fixed_cost(self, map: Map, levels: _Levels) -> Integers:
        cost = levels.low * (map.row_bytes * SCALE if map.returned else 0)
        if map.leading:
            cost[:-1] = IMPOSSIBLE
        return cost

    def _hold(self, read: Read) -> None:
        """Counts a residual input for the ADD that reads it, where it is the last to do so."""
        producer, consumer = read.producer, read.consumer
        followed = self.followed[consumer]
        if followed is read or followed is None or max(self.children[producer], default=0) > consumer:
            return
        if read.rows is None or not read.rows.is_row_by_row:
            return
        chain = [consumer]
        while (step := self.followed[chain[-1]]) is not None and step.producer != producer:
            chain.append(step.producer)
        map = self.maps[producer]
        if step is None or map.returned or self.counted[producer] == HELD:
            return
        self.counted[producer] = HELD
        bytes = map.rows * map.row_bytes
        for link in chain:
            self.held_bytes[link] += bytes
        made, added = self.levels[producer], self.levels[consumer]
        self.fixed[producer] += map.row_bytes * SCALE * made.low - bytes * made.share
        self.fixed[consumer] += bytes * added.share - map.row_bytes * SCALE * added.high

    def _link(self, read: Read, about_to_make: bool) -> Integers:
        """The cost of each pair of classes of a producer (first axis) and its consumer; see 4 for `about_to_make`."""
        producer, consumer = self.maps[read.producer], self.maps[read.consumer]
        made, used = self.levels[read.producer], self.levels[read.consumer]
        complete = used.high >= consumer.rows
        following = np.minimum(used.low + about_to_make, consumer.rows)
        if read.rows is None:
            needed = np.where(following > 0, producer.rows, 0)
            dead = np.where(complete, producer.rows, 0)
            together = producer.rows if about_to_make else 0
        else:
            needed, dead = read.rows.needed[following], read.rows.dead[used.high]
            together = read.rows.window if about_to_make else read.rows.overlap
        together = np.where(complete | (used.low == 0) & (not about_to_make), 0, together)
        cost = np.zeros((len(made.low), len(used.low)), dtype=np.int64)
        if self.counted[read.producer] == read.consumer and not producer.returned:
            alive = np.maximum(made.low[:, None] - dead[None, :], together[None, :]) * producer.row_bytes
            if producer.state_bytes:
                alive = np.where((made.low[:, None] > 0) & ~complete[None, :], producer.state_bytes, 0)
            cost += alive * SCALE
        if held := self.held_bytes[read.consumer]:
            cost += held * (made.share[:, None] - used.share[None, :])
        cost[made.high[:, None] < needed[None, :]] = IMPOSSIBLE
        return cost

    def _new_bytes(self, number: int) -> Integers:
        """What the row about to be made adds while it is made; a reduction's state is there from the first row on."""
        map, levels = self.maps[number], self.levels[number]
        if map.state_bytes:
            return np.where(levels.low == 0, map.state_bytes * SCALE, 0)
        return np.full(len(levels.low), 0 if map.in_place else map.row_bytes * SCALE, dtype=np.int64)

    def bound(self) -> int:
        """The greatest least sum."""
        below: list[Integers] = [np.zeros(0, np.int64)] * len(self.maps)  # least sums of a map's consumers and theirs
        from_child: list[Integers] = [np.zeros(0, np.int64)] * len(self.maps)
        for number in reversed(range(len(self.maps))):
            below[number] = _sum(self.fixed[number], *(from_child[child] for child in self.children[number]))
            if (link := self.links[number]) is not None:
                from_child[number] = _clip((link + below[number][None, :]).min(axis=1))
        leading = any(map.leading for map in self.maps)
        greatest = 0
        above: list[Integers] = [np.zeros(len(levels.low), np.int64) for levels in self.levels]
        for number, (read, link) in enumerate(zip(self.followed, self.links, strict=True)):
            if read is not None and link is not None:
                parent = read.producer
                others = [from_child[child] for child in self.children[parent] if child != number]
                rest = _sum(self.fixed[parent], above[parent], *others)
                above[number] = _clip((link + rest[:, None]).min(axis=0))
                making = self._link(read, about_to_make=True) + rest[:, None]
                sums = _sum(_clip(making.min(axis=0)), below[number], self._new_bytes(number))[:-1]
                greatest = max(greatest, int(sums[sums < IMPOSSIBLE // 2].max(initial=0)))
            if leading and read is None:
                continue  # inputs are there before these instants
            sums = _sum(below[number], above[number])[1:]
            greatest = max(greatest, int(sums[sums < IMPOSSIBLE // 2].max(initial=0)))
        return -(-greatest // SCALE)


def _clip(costs: Integers) -> Integers:
    return np.minimum(costs, IMPOSSIBLE)


def _sum(first: Integers, *others: Integers) -> Integers:
    """The sum of costs; what is impossible stays so, without overflow."""
    for other in others:
        first = _clip(first + other)
    return first


def _longest_chains(maps: Sequence[Map], reads: Sequence[Read]) -> list[Read | None]:
    """For each map the read that is followed: the one of the map behind the longest chain."""
    followed: list[Read | None] = [None] * len(maps)
    depth = [0] * len(maps)
    incoming: list[list[Read]] = [[] for _ in maps]
    for read in reads:
        incoming[read.consumer].append(read)
    for number, candidates in enumerate(incoming):
        if candidates:
            followed[number] = max(candidates, key=lambda read: depth[read.producer])
            depth[number] = 1 + max(depth[read.producer] for read in candidates)
    return followed
