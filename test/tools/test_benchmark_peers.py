"""Other runtimes' figures and the ratios to ours."""

import json
from pathlib import Path

import pytest
from benchmark_peers import FASTER, best, load_peers, quotient, wanted
from benchmark_report import at_least, thousandths

from tinyts_mlir.toolchain.errors import ToolchainError

CONTENT = {
    "_about": "text",
    "net": {
        "macs": 1000,
        "tflm": {"instructions": 3000, "arena_bytes": 500, "stack_bytes": 100, "text_bytes": 70, "rodata_bytes": 30},
        "tinyts": {
            "DF_1": {"instructions": 2000, "arena_bytes": 200, "stack_bytes": 50, "input_outside_arena_bytes": 90},
            "DF_2": {"instructions": 1900, "arena_bytes": 300, "input_outside_arena_bytes": 0, "correct": True},
            "DF_3": {"instructions": 1, "arena_bytes": 1, "correct": False},
        },
        "frontier": {"lower_bound": 5},
    },
}


def load(tmp_path: Path, content: object):
    path = tmp_path / "peers.json"
    path.write_text(json.dumps(content))
    return load_peers(path)


def test_runtimes_and_variants_are_peers_but_not_what_computes_something_else(tmp_path: Path):
    peers = load(tmp_path, CONTENT)
    assert [(peer.runtime, peer.name) for peer in peers["net"]] == [
        ("tflm", "tflm"),
        ("tinyts", "tinyts DF_1"),
        ("tinyts", "tinyts DF_2"),
    ]
    assert peers["_about"] == []


def test_sums_follow_from_figures_and_an_input_outside_counts_as_arena(tmp_path: Path):
    [tflm, first, second] = load(tmp_path, CONTENT)["net"]
    assert (tflm.figures["flash_bytes"], tflm.figures["sram_bytes"]) == (100, 600)
    assert (first.figures["arena_bytes"], first.figures["sram_bytes"]) == (290, 340)
    assert "sram_bytes" not in second.figures and "flash_bytes" not in second.figures


def test_the_best_variant_is_chosen_figure_by_figure(tmp_path: Path):
    peers = load(tmp_path, CONTENT)["net"]
    assert best(peers, "tinyts", "instructions") == 1900
    assert best(peers, "tinyts", "arena_bytes") == 290
    assert best(peers, "tinyts", "flash_bytes") is None
    assert best([], "tflm", "instructions") is None


def test_quotients():
    assert quotient(3000, 2000) == 1.5
    assert quotient(None, 3) is quotient(3, None) is quotient(3, 0) is None


def test_a_verdict_is_not_of_a_rounded_ratio():
    assert at_least(quotient(249_999, 100_000), 2.5) is False
    assert at_least(quotient(250_000, 100_000), 2.5) is True
    assert at_least(None, 2.5) is at_least(2.5, None) is None


def test_a_model_has_one_target():
    names = [name for models in FASTER for name in models]
    assert len(names) == len(set(names))
    assert wanted("0_MW5") == (2.5, 3.2)
    assert wanted("ad_MLPerf") is None


def test_a_ratio_is_rounded_once():
    assert thousandths(quotient(27_440, 204_020)) == "0.134"


def test_no_file_means_no_peers():
    assert load_peers(None) == {}


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ToolchainError, match=r"cannot read .*none\.json: No such file"):
        load_peers(tmp_path / "none.json")


@pytest.mark.parametrize(("text", "message"), [("{", "is no JSON"), ("[1]", "expected an object of models")])
def test_a_file_of_something_else(tmp_path: Path, text: str, message: str):
    path = tmp_path / "peers.json"
    path.write_text(text)
    with pytest.raises(ToolchainError, match=message):
        load_peers(path)
