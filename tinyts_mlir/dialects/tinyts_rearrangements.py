"""Ops of the `tinyts` dialect whose result's elements are elements of their operand, chosen axis by axis."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerAttr, TensorType
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import CHANNELS, FEATURE_MAP_RANK, HEIGHT, WIDTH, numpy_type, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts_base import INT_ARRAY, UnaryRowOp, verify_movable

LONGEST_AXIS = 1 << 20
"""There are tables of what each index of an axis stands for."""
Offsets = npt.NDArray[np.int64]


class RearrangementOp(UnaryRowOp, abc.ABC):
    """An op of which each element of the result is one of the operand.

    Where it lies is a sum: of what each index of the result adds, axis by axis. An op of this family says these
    numbers; how its rows follow from rows of the operand, and its kernel, come from them.
    """

    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    result = result_def(TensorType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    @abc.abstractmethod
    def element_offsets(self) -> list[Offsets]:
        """For each axis of the whole result, the elements of the whole operand that each index is further on.

        Raises VerifyException where the properties do not fit the operand.
        """

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the whole operand."""
        return whole_shape(tensor_type(self.input[0]))

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of the whole result."""
        return whole_shape(tensor_type(self.result))

    def row_map(self) -> RowMap | None:
        """Row by row, or in blocks of as few rows as can be, where each row is made of one row.

        Blocks are all made alike, of rows that follow each other at one distance.
        """
        input, result = self.input_shape, self.result_shape
        if not is_map(input) or not is_map(result):
            return None
        batch, rows, *others = self.element_offsets()
        row_elements = prod(input[WIDTH:])
        lowest, highest = (int(batch[0]) + sum(int(end(offsets)) for offsets in others) for end in (np.min, np.max))
        for block in range(1, max(2, len(rows) // 2 + 1)):
            if len(rows) % block:
                continue
            firsts, block_rows = rows[::block], rows[:block]
            distance = int(firsts[1] - firsts[0]) if len(firsts) > 1 else row_elements
            if distance < row_elements or distance % row_elements:
                continue
            expected = np.add.outer(firsts[0] + distance * np.arange(len(firsts)), block_rows - firsts[0])
            sources = (block_rows + lowest) // row_elements
            if not (rows == expected.reshape(-1)).all() or (sources != (block_rows + highest) // row_elements).any():
                continue
            first, last = int(sources.min()), int(sources.max())
            return RowMap(distance // row_elements, last - first + 1, -first, block=block)
        return None

    def verify_(self) -> None:
        """Checks properties, shapes, types and rows."""
        verify_movable(self, *self.input, self.result)
        if numpy_type(tensor_type(self.input[0]).element_type) != numpy_type(tensor_type(self.result).element_type):
            raise self.fail(
                f"expected a result with the operand's elements, {self.input[0].type}, got {self.result.type}"
            )
        longest = max(*self.input_shape, *self.result_shape)
        self.expect(longest <= LONGEST_AXIS, f"expected dimensions of up to {LONGEST_AXIS} elements, got {longest}")
        offsets = self.element_offsets()
        expected, found = tuple(map(len, offsets)), self.result_shape
        self.expect(found == expected, f"expected a result of shape {list(expected)}, got {list(found)}")
        lowest = sum(int(axis.min()) for axis in offsets)
        highest = sum(int(axis.max()) for axis in offsets)
        self.expect(lowest >= 0 and highest < prod(self.input_shape), "expected to read elements of the operand only")
        self.verify_rows()
        self.verify_offsets()


def is_map(shape: Sequence[int]) -> bool:
    """Whether a tensor of this shape has rows."""
    return len(shape) == FEATURE_MAP_RANK and shape[0] == 1


def element_strides(shape: Sequence[int]) -> list[int]:
    """How many elements further on the next index of each axis is."""
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


@irdl_op_definition
class TransposeOp(RearrangementOp):
    """TFLite's TRANSPOSE: axis k of the result is axis `permutation[k]` of the operand.

    Example:
        %1 = tinyts.transpose %0 {permutation = [0, 1, 3, 2]} : tensor<1x12x16x12x!q>
    """

    name = "tinyts.transpose"

    permutation = prop_def(INT_ARRAY)

    def element_offsets(self) -> list[Offsets]:
        """The operand's, in another order."""
        shape, permutation = self.input_shape, int_values(self.permutation)
        self.expect(
            sorted(permutation) == list(range(len(shape))),
            f"expected a permutation of {len(shape)} axes, got {list(permutation)}",
        )
        strides = element_strides(shape)
        return [np.arange(shape[axis]) * strides[axis] for axis in permutation]


