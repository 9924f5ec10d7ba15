"""The sums of products that a layer's weights can make of what its operand can hold, and the bytes made of them."""

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


def reachable_sums(
    weights: npt.NDArray[np.int8] | npt.NDArray[np.int16],
    lowest: Int64Array,
    highest: Int64Array,
    zero_point: int,
    bias: npt.NDArray[np.int32] | None,
) -> SumRange:
    """The sums of `weights * (bytes - zero_point)` and the bias.

    `weights` has shape (output channels, products); `lowest` and `highest`, the ends of what the operand holds at each
    product, have shape (products,), or that of the weights; `bias` has (output channels,).
    """
    # Sums of products stay below 2**53: doubles hold them exactly, and are multiplied by fast code.
    low, high = ((ends - zero_point).astype(np.float64) for ends in (lowest, highest))
    positive = np.maximum(weights, 0).astype(np.float64)
    negative = np.minimum(weights, 0).astype(np.float64)
    if low.ndim == 1:
        bottom, top = positive @ low + negative @ high, positive @ high + negative @ low
    else:
        bottom = (positive * low + negative * high).sum(axis=1)
        top = (positive * high + negative * low).sum(axis=1)
    offset = 0 if bias is None else bias.astype(np.int64)
    return SumRange(bottom.astype(np.int64) + offset, top.astype(np.int64) + offset)


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
