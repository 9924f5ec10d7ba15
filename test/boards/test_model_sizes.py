"""tinyts-sizes on programs that no linker script of ours made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from firmware import demo, emit, need, run

from tinyts_mlir.cli.sizes import main as sizes

HEADINGS = ("weights", "tables", "code")


def test_a_model_is_found_by_its_symbols(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("make", "cc")
    package = emit(demo().module, "demo", "package", tmp_path / "package")
    run("make", "-C", package, "CFLAGS=-O1")
    assert sizes([str(package / "build" / "example"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    [model] = found["models"]
    assert model["name"] == "demo"
    assert model["weights"] == demo().report["constant_bytes"]
    assert model["tables"] > 0
    assert 0 < model["code"] < found["runtime"]
    assert sizes([str(package / "build" / "example")]) == 0
    text = capsys.readouterr().out
    assert "model demo" in text
    assert all(heading in text for heading in HEADINGS)


@pytest.mark.parametrize("flags", ["-O2 -flto", "-Os -flto -ffunction-sections -Wl,--gc-sections"])
def test_link_time_optimization(flags: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It removes NAME_model and inlines the model's functions; weights and tables are there."""
    need("make", "cc", "gcc-ar")
    package = emit(demo().module, "demo", "package", tmp_path / "package")
    run("make", "-C", package, "AR=gcc-ar", f"CFLAGS={flags}")
    assert sizes([str(package / "build" / "example"), "--json"]) == 0
    [model] = json.loads(capsys.readouterr().out)["models"]
    assert (model["name"], model["weights"]) == ("demo", demo().report["constant_bytes"])
    assert model["tables"] > 0
    assert sizes([str(package / "build" / "demo.o")]) == 1
    assert "expected a linked program, found what link-time optimization is yet to compile" in capsys.readouterr().err


def test_two_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One's name begins with the other's and ends like a table."""
    need("cc")
    names = ("demo", "demo_layer_1")
    folders = [emit(demo().module, name, "package", tmp_path / name) for name in names]
    main = "".join(f'#include "{name}.h"\n' for name in names)
    main += "int main(void) { return demo_init(0, 0, 0) + demo_layer_1_init(0, 0, 0); }\n"
    (tmp_path / "main.c").write_text(main)
    sources = [
        path for name, folder in zip(names, folders, strict=True) for path in (folder / "src").glob(f"{name}*.c")
    ]
    runtime = (folders[0] / "src" / "src").glob("*.c")
    includes = [f"-I{folder / 'src'}" for folder in folders]
    run("cc", "-std=c11", *includes, tmp_path / "main.c", *sources, *runtime, "-o", tmp_path / "two")
    assert sizes([str(tmp_path / "two"), "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [model.pop("name") for model in models] == list(names)
    assert models[0] == models[1]


def test_a_program_without_a_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("cc")
    (tmp_path / "none.c").write_text("int main(void) { return 0; }\n")
    run("cc", tmp_path / "none.c", "-o", tmp_path / "none")
    assert sizes([str(tmp_path / "none")]) == 1
    assert "none: expected the tables of a model" in capsys.readouterr().err
