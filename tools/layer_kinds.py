"""Kinds of convolutions, and how many instructions for one multiplication their layers may take.

Small patches and few output channels take more: what is done once a pixel or once an output weighs more there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

FEW_OUTPUTS = 16
"""Fewer channels of a result are few."""
SMALL_PATCH = 32
"""Patches of fewer elements are small."""
MADE_AGAIN = 1.75
"""What is held is multiplied by this where some channels are made once more: in plain C, one of nine at most."""

_SHAPE = re.compile(r"(?:(\d+)x(\d+)(?:/(\d+))? )?(\d+)x(\d+)x(\d+) -> (\d+)x(\d+)x(\d+)")
_SOME_AGAIN = ("conv_2d_some_wide",)
_CONVOLUTIONS = ("conv_2d", *_SOME_AGAIN)
_DEPTHWISE = ("depthwise_conv_2d",)


class Kind(NamedTuple):
    """A kind of layers, and its limits in instructions for one multiplication.

    Attributes:
        aim: what we want; None where no aim was set.
        held: what the benchmark's models and generated ones reach, and a little more.
        held_by_few: the same of layers with few output channels.
    """

    name: str
    aim: float | None
    held: float
    held_by_few: float


_POINTWISE = (
    (32, Kind("1x1 from 32 channels", 1.1, 1.6, 1.7)),
    (16, Kind("1x1 from 16 channels", 1.35, 2.1, 3.7)),
    (8, Kind("1x1 from 8 channels", 2.0, 3.5, 10.8)),
    (1, Kind("1x1 from fewer channels", None, 7.0, 16.0)),
)
"""By the least number of input channels."""
_DEPTHWISE_KINDS = {
    (3, 3): Kind("depthwise 3x3", 2.3, 4.1, 4.3),
    (5, 5): Kind("depthwise 5x5", 1.6, 2.7, 4.3),
    (7, 7): Kind("depthwise 7x7", 1.35, 2.3, 4.3),
}
_OTHER_DEPTHWISE = Kind("other depthwise", None, 7.0, 7.0)
_FIRST = {
    3: Kind("3x3 from 3 channels", 1.6, 2.55, 3.0),
    1: Kind("3x3 from 1 channel", 3.0, 3.8, 7.2),
}
_SMALL = Kind("other convolutions, small patches", None, 6.0, 10.0)
_OTHER = Kind("other convolutions", 1.1, 1.75, 2.0)
KINDS = (
    *(kind for _, kind in _POINTWISE),
    *_DEPTHWISE_KINDS.values(),
    _OTHER_DEPTHWISE,
    *_FIRST.values(),
    _SMALL,
    _OTHER,
)


@dataclass(frozen=True)
class Layer:
    """A layer that multiplies, in a build of a model."""

    model: str
    compiler: str
    kernel: str
    shape: str
    macs: int
    instructions: int
    share: float
    """Of its net's instructions, in percent."""

    @property
    def per_mac(self) -> float:
        """Instructions for one multiplication."""
        return self.instructions / self.macs

    @property
    def kind(self) -> Kind | None:
        """None for what is no int8 convolution, or one into a single pixel, as each of its weights is used once."""
        found = _SHAPE.fullmatch(self.shape)
        if found is None or self.kernel not in (*_CONVOLUTIONS, *_DEPTHWISE):
            return None
        numbers = [int(number or 1) for number in found.groups()]
        window, pixels, outputs = (numbers[0], numbers[1]), prod(numbers[6:8]), numbers[8]
        if pixels == 1:
            return None
        if self.kernel in _DEPTHWISE:
            return _DEPTHWISE_KINDS.get(window, _OTHER_DEPTHWISE)
        patch = self.macs // (pixels * outputs)
        depth = patch // prod(window)
        if window == (1, 1):
            return next(kind for least, kind in _POINTWISE if depth >= least)
        if window == (3, 3) and depth in _FIRST:
            return _FIRST[depth]
        return _OTHER if patch >= SMALL_PATCH else _SMALL

    @property
    def held(self) -> float | None:
        """The limit of its kind that is reached today; None where it has no kind."""
        if (kind := self.kind) is None:
            return None
        held = kind.held_by_few if int(self.shape.rpartition("x")[2]) < FEW_OUTPUTS else kind.held
        return held * (MADE_AGAIN if self.kernel in _SOME_AGAIN else 1)
