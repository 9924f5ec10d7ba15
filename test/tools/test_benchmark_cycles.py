"""Estimated cycles with misses, beside a peer's."""

import json
from pathlib import Path

import pytest
from benchmark_cycles import CycleFigures, CyclePeer, load_cycle_peers

from tinyts_mlir.toolchain.errors import ToolchainError


def test_ratios_are_theirs_over_our_layers():
    figures = CycleFigures(
        cycles=1100, layer_cycles=1000, data_misses=12, layer_data_misses=10, code_misses=30, constant_lines=5
    )
    assert figures.with_misses == 1100 + 10 * 42
    assert figures.layers_with_misses == 1000 + 10 * 10
    assert figures.times_constants == 12 / 5
    assert figures.ratio(CyclePeer(2000, 20)) == (2000 + 200) / 1100
    assert figures.ratio(None) is None


def test_without_estimates_there_is_no_ratio():
    figures = CycleFigures(None, None, 12, 10, 30, 5)
    assert (figures.with_misses, figures.ratio(CyclePeer(1, 1))) == (None, None)


def test_peers_are_read(tmp_path: Path):
    path = tmp_path / "peers.json"
    path.write_text(json.dumps({"models": {"demo": {"cmsis_cycles": 2000, "cmsis_weight_misses": 7, "more": "x"}}}))
    assert load_cycle_peers(path) == {"demo": CyclePeer(2000, 7)}
    assert load_cycle_peers(None) == {}


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "is no JSON"),
        ("[]", "expected `models`"),
        ('{"models": {"demo": {"cmsis_cycles": 1}}}', "expected `models`"),
        ('{"models": {"demo": 3}}', "expected `models`"),
        ('{"models": {"demo": {"cmsis_cycles": "many", "cmsis_weight_misses": 1}}}', "expected `models`"),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, text: str, message: str):
    path = tmp_path / "peers.json"
    path.write_text(text)
    with pytest.raises(ToolchainError, match=message):
        load_cycle_peers(path)


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(ToolchainError, match="cannot read"):
        load_cycle_peers(tmp_path / "none.json")
