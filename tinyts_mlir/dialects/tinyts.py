"""The `tinyts` dialect: TFLite's ops on quantized tensors, whole or cut into bands of rows.

Op names and semantics are TFLite's; what an op computes is what LiteRT's reference kernel for it computes, byte by
byte. There is one vocabulary before and after splitting: the op that makes a band is the op that made the whole feature
map, with the same attributes, on the bands that its receptive field needs. Types say which rows a value holds
(`dialects/rows.py`), so every verifier is local.

The order of ops in a block is the schedule. `offsets` (one for each result) and `scratch`, set by `plan-arena`,
are the bytes from the start of the arena at which results and the kernel's scratch lie.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import ClassVar, cast

from typing_extensions import Self
from xdsl.dialects.builtin import (
    BytesAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    Float32Type,
    FloatAttr,
    IntegerAttr,
    LocationAttr,
    StringAttr,
    TensorType,
    i64,
)
from xdsl.ir import Attribute, BlockArgument, Dialect, OpResult, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
from xdsl.traits import HasCanonicalizationPatternsTrait, Pure
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.analysis.row_geometry import RowMap
from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    WIDTH,
    RowsAttr,
    quantization_of,
    row_bytes,
    rows_of,
    shape_of,
    size_in_bytes,
    tensor_type,
    total_rows,
    verify_feature_map,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts_base import (
    INT_ARRAY,
    NO_ACTIVATION,
    NO_PADDING,
    ONES,
    AliasOp,
    RowOp,
    TinytsOp,
    UnaryRowOp,
    verify_activation,
    verify_bias,
    verify_dense_filter,
    verify_int8,
    verify_ranks,
    verify_window,
)
from tinyts_mlir.dialects.tinyts_reductions import (
    DotRowsOp,
    FullyConnectedOfSumsOp,
    MeanOfSumsOp,
    RequantizedMeanOfSumsOp,
    SumRowsOp,
)
from tinyts_mlir.traits import HasRowSplittingPatternsTrait


@irdl_op_definition
class ConstantOp(IRDLOperation, assembly.ShortErrors):
    """A constant tensor: weights or biases.

    The value holds stored integers; the result's element type says what they stand for. Constants lie in flash and take
    no arena.

    Example:
        %bias = tinyts.constant dense<[7, -3]> : tensor<2xi32> as !quant.uniform<i32:f32, 0.5>
    """

    name = "tinyts.constant"

    value = prop_def(DenseIntOrFPElementsAttr)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def __init__(
        self,
        value: DenseIntOrFPElementsAttr,
        element_type: UniformQuantizedType,
        *,
        location: LocationAttr | None = None,
    ) -> None:
        type = TensorType(element_type, value.get_shape())
        super().__init__(properties={"value": value}, result_types=[type])
        if location is not None:
            self.location = location

    @staticmethod
    def from_bytes(
        data: bytes, shape: Sequence[int], element_type: UniformQuantizedType, location: LocationAttr | None = None
    ) -> ConstantOp:
        """A constant from its little-endian bytes in row-major order."""
        value = DenseIntOrFPElementsAttr(TensorType(element_type.storage_type, shape), BytesAttr(data))
        return ConstantOp(value, element_type, location=location)

    def verify_(self) -> None:
        """Checks that value and result agree."""
        type = tensor_type(self.result)
        storage = quantization_of(self.result).storage_type
        if type.get_shape() != self.value.get_shape() or storage != self.value.get_element_type():
            raise VerifyException(f"{self.name}: a value of type {self.value.get_type()} cannot make {type}")
        if len(self.value.data.data) != size_in_bytes(type):
            raise VerifyException(
                f"{self.name}: expected {size_in_bytes(type)} bytes for {type}, got {len(self.value.data.data)}"
            )

    @classmethod
    def parse(cls, parser: Parser) -> ConstantOp:
        """Parses `dense<...> : tensor<...> as element-type`."""
        position = parser.pos
        assembly.reject_elided(parser)
        try:
            value = parser.parse_attribute()
        except ValueError as error:  # xDSL's, for a number that the element type does not hold
            parser.raise_error(str(error), position, parser.pos)
        parser.parse_keyword("as")
        element_type = parser.parse_type()
        if not isinstance(value, DenseIntOrFPElementsAttr) or not isinstance(element_type, UniformQuantizedType):
            parser.raise_error("expected dense<...> : tensor<...> as !quant.uniform<...>", position, parser.pos)
        return ConstantOp(value, element_type)

    def print(self, printer: Printer) -> None:
        """Prints `dense<...> : tensor<...> as element-type`; elides what the printer's options say."""
        printer.print_string(" ")
        assembly.print_dense(printer, self.value)
        printer.print_string(" as ")
        printer.print_attribute(quantization_of(self.result))


