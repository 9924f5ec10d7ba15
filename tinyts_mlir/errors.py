"""The errors that users see.

Everything a user can cause is raised as a `UserError`, whose text is the whole message. Anything else that escapes is a
bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class UserError(Exception):
    """Something that the user can put right; the text says what was expected, what was found and where."""

    exit_status = 1


class CompileError(UserError):
    """The input cannot be compiled."""


class UnsupportedModelError(CompileError):
    """A model has layers, inputs or outputs that cannot be compiled; lists every one of them.

    Args:
        source: what the user called the model (a file name).
        reasons: one line for each of them.
    """

    def __init__(self, source: str, reasons: Sequence[str]) -> None:
        count = len(reasons)
        head = f"{source}: this model cannot be compiled, for {count} {'reason' if count == 1 else 'reasons'}:"
        super().__init__("\n".join([head, *(f"  {reason}" for reason in reasons)]))
        self.reasons = tuple(reasons)


MOST_NAME_CHARACTERS = 80


def shortened(name: str) -> str:
    """A layer's name for a message: of a very long one the beginning and the end."""
    if len(name) <= MOST_NAME_CHARACTERS:
        return name
    half = (MOST_NAME_CHARACTERS - 3) // 2
    return f"{name[:half]}...{name[-half:]}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` with the known word that is nearest to what somebody typed; empty where none is near."""
    from difflib import get_close_matches

    nearest = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def missing_package_text(purpose: str, package: str, extra: str) -> str:
    """The text of an error for an optional package that is not installed; true for wheels and for checkouts alike."""
    return (
        f"{purpose} needs the Python package {package}, which is not installed; "
        f"the extra '{extra}' of tinyts-mlir brings it"
    )
