"""Asks a user's command whether a version is still interesting: it is where the command ends with status 0."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tinyts_mlir.errors import CompileError
from tinyts_mlir.reduction.search import OutOfTime
from tinyts_mlir.reduction.subject import Subject

PLACE = "{}"
"""Where the command has the name of the file."""


class Oracle:
    """Runs the command, on a file in a folder of its own.

    Attributes:
        tests: how often it has run.
    """

    def __init__(
        self,
        command: str,
        suffix: str,
        seconds: float,
        seconds_each: float,
        progress: Callable[[str], None],
    ) -> None:
        """Raises CompileError for a command that names no file.

        Args:
            command: for the shell, with `{}` where the file's name is to stand.
            suffix: how the file's name is to end.
            seconds: for all of it; what asks later is answered with OutOfTime.
            seconds_each: for one test; what takes longer is not interesting.
            progress: is told of each smaller version that is interesting.
        """
        if PLACE not in command:
            raise CompileError(f"--test: expected {PLACE} where the file's name is to stand, got {command!r}")
        self.tests = 0
        self._command = command
        self._suffix = suffix
        self._started = time.monotonic()
        self._seconds = seconds
        self._seconds_each = seconds_each
        self._progress = progress
        self._known: dict[bytes, bool] = {}

    def is_interesting(self, subject: Subject) -> bool:
        """Whether the command says so; what has been asked before is answered from memory."""
        data = subject.encode()
        key = hashlib.sha256(data).digest()
        if key not in self._known:
            self._known[key] = self.ends_well(data)
            if self._known[key]:
                self._progress(f"{subject} ({self.tests} tests, {time.monotonic() - self._started:.1f} s)")
        return self._known[key]

    def ends_well(self, data: bytes) -> bool:
        """Runs the command on a file with these bytes."""
        left = self._seconds - (time.monotonic() - self._started)
        if left <= 0:
            raise OutOfTime
        self.tests += 1
        with tempfile.TemporaryDirectory(prefix="tinyts-reduce-") as folder:
            file = Path(folder) / f"model{self._suffix}"
            file.write_bytes(data)
            allowed = min(left, self._seconds_each)
            status = _status(self._command.replace(PLACE, shlex.quote(str(file))), allowed)
        if status is None and left < self._seconds_each:
            raise OutOfTime
        return status == 0


def _status(command: str, seconds: float) -> int | None:
    """The exit status of a command for the shell, whose output nobody sees; None where it takes longer."""
    with subprocess.Popen(
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=sys.platform != "win32",
    ) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the shell, and what it has started."""
    if sys.platform == "win32":
        process.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
