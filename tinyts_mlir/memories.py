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


STM32F767_CACHES = Caches(data=CacheShape(16 << 10, 4), code=CacheShape(16 << 10, 2))
"""Source: Cortex-M7 Technical Reference Manual (four ways of data, two of instructions, lines of 32 bytes), and the
STM32F767's data sheet for the sizes."""
