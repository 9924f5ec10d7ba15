"""Blocks that are alive at once never overlap, and arenas are as large as they must be, at least."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyts_mlir.analysis.arena_allocation import Allocation, Block, Overlap, allocate, peak_of_live_bytes, round_up
from tinyts_mlir.analysis.arena_blocks import NOWHERE, BlockTable, Integers
from tinyts_mlir.analysis.arena_exact import improve_exactly, load_solver
from tinyts_mlir.analysis.arena_first_fit import ORDERS, first_fit, sweep
from tinyts_mlir.analysis.arena_places import Candidate, Places
from tinyts_mlir.analysis.arena_repair import Repair
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.lead import Lead

ALIGNED_BLOCKS = st.lists(
    st.builds(
        lambda size, first, length, alignment: Block(size, first, first + length, alignment),
        st.integers(0, 60),
        st.integers(0, 90),
        st.integers(0, 40),
        st.sampled_from([1, 2, 4]),
    ),
    min_size=1,
    max_size=30,
)


BLOCKS_OF_EXACT = [
    Block(size, first, first + length, alignment)
    for size, alignment in ((3, 1), (6, 2), (8, 4), (20, 4))
    for first in range(4)
    for length in (0, 2)
]


def assert_valid(blocks: list[Block], offsets: list[int]) -> None:
    """Blocks that live together do not share bytes; offsets are aligned."""
    placed = list(zip(blocks, offsets, strict=True))
    assert all(offset >= 0 and offset % block.alignment == 0 for block, offset in placed)
    for (a, at_a), (b, at_b) in itertools.combinations(placed, 2):
        if a.first <= b.last and b.first <= a.last and a.size and b.size:
            assert at_a + a.size <= at_b or at_b + b.size <= at_a


def tight_blocks() -> list[Block]:
    """Rows of two sizes in rings, as a network's: placing them one by one leaves gaps, but all fit into the peak."""
    rings = [(12, 7), (20, 5), (12, 3), (28, 2), (20, 9)]
    return [
        Block(size, step + delay, step + delay + length)
        for step in range(40)
        for delay, (size, length) in enumerate(rings)
    ]


BLOCKS = st.lists(
    st.builds(
        lambda size, first, length: Block(size, first, first + length),
        st.integers(1, 60),
        st.integers(0, 20),
        st.integers(0, 12),
    ),
    max_size=24,
)


@settings(max_examples=200, deadline=None)
@given(blocks=BLOCKS, alignment=st.sampled_from([1, 2, 4, 16]))
def test_allocation(blocks: list[Block], alignment: int) -> None:
    allocation = allocate(blocks, alignment)
    assert len(allocation.offsets) == len(blocks)
    for (a, at_a), (b, at_b) in itertools.combinations(zip(blocks, allocation.offsets, strict=True), 2):
        if a.first <= b.last and b.first <= a.last:
            assert at_a + a.size <= at_b or at_b + b.size <= at_a
    ends = [offset + block.size for block, offset in zip(blocks, allocation.offsets, strict=True)]
    assert all(offset >= 0 and offset % alignment == 0 for offset in allocation.offsets)
    assert allocation.size == round_up(max(ends, default=0), alignment)
    assert allocation.size >= peak_of_live_bytes(blocks, alignment)
    assert allocation == allocate(blocks, alignment)


@st.composite
def overlapping(draw: st.DrawFn) -> tuple[list[Block], list[Overlap]]:
    """Blocks of which some may lie on others that die as they are made."""
    blocks = [block for block in draw(BLOCKS) if block.size]
    pairs = [
        (over, under)
        for over, under in itertools.permutations(range(len(blocks)), 2)
        if blocks[under].first < blocks[over].first == blocks[under].last
    ]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    leads = draw(
        st.lists(st.tuples(st.integers(0, 59), st.integers(0, 20)), min_size=len(chosen), max_size=len(chosen))
    )
    return blocks, [
        Overlap(over, under, Lead(exact, exact + more))
        for (over, under), (exact, more) in zip(chosen, leads, strict=True)
        if exact < blocks[over].size
    ]


def assert_overlaps_allowed(blocks: list[Block], overlaps: list[Overlap], offsets: Sequence[int]) -> None:
    leads = {(over, under): lead for over, under, lead in overlaps}
    for a, b in itertools.combinations(range(len(blocks)), 2):
        if blocks[a].first > blocks[b].last or blocks[b].first > blocks[a].last:
            continue
        apart = offsets[a] + blocks[a].size <= offsets[b] or offsets[b] + blocks[b].size <= offsets[a]
        allowed = any(
            offsets[over] + lead.least <= offsets[under] or offsets[over] + lead.exact == offsets[under]
            for over, under in ((a, b), (b, a))
            if (lead := leads.get((over, under))) is not None
        )
        assert apart or allowed


