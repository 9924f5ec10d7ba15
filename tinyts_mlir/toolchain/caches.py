"""Caches, simulated: which reads and which fetches miss.

Both replace the line that was used least recently. The Cortex-M7's replace a pseudo-random one, of which nothing more
is public: where a loop streams more than the cache holds, that keeps some lines which this model loses, so what is
counted here is the worse case. They are empty in the beginning, and nothing is loaded ahead of its use.
"""

from __future__ import annotations

from collections.abc import Callable

from tinyts_mlir.memories import CacheShape

Access = Callable[[int, int], int]
"""Reads so many bytes at an address; returns how many lines missed."""


def cache(shape: CacheShape) -> Access:
    """An empty cache, as a closure: it runs tens of millions of times."""
    ways, shift = shape.ways, shape.line_bytes.bit_length() - 1
    if shape.line_bytes != 1 << shift or shape.sets.bit_count() != 1 or shape.bytes % (ways * shape.line_bytes):
        raise ValueError(f"expected a power of 2 of lines and of sets, got {shape}")
    mask = shape.sets - 1
    sets: list[list[int]] = [[] for _ in range(shape.sets)]
    """Lines in the order in which they were used, the last one last."""
    last = -1

    def access(address: int, size: int) -> int:
        nonlocal last
        first, end = address >> shift, (address + size - 1) >> shift
        if first == end == last:
            return 0
        missed = 0
        for line in range(first, end + 1):
            lines = sets[line & mask]
            if line in lines:
                if lines[-1] != line:
                    lines.remove(line)
                    lines.append(line)
                continue
            missed += 1
            if len(lines) == ways:
                del lines[0]
            lines.append(line)
        last = end
        return missed

    return access
