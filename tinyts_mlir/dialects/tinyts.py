"""The `tinyts` dialect: TFLite's ops on quantized tensors, whole or cut into bands of rows.

Op names and semantics are TFLite's; what an op computes is what LiteRT's reference kernel for it computes, byte by byte.
There is one vocabulary before and after splitting: the op that makes a band is the op that made the whole feature map, with
the same attributes, on the bands that its receptive field needs. Types say which rows a value holds (`dialects/rows.py`),
so every verifier is local.

The order of ops in a block is the schedule. `offsets` (one for each result) and `scratch_offset`, set by `plan-arena`, are
the bytes from the start of the arena at which results and the kernel's scratch lie.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self, cast

from xdsl.dialects.builtin import (
    BytesAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    Float32Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    LocationAttr,
    StringAttr,
    TensorType,
    i64,
)
from xdsl.ir import Attribute, Dialect, Operation, SSAValue
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

from tinyts_mlir.analysis.row_geometry import (
    RowGeometryInterface,
    RowMap,
    group_rows,
    group_total_rows,
    rows_needed,
)
from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    HEIGHT,
    WIDTH,
    RowsAttr,
    quantization_of,
    row_bytes,
    rows_of,
    shape_of,
    size_in_bytes,
    tensor_type,
    total_rows,
    verify_rows_encoding,
    whole_shape,
)

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")
"""The fused activations, by their names in the `activation` attribute."""

IntArray = DenseArrayBase[IntegerType]
_INT_ARRAY = DenseArrayBase.constr(i64)
_ONES = DenseArrayBase.from_list(i64, [1, 1])
_NO_PADDING = DenseArrayBase.from_list(i64, [0, 0, 0, 0])
_NO_ACTIVATION = StringAttr("none")


def _ints(attribute: IntArray) -> tuple[int, ...]:
    return tuple(int(value) for value in attribute.get_values())


class TinytsOp(IRDLOperation, assembly.ShortErrors, abc.ABC):
    """What all ops of the dialect share: the assembly format, a constructor from plain values, offsets."""

    offsets = opt_prop_def(_INT_ARRAY)
    """Bytes from the start of the arena, one for each result; set by `plan-arena`."""

    scratch_offset = opt_prop_def(IntegerAttr)
    """Byte of the arena at which the kernel's scratch begins, where it has any; set by `plan-arena`."""

    def __init__(
        self,
        operands: Sequence[SSAValue | Sequence[SSAValue] | None],
        result_types: Sequence[Attribute] | Attribute,
        properties: Mapping[str, assembly.PropertyValue | Attribute | None] | None = None,
        *,
        location: LocationAttr | None = None,
    ) -> None:
        """An op on operands in the order of its definition, with properties given as plain values."""
        given = {k: assembly.to_attribute(v) for k, v in (properties or {}).items() if v is not None}
        types: list[Attribute] = [result_types] if isinstance(result_types, Attribute) else list(result_types)
        results: list[Attribute | Sequence[Attribute]] = [types] if self.HAS_RESULT_LIST else list(types)
        super().__init__(operands=operands, result_types=results, properties=given)
        if location is not None:
            self.location = location

    HAS_RESULT_LIST: ClassVar[bool] = False

    @abc.abstractmethod
    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The operands as they are printed: groups of values."""

    @classmethod
    @abc.abstractmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op with these groups, the inverse of `operand_groups`; raises ValueError for a wrong number of groups."""

    def printed_properties(self) -> dict[str, Attribute]:
        """The properties that assembly shows: all that have not their default value, in the order of definition."""
        shown: dict[str, Attribute] = {}
        for name, definition in self.get_irdl_definition().properties.items():
            value = self.properties.get(name)
            if value is not None and name != "operandSegmentSizes" and value != definition.default_value:
                shown[name] = value
        return shown

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        """Parses the assembly format of `dialects/assembly.py`."""
        position = parser.pos
        groups = assembly.parse_groups(parser)
        properties = assembly.parse_properties(parser)
        known = cls.get_irdl_definition().properties
        for name in properties:
            if name not in known or name == "operandSegmentSizes":
                parser.raise_error(f"{cls.name} has no property {name!r}", position, parser.pos)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        result_types = assembly.parse_result_types(parser)
        try:
            op = cls.from_groups(groups, result_types, properties)
        except ValueError as error:
            parser.raise_error(f"{cls.name}: {error}", position, parser.pos)
        if attributes is not None:
            op.attributes |= attributes.data
        return op

    def print(self, printer: Printer) -> None:
        """Prints the assembly format of `dialects/assembly.py`."""
        printer.print_string(" ")
        assembly.print_groups(printer, self.operand_groups())
        assembly.print_properties(printer, self.printed_properties())
        printer.print_op_attributes(self.attributes, print_keyword=True)
        assembly.print_result_types(printer, self.result_types)

    def fail(self, message: str) -> VerifyException:
        """An exception that says which op found what is wrong."""
        return VerifyException(f"{self.name}: {message}")

    def expect(self, condition: bool, message: str) -> None:
        """Raises unless the condition holds."""
        if not condition:
            raise self.fail(message)

    def verify_offsets(self) -> None:
        """Checks that a planned op has an offset for each result."""
        if self.offsets is None:
            return
        offsets = _ints(self.offsets)
        self.expect(
            len(offsets) == len(self.results) and min(offsets, default=0) >= 0,
            f"expected {len(self.results)} offsets that are not negative, got {list(offsets)}",
        )


