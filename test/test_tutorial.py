"""docs/tutorial.md tells the truth: its commands run as they stand there, one after the other."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from documents import DOCS, run_shown, shown_commands

DOCUMENT = DOCS / "tutorial.md"


def test_commands(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    pytest.importorskip("unicorn", reason="the emulator is not installed")
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.importorskip("ziglang", reason="there is no compiler for the Cortex-M7")
    printed = {" ".join(words): run_shown(words, tmp_path) for words in shown_commands(DOCUMENT)}
    text = DOCUMENT.read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```\n(net\.tflite: all .*?)\.\.\.\n```$", text, re.MULTILINE | re.DOTALL)
    assert printed["tinyts-opt net.tflite --fits"].startswith(shown)
    runs = [output for command, output in printed.items() if command.startswith("tinyts-run")]
    assert len(runs) == 2
    (exact,) = re.findall(r"^  bit exact     (yes, .* inputs)", text, re.MULTILINE)
    assert all(exact in output for output in runs)
    for name in ("out/README.md", "out/net.h", "out/report.html", "firmware/applications"):
        assert (tmp_path / name).exists(), name
