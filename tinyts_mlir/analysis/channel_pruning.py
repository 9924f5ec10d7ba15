"""Which channels of which maps need not be there.

Channels that ops link (`ChannelLinkInterface`) are there or gone together: they are one class. A class can go if each
op that mixes one of its channels with others (`ChannelMixInterface`) either has only weights of 0 for it, or can take
what the channel holds, always the same byte, into its bias. Inputs and outputs of the function stay whole, and all
that an op reads or makes of which neither interface says anything.

The classes that can go are found as the greatest set for which that holds. Then some of them stay after all: one at
least in each map, and as many as kernels make together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from tinyts_mlir.analysis.value_ranges import ValueRanges, holds_bytes
from tinyts_mlir.dialects.channel_geometry import (
    NO_CHANNEL,
    ChannelLink,
    ChannelLinkInterface,
    ChannelMixInterface,
    Flags,
    Integers,
    last_extent,
)
from tinyts_mlir.dialects.interfaces import Residence, is_constant, residence_of

MULTIPLES = (2, 4)
"""Numbers of channels that kernels make together: convolutions pairs, depthwise convolutions fours."""


@dataclass
class _Mix:
    """One op that mixes channels, with what is asked of it again and again."""

    op: ChannelMixInterface
    map: SSAValue
    result: SSAValue
    absorbed: Flags
    """Channels of the map that it could take into its bias."""


@dataclass
class ChannelClasses:
    """The channels of all values of a function, numbered, and which of them are one class.

    Attributes:
        first: the number of the first channel of each value.
        classes: the class of each channel, by number.
        pinned: whether channels of a class have to stay.
        mixes: the ops that mix channels.
    """

    first: dict[SSAValue, int] = field(default_factory=dict)
    classes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    pinned: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    mixes: list[_Mix] = field(default_factory=list)

    def of(self, value: SSAValue) -> Integers:
        """The classes of a value's channels."""
        first = self.first[value]
        return self.classes[first : first + last_extent(value)]


def channel_classes(function: FuncOp, ranges: ValueRanges) -> ChannelClasses:
    """What ops say of the channels of their operands and results."""
    found, links = ChannelClasses(), list[ChannelLink]()
    values: list[SSAValue] = [*function.body.block.args]
    whole: list[SSAValue] = [*function.body.block.args]
    for op in function.body.block.ops:
        values += op.results
        if residence_of(op) is Residence.FLASH:
            continue
        if isinstance(op, ChannelMixInterface) and (map := op.mixed_map()) is not None and holds_bytes(map):
            bytes = ranges[map]
            absorbed = bytes.is_constant & op.absorbable(bytes.lowest)
            found.mixes.append(_Mix(op, map, op.results[0], absorbed))
            whole += [value for value in op.operands if is_constant(value)]  # it takes of them what it needs
            continue
        own = op.channel_links() if isinstance(op, ChannelLinkInterface) else None
        if own is None:
            whole += [*op.operands, *op.results]
        else:
            links += own
            linked = {link.operand for link in own}
            whole += [value for value in op.operands if value not in linked]
    number = 0
    for value in values:
        if isinstance(value.type, TensorType):
            found.first[value] = number
            number += last_extent(value)
    found.classes = _classes(found.first, links, number)
    found.pinned = np.zeros(number, np.bool_)
    for value in whole:
        if value in found.first:
            found.pinned[found.of(value)] = True
    return found


def _classes(first: Mapping[SSAValue, int], links: Sequence[ChannelLink], count: int) -> Integers:
    """The least number of a channel that each is linked to, by any number of links."""
    pairs: list[tuple[Integers, Integers]] = []
    for link in links:
        results = np.flatnonzero(link.channels != NO_CHANNEL)
        pairs.append((first[link.result] + results, first[link.operand] + link.channels[results]))
    classes, before = np.arange(count), np.zeros(0, np.int64)
    while not np.array_equal(classes, before):
        before = classes.copy()
        for order in (pairs, reversed(pairs)):
            for ones, others in order:
                least = np.minimum(classes[ones], classes[others])
                np.minimum.at(classes, ones, least)
                np.minimum.at(classes, others, least)
        classes = classes[classes]
    return classes


class Pruning:
    """Which channels stay.

    Attributes:
        classes: of all channels.
        stays: whether the channels of each class stay.
    """

    def __init__(self, classes: ChannelClasses) -> None:
        self.classes = classes
        self.stays = classes.pinned.copy()
        self._read: dict[int, tuple[Flags, Flags]] = {}
        self._settle()

    def kept(self, value: SSAValue) -> Flags:
        """Which channels of a value stay."""
        return self.stays[self.classes.of(value)]

    def keep(self, classes: Integers) -> None:
        """Keeps classes, and what is needed for them."""
        self.stays[classes] = True
        self._settle()

    def _settle(self) -> None:
        """Keeps what is read, and can not be absorbed, of what stays; and one channel of each map."""
        changed = True
        while changed:
            changed = False
            for number, mix in enumerate(reversed(self.classes.mixes)):
                needed = self.classes.of(mix.map)[self._reads(number, mix) & ~mix.absorbed]
                changed |= self._add(needed)
            for value, first in self.classes.first.items():
                if last_extent(value) and not self.kept(value).any():
                    changed |= self._add(self.classes.classes[first : first + 1])

    def _reads(self, number: int, mix: _Mix) -> Flags:
        kept = self.kept(mix.result)
        known = self._read.get(number)
        if known is None or not np.array_equal(known[0], kept):
            known = self._read[number] = kept, mix.op.read_channels(kept)
        return known[1]

    def _add(self, classes: Integers) -> bool:
        new = not self.stays[classes].all()
        self.stays[classes] = True
        return new


def round_up(pruning: Pruning, multiple: int) -> None:
    """Keeps more channels, until each value has a multiple of so many, or all it had."""
    changed = True
    while changed:
        changed = False
        for value in pruning.classes.first:
            kept = pruning.kept(value)
            missing = -int(kept.sum()) % multiple
            if missing and not kept.all():
                pruning.keep(pruning.classes.of(value)[np.flatnonzero(~kept)[:missing]])
                changed = True
