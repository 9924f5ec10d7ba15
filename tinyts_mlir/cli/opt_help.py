"""The help of `tinyts-opt`: usual tasks first, our options and passes; xDSL's own behind `--help-all`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from tinyts_mlir.cli.arguments import Parser
from tinyts_mlir.cli.options import GROUPS
from tinyts_mlir.cli.passes_help import Passes, PassHelp, our_passes, pass_text
from tinyts_mlir.errors import did_you_mean

PROGRAM = "tinyts-opt"

HEAD = """usage: tinyts-opt MODEL [options] [passes]

Compiles quantized TensorFlow Lite models to C, runs passes on their IR. MODEL: .tflite, .mlir, or - (standard input).

Usual tasks:
  tinyts-opt net.tflite --split-tensors --emit-c -o net/       C for a microcontroller, a folder that builds
  tinyts-opt net.tflite --emit-c --ram 64K -o net/             the fastest plan that fits into 64 KiB of SRAM
  tinyts-opt net.tflite --split-tensors --emit-c -o net.c      all of it in one file
  tinyts-opt net.tflite --split-tensors --emit-c --emit-project baremetal -o net/    firmware for a board
  tinyts-opt net.tflite --split-tensors                        the model as IR, behind some passes
  tinyts-run net.tflite --check                                run it here, and compare with LiteRT
"""

PASSES_TITLE = "Passes (--PASS, or --PASS=option=value,...; they run as they are named, and --emit-c adds the others)"
OPTION_COLUMN = 24
WIDTH = 120
PASS_COLUMN = 20


class OptParser(Parser):
    """The parser of `tinyts-opt`; xDSL makes it, as one of argparse's own.

    Attributes:
        passes: all passes, by name.
    """

    passes: Passes

    @staticmethod
    def adopt(parser: argparse.ArgumentParser, passes: Passes) -> OptParser:
        """Makes a parser ours, and adds our options."""
        parser.__class__ = OptParser
        assert isinstance(parser, OptParser)
        parser.prog = PROGRAM
        parser.allow_abbrev = False
        parser.passes = passes
        parser.flags = [f"--{name}" for name in passes]
        actions: dict[str, type[argparse.Action]] = {"--help-pass": _HelpPass, "--help-all": _HelpAll}
        for title, options in GROUPS.items():
            group = parser.add_argument_group(title)
            for option in options:
                if (action := actions.get(option.flags[0])) is not None:
                    group.add_argument(*option.flags, action=action, metavar=option.metavar, help=option.help)
                else:
                    option.register(group)
        return parser

    def format_help(self) -> str:
        """What `--help` prints."""
        return help_text(self.passes)

    def format_all(self) -> str:
        """What `--help-all` prints."""
        return super().format_help()


class _HelpAll(argparse.Action):
    """`--help-all`."""

    def __init__(self, option_strings: Sequence[str], dest: str, **more: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=more["help"])

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        assert isinstance(parser, OptParser)
        print(parser.format_all(), end="")
        parser.exit()


class _HelpPass(argparse.Action):
    """`--help-pass NAME`."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any) -> None:
        assert isinstance(parser, OptParser)
        name = str(values).removeprefix("--")
        if name not in parser.passes:
            parser.error(f"--help-pass: there is no pass {name!r}{did_you_mean(name, parser.passes)}")
        print(pass_text(name, parser.passes), end="")
        parser.exit()


def help_text(available: Passes) -> str:
    """Tasks, options by group, and the passes that are not xDSL's own."""
    lines = [HEAD.rstrip("\n")]
    for title, options in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [f"  {option.syntax:<{OPTION_COLUMN}} {option.help}" for option in options]
    lines += ["", f"{PASSES_TITLE}:"]
    for name in our_passes(available):
        described = PassHelp.of(available[name]())
        line = f"  --{name:<{PASS_COLUMN}} {described.line}"
        if len(line) + 2 + len(described.options) <= WIDTH:
            lines.append(f"{line}  {described.options}".rstrip())
        else:
            lines += [line, f"  {'':<{PASS_COLUMN + 2}} {described.options}"]
    return "\n".join(lines) + "\n"
