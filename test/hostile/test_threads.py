"""Two contexts of one model in two threads, under the thread sanitizer (threads.c)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile_models import NAMES, assert_expected, inferences
from hostile_tools import build, gcc, need_programs_of

from tinyts_mlir.toolchain.compilers import Compiler
from tinyts_mlir.toolchain.errors import ProgramError

MAIN = Path(__file__).parent / "threads.c"
FLAGS = ("-fsanitize=thread", "-O1", "-g1", "-pthread")


def thread_sanitizer(directory: Path) -> Compiler:
    """A compiler with the thread sanitizer; skips the test where there is none."""
    compiler = Compiler((gcc(),), FLAGS, FLAGS)
    need_programs_of(compiler, directory, "libtsan2")
    return compiler


@pytest.mark.parametrize("name", NAMES)
def test_two_contexts_at_once(name: str, tmp_path: Path) -> None:
    program = build(name, tmp_path, thread_sanitizer(tmp_path), MAIN)
    assert_expected(name, program.run_all(inferences(name)))
    if program.interface.has_feed:
        assert_expected(name, program.run_all(inferences(name), feed_rows=5))


def test_race_is_found(tmp_path: Path) -> None:
    """A counter that all contexts share."""
    call = "return floats_invoke("
    planted = (call, f"static unsigned calls; calls++; {call}")
    program = build("floats", tmp_path, thread_sanitizer(tmp_path), MAIN, planted=planted)
    with pytest.raises(ProgramError, match="data race"):
        program.run_all(inferences("floats"))
