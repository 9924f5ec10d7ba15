"""Kinds of layers and their limits, on a benchmark's JSON."""

import json
from pathlib import Path

import benchmark
import pytest
from benchmark_report import FORMAT, VERSION
from generated_text import END
from layer_kinds import KINDS, MADE_AGAIN, Layer
from layer_limits import BEGIN, BEGIN_MOST, above_held, load_layers, main
from layer_samples import PLAIN, SHAPES, WEIGHTS, layer_network

from tinyts_mlir.tflite.exporter import export_tflite

Row = tuple[str, str, int, int]
"""Kernel, shape, multiplications, instructions."""
POINTWISE: Row = ("conv_2d", "1x1 8x8x32 -> 8x8x32", 65_536, 80_000)
SLOW: Row = ("depthwise_conv_2d", "3x3 8x8x32 -> 8x8x32", 18_432, 400_000)
DENSE: Row = ("fully_connected", "10 -> 4", 40, 9_000)
SMALL: Row = ("depthwise_conv_2d", "3x3 2x2x4 -> 2x2x4", 144, 4_000)


def write(path: Path, *rows: Row, instructions: int = 500_000) -> Path:
    """The JSON of a benchmark of one model with these layers."""
    names = ("kernel", "shape", "macs", "instructions")
    layers = [dict(zip(names, row, strict=True)) for row in rows]
    models = {"net": {"compilers": {"gcc": {"instructions": instructions, "layers": layers}}}}
    path.write_text(json.dumps({"format": FORMAT, "version": VERSION, "models": models}))
    return path


def kind(shape: str, macs: int, kernel: str = "conv_2d") -> str | None:
    found = Layer("net", "gcc", kernel, shape, macs, macs, 100.0).kind
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("shape", "macs", "kernel", "name"),
    [
        ("1x1 8x8x32 -> 8x8x4", 64 * 32 * 4, "conv_2d", "1x1 from 32 channels"),
        ("1x1/2 8x8x31 -> 4x4x4", 16 * 31 * 4, "conv_2d_some_wide", "1x1 from 16 channels"),
        ("1x1 8x8x32 -> 8x8x4", 64 * 8 * 4, "conv_2d", "1x1 from 8 channels"),  # in four groups
        ("1x1 8x8x3 -> 8x8x4", 64 * 3 * 4, "conv_2d", "1x1 from fewer channels"),
        ("3x3/2 8x8x3 -> 4x4x16", 16 * 27 * 16, "conv_2d", "3x3 from 3 channels"),
        ("3x3 8x8x1 -> 8x8x16", 64 * 9 * 16, "conv_2d", "3x3 from 1 channel"),
        ("3x3 8x8x4 -> 8x8x16", 64 * 36 * 16, "conv_2d", "other convolutions"),
        ("3x3 8x8x2 -> 8x8x16", 64 * 18 * 16, "conv_2d", "other convolutions, small patches"),
        ("5x5/2 8x8x16 -> 4x4x16", 16 * 25 * 16, "depthwise_conv_2d", "depthwise 5x5"),
        ("1x3 1x8x16 -> 1x8x16", 8 * 3 * 16, "depthwise_conv_2d", "other depthwise"),
        ("1x1 1x1x160 -> 1x1x1000", 160_000, "conv_2d", None),  # each weight is used once
        ("10 -> 4", 40, "fully_connected", None),
        ("3x3/2 4x4x8 -> 8x8x8", 9 * 64 * 64, "transpose_conv", None),
    ],
)
def test_kinds(shape: str, macs: int, kernel: str, name: str | None):
    assert kind(shape, macs, kernel) == name


def test_aims_are_below_what_is_held():
    for one in KINDS:
        assert (one.aim or 0) < one.held <= one.held_by_few, one.name


def test_a_layer_above_what_is_held_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(write(tmp_path / "good.json", POINTWISE, DENSE))]) == 0
    assert capsys.readouterr().err == ""
    assert main([str(write(tmp_path / "b.json", POINTWISE, SLOW, SMALL, DENSE))]) == 1
    captured = capsys.readouterr()
    [line] = captured.err.splitlines()
    assert line.startswith("layer_limits: net with gcc, 3x3 8x8x32 -> 8x8x32: 21.70 instructions a MAC, held: ")
    aims = [row.split("|")[1:5] for row in captured.out.splitlines() if row.startswith("| net")]
    assert [[cell.strip() for cell in row] for row in aims] == [
        ["net", "gcc", "3x3 8x8x32 -> 8x8x32", "80.0 %"],
        ["net", "gcc", "1x1 8x8x32 -> 8x8x32", "16.0 %"],
    ]  # the furthest above first, nothing of a percent or less


