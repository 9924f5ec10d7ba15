"""The lower bound never exceeds what the best order of rows needs, found by trying all orders of tiny networks."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyts_mlir.analysis import lower_bound as module
from tinyts_mlir.analysis.lower_bound import Map, Read, RowReading, lower_bound

MOST_ROWS = 14
"""Rows of all maps of a network that all orders are tried of."""


def rows_read(maps: Sequence[Map], read: Read, row: int) -> set[int]:
    everything = set(range(maps[read.producer].rows))
    return everything if read.rows is None else read.rows.read_by(row)


def least_peak(maps: Sequence[Map], reads: Sequence[Read]) -> int:
    """The least, over all orders of rows, of the most bytes that live while a row is made or between two."""
    rows = [(number, row) for number, map in enumerate(maps) for row in range(map.rows)]
    bits = {place: 1 << i for i, place in enumerate(rows)}
    inputs: dict[tuple[int, int], int] = {}
    readers = dict.fromkeys(rows, 0)
    for read in reads:
        for row in range(maps[read.consumer].rows):
            for input in rows_read(maps, read, row):
                place = (read.consumer, row)
                inputs[place] = inputs.get(place, 0) | bits[read.producer, input]
                readers[read.producer, input] |= bits[place]
    leading = sum(bits[number, row] for number, row in rows if maps[number].leading)
    everything = (1 << len(rows)) - 1
    whole = [sum(bits[number, row] for row in range(map.rows)) for number, map in enumerate(maps)]

    def live(made: int) -> int:
        total = 0
        for number, map in enumerate(maps):
            if map.state_bytes:
                finished = all(readers[number, row] & ~made == 0 for row in range(map.rows))
                begun = made & whole[number]
                total += map.state_bytes if begun and not (finished and begun == whole[number]) else 0
                continue
            for row in range(map.rows):
                needed = map.returned or readers[number, row] & ~made
                total += map.row_bytes if made & bits[number, row] and needed else 0
        return total

    best = {0: 0}
    queue = [(0, 0)]
    while queue:
        peak, made = heapq.heappop(queue)
        if made == everything:
            return peak
        if peak > best[made]:
            continue
        for place in rows:
            bit = bits[place]
            wanted = inputs.get(place, 0) | (0 if leading & bit else leading)
            if made & bit or wanted & ~made:
                continue
            map = maps[place[0]]
            new = 0 if map.in_place else map.row_bytes
            if map.state_bytes and not made & whole[place[0]]:
                new = map.state_bytes
            then = max(peak, live(made | bit), live(made) + new)
            if then < best.get(made | bit, 1 << 60):
                best[made | bit] = then
                heapq.heappush(queue, (then, made | bit))
    raise AssertionError("some row cannot be made")


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Map], list[Read]]:
    """Chains with branches, residual inputs, reductions, whole reads and several outputs."""
    maps = [Map(draw(st.integers(1, 4)), draw(st.integers(1, 9)), leading=draw(st.booleans()))]
    reads: list[Read] = []
    while sum(map.rows for map in maps) < MOST_ROWS - 4 and len(maps) < 7:
        number = len(maps)
        source = draw(st.integers(max(0, number - 2), number - 1))
        rows = maps[source].rows
        kind = draw(st.sampled_from(["window", "window", "window", "add", "whole", "sums"]))
        returned = draw(st.integers(0, 5)) == 0
        if maps[source].state_bytes:
            maps.append(Map(1, draw(st.integers(1, 9)), returned=returned))
            reads.append(Read(source, number))
        elif kind == "add" and (others := [i for i in range(source) if maps[i].rows == rows]):
            other = draw(st.sampled_from(others))
            if maps[other].state_bytes:
                continue
            maps.append(Map(rows, maps[source].row_bytes, returned=returned))
            reads += [Read(other, number, RowReading(rows, rows)), Read(source, number, RowReading(rows, rows))]
            maps[-1] = replace(maps[-1], in_place=draw(st.booleans()))
        elif kind == "whole":
            maps.append(Map(draw(st.integers(1, 3)), draw(st.integers(1, 9)), returned=returned))
            reads.append(Read(source, number))
        elif kind == "sums":
            maps.append(Map(rows, 0, state_bytes=draw(st.integers(1, 9))))
            reads.append(Read(source, number, RowReading(rows, rows)))
        else:
            stride, window = draw(st.integers(1, 2)), draw(st.integers(1, 3))
            padding = draw(st.integers(0, window - 1))
            dilation = draw(st.integers(1, 2))
            made = max(1, (rows + 2 * padding - (window - 1) * dilation - 1) // stride + 1)
            if made > 4:
                continue
            taps = tuple(tap * dilation - padding for tap in range(window))
            maps.append(Map(made, draw(st.integers(1, 9)), returned=returned))
            reads.append(Read(source, number, RowReading(rows, made, stride, taps)))
    read = {read.producer for read in reads}
    maps = [
        map if number in read or map.state_bytes else replace(map, returned=True) for number, map in enumerate(maps)
    ]
    return maps, reads


@settings(max_examples=150, deadline=None)
@given(network=networks(), levels=st.sampled_from([2, 3, 512]))
def test_never_above_the_best_order(network: tuple[list[Map], list[Read]], levels: int) -> None:
    maps, reads = network
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LEVELS", levels)
        assert lower_bound(maps, reads) <= least_peak(maps, reads)


def chain(*row_bytes: int, rows: int = 4, window: int = 3) -> tuple[list[Map], list[Read]]:
    """Maps of `rows` rows, each made from the one before with a window of so many rows, padded alike on both sides."""
    maps = [Map(rows, bytes, returned=number == len(row_bytes) - 1) for number, bytes in enumerate(row_bytes)]
    taps = tuple(tap - window // 2 for tap in range(window))
    reading = RowReading(rows, rows, 1, taps)
    return maps, [Read(number, number + 1, reading) for number in range(len(maps) - 1)]


@pytest.mark.parametrize(
    ("network", "bound"),
    [
        (([], []), 0),
        (([Map(3, 5)], []), 0),
        (([Map(3, 5, returned=True)], []), 15),
        # Pointwise: rows come and go.
        (chain(10, 10, 1, window=1), 23),
        # Three rows of the input live while a row behind the first is made.
        (chain(10, 1), 33),
        # The whole map is read at once.
        (([Map(4, 10), Map(1, 3, returned=True)], [Read(0, 1)]), 43),
        # A reduction takes rows as they come into its state.
        (
            (
                [Map(4, 10), Map(4, 0, state_bytes=8), Map(1, 3, returned=True)],
                [Read(0, 1, RowReading(4, 4)), Read(1, 2)],
            ),
            18,
        ),
        # An input that must be complete first.
        (([Map(4, 10, leading=True), Map(4, 1, returned=True)], [Read(0, 1, RowReading(4, 4))]), 41),
    ],
)
def test_known(network: tuple[list[Map], list[Read]], bound: int) -> None:
    assert lower_bound(*network) == bound
    assert least_peak(*network) >= bound


def test_residual_input_is_held() -> None:
    """While a chain of windows runs, the rows that its ADD will read wait: two for each window."""
    maps, reads = chain(100, 1, 1, 1, rows=8)
    maps = [Map(map.rows, map.row_bytes) for map in maps] + [Map(8, 1, returned=True)]
    reads += [Read(0, 4, RowReading(8, 8)), Read(3, 4, RowReading(8, 8))]
    held = lower_bound(maps, reads)
    assert held >= 300
    assert lower_bound(maps, [read for read in reads if (read.producer, read.consumer) != (0, 4)]) < held


@pytest.mark.parametrize(
    ("inputs", "stride", "taps"), [(5, 1, (-1, 0, 1)), (7, 2, (0, 1, 2)), (6, 3, (0,)), (4, 1, (-2, 0, 2))]
)
def test_counts_of_rows_hold_for_every_subset(inputs: int, stride: int, taps: tuple[int, ...]) -> None:
    outputs = -(-inputs // stride)
    reading = RowReading(inputs, outputs, stride, taps)
    for subset in range(1 << outputs):
        made = [row for row in range(outputs) if subset >> row & 1]
        left = [row for row in range(outputs) if not subset >> row & 1]
        needed = set[int]().union(*(reading.read_by(row) for row in made))
        wanted = set[int]().union(*(reading.read_by(row) for row in left))
        assert len(needed) >= reading.needed[len(made)]
        assert inputs - len(wanted) <= reading.dead[len(made)]
        if made and left:
            assert len(needed & wanted) >= reading.overlap
