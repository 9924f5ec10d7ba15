"""The dense layer of the `tinyts` dialect: fully_connected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    IntegerAttr,
    StringAttr,
    TensorType,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects.channel_geometry import ChannelMixInterface, Flags, Integers, last_extent
from tinyts_mlir.dialects.interfaces import (
    StreamableReductionInterface,
    StreamedReduction,
    is_constant,
    without_aliases,
)
from tinyts_mlir.dialects.rows import (
    RowsAttr,
    element_count,
    is_wide,
    quantization_of,
    shape_of,
    tensor_type,
    verify_feature_map,
)
from tinyts_mlir.dialects.tinyts_base import (
    NO_ACTIVATION,
    TinytsOp,
    verify_activation,
    verify_activations,
    verify_bias,
    verify_dense_filter,
    verify_int8,
)
from tinyts_mlir.dialects.tinyts_channels import absorbed_bias, constant_array, constant_op
from tinyts_mlir.dialects.tinyts_reductions import DotRowsOp, FullyConnectedOfSumsOp


@irdl_op_definition
class FullyConnectedOp(StreamableReductionInterface, ChannelMixInterface, TinytsOp):
    """TFLite's FULLY_CONNECTED: filter of shape output channels x input channels.

    The input's elements, in row-major order, are one or more vectors of `input channels`. The filter is a constant, or
    what another layer makes. With one scale it may have a zero point.

    Example:
        %1 = tinyts.fully_connected %0, %filter, %bias : tensor<1x10x!q>
    """

    name = "tinyts.fully_connected"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    input = operand_def(TensorType)
    filter = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    result = result_def(TensorType)

    activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)
    keep_dimensions = opt_prop_def(IntegerAttr)
    """1 where TFLite's keep_num_dims is set (the result has the input's rank); only the exporter asks."""

    traits = traits_def(Pure())

    @property
    def batches(self) -> int:
        """How many vectors the input holds."""
        return element_count(tensor_type(self.input)) // shape_of(self.filter)[1]

    def mixed_map(self) -> SSAValue | None:
        """The input, where its vectors are whole pixels, and the result's, too; weights have no zero point then."""
        if not is_constant(self.filter) or any(quantization_of(self.filter).zero_points):
            return None
        outputs, inputs = shape_of(self.filter)
        channels = last_extent(self.input)
        # Several vectors of several pixels each would be vectors of other lengths.
        fits = inputs == channels or (self.batches == 1 and channels > 0 and inputs % channels == 0)
        return self.input if fits and last_extent(self.result) == outputs else None

    def _by_channel(self, filter: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """Weights as (outputs, pixels, channels)."""
        return filter.reshape(len(filter), -1, last_extent(self.input))

    def read_channels(self, kept_results: Flags) -> Flags:
        """Those with a weight other than 0."""
        weights = self._by_channel(constant_array(self.filter)[kept_results])
        return np.logical_or.reduce(weights != 0, axis=(0, 1))

    def absorbable(self, bytes: Integers) -> Flags:
        """Any byte."""
        return np.ones(len(bytes), np.bool_)

    def mixed_on_channels(
        self,
        operand: SSAValue,
        result_type: TensorType[Attribute],
        kept: Flags,
        bytes: Integers,
        kept_results: Flags,
    ) -> Sequence[Operation]:
        """The filter's columns, and in the bias what the others come to."""
        outputs = np.flatnonzero(kept_results)
        filter = constant_op(self.filter).taking(outputs, 0)
        sums = self._by_channel(filter.array()).astype(np.int64).sum(axis=1)
        bias = absorbed_bias(self, sums[:, ~kept], bytes[~kept], outputs)
        pixels = shape_of(self.filter)[1] // len(kept)
        filter = filter.taking(np.flatnonzero(np.tile(kept, pixels)), 1)
        operands = [operand, filter.result, bias.result if bias else None]
        op = FullyConnectedOp(operands, result_type, location=self.location)
        op.properties |= {k: v for k, v in self.properties.items() if k not in ("operandSegmentSizes", "offsets")}
        op.attributes |= self.attributes
        return [filter, *([bias] if bias else []), op]

    def streamed_reduction(self) -> StreamedReduction | None:
        """One vector that is a map, perhaps reshaped, takes its rows as they come."""
        if (
            is_wide(tensor_type(self.input))
            or not is_constant(self.filter)
            or any(quantization_of(self.filter).zero_points)
            or self.batches != 1
            or quantization_of(without_aliases(self.input)) != quantization_of(self.input)
        ):
            return None
        return StreamedReduction((self.input,), self._dot_products(), flat=True)

    def _dot_products(self) -> TensorType[Attribute]:
        """The type of the state: a sum for each output channel, and the number of rows taken."""
        return TensorType(i32, (1, shape_of(self.filter)[0] + 1))

    def accumulate(self, band: SSAValue, state: SSAValue | None) -> DotRowsOp:
        """Adds the band's products with its part of the filter."""
        return DotRowsOp([self.filter, [band], state], self._dot_products(), location=self.location)

    def finish(self, state: SSAValue) -> FullyConnectedOfSumsOp:
        """Adds the bias and requantizes."""
        properties = {"input_type": quantization_of(self.input), "activation": self.activation}
        operands = [state, self.filter, self.bias]
        return FullyConnectedOfSumsOp(operands, self.result.type, properties, location=self.location)

    def verify_(self) -> None:
        """Checks shapes and types."""
        self.verify_offsets()
        verify_activations(self, self.input, self.result)
        verify_activation(self, self.activation)
        for value in (self.input, self.result):
            verify_feature_map(tensor_type(value))
            self.expect(
                not isinstance(tensor_type(value).encoding, RowsAttr), f"expected whole tensors, got {value.type}"
            )
        if isinstance(self.filter.owner, TinytsOp | Block):
            verify_int8(self, self.filter)
            verify_feature_map(tensor_type(self.filter))
            self.expect(len(shape_of(self.filter)) == 2, "expected a filter of output x input channels")
        else:
            verify_dense_filter(self, self.filter, may_have_zero_point=True)
        output_channels, input_channels = shape_of(self.filter)
        elements = element_count(tensor_type(self.input))
        self.expect(
            input_channels > 0 and elements % input_channels == 0,
            f"{elements} input elements are no vectors of {input_channels} as the filter expects",
        )
        expected = elements // input_channels * output_channels
        self.expect(
            element_count(tensor_type(self.result)) == expected,
            f"expected a result of {expected} elements, got {self.result.type}",
        )
        if self.bias is not None:
            verify_bias(self, self.bias, output_channels)