class RowOp(TinytsOp, RowGeometryInterface, abc.ABC):
    """An op with row geometry: its first `ROW_OPERANDS` groups hold rows."""

    ROW_OPERANDS: ClassVar[int] = 1

    def row_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The groups of operands that hold rows."""
        return self.operand_groups()[: self.ROW_OPERANDS]

    def with_bands(
        self, groups: Sequence[Sequence[SSAValue]], result_types: Sequence[TensorType[Attribute]]
    ) -> Operation:
        """This op on other bands; attributes and location stay, a plan does not."""
        others = self.operand_groups()[len(self.row_groups()) :]
        properties = {k: v for k, v in self.properties.items() if k not in ("offsets", "scratch_offset")}
        properties.pop("operandSegmentSizes", None)
        op = self.from_groups([*groups, *others], result_types, properties)
        op.attributes |= self.attributes
        op.location = self.location
        return op

    def verify_rows(self) -> None:
        """Checks that bands are consecutive and hold what every result reads."""
        groups = self.row_groups()
        for group in groups:
            self.expect(len(group) > 0, "expected at least one band for every operand")
            first = tensor_type(group[0])
            position = rows_of(first).start
            for band in group:
                type = tensor_type(band)
                verify_rows_encoding(type)
                self.expect(
                    whole_shape(type) == whole_shape(first) and type.element_type == first.element_type,
                    f"expected bands of one feature map, got {first} and {type}",
                )
                self.expect(
                    rows_of(type).start == position,
                    f"expected consecutive bands: rows from {position} on, got rows {rows_of(type)}",
                )
                position = rows_of(type).stop
        for result in self.results:
            verify_rows_encoding(tensor_type(result))
            self.expect(
                rows_of(tensor_type(result)) == rows_of(tensor_type(self.results[0])),
                "expected every result to hold the same rows",
            )
            for group in groups:
                need = rows_needed(self, group, result).rows
                self.expect(
                    group_rows(group).contains(need),
                    f"rows {rows_of(tensor_type(result))} of the result need rows {need} of an operand, "
                    f"got rows {group_rows(group)} of {group_total_rows(group)}",
                )


class UnaryRowOp(RowOp, abc.ABC):
    """An op on one feature map and nothing else."""

    input = var_operand_def(TensorType)
    """The feature map, or the consecutive bands of it that the result's rows need."""

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The input's bands."""
        return (tuple(self.input),)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on the bands of one feature map."""
        if len(groups) != 1:
            raise ValueError(f"expected 1 operand or list of bands, got {len(groups)}")
        return cls([groups[0]], result_types, properties)


class FilterRowOp(RowOp, abc.ABC):
    """An op with a filter, an optional bias and a fused activation."""

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The input's bands, the filter and, where there is one, the bias."""
        op = cast("Conv2DOp", self)
        bias = ((op.bias,),) if op.bias is not None else ()
        return (tuple(op.input), (op.filter,), *bias)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on bands, filter and bias."""
        if len(groups) not in (2, 3) or any(len(group) != 1 for group in groups[1:]):
            raise ValueError("expected an input, a filter and an optional bias")
        bias = groups[2][0] if len(groups) == 3 else None
        return cls([groups[0], groups[1][0], bias], result_types, properties)

    def verify_filter(self, output_channels: int, channel_axis: int) -> None:
        """Checks the filter's and bias's types against the output's channels."""
        op = cast("Conv2DOp", self)
        filter_type = quantization_of(op.filter)
        self.expect(filter_type.storage_type.width.data == 8, f"expected an i8 filter, got {filter_type.storage_type}")
        self.expect(not any(filter_type.zero_points), "expected filter zero points of 0")
        shape = shape_of(op.filter)
        if filter_type.is_per_axis:
            self.expect(
                filter_type.axis.data == channel_axis and len(filter_type.scales) == shape[channel_axis],
                f"expected filter scales along axis {channel_axis}, {shape[channel_axis]} of them, "
                f"got {len(filter_type.scales)} along axis {filter_type.axis.data}",
            )
        if op.bias is not None:
            self.expect(
                shape_of(op.bias) == (output_channels,),
                f"expected a bias of {output_channels} elements, got shape {list(shape_of(op.bias))}",
            )
            storage = quantization_of(op.bias).storage_type
            self.expect(storage.width.data == 32, f"expected an i32 bias, got {storage}")


