"""Microcontrollers that a model may be for: data from their manufacturers' datasheets.

To add one, add a line. `ram` is the largest piece of SRAM with one address range, where an arena can lie; memories
apart from it are not counted. `flash` is on the chip; 0 where the program is in a chip of its own.

`timing` is there where the manufacturer says enough: wait states at the highest clock, the width of a read and what
keeps lines near, from the chapters on flash of the reference manuals (RM0368, RM0383 and RM0390 of the STM32F4, RM0385
and RM0410 of the STM32F7, RM0433 of the STM32H7, RM0351 and RM0432 of the STM32L4, RM0434 of the STM32WB, RM0456 of the
STM32U5), and sizes of caches from data sheets. Where flash is outside, the board decides, so there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyts_mlir.cores import CORES
from tinyts_mlir.errors import CompileError, did_you_mean
from tinyts_mlir.memories import CacheShape, FlashTiming

K = 1024


def _cached(kilobytes: int, wait_states: int, core_cycles: int = 1) -> FlashTiming:
    """Flash behind the data cache of a Cortex-M7: lines of 32 bytes, which one read of 256 bits brings."""
    return FlashTiming(CacheShape(kilobytes * K, 4), wait_states, 32, other_cycles=3, core_cycles=core_cycles)


def _accelerated(wait_states: int) -> FlashTiming:
    """Flash behind an STM32F4's accelerator, which keeps eight reads of 128 bits of constants."""
    return FlashTiming(CacheShape(128, 8, 16), wait_states, 16)


def _buffered(wait_states: int) -> FlashTiming:
    """Flash behind the data cache of an STM32L4 or STM32WB: eight lines of 32 bytes, read by 64 bits."""
    return FlashTiming(CacheShape(256, 8), wait_states, 8)


@dataclass(frozen=True)
class Chip:
    """A microcontroller.

    Attributes:
        name: on command lines.
        ram: bytes.
        flash: bytes.
        core: the processor's.
        megahertz: its highest clock.
        timing: of its flash; None where too little is known of it.
        coupled: bytes of RAM that need no cache: tightly coupled with the core, or all of it where it has none.
    """

    name: str
    ram: int
    flash: int
    core: str
    megahertz: int
    timing: FlashTiming | None = None
    coupled: int = 0

    def __str__(self) -> str:
        flash = f"{self.flash // K:,} KB of flash" if self.flash else "flash outside"
        return f"{self.name} ({self.core}, {self.megahertz} MHz, {self.ram // K} KB of RAM, {flash})"

    @property
    def core_name(self) -> str:
        """Its core's name in the table of cores; without the letter for a unit of floating point."""
        return next(core.name for core in CORES if core.title == self.core.removesuffix("F"))


CHIPS = (
    Chip("apollo3", 384 * K, 1024 * K, "Cortex-M4F", 96),
    Chip("cc2652", 80 * K, 352 * K, "Cortex-M4F", 48),
    Chip("esp32c3", 400 * K, 0, "RISC-V RV32IMC", 160),
    Chip("esp32s3", 512 * K, 0, "Xtensa LX7", 240),
    Chip("imxrt1062", 512 * K, 0, "Cortex-M7", 600),
    Chip("max78000", 128 * K, 512 * K, "Cortex-M4F", 100),
    Chip("nrf52832", 64 * K, 512 * K, "Cortex-M4F", 64),
    Chip("nrf52840", 256 * K, 1024 * K, "Cortex-M4F", 64),
    Chip("nrf5340", 512 * K, 1024 * K, "Cortex-M33", 128),
    Chip("rp2040", 264 * K, 0, "Cortex-M0+", 133),
    Chip("rp2350", 520 * K, 0, "Cortex-M33", 150),
    Chip("samd21", 32 * K, 256 * K, "Cortex-M0+", 48),
    Chip("samd51", 192 * K, 512 * K, "Cortex-M4F", 120),
    Chip("stm32f103", 20 * K, 64 * K, "Cortex-M3", 72),
    Chip("stm32f401", 96 * K, 512 * K, "Cortex-M4F", 84, _accelerated(2), 96 * K),
    Chip("stm32f411", 128 * K, 512 * K, "Cortex-M4F", 100, _accelerated(3), 128 * K),
    Chip("stm32f446", 128 * K, 512 * K, "Cortex-M4F", 180, _accelerated(5), 128 * K),
    Chip("stm32f746", 320 * K, 1024 * K, "Cortex-M7", 216, _cached(4, 7), 64 * K),
    Chip("stm32f767", 512 * K, 2048 * K, "Cortex-M7", 216, _cached(16, 7), 128 * K),
    Chip("stm32h743", 512 * K, 2048 * K, "Cortex-M7", 480, _cached(16, 4, core_cycles=2), 128 * K),
    Chip("stm32l476", 96 * K, 1024 * K, "Cortex-M4F", 80, _buffered(4), 96 * K),
    Chip("stm32l4r5", 640 * K, 2048 * K, "Cortex-M4F", 120, _buffered(5), 640 * K),
    Chip("stm32u585", 768 * K, 2048 * K, "Cortex-M33", 160, FlashTiming(CacheShape(8 * K, 2, 16), 4, 16), 768 * K),
    Chip("stm32wb55", 192 * K, 1024 * K, "Cortex-M4F", 64, _buffered(3), 192 * K),
)
"""In the order of their names."""


def find_chip(name: str) -> Chip:
    """The chip of a name, in whatever case; raises CompileError for one that is not known."""
    for chip in CHIPS:
        if chip.name == name.lower():
            return chip
    names = [chip.name for chip in CHIPS]
    raise CompileError(f"--chip: expected one of {', '.join(names)}, got {name!r}{did_you_mean(name.lower(), names)}")
