"""A Cortex-M7 in Unicorn that calls a program's C functions, and measures the calls.

Instructions are counted by translation block: a hook at each block's start adds the number of Thumb instructions in the
block, decoded once. Unlike a hook at each instruction this counts what an IT block skips, as a core's pipeline does.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinyts_mlir.toolchain.elf import Image
from tinyts_mlir.toolchain.errors import EmulatorError, missing_package

# The memories of runtime/ports/cortex-m7-emulator/port.ld, and the core's own registers.
_FLASH = (0x08000000, 16 << 20)
_RAM = (0x20000000, 8 << 20)
_SYSTEM_CONTROL = (0xE000E000, 0x1000)

_PAINT = 0xA5
_ARGUMENT_REGISTERS = 4


@dataclass(frozen=True)
class Measurement:
    """What one call executed and how deep its stack was, from the stack pointer at its first instruction."""

    result: int
    instructions: int
    stack_bytes: int


@dataclass
class _BlockCounter:
    """The block hook's state: executions by (address, size), and the lowest stack pointer seen at a block's start."""

    executions: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    lowest_stack_pointer: int = 0xFFFFFFFF


class Emulator:
    """A program loaded and reset; its functions can be called."""

    def __init__(self, program: Path):
        try:
            import unicorn
            from unicorn import arm_const
        except ImportError:
            raise missing_package("unicorn") from None
        self._unicorn: Any = unicorn
        self._registers = arm_const
        self.image = Image.read(program)
        # No UC_MODE_MCLASS: with it Unicorn ignores the model and gives a core without double precision.
        self._core: Any = self._unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self._core.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M7)
        self._core.mem_map(*_FLASH, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._core.mem_map(*_RAM, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        self._core.mem_map(*_SYSTEM_CONTROL, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        for address, content in self.image.segments:
            self._core.mem_write(address, content)
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
        registers = self._registers
        stacked = b"".join(argument.to_bytes(4, "little") for argument in arguments[_ARGUMENT_REGISTERS:])
        self._core.mem_write(self._stack_pointer(arguments), stacked)
        for number, argument in enumerate(arguments[:_ARGUMENT_REGISTERS]):
            self._core.reg_write(registers.UC_ARM_REG_R0 + number, argument)
        self._core.reg_write(registers.UC_ARM_REG_SP, self._stack_pointer(arguments))
        self._core.reg_write(registers.UC_ARM_REG_LR, self._stop | 1)
        self._bad_access = None
        start = self.image.symbol(function).address
        try:
            self._core.emu_start(start | 1, self._stop, timeout=int(timeout_seconds * 1e6))
        except self._unicorn.UcError as error:
            raise self._error(function, str(error)) from None
        if self._program_counter() != self._stop:
            raise self._error(function, f"not finished after {timeout_seconds:g} seconds")
        return int(self._core.reg_read(registers.UC_ARM_REG_R0))

    def measure(self, function: str, *arguments: int, timeout_seconds: float = 3600) -> Measurement:
        """Call a function as `call` does; count its instructions and measure its stack."""
        top = self._stack_pointer(arguments)
        self._core.mem_write(self._stack_limit, bytes([_PAINT]) * (self._stack_top - self._stack_limit))
        with self._counting() as counter:
            result = self.call(function, *arguments, timeout_seconds=timeout_seconds)
        stack = self.read(self._stack_limit, top - self._stack_limit)
        # Painting shows what was written; a frame can be deeper than that, which the stack pointer shows.
        lowest_write = self._stack_limit + len(stack) - len(stack.lstrip(bytes([_PAINT])))
        lowest = min(lowest_write, counter.lowest_stack_pointer)
        instructions = sum(
            count * self._instructions(address, size)
            for (address, size), count in counter.executions.items()
            if address != self._stop
        )
        return Measurement(result, instructions, top - lowest)

    def _stack_pointer(self, arguments: tuple[int, ...]) -> int:
        stacked = max(len(arguments) - _ARGUMENT_REGISTERS, 0) * 4
        return (self._stack_top - stacked) & ~7

    @contextmanager
    def _counting(self) -> Generator[_BlockCounter]:
        counter = _BlockCounter()
        executions = counter.executions
        moves_stack: dict[tuple[int, int], bool] = {}
        read_register = self._core.reg_read
        stack_register = self._registers.UC_ARM_REG_SP
        stack_moved = False

        def enter_block(_core: Any, address: int, size: int, _data: Any) -> None:
            nonlocal stack_moved
            if stack_moved:
                counter.lowest_stack_pointer = min(counter.lowest_stack_pointer, read_register(stack_register))
            block = (address, size)
            try:
                executions[block] += 1
            except KeyError:
                executions[block] = 1
                moves_stack[block] = _lowers_stack_pointer(self.read(address, size))
            stack_moved = moves_stack[block]

        hook = self._core.hook_add(self._unicorn.UC_HOOK_BLOCK, enter_block)
        self._core.ctl_flush_tb()  # blocks translated before would run without the hook, and later ones with it
        try:
            yield counter
        finally:
            self._core.hook_del(hook)
            self._core.ctl_flush_tb()

    def _instructions(self, address: int, size: int) -> int:
        return sum(1 for _ in _split_instructions(self.read(address, size)))

    def _program_counter(self) -> int:
        return int(self._core.reg_read(self._registers.UC_ARM_REG_PC)) & ~1

    def _remember_bad_access(self, _core: Any, _access: int, address: int, size: int, _value: int, _data: Any) -> bool:
        self._bad_access = (address, size)
        return False

    def _error(self, function: str, reason: str) -> EmulatorError:
        place = self.image.describe(self._program_counter())
        text = f"the emulated Cortex-M7 failed in {function} at {place}: {reason}"
        if self._bad_access is not None:
            address, size = self._bad_access
            text += f", access of {size} bytes at 0x{address:08x}"
            if self._stack_limit - 0x10000 <= address < self._stack_limit:
                text += " (the stack has overflowed)"
        return EmulatorError(text)


def _split_instructions(code: bytes) -> Iterator[tuple[int, int]]:
    """Yield the first and the second halfword (0 if there is none) of each Thumb instruction."""
    position = 0
    while position < len(code):
        first = int.from_bytes(code[position : position + 2], "little")
        wide = first >> 11 in (0b11101, 0b11110, 0b11111)
        yield first, int.from_bytes(code[position + 2 : position + 4], "little") if wide else 0
        position += 4 if wide else 2


def _lowers_stack_pointer(code: bytes) -> bool:
    """Whether a block has an instruction that compilers use to make a stack frame."""
    for first, second in _split_instructions(code):
        if (
            first & 0xFE00 == 0xB400  # push
            or first & 0xFF80 == 0xB080  # sub sp, #immediate
            or first == 0xE92D  # push.w, stmdb sp!
            or first & 0xFFBF == 0xED2D  # vpush
            or (first == 0xF84D and second & 0x0FFF == 0x0D04)  # str rX, [sp, #-4]!
            or (first & 0xFBFF == 0xF1AD and second & 0x0F00 == 0x0D00)  # sub.w sp, sp, #immediate
            or (first & 0xFBFF == 0xF2AD and second & 0x0F00 == 0x0D00)  # subw sp, sp, #immediate
            or (first == 0xEBAD and second & 0x0F00 == 0x0D00)  # sub.w sp, sp, rX
        ):
            return True
    return False
