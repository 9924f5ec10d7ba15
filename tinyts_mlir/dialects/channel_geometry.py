"""How the channels of an op's results follow from those of its operands, and the op on some of its channels only.

A channel is an index along the last axis. `prune-channels` asks; an op that states nothing here reads and makes all of
its channels. All of this is about whole tensors.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.dialects.rows import tensor_type

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
NO_CHANNEL = -1


class ChannelLink(NamedTuple):
    """Channels of an operand that are there if, and only if, channels of a result are.

    Attributes:
        operand: a map, or a constant.
        result: of the op.
        channels: for each channel of the result that of the operand, or NO_CHANNEL.
    """

    operand: SSAValue
    result: SSAValue
    channels: Integers


class ChannelLinkInterface(Operation, abc.ABC):
    """An op that makes a channel of a result from just the channels that are linked to it."""

    @abc.abstractmethod
    def channel_links(self) -> Sequence[ChannelLink] | None:
        """All links; operands of which none is linked are read whole. None where that is not how the op works."""

    @abc.abstractmethod
    def on_channels(
        self,
        operands: Mapping[SSAValue, SSAValue],
        result_types: Sequence[TensorType[Attribute]],
        kept: Mapping[SSAValue, Flags],
    ) -> Operation:
        """The op on other operands, with fewer channels; `kept` says of each operand and result which are there."""


class ChannelMixInterface(Operation, abc.ABC):
    """An op that makes each channel of its only result as a sum over channels of one map, with constant weights."""

    @abc.abstractmethod
    def mixed_map(self) -> SSAValue | None:
        """The map; None where that is not how the op works."""

    @abc.abstractmethod
    def read_channels(self, kept_results: Flags) -> Flags:
        """Which channels of the map matter to any of these channels of the result."""

    @abc.abstractmethod
    def absorbable(self, bytes: Integers) -> Flags:
        """Whether the op can do without a channel of the map that holds this byte everywhere."""

    @abc.abstractmethod
    def mixed_on_channels(
        self,
        operand: SSAValue,
        result_type: TensorType[Attribute],
        kept: Flags,
        bytes: Integers,
        kept_results: Flags,
    ) -> Sequence[Operation]:
        """Ops of which the last makes the kept channels of the result from the kept channels of the map.

        `bytes` is what each channel of the map holds that is not kept and matters.
        """


def same_channels(operands: Sequence[SSAValue], result: SSAValue) -> list[ChannelLink]:
    """Links of operands that have the result's channels; one with a single channel, of several, is read whole."""
    count = last_extent(result)
    return [ChannelLink(value, result, np.arange(count)) for value in operands if last_extent(value) == count]


def folded_channels(operand: SSAValue, result: SSAValue) -> list[ChannelLink] | None:
    """The link of a reshape: element `n` of the one is element `n` of the other.

    None where a channel of the operand becomes several that are not all made of it.
    """
    before, after = last_extent(operand), last_extent(result)
    if before == 0 or after % before:
        return None
    return [ChannelLink(operand, result, np.arange(after) % before)]


def last_extent(value: SSAValue) -> int:
    """The extent of the last axis; 1 of a scalar."""
    shape = tensor_type(value).get_shape()
    return shape[-1] if shape else 1
