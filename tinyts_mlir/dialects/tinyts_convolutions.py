"""Convolutions of the `tinyts` dialect: conv_2d and depthwise_conv_2d."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import (
    IntegerAttr,
    StringAttr,
    TensorType,
)
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.traits import HasCanonicalizationPatternsTrait, Pure

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    RowsAttr,
    quantization_of,
    shape_of,
    tensor_type,
)
from tinyts_mlir.dialects.tinyts_base import (
    INT_ARRAY,
    NO_ACTIVATION,
    NO_PADDING,
    ONES,
    RowOp,
    verify_activation,
    verify_bias,
    verify_filter_bytes,
    verify_int8,
    verify_ranks,
    verify_window,
)
from tinyts_mlir.dialects.tinyts_inputs import ConstantOp


class ConvolutionOp(RowOp, abc.ABC):
    """What both convolutions share: a filter, an optional bias, a window that slides, a fused activation.

    A filter is i8 with one scale or one for each output channel, and no zero points; or, as older models have it, u8
    with one scale and one zero point, between feature maps that are int8 all the same.
    """

    input = var_operand_def(TensorType)
    """The feature map, or the consecutive bands of it that the result's rows need."""
    filter = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    result = result_def(TensorType)

    stride = opt_prop_def(INT_ARRAY, default_value=ONES)
    dilation = opt_prop_def(INT_ARRAY, default_value=ONES)
    padding = opt_prop_def(INT_ARRAY, default_value=NO_PADDING)
    """[top, bottom, left, right] of the whole feature map."""
    activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    CHANNEL_AXIS: ClassVar[int]
    """The filter's dimension that runs along output channels."""

    @property
    def filter_size(self) -> tuple[int, int]:
        """Height and width of the filter."""
        _, height, width, _ = shape_of(self.filter)
        return height, width

    @property
    def is_of_unsigned_layer(self) -> bool:
        """Whether the filter is u8: then products of scales are of single precision, as LiteRT has it."""
        return quantization_of(self.filter).is_unsigned

    def row_map(self) -> RowMap | None:
        """A window of the dilated filter's height."""
        dilation = int_values(self.dilation)[0]
        window = (self.filter_size[0] - 1) * dilation + 1
        return RowMap(int_values(self.stride)[0], window, int_values(self.padding)[0], dilation)

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_ranks(self, *self.input, self.result)
        verify_int8(self, *self.input, self.result)
        verify_activation(self, self.activation)
        if not (len(shape_of(self.filter)) == 4):  # types print slowly: only where they are wanted
            raise self.fail(f"expected a filter of rank 4, got {self.filter.type}")
        self.verify_channels(shape_of(self.filter), shape_of(self.input[0])[CHANNELS], shape_of(self.result)[CHANNELS])
        self.verify_filter(shape_of(self.result)[CHANNELS])
        verify_window(
            self, int_values(self.stride), int_values(self.dilation), int_values(self.padding), self.filter_size
        )
        self.verify_rows()
        self.verify_offsets()

    @abc.abstractmethod
    def verify_channels(self, filter_shape: Sequence[int], input_channels: int, output_channels: int) -> None:
        """Checks that the filter fits the channels of input and result."""

    def verify_filter(self, output_channels: int) -> None:
        """Checks the filter's and bias's types against the output's channels."""
        filter_type = verify_filter_bytes(self, self.filter, may_be_unsigned=True)
        if filter_type.is_per_axis:
            self.expect(
                filter_type.axis.data == self.CHANNEL_AXIS and len(filter_type.scales) == output_channels,
                f"expected filter scales along axis {self.CHANNEL_AXIS}, {output_channels} of them, "
                f"got {len(filter_type.scales)} along axis {filter_type.axis.data}",
            )
        if self.bias is not None:
            verify_bias(self, self.bias, output_channels)


