"""The two ends that a device's serial line can have here: a serial port, or a process's standard input and output."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol

from tinyts_mlir.toolchain.errors import ProgramError, ToolchainError, missing_package

DEFAULT_BAUD = 115200
QEMU_MACHINES = ("mps2-an500", "mps3-an547")
"""Boards of `runtime/ports/` that QEMU has."""
_SHOWN_ERROR_CHARACTERS = 400


class SerialLine(Protocol):
    """Bytes out, lines in."""

    def write(self, data: bytes) -> None:
        """Send bytes; raises ProgramError where nobody takes them any more."""
        ...

    def read_line(self, timeout_seconds: float) -> str | None:
        """The next line without its end; None where there is none in time. Raises ProgramError at the line's end."""
        ...

    def discard_until_silent(self, silent_seconds: float, timeout_seconds: float) -> None:
        """Read and forget until nothing has come for `silent_seconds`, or the timeout. Raises as `read_line` does."""
        ...

    def close(self) -> None:
        """End it."""
        ...

    def __enter__(self) -> SerialLine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Line:
    """What comes over either end, cut into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def _receive(self, timeout_seconds: float) -> bytes:
        """What has come, or comes first; nothing where that takes too long. Raises ProgramError at the line's end."""
        raise NotImplementedError

    def read_line(self, timeout_seconds: float) -> str | None:
        """The next line."""
        deadline = time.monotonic() + timeout_seconds
        while b"\n" not in self._rest:
            data = self._receive(max(deadline - time.monotonic(), 0))
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        # Lines end up in messages: what a terminal would obey is escaped.
        return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in line.rstrip(b"\r"))

    def discard_until_silent(self, silent_seconds: float, timeout_seconds: float) -> None:
        """Read and forget until nothing comes any more."""
        deadline = time.monotonic() + timeout_seconds
        while self._receive(max(min(silent_seconds, deadline - time.monotonic()), 0)) and time.monotonic() < deadline:
            pass
        self._rest = b""


class ProcessLine(_Line):
    """A process, such as an emulator with its serial line on standard input and output."""

    def __init__(self, command: Sequence[str]):
        super().__init__()
        self._name = command[0]
        try:
            self._process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            raise ToolchainError(f"cannot start {command[0]}: {error.strerror}") from None
        assert self._process.stdout is not None and self._process.stderr is not None
        self._output = self._process.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        assert self._process.stdin is not None
        try:
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except OSError:
            raise self._ended() from None

    def _receive(self, timeout_seconds: float) -> bytes:
        if not self._selector.select(timeout_seconds):
            return b""
        data = os.read(self._output, 1 << 16)
        if not data:
            raise self._ended()
        return data

    def close(self) -> None:
        """End the process."""
        self._selector.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def _ended(self) -> ProgramError:
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return ProgramError(f"{self._name} closed its end of the line")
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode(errors="replace").strip()[:_SHOWN_ERROR_CHARACTERS]
        return ProgramError(f"{self._name} ended with status {status}{f': {said}' if said else ''}")

    def __enter__(self) -> ProcessLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PortLine(_Line):
    """A serial port, by its name (`/dev/ttyACM0`, `COM3`, a pseudo terminal). Needs pyserial."""

    def __init__(self, port: str, baud: int = DEFAULT_BAUD):
        super().__init__()
        try:
            serial: Any = import_module("serial")
        except ImportError:
            raise missing_package("pyserial", "serial") from None
        self._name = port
        self._failure: type[OSError] = serial.SerialException
        try:
            self._port = serial.Serial(port, baud, timeout=0.1)
        except (OSError, ValueError) as error:
            raise ToolchainError(f"cannot open the serial port {port}: {error}") from None

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._port.write(data)
        except self._failure as error:
            raise ProgramError(f"{self._name}: {error}") from None

    def _receive(self, timeout_seconds: float) -> bytes:
        deadline = time.monotonic() + timeout_seconds
        try:
            while not (data := bytes(self._port.read(max(1, self._port.in_waiting)))):
                if time.monotonic() > deadline:
                    break
            return data
        except OSError as error:
            raise ProgramError(f"{self._name}: {error}") from None

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def __enter__(self) -> PortLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def qemu_command(firmware: str, machine: str = QEMU_MACHINES[0]) -> list[str]:
    """The command that runs firmware in QEMU with its serial line on standard input and output."""
    return [
        *("qemu-system-arm", "-M", machine, "-display", "none", "-monitor", "none", "-serial", "stdio"),
        *("-kernel", firmware),
    ]
