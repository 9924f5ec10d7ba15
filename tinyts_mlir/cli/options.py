"""The options of `tinyts-opt`, in the groups in which `--help` shows them: parser and help are made of this table.

Some are xDSL's own, which registers them itself: here they only have their line of the help.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """An option.

    Attributes:
        flags: all its spellings.
        help: one line.
        metavar: what its value is called; None for a switch.
        default: its value where it is not given.
        is_repeated: it may be given several times, and its value is a list.
        is_registered: xDSL knows it already.
        choices: all values that argparse is to take; None: any.
    """

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    default: str | None = None
    is_repeated: bool = False
    is_registered: bool = False
    choices: tuple[str, ...] | None = None

    @property
    def syntax(self) -> str:
        """How it is written."""
        return self.flags[0] if self.metavar is None else f"{self.flags[0]} {self.metavar}"

    def register(self, group: argparse._ArgumentGroup) -> None:  # pyright: ignore[reportPrivateUsage]
        """Adds it to a group of a parser."""
        if self.is_registered:
            return
        if self.metavar is None:
            group.add_argument(*self.flags, action="store_true", help=self.help)
            return
        more: dict[str, Any] = {"default": self.default, "choices": self.choices}
        if self.is_repeated:
            more = {"action": "append"}
        group.add_argument(*self.flags, metavar=self.metavar, help=self.help, **more)


def _xdsl(flag: str, help: str, metavar: str | None = None) -> Option:
    return Option((flag,), help, metavar, is_registered=True)


GROUPS: dict[str, tuple[Option, ...]] = {
    "Compile": (
        Option(("--emit-c",), "print C; adds the lowering passes that are not named"),
        _xdsl("-o", "FILE.c: one file; DIR/: a folder that builds; else where IR goes", "PATH"),
        Option(("--name",), "what all C symbols start with (default: the input file's name)", "NAME"),
        Option(("--io",), "model: its own types (default); int8: what is behind float32 and uint8", "TYPES", "model"),
        Option(
            ("--emit-project",),
            "what is around the model: cmake, baremetal, mbed, mbed-ce, package; docs/boards.md",
            "KIND",
        ),
        Option(("--benchmark",), "with --emit-project: the MLPerf Tiny benchmark: ic, vww, kws, ad", "NAME"),
        Option(("--publisher",), "with --emit-project package: author and maintainer", "NAME"),
        Option(("--url",), "with --emit-project package: where it is published", "ADDRESS"),
    ),
    "Memory": (
        Option(("--ram",), "the fastest plan within so much SRAM (65536, 64K, 1M), all counted", "BYTES"),
        Option(
            ("--max-slowdown",), "percent more multiplications, as rows are made twice for less SRAM; 0: none", "P%"
        ),
        Option(("--front",), "only show the plans that no other is better than in SRAM and time; takes a minute"),
        Option(("--chip",), "what it is for: stm32f767, rp2350, nrf52840 ...: whether it fits there", "NAME"),
        _xdsl(
            "--target", "the core: cortex-m0plus, cortex-m4, rv32imac ...; default: the chip's, or cortex-m7", "CORE"
        ),
        Option(("--fits",), "only say which budgets the model fits, within a second or two"),
        Option(("--input",), "stream: rows come when needed (default); arena: first; external: in place", "MODE"),
    ),
    "Output": (
        Option(("-q", "--quiet"), "print nothing but errors"),
        Option(("--json",), "print the first screen as JSON"),
        _xdsl("-t", "print mlir (default), c (of lowered IR), tflite", "TARGET"),
        Option(
            ("--elide-constants",),
            "auto, always, never: leave out the values of large constants",
            "WHEN",
            "auto",
            choices=("auto", "always", "never"),
        ),
        _xdsl("--print-debuginfo", "print the names of layers with the IR"),
    ),
    "Look inside": (
        Option(("--report",), "with --emit-c: a page about the plan, its arena over time; docs/report.md", "FILE.html"),
        Option(("--print-ir-after",), "print IR on standard error, behind a pass or all", "PASS", is_repeated=True),
        Option(("--print-ir-before",), "likewise in front of a pass or all", "PASS", is_repeated=True),
        _xdsl("--time-passes", "how long each pass takes"),
        Option(("--check-passes",), "interpret the module before and after every pass, and compare"),
        _xdsl("-p", "passes in xDSL's syntax: split-tensors{rows=2},plan-arena", "PIPELINE"),
        Option(("--list-ops",), "which layers of model files are taken; with --json for programs"),
        Option(("--help-pass",), "a pass: options, what it does, IR before and after", "NAME"),
        Option(("--help-all",), "with xDSL's own options and passes"),
    ),
}
"""Title to options."""
