"""What a long compile says on a terminal while it runs, and what Ctrl-C does to it.

A line on standard error, from the second second on, that goes when the work is done. The first Ctrl-C asks the search
to end with the best plan that it has; where it has none, or at the second, the program ends.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from tinyts_mlir.progress import Progress, following

SILENT_SECONDS = 1.0
"""A compile that takes no longer says nothing."""
INTERVAL_SECONDS = 0.2
WIDTH = 100
STOPPING = "stopping: the best plan found so far will be written (Ctrl-C again ends at once)"


@contextmanager
def progress_line(is_quiet: bool) -> Generator[Progress]:
    """Follows what runs inside."""
    line = _Line(shown=not is_quiet and sys.stderr.isatty())
    progress = Progress(line.say)

    def stop(number: int, frame: FrameType | None) -> None:
        if progress.is_stopped or not progress.has_plan:
            raise KeyboardInterrupt
        progress.is_stopped = True
        line.say(STOPPING)
        if not line.shown:
            print(f"tinyts-opt: {STOPPING}", file=sys.stderr, flush=True)

    before = None
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGINT, stop)
    try:
        with line.drawn(), following(progress):
            yield progress
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


class _Line:
    """The line on the terminal; drawn by a thread of its own, so that the seconds count while a pass works."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown
        self.text = ""
        self.started = time.monotonic()
        self._done = threading.Event()
        self._is_drawn = False

    def say(self, text: str) -> None:
        """Takes the text that is shown from now on."""
        self.text = text

    @contextmanager
    def drawn(self) -> Generator[None]:
        """Draws it until the work inside is done."""
        if not self.shown:
            yield
            return
        thread = threading.Thread(target=self._draw, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()
            if self._is_drawn:
                self._write("\r\x1b[K")

    def _draw(self) -> None:
        if self._done.wait(SILENT_SECONDS):
            return
        while not self._done.wait(INTERVAL_SECONDS):
            seconds = time.monotonic() - self.started
            self._write(f"\r\x1b[K{f'{seconds:5.1f} s  {self.text}'[:WIDTH]}")
            self._is_drawn = True

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            pass