@settings(max_examples=200, deadline=None)
@given(given=overlapping())
def test_allocation_with_overlaps(given: tuple[list[Block], list[Overlap]]) -> None:
    blocks, overlaps = given
    allocation = allocate(blocks, overlaps=overlaps)
    assert_overlaps_allowed(blocks, overlaps, allocation.offsets)
    assert allocation.size >= peak_of_live_bytes(blocks, overlaps=overlaps)
    table = BlockTable(blocks, overlaps=overlaps)
    for order in ORDERS:
        assert_overlaps_allowed(blocks, overlaps, first_fit(table, order(table)).tolist())


def is_in_the_way(places: Places, other: int, block: int, place: int) -> bool:
    """Whether a block keeps another from a place, as the definition of blocks and overlaps has it."""
    table, offset = places.table, places.offsets[other]
    if offset >= NOWHERE:
        return False
    for over, under, lead in table.overlaps:
        if {over, under} != {block, other}:
            continue
        ahead = offset - place if over == block else place - offset
        if ahead >= min(lead.least, table.blocks[over].size) or ahead == lead.exact:
            return False
    return place < offset + table.blocks[other].size and offset < place + table.blocks[block].size


def lightest_of_all(places: Places, block: int) -> Candidate:
    """What `Places.lightest` is to find, by looking at every place."""
    table, size = places.table, places.table.blocks[block].size
    others = table.conflicts(block).tolist()
    candidates: list[Candidate] = []
    for place in range(0, places.height - size + 1, table.alignments[block]):
        found = [other for other in others if is_in_the_way(places, other, block, place)]
        candidates.append((place, sum(places.weights[other] for other in found), found))
    return min(candidates, key=lambda candidate: (candidate[1], candidate[0]))


