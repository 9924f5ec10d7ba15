"""RESIZE_BILINEAR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, WIDTH
from tinyts_mlir.dialects.tinyts import ResizeBilinearOp
from tinyts_mlir.dialects.tinyts_resizing import is_set
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Int32Array, Rows, Window, as_rows
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameters, int32_array, integer

ONE = 1 << 10
"""A pixel, in the fixed point of positions."""
_COST = per_element(20.0)


class Interpolation(NamedTuple):
    """For each index of the result: the two indices of the operand that it lies between, and how far from the lower."""

    lower: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]
    distance: npt.NDArray[np.int64]


def interpolation(inputs: int, outputs: int, align_corners: bool, half_pixel_centers: bool) -> Interpolation:
    """Source: ResizeBilinearInteger and ComputeInterpolationValuesInteger in reference/resize_bilinear.h."""
    scale = (ONE * inputs + outputs // 2) // outputs
    if align_corners and outputs > 1:
        scale = (ONE * (inputs - 1) + (outputs - 1) // 2) // (outputs - 1)
    position = np.arange(outputs, dtype=np.int64) * scale
    if half_pixel_centers:
        position += scale // 2 - ONE // 2
    # Positions above 0 are divided; of others, which may be negative, the pixel is 0.
    lower = np.minimum(np.maximum(position, 0) // ONE, inputs - 1)
    upper = np.minimum(np.maximum(position + ONE - 1, 0) // ONE, inputs - 1)
    return Interpolation(lower, upper, position - ONE * lower)


def _call(op: ResizeBilinearOp) -> KernelCall:
    shape, result = whole_shape_of(op.input[0]), whole_shape_of(op.result)
    flags = is_set(op.align_corners), is_set(op.half_pixel_centers)
    row_elements = shape[WIDTH] * shape[CHANNELS]
    rows, columns = (interpolation(shape[axis], result[axis], *flags) for axis in (HEIGHT, WIDTH))
    parameters = {
        "rows": _table(rows, row_elements),
        "columns": _table(columns, shape[CHANNELS]),
        "output_height": result[HEIGHT],
        "output_width": result[WIDTH],
        "channels": shape[CHANNELS],
    }
    return KernelCall.of(op, RESIZE_BILINEAR, parameters)


def _table(indices: Interpolation, elements: int) -> Int32Array:
    """{lower, upper, distance} for each index; the first two in elements."""
    return np.stack([indices.lower * elements, indices.upper * elements, indices.distance], axis=1).astype(np.int32)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    map = inputs[0].rows.reshape(-1).astype(np.int64)
    rows = int32_array(parameters, "rows").reshape(-1, 3).astype(np.int64)
    columns = int32_array(parameters, "columns").reshape(-1, 3).astype(np.int64)
    channels = np.arange(integer(parameters, "channels"))
    sums = np.zeros((len(rows), len(columns), len(channels)), np.int64)
    for row in (0, 1):
        for column in (0, 1):
            places = np.add.outer(np.add.outer(rows[:, row], columns[:, column]), channels)
            row_weights = rows[:, 2] if row else ONE - rows[:, 2]
            column_weights = columns[:, 2] if column else ONE - columns[:, 2]
            sums += map[places] * np.multiply.outer(row_weights, column_weights)[:, :, None]
    half = ONE * ONE // 2
    rounded = np.sign(sums) * ((np.abs(sums) + half) // (ONE * ONE))
    return as_rows(rounded.astype(np.int8), row_count)


RESIZE_BILINEAR = Kernel("resize_bilinear", _run, cost=_COST)

FAMILY = KernelFamily(kernels=[RESIZE_BILINEAR], ops=[OpEntry(ResizeBilinearOp, _call, cost=_COST)])