def test_one_number_for_all_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    first, second = write(tmp_path / "a.json", SLOW, DENSE), write(tmp_path / "b.json", SLOW)
    assert main([str(first), str(second), "--most", "30", "--share", "5"]) == 0
    assert main([str(first), str(second), "--most", "6", "--share", "5"]) == 1
    [row] = [row for row in capsys.readouterr().out.splitlines() if "3x3" in row]
    assert row.split("|")[-2].strip() == "2" and "net" not in row
    assert [layer.shape for layer in load_layers(first, 1.0)] == [SLOW[1], DENSE[1]]
    text = tmp_path / "text.md"
    text.write_text(f"{BEGIN_MOST}\nold\n{END}\n")
    assert main([str(second), "--most", "6", "--output", str(text)]) == 1
    assert "3x3" in text.read_text() and "old" not in text.read_text()


def test_the_table_goes_between_the_markers(tmp_path: Path):
    text = tmp_path / "text.md"
    text.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert main([str(write(tmp_path / "b.json", POINTWISE)), "--output", str(text)]) == 0
    lines = text.read_text().splitlines()
    assert lines[:2] == ["before", BEGIN] and lines[-2:] == [END, "after"] and len(lines) == 7
    assert [cell.strip() for cell in lines[4].split("|")[1:7]] == [
        "1x1 from 32 channels",
        "1",
        "1.22",
        "1.22",
        "1.10",
        "1",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("no", "is no JSON"),
        ("[]", "expected tinyts-benchmark of version"),
        (json.dumps({"format": FORMAT, "version": VERSION - 1}), "expected tinyts-benchmark of version"),
        (json.dumps({"format": FORMAT, "version": VERSION, "models": {"net": []}}), "do not have the layers"),
    ],
)
def test_files_that_are_no_benchmark(content: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "b.json"
    path.write_text(content)
    assert main([str(path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"layer_limits: error: {path}") and problem in error and error.count("\n") == 1


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path / "none.json")]) == 1
    assert (
        capsys.readouterr().err == f"layer_limits: error: cannot read {tmp_path}/none.json: No such file or directory\n"
    )


def test_wrong_usage(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("layer_limits: error: the following arguments are required")


HARD = dict.fromkeys(("large biases", "shifts to the left", "least weights"), MADE_AGAIN)
"""Times the instructions of a layer with plain weights that one of these may take: some channels are made again."""
SIBLING = 1.15
"""The same of others: limits of an activation are a clamp."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Layer]:
    """Layers of generated networks, each exact, as none but the measured ones are printed."""
    directory = tmp_path_factory.mktemp("samples")
    for shapes in SHAPES:
        for weights in WEIGHTS:
            module = layer_network(shapes, weights)
            (directory / f"{shapes}, {weights}.tflite").write_bytes(export_tflite(module))
    flags = ["--compiler", "clang", "--no-estimates", "--split-tensors", "--prune-channels=off"]
    assert benchmark.main([str(directory), *flags, "--json", str(directory / "b.json")]) == 0
    return load_layers(directory / "b.json")


def test_generated_layers_are_all_looked_at(samples: list[Layer]):
    """All of them have their share of instructions, and all kinds but one occur: it needs no map of its own."""
    assert len(samples) == len(WEIGHTS) * sum(map(len, SHAPES.values()))
    kinds = {layer.kind.name for layer in samples if layer.kind is not None}
    assert kinds == {one.name for one in KINDS} - {"1x1 from fewer channels"}


def test_generated_layers_stay_below_what_is_held(samples: list[Layer]):
    """Those in which some channels or all have a scaling that is not narrow are held against their siblings alone."""
    ordinary = [layer for layer in samples if layer.model.partition(", ")[2] not in HARD]
    assert len(ordinary) == len(samples) // 2 and not above_held(ordinary)


@pytest.mark.parametrize("weights", [kind for kind in WEIGHTS if kind != PLAIN])
def test_weights_are_no_cliff(samples: list[Layer], weights: str):
    """A layer with hard weights takes little more than the same one with plain weights."""
    found = {(layer.model, layer.shape): layer for layer in samples}
    for shapes in SHAPES:
        for (model, shape), plain in found.items():
            if model == f"{shapes}, {PLAIN}":
                hard = found[f"{shapes}, {weights}", shape]
                most = HARD.get(weights, SIBLING) * plain.per_mac
                assert hard.per_mac <= most, (model, shape, weights)
