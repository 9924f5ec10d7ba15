"""Finds a small version of a subject that is still interesting: greedily, in rounds, the same every time.

A round cuts layers (halves from the end first, then smaller pieces, so that the end and the front of a long model go in
few tests), bypasses layers, shrinks shapes and makes constants plain. Rounds go on until one changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tinyts_mlir.reduction.subject import Subject

IsInteresting = Callable[[Subject], bool]


class OutOfTime(Exception):
    """Raised by whoever asks whether a subject is interesting, to end the search with the best so far."""


class Search:
    """Attributes: best, the smallest version so far that is interesting; at first, the subject itself."""

    def __init__(self, subject: Subject, is_interesting: IsInteresting) -> None:
        self.best = subject
        self._is_interesting = is_interesting

    def run(self) -> None:
        """Makes `best` smaller until nothing helps, or whoever is asked raises OutOfTime."""
        try:
            while self._round():
                pass
        except OutOfTime:
            return

    def _round(self) -> bool:
        """Whether something has changed."""
        before = self.best
        self._cut()
        self._descend(lambda: self.best.shortcuts())
        self._descend(lambda: self.best.smaller())
        self._descend(lambda: self.best.simpler())
        return self.best is not before

    def _takes(self, candidate: Subject | None) -> bool:
        if candidate is None or not self._is_interesting(candidate):
            return False
        self.best = candidate
        return True

    def _cut(self) -> None:
        """Takes layers away, in pieces from the end to the front, ever smaller ones."""
        size = self.best.layer_count // 2
        while size >= 1:
            end = self.best.layer_count
            while end > 0:
                start = max(end - size, 0)
                kept = [number for number in range(self.best.layer_count) if not start <= number < end]
                if kept:
                    self._takes(self.best.keep(kept))
                end = start  # what lay in front of the piece has its numbers still
            size //= 2

    def _descend(self, versions: Callable[[], Iterator[Subject]]) -> None:
        """Takes the first version that is interesting, and then one of its own, while there is one."""
        while any(self._takes(candidate) for candidate in versions()):
            pass