def _verify_activation(op: TinytsOp, activation: StringAttr) -> None:
    op.expect(
        activation.data in ACTIVATIONS,
        f"expected an activation of {', '.join(ACTIVATIONS)}, got {activation.data!r}",
    )


def _verify_int8(op: TinytsOp, *values: SSAValue) -> None:
    for value in values:
        type = quantization_of(value)
        op.expect(
            type.storage_type.width.data == 8 and not type.is_per_axis,
            f"expected int8 feature maps with one scale, got {value.type}",
        )


def _verify_window(
    op: RowOp,
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    window: tuple[int, int],
) -> None:
    """Checks window attributes, and the result's height and width against the input's."""
    op.expect(len(stride) == 2 and min(stride) >= 1, f"expected 2 strides >= 1, got {list(stride)}")
    op.expect(len(dilation) == 2 and min(dilation) >= 1, f"expected 2 dilations >= 1, got {list(dilation)}")
    op.expect(
        len(padding) == 4 and min(padding) >= 0,
        f"expected padding [top, bottom, left, right] >= 0, got {list(padding)}",
    )
    input_shape = whole_shape(tensor_type(op.row_groups()[0][0]))
    result_shape = whole_shape(tensor_type(op.results[0]))
    for axis, name in ((HEIGHT, "rows"), (WIDTH, "columns")):
        i = axis - HEIGHT
        span = (window[i] - 1) * dilation[i] + 1
        padded = input_shape[axis] + padding[2 * i] + padding[2 * i + 1]
        expected = (padded - span) // stride[i] + 1
        op.expect(
            padded >= span and result_shape[axis] == expected,
            f"{input_shape[axis]} input {name}, padding {list(padding[2 * i : 2 * i + 2])}, a window of {span} and "
            f"stride {stride[i]} make {max(expected, 0)} {name}, but the result has {result_shape[axis]}",
        )


def _verify_ranks(op: TinytsOp, *values: SSAValue) -> None:
    for value in values:
        shape = shape_of(value)
        op.expect(
            len(shape) == FEATURE_MAP_RANK and shape[0] == 1,
            f"expected feature maps of shape 1 x rows x columns x channels, got {value.type}",
        )