@irdl_op_definition
class ReceiveOp(RowOp):
    """Takes rows of a model input into the arena.

    The input's bytes, in row-major order, are read as a feature map of the result's (whole) shape, of which the result
    holds some rows; a flat input may so be received as the rows of a map. Receiving has no row operand: it is the
    application that brings the rows.

    Example:
        %row = tinyts.receive %input : tensor<1x1x10x4x!q, #tinyts.rows<3:4 of 49>>
    """

    name = "tinyts.receive"
    ROW_OPERANDS: ClassVar[int] = 0

    input = operand_def(TensorType)
    """An argument of the function: a tensor in the application's memory."""
    result = result_def(TensorType)

    def row_map(self) -> RowMap | None:
        """Any rows can be received."""
        return RowMap()

    def verify_(self) -> None:
        """Checks that the input comes from outside, and that the result is a part of it."""
        self.expect(isinstance(self.input, BlockArgument), "expected a function argument, got a result of an op")
        self.verify_rows()
        self.verify_offsets()
        verify_int8(self, self.input, self.result)
        result = tensor_type(self.result)
        expected, size = size_in_bytes(tensor_type(self.input)), row_bytes(result) * total_rows(result)
        self.expect(size == expected, f"expected the rows of an input of {expected} bytes, got rows of {size} bytes")


class _ExternalInputPatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        from tinyts_mlir.transforms.canonicalization.external_input import ReturnedExternalInput

        return (ReturnedExternalInput(),)


@irdl_op_definition
class ExternalInputOp(TinytsOp):
    """A model input where it lies: the application's memory, read in place, which takes no arena and no step.

    As a received input it is read in the result's shape. It is never cut into bands: an op that makes a band reads the
    rows it needs of the whole. An inference writes nothing there, so the input stays intact until the inference ends;
    what a function returns lies in the arena, and so is never an external input.

    Example:
        %image = tinyts.external_input %input : tensor<1x48x48x3x!q>
    """

    name = "tinyts.external_input"

    input = operand_def(TensorType)
    """An argument of the function: a tensor in the application's memory."""
    result = result_def(TensorType)

    traits = traits_def(_ExternalInputPatterns())

    def verify_(self) -> None:
        """Checks that the input comes from outside, has the result's size, and has no place in the arena."""
        self.expect(isinstance(self.input, BlockArgument), "expected a function argument, got a result of an op")
        verify_int8(self, self.input, self.result)
        result = tensor_type(self.result)
        verify_feature_map(result)
        self.expect(not isinstance(result.encoding, RowsAttr), f"expected a whole tensor, got {result}")
        expected, size = size_in_bytes(tensor_type(self.input)), size_in_bytes(result)
        self.expect(size == expected, f"expected a result of {expected} bytes, as the input has, got {size}")
        self.expect(self.offsets is None and self.scratch is None, "expected no offsets: this is not in the arena")


def planned_offset(value: SSAValue) -> int | None:
    """The byte of the arena at which a plan has a value, where it has one."""
    op = value.owner
    if not isinstance(op, TinytsOp) or op.offsets is None:
        return None
    return int_values(op.offsets)[op.results.index(cast(OpResult, value))]


