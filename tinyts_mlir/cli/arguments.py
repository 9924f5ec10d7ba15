"""What the command lines of the tools share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NoReturn

EXIT_USAGE = 2


class Parser(argparse.ArgumentParser):
    """Errors on one line, as all programs of the project print them."""

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