@irdl_op_definition
class ConstantOp(IRDLOperation, assembly.ShortErrors):
    """A constant tensor: weights or biases.

    The value holds stored integers; the result's element type says what they stand for. Constants lie in flash and take no
    arena.

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
        if len(self.value.data.data) != size_in_bytes(type) * (storage.width.data // 8):
            raise VerifyException(
                f"{self.name}: expected {size_in_bytes(type)} elements of {storage}, "
                f"got {len(self.value.data.data)} bytes"
            )

    @classmethod
    def parse(cls, parser: Parser) -> ConstantOp:
        """Parses `dense<...> : tensor<...> as element-type`."""
        position = parser.pos
        assembly.reject_elided(parser)
        value = parser.parse_attribute()
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

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The input."""
        return ((self.input,),)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on one input."""
        if len(groups) != 1 or len(groups[0]) != 1:
            raise ValueError("expected one input")
        return cls([groups[0][0]], result_types, properties)

    def verify_(self) -> None:
        """Checks that the result is a part of the input."""
        self.verify_rows()
        self.verify_offsets()
        result = tensor_type(self.result)
        size = row_bytes(result) * total_rows(result)
        self.expect(
            size == size_in_bytes(tensor_type(self.input)),
            f"expected the rows of an input of {size_in_bytes(tensor_type(self.input))} bytes, got rows of {size} bytes",
        )


@irdl_op_definition
class JoinOp(TinytsOp):
    """All bands of a feature map, as one tensor in one place.

    Example:
        %map = tinyts.join [%0, %1, %2] : tensor<1x6x8x16x!q>
    """

    name = "tinyts.join"

    bands = var_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The bands."""
        return (tuple(self.bands),)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on a list of bands."""
        if len(groups) != 1:
            raise ValueError(f"expected one list of bands, got {len(groups)}")
        return cls([groups[0]], result_types, properties)

    def verify_(self) -> None:
        """Checks that the bands are all rows of the result, in order."""
        self.verify_offsets()
        result = tensor_type(self.result)
        verify_rows_encoding(result)
        self.expect(not isinstance(result.encoding, RowsAttr), f"expected to make a whole feature map, got {result}")
        position = 0
        for band in self.bands:
            type = tensor_type(band)
            verify_rows_encoding(type)
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


@irdl_op_definition
class Conv2DOp(FilterRowOp):
    """TFLite's CONV_2D: filter in OHWI order; with fewer filter channels than input channels, a grouped convolution.

    `padding` is [top, bottom, left, right] of the whole feature map; a band of rows keeps it, and its type tells which
    of it applies. Padded elements count as the input's zero point.

    Example:
        %1 = tinyts.conv_2d %0, %filter, %bias {stride = [2, 2], padding = [0, 1, 0, 1], activation = relu6}
          : tensor<1x24x24x16x!q>
    """

    name = "tinyts.conv_2d"

    input = var_operand_def(TensorType)
    """The feature map, or the consecutive bands of it that the result's rows need."""
    filter = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    result = result_def(TensorType)

    stride = opt_prop_def(_INT_ARRAY, default_value=_ONES)
    dilation = opt_prop_def(_INT_ARRAY, default_value=_ONES)
    padding = opt_prop_def(_INT_ARRAY, default_value=_NO_PADDING)
    activation = opt_prop_def(StringAttr, default_value=_NO_ACTIVATION)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    @property
    def filter_size(self) -> tuple[int, int]:
        """Height and width of the filter."""
        _, height, width, _ = shape_of(self.filter)
        return height, width

    def row_map(self) -> RowMap | None:
        """A window of the dilated filter's height."""
        window = (self.filter_size[0] - 1) * _ints(self.dilation)[0] + 1
        return RowMap(_ints(self.stride)[0], window, _ints(self.padding)[0])

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        _verify_ranks(self, *self.input, self.result)
        _verify_int8(self, *self.input, self.result)
        _verify_activation(self, self.activation)
        self.expect(len(shape_of(self.filter)) == 4, f"expected a filter of rank 4, got {self.filter.type}")
        output_channels, height, width, filter_channels = shape_of(self.filter)
        input_channels = shape_of(self.input[0])[CHANNELS]
        groups = input_channels // filter_channels if filter_channels else 0
        self.expect(
            groups > 0 and input_channels == groups * filter_channels and output_channels % groups == 0,
            f"a filter of {output_channels} x {filter_channels} channels does not fit {input_channels} input channels",
        )
        self.expect(
            shape_of(self.result)[CHANNELS] == output_channels,
            f"expected {output_channels} result channels as the filter has, got {shape_of(self.result)[CHANNELS]}",
        )
        self.verify_filter(output_channels, channel_axis=0)
        _verify_window(self, _ints(self.stride), _ints(self.dilation), _ints(self.padding), (height, width))
        self.verify_rows()
        self.verify_offsets()