@irdl_op_definition
class JoinOp(TinytsOp):
    """All bands of a feature map, as one tensor in one place.

    A plan that has the bands there already makes it a step that does nothing.

    Example:
        %map = tinyts.join [%0, %1, %2] : tensor<1x6x8x16x!q>
    """

    name = "tinyts.join"

    bands = var_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def band_places(self) -> list[int]:
        """Where in the result each band belongs, in bytes."""
        return list(accumulate((size_in_bytes(tensor_type(band)) for band in self.bands[:-1]), initial=0))

    def finds_bands_in_place(self) -> bool:
        """Whether a plan has every band just where it belongs in the result."""
        if self.offsets is None:
            return False
        (start,) = int_values(self.offsets)
        return all(
            planned_offset(band) == start + place for band, place in zip(self.bands, self.band_places(), strict=True)
        )

    def verify_(self) -> None:
        """Checks that the bands are all rows of the result, in order."""
        self.verify_offsets()
        verify_int8(self, self.result)
        result = tensor_type(self.result)
        verify_feature_map(result)
        self.expect(not isinstance(result.encoding, RowsAttr), f"expected to make a whole feature map, got {result}")
        position = 0
        for band in self.bands:
            type = tensor_type(band)
            verify_feature_map(type)
            self.expect(
                whole_shape(type) == result.get_shape() and type.element_type == result.element_type,
                f"expected bands of {result}, got {type}",
            )
            self.expect(
                rows_of(type).start == position,
                f"expected consecutive bands: rows from {position} on, got rows {rows_of(type)}",
            )
            position = rows_of(type).stop
        self.expect(
            position == total_rows(result),
            f"expected bands of {total_rows(result)} rows together, got {position}",
        )


class ConvolutionOp(RowOp, abc.ABC):
    """What both convolutions share: a filter, an optional bias, a window that slides, a fused activation."""

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

    def row_map(self) -> RowMap | None:
        """A window of the dilated filter's height."""
        window = (self.filter_size[0] - 1) * int_values(self.dilation)[0] + 1
        return RowMap(int_values(self.stride)[0], window, int_values(self.padding)[0])

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
        filter_type = quantization_of(self.filter)
        self.expect(filter_type.storage_type.width.data == 8, f"expected an i8 filter, got {filter_type.storage_type}")
        self.expect(not any(filter_type.zero_points), "expected filter zero points of 0")
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


class PoolOp(UnaryRowOp, abc.ABC):
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
        verify_int8(self, *self.input, self.result)
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


@irdl_op_definition
class AveragePool2DOp(PoolOp):
    """TFLite's AVERAGE_POOL_2D: the sum over the window's elements inside the map, divided with rounding away from
    zero.

    Example:
        %1 = tinyts.average_pool_2d %0 {window = [7, 7]} : tensor<1x1x1x160x!q>
    """

    name = "tinyts.average_pool_2d"


@irdl_op_definition
class MaxPool2DOp(PoolOp):
    """TFLite's MAX_POOL_2D.

    Example:
        %1 = tinyts.max_pool_2d %0 {window = [2, 2], stride = [2, 2]} : tensor<1x12x12x16x!q>
    """

    name = "tinyts.max_pool_2d"


