"""Convolutions of the `tinyts` dialect: conv_2d and depthwise_conv_2d."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    IntegerAttr,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, Operation, SSAValue
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
from xdsl.rewriter import InsertPoint
from xdsl.traits import HasCanonicalizationPatternsTrait, Pure

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.channel_geometry import (
    ChannelLink,
    ChannelMixInterface,
    Flags,
    Integers,
    last_extent,
    same_channels,
)
from tinyts_mlir.dialects.interfaces import state_behind
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    HEIGHT,
    RowsAttr,
    quantization_of,
    shape_of,
    tensor_type,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts_aliases import ReshapeOp
from tinyts_mlir.dialects.tinyts_base import (
    INT_ARRAY,
    NO_ACTIVATION,
    NO_PADDING,
    ONES,
    ChannelLinkedOp,
    RowOp,
    verify_activation,
    verify_activations,
    verify_bias,
    verify_filter_bytes,
    verify_ranks,
    verify_window,
)
from tinyts_mlir.dialects.tinyts_channels import absorbed_bias, constant_array, constant_op
from tinyts_mlir.dialects.tinyts_data_movement import ConcatenationOp
from tinyts_mlir.dialects.tinyts_inputs import ConstantOp
from tinyts_mlir.dialects.tinyts_rearrangements import StridedSliceOp


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

    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)
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
        verify_activations(self, *self.input, self.result)
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


class _ConvolutionPatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (WindowOfState(),)


@irdl_op_definition
class Conv2DOp(ChannelMixInterface, ConvolutionOp):
    """TFLite's CONV_2D: filter in OHWI order; with fewer filter channels than input channels, a grouped convolution.

    `padding` is [top, bottom, left, right] of the whole feature map; a band of rows keeps it, and its type tells which
    of it applies. Padded elements count as the input's zero point.

    Example:
        %1 = tinyts.conv_2d %0, %filter, %bias {stride = [2, 2], padding = [0, 1, 0, 1], activation = relu6}
          : tensor<1x24x24x16x!q>
    """

    name = "tinyts.conv_2d"
    traits = traits_def(Pure(), _ConvolutionPatterns())
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

    def mixed_map(self) -> SSAValue | None:
        """The input, unless the convolution is grouped, or its weights have a zero point."""
        is_plain = isinstance(self.filter.owner, ConstantOp) and not quantization_of(self.filter).is_unsigned
        whole = is_plain and len(self.input) == 1
        return self.input[0] if whole and shape_of(self.filter)[CHANNELS] == last_extent(self.input[0]) else None

    def read_channels(self, kept_results: Flags) -> Flags:
        """Those with a weight other than 0."""
        return np.logical_or.reduce(constant_array(self.filter)[kept_results] != 0, axis=(0, 1, 2))

    def absorbable(self, bytes: Integers) -> Flags:
        """Any byte, or the zero point where padding meets the map."""
        inside = not any(int_values(self.padding))
        return (bytes == quantization_of(self.input[0]).zero_point) | inside

    def mixed_on_channels(
        self,
        operand: SSAValue,
        result_type: TensorType[Attribute],
        kept: Flags,
        bytes: Integers,
        kept_results: Flags,
    ) -> Sequence[Operation]:
        """The filter's channels, and in the bias what the others come to."""
        outputs = np.flatnonzero(kept_results)
        filter = constant_op(self.filter).taking(outputs, self.CHANNEL_AXIS)
        sums = filter.array().astype(np.int64).sum(axis=(1, 2))
        bias = absorbed_bias(self, sums[:, ~kept], bytes[~kept], outputs)
        filter = filter.taking(np.flatnonzero(kept), CHANNELS)
        properties = {k: v for k, v in self.properties.items() if k != "operandSegmentSizes"}
        groups = [[operand], [filter.result], *([[bias.result]] if bias else [])]
        op = Conv2DOp.from_groups(groups, [result_type], properties)
        op.attributes |= self.attributes
        op.location = self.location
        return [filter, *([bias] if bias else []), op]


class _DepthwisePatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (DepthMultiplier(), MixedFilters(), WindowOfState())