@irdl_op_definition
class StridedSliceOp(RearrangementOp):
    """TFLite's STRIDED_SLICE and SLICE: of each axis every `stride`-th index from `begin` on.

    There are as many as the result has. A stride may be negative.

    Example:
        %1 = tinyts.strided_slice %0 {begin = [0, 2, 0, 0], stride = [1, 2, 1, 1]} : tensor<1x5x12x16x!q>
    """

    name = "tinyts.strided_slice"

    begin = prop_def(INT_ARRAY)
    stride = prop_def(INT_ARRAY)

    def element_offsets(self) -> list[Offsets]:
        """Of the chosen indices."""
        shape, result = self.input_shape, self.result_shape
        begin, stride = int_values(self.begin), int_values(self.stride)
        self.expect(
            len(shape) == len(result) == len(begin) == len(stride),
            f"expected {len(shape)} dimensions, got a result of {len(result)}, {len(begin)} and {len(stride)} bounds",
        )
        indices = [b + s * np.arange(size) for b, s, size in zip(begin, stride, result, strict=True)]
        for axis, (chosen, size) in enumerate(zip(indices, shape, strict=True)):
            self.expect(
                chosen.min() >= 0 and chosen.max() < size,
                f"expected indices from 0 to {size - 1} along axis {axis}, got {chosen.min()} to {chosen.max()}",
            )
        return [chosen * step for chosen, step in zip(indices, element_strides(shape), strict=True)]


@irdl_op_definition
class GatherOp(RearrangementOp):
    """TFLite's GATHER of constant indices along `axis`.

    Example:
        %1 = tinyts.gather %0 {axis = 3, indices = [0, 2, 1, 3]} : tensor<1x12x12x4x!q>
    """

    name = "tinyts.gather"

    axis = prop_def(IntegerAttr)
    indices = prop_def(INT_ARRAY)

    def element_offsets(self) -> list[Offsets]:
        """Those of the operand, along the axis those of the indices."""
        shape, axis = self.input_shape, self.axis.value.data
        indices = np.array(int_values(self.indices), np.int64)
        self.expect(0 <= axis < len(shape), f"expected an axis from 0 to {len(shape) - 1}, got {axis}")
        self.expect(
            len(indices) > 0 and indices.min() >= 0 and indices.max() < shape[axis],
            f"expected indices from 0 to {shape[axis] - 1}",
        )
        offsets = [np.arange(size) * step for size, step in zip(shape, element_strides(shape), strict=True)]
        offsets[axis] = indices * element_strides(shape)[axis]
        return offsets


@irdl_op_definition
class TileOp(RearrangementOp):
    """TFLite's TILE: the operand, `multiples[k]` times one behind the other along axis k.

    Example:
        %1 = tinyts.tile %0 {multiples = [1, 2, 2, 1]} : tensor<1x24x24x16x!q>
    """

    name = "tinyts.tile"

    multiples = prop_def(INT_ARRAY)

    def element_offsets(self) -> list[Offsets]:
        """Those of the operand, again and again."""
        shape, multiples = self.input_shape, int_values(self.multiples)
        self.expect(
            len(multiples) == len(shape) and min(multiples) >= 1,
            f"expected {len(shape)} multiples >= 1, got {list(multiples)}",
        )
        expected = tuple(size * times for size, times in zip(shape, multiples, strict=True))
        self.expect(
            self.result_shape == expected, f"expected a result of shape {list(expected)}, got {list(self.result_shape)}"
        )
        axes = zip(shape, multiples, element_strides(shape), strict=True)
        return [np.tile(np.arange(size) * step, times) for size, times, step in axes]