@irdl_op_definition
class MeanOp(UnaryRowOp):
    """TFLite's MEAN over all rows and columns: a global average pool that requantizes.

    The result has the shape 1 x 1 x 1 x channels (TFLite's keep_dims) or 1 x channels. No kernel runs this op:
    `stream-reductions` makes sums of it, and a mean of the sums.

    Example:
        %1 = tinyts.mean %0 : tensor<1x160x!q>
    """

    name = "tinyts.mean"

    result = result_def(TensorType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    @property
    def count(self) -> int:
        """How many elements make one of the result."""
        _, rows, columns, _ = whole_shape(tensor_type(self.input[0]))
        return rows * columns

    def row_map(self) -> RowMap | None:
        """All rows make the one of the result."""
        return RowMap(window=total_rows(tensor_type(self.input[0])))

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_ranks(self, *self.input)
        verify_int8(self, *self.input, self.result)
        channels = shape_of(self.input[0])[CHANNELS]
        self.expect(
            shape_of(self.result) in ((1, 1, 1, channels), (1, channels)),
            f"expected a result of shape {[1, 1, 1, channels]} or {[1, channels]}, got {list(shape_of(self.result))}",
        )
        self.verify_rows()
        self.verify_offsets()


@irdl_op_definition
class AddOp(RowOp):
    """TFLite's ADD of two tensors of the same shape.

    Example:
        %2 = tinyts.add %0, %1 {activation = relu} : tensor<1x12x12x16x!q>
    """

    name = "tinyts.add"
    ROW_OPERANDS: ClassVar[int] = 2

    lhs = var_operand_def(TensorType)
    rhs = var_operand_def(TensorType)
    result = result_def(TensorType)

    activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """Row by row."""
        return RowMap()

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.verify_rows()
        self.verify_offsets()
        verify_int8(self, *self.lhs, *self.rhs, self.result)
        verify_activation(self, self.activation)
        result = whole_shape(tensor_type(self.result))
        for group in self.row_groups():
            shape = whole_shape(tensor_type(group[0]))
            self.expect(shape == result, f"expected operands of shape {list(result)}, got {list(shape)}")


@irdl_op_definition
class FullyConnectedOp(TinytsOp):
    """TFLite's FULLY_CONNECTED: filter of shape output channels x input channels.

    The input's elements, in row-major order, are one or more vectors of `input channels`.

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
        verify_dense_filter(self, self.filter)
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


@irdl_op_definition
class SoftmaxOp(UnaryRowOp):
    """TFLite's SOFTMAX over the last dimension, in fixed point.

    Example:
        %1 = tinyts.softmax %0 : tensor<1x10x!quant.uniform<i8:f32, 0.00390625:-128>>
    """

    name = "tinyts.softmax"

    result = result_def(TensorType)
    beta = opt_prop_def(FloatAttr[Float32Type], default_value=assembly.to_attribute(1.0))

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """Row by row."""
        return RowMap()

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.verify_rows()
        self.verify_offsets()
        verify_int8(self, *self.input, self.result)
        expect_same_shape(self)
        type = quantization_of(self.result)
        self.expect(
            type.scale == 1 / 256 and type.zero_point == -128,
            f"expected a result with scale 1/256 and zero point -128, got {type}",
        )


@irdl_op_definition
class LeakyReluOp(UnaryRowOp):
    """TFLite's LEAKY_RELU.

    Example:
        %1 = tinyts.leaky_relu %0 {alpha = 0.1} : tensor<1x12x12x16x!q>
    """

    name = "tinyts.leaky_relu"

    result = result_def(TensorType)
    alpha = prop_def(FloatAttr[Float32Type])

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """Row by row."""
        return RowMap()

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.verify_rows()
        self.verify_offsets()
        verify_int8(self, *self.input, self.result)
        expect_same_shape(self)


def expect_same_shape(op: UnaryRowOp) -> None:
    """Raises unless the (whole) result has the shape of the (whole) input."""
    expected = whole_shape(tensor_type(op.input[0]))
    found = whole_shape(tensor_type(op.results[0]))
    op.expect(found == expected, f"expected a result of shape {list(expected)}, got {list(found)}")


class _ReshapePatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        from tinyts_mlir.transforms.canonicalization.reshape import (
            ReshapeOfExternalInput,
            ReshapeOfReceive,
            ReshapeOfReshape,
            TrivialReshape,
        )

        return (TrivialReshape(), ReshapeOfReshape(), ReshapeOfReceive(), ReshapeOfExternalInput())


@irdl_op_definition
class ReshapeOp(AliasOp):
    """TFLite's RESHAPE: the same bytes in another shape. The quantization may change, the bytes do not.

    Example:
        %1 = tinyts.reshape %0 : tensor<1x64x!q>
    """

    name = "tinyts.reshape"

    traits = traits_def(Pure(), _ReshapePatterns())

    def verify_(self) -> None:
        """Checks that input and result have the same size."""
        self.verify_offsets()
        verify_int8(self, self.input, self.result)
        input, result = tensor_type(self.input), tensor_type(self.result)
        for type in (input, result):
            verify_feature_map(type)
            self.expect(not isinstance(type.encoding, RowsAttr), f"expected whole tensors, got {type}")
        self.expect(
            size_in_bytes(input) == size_in_bytes(result),
            f"expected a result of {size_in_bytes(input)} elements, got {result}",
        )


@irdl_op_definition
class RenumberRowsOp(AliasOp):
    """Rows of one feature map that are rows of another: what concatenation along rows, or a split, makes of a band.

    `map` is a number that all bands of the other map share, and the bands of no third one.

    Example:
        %1 = tinyts.renumber_rows %0 {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<10:11 of 20>>
    """

    name = "tinyts.renumber_rows"

    map = prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        """Checks that just the numbers of the rows differ."""
        self.verify_offsets()
        verify_ranks(self, self.input, self.result)
        verify_int8(self, self.input, self.result)
        input, result = tensor_type(self.input), tensor_type(self.result)
        for type in (input, result):
            verify_feature_map(type)
        if input.get_shape() != result.get_shape() or input.element_type != result.element_type:
            raise self.fail(f"expected a result with the operand's shape and elements, {input}, got {result}")
        self.expect(self.map.value.data >= 0, f"expected a map number that is not negative, got {self.map.value.data}")


class _PadPatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        from tinyts_mlir.transforms.canonicalization.pad import TrivialPad

        return (TrivialPad(),)


@irdl_op_definition
class PadOp(UnaryRowOp):
    """TFLite's PAD of a feature map with the result's zero point.

    `padding` is [top, bottom, left, right]; `channels` is [before, after].

    Example:
        %1 = tinyts.pad %0 {padding = [1, 1, 1, 1]} : tensor<1x26x26x16x!q>
    """

    name = "tinyts.pad"

    result = result_def(TensorType)
    padding = opt_prop_def(INT_ARRAY, default_value=NO_PADDING)
    channels = opt_prop_def(INT_ARRAY, default_value=DenseArrayBase.from_list(i64, [0, 0]))

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure(), _PadPatterns())

    def row_map(self) -> RowMap | None:
        """Row by row, the padding above counted."""
        return RowMap(padding=int_values(self.padding)[0])

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_ranks(self, *self.input, self.result)
        verify_int8(self, *self.input, self.result)
        channels = int_values(self.channels)
        self.expect(len(channels) == 2 and min(channels) >= 0, f"expected 2 channel paddings, got {list(channels)}")
        verify_window(self, (1, 1), (1, 1), int_values(self.padding), (1, 1))
        expected = shape_of(self.input[0])[CHANNELS] + sum(channels)
        found = shape_of(self.result)[CHANNELS]
        self.expect(found == expected, f"expected {expected} result channels, got {found}")
        self.verify_rows()
        self.verify_offsets()


class _ConcatenationPatterns(HasRowSplittingPatternsTrait):
    @classmethod
    def get_row_splitting_patterns(cls, rows: int) -> tuple[RewritePattern, ...]:
        from tinyts_mlir.transforms.renumber_rows import RenumberConcatenatedRows

        return (RenumberConcatenatedRows(),)


@irdl_op_definition
class ConcatenationOp(RowOp):
    """TFLite's CONCATENATION along `axis` of tensors with one quantization.

    Each operand is one whole tensor or, in brackets, consecutive bands.

    Example:
        %2 = tinyts.concatenation %0, %1 {axis = 3} : tensor<1x12x12x24x!q>
    """

    name = "tinyts.concatenation"

    inputs = var_operand_def(TensorType)
    result = result_def(TensorType)

    axis = prop_def(IntegerAttr)
    bands = opt_prop_def(INT_ARRAY)
    """How many of the operands are bands of the first input, of the second, ...; absent when every input is whole."""

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure(), _ConcatenationPatterns())

    def row_map(self) -> RowMap | None:
        """Row by row, unless it is rows that are concatenated."""
        rank = len(shape_of(self.result))
        return RowMap() if rank == FEATURE_MAP_RANK and self.axis.value.data in (WIDTH, CHANNELS) else None

    def row_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """Every operand holds rows."""
        return self.operand_groups()

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The bands of each input."""
        if self.bands is None:
            return tuple((value,) for value in self.inputs)
        groups: list[tuple[SSAValue, ...]] = []
        values = tuple(self.inputs)
        for count in int_values(self.bands):
            groups.append(values[:count])
            values = values[count:]
        return tuple(groups)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on the bands of any number of inputs."""
        given = {name: value for name, value in properties.items() if name != "bands"}
        if any(len(group) != 1 for group in groups):
            given["bands"] = assembly.to_attribute([len(group) for group in groups])
        return cls([[value for group in groups for value in group]], result_types, given)

    def printed_properties(self) -> dict[str, Attribute]:
        """The brackets around bands say what `bands` says."""
        shown = super().printed_properties()
        shown.pop("bands", None)
        return shown

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        if self.bands is not None:
            self.expect(
                sum(int_values(self.bands)) == len(self.inputs),
                f"expected {sum(int_values(self.bands))} bands in all, got {len(self.inputs)} operands",
            )
            self.expect(min(int_values(self.bands), default=1) > 0, "expected at least one band for every operand")
        self.expect(len(self.inputs) > 0, "expected at least one operand")
        self.verify_rows()
        self.verify_offsets()
        verify_int8(self, *self.inputs, self.result)
        result = whole_shape(tensor_type(self.result))
        axis = self.axis.value.data
        self.expect(0 <= axis < len(result), f"expected an axis from 0 to {len(result) - 1}, got {axis}")
        total = 0
        for group in self.operand_groups():
            shape = whole_shape(tensor_type(group[0]))
            self.expect(
                len(shape) == len(result)
                and all(s == r for i, (s, r) in enumerate(zip(shape, result, strict=True)) if i != axis),
                f"expected operands of shape {list(result)} except along axis {axis}, got {list(shape)}",
            )
            self.expect(
                quantization_of(group[0]) == quantization_of(self.result),
                f"expected operands quantized as the result, {quantization_of(self.result)}, "
                f"got {quantization_of(group[0])}",
            )
            total += shape[axis]
        self.expect(total == result[axis], f"expected operands of {result[axis]} along axis {axis} in all, got {total}")


class _SplitPatterns(HasRowSplittingPatternsTrait):
    @classmethod
    def get_row_splitting_patterns(cls, rows: int) -> tuple[RewritePattern, ...]:
        from tinyts_mlir.transforms.renumber_rows import RenumberSplitRows

        return (RenumberSplitRows(),)


@irdl_op_definition
class SplitOp(UnaryRowOp):
    """TFLite's SPLIT into equal parts along `axis`.

    Example:
        %1, %2 = tinyts.split %0 {axis = 3} : (tensor<1x12x12x8x!q>, tensor<1x12x12x8x!q>)
    """

    name = "tinyts.split"
    HAS_RESULT_LIST: ClassVar[bool] = True

    parts = var_result_def(TensorType)

    axis = prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure(), _SplitPatterns())

    def row_map(self) -> RowMap | None:
        """Row by row, unless it is rows that are split."""
        rank = len(shape_of(self.input[0]))
        return RowMap() if rank == FEATURE_MAP_RANK and self.axis.value.data in (WIDTH, CHANNELS) else None

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.expect(len(self.parts) > 0, "expected at least one result")
        self.verify_rows()
        self.verify_offsets()
        verify_int8(self, *self.input, *self.parts)
        shape = whole_shape(tensor_type(self.input[0]))
        axis = self.axis.value.data
        self.expect(0 <= axis < len(shape), f"expected an axis from 0 to {len(shape) - 1}, got {axis}")
        self.expect(
            shape[axis] % len(self.parts) == 0,
            f"{shape[axis]} elements along axis {axis} are no {len(self.parts)} equal parts",
        )
        expected = (*shape[:axis], shape[axis] // len(self.parts), *shape[axis + 1 :])
        for part in self.parts:
            found = whole_shape(tensor_type(part))
            self.expect(found == expected, f"expected parts of shape {list(expected)}, got {list(found)}")
            self.expect(
                quantization_of(part) == quantization_of(self.input[0]),
                f"expected parts quantized as the input, got {quantization_of(part)}",
            )


Tinyts = Dialect(
    "tinyts",
    [
        ConstantOp,
        ReceiveOp,
        ExternalInputOp,
        JoinOp,
        RenumberRowsOp,
        Conv2DOp,
        DepthwiseConv2DOp,
        AveragePool2DOp,
        MaxPool2DOp,
        MeanOp,
        AddOp,
        FullyConnectedOp,
        SoftmaxOp,
        LeakyReluOp,
        ReshapeOp,
        PadOp,
        ConcatenationOp,
        SplitOp,
        SumRowsOp,
        MeanOfSumsOp,
        RequantizedMeanOfSumsOp,
        DotRowsOp,
        FullyConnectedOfSumsOp,
    ],
    [RowsAttr],
)
"""The `tinyts` dialect."""
