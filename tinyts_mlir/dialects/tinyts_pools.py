"""Pools of the `tinyts` dialect: average_pool_2d, max_pool_2d, min_pool_2d, and mean and sum, over the whole map."""

from __future__ import annotations

import abc
from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import (
    StringAttr,
    TensorType,
    i32,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects.assembly import PropertyValue, int_values
from tinyts_mlir.dialects.interfaces import StreamableReductionInterface, StreamedReduction
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    HEIGHT,
    quantization_of,
    shape_of,
    tensor_type,
    total_rows,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts_base import (
    INT_ARRAY,
    NO_ACTIVATION,
    NO_PADDING,
    ONES,
    TIES_AWAY,
    ChannelLinkedOp,
    UnaryRowOp,
    verify_activation,
    verify_activations,
    verify_ranks,
    verify_ties,
    verify_window,
)
from tinyts_mlir.dialects.tinyts_reductions import (
    MeanOfSumsOp,
    RequantizedMeanOfSumsOp,
    RequantizedUnsignedSumsOp,
    SumRowsOp,
    SumUnsignedRowsOp,
)


class PoolOp(ChannelLinkedOp, UnaryRowOp, abc.ABC):
    """A pool over a window; padding takes no part in it.

    Stored integers are pooled as they are, as the reference does, even where input and result differ in quantization.
    """

    result = result_def(TensorType)

    window = prop_def(INT_ARRAY)
    """Height and width of the window."""
    stride = opt_prop_def(INT_ARRAY, default_value=ONES)
    padding = opt_prop_def(INT_ARRAY, default_value=NO_PADDING)
    activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """A window of the pool's height."""
        return RowMap(int_values(self.stride)[0], int_values(self.window)[0], int_values(self.padding)[0])

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_ranks(self, *self.input, self.result)
        verify_activations(self, *self.input, self.result)
        verify_activation(self, self.activation)
        window = int_values(self.window)
        self.expect(len(window) == 2 and min(window) >= 1, f"expected 2 window sizes >= 1, got {list(window)}")
        self.expect(
            shape_of(self.result)[CHANNELS] == shape_of(self.input[0])[CHANNELS],
            f"expected {shape_of(self.input[0])[CHANNELS]} result channels, got {shape_of(self.result)[CHANNELS]}",
        )
        padding = int_values(self.padding)
        verify_window(self, int_values(self.stride), (1, 1), padding, window)
        self.expect(
            max(padding[:2]) < window[0] and max(padding[2:]) < window[1],
            f"expected padding smaller than the window {list(window)}, got {list(padding)}",
        )
        self.verify_rows()
        self.verify_offsets()


def sums_of_channels(map: SSAValue) -> TensorType[Attribute]:
    """The type of the state that adds up the pixels of a map."""
    return TensorType(i32, (1, 1, 1, shape_of(map)[CHANNELS]))


@irdl_op_definition
class AveragePool2DOp(StreamableReductionInterface, PoolOp):
    """TFLite's AVERAGE_POOL_2D: the mean of the window's elements inside the map, ties rounded away from zero.

    With `ties = up` it is that of uint8, whose elements are 128 less here.

    Example:
        %1 = tinyts.average_pool_2d %0 {window = [7, 7]} : tensor<1x1x1x160x!q>
    """

    name = "tinyts.average_pool_2d"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    ties = opt_prop_def(StringAttr, default_value=TIES_AWAY)

    @property
    def is_of_unsigned_layer(self) -> bool:
        """Whether ties are rounded up."""
        return self.ties != TIES_AWAY

    def verify_(self) -> None:
        """Checks the rounding as well."""
        super().verify_()
        verify_ties(self, self.ties)

    def streamed_reduction(self) -> StreamedReduction | None:
        """A pool whose window is the whole map adds up rows as they come."""
        _, rows, columns, _ = whole_shape(tensor_type(self.input[0]))
        is_global = int_values(self.window) == (rows, columns) and not any(int_values(self.padding))
        if not is_global or shape_of(self.result)[HEIGHT:CHANNELS] != (1, 1):
            return None
        return StreamedReduction(tuple(self.input), sums_of_channels(self.input[0]))

    def accumulate(self, band: SSAValue, state: SSAValue | None) -> SumRowsOp:
        """Adds up the band's pixels."""
        return SumRowsOp([[band], state], sums_of_channels(band), location=self.location)

    def finish(self, state: SSAValue) -> MeanOfSumsOp:
        """Divides, with ties rounded as the pool has it."""
        properties = {"count": prod(int_values(self.window)), "activation": self.activation, "ties": self.ties}
        return MeanOfSumsOp([state], self.result.type, properties, location=self.location)


@irdl_op_definition
class MaxPool2DOp(PoolOp):
    """TFLite's MAX_POOL_2D.

    Example:
        %1 = tinyts.max_pool_2d %0 {window = [2, 2], stride = [2, 2]} : tensor<1x12x12x16x!q>
    """

    name = "tinyts.max_pool_2d"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class MinPool2DOp(PoolOp):
    """The minimum over windows; over a whole map it is TFLite's REDUCE_MIN.

    Example:
        %1 = tinyts.min_pool_2d %0 {window = [12, 12]} : tensor<1x1x1x16x!q>
    """

    name = "tinyts.min_pool_2d"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


class MapReductionOp(StreamableReductionInterface, ChannelLinkedOp, UnaryRowOp, abc.ABC):
    """A sum over all rows and columns that is requantized.

    The result has the shape 1 x 1 x 1 x channels (TFLite's keep_dims) or 1 x channels. No kernel runs such an op:
    `stream-reductions` makes sums of it, and a result of the sums.
    """

    result = result_def(TensorType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    @property
    def count(self) -> int:
        """How many elements make one of the result."""
        _, rows, columns, _ = whole_shape(tensor_type(self.input[0]))
        return rows * columns

    def streamed_reduction(self) -> StreamedReduction | None:
        """Adds up rows as they come, also those of a map in one piece."""
        return StreamedReduction(tuple(self.input), sums_of_channels(self.input[0]), always=True)

    def sums_properties(self) -> dict[str, PropertyValue | Attribute | None]:
        """The properties of the op that requantizes the sums."""
        return {"count": self.count, "input_type": quantization_of(self.input[0])}

    def row_map(self) -> RowMap | None:
        """All rows make the one of the result."""
        return RowMap(window=total_rows(tensor_type(self.input[0])))

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_ranks(self, *self.input)
        verify_activations(self, *self.input, self.result)
        channels = shape_of(self.input[0])[CHANNELS]
        self.expect(
            shape_of(self.result) in ((1, 1, 1, channels), (1, channels)),
            f"expected a result of shape {[1, 1, 1, channels]} or {[1, channels]}, got {list(shape_of(self.result))}",
        )
        self.verify_rows()
        self.verify_offsets()


@irdl_op_definition
class MeanOp(MapReductionOp):
    """TFLite's MEAN over all rows and columns: a global average pool that requantizes.

    Example:
        %1 = tinyts.mean %0 : tensor<1x160x!q>
    """

    name = "tinyts.mean"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    def accumulate(self, band: SSAValue, state: SSAValue | None) -> SumRowsOp:
        """Adds up the band's pixels."""
        return SumRowsOp([[band], state], sums_of_channels(band), location=self.location)

    def finish(self, state: SSAValue) -> RequantizedMeanOfSumsOp:
        """Requantizes and divides in one."""
        return RequantizedMeanOfSumsOp([state], self.result.type, self.sums_properties(), location=self.location)


@irdl_op_definition
class SumOp(MapReductionOp):
    """LiteRT's SUM over all rows and columns, which takes bytes of int8 for numbers of 0 to 255, and makes such.

    Example:
        %1 = tinyts.sum %0 : tensor<1x160x!q>
    """

    name = "tinyts.sum"

    def accumulate(self, band: SSAValue, state: SSAValue | None) -> SumUnsignedRowsOp:
        """Adds up the band's pixels."""
        return SumUnsignedRowsOp([[band], state], sums_of_channels(band), location=self.location)

    def finish(self, state: SSAValue) -> RequantizedUnsignedSumsOp:
        """Requantizes."""
        return RequantizedUnsignedSumsOp([state], self.result.type, self.sums_properties(), location=self.location)
