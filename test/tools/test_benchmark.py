"""The benchmark's command line, on the demo model."""

import json
from pathlib import Path
from typing import Any

import pytest
from benchmark import BEGIN, main
from generated_text import END

FLAGS = ("--compiler", "clang", "--no-estimates")
TFLM = {"instructions": 10_000_000, "arena_bytes": 65_000, "stack_bytes": 1000, "text_bytes": 90, "rodata_bytes": 10}


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("peers") / "peers.json"
    path.write_text(json.dumps({"demo": {"tflm": TFLM, "tinyts": {"DF_1": {"instructions": 9_000_000}}}}))
    return path


@pytest.fixture(scope="module")
def files(demo: Path, peers: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The JSON and the Markdown of a run."""
    directory = tmp_path_factory.mktemp("run")
    markdown = directory / "benchmark.md"
    markdown.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    outputs = ["--json", str(directory / "b.json"), "--output", str(markdown)]
    status = main([str(demo.parent), *FLAGS, "--peers", str(peers), *outputs])
    assert status == 0
    return [directory / "b.json", markdown]


@pytest.fixture(scope="module")
def figures(files: list[Path]) -> dict[str, Any]:
    return json.loads(files[0].read_text())


def test_kernels_and_layers_sum_up_to_the_total(figures: dict[str, Any]):
    build = figures["models"]["demo"]["compilers"]["clang"]
    for figure, total in {
        "instructions": build["instructions"],
        "macs": figures["models"]["demo"]["macs"],
        "weight_bytes_read": build["weight_bytes_read"],
    }.items():
        assert sum(kernel[figure] for kernel in build["kernels"].values()) == total, figure
        in_layers = sum(layer[figure] for layer in build["layers"])
        assert in_layers + build["kernels"]["runtime"][figure] == total, figure
    expected = {"conv_2d", "depthwise_conv_2d", "fully_connected", "affine_add", "softmax", "runtime"}
    assert expected <= set(build["kernels"])


def test_ratios_are_theirs_over_ours(figures: dict[str, Any]):
    model = figures["models"]["demo"]
    ours = model["compilers"]["clang"]
    for figure, theirs in TFLM.items():
        shown = model["peers"]["tflm"][figure]
        assert shown["value"] == theirs
        assert shown["theirs_over_ours"]["clang"] == round(theirs / ours[figure], 4), figure
    mean = figures["geometric_means_theirs_over_ours"]["tinyts"]["clang"]["instructions"]
    assert mean == pytest.approx(9_000_000 / ours["instructions"], abs=1e-3)


def test_targets_are_judged(figures: dict[str, Any]):
    targets = figures["models"]["demo"]["compilers"]["clang"]["targets"]
    assert targets["flash_of_tflm"] == {"wanted": 0.85, "met": False}  # a peer of 100 bytes
    assert targets["stack_bytes"] == {"wanted": 1024, "met": True}
    assert targets["instructions_tinyts_over_ours"] == {"wanted": 1.0, "met": True}
    assert targets["instructions_tflm_over_ours"] == {"wanted": None, "met": None}  # no target for this model


def test_lines_missed_are_those_of_the_layers_and_of_the_runtime(figures: dict[str, Any]):
    build = figures["models"]["demo"]["compilers"]["clang"]
    cycles = figures["cycles"]["models"]["demo"]["clang"]
    for kind in ("data_lines_missed", "code_lines_missed"):
        assert sum(kernel[kind] for kernel in build["kernels"].values()) == cycles[kind]
        assert build["kernels"]["conv_2d"][kind] > 0
    # The demo's constants fit the cache, and all are read.
    lines = figures["models"]["demo"]["constant_bytes"] / figures["cycles"]["caches"]["data"]["line_bytes"]
    assert lines <= cycles["data_lines_missed"] < 3 * lines
    assert cycles["estimated_cycles_with_misses"] is None  # --no-estimates


def test_two_runs_write_the_same_bytes(demo: Path, peers: Path, files: list[Path], tmp_path: Path):
    again = tmp_path / "again.json"
    assert main([str(demo), *FLAGS, "--peers", str(peers), "--json", str(again)]) == 0
    assert again.read_bytes() == files[0].read_bytes()


def test_markdown_goes_between_the_markers(files: list[Path], figures: dict[str, Any]):
    text = files[1].read_text()
    assert text.startswith(f"before\n{BEGIN}\n- clang: ") and text.endswith(f"{END}\nafter\n") and "old" not in text
    assert f"{figures['models']['demo']['compilers']['clang']['instructions']:,}" in text
    tables = [line.count("|") for line in text.splitlines() if line.startswith("| model")]
    assert len(tables) == 6
    rows = [line for line in text.splitlines() if line.startswith("| demo ")]
    assert {row.count("|") for row in rows} == set(tables)


def test_layers(demo: Path, capsys: pytest.CaptureFixture[str], figures: dict[str, Any]):
    assert main([str(demo), *FLAGS, "--layers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    layers = figures["models"]["demo"]["compilers"]["clang"]["layers"]
    assert len(lines) == 4 + len(layers) + 2  # title, empty line, head, rule; runtime, all
    assert f"{layers[0]['instructions']:,}" in lines[4] and layers[0]["shape"] in lines[4]


def test_a_missing_file_of_peers(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(demo), *FLAGS, "--peers", str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().err == f"benchmark: error: cannot read {tmp_path}/none.json: No such file or directory\n"


def test_a_bad_model_does_not_hide_the_others_and_no_file_is_written(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "bad.tflite").write_bytes(b"not a model")
    (tmp_path / "demo.tflite").write_bytes(demo.read_bytes())
    assert main([str(tmp_path), *FLAGS, "--json", str(tmp_path / "b.json")]) == 1
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if "error" in line]
    assert len(errors) == 1 and errors[0].startswith("benchmark: error: bad.tflite")
    assert "| demo " in captured.out and not (tmp_path / "b.json").exists()


def test_a_folder_without_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path), *FLAGS]) == 1
    assert f"{tmp_path}: no .tflite files" in capsys.readouterr().err


def test_wrong_usage(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(["models", "more"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == "benchmark: error: unexpected argument more\n"