@irdl_op_definition
class DepthwiseConv2DOp(FilterRowOp):
    """TFLite's DEPTHWISE_CONV_2D: filter of shape 1 x height x width x output channels.

    Output channel `c` reads input channel `c // depth_multiplier`, where the multiplier is the quotient of the channel
    counts. Attributes as of `tinyts.conv_2d`.

    Example:
        %1 = tinyts.depthwise_conv_2d [%a, %b], %filter, %bias {padding = [1, 1, 1, 1], activation = relu6}
          : tensor<1x1x24x16x!q, #tinyts.rows<0:1 of 24>>
    """

    name = "tinyts.depthwise_conv_2d"

    input = var_operand_def(TensorType)
    """The feature map, or the consecutive bands of it that the result's rows need."""
    filter = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    result = result_def(TensorType)

    stride = opt_prop_def(_INT_ARRAY, default_value=_ONES)
    dilation = opt_prop_def(_INT_ARRAY, default_value=_ONES)
    padding = opt_prop_def(_INT_ARRAY, default_value=_NO_PADDING)
    activation = opt_prop_def(StringAttr, default_value=_NO_ACTIVATION)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    @property
    def filter_size(self) -> tuple[int, int]:
        """Height and width of the filter."""
        _, height, width, _ = shape_of(self.filter)
        return height, width

    @property
    def depth_multiplier(self) -> int:
        """Output channels for each input channel."""
        return shape_of(self.result)[CHANNELS] // shape_of(self.input[0])[CHANNELS]

    def row_map(self) -> RowMap | None:
        """A window of the dilated filter's height."""
        window = (self.filter_size[0] - 1) * _ints(self.dilation)[0] + 1
        return RowMap(_ints(self.stride)[0], window, _ints(self.padding)[0])

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        _verify_ranks(self, *self.input, self.result)
        _verify_int8(self, *self.input, self.result)
        _verify_activation(self, self.activation)
        shape = shape_of(self.filter)
        self.expect(
            len(shape) == 4 and shape[0] == 1,
            f"expected a filter of 1 x height x width x channels, got {self.filter.type}",
        )
        output_channels = shape_of(self.result)[CHANNELS]
        input_channels = shape_of(self.input[0])[CHANNELS]
        self.expect(
            shape[CHANNELS] == output_channels and output_channels % input_channels == 0,
            f"a filter of {shape[CHANNELS]} channels does not fit {input_channels} input and "
            f"{output_channels} result channels",
        )
        self.verify_filter(output_channels, channel_axis=3)
        _verify_window(self, _ints(self.stride), _ints(self.dilation), _ints(self.padding), shape[1:3])
        self.verify_rows()
        self.verify_offsets()


class PoolOp(UnaryRowOp, abc.ABC):
    """A pool over a window; padding takes no part in it."""

    result = result_def(TensorType)

    window = prop_def(_INT_ARRAY)
    """Height and width of the window."""
    stride = opt_prop_def(_INT_ARRAY, default_value=_ONES)
    padding = opt_prop_def(_INT_ARRAY, default_value=_NO_PADDING)
    activation = opt_prop_def(StringAttr, default_value=_NO_ACTIVATION)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """A window of the pool's height."""
        return RowMap(_ints(self.stride)[0], _ints(self.window)[0], _ints(self.padding)[0])

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        _verify_ranks(self, *self.input, self.result)
        _verify_int8(self, *self.input, self.result)
        _verify_activation(self, self.activation)
        window = _ints(self.window)
        self.expect(len(window) == 2 and min(window) >= 1, f"expected 2 window sizes >= 1, got {list(window)}")
        self.expect(
            shape_of(self.result)[CHANNELS] == shape_of(self.input[0])[CHANNELS],
            f"expected {shape_of(self.input[0])[CHANNELS]} result channels, got {shape_of(self.result)[CHANNELS]}",
        )
        self.expect(
            quantization_of(self.input[0]) == quantization_of(self.result),
            "expected input and result with the same scale and zero point, "
            f"got {quantization_of(self.input[0])} and {quantization_of(self.result)}",
        )
        padding = _ints(self.padding)
        _verify_window(self, _ints(self.stride), (1, 1), padding, (window[0], window[1]))
        self.expect(
            max(padding[:2]) < window[0] and max(padding[2:]) < window[1],
            f"expected padding smaller than the window {list(window)}, got {list(padding)}",
        )
        self.verify_rows()
        self.verify_offsets()


