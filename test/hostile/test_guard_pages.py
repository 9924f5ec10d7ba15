"""Arena, context, inputs and outputs between pages that must not be touched (guard_pages.c)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile_models import NAMES, assert_expected, compiled, inferences
from hostile_tools import build

from tinyts_mlir.toolchain.compilers import host_compiler
from tinyts_mlir.toolchain.errors import ProgramError

MAIN = Path(__file__).parent / "guard_pages.c"


@pytest.mark.parametrize("name", NAMES)
def test_guard_pages(name: str, tmp_path: Path) -> None:
    program = build(name, tmp_path, host_compiler(), MAIN)
    assert_expected(name, program.run_all(inferences(name)))
    if program.interface.has_feed:
        assert_expected(name, program.run_all(inferences(name), feed_rows=5))


@pytest.mark.parametrize("place", ["arena[-1]", "arena[arena_bytes]"])
def test_stray_read_is_found(place: str, tmp_path: Path) -> None:
    """A byte beyond the arena that is read ends the program."""
    assert compiled("every_kernel").report["arena_bytes"] % 16 == 0
    call = "return every_kernel_init("
    read = f"const volatile int8_t stray = ((const volatile int8_t *){place.replace('arena[', 'arena)[')}; (void)stray;"
    program = build("every_kernel", tmp_path, host_compiler(), MAIN, planted=(call, f"{read} {call}"))
    with pytest.raises(ProgramError, match=r"SIGSEGV|SIGBUS"):
        program.run_all(inferences("every_kernel"))
