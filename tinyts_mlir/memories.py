"""What memories do to time: caches, and how long a line or a word of flash takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CacheShape:
    """A set-associative cache.

    Attributes:
        bytes: that it holds.
        ways: places that a line can have.
        line_bytes: of what is loaded at once; a power of 2, as is the number of sets.
    """

    bytes: int
    ways: int
    line_bytes: int = 32

    @property
    def sets(self) -> int:
        """Groups of places; a line's address says which is its own."""
        return self.bytes // (self.ways * self.line_bytes)


@dataclass(frozen=True)
class Caches:
    """Those in front of flash. The arena, the context and the stack lie in memory that needs none."""

    data: CacheShape
    code: CacheShape


@dataclass(frozen=True)
class FlashTiming:
    """How long constants take to come from the flash of a chip, at its highest clock.

    Attributes:
        near: what keeps lines of constants near the core: a data cache, or the lines of a flash accelerator.
        wait_states: of one read, in cycles of the flash's clock.
        read_bytes: that one read brings.
        other_cycles: of the flash's clock that a line takes besides wait states. Where a hit is free this is the read
            itself and the way over the bus, of which no data sheet speaks: two cycles are an assumption.
        core_cycles: of the core in one of the flash's clock.
    """

    near: CacheShape
    wait_states: int
    read_bytes: int
    other_cycles: int = 0
    core_cycles: int = 1

    @property
    def line_cycles(self) -> int:
        """Cycles of the core for a line that is not near."""
        reads = -(-self.near.line_bytes // self.read_bytes)
        return (reads * self.wait_states + self.other_cycles) * self.core_cycles


STM32F767_CACHES = Caches(data=CacheShape(16 << 10, 4), code=CacheShape(16 << 10, 2))
"""Source: Cortex-M7 Technical Reference Manual (four ways of data, two of instructions, lines of 32 bytes), and the
STM32F767's data sheet for the sizes."""