@irdl_op_definition
class BroadcastToOp(RearrangementOp):
    """TFLite's BROADCAST_TO: the operand, repeated along axes in which it has one index, or which it does not have.

    Example:
        %1 = tinyts.broadcast_to %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.broadcast_to"

    def element_offsets(self) -> list[Offsets]:
        """Those of the operand, and zeroes along axes of one index."""
        result = self.result_shape
        shape = (*[1] * (len(result) - len(self.input_shape)), *self.input_shape)
        self.expect(
            len(shape) == len(result) and all(size in (1, wanted) for size, wanted in zip(shape, result, strict=True)),
            f"expected a shape that {list(self.input_shape)} can be repeated to, got {list(result)}",
        )
        axes = zip(shape, result, element_strides(shape), strict=True)
        return [np.arange(wanted) * (step if size == wanted else 0) for size, wanted, step in axes]


@irdl_op_definition
class MirrorPadOp(RearrangementOp):
    """TFLite's MIRROR_PAD: `padding` has two numbers for each axis; `symmetric` repeats the elements at the edges, too.

    Example:
        %1 = tinyts.mirror_pad %0 {padding = [0, 0, 1, 1, 1, 1, 0, 0]} : tensor<1x14x14x16x!q>
    """

    name = "tinyts.mirror_pad"

    padding = prop_def(INT_ARRAY)
    symmetric = opt_prop_def(IntegerAttr)

    @property
    def is_symmetric(self) -> bool:
        """Whether the edges themselves are mirrored."""
        return self.symmetric is not None and self.symmetric.value.data != 0

    def element_offsets(self) -> list[Offsets]:
        """Those of the operand, and mirrored ones around them."""
        shape, padding = self.input_shape, int_values(self.padding)
        self.expect(len(padding) == 2 * len(shape), f"expected {2 * len(shape)} paddings, got {list(padding)}")
        pairs = [(padding[2 * axis], padding[2 * axis + 1]) for axis in range(len(shape))]
        most = [size if self.is_symmetric else size - 1 for size in shape]
        self.expect(
            all(0 <= pad <= limit for pair, limit in zip(pairs, most, strict=True) for pad in pair),
            f"expected paddings from 0 to {most}, got {list(padding)}",
        )
        mode: Any = "symmetric" if self.is_symmetric else "reflect"
        axes = zip(shape, pairs, element_strides(shape), strict=True)
        return [np.pad(np.arange(size) * step, pair, mode=mode) for size, pair, step in axes]


@irdl_op_definition
class DepthToSpaceOp(RearrangementOp):
    """TFLite's DEPTH_TO_SPACE: the channels of a pixel become `block_size` x `block_size` pixels.

    Example:
        %1 = tinyts.depth_to_space %0 {block_size = 2} : tensor<1x24x24x4x!q>
    """

    name = "tinyts.depth_to_space"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8,)

    block_size = prop_def(IntegerAttr)

    def element_offsets(self) -> list[Offsets]:
        """Those of the pixel, and of the channels in it that this pixel of the block has."""
        shape, block = self.input_shape, self.block_size.value.data
        self.expect(
            is_map(shape) and block >= 1 and shape[CHANNELS] % (block * block) == 0,
            f"expected a feature map whose channels are blocks of {block} x {block}, got shape {list(shape)}",
        )
        _, row, column, _ = element_strides(shape)
        channels = shape[CHANNELS] // (block * block)
        rows, columns = np.arange(shape[HEIGHT] * block), np.arange(shape[WIDTH] * block)
        return [
            np.zeros(1, np.int64),
            rows // block * row + rows % block * block * channels,
            columns // block * column + columns % block * channels,
            np.arange(channels),
        ]


@irdl_op_definition
class SpaceToDepthOp(RearrangementOp):
    """TFLite's SPACE_TO_DEPTH: `block_size` x `block_size` pixels become the channels of one.

    Example:
        %1 = tinyts.space_to_depth %0 {block_size = 2} : tensor<1x6x6x64x!q>
    """

    name = "tinyts.space_to_depth"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8,)

    block_size = prop_def(IntegerAttr)

    def element_offsets(self) -> list[Offsets]:
        """Those of the block's first pixel, and of the pixels in it."""
        shape, block = self.input_shape, self.block_size.value.data
        self.expect(
            is_map(shape) and block >= 1 and shape[HEIGHT] % block == 0 and shape[WIDTH] % block == 0,
            f"expected a feature map of blocks of {block} x {block}, got shape {list(shape)}",
        )
        _, row, column, _ = element_strides(shape)
        steps = np.arange(block)
        pixels = np.add.outer(steps * row, steps * column)
        return [
            np.zeros(1, np.int64),
            np.arange(shape[HEIGHT] // block) * block * row,
            np.arange(shape[WIDTH] // block) * block * column,
            np.add.outer(pixels, np.arange(shape[CHANNELS])).reshape(-1),
        ]
