"""Which int8 weights of a convolution go as half words, two output channels in one (tinyts_channel_pairs.h).

Multiplied as it is, the int16 number 256 * even + odd sums both channels at once. For that it has to fit int16, and the
sum of the even channel 24 bits. What trained channels have is far below. The others are those that training left for
dead, with a bias so large that they make one value whatever the input: that value has constants of its own, which fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.kernels.channel_scaling import ChannelScaling
from tinyts_mlir.quantization import INT8_MIN, INT32_MAX, INT32_MIN, accumulator_range, requantize

SUM_LIMIT = 1 << 23
"""No sum of an even channel reaches this in magnitude."""
MOST_SCALED = 1 << 10
"""What is beyond is the least or the greatest byte, wherever the zero point is."""
_QUARTER = (1 << 30, -1)
"""Multiplier and shift that scale by a quarter."""


def fit_half_words(by_channel: NDArray[np.int8], bias: NDArray[np.int32], groups: int) -> bool:
    """Whether weights (output channels, elements of a patch) and biases, folded, fit half words."""
    in_group = len(by_channel) // groups
    grouped = by_channel.reshape(groups, in_group, -1)
    even = grouped[:, 0::2]
    odd = np.zeros_like(even)
    odd[:, : in_group // 2] = grouped[:, 1::2]
    if ((even == INT8_MIN) & (odd < 0)).any():
        return False
    lowest, highest = (ends.reshape(groups, in_group)[:, 0::2] for ends in accumulator_range(by_channel, bias, 0))
    return bool((lowest > -SUM_LIMIT).all() and (highest < SUM_LIMIT).all())


def settle_large_constants(
    by_channel: NDArray[np.int8] | NDArray[np.int16], scaling: ChannelScaling
) -> tuple[NDArray[np.bool_], ChannelScaling]:
    """Which channels have large sums that scale to one value whatever the input, and constants that fit for them.

    They need no weights. The bias has the input zero point in it; of such a channel it becomes four times the value,
    which is scaled by 1/4.
    """
    lowest, highest = accumulator_range(by_channel, scaling.bias, 0)
    # A multiplier of 0 makes 0 of what wraps around, too.
    known = (lowest >= INT32_MIN) & (highest <= INT32_MAX) | (scaling.multipliers == 0)
    large = (np.maximum(-lowest, highest) >= SUM_LIMIT) & known
    ends = (np.clip(end, INT32_MIN, INT32_MAX) for end in (lowest, highest))
    values = (requantize(end, scaling.multipliers, scaling.shifts) for end in ends)
    first, second = (np.clip(value, -MOST_SCALED, MOST_SCALED) for value in values)
    # Scaling never falls as the sum grows, or never rises, where nothing is shifted to the left.
    settled = large & (first == second) & (scaling.shifts <= 0)
    multiplier, shift = _QUARTER
    return settled, scaling._replace(
        bias=np.where(settled, 4 * first, scaling.bias).astype(np.int32),
        multipliers=np.where(settled, multiplier, scaling.multipliers).astype(np.int32),
        shifts=np.where(settled, shift, scaling.shifts).astype(np.int32),
        narrow_channels=scaling.narrow_channels | settled,
    )
