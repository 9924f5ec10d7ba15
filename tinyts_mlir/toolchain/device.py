"""The host side of the MLPerf Tiny device, and of the streaming application (runtime/applications/)."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tinyts_mlir.toolchain.errors import ProgramError
from tinyts_mlir.toolchain.serial_line import SerialLine

_BYTES_PER_COMMAND = 32
_ATTEMPT_SECONDS = 1.0
_TIMED_MICROSECONDS = 1_000_000
_LEAST_ITERATIONS = 10
_MOST_ITERATIONS = 1_000
"""Where a clock shows next to nothing of one inference: it may be coarse, and thousands would take for ever."""
_SILENT_SECONDS = 0.2
"""Of a line on which nobody speaks; a process under emulation may take that long for its next character."""


class DeviceError(ProgramError):
    """The device said `e-[...]`, nothing in time, or something that is not of the protocol."""


@dataclass(frozen=True)
class Inferences:
    """What `infer` said: results as printed, and the microseconds of all inferences (None in energy mode)."""

    count: int
    results: tuple[str, ...]
    microseconds: int | None


@dataclass(frozen=True)
class Identity:
    """What the device says of itself."""

    vendor: str
    profile: str
    model: str


def enough_iterations(one: Inferences) -> int:
    """How many inferences to time together, by what one took.

    The first timestamp is printed within the time that the two tell: at 115,200 baud, some 1.5 milliseconds that are no
    inference. In a second of inferences that is little. Without a clock (energy mode) one inference is enough.
    """
    if one.microseconds is None:
        return 1
    wanted = -(-_TIMED_MICROSECONDS // max(one.microseconds, 1))
    return min(max(wanted, _LEAST_ITERATIONS), _MOST_ITERATIONS)


class Device:
    """A device at the other end of a line."""

    def __init__(self, line: SerialLine, timeout_seconds: float = 60):
        self._line = line
        self._timeout_seconds = timeout_seconds

    def synchronise(self) -> None:
        """Bring the device to where it waits for a command, whatever it was doing or had been sent."""
        deadline = time.monotonic() + self._timeout_seconds
        attempt = 0
        while time.monotonic() < deadline:
            # A command that no device knows comes back in its error; so older answers are told from the last one's.
            token = f"sync-{attempt}"
            _end_command(self._line, deadline)
            self._line.write(f"{token}%".encode())
            until = min(time.monotonic() + _ATTEMPT_SECONDS, deadline)
            while (line := self._line.read_line(max(until - time.monotonic(), 0))) is not None:
                if line.endswith(f"[Unknown command: {token}]"):
                    self._until_ready()
                    return
            attempt += 1
        raise DeviceError(f"the device does not answer within {self._timeout_seconds:g} seconds")

    def command(self, text: str) -> list[str]:
        """Send a command; return the lines up to `m-ready`. Raises DeviceError where one is an error."""
        self._line.write(f"{text}%".encode())
        lines = self._until_ready()
        for line in lines:
            if line.startswith("e-["):
                raise DeviceError(f"the device answers {line} to {text[:40]}")
        return lines

    def identity(self) -> Identity:
        """Ask who it is."""
        lines = [*self.command("name"), *self.command("profile")]
        return Identity(*(_field(lines, rf"m-{what}-\[(.*)\]") for what in ("name-dut", "profile", "model")))

    def timestamp(self) -> int:
        """Microseconds; raises DeviceError in energy mode."""
        return int(_field(self.command("timestamp"), r"m-lap-us-(\d+)"))

    def load(self, data: bytes) -> None:
        """Send an input."""
        self.command(f"db load {len(data)}")
        lines: list[str] = []
        for start in range(0, len(data), _BYTES_PER_COMMAND):
            lines = self.command(f"db {data[start : start + _BYTES_PER_COMMAND].hex()}")
        if "m-load-done" not in lines:
            raise DeviceError("the device does not say m-load-done after the last byte")

    def loaded(self) -> bytes:
        """The input that the device holds."""
        lines = self.command("db print")
        return bytes.fromhex("".join(_field([line], r"m-buffer-([0-9a-f-]+)") for line in lines).replace("-", ""))

    def infer(self, count: int, warmup: int = 0) -> Inferences:
        """Run inferences on the loaded input."""
        lines = self.command(f"infer {count} {warmup}")
        laps = [int(lap) for line in lines if (lap := line.removeprefix("m-lap-us-")) != line]
        for expected in (f"m-warmup-start-{warmup}", "m-warmup-done", f"m-infer-start-{count}", "m-infer-done"):
            if expected not in lines:
                raise DeviceError(f"the device does not say {expected}")
        microseconds = (laps[1] - laps[0]) % (1 << 32) if len(laps) == 2 else None
        return Inferences(count, _results(lines), microseconds)

    def results(self) -> tuple[str, ...]:
        """The results of the last inference, as printed."""
        return _results(self.command("results"))

    def reset(self) -> None:
        """Restart the device."""
        self.command("reset")

    def _until_ready(self) -> list[str]:
        lines: list[str] = []
        deadline = time.monotonic() + self._timeout_seconds
        while (line := self._line.read_line(max(deadline - time.monotonic(), 0))) is not None:
            if line == "m-ready":
                return lines
            lines.append(line)
        shown = ", ".join(lines[-3:]) or "nothing"
        raise DeviceError(f"the device is not ready after {self._timeout_seconds:g} seconds; it said {shown}")


class StreamingDevice:
    """The streaming application with its rows from the serial line."""

    def __init__(self, line: SerialLine, timeout_seconds: float = 60):
        self._line = line
        self._timeout_seconds = timeout_seconds
        self._wanted: int | None = None
        self.row_bytes = 0
        """Bytes of a row on the line, once `synchronise` has asked."""

    def synchronise(self) -> None:
        """Bring the application to the first row of an image, feeding it zeros where it is in the middle of one."""
        if self._wanted is None:
            self._learn_row()
        while self._wanted != 0:
            self._line.write(bytes(self.row_bytes).hex().encode() + b"%")
            self._until_row()

    def infer(self, data: bytes) -> Inferences:
        """Send the rows of one image, one after the other; return its results."""
        lines: list[str] = []
        for number, start in enumerate(range(0, len(data), self.row_bytes)):
            if self._wanted != number:
                raise DeviceError(f"the application wants row {self._wanted}, expected {number}")
            self._line.write(data[start : start + self.row_bytes].hex().encode() + b"%")
            lines = self._until_row()
        return Inferences(1, _results(lines), int(_field(lines, r"m-feed-us-(\d+)")))

    def _learn_row(self) -> None:
        deadline = time.monotonic() + self._timeout_seconds
        attempt = 0
        while time.monotonic() < deadline:
            # No row, and of another length each time: so older answers are told from the last one's.
            attempt += 1
            _end_command(self._line, deadline)
            self._line.write(b"x" * attempt + b"%")
            until = min(time.monotonic() + _ATTEMPT_SECONDS, deadline)
            while (line := self._line.read_line(max(until - time.monotonic(), 0))) is not None:
                answer = re.fullmatch(rf".*e-\[Expected (\d+) hex digits, got {attempt}\]", line)
                if answer is not None:
                    self.row_bytes = int(answer[1]) // 2
                    self._until_row()
                    return
        raise DeviceError(f"the application does not answer within {self._timeout_seconds:g} seconds")

    def _note(self, line: str) -> bool:
        match = re.fullmatch(r"m-row-(\d+)", line)
        if match is not None:
            self._wanted = int(match[1])
        return match is not None

    def _until_row(self) -> list[str]:
        lines: list[str] = []
        deadline = time.monotonic() + self._timeout_seconds
        while (line := self._line.read_line(max(deadline - time.monotonic(), 0))) is not None:
            if self._note(line):
                return lines
            lines.append(line)
        raise DeviceError(f"the application asks for no row within {self._timeout_seconds:g} seconds")


def _end_command(line: SerialLine, deadline: float) -> None:
    """End what the device had been sent, and let it finish speaking.

    While a device speaks, a serial line without a queue keeps one character of what comes: nothing is sent meanwhile.
    """
    line.write(b"%")
    line.discard_until_silent(_SILENT_SECONDS, max(deadline - time.monotonic(), 0))


def _field(lines: Sequence[str], pattern: str) -> str:
    for line in lines:
        if (match := re.fullmatch(pattern, line)) is not None:
            return match[1]
    raise DeviceError(f"the device's answer has no line {pattern}: it says {', '.join(lines) or 'nothing'}")


def _results(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(_field(lines, r"m-results-\[(.*)\]").split(","))
