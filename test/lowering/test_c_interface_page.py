"""docs/c-interface.md describes every macro and function of an emitted header."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tinyts_mlir.cli.demo_model import write_demo_model
from tinyts_mlir.cli.opt import main

PAGE = Path(__file__).parents[2] / "docs" / "c-interface.md"


@pytest.mark.parametrize("mode", ["stream", "external"])
def test_every_name_is_described(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_demo_model(["-o", str(tmp_path / "demo.tflite")])
    arguments = [str(tmp_path / "demo.tflite"), "--split-tensors", "--emit-c", "--input", mode, "-q"]
    monkeypatch.setattr("sys.argv", ["tinyts-opt", *arguments, "-o", f"{tmp_path}/out/"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    header = (tmp_path / "out" / "demo.h").read_text(encoding="utf-8")
    names = set(re.findall(r"^#define (DEMO_\w+)", header, re.MULTILINE))
    names |= set(re.findall(r"\b(demo_\w+)\(", header.partition("#ifndef")[2]))
    assert len(names) > 15
    page = PAGE.read_text(encoding="utf-8")
    spelled = {name: re.sub(r"^(DEMO|demo)_", "NAME_", name) for name in names}
    page = page.replace("<i>", "0")
    assert [name for name, text in sorted(spelled.items()) if not re.search(rf"\b{text}\b", page)] == []
