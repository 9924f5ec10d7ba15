"""The help of `tinyts-opt`: short enough, and true of every option and pass that there is."""

from __future__ import annotations

import dataclasses
import io
import re
import sys

import pytest
from xdsl.universe import Universe

from tinyts_mlir.cli.opt import opt
from tinyts_mlir.cli.opt_help import help_text
from tinyts_mlir.cli.options import GROUPS
from tinyts_mlir.cli.pass_examples import EXAMPLES
from tinyts_mlir.cli.passes_help import PassHelp, our_passes, pass_text
from tinyts_mlir.pipeline import DEFAULT_ORDER
from tinyts_mlir.universe import TINYTS_UNIVERSE

AVAILABLE = Universe.get_multiverse().all_passes
MOST_LINES = 66
WIDTH = 120
CHECKING = {"check-limits", "verify-plan"}


def test_it_fits_on_a_screen() -> None:
    lines = help_text(TINYTS_UNIVERSE.all_passes).splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDTH


def test_every_option_and_pass_of_ours_is_there() -> None:
    text = help_text(AVAILABLE)
    words = set(re.findall(r"--?[\w-]+", text))
    assert {option.flags[0] for options in GROUPS.values() for option in options} <= words
    assert {f"--{name}" for name in TINYTS_UNIVERSE.all_passes} <= words


@pytest.mark.parametrize("name", TINYTS_UNIVERSE.all_passes)
def test_the_options_of_a_pass_are_those_of_its_documentation(name: str) -> None:
    made = AVAILABLE[name]()
    described = PassHelp.of(made).options
    assert {option.partition("=")[0] for option in described.split()} == {
        field.name.replace("_", "-") for field in dataclasses.fields(made)
    }


@pytest.mark.parametrize("name", DEFAULT_ORDER)
def test_a_pass_is_shown_at_work(name: str) -> None:
    assert (name in EXAMPLES) == (name not in CHECKING)
    if name in EXAMPLES:
        _, _, shown = pass_text(name, AVAILABLE).partition("\nBefore:\n\n")
        before, _, behind = re.sub(r"!\w = .*\n", "", shown).partition(f"\n\nBehind {EXAMPLES[name].flag}:\n\n")
        assert before.startswith("builtin.module {\n")
        assert behind.startswith("builtin.module {\n")
        assert before.strip() != behind.strip()


def test_passes_of_others_are_ours() -> None:
    assert our_passes({**AVAILABLE, "example": AVAILABLE["fold-pads"]}) == [*DEFAULT_ORDER, "example"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_arguments_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("it is not read"))
    with pytest.raises(SystemExit) as exit:
        opt([])
    assert exit.value.code == 0
    assert capsys.readouterr().out.startswith("usage: tinyts-opt MODEL [options] [passes]\n")
