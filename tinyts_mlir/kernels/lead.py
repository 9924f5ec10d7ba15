"""By how much a result that lies on a dying operand stays behind it. No IR here."""

from __future__ import annotations

from typing import NamedTuple


class Lead(NamedTuple):
    """By how many bytes one block must begin below another to lie on it: by just `exact`, or by `least` or more."""

    exact: int
    least: int
