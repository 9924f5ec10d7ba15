"""A core in Unicorn that calls a program's C functions, and measures the calls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyts_mlir.cores import CORTEX_M7, Core
from tinyts_mlir.memories import Caches
from tinyts_mlir.toolchain.counting import AddressRange, Block, CachedMemory, Count, counting
from tinyts_mlir.toolchain.elf import Image
from tinyts_mlir.toolchain.errors import EmulatorError
from tinyts_mlir.toolchain.instruction_sets import open_core
from tinyts_mlir.toolchain.watchdog import WATCHDOG

# The memories of runtime/ports/cortex-m7-emulator/port.ld.
_FLASH = (0x08000000, 16 << 20)
_RAM = (0x20000000, 8 << 20)

_PAINT = 0xA5


@dataclass(frozen=True)
class WatchedCall:
    """What one call of a watched function executed, and read from the watched ranges; its callees included."""

    function: int
    """Its address."""
    instructions: int
    bytes_read: int
    data_misses: int
    code_misses: int
    executions: Mapping[Block, int]
    """How often each block ran."""


@dataclass(frozen=True)
class Measurement:
    """What one call executed and how deep its stack was, from the stack pointer at its first instruction."""

    result: int
    instructions: int
    stack_bytes: int
    watched: tuple[WatchedCall, ...]
    """The calls of watched functions, in their order; one that another one makes belongs to that one."""
    executions: Mapping[Block, int]
    """How often each block ran."""
    data_misses: int
    """Lines that loads missed, anywhere; 0 without caches."""
    code_misses: int
    """Lines that instructions missed, anywhere."""


class Emulator:
    """A program loaded and reset; its functions can be called."""

    def __init__(self, program: Path, core: Core = CORTEX_M7):
        self._core, self._instruction_set = open_core(core)
        import unicorn

        self._unicorn: Any = unicorn
        self.title = core.title
        self.image = Image.read(program)
        self._core.mem_map(*_FLASH, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        for memory in (_RAM, *self._instruction_set.memory):
            self._core.mem_map(*memory, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        for address, content in self.image.segments:
            self._core.mem_write(address, content)
        self._lengths: dict[Block, int] = {}
        self._bad_access: tuple[int, int] | None = None
        self._core.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._remember_bad_access)
        self._stop = self.image.symbol("port_stop").address
        self._stack_top = self.image.symbol("port_stack_top").address
        self._stack_limit = self.image.symbol("port_stack_limit").address
        self.call("port_reset")

    def address(self, symbol: str) -> int:
        """Where a variable lies."""
        return self.image.symbol(symbol).address

    def map_memory(self, address: int, size: int) -> None:
        """Add RAM where there is none, in pages of 4,096 bytes; what lies between is an error to read or write."""
        self._core.mem_map(address, size, self._unicorn.UC_PROT_READ | self._unicorn.UC_PROT_WRITE)

    def write(self, address: int, content: bytes) -> None:
        """Write memory."""
        self._core.mem_write(address, content)

    def read(self, address: int, size: int) -> bytes:
        """Read memory."""
        return bytes(self._core.mem_read(address, size))

    def call(self, function: str, *arguments: int, timeout_seconds: float = 600) -> int:
        """Call a function with integers and pointers; return its result."""
        known = self._instruction_set
        stacked = b"".join(argument.to_bytes(4, "little") for argument in arguments[len(known.arguments) :])
        self._core.mem_write(self._stack_pointer(arguments), stacked)
        for register, argument in zip(known.arguments, arguments, strict=False):
            self._core.reg_write(register, argument)
        self._core.reg_write(known.stack, self._stack_pointer(arguments))
        self._core.reg_write(known.link, self._stop | known.code_bit)
        self._bad_access = None
        start = self.image.symbol(function).address
        try:
            with WATCHDOG.watching(self._core, timeout_seconds):
                self._core.emu_start(start | known.code_bit, self._stop)
        except self._unicorn.UcError as error:
            raise self._error(function, str(error)) from None
        if self._program_counter() != self._stop:
            raise self._error(function, f"not finished after {timeout_seconds:g} seconds")
        return int(self._core.reg_read(known.arguments[0]))

    def measure(
        self,
        function: str,
        *arguments: int,
        watched: Collection[int] = (),
        read_ranges: Sequence[AddressRange] = (),
        caches: Caches | None = None,
        timeout_seconds: float = 3600,
    ) -> Measurement:
        """Call a function as `call` does; count its instructions and measure its stack.

        Calls of the functions at the ``watched`` addresses are also counted one by one, with the bytes that they load
        from ``read_ranges``. With ``caches`` in front of flash, lines are counted that miss in them.
        """
        cached = None if caches is None else CachedMemory(_FLASH[0], sum(_FLASH), caches)
        top = self._stack_pointer(arguments)
        self._core.mem_write(self._stack_limit, bytes([_PAINT]) * (self._stack_top - self._stack_limit))
        with counting(self._core, self._instruction_set, watched, read_ranges, cached) as counts:
            result = self.call(function, *arguments, timeout_seconds=timeout_seconds)
        stack = self.read(self._stack_limit, top - self._stack_limit)
        # Painting shows what was written; a frame can be deeper than that, which the stack pointer shows.
        lowest_write = self._stack_limit + len(stack) - len(stack.lstrip(bytes([_PAINT])))
        lowest = min(lowest_write, counts.lowest_stack_pointer)
        executions = {block: count for block, count in counts.executions().items() if block[0] != self._stop}
        calls = tuple(self._watched_call(count) for count in counts.calls)
        return Measurement(
            result,
            self._instructions(executions),
            top - lowest,
            calls,
            executions,
            counts.data_misses(),
            counts.code_misses(),
        )

    def _watched_call(self, count: Count) -> WatchedCall:
        assert count.function is not None
        return WatchedCall(
            count.function,
            self._instructions(count.executions),
            count.bytes_read,
            count.data_misses,
            count.code_misses,
            count.executions,
        )

    def _stack_pointer(self, arguments: tuple[int, ...]) -> int:
        stacked = max(len(arguments) - len(self._instruction_set.arguments), 0) * 4
        return (self._stack_top - stacked) & ~15

    def _instructions(self, executions: Mapping[Block, int]) -> int:
        return sum(count * self._block_instructions(block) for block, count in executions.items())

    def _block_instructions(self, block: Block) -> int:
        if block not in self._lengths:
            self._lengths[block] = self._instruction_set.count(self.read(*block))
        return self._lengths[block]

    def _program_counter(self) -> int:
        return int(self._core.reg_read(self._instruction_set.counter)) & ~1

    def _remember_bad_access(self, _core: Any, _access: int, address: int, size: int, _value: int, _data: Any) -> bool:
        self._bad_access = (address, size)
        return False

    def _error(self, function: str, reason: str) -> EmulatorError:
        place = self.image.describe(self._program_counter())
        text = f"the emulated {self.title} failed in {function} at {place}: {reason}"
        if self._bad_access is not None:
            address, size = self._bad_access
            text += f", access of {size} bytes at 0x{address:08x}"
            if self._stack_limit - 0x10000 <= address < self._stack_limit:
                text += " (the stack has overflowed)"
        return EmulatorError(text)
