"""What a long search says while it runs, and how it is told to come to an end.

Searches call `note` where they have something to say, and look at `stop_requested` where they can end with what they
have found. Who runs them listens with `following`; without anybody, nothing is said, and nothing stops.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Progress:
    """One compilation, as somebody follows it.

    Attributes:
        say: takes a line for people: what is done now, or the best found so far.
        has_plan: a search has something that it can end with.
        is_stopped: searches are to end with the best that they have.
    """

    say: Callable[[str], None]
    has_plan: bool = False
    is_stopped: bool = False


_FOLLOWED: ContextVar[Progress | None] = ContextVar("followed", default=None)


@contextmanager
def following(progress: Progress) -> Generator[Progress]:
    """Whatever runs inside reports to `progress`."""
    token = _FOLLOWED.set(progress)
    try:
        yield progress
    finally:
        _FOLLOWED.reset(token)


def note(text: str) -> None:
    """Says what is done now."""
    if (progress := _FOLLOWED.get()) is not None:
        progress.say(text)


def note_plan(text: str) -> None:
    """Says what has been found, with which a search can end."""
    if (progress := _FOLLOWED.get()) is not None:
        progress.has_plan = True
        progress.say(text)


def stop_requested() -> bool:
    """Whether searches are to end with the best that they have."""
    progress = _FOLLOWED.get()
    return progress is not None and progress.is_stopped
