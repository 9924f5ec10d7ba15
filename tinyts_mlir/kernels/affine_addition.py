"""ADD and SUB in one step: constants with which `(a * x + b * y + c) >> shift` is what LiteRT makes of bytes x and y.

The reference rounds four times, so no constants follow from its scales. But there are only 65,536 pairs of bytes:
constants are looked for near the scales, and what is found is right for every pair.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinyts_mlir.kernels.reference_addition import add
from tinyts_mlir.quantization import INT8_MAX, INT8_MIN, INT32_MAX, AddParameters

__all__ = ["AffineAddition", "affine_addition", "affine_sums"]

_SHIFTS = (22, 23, 24, 21, 20)
"""The C kernel is fastest with the first. More bits hit more pairs, unless a sum leaves int32."""
_FACTOR_LIMIT = 1 << 23
"""The C kernel multiplies by 256 times a factor."""
_STEPS = 60
_NEIGHBOURS = sorted(
    ((i, j) for i in range(-4, 5) for j in range(-4, 5)), key=lambda step: (step[0] ** 2 + step[1] ** 2, step)
)
_ROOM = 1e-5
"""Of the reals that are looked for, in steps of the output: less could not survive rounding at these shifts."""

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]


class AffineAddition(NamedTuple):
    """`(factors[0] * x + factors[1] * y + offset) >> right_shift`, clamped as the ADD clamps, is the sum of x and y.

    No value on the way leaves int32, but for the sum of the first two terms, which may wrap.
    """

    factors: tuple[int, int]
    offset: int
    right_shift: int


@cache
def affine_addition(parameters: AddParameters) -> AffineAddition | None:
    """Constants with which every pair of bytes has the sum that `add` gives it; None where none were found.

    Those of a SUB are of an ADD of the second operand's complement, -1 - y, which is a byte as well.
    """
    if parameters.multipliers[0] < 0 or parameters.output_multiplier <= 0:
        return None
    is_sum = parameters.multipliers[1] >= 0
    bounds = _Bounds(parameters)
    reals = bounds.inside(_real_factors(parameters))
    if reals is None:
        return None
    for shift in _SHIFTS:
        nearest = np.round(reals * 2.0**shift).astype(np.int64)
        for step in _NEIGHBOURS:
            a, b = (int(factor) for factor in nearest + step)
            offset = bounds.offset(a, b, shift)
            if offset is None or not 0 <= min(a, b) <= max(a, b) < _FACTOR_LIMIT:
                continue
            least, greatest = ((a + b) * byte + offset for byte in (INT8_MIN, INT8_MAX))
            if least >= -INT32_MAX and greatest <= INT32_MAX:
                return AffineAddition((a, b), offset, shift) if is_sum else AffineAddition((a, -b), offset - b, shift)
    return None


def affine_sums(
    first: npt.NDArray[np.int8],
    second: npt.NDArray[np.int8],
    addition: AffineAddition,
    output_range: tuple[int, int] = (INT8_MIN, INT8_MAX),
) -> npt.NDArray[np.int8]:
    """The sums of two arrays, broadcast, as the C kernels compute them."""
    a, b = addition.factors
    total = a * first.astype(np.int64) + b * second.astype(np.int64) + addition.offset
    return np.clip(total >> addition.right_shift, *output_range).astype(np.int8)


def _real_factors(parameters: AddParameters) -> Float64Array:
    """How many steps of the output a step of each input is, whatever its sign."""
    output = parameters.output_multiplier * 2.0 ** (parameters.output_shift - 31 + parameters.left_shift)
    factors = zip(parameters.multipliers, parameters.shifts, strict=True)
    return np.array([abs(multiplier) * 2.0 ** (shift - 31) * output for multiplier, shift in factors])


class _Bounds:
    """What the sums of all pairs demand of a * x + b * y + c: from `sum` on, below `sum + 1`.

    Sums never fall where x or y grows, nor do affine functions with factors that are not negative. So of the pairs with
    the same sum, only those at the edges count. What was clamped is bounded on one side only.
    """

    def __init__(self, parameters: AddParameters):
        values = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int8)
        x, y = (np.ascontiguousarray(grid) for grid in np.meshgrid(values, values, indexing="ij"))
        sums = add(x, y if parameters.multipliers[1] >= 0 else ~y, parameters).astype(np.int64)
        from_below, from_above = sums > parameters.output_minimum, sums < parameters.output_maximum
        along_x, along_y = sums[1:] != sums[:-1], sums[:, 1:] != sums[:, :-1]
        from_below[1:] &= along_x
        from_below[:, 1:] &= along_y
        from_above[:-1] &= along_x
        from_above[:, :-1] &= along_y
        self._lower = np.stack([x[from_below], y[from_below], sums[from_below]]).astype(np.int64)
        self._upper = np.stack([x[from_above], y[from_above], sums[from_above] + 1]).astype(np.int64)

    def inside(self, factors: Float64Array) -> Float64Array | None:
        """Real factors near these for which there is a real offset; None if a search does not come upon any."""
        if 0 in (self._lower.size, self._upper.size):
            return factors
        for _ in range(_STEPS):
            (x0, y0, low), (x1, y1, high) = self._lower, self._upper
            lows, highs = low - factors[0] * x0 - factors[1] * y0, high - factors[0] * x1 - factors[1] * y1
            i, j = lows.argmax(), highs.argmin()
            room = highs[j] - lows[i]
            if room >= _ROOM:
                return factors
            # Go where just these two bounds leave room.
            direction = self._lower[:2, i] - self._upper[:2, j]
            if not direction.any():
                return None
            factors = factors + direction * ((1.5 * _ROOM - room) / (direction @ direction))
        return None

    def offset(self, a: int, b: int, shift: int) -> int | None:
        """The offset in the middle of those that are right for all pairs, if there are any.

        What is bounded on one side, or on none, saturates everywhere.
        """
        lows = (self._lower[2] << shift) - a * self._lower[0] - b * self._lower[1]
        highs = (self._upper[2] << shift) - 1 - a * self._upper[0] - b * self._upper[1]
        if 0 in (lows.size, highs.size):
            return int(lows.max()) if lows.size else int(highs.min()) if highs.size else 0
        low, high = int(lows.max()), int(highs.min())
        return (low + high) >> 1 if low <= high else None
