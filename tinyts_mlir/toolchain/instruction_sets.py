"""What the emulator and its counters must know of the instruction sets of cores: registers, and how code is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinyts_mlir.cores import Architecture, Core
from tinyts_mlir.toolchain import riscv, thumb
from tinyts_mlir.toolchain.errors import EmulatorError, missing_package


@dataclass(frozen=True)
class InstructionSet:
    """Of one architecture.

    Attributes:
        arguments: Unicorn's numbers of the registers that arguments of functions come in, in their order.
        stack: likewise of the stack pointer.
        link: of the register with the address to return to.
        counter: of the program counter.
        code_bit: what is set in the address of a function that a register holds.
        memory: ranges besides flash and RAM, as first address and bytes: the core's own registers.
        count: how many instructions straight code has.
        lowers_stack: whether straight code has an instruction that compilers use to make a stack frame.
    """

    arguments: tuple[int, ...]
    stack: int
    link: int
    counter: int
    code_bit: int
    memory: tuple[tuple[int, int], ...]
    count: Callable[[bytes], int]
    lowers_stack: Callable[[bytes], bool]


def _thumb_lowers_stack(code: bytes) -> bool:
    return any(thumb.stack_bytes_taken(first, second) for first, second in thumb.split_instructions(code))


def _thumb_count(code: bytes) -> int:
    return sum(1 for _ in thumb.split_instructions(code))


def _riscv_lowers_stack(code: bytes) -> bool:
    return any(riscv.stack_bytes_taken(instruction) for instruction in riscv.split_instructions(code))


def _riscv_count(code: bytes) -> int:
    return sum(1 for _ in riscv.split_instructions(code))


def open_core(core: Core) -> tuple[Any, InstructionSet]:
    """A core of Unicorn's without memory, and its instruction set.

    Raises ToolchainError where Unicorn is not installed, and EmulatorError for a core that it has not.
    """
    try:
        import unicorn
        from unicorn import arm_const, riscv_const, unicorn_const
    except ImportError:
        raise missing_package("unicorn") from None
    make: Any = unicorn.Uc  # pyright: ignore[reportPrivateImportUsage]
    if core.emulated_as is None:
        raise EmulatorError(f"there is no emulator for the {core.title} here")
    if core.architecture is Architecture.ARM:
        # No UC_MODE_MCLASS: with it Unicorn ignores the model and gives a core without double precision.
        machine: Any = make(unicorn_const.UC_ARCH_ARM, unicorn_const.UC_MODE_THUMB)
        machine.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_{core.emulated_as}"))
        first = arm_const.UC_ARM_REG_R0
        return machine, InstructionSet(
            arguments=tuple(range(first, first + 4)),
            stack=arm_const.UC_ARM_REG_SP,
            link=arm_const.UC_ARM_REG_LR,
            counter=arm_const.UC_ARM_REG_PC,
            code_bit=1,
            memory=((0xE000E000, 0x1000),),
            count=_thumb_count,
            lowers_stack=_thumb_lowers_stack,
        )
    machine = make(unicorn_const.UC_ARCH_RISCV, unicorn_const.UC_MODE_RISCV32)
    machine.ctl_set_cpu_model(getattr(riscv_const, f"UC_CPU_{core.emulated_as}"))
    first = riscv_const.UC_RISCV_REG_X10
    return machine, InstructionSet(
        arguments=tuple(range(first, first + 8)),
        stack=riscv_const.UC_RISCV_REG_X2,
        link=riscv_const.UC_RISCV_REG_X1,
        counter=riscv_const.UC_RISCV_REG_PC,
        code_bit=0,
        memory=(),
        count=_riscv_count,
        lowers_stack=_riscv_lowers_stack,
    )
