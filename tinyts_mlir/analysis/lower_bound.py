"""A lower bound on the bytes of feature maps that any order needs: what no schedule and no arena can be below.

It holds for every execution in a single pass that makes each pixel of a map once and whole: no recomputation, no split
of channels. Pixels may be made in any order, so it holds for bands of any number of rows, and for tiles. Kernels may
work in place. No IR here; `map_graph.py` makes the maps of a function.

Why it is a bound
-----------------

Look at the instants between the making of two pixels. Of map t with N_t pixels, n_t are made. Let c read t, let S be the
n_c pixels of c that are made. A pixel of t is *needed* when a pixel of S reads it, so it is made; it is *dead* when
every pixel of c that reads it is in S. What is made and not dead is alive, whatever other readers do.

1. *Counts.* Assign each row of t that is read to one row of c that reads it, and columns likewise: each pixel of c then
   has a cell of pixels of t, of least = (least rows) x (least columns) to most pixels, and cells are disjoint. The cells
   of S are needed, and a dead pixel that is read at all is in a cell of S. So, with R the pixels read at all,
       needed >= max(n_c least, R - (N_c - n_c) most),    dead <= N_t - R + min(n_c most, R - (N_c - n_c) least).
2. *Halo.* Say that a column of c is partial when some, not all of its pixels are in S. It then has two neighbours, one
   in S, the other not; rows of t that both read (`overlap` at least) are needed and not dead, in each column of t that
   is assigned to this column of c. Rows of c alike. Let S be neither empty nor all. If one column of c is all in S and
   another all outside, then every row is partial; the same with rows and columns exchanged. Else, if no row and no
   column is all in S, then S lies in the a partial columns times the b partial rows, and n_c <= a b. If a column is all
   in S, then no column is outside, hence no row, and what is not in S lies there, N_c - n_c <= a b; likewise if a row
   is. Hence with A = (overlap of rows) x (least columns of a cell) and B, its counterpart,
       alive >= min(A columns, B rows, sqrt(A B min(n_c, N_c - n_c))).
3. *Sum.* At the instant when n_m pixels of map m are made, every other map has some count that fulfils 1. The bytes
   alive are the sum over maps, so at least the least sum over all such counts; and every n_m between 1 and N_m comes
   about. The bound is the greatest of these least sums. (A kernel that makes many pixels in one step has all that they
   read and all that it makes in the arena meanwhile; in thought it makes them one by one.)

What is left out only lowers the sum: of several maps that an op reads only one is followed, the one behind the longest
chain, so that the maps are a forest and least sums are exact by dynamic programming; a map with several readers counts
only for one of them. Counts are put in LEVELS classes, and each class counts with its most favourable member. A
residual input that its ADD reads pixel by pixel counts as (share made - share added) x bytes; this is the sum of such
differences along the chain between the two, and so a part of the cost of each link. Both ways of counting it, for the
ADD or for another reader, are tried.

The sums are over maps only, without kernels' scratch. A reduction counts as streamed where the module streams it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

LEVELS = 256
"""Classes of progress of a map, besides 'not begun' and 'complete'. More of them are slower, and a tighter bound."""
SCALE = 1 << 12
"""Costs are integers of 1/SCALE byte."""
IMPOSSIBLE = 1 << 60


@dataclass(frozen=True)
class Axis:
    """Which inputs along one axis the outputs read: output `i` reads `i * stride + tap`, as far as it is an input."""

    inputs: int
    outputs: int
    stride: int = 1
    taps: tuple[int, ...] = (0,)

    def read_by(self, output: int) -> set[int]:
        """The inputs that an output reads."""
        return {input for tap in self.taps if 0 <= (input := output * self.stride + tap) < self.inputs}

    @cached_property
    def cells(self) -> tuple[int, ...]:
        """How many inputs are assigned to each output, in the most even of a few assignments."""
        readers: list[list[int]] = [[] for _ in range(self.inputs)]
        for output in range(self.outputs):
            for input in self.read_by(output):
                readers[input].append(output)
        candidates: list[tuple[int, ...]] = []
        for tap in self.taps:
            cells = [0] * self.outputs
            for input, reading in enumerate(readers):
                if reading:
                    wanted = (input - tap) // self.stride if self.stride else 0
                    cells[min(reading, key=lambda output, wanted=wanted: abs(output - wanted))] += 1
            candidates.append(tuple(cells))
        return min(candidates, key=lambda cells: (max(cells), -min(cells)))

    @cached_property
    def overlap(self) -> int:
        """The least number of inputs that two neighbouring outputs both read; 0 for a single output."""
        read = [self.read_by(output) for output in range(self.outputs)]
        return min((len(a & b) for a, b in pairwise(read)), default=0)


@dataclass(frozen=True)
class Map:
    """A feature map of `rows` x `columns` pixels.

    Attributes:
        pixel_bytes: bytes of a pixel.
        state_bytes: of a reduction, whose pixels are those it has taken: these bytes live as long as it has taken some.
        returned: it must be there at the end.
        leading: an input that is complete before anything else is made.
    """

    rows: int
    columns: int
    pixel_bytes: int
    state_bytes: int = 0
    returned: bool = False
    leading: bool = False

    @property
    def pixels(self) -> int:
        """How many pixels it has."""
        return self.rows * self.columns


@dataclass(frozen=True)
class Read:
    """Map number `consumer` is made from map number `producer`; without axes, every pixel from the whole map."""

    producer: int
    consumer: int
    rows: Axis | None = None
    columns: Axis | None = None


class _Reading:
    """Counts of a read: what `n` pixels made of the consumer mean for the producer."""

    def __init__(self, read: Read, producer: Map, consumer: Map) -> None:
        self.made_of, self.of = producer.pixels, consumer.pixels
        self.whole = read.rows is None or read.columns is None
        if read.rows is None or read.columns is None:
            return
        rows, columns = read.rows, read.columns
        self.read = sum(rows.cells) * sum(columns.cells)
        self.least = min(rows.cells) * min(columns.cells)
        self.most = max(rows.cells) * max(columns.cells)
        self.across_rows = rows.overlap * min(columns.cells)
        self.across_columns = columns.overlap * min(rows.cells)
        self.outputs = (rows.outputs, columns.outputs)

    def needed(self, n: Integers) -> Integers:
        """The least pixels of the producer that must be made."""
        if self.whole:
            return np.where(n > 0, self.made_of, 0)
        return np.maximum(n * self.least, np.where(n > 0, self.read - (self.of - n) * self.most, 0))

    def dead(self, n: Integers) -> Integers:
        """The most pixels of the producer that this consumer does not need any more."""
        if self.whole:
            return np.where(n >= self.of, self.made_of, 0)
        return self.made_of - self.read + np.minimum(n * self.most, self.read - (self.of - n) * self.least)

    def halo(self, n: Integers) -> Integers:
        """The least pixels of the producer that live because the consumer is begun and not complete."""
        unfinished = (n > 0) & (n < self.of)
        if self.whole:
            return np.where(unfinished, self.made_of, 0)
        rows, columns = self.outputs
        if rows == 1 or columns == 1:  # the only row or column is partial
            return np.where(unfinished, self.across_rows if columns == 1 else self.across_columns, 0)
        area = self.across_rows * self.across_columns * np.minimum(n, self.of - n)
        corner = np.floor(np.sqrt(np.maximum(area, 0))).astype(np.int64)
        straight = min(self.across_rows * columns, self.across_columns * rows)
        return np.where(unfinished, np.minimum(corner, straight), 0)


class _Levels:
    """The classes of a map's progress: the fewest and the most pixels made in each; `share` grows with the class."""

    def __init__(self, map: Map) -> None:
        classes = np.arange(1, LEVELS + 1, dtype=np.int64)
        low = map.pixels * (classes - 1) // LEVELS + 1
        high = np.minimum(map.pixels * classes // LEVELS, map.pixels - 1)
        self.low: Integers = np.concatenate(([0], low, [map.pixels]))
        self.high: Integers = np.concatenate(([0], high, [map.pixels]))
        self.exist = self.low <= self.high
        self.share: Integers = (self.low + self.high) * SCALE // (2 * map.pixels)


def lower_bound(maps: Sequence[Map], reads: Sequence[Read]) -> int:
    """Bytes that every execution needs at some instant; maps are in an order in which they can be made."""
    return max((_Forest(maps, reads, held).bound() for held in (True, False)), default=0)


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
        self.links = [None if read is None else self._link(read) for read in self.followed]

    def _fixed_cost(self, map: Map, levels: _Levels) -> Integers:
        cost = np.where(levels.exist, map.pixel_bytes * levels.low * SCALE if map.returned else 0, IMPOSSIBLE)
        if map.leading:
            cost[:-1] = IMPOSSIBLE
        return cost

    def _hold(self, read: Read) -> None:
        """Counts a residual input for the ADD that reads it, where it is the last to do so."""
        producer, consumer = read.producer, read.consumer
        followed = self.followed[consumer]
        if followed is read or followed is None or max(self.children[producer], default=0) > consumer:
            return
        axes = (read.rows, read.columns)
        if not all(axis and (axis.inputs, axis.stride, axis.taps) == (axis.outputs, 1, (0,)) for axis in axes):
            return
        chain = [consumer]
        while (step := self.followed[chain[-1]]) is not None and step.producer != producer:
            chain.append(step.producer)
        map = self.maps[producer]
        if step is None or map.state_bytes or map.returned or self.counted[producer] == -1:
            return
        self.counted[producer] = -1
        bytes = map.pixels * map.pixel_bytes
        for link in chain:
            self.held_bytes[link] += bytes
        low, high = self.levels[producer], self.levels[consumer]
        self.fixed[producer] += map.pixel_bytes * SCALE * low.low - bytes * low.share
        self.fixed[consumer] += bytes * high.share - map.pixel_bytes * SCALE * high.high

    def _link(self, read: Read) -> Integers:
        """The cost of each pair of classes of a producer (first axis) and its consumer."""
        producer, consumer = self.maps[read.producer], self.maps[read.consumer]
        made, used = self.levels[read.producer], self.levels[read.consumer]
        reading = _Reading(read, producer, consumer)
        cost = np.zeros((LEVELS + 2, LEVELS + 2), dtype=np.int64)
        if self.counted[read.producer] == read.consumer and not producer.returned:
            if producer.state_bytes:
                alive = (made.low[:, None] > 0) & (used.high[None, :] < consumer.pixels)
                cost += np.where(alive, producer.state_bytes * SCALE, 0)
            else:
                halo = np.minimum(reading.halo(used.low), reading.halo(used.high))
                alive = np.maximum(halo[None, :], made.low[:, None] - reading.dead(used.high)[None, :])
                cost += np.maximum(alive, 0) * (producer.pixel_bytes * SCALE)
        if held := self.held_bytes[read.consumer]:
            cost += held * (made.share[:, None] - used.share[None, :])
        cost[made.high[:, None] < reading.needed(used.low)[None, :]] = IMPOSSIBLE
        return cost

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
        above: list[Integers] = [np.zeros(LEVELS + 2, np.int64)] * len(self.maps)
        for number, map in enumerate(self.maps):
            if (read := self.followed[number]) is not None and (link := self.links[number]) is not None:
                parent = read.producer
                others = [from_child[child] for child in self.children[parent] if child != number]
                rest = _sum(self.fixed[parent], above[parent], *others)
                above[number] = _clip((link + rest[:, None]).min(axis=0))
            if leading and read is None:
                continue  # inputs are there before these instants
            sums = _sum(below[number], above[number])[1:]
            possible = sums[self.levels[number].exist[1:] & (sums < IMPOSSIBLE // 2)]
            greatest = max(greatest, int(possible.max(initial=0)))
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
