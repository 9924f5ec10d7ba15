"""docs/limits.md is what `tools/limits_table.py` writes."""

from __future__ import annotations

from pathlib import Path

from limits_table import limits_table


def test_page() -> None:
    assert (Path(__file__).parents[2] / "docs" / "limits.md").read_text() == limits_table()
