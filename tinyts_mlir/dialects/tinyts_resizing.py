"""Ops of the `tinyts` dialect that resize feature maps: resize_nearest_neighbor, resize_bilinear."""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerAttr, TensorType
from xdsl.irdl import ParsePropInAttrDict, irdl_op_definition, opt_prop_def, result_def, traits_def
from xdsl.traits import Pure

from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, WIDTH, quantization_of, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts_base import ChannelLinkedOp, UnaryRowOp, verify_int8
from tinyts_mlir.dialects.tinyts_rearrangements import Offsets, RearrangementOp, element_strides, is_map


def is_set(flag: IntegerAttr | None) -> bool:
    """Whether a flag that is absent by default is set."""
    return flag is not None and flag.value.data != 0


@irdl_op_definition
class ResizeNearestNeighborOp(ChannelLinkedOp, RearrangementOp):
    """TFLite's RESIZE_NEAREST_NEIGHBOR.

    Example:
        %1 = tinyts.resize_nearest_neighbor %0 : tensor<1x24x24x16x!q>
    """

    name = "tinyts.resize_nearest_neighbor"

    align_corners = opt_prop_def(IntegerAttr)
    half_pixel_centers = opt_prop_def(IntegerAttr)

    def element_offsets(self) -> list[Offsets]:
        """Of the nearest pixels."""
        shape, result = self.input_shape, self.result_shape
        self.expect(
            is_map(shape) and is_map(result) and shape[CHANNELS] == result[CHANNELS],
            f"expected feature maps of as many channels, got shapes {list(shape)} and {list(result)}",
        )
        flags = is_set(self.align_corners), is_set(self.half_pixel_centers)
        _, row, column, _ = element_strides(shape)
        return [
            np.zeros(1, np.int64),
            _nearest(shape[HEIGHT], result[HEIGHT], *flags) * row,
            _nearest(shape[WIDTH], result[WIDTH], *flags) * column,
            np.arange(shape[CHANNELS]),
        ]


def _nearest(inputs: int, outputs: int, align_corners: bool, half_pixel_centers: bool) -> npt.NDArray[np.int64]:
    """The index that each of `outputs` indices takes; in float32, as GetNearestNeighbor computes it.

    Source: kernels/internal/reference/resize_nearest_neighbor.h.
    """
    aligned = align_corners and outputs > 1
    scale = np.float32(inputs - 1 if aligned else inputs) / np.float32(outputs - 1 if aligned else outputs)
    offset = np.float32(0.5 if half_pixel_centers else 0)
    scaled = ((np.arange(outputs, dtype=np.float32) + offset) * scale).astype(np.float64)
    indices = np.floor(scaled + 0.5 if align_corners else scaled).astype(np.int64)
    return np.clip(indices, 0, inputs - 1)


ONE = 1 << 10
"""A pixel, in the fixed point of positions."""


class Interpolation(NamedTuple):
    """Where each index of the result lies in the operand, in 1/1024; `scale` is from one to the next."""

    position: npt.NDArray[np.int64]
    scale: int

    def between(self, inputs: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The two of `inputs` indices that each lies between, and how far from the lower, in 1/1024."""
        # Positions above 0 are divided; of others, which may be negative, the pixel is 0.
        lower = np.minimum(np.maximum(self.position, 0) // ONE, inputs - 1)
        upper = np.minimum(np.maximum(self.position + ONE - 1, 0) // ONE, inputs - 1)
        return lower, upper, self.position - ONE * lower


def interpolation(inputs: int, outputs: int, align_corners: bool, half_pixel_centers: bool) -> Interpolation:
    """Source: ResizeBilinearInteger and ComputeInterpolationValuesInteger in reference/resize_bilinear.h."""
    scale = (ONE * inputs + outputs // 2) // outputs
    if align_corners and outputs > 1:
        scale = (ONE * (inputs - 1) + (outputs - 1) // 2) // (outputs - 1)
    position = np.arange(outputs, dtype=np.int64) * scale
    if half_pixel_centers:
        position += scale // 2 - ONE // 2
    return Interpolation(position, scale)


@irdl_op_definition
class ResizeBilinearOp(ChannelLinkedOp, UnaryRowOp):
    """TFLite's RESIZE_BILINEAR.

    Example:
        %1 = tinyts.resize_bilinear %0 {half_pixel_centers = 1} : tensor<1x24x24x16x!q>
    """

    name = "tinyts.resize_bilinear"

    result = result_def(TensorType)
    align_corners = opt_prop_def(IntegerAttr)
    half_pixel_centers = opt_prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def interpolation(self, axis: int) -> Interpolation:
        """How the indices of an axis of the whole result lie between those of the operand."""
        inputs, outputs = whole_shape(tensor_type(self.input[0]))[axis], whole_shape(tensor_type(self.result))[axis]
        return interpolation(inputs, outputs, is_set(self.align_corners), is_set(self.half_pixel_centers))

    def row_map(self) -> RowMap | None:
        """In blocks after which positions are a whole number of rows further on; None where there are no such."""
        if not is_map(whole_shape(tensor_type(self.input[0]))):
            return None
        rows = self.interpolation(HEIGHT)
        outputs = len(rows.position)
        block = ONE // gcd(ONE, rows.scale)
        if outputs % block or block == outputs > 1:
            return None
        lower, upper = rows.position[:block] // ONE, (rows.position[:block] + ONE - 1) // ONE
        first, last = int(lower.min()), int(upper.max())
        return RowMap(block * rows.scale // ONE, last - first + 1, -first, block=block)

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_int8(self, *self.input, self.result)
        shape, result = whole_shape(tensor_type(self.input[0])), whole_shape(tensor_type(self.result))
        self.expect(
            is_map(shape) and is_map(result) and shape[CHANNELS] == result[CHANNELS],
            f"expected feature maps of as many channels, got shapes {list(shape)} and {list(result)}",
        )
        self.expect(
            quantization_of(self.input[0]) == quantization_of(self.result),
            f"expected a result quantized as the operand, got {quantization_of(self.result)}",
        )
        self.verify_rows()
        self.verify_offsets()
