"""Stops emulated calls that do not end.

Unicorn's own timeout starts and joins a thread for each call, which takes longer than most kernels do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_LOOKS_EACH_SECONDS = 0.05


class Watchdog:
    """One thread that looks from time to time whether a running core is past its time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[int, tuple[Any, float]] = {}
        self._running = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, core: Any, timeout_seconds: float) -> Generator[None]:
        """Stop a core of Unicorn's if this context lasts longer than ``timeout_seconds``."""
        if self._thread is None or not self._thread.is_alive():  # not in a fork
            self._thread = threading.Thread(target=self._look, name="emulator watchdog", daemon=True)
            self._thread.start()
        with self._lock:
            self._deadlines[id(core)] = (core, time.monotonic() + timeout_seconds)
            self._running.set()
        try:
            yield
        finally:
            with self._lock:
                del self._deadlines[id(core)]
                if not self._deadlines:
                    self._running.clear()

    def _look(self) -> None:
        while self._running.wait():
            time.sleep(_LOOKS_EACH_SECONDS)
            with self._lock:  # so that no call that begins meanwhile is stopped
                for core, deadline in self._deadlines.values():
                    if time.monotonic() > deadline:
                        core.emu_stop()


WATCHDOG = Watchdog()
"""For all emulators of this process."""
