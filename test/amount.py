"""How much runs: a part of the large grids at each change, all of them with TINYTS_ALL_TESTS=1 (`make all-test`).

What takes long as a whole is marked `slow` instead: `make test` leaves it out, `make slow-test` runs it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

Value = TypeVar("Value")

ALL = "TINYTS_ALL_TESTS" in os.environ


def runs(name: str, one_in: int) -> bool:
    """Whether a case is among those that run, one in so many; the choice depends on its name alone."""
    return ALL or crc32(name.encode()) % one_in == 0


def some(values: Sequence[Value], name: str) -> Sequence[Value]:
    """All values, or the one that a case of this name runs with."""
    return values if ALL else [values[crc32(name.encode()) % len(values)]]
