"""A core of a board in QEMU that calls a program's C functions, and counts their instructions.

For cores that Unicorn has not. QEMU's debugger interface sets registers and memory, and stops where a function
returns to. Every instruction takes 256 ns of QEMU's time, in which a counter of the board steps five times: what it
counts gives the exact number of instructions.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from tinyts_mlir.cores import Core
from tinyts_mlir.memories import Caches
from tinyts_mlir.toolchain.counting import AddressRange
from tinyts_mlir.toolchain.elf import Image
from tinyts_mlir.toolchain.emulator import Measurement
from tinyts_mlir.toolchain.errors import EmulatorError, ToolchainError

_PACKET_BYTES = 1024
"""Of memory; twice as many hexadecimal digits, and QEMU takes 4,096 characters."""
_SHIFT = 8
"""An instruction takes 2**8 ns: five steps of the counter, which wraps after 838 million instructions."""
_COUNTER = 0x49302018
"""FPGA_COUNTER of the MPS3 board, which steps with `_COUNTER_HZ`."""
_PRESCALE = 0x4930201C
"""Of the counter: 0, so that it takes every step."""
_COUNTER_HZ = 20_000_000
_SP, _LR, _PC, _XPSR = 13, 14, 15, 25
_THUMB = 1 << 24
_EXCEPTION = 0x1FF
_BREAKPOINT = "T05"
_FAULT_STATUS, _FAULT_ADDRESS = 0xE000ED28, 0xE000ED38
_PAINT = 0xA5


class QemuEmulator:
    """A program loaded and reset; its functions can be called."""

    def __init__(self, program: Path, core: Core):
        if core.machine is None:
            raise EmulatorError(f"QEMU has no board with a {core.title}")
        if shutil.which("qemu-system-arm") is None:
            raise ToolchainError(
                f"the {core.title} is emulated by qemu-system-arm, which is not on PATH (Debian: qemu-system-arm)"
            )
        self.title = core.title
        self.image = Image.read(program)
        self._stop = self.image.symbol("port_stop").address
        self._stack_top = self.image.symbol("port_stack_top").address
        self._stack_limit = self.image.symbol("port_stack_limit").address
        self._line, theirs = socket.socketpair()
        command = ["qemu-system-arm", "-M", core.machine, "-display", "none", "-monitor", "none", "-serial", "none"]
        command += ["-icount", f"shift={_SHIFT},sleep=off", "-S", "-kernel", str(program)]
        command += ["-chardev", f"socket,id=line,fd={theirs.fileno()}", "-gdb", "chardev:line"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
        )
        theirs.close()
        self._received = b""
        # Registers can only be set one by one by who has asked what they are.
        self._ask("qXfer:features:read:target.xml:0,ffb", 60)
        self._require_ok(f"Z0,{self._stop:x},2")
        self.write(_PRESCALE, bytes(4))
        self.write(_COUNTER, bytes(4))
        for _ in range(2):  # the counter steps only from the second look on
            self.call("port_reset")
            self._word(_COUNTER)

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self._line.close()
            self._process.kill()
            self._process.wait()

    def address(self, symbol: str) -> int:
        """Where a variable lies."""
        return self.image.symbol(symbol).address

    def write(self, address: int, content: bytes) -> None:
        """Write memory."""
        for start in range(0, len(content), _PACKET_BYTES):
            part = content[start : start + _PACKET_BYTES]
            self._require_ok(f"M{address + start:x},{len(part):x}:{part.hex()}")

    def read(self, address: int, size: int) -> bytes:
        """Read memory."""
        content = b""
        while len(content) < size:
            length = min(size - len(content), _PACKET_BYTES)
            answer = self._ask(f"m{address + len(content):x},{length:x}")
            if len(answer) != 2 * length:
                raise EmulatorError(f"QEMU cannot read {length} bytes at 0x{address + len(content):08x}: {answer}")
            content += bytes.fromhex(answer)
        return content

    def call(self, function: str, *arguments: int, timeout_seconds: float = 600) -> int:
        """Call a function with integers and pointers; return its result."""
        stack = self._stack_pointer(arguments)
        self.write(stack, b"".join(argument.to_bytes(4, "little") for argument in arguments[4:]))
        for number, argument in enumerate(arguments[:4]):
            self._set(number, argument)
        self._set(_SP, stack)
        self._set(_LR, self._stop | 1)
        self._set(_PC, self.image.symbol(function).address)
        self._set(_XPSR, _THUMB)
        answer = self._ask("c", timeout_seconds, f"the emulated {self.title} in {function}")
        exception = self._get(_XPSR) & _EXCEPTION
        if exception or not answer.startswith(_BREAKPOINT) or self._get(_PC) != self._stop:
            status, address = self._word(_FAULT_STATUS), self._word(_FAULT_ADDRESS)
            raise EmulatorError(
                f"the emulated {self.title} failed in {function}: exception {exception}, fault status 0x{status:08x}, "
                f"address 0x{address:08x}"
            )
        return self._get(0)

    def measure(
        self,
        function: str,
        *arguments: int,
        watched: Collection[int] = (),
        read_ranges: Sequence[AddressRange] = (),
        caches: Caches | None = None,
        timeout_seconds: float = 3600,
    ) -> Measurement:
        """Call a function as `call` does; count its instructions and measure how much of the stack it wrote.

        Raises EmulatorError where functions are to be ``watched``, or caches simulated: only instructions are counted.
        """
        if watched or read_ranges or caches is not None:
            raise EmulatorError(
                f"neither calls of kernels nor cache lines are counted on the {self.title}: QEMU runs it"
            )
        top = self._stack_pointer(arguments)
        self.write(self._stack_limit, bytes([_PAINT]) * (self._stack_top - self._stack_limit))
        before = self._word(_COUNTER)
        result = self.call(function, *arguments, timeout_seconds=timeout_seconds)
        ticks = (self._word(_COUNTER) - before) & 0xFFFFFFFF
        # QEMU counts the instruction at the breakpoint, which is not run. A step of the counter is a fifth of one.
        instructions = round(ticks * 1e9 / _COUNTER_HZ / (1 << _SHIFT)) - 1
        stack = self.read(self._stack_limit, top - self._stack_limit)
        return Measurement(result, instructions, len(stack.lstrip(bytes([_PAINT]))), (), {}, 0, 0)

    def _stack_pointer(self, arguments: Sequence[int]) -> int:
        return (self._stack_top - max(len(arguments) - 4, 0) * 4) & ~15

    def _word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")

    def _set(self, register: int, value: int) -> None:
        self._require_ok(f"P{register:x}={(value & 0xFFFFFFFF).to_bytes(4, 'little').hex()}")

    def _get(self, register: int) -> int:
        return int.from_bytes(bytes.fromhex(self._ask(f"p{register:x}")), "little")

    def _require_ok(self, command: str) -> None:
        answer = self._ask(command)
        if answer != "OK":
            raise EmulatorError(f"QEMU answered {answer!r} to {command[:40]!r}")

    def _ask(self, command: str, timeout_seconds: float = 60, who: str = "QEMU") -> str:
        """What QEMU answers to a command; commands and answers look like $text#checksum."""
        data = command.encode()
        deadline = time.monotonic() + timeout_seconds
        try:
            # In front of it, that the answer before has come.
            self._line.sendall(b"+$%b#%02x" % (data, sum(data) & 0xFF))
            while (text := self._packet()) is None:
                self._line.settimeout(max(deadline - time.monotonic(), 0.001))
                received = self._line.recv(1 << 16)
                if not received:
                    raise EmulatorError(f"{who}: QEMU ended with status {self._process.wait(5)}")
                self._received += received
        except TimeoutError:
            self._process.kill()
            raise EmulatorError(f"{who}: not finished after {timeout_seconds:g} seconds") from None
        except OSError as error:
            raise EmulatorError(f"{who}: QEMU has ended ({error.strerror})") from None
        return text

    def _packet(self) -> str | None:
        start = self._received.find(b"$")
        end = self._received.find(b"#", start)
        if start < 0 or end < 0 or len(self._received) < end + 3:
            return None
        text = self._received[start + 1 : end]
        self._received = self._received[end + 3 :]
        return text.decode("latin-1")