@irdl_op_definition
class Conv2DOp(ConvolutionOp):
    """TFLite's CONV_2D: filter in OHWI order; with fewer filter channels than input channels, a grouped convolution.

    `padding` is [top, bottom, left, right] of the whole feature map; a band of rows keeps it, and its type tells which
    of it applies. Padded elements count as the input's zero point.

    Example:
        %1 = tinyts.conv_2d %0, %filter, %bias {stride = [2, 2], padding = [0, 1, 0, 1], activation = relu6}
          : tensor<1x24x24x16x!q>
    """

    name = "tinyts.conv_2d"
    CHANNEL_AXIS: ClassVar[int] = 0

    weight_bits = opt_prop_def(IntegerAttr, default_value=assembly.to_attribute(8))
    """8 or 16: how wide the weights are that the kernel reads; set by `widen-weights`."""

    def verify_channels(self, filter_shape: Sequence[int], input_channels: int, output_channels: int) -> None:
        """Checks that the filter fits the channels of input and result, and the width of the kernel's weights."""
        self.expect(self.weight_bits.value.data in (8, 16), f"expected weight_bits of 8 or 16, got {self.weight_bits}")
        filter_outputs, _, _, filter_channels = filter_shape
        groups = input_channels // filter_channels if filter_channels else 0
        self.expect(
            groups > 0 and input_channels == groups * filter_channels and filter_outputs % groups == 0,
            f"a filter of {filter_outputs} x {filter_channels} channels does not fit {input_channels} input channels",
        )
        self.expect(
            output_channels == filter_outputs,
            f"expected {filter_outputs} result channels as the filter has, got {output_channels}",
        )


class _DepthwisePatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (DepthMultiplier(),)


@irdl_op_definition
class DepthwiseConv2DOp(ConvolutionOp):
    """TFLite's DEPTHWISE_CONV_2D: filter of shape 1 x height x width x output channels.

    Output channel `c` reads input channel `c // depth_multiplier`, where the multiplier is the quotient of the channel
    counts. Attributes as of `tinyts.conv_2d`.

    Example:
        %1 = tinyts.depthwise_conv_2d [%a, %b], %filter, %bias {padding = [1, 1, 1, 1], activation = relu6}
          : tensor<1x1x24x16x!q, #tinyts.rows<0:1 of 24>>
    """

    name = "tinyts.depthwise_conv_2d"
    traits = traits_def(Pure(), _DepthwisePatterns())
    CHANNEL_AXIS: ClassVar[int] = 3

    @property
    def depth_multiplier(self) -> int:
        """Output channels for each input channel."""
        return shape_of(self.result)[CHANNELS] // shape_of(self.input[0])[CHANNELS]

    def verify_channels(self, filter_shape: Sequence[int], input_channels: int, output_channels: int) -> None:
        """Checks that the filter fits the channels of input and result."""
        if not (filter_shape[0] == 1):  # types print slowly: only where they are wanted
            raise self.fail(f"expected a filter of 1 x height x width x channels, got {self.filter.type}")
        self.expect(
            filter_shape[CHANNELS] == output_channels and output_channels % input_channels == 0,
            f"a filter of {filter_shape[CHANNELS]} channels does not fit {input_channels} input and "
            f"{output_channels} result channels",
        )


LEAST_OF_SEVERAL_CHANNELS = 8
"""The depth multiplier from which on a grouped convolution takes fewer instructions on maps of all sizes."""


class DepthMultiplier(RewritePattern):
    """With a depth multiplier, an input channel and its outputs are a group of an ordinary convolution.

    Of one channel that is the plainer op, and faster. Of several it is so for many outputs of each: a kernel gathers a
    patch for each group, which only pays where enough outputs are made from it.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DepthwiseConv2DOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one convolution of a whole map; bands would each get a filter of their own."""
        several = shape_of(op.input[0])[CHANNELS] > 1
        if op.depth_multiplier < (LEAST_OF_SEVERAL_CHANNELS if several else 2):
            return
        values = (*op.input, op.result)
        if any(isinstance(tensor_type(value).encoding, RowsAttr) for value in values):
            return
        constant = op.filter.owner
        if not isinstance(constant, ConstantOp):
            return
        filter = _filter_by_output(constant)
        convolution = Conv2DOp.from_groups(
            [[op.input[0]], [filter.result], *op.operand_groups()[2:]],
            op.result_types,
            {name: value for name, value in op.properties.items() if name != "operandSegmentSizes"},
        )
        convolution.attributes |= op.attributes
        convolution.location = op.location
        rewriter.replace(op, [filter, convolution])


def _filter_by_output(constant: ConstantOp) -> ConstantOp:
    """A filter of 1 x height x width x outputs as outputs x height x width x 1."""
    weights = np.frombuffer(constant.value.data.data, np.int8).reshape(constant.value.get_shape())
    by_output = np.ascontiguousarray(weights.transpose(3, 1, 2, 0))
    type = quantization_of(constant.result)
    if type.is_per_axis:
        type = UniformQuantizedType.per_axis(type.storage_type, type.scales, type.zero_points, Conv2DOp.CHANNEL_AXIS)
    return ConstantOp.from_bytes(by_output.tobytes(), by_output.shape, type, constant.location)