@irdl_op_definition
class DepthwiseConv2DOp(ChannelLinkedOp, ConvolutionOp):
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

    def channel_links(self) -> Sequence[ChannelLink] | None:
        """An input channel with all that are made of it."""
        numbers = np.arange(last_extent(self.result))
        links = same_channels(self.operands[1:], self.result)
        return [ChannelLink(self.input[0], self.result, numbers // self.depth_multiplier), *links]

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


MOST_COLUMNS = 7
"""Of a window whose rows a depthwise kernel takes fastest."""


class WindowOfState(RewritePattern):
    """A convolution of all of a ring buffer, of one output pixel, takes the buffer in the shape that is fastest.

    State lies in one piece, so it may be read in any shape. An ordinary convolution becomes a pointwise one, which
    gathers no patch; a depthwise one has a window of few rows of several columns instead of many rows of one.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ConvolutionOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one convolution."""
        constant, result = op.filter.owner, shape_of(op.result)
        if len(op.input) != 1 or state_behind(op.input[0]) is None or not isinstance(constant, ConstantOp):
            return
        _, rows, columns, channels = whole_shape(tensor_type(op.input[0]))
        steps = set(int_values(op.padding)) | {step - 1 for step in int_values(op.dilation)}
        if op.filter_size != (rows, columns) or result[HEIGHT:CHANNELS] != (1, 1) or steps != {0}:
            return
        pixels = rows * columns
        filter_channels = shape_of(op.filter)[CHANNELS]
        if isinstance(op, Conv2DOp):
            if filter_channels != channels or pixels == 1 or pixels * channels > MOST_PATCH:
                return
            size, depth = (1, 1), pixels * channels
        else:
            width = next((width for width in range(MOST_COLUMNS, 1, -1) if pixels % width == 0), 1)
            size, depth = (pixels // width, width), channels
            if width == 1 or size == (rows, columns):
                return
        input = tensor_type(op.input[0])
        viewed = ReshapeOp([op.input[0]], TensorType(input.element_type, (1, *size, depth)), location=op.location)
        outputs = shape_of(op.filter)[0]
        shape = (outputs, *size, depth if isinstance(op, Conv2DOp) else filter_channels)
        filter = ConstantOp.from_bytes(
            constant.value.data.data, shape, quantization_of(constant.result), constant.location
        )
        groups = [[viewed.result], [filter.result], *op.operand_groups()[2:]]
        properties = {k: v for k, v in op.properties.items() if k not in ("operandSegmentSizes", "stride")}
        made = type(op).from_groups(groups, op.result_types, properties)
        made.attributes |= op.attributes
        made.location = op.location
        rewriter.replace(op, [viewed, filter, made])


class MixedFilters(RewritePattern):
    """Depthwise filters of different heights on channels of a ring buffer, side by side, are one filter of them all.

    Where a filter does not reach, its weights are 0, so the sums are the same; no channels are taken apart and put
    together again. State lies in one piece, and is there whole.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DepthwiseConv2DOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites the concatenation of what these filters make, when it comes to the first of them."""
        together = next((use.operation for use in op.result.uses), None)
        if not isinstance(together, ConcatenationOp) or together.axis.value.data != CHANNELS:
            return
        values = [group[0] for group in together.operand_groups() if len(group) == 1]
        filters = [
            value.owner for value in values if isinstance(value.owner, DepthwiseConv2DOp) and value.has_one_use()
        ]
        if not filters or filters[0] is not op or len(filters) != len(together.operand_groups()):
            return
        parts = [_part_of_state(filter) for filter in filters]
        found = [part for part in parts if part is not None and part.map is parts[0].map] if parts[0] else []
        if len(found) != len(filters) or len({filter.activation for filter in filters}) > 1:
            return
        map = found[0].map
        _, rows, columns, channels = shape_of(map)
        starts = [0, *accumulate(part.weights.shape[-1] for part in found)]
        biases = [filter.bias.owner for filter in filters if filter.bias is not None]
        constants = [bias for bias in biases if isinstance(bias, ConstantOp)]
        if columns != 1 or [part.first_channel for part in found] != starts[:-1] or starts[-1] != channels:
            return
        if len(constants) not in (0, len(filters)) or len(constants) != len(biases):
            return
        weights = np.zeros((1, rows, 1, channels), np.int8)
        for part in found:
            height, count = part.weights.shape[1], part.weights.shape[-1]
            weights[:, part.first_row : part.first_row + height, :, part.first_channel :][..., :count] = part.weights
        filter = ConstantOp.from_bytes(
            weights.tobytes(), weights.shape, _side_by_side([f.filter for f in filters], CHANNELS), op.location
        )
        groups: list[list[SSAValue]] = [[map], [filter.result]]
        if constants:
            data = b"".join(bias.value.data.data for bias in constants)
            element = _side_by_side([bias.result for bias in constants], 0)
            bias = ConstantOp.from_bytes(data, (channels,), element, op.location)
            rewriter.insert(bias, InsertPoint.before(together))
            groups.append([bias.result])
        made = DepthwiseConv2DOp.from_groups(groups, together.result_types, {"activation": op.activation})
        made.location = together.location
        rewriter.replace(together, [filter, made])


class _Part(NamedTuple):
    """A depthwise filter on some rows and channels of a map of one column: where it begins there, and its weights."""

    map: SSAValue
    first_row: int
    first_channel: int
    weights: npt.NDArray[np.int8]


def _part_of_state(op: DepthwiseConv2DOp) -> _Part | None:
    """What a depthwise convolution of one output pixel reads of a state; None for any other."""
    constant = op.filter.owner
    if len(op.input) != 1 or not isinstance(constant, ConstantOp) or op.depth_multiplier != 1:
        return None
    [value] = op.input
    steps = set(int_values(op.padding)) | {step - 1 for step in int_values(op.dilation)}
    if steps != {0} or op.filter_size != shape_of(value)[HEIGHT:CHANNELS] or op.filter_size[1] != 1:
        return None
    row, channel = 0, 0
    while isinstance(owner := value.owner, StridedSliceOp) and len(owner.input) == 1:
        begin = int_values(owner.begin)
        if set(int_values(owner.stride)) != {1} or len(begin) != FEATURE_MAP_RANK:
            return None
        row, channel, [value] = row + begin[HEIGHT], channel + begin[CHANNELS], owner.input
    if state_behind(value) is None or isinstance(tensor_type(value).encoding, RowsAttr):
        return None
    return _Part(value, row, channel, np.frombuffer(constant.value.data.data, np.int8).reshape(shape_of(op.filter)))


def _side_by_side(values: Sequence[SSAValue], axis: int) -> UniformQuantizedType:
    """The type of constants of several channels each, one behind the other along an axis."""
    scales: list[float] = []
    zero_points: list[int] = []
    for value in values:
        type = quantization_of(value)
        count = 1 if type.is_per_axis else shape_of(value)[axis]
        scales += type.scales * count
        zero_points += type.zero_points * count
    return UniformQuantizedType.per_axis(quantization_of(values[0]).storage_type, scales, zero_points, axis)


MOST_PATCH = 1 << 12
"""Elements of a window that becomes a pixel's channels."""
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
