"""An end for what might have none."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class TooSlow(BaseException):
    """What was limited was not done in time; no Exception, so that nothing takes it for its own."""


@contextmanager
def time_limit(seconds: float) -> Generator[None]:
    """Raises TooSlow in what is inside after so many seconds."""

    def stop(signal_number: int, frame: FrameType | None) -> None:
        raise TooSlow(f"not done in {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
