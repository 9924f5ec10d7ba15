"""Streamed reductions of the `tinyts` dialect: ops that take rows as they come, into int32 state.

A reduction over all rows of a map is a chain of accumulating ops, one for each band, and an op that finishes. The state
is a value like any other, except that each accumulating op writes it where the one before left it:

    %0 = tinyts.sum_rows %row0 : tensor<1x1x1x64xi32>
    %1 = tinyts.sum_rows %row1, %0 : tensor<1x1x1x64xi32>
    %2 = tinyts.mean_of_sums %1 {count = 10} : tensor<1x1x1x64x!q>

So no more than a band of the map is ever needed at once.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType, i32
from xdsl.ir import SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects.interfaces import AccumulatingInterface
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    row_bytes,
    shape_of,
    size_in_bytes,
    tensor_type,
    total_rows,
    verify_feature_map,
)
from tinyts_mlir.dialects.tinyts_base import (
    NO_ACTIVATION,
    TIES_AWAY,
    TinytsOp,
    verify_activation,
    verify_activations,
    verify_bias,
    verify_consecutive,
    verify_dense_filter,
    verify_ranks,
    verify_ties,
)


class AccumulatingOp(AccumulatingInterface, TinytsOp, abc.ABC):
    """Adds bands of a map to int32 state; without an accumulator, to state that is all zero."""

    rows = var_operand_def(TensorType)
    """Consecutive bands of the map."""
    accumulator = opt_operand_def(TensorType)
    """The state so far; the result takes its place in the arena."""
    result = result_def(TensorType)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    def shared_operand_of(self, result: SSAValue) -> SSAValue | None:
        """The state so far, where there is any."""
        return self.accumulator

    def taken_bands(self) -> Sequence[SSAValue]:
        """The bands."""
        return tuple(self.rows)

    def state_before(self) -> SSAValue | None:
        """The state so far."""
        return self.accumulator

    def verify_bands(self) -> None:
        """Checks the bands."""
        verify_consecutive(self, tuple(self.rows))
        verify_activations(self, *self.rows)

    def verify_state(self, shape: tuple[int, ...]) -> None:
        """Checks the types of the state, and the plan."""
        self.verify_offsets()
        for state in (self.accumulator, self.result):
            if state is not None:
                expect_state(self, state, shape)


def expect_state(op: TinytsOp, state: SSAValue, shape: tuple[int, ...]) -> None:
    """Raises unless a value is int32 state of this shape."""
    op.expect(
        state.type == TensorType(i32, shape), f"expected state of type {TensorType(i32, shape)}, got {state.type}"
    )


class PixelSumOp(AccumulatingOp, abc.ABC):
    """Adds the pixels of bands to a sum for each channel."""

    def verify_(self) -> None:
        """Checks bands and state."""
        self.verify_bands()
        self.verify_state((1, 1, 1, shape_of(self.rows[0])[-1]))


@irdl_op_definition
class SumRowsOp(PixelSumOp):
    """Adds the pixels of bands to a sum for each channel: a global average pool before the division.

    Example:
        %1 = tinyts.sum_rows %row, %0 : tensor<1x1x1x64xi32>
    """

    name = "tinyts.sum_rows"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class SumUnsignedRowsOp(PixelSumOp):
    """Adds the pixels of bands to a sum for each channel, bytes taken for numbers of 0 to 255: LiteRT's SUM.

    Example:
        %1 = tinyts.sum_unsigned_rows %row, %0 : tensor<1x1x1x64xi32>
    """

    name = "tinyts.sum_unsigned_rows"


@irdl_op_definition
class MeanOfSumsOp(TinytsOp):
    """Divides the sums of `count` pixels, with ties away from zero, or up: what AVERAGE_POOL_2D makes of a whole map.

    Example:
        %2 = tinyts.mean_of_sums %1 {count = 49} : tensor<1x1x1x64x!q>
    """

    name = "tinyts.mean_of_sums"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    sums = operand_def(TensorType)
    result = result_def(TensorType)

    count = prop_def(IntegerAttr)
    activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)
    ties = opt_prop_def(StringAttr, default_value=TIES_AWAY)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        """Checks types and the count."""
        self.verify_offsets()
        verify_activations(self, self.result)
        verify_activation(self, self.activation)
        verify_ties(self, self.ties)
        self.expect(self.count.value.data >= 1, f"expected a count of at least 1, got {self.count.value.data}")
        self.expect(len(shape_of(self.result)) == 4, f"expected a result of rank 4, got {self.result.type}")
        expect_state(self, self.sums, (1, 1, 1, shape_of(self.result)[CHANNELS]))


class RequantizedSumsOp(TinytsOp, abc.ABC):
    """Requantizes the sums of `count` pixels; `input_type` is the quantized element type of the map."""

    sums = operand_def(TensorType)
    result = result_def(TensorType)

    count = prop_def(IntegerAttr)
    input_type = prop_def(UniformQuantizedType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        """Checks types and the count."""
        self.verify_offsets()
        verify_activations(self, self.result)
        self.expect(self.count.value.data >= 1, f"expected a count of at least 1, got {self.count.value.data}")
        *outer, channels = shape_of(self.result) or (0,)
        self.expect(
            outer in ([1, 1, 1], [1]),
            f"expected a result of shape 1 x 1 x 1 x channels or 1 x channels, got {self.result.type}",
        )
        expect_state(self, self.sums, (1, 1, 1, channels))


@irdl_op_definition
class RequantizedMeanOfSumsOp(RequantizedSumsOp):
    """Requantizes the sums of `count` pixels and divides them, in one: what MEAN makes of a whole map.

    Example:
        %2 = tinyts.requantized_mean_of_sums %1 {count = 49, input_type = !quant.uniform<i8:f32, 0.5:-1>}
          : tensor<1x64x!q>
    """

    name = "tinyts.requantized_mean_of_sums"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class RequantizedUnsignedSumsOp(RequantizedSumsOp):
    """Requantizes the sums of `count` pixels to bytes of 0 to 255: what LiteRT's SUM makes of a whole map.

    Example:
        %2 = tinyts.requantized_unsigned_sums %1 {count = 49, input_type = !quant.uniform<i8:f32, 0.5:-1>}
          : tensor<1x64x!q>
    """

    name = "tinyts.requantized_unsigned_sums"


@irdl_op_definition
class DotRowsOp(AccumulatingOp):
    """Adds the dot products of bands with their part of a filter: FULLY_CONNECTED over a map, before requantization.

    The filter has shape output channels x elements of the map. The state holds a sum for each output channel and,
    behind them, the number of rows taken.

    Example:
        %1 = tinyts.dot_rows %filter, %row, %0 : tensor<1x11xi32>
    """

    name = "tinyts.dot_rows"

    filter = operand_def(TensorType)

    def verify_(self) -> None:
        """Checks bands, filter and state."""
        self.verify_bands()
        verify_ranks(self, *self.rows)
        verify_dense_filter(self, self.filter)
        output_channels, filter_elements = shape_of(self.filter)
        map = tensor_type(self.rows[0])
        elements = row_bytes(map) * total_rows(map)
        if filter_elements != elements:
            raise self.fail(f"expected a filter of output channels x {elements} elements, got {self.filter.type}")
        self.verify_state((1, output_channels + 1))


@irdl_op_definition
class FullyConnectedOfSumsOp(TinytsOp):
    """Adds the bias to dot products and requantizes them: what FULLY_CONNECTED makes of a whole map.

    `input_type` is the quantized element type of the map.

    Example:
        %2 = tinyts.fully_connected_of_sums %1, %filter, %bias {input_type = !quant.uniform<i8:f32, 0.5:-1>}
          : tensor<1x10x!q>
    """

    name = "tinyts.fully_connected_of_sums"

    sums = operand_def(TensorType)
    filter = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    result = result_def(TensorType)

    input_type = prop_def(UniformQuantizedType)
    activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        """Checks types."""
        self.verify_offsets()
        verify_activations(self, self.result)
        verify_activation(self, self.activation)
        verify_feature_map(tensor_type(self.result))
        input = self.input_type
        self.expect(
            input.storage_type.width.data == 8 and not input.is_per_axis,
            f"expected an int8 input_type with one scale, got {input}",
        )
        verify_dense_filter(self, self.filter)
        output_channels = shape_of(self.filter)[0]
        if size_in_bytes(tensor_type(self.result)) != output_channels:
            raise self.fail(f"expected a result of {output_channels} elements, got {self.result.type}")
        expect_state(self, self.sums, (1, output_channels + 1))
        if self.bias is not None:
            verify_bias(self, self.bias, output_channels)
