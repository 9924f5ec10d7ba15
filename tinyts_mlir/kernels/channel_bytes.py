"""Which bytes each channel of an int8 map can hold, whatever the input is.

A map is taken channel by channel: all elements with the same index along its last axis are one. What an op makes of
the bytes of its operands it states in its entry (`OpEntry.reachable`), with the functions of this module and of
`kernels/reachable_sums.py`; `analysis/value_ranges.py` follows them through a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.channel_geometry import Flags, Integers
from tinyts_mlir.quantization import INT8_MAX, INT8_MIN

_BYTES = np.arange(INT8_MIN, INT8_MAX + 1)


@dataclass(frozen=True, eq=False)
class ChannelBytes:
    """The bytes that each channel can hold: no other ever occurs, whatever the input is; some of these may not either.

    Attributes:
        possible: of shape (channels, 256): whether a channel may hold byte index - 128. One at least, of each.
    """

    possible: Flags

    @staticmethod
    def anything(channels: int, limits: tuple[int, int] = (INT8_MIN, INT8_MAX)) -> ChannelBytes:
        """Channels that may hold every byte within the limits, both included."""
        low, high = limits
        return ChannelBytes.between(np.full(channels, low), np.full(channels, high))

    @staticmethod
    def between(lowest: npt.NDArray[Any], highest: npt.NDArray[Any]) -> ChannelBytes:
        """Channels that may hold every byte from one to the other, which have shape (channels,)."""
        return ChannelBytes((lowest[:, None] <= _BYTES) & (highest[:, None] >= _BYTES))

    @staticmethod
    def of(elements: npt.NDArray[np.int8]) -> ChannelBytes:
        """Just the bytes of an array, of any shape; a scalar is one channel."""
        by_channel = elements.reshape(-1, elements.shape[-1] if elements.ndim else 1)
        possible = np.zeros((by_channel.shape[1], 256), np.bool_)
        possible[np.arange(by_channel.shape[1]), by_channel.astype(np.int64) - INT8_MIN] = True
        return ChannelBytes(possible)

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return len(self.possible)

    @cached_property
    def lowest(self) -> Integers:
        """The least byte of each channel."""
        return self.possible.argmax(axis=1) + INT8_MIN

    @cached_property
    def highest(self) -> Integers:
        """The greatest byte of each channel."""
        return INT8_MAX - self.possible[:, ::-1].argmax(axis=1)

    @property
    def is_constant(self) -> Flags:
        """Whether each channel can hold one byte only, which is its `lowest`."""
        return self.lowest == self.highest

    def with_byte(self, byte: int) -> ChannelBytes:
        """With one more byte in every channel."""
        possible = self.possible.copy()
        possible[:, byte - INT8_MIN] = True
        return ChannelBytes(possible)

    def hull(self) -> ChannelBytes:
        """Every byte between the least and the greatest: what averages of them may be."""
        return ChannelBytes.between(self.lowest, self.highest)

    def clamped(self, limits: tuple[int, int]) -> ChannelBytes:
        """With every byte beyond the limits at the nearer of them."""
        return self.through(np.clip(_BYTES, *limits).astype(np.int8))

    def through(self, table: npt.NDArray[np.int8]) -> ChannelBytes:
        """What a look-up in a table of shape (256,), at index byte + 128, makes of them."""
        made = np.zeros_like(self.possible)
        channels, bytes = self.possible.nonzero()
        made[channels, table[bytes].astype(np.int64) - INT8_MIN] = True
        return ChannelBytes(made)

    def taken(self, channels: npt.NDArray[Any]) -> ChannelBytes:
        """Channels of these, by number, in this order."""
        return ChannelBytes(self.possible[channels])

    def union(self) -> ChannelBytes:
        """One channel that may hold what any of these may."""
        return ChannelBytes(np.logical_or.reduce(self.possible, axis=0)[None, :])

    def folded(self, channels: int) -> ChannelBytes:
        """The bytes behind a reshape to so many channels: element `n` of the map is element `n` of the result."""
        if channels == self.channels:
            return self
        if channels % self.channels == 0:
            return ChannelBytes(np.tile(self.possible, (channels // self.channels, 1)))
        if channels > 0 and self.channels % channels == 0:
            return ChannelBytes(np.logical_or.reduce(self.possible.reshape(-1, channels, 256)))
        return ChannelBytes(np.repeat(self.union().possible, channels, axis=0))


BytesOf = Callable[[SSAValue], ChannelBytes]
"""The bytes of an operand: of a map, or of an int8 constant."""
Reachable = Callable[[Any, BytesOf], Sequence[ChannelBytes]]
"""What an op with these operands may make: the bytes of each result."""
