"""By how much a result that lies on a dying operand stays behind it. No IR here."""

from __future__ import annotations

from typing import NamedTuple


class Lead(NamedTuple):
    """By how many bytes one block must begin below another to lie on it: by just `exact`, or by `least` or more."""

    exact: int
    least: int


def first_shared_byte(distance: int, operand_bytes: int, result_bytes: int) -> int | None:
    """The first byte of an operand on which a result lies that begins `distance` bytes above it; None for none."""
    first = max(0, distance)
    return first if first < min(operand_bytes, distance + result_bytes) else None
