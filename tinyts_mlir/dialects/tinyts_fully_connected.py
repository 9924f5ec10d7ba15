"""The dense layer of the `tinyts` dialect: fully_connected."""

from __future__ import annotations

from xdsl.dialects.builtin import (
    IntegerAttr,
    StringAttr,
    TensorType,
    i32,
)
from xdsl.ir import Attribute, Block, SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects.interfaces import (
    StreamableReductionInterface,
    StreamedReduction,
    is_constant,
    without_aliases,
)
from tinyts_mlir.dialects.rows import (
    RowsAttr,
    quantization_of,
    shape_of,
    size_in_bytes,
    tensor_type,
    verify_feature_map,
)
from tinyts_mlir.dialects.tinyts_base import (
    NO_ACTIVATION,
    TinytsOp,
    verify_activation,
    verify_bias,
    verify_dense_filter,
    verify_int8,
)
from tinyts_mlir.dialects.tinyts_reductions import DotRowsOp, FullyConnectedOfSumsOp


@irdl_op_definition
class FullyConnectedOp(StreamableReductionInterface, TinytsOp):
    """TFLite's FULLY_CONNECTED: filter of shape output channels x input channels.

    The input's elements, in row-major order, are one or more vectors of `input channels`. The filter is a constant, or
    what another layer makes. With one scale it may have a zero point.

    Example:
        %1 = tinyts.fully_connected %0, %filter, %bias : tensor<1x10x!q>
    """

    name = "tinyts.fully_connected"

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
        return size_in_bytes(tensor_type(self.input)) // shape_of(self.filter)[1]

    def streamed_reduction(self) -> StreamedReduction | None:
        """One vector that is a map, perhaps reshaped, takes its rows as they come."""
        if (
            not is_constant(self.filter)
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
        verify_int8(self, self.input, self.result)
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
        elements = size_in_bytes(tensor_type(self.input))
        self.expect(
            input_channels > 0 and elements % input_channels == 0,
            f"{elements} input elements are no vectors of {input_channels} as the filter expects",
        )
        expected = elements // input_channels * output_channels
        self.expect(
            size_in_bytes(tensor_type(self.result)) == expected,
            f"expected a result of {expected} elements, got {self.result.type}",
        )
        if self.bias is not None:
            verify_bias(self, self.bias, output_channels)
