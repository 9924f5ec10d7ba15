"""What is counted while the emulator runs: instructions by block and by call, the stack, bytes read, lines missed.

Instructions are counted by translation block: a hook at each block's start counts its executions, and the
instructions in a block are counted once. Unlike a hook at each instruction this counts what an IT block skips, as a
core's pipeline does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tinyts_mlir.memories import Caches
from tinyts_mlir.toolchain.caches import Access, cache
from tinyts_mlir.toolchain.instruction_sets import InstructionSet

Block = tuple[int, int]
"""Straight code: its address, and its size in bytes."""

AddressRange = tuple[int, int]
"""The first address, and the one behind the last."""


@dataclass(frozen=True)
class CachedMemory:
    """A memory with caches in front of it, and what these are like."""

    first: int
    end: int
    caches: Caches

    def besides(self, ranges: Sequence[AddressRange]) -> Sequence[AddressRange]:
        """The memory without some ranges of it, which do not overlap."""
        inner = sorted(ranges)
        firsts = [self.first, *(end for _, end in inner)]
        ends = [*(first for first, _ in inner), self.end]
        return [(first, end) for first, end in zip(firsts, ends, strict=True) if first < end]


@dataclass
class Count:
    """What ran, and what it read: in one call of a watched function, callees included, or outside of all of them."""

    function: int | None
    """The watched function's address; None outside."""
    executions: dict[Block, int] = field(default_factory=dict[Block, int])
    """How often each block ran."""
    bytes_read: int = 0
    """What loads took from the watched ranges, each load counted with its width."""
    data_misses: int = 0
    """Lines that loads missed."""
    code_misses: int = 0
    """Lines that instructions missed."""


@dataclass
class Counts:
    """All that was counted."""

    rest: Count = field(default_factory=lambda: Count(None))
    """What ran outside of watched functions."""
    calls: list[Count] = field(default_factory=list[Count])
    """Calls of watched functions, in their order; one that another one makes belongs to that one."""
    lowest_stack_pointer: int = 0xFFFFFFFF
    """Of those at the starts of blocks."""

    def executions(self) -> Mapping[Block, int]:
        """How often each block ran, anywhere."""
        total: Counter[Block] = Counter()
        for count in (self.rest, *self.calls):
            total.update(count.executions)
        return total

    def data_misses(self) -> int:
        """Lines that loads missed, anywhere."""
        return sum(count.data_misses for count in (self.rest, *self.calls))

    def code_misses(self) -> int:
        """Lines that instructions missed, anywhere."""
        return sum(count.code_misses for count in (self.rest, *self.calls))


@contextmanager
def counting(
    core: Any,
    instruction_set: InstructionSet,
    watched: Collection[int],
    read_ranges: Sequence[AddressRange],
    cached: CachedMemory | None = None,
) -> Generator[Counts]:
    """Count what a core of Unicorn's runs in this context.

    ``watched`` has the addresses of functions whose calls are counted one by one; what is read from ``read_ranges`` is
    counted, and what reads of ``cached`` and of instructions miss in its caches, which are empty in the beginning.
    """
    from unicorn import UC_HOOK_BLOCK, UC_HOOK_MEM_READ

    counter = _Counter(core, instruction_set, frozenset(watched))
    fetch: Access = cache(cached.caches.code) if cached else _no_cache
    load: Access = cache(cached.caches.data) if cached else _no_cache
    hooks = [core.hook_add(UC_HOOK_BLOCK, counter.block_hook(fetch))]
    for ranges, count_bytes in ((read_ranges, True), (cached.besides(read_ranges) if cached else (), False)):
        for first, end in ranges:
            hook = counter.read_hook(load, count_bytes)
            hooks.append(core.hook_add(UC_HOOK_MEM_READ, hook, None, first, end - 1))
    core.ctl_flush_tb()  # blocks translated before would run without the hooks, and later ones with them
    try:
        yield counter.counts
    finally:
        for hook in hooks:
            core.hook_del(hook)
        core.ctl_flush_tb()


def _no_cache(_address: int, _size: int) -> int:
    return 0


class _Counter:
    """The hooks and what they share."""

    def __init__(self, core: Any, instruction_set: InstructionSet, watched: frozenset[int]) -> None:
        self.core = core
        self.instruction_set = instruction_set
        self.watched = watched
        self.counts = Counts()
        self.running = self.counts.rest

    def read_hook(self, load: Access, count_bytes: bool) -> Callable[[Any, int, int, int, int, Any], None]:
        """What counts reads, through a cache."""

        def count_read(_core: Any, _access: int, address: int, size: int, _value: int, _data: Any) -> None:
            running = self.running
            if count_bytes:
                running.bytes_read += size
            running.data_misses += load(address, size)

        return count_read

    def block_hook(self, fetch: Access) -> Callable[[Any, int, int, Any], None]:
        """A closure: it runs tens of millions of times."""
        counts, read_register, lowers_stack = self.counts, self.core.reg_read, self.instruction_set.lowers_stack
        stack_register, link_register = self.instruction_set.stack, self.instruction_set.link
        moves_stack: dict[Block, bool] = {}
        stack_moved = False
        executions = self.running.executions
        borders = self.watched  # outside of a call where one starts, inside where it returns to

        def enter_block(_core: Any, address: int, size: int, _data: Any) -> None:
            nonlocal stack_moved, executions, borders
            if stack_moved:
                counts.lowest_stack_pointer = min(counts.lowest_stack_pointer, read_register(stack_register))
            if address in borders:
                if self.running.function is None:
                    self.running = Count(address)
                    counts.calls.append(self.running)
                    borders = frozenset([read_register(link_register) & ~1])
                else:
                    self.running, borders = counts.rest, self.watched
                executions = self.running.executions
            if missed := fetch(address, size):
                self.running.code_misses += missed
            block = (address, size)
            try:
                executions[block] += 1
            except KeyError:
                executions[block] = 1
                if block not in moves_stack:
                    moves_stack[block] = lowers_stack(bytes(self.core.mem_read(address, size)))
            stack_moved = moves_stack[block]

        return enter_block
