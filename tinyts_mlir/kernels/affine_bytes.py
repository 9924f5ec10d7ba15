"""Functions of one byte that are affine: constants with which `((factor * x >> 8) + offset) >> 16` makes them.

What adding or multiplying with a constant makes of the 256 bytes is rounded more than once, so no constants follow from
scales; they are found from the bytes, and are right for each of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinyts_mlir.quantization import INT8_MAX, INT8_MIN, INT32_MAX

__all__ = ["AffineByte", "affine_byte", "affine_bytes"]

FACTOR_BITS, OFFSET_BITS = 24, 16
"""Behind the point."""
_BYTES = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
_TRIES = np.linspace(0.0, 1.0, 17)[1:-1]
"""Where a slope is looked for between its bounds."""

Int64Array = npt.NDArray[np.int64]


class AffineByte(NamedTuple):
    """`((factor * x >> 8) + offset) >> 16`, clamped, is the result for every byte x; nothing leaves int32."""

    factor: int
    offset: int


def affine_byte(results: Int64Array, output_range: tuple[int, int]) -> AffineByte | None:
    """The constants with which each of the 256 bytes has its result, clamped; None where none were found."""
    # Results at an end of the range are bounded on one side only.
    lower, upper = results > output_range[0], results < output_range[1]
    for slope in _slopes(results, lower, upper):
        factor = round(slope * 2**FACTOR_BITS)
        if abs(factor) > INT32_MAX:
            continue
        products = factor * _BYTES >> FACTOR_BITS - OFFSET_BITS
        lows = ((results << OFFSET_BITS) - products)[lower]
        highs = ((results + 1 << OFFSET_BITS) - 1 - products)[upper]
        offset = _between(lows, highs, int(results[0]) << OFFSET_BITS)
        # The C kernel adds 128 to a result before it clamps.
        if offset is not None and max(map(abs, map(int, products))) + abs(offset) < INT32_MAX - (128 << OFFSET_BITS):
            return AffineByte(factor, offset)
    return None


def affine_bytes(
    values: npt.NDArray[np.int8], factors: Int64Array, offsets: Int64Array, output_range: tuple[int, int]
) -> npt.NDArray[np.int8]:
    """What constants make of bytes, broadcast."""
    sums = (factors * values.astype(np.int64) >> FACTOR_BITS - OFFSET_BITS) + offsets
    return np.clip(sums >> OFFSET_BITS, *output_range).astype(np.int8)


def _between(lows: Int64Array, highs: Int64Array, default: int) -> int | None:
    """A number in the middle between all lows and all highs; None where there is none."""
    low = int(lows.max()) if lows.size else None
    high = int(highs.min()) if highs.size else None
    if low is None or high is None:
        found = low if high is None else high
        return default if found is None else found
    return (low + high) >> 1 if low <= high else None


def _slopes(results: Int64Array, lower: npt.NDArray[np.bool_], upper: npt.NDArray[np.bool_]) -> list[float]:
    """Slopes of lines that pass every result from it on, but stay below the next one; best first.

    For byte i with an upper bound and j with a lower one, slope * (x[j] - x[i]) is above result[j] - result[i] - 1.
    """
    rise = results[lower][None, :] - results[upper][:, None] - 1
    run = _BYTES[lower][None, :] - _BYTES[upper][:, None]
    ahead, behind = run > 0, run < 0
    least = float((rise[ahead] / run[ahead]).max()) if ahead.any() else None
    greatest = float((rise[behind] / run[behind]).min()) if behind.any() else None
    if least is None and greatest is None:
        return [0.0]
    if least is None or greatest is None:
        # Of a function that saturates but for a byte or none.
        return [greatest - 1.0] if least is None else [least + 1.0]  # type: ignore[operator]
    if least >= greatest:
        return []
    slopes = least + (greatest - least) * _TRIES
    room = [
        (results[upper] + 1 - slope * _BYTES[upper]).min() - (results[lower] - slope * _BYTES[lower]).max()
        for slope in slopes
    ]
    return [float(slope) for slope in slopes[np.argsort(room)[::-1]]]
