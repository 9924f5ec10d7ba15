"""What the command lines of the tools share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from tinyts_mlir.errors import did_you_mean

EXIT_USAGE = 2


def unknown_option(argument: str, known: Iterable[str]) -> str:
    """What is said of an option, or the flag of a pass, that there is not; `known` has both, with their dashes."""
    name = argument.partition("=")[0]
    return f"{name}: no such option or pass{did_you_mean(name, known)}"


class Parser(argparse.ArgumentParser):
    """Errors on one line, as all programs of the project print them; options only by their full names.

    Attributes:
        flags: what else is a flag on this command line, for the answer to one that is not: passes.
    """

    flags: Sequence[str] = ()

    def parse_args(  # pyright: ignore[reportIncompatibleMethodOverride]  # the overloads are about namespaces
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """The command line; ends the program where something of it is unknown."""
        self.allow_abbrev = False
        known, rest = self.parse_known_args(args, namespace)
        for argument in rest:
            if argument.startswith("-") and argument != "-":
                self.error(self.unknown(argument))
        if rest:
            self.error(f"unexpected argument {rest[0]}")
        return known

    def unknown(self, argument: str) -> str:
        """What is said of an option that there is not."""
        return unknown_option(argument, [*self._option_string_actions, *self.flags])

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        self.exit(EXIT_USAGE, f"{self.prog}: error: {message} ({self.prog} --help shows the usage)\n")


def at_least(minimum: int) -> Callable[[str], int]:
    """A type for `add_argument`: integers from `minimum` on."""

    def integer(text: str) -> int:
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"expected at least {minimum}, got {value}")
        return value

    return integer


def positive_number(text: str) -> float:
    """A type for `add_argument`: finite numbers above 0."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, got {text}")
    return value
