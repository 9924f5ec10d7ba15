"""Campaigns with damaged files and texts: small ones."""

from __future__ import annotations

import pytest
from fuzz_extremes import CASES, run
from fuzz_files import damaged_file, damaged_text, run_batch


@pytest.mark.parametrize("texts", [False, True])
def test_a_small_campaign(texts: bool) -> None:
    outcome = run_batch(0, 60, texts, ())
    assert outcome.failures == []
    assert outcome.counts["refused"] + outcome.counts["accepted"] == 60
    if not texts:
        assert outcome.counts["exact"] > 0


def test_a_case_is_its_seed() -> None:
    assert damaged_file(7, ()) == damaged_file(7, ())
    assert damaged_file(7, ()) != damaged_file(8, ())
    assert damaged_text(7) == damaged_text(7)


def test_an_extreme_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("row 65535") == 0
    assert capsys.readouterr().out.startswith("row 65535")
    assert {name.split()[0] for name in CASES} == {"column", "row", "chain", "sheaf"}
