"""Receptive fields against counting."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tinyts_mlir.dialects.row_geometry import RowMap, band_ranges, whole_blocks
from tinyts_mlir.dialects.rows import RowRange


@settings(max_examples=500)
@given(
    row_map=st.builds(
        RowMap,
        stride=st.integers(1, 5),
        window=st.integers(1, 9),
        padding=st.integers(0, 9),
        block=st.integers(1, 3),
    ),
    start=st.integers(0, 12),
    count=st.integers(1, 6),
    total=st.integers(1, 12),
)
def test_needed_rows(row_map: RowMap, start: int, count: int, total: int) -> None:
    need = row_map.needed(RowRange(start, start + count), total)
    blocks = {row // row_map.block for row in range(start, start + count)}
    first = min(blocks) * row_map.stride - row_map.padding
    last = max(blocks) * row_map.stride - row_map.padding + row_map.window
    assert list(range(need.rows.start, need.rows.stop)) == [row for row in range(first, last) if 0 <= row < total]
    assert need.padding_before == sum(row < 0 for row in range(first, last))
    assert need.padding_after == sum(row >= total for row in range(first, last))
    assert 0 <= need.rows.start <= need.rows.stop <= total


@given(total=st.integers(1, 40), rows=st.integers(1, 50))
def test_bands_make_up_the_whole(total: int, rows: int) -> None:
    bands = band_ranges(total, rows)
    assert [row for band in bands for row in range(band.start, band.stop)] == list(range(total))
    assert all(band.count == rows for band in bands[:-1])
    assert 1 <= bands[-1].count <= rows


@given(a=st.tuples(st.integers(0, 9), st.integers(0, 9)), b=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_contains(a: tuple[int, int], b: tuple[int, int]) -> None:
    one, other = RowRange(*a), RowRange(*b)
    assert one.contains(other) == (set(range(*b)) <= set(range(*a)))


@given(rows=st.integers(1, 40), block=st.integers(1, 9))
def test_whole_blocks(rows: int, block: int) -> None:
    assert whole_blocks(rows, block) == min(whole for whole in range(block, 99, block) if whole >= rows)
