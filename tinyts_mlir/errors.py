"""The errors that users see.

Everything a user can cause - a model that is not supported, a plan that does not fit - is raised as a `CompileError`,
whose text is the whole message. Anything else that escapes is a bug of the compiler.
"""

from __future__ import annotations

from collections.abc import Sequence


class CompileError(Exception):
    """The input cannot be compiled; the text says what was expected, what was found and where."""

    exit_status = 1


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
