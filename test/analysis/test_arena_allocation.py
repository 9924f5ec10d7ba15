"""Blocks that are alive at once never overlap, and arenas are as large as they must be, at least."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyts_mlir.analysis.arena_allocation import Block, allocate, peak_of_live_bytes, round_up

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