@settings(max_examples=300, deadline=None)
@given(given=overlapping(), alignment=st.sampled_from([1, 4]), data=st.data())
def test_lightest_place(given: tuple[list[Block], list[Overlap]], alignment: int, data: st.DataObject) -> None:
    blocks, overlaps = given
    if not blocks:
        return
    table = BlockTable(blocks, alignment, overlaps)
    count = len(blocks)
    offset = st.one_of(st.just(NOWHERE), st.integers(0, 150 // alignment).map(lambda unit: unit * alignment))
    offsets = data.draw(st.lists(offset, min_size=count, max_size=count))
    weights = data.draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    places = Places(table, offsets, weights, height=data.draw(st.integers(60, 160)))
    for _ in range(8):
        block = data.draw(st.integers(0, count - 1))
        place, weight, in_the_way = places.lightest(block)
        assert (place, weight, in_the_way) == lightest_of_all(places, block)
        if data.draw(st.booleans()):
            places.put(block, place)
            places.weigh(block, weights[block] + 3)
        else:
            places.take_away(block)


def test_overlaps_are_used() -> None:
    """A ring of two rows, and results that are made over the row that dies, in three quarters of a third row."""
    rows = [Block(40, 2 * i, 2 * i + 4) for i in range(20)]
    results = [Block(40, 2 * i + 4, 2 * i + 5) for i in range(20)]
    overlaps = [Overlap(20 + i, i, Lead(10, 15)) for i in range(20)]
    apart, together = allocate([*rows, *results]), allocate([*rows, *results], overlaps=overlaps)
    assert apart.size == 160
    assert together.size < apart.size
    assert_overlaps_allowed([*rows, *results], overlaps, together.offsets)


@given(blocks=BLOCKS)
def test_peak(blocks: list[Block]) -> None:
    steps = range(max((block.last for block in blocks), default=0) + 1)
    live = [sum(block.size for block in blocks if block.first <= step <= block.last) for step in steps]
    assert peak_of_live_bytes(blocks) == max(live)


@pytest.mark.parametrize(
    ("blocks", "size"),
    [
        ([], 0),
        ([Block(5, 0, 0)], 8),
        # One dies at the step at which another is made: both are there at that step.
        ([Block(8, 0, 1), Block(8, 1, 2)], 16),
        ([Block(8, 0, 0), Block(8, 1, 2)], 8),
        # A ring of rows.
        ([Block(4, i, i + 2) for i in range(20)], 12),
        # The long-lived block has to go below or above, not between.
        ([Block(4, 0, 9), Block(12, 0, 1), Block(8, 2, 3), Block(4, 2, 3), Block(12, 4, 9)], 16),
    ],
)
def test_known(blocks: list[Block], size: int) -> None:
    assert allocate(blocks, 4).size == size


@settings(max_examples=60, deadline=None)
@given(blocks=ALIGNED_BLOCKS)
def test_every_placement_keeps_alignments(blocks: list[Block]) -> None:
    allocation = allocate(blocks)
    assert_valid(blocks, list(allocation.offsets))
    assert allocation.size >= peak_of_live_bytes(blocks)
    blocks = [block for block in blocks if block.size]
    table = BlockTable(blocks)
    placements: list[Integers] = [first_fit(table, order(table)) for order in ORDERS]
    placements += [sweep(table, backwards, tightest) for backwards in (False, True) for tightest in (False, True)]
    for placement in placements:
        assert_valid(blocks, placement.tolist())
        assert allocation.size <= table.height(placement)


@given(blocks=ALIGNED_BLOCKS)
def test_conflicts(blocks: list[Block]) -> None:
    table = BlockTable(blocks)
    for number, block in enumerate(blocks):
        together = [i for i, b in enumerate(blocks) if i != number and b.first <= block.last and block.first <= b.last]
        assert sorted(table.conflicts(number).tolist()) == together
        assert table.conflict_counts[number] == len(together)


def test_search_lowers_first_fit() -> None:
    blocks = tight_blocks()
    table = BlockTable(blocks)
    start = first_fit(table, ORDERS[-1](table))
    search = Repair(table, work=4_000_000)
    found = search.improve([start], table.peak)
    assert_valid(blocks, found.tolist())
    assert table.peak <= table.height(found) < table.height(start)


def test_search_ends_when_its_work_is_spent() -> None:
    table = BlockTable(tight_blocks())
    start = first_fit(table, ORDERS[-1](table))
    search = Repair(table, work=1)
    assert search.improve([start], table.peak) is start
    assert search.work <= 0


def test_many_blocks() -> None:
    """Layers of 128 rows, one behind the other: 5,000 blocks, each alive together with 250 others."""
    layers, rows = 40, 128
    blocks = [
        Block((480, 960, 320)[layer % 3], layer * rows + row, (layer + 1) * rows + row + 1, 4)
        for layer in range(layers)
        for row in range(rows)
    ]
    allocation = allocate(blocks)
    assert allocation.size <= 1.02 * peak_of_live_bytes(blocks)


def test_exact_without_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    with pytest.raises(CompileError, match=r"needs the Python package ortools, .*; the extra 'exact'"):
        load_solver()


@settings(max_examples=15, deadline=None)
@given(blocks=st.lists(st.sampled_from(BLOCKS_OF_EXACT), min_size=1, max_size=5))
def test_exact_is_the_least_of_all(blocks: list[Block]) -> None:
    pytest.importorskip("ortools.sat.python.cp_model", reason="needs OR-tools, which the extra 'exact' brings")
    table = BlockTable(blocks)
    # Some order of first-fit gives the smallest arena: the order of the offsets in it.
    least = min(table.height(first_fit(table, order)) for order in itertools.permutations(range(len(blocks))))
    apart = Allocation(tuple(itertools.accumulate((64 for _ in blocks[1:]), initial=0)), 64 * len(blocks))
    exact = improve_exactly(blocks, apart)
    assert_valid(blocks, list(exact.allocation.offsets))
    assert exact.proven
    assert exact.allocation.size == least
    assert improve_exactly(blocks, apart) == exact


@settings(max_examples=15, deadline=None)
@given(given=overlapping())
def test_exact_with_overlaps(given: tuple[list[Block], list[Overlap]]) -> None:
    pytest.importorskip("ortools.sat.python.cp_model", reason="needs OR-tools, which the extra 'exact' brings")
    blocks, overlaps = given[0][:8], [overlap for overlap in given[1] if max(overlap.over, overlap.under) < 8]
    apart = Allocation(tuple(itertools.accumulate((64 for _ in blocks[1:]), initial=0)), 64 * len(blocks))
    exact = improve_exactly(blocks, apart, overlaps=overlaps)
    assert_overlaps_allowed(blocks, overlaps, exact.allocation.offsets)
    assert exact.allocation.size <= allocate(blocks, overlaps=overlaps).size


def test_exact_keeps_what_it_cannot_improve() -> None:
    pytest.importorskip("ortools.sat.python.cp_model", reason="needs OR-tools, which the extra 'exact' brings")
    blocks = tight_blocks()
    start = allocate(blocks)
    exact = improve_exactly(blocks, start, deterministic_seconds=0.001)
    assert exact.allocation.size <= start.size
    assert_valid(blocks, list(exact.allocation.offsets))
