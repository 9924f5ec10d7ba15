"""The bytes that can be made of a layer's sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinyts_mlir.kernels.channel_bytes import ChannelBytes
from tinyts_mlir.quantization import INT32_MAX, INT32_MIN, wrap_int32

Int64Array = npt.NDArray[np.int64]
ANY_SUM = 1 << 31
"""No sum is greater in magnitude."""
_LAP = 1 << 32


class SumRange(NamedTuple):
    """The least and the greatest sum of each output channel, as if nothing could overflow."""

    lowest: Int64Array
    highest: Int64Array


def bytes_of_sums(
    sums: SumRange,
    to_bytes: Callable[[Int64Array], npt.NDArray[Any]],
    limits: tuple[int, int],
    largest: npt.NDArray[Any] | int = ANY_SUM,
) -> ChannelBytes:
    """The bytes that channels make of sums that are kept in int32, wrap-around included.

    Args:
        sums: of each channel, before they wrap.
        to_bytes: what each channel makes of one int32 sum, from and to shape (channels,). It never falls, or never
            rises, as the sum grows.
        limits: the least and the greatest byte there is.
        largest: of each channel, or of all, the greatest magnitude of a sum up to which that is so.
    """
    laps = (sums.highest - INT32_MIN) // _LAP - (sums.lowest - INT32_MIN) // _LAP
    low, high = wrap_int32(sums.lowest).astype(np.int64), wrap_int32(sums.highest).astype(np.int64)
    unknown = (laps > 1) | ((laps == 1) & (largest < ANY_SUM))
    unknown |= np.maximum(np.abs(low), np.abs(high)) > largest
    # A range that wraps once is two: what is left up to the greatest int32, and what begins at the least.
    made = _between(to_bytes(low), to_bytes(np.where(laps == 1, INT32_MAX, high)))
    if (laps == 1).any():
        second = _between(to_bytes(np.where(laps == 1, INT32_MIN, low)), to_bytes(high))
        made = ChannelBytes(made.possible | second.possible)
    if unknown.any():
        anything = ChannelBytes.anything(len(unknown), limits)
        made = ChannelBytes(np.where(unknown[:, None], anything.possible, made.possible))
    return made


def _between(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> ChannelBytes:
    """The bytes between two, whichever is less."""
    return ChannelBytes.between(np.minimum(first, second), np.maximum(first, second))