@irdl_op_definition
class AveragePool2DOp(PoolOp):
    """TFLite's AVERAGE_POOL_2D: the sum over the window's elements inside the map, divided with rounding away from zero.

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

    activation = opt_prop_def(StringAttr, default_value=_NO_ACTIVATION)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """Row by row."""
        return RowMap()

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The bands of both operands."""
        return (tuple(self.lhs), tuple(self.rhs))

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on the bands of two operands."""
        if len(groups) != 2:
            raise ValueError(f"expected 2 operands or lists of bands, got {len(groups)}")
        return cls([groups[0], groups[1]], result_types, properties)

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.verify_rows()
        self.verify_offsets()
        _verify_int8(self, *self.lhs, *self.rhs, self.result)
        _verify_activation(self, self.activation)
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

    activation = opt_prop_def(StringAttr, default_value=_NO_ACTIVATION)
    keep_dimensions = opt_prop_def(IntegerAttr)
    """1 where TFLite's keep_num_dims is set (the result has the input's rank); only the exporter asks."""

    traits = traits_def(Pure())

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The input, the filter and, where there is one, the bias."""
        bias = ((self.bias,),) if self.bias is not None else ()
        return ((self.input,), (self.filter,), *bias)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on input, filter and bias."""
        if len(groups) not in (2, 3) or any(len(group) != 1 for group in groups):
            raise ValueError("expected an input, a filter and an optional bias")
        bias = groups[2][0] if len(groups) == 3 else None
        return cls([groups[0][0], groups[1][0], bias], result_types, properties)

    @property
    def batches(self) -> int:
        """How many vectors the input holds."""
        return size_in_bytes(tensor_type(self.input)) // shape_of(self.filter)[1]

    def verify_(self) -> None:
        """Checks shapes and types."""
        self.verify_offsets()
        _verify_int8(self, self.input, self.result)
        _verify_activation(self, self.activation)
        for value in (self.input, self.result):
            self.expect(
                not isinstance(tensor_type(value).encoding, RowsAttr), f"expected whole tensors, got {value.type}"
            )
        shape = shape_of(self.filter)
        self.expect(len(shape) == 2, f"expected a filter of output x input channels, got {self.filter.type}")
        output_channels, input_channels = shape
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
        filter_type = quantization_of(self.filter)
        self.expect(filter_type.storage_type.width.data == 8, f"expected an i8 filter, got {filter_type.storage_type}")
        self.expect(not any(filter_type.zero_points), "expected filter zero points of 0")
        if filter_type.is_per_axis:
            self.expect(
                filter_type.axis.data == 0 and len(filter_type.scales) == output_channels,
                f"expected {output_channels} filter scales along axis 0, got {len(filter_type.scales)} along axis "
                f"{filter_type.axis.data}",
            )
        if self.bias is not None:
            self.expect(
                shape_of(self.bias) == (output_channels,),
                f"expected a bias of {output_channels} elements, got shape {list(shape_of(self.bias))}",
            )


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
        _verify_int8(self, *self.input, self.result)
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
        _verify_int8(self, *self.input, self.result)
        expect_same_shape(self)


def expect_same_shape(op: UnaryRowOp) -> None:
    """Raises unless the (whole) result has the shape of the (whole) input."""
    expected = whole_shape(tensor_type(op.input[0]))
    found = whole_shape(tensor_type(op.results[0]))
    op.expect(found == expected, f"expected a result of shape {list(expected)}, got {list(found)}")


class _ReshapePatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        from tinyts_mlir.transforms.canonicalization.reshape import ReshapeOfReceive, ReshapeOfReshape, TrivialReshape

        return (TrivialReshape(), ReshapeOfReshape(), ReshapeOfReceive())


@irdl_op_definition
class ReshapeOp(TinytsOp):
    """TFLite's RESHAPE: the same bytes in another shape. The quantization may change, the bytes do not.

    Example:
        %1 = tinyts.reshape %0 : tensor<1x64x!q>
    """

    name = "tinyts.reshape"

    input = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure(), _ReshapePatterns())

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The input."""
        return ((self.input,),)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on one input."""
        if len(groups) != 1 or len(groups[0]) != 1:
            raise ValueError("expected one input")
        return cls([groups[0][0]], result_types, properties)

    def verify_(self) -> None:
        """Checks that input and result have the same size."""
        self.verify_offsets()
        _verify_int8(self, self.input, self.result)
        input, result = tensor_type(self.input), tensor_type(self.result)
        for type in (input, result):
            self.expect(not isinstance(type.encoding, RowsAttr), f"expected whole tensors, got {type}")
        self.expect(
            size_in_bytes(input) == size_in_bytes(result),
            f"expected a result of {size_in_bytes(input)} elements, got {result}",
        )


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
    padding = opt_prop_def(_INT_ARRAY, default_value=_NO_PADDING)
    channels = opt_prop_def(_INT_ARRAY, default_value=DenseArrayBase.from_list(i64, [0, 0]))

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure(), _PadPatterns())

    def row_map(self) -> RowMap | None:
        """Row by row, the padding above counted."""
        return RowMap(padding=_ints(self.padding)[0])

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        _verify_ranks(self, *self.input, self.result)
        _verify_int8(self, *self.input, self.result)
        channels = _ints(self.channels)
        self.expect(len(channels) == 2 and min(channels) >= 0, f"expected 2 channel paddings, got {list(channels)}")
        _verify_window(self, (1, 1), (1, 1), _ints(self.padding), (1, 1))
        expected = shape_of(self.input[0])[CHANNELS] + sum(channels)
        found = shape_of(self.result)[CHANNELS]
        self.expect(found == expected, f"expected {expected} result channels, got {found}")
        self.verify_rows()
        self.verify_offsets()


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
    bands = opt_prop_def(_INT_ARRAY)
    """How many of the operands are bands of the first input, of the second, ...; absent when every input is whole."""

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

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
        for count in _ints(self.bands):
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
                sum(_ints(self.bands)) == len(self.inputs),
                f"expected {sum(_ints(self.bands))} bands in all, got {len(self.inputs)} operands",
            )
        self.expect(len(self.inputs) > 0, "expected at least one operand")
        self.verify_rows()
        self.verify_offsets()
        _verify_int8(self, *self.inputs, self.result)
        result = whole_shape(tensor_type(self.result))
        axis = self.axis.value.data
        self.expect(0 <= axis < len(result), f"expected an axis from 0 to {len(result) - 1}, got {axis}")
        total = 0
        for group in self.operand_groups():
            shape = whole_shape(tensor_type(group[0]))
            self.expect(
                len(shape) == len(result) and all(s == r for i, (s, r) in enumerate(zip(shape, result)) if i != axis),
                f"expected operands of shape {list(result)} except along axis {axis}, got {list(shape)}",
            )
            self.expect(
                quantization_of(group[0]) == quantization_of(self.result),
                f"expected operands quantized as the result, {quantization_of(self.result)}, "
                f"got {quantization_of(group[0])}",
            )
            total += shape[axis]
        self.expect(total == result[axis], f"expected operands of {result[axis]} along axis {axis} in all, got {total}")


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
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """Row by row, unless it is rows that are split."""
        rank = len(shape_of(self.input[0]))
        return RowMap() if rank == FEATURE_MAP_RANK and self.axis.value.data in (WIDTH, CHANNELS) else None

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.expect(len(self.parts) > 0, "expected at least one result")
        self.verify_rows()
        self.verify_offsets()
        _verify_int8(self, *self.input, *self.parts)
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
        JoinOp,
        Conv2DOp,
        DepthwiseConv2DOp,
        AveragePool2DOp,
        MaxPool2DOp,
        AddOp,
        FullyConnectedOp,
        SoftmaxOp,
        LeakyReluOp,
        ReshapeOp,
        PadOp,
        ConcatenationOp,
        SplitOp,
    ],
    [RowsAttr],
)
"""The `tinyts` dialect."""
