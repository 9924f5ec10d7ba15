"""What the ops of the `tinyts` dialect share: assembly, construction from plain values, rows, and checks."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from functools import cache
from typing import ClassVar, cast

from typing_extensions import Self
from xdsl.dialects.builtin import DenseArrayBase, Float32Type, LocationAttr, StringAttr, TensorType, i64
from xdsl.ir import Attribute, Operation, OpResult, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    OptOperandDef,
    VarOperandDef,
    operand_def,
    opt_prop_def,
    result_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.channel_geometry import ChannelLink, ChannelLinkInterface, Flags, same_channels
from tinyts_mlir.dialects.interfaces import AliasInterface, InputInterface, is_constant
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import (
    RowGeometryInterface,
    group_rows,
    group_total_rows,
    map_results,
    rows_needed,
)
from tinyts_mlir.dialects.rows import (
    FEATURE_MAP_RANK,
    HEIGHT,
    WIDE_BITS,
    WIDTH,
    is_index_type,
    is_wide,
    quantization_of,
    rows_of,
    shape_of,
    tensor_type,
    verify_feature_map,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts_attributes import VerifiedAttributes

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")
"""The fused activations, by their names in the `activation` attribute."""

INT_ARRAY = DenseArrayBase.constr(i64)
ONES = DenseArrayBase.from_list(i64, [1, 1])
NO_PADDING = DenseArrayBase.from_list(i64, [0, 0, 0, 0])
NO_ACTIVATION = StringAttr("none")
TIES = ("away", "up")
"""How means between two integers are rounded: away from zero, or up, as for the uint8 that int8 stands for."""
TIES_AWAY = StringAttr("away")


PLAN_PROPERTIES = ("offsets", "scratch")
"""What `plan-arena` sets on ops."""


class TinytsOp(IRDLOperation, VerifiedAttributes, abc.ABC):
    """What all ops of the dialect share: the assembly format, a constructor from plain values, offsets."""

    offsets = opt_prop_def(INT_ARRAY)
    """Bytes from the start of the arena, one for each result; set by `plan-arena`."""

    scratch = opt_prop_def(INT_ARRAY)
    """Where in the arena the kernel's scratch begins, and its bytes, where it has any; set by `plan-arena`."""

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
        results += [[]] * (len(self.get_irdl_definition().results) - len(results))  # optional ones
        super().__init__(operands=operands, result_types=results, properties=given)
        if location is not None:
            self.location = location

    HAS_RESULT_LIST: ClassVar[bool] = False
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8,)
    """How wide the elements of its feature maps may be; int16 has no zero points."""

    @property
    def is_of_unsigned_layer(self) -> bool | None:
        """Whether LiteRT does this only with uint8 tensors, for which int8 ones of 128 less stand here.

        None where it does the same with both, or where the rule of the layer says that it is done with int8 only.
        """
        return None

    def shared_operand_of(self, result: SSAValue) -> SSAValue | None:
        """The operand whose bytes a result is, by what the op means; None where it has bytes of its own."""
        return None

    def feature_map_groups(self) -> list[tuple[SSAValue, ...]]:
        """The groups of operands that are no constants: bands of one feature map each, or state."""
        return [group for group in self.operand_groups() if not is_constant(group[0])]

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The operands as they are printed: a group for each in the definition, none for an absent optional one."""
        kinds, values = _operand_kinds(type(self)), tuple(self._operands)
        sizes = self.properties.get("operandSegmentSizes")
        if isinstance(sizes, DenseArrayBase):
            counts = sizes.get_values()
        else:  # all but one, at most, are single values
            rest = len(values) - kinds.count(_SINGLE)
            counts = [1 if kind == _SINGLE else rest for kind in kinds]
        groups: list[tuple[SSAValue, ...]] = []
        start = 0
        for kind, count in zip(kinds, counts, strict=True):
            if count or kind == _VARIADIC:
                groups.append(values[start : start + count])
            start += count
        return tuple(groups)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op with these groups, the inverse of `operand_groups`; raises ValueError where they do not fit."""
        fields = cls.get_irdl_definition().operands
        required = [name for name, definition in fields if not isinstance(definition, OptOperandDef)]
        if not len(required) <= len(groups) <= len(fields):
            raise ValueError(f"expected operands {', '.join(name for name, _ in fields)}, got {len(groups)} of them")
        operands: list[SSAValue | Sequence[SSAValue] | None] = [None] * len(fields)
        for position, group in enumerate(groups):
            name, definition = fields[position]
            if isinstance(definition, VarOperandDef) and not isinstance(definition, OptOperandDef):
                operands[position] = group
            elif len(group) == 1:
                operands[position] = group[0]
            else:
                raise ValueError(f"expected one value as {name}, got {len(group)}")
        return cls(operands, result_types, properties)

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
        groups = assembly.parse_groups(parser) if cls.get_irdl_definition().operands else []
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
        if self.get_irdl_definition().operands:
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
        """Checks that a planned op has an offset for each result, and that scratch does not begin before the arena."""
        if self.scratch is not None:
            place = list(int_values(self.scratch))
            well_formed = len(place) == 2 and place[0] >= 0 and place[1] > 0
            self.expect(well_formed, f"expected scratch = [offset, bytes], got {place}")
        if self.offsets is None:
            return
        offsets = int_values(self.offsets)
        self.expect(
            len(offsets) == len(self.results) and min(offsets, default=0) >= 0,
            f"expected {len(self.results)} offsets that are not negative, got {list(offsets)}",
        )


_SINGLE, _OPTIONAL, _VARIADIC = range(3)


@cache
def _operand_kinds(op_type: type[IRDLOperation]) -> tuple[int, ...]:
    """Of each operand in an op's definition: how many values it may be."""
    return tuple(
        _OPTIONAL
        if isinstance(definition, OptOperandDef)
        else _VARIADIC
        if isinstance(definition, VarOperandDef)
        else _SINGLE
        for _, definition in op_type.get_irdl_definition().operands
    )


def planned_offset(value: SSAValue) -> int | None:
    """The byte of the arena at which a plan has a value, where it has one."""
    op = value.owner
    if not isinstance(op, TinytsOp) or op.offsets is None:
        return None
    return int_values(op.offsets)[op.results.index(cast(OpResult, value))]


class ChannelLinkedOp(ChannelLinkInterface, TinytsOp, abc.ABC):
    """An op that makes each channel of its results from the same channel of its operands."""

    def channel_links(self) -> Sequence[ChannelLink] | None:
        """Of every operand to every result."""
        return [link for result in self.results for link in same_channels(self.operands, result)]

    def on_channels(
        self,
        operands: Mapping[SSAValue, SSAValue],
        result_types: Sequence[TensorType[Attribute]],
        kept: Mapping[SSAValue, Flags],
    ) -> Operation:
        """This op with its attributes and location, and properties that say how many channels there are adjusted."""
        properties = {k: v for k, v in self.properties.items() if k not in PLAN_PROPERTIES}
        properties.pop("operandSegmentSizes", None)
        properties |= self.channel_properties(kept)
        groups = [[operands.get(value, value) for value in group] for group in self.operand_groups()]
        op = self.from_groups(groups, result_types, properties)
        op.attributes |= self.attributes
        op.location = self.location
        return op

    def channel_properties(self, kept: Mapping[SSAValue, Flags]) -> Mapping[str, Attribute]:
        """The properties that differ where just these channels of operands and results are there."""
        return {}


class AliasOp(AliasInterface, TinytsOp, abc.ABC):
    """An op whose result is its operand's bytes under another type: no step, no bytes of its own."""

    input = operand_def(TensorType)
    result = result_def(TensorType)

    def shared_operand_of(self, result: SSAValue) -> SSAValue | None:
        """The only operand."""
        return self.input


class InputOp(InputInterface, TinytsOp, abc.ABC):
    """An op through which a model input enters: as a step that brings rows in, or where the caller has it."""

    input = operand_def(TensorType)
    """An argument of the function: a tensor in the application's memory."""
    result = result_def(TensorType)


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
        return self.with_operands([*groups, *others], result_types)

    def with_operands(
        self, groups: Sequence[Sequence[SSAValue]], result_types: Sequence[TensorType[Attribute]]
    ) -> Operation:
        """This op with other groups of operands; attributes and location stay, a plan does not."""
        properties = {k: v for k, v in self.properties.items() if k not in PLAN_PROPERTIES}
        properties.pop("operandSegmentSizes", None)
        op = self.from_groups(groups, result_types, properties)
        op.attributes |= self.attributes
        op.location = self.location
        return op

    def verify_rows(self) -> None:
        """Checks that bands are consecutive and hold what every result reads."""
        groups = self.row_groups()
        for group in groups:
            verify_consecutive(self, group)
        for result in map_results(self):
            verify_feature_map(tensor_type(result))
            self.expect(
                rows_of(tensor_type(result)) == rows_of(tensor_type(self.results[0])),
                "expected every result to hold the same rows",
            )
            for number, group in enumerate(groups):
                need = rows_needed(self, number, group, result).rows
                self.expect(
                    group_rows(group).contains(need),
                    f"rows {rows_of(tensor_type(result))} of the result need rows {need} of an operand, "
                    f"got rows {group_rows(group)} of {group_total_rows(group)}",
                )


def verify_consecutive(op: TinytsOp, group: Sequence[SSAValue]) -> None:
    """Checks that values are consecutive bands of one feature map."""
    op.expect(len(group) > 0, "expected at least one band for every operand")
    first = tensor_type(group[0])
    position = rows_of(first).start
    for band in group:
        type = tensor_type(band)
        verify_feature_map(type)
        if not (
            whole_shape(type) == whole_shape(first) and type.element_type == first.element_type
        ):  # types print slowly: only where they are wanted
            raise op.fail(f"expected bands of one feature map, got {first} and {type}")
        op.expect(
            rows_of(type).start == position,
            f"expected consecutive bands: rows from {position} on, got rows {rows_of(type)}",
        )
        position = rows_of(type).stop


class UnaryRowOp(RowOp, abc.ABC):
    """An op on one feature map and nothing else."""

    input = var_operand_def(TensorType)
    """The feature map, or the consecutive bands of it that the result's rows need."""


def verify_activation(op: TinytsOp, activation: StringAttr) -> None:
    """Checks that the fused activation is one of ours."""
    op.expect(
        activation.data in ACTIVATIONS,
        f"expected an activation of {', '.join(ACTIVATIONS)}, got {activation.data!r}",
    )


def verify_ties(op: TinytsOp, ties: StringAttr) -> None:
    """Checks that a rounding is one of ours."""
    op.expect(ties.data in TIES, f"expected ties of {' or '.join(TIES)}, got {ties.data!r}")


def verify_int8(op: TinytsOp, *values: SSAValue) -> None:
    """Checks that feature maps are int8 with one scale."""
    for value in values:
        type = quantization_of(value)
        if not (
            type.storage_type.width.data == 8 and not type.is_unsigned and not type.is_per_axis
        ):  # types print slowly: only where they are wanted
            raise op.fail(f"expected int8 feature maps with one scale, got {value.type}")


def verify_activations(op: TinytsOp, *values: SSAValue) -> None:
    """Checks that feature maps are of one of the op's widths, all of one, with one scale; int16 without zero point."""
    widths: set[int] = set()
    for value in values:
        type = quantization_of(value)
        width = type.storage_type.width.data
        widths.add(width)
        if width not in op.ACTIVATION_BITS or type.is_unsigned or type.is_per_axis:
            names = " or ".join(f"int{bits}" for bits in op.ACTIVATION_BITS)
            raise op.fail(f"expected {names} feature maps with one scale, got {value.type}")
        if width == WIDE_BITS and type.zero_point:
            raise op.fail(
                f"expected a zero point of 0 for int16, got {type.zero_point}; convert the model with symmetric int16 "
                "activations"
            )
    op.expect(len(widths) <= 1, f"expected feature maps of one width, got {sorted(widths)} bits")


def verify_edge(op: TinytsOp, *values: SSAValue) -> None:
    """Checks that tensors have elements that a model takes or gives: bytes or int16 with one scale, or float32."""
    for value in values:
        type = tensor_type(value).element_type
        if isinstance(type, Float32Type):
            continue
        if not (
            isinstance(type, UniformQuantizedType)
            and type.storage_type.width.data in (8, WIDE_BITS)
            and not type.is_per_axis
        ):
            raise op.fail(f"expected f32, or int8, uint8 or int16 with one scale, got {value.type}")


def verify_movable(op: TinytsOp, *values: SSAValue) -> None:
    """Checks that tensors have elements that are moved byte by byte: int8 or int16 with one scale, or indices."""
    for value in values:
        type = tensor_type(value)
        if is_wide(type) and WIDE_BITS in op.ACTIVATION_BITS:
            verify_edge(op, value)
        elif not is_index_type(type.element_type):
            verify_int8(op, value)


def verify_edge_or_indices(op: TinytsOp, *values: SSAValue) -> None:
    """Checks that tensors have elements that a model takes or gives, indices included."""
    verify_edge(op, *(value for value in values if not is_index_type(tensor_type(value).element_type)))


def verify_window(
    op: RowOp,
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    window: Sequence[int],
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


def verify_ranks(op: TinytsOp, *values: SSAValue) -> None:
    """Checks that feature maps have rank 4 and batch 1."""
    for value in values:
        shape = shape_of(value)
        if not (len(shape) == FEATURE_MAP_RANK and shape[0] == 1):  # types print slowly: only where they are wanted
            raise op.fail(f"expected feature maps of shape 1 x rows x columns x channels, got {value.type}")


def verify_bias(op: TinytsOp, bias: SSAValue, output_channels: int) -> None:
    """Checks that a bias is a vector of `output_channels` elements: i32, or i64 beside int16 feature maps."""
    op.expect(
        shape_of(bias) == (output_channels,),
        f"expected a bias of {output_channels} elements, got shape {list(shape_of(bias))}",
    )
    storage = quantization_of(bias).storage_type
    widths = (32, 64) if is_wide(tensor_type(op.results[0])) else (32,)
    names = " or ".join(f"i{width}" for width in widths)
    op.expect(storage.width.data in widths, f"expected an {names} bias, got {storage}")


def verify_filter_bytes(
    op: TinytsOp, filter: SSAValue, *, may_be_unsigned: bool = False, may_have_zero_point: bool = False
) -> UniformQuantizedType:
    """Checks that a filter is i8 without zero points, or u8 where that may be; gives its quantization.

    Where there may be a zero point, it is one for the whole filter.
    """
    type = quantization_of(filter)
    if type.is_unsigned and may_be_unsigned:
        op.expect(not type.is_per_axis, f"expected one scale for a filter of u8, got {len(type.scales)}")
        return type
    is_i8 = type.storage_type.width.data == 8 and not type.is_unsigned
    op.expect(is_i8, f"expected an i8 filter, got {'u8' if type.is_unsigned else type.storage_type}")
    has_one = may_have_zero_point and not type.is_per_axis
    op.expect(has_one or not any(type.zero_points), "expected filter zero points of 0")
    return type


def verify_dense_filter(op: TinytsOp, filter: SSAValue, *, may_have_zero_point: bool = False) -> None:
    """Checks that a filter is output channels x elements: i8, one scale or one for each channel, no zero points.

    Where there may be a zero point, it is one for the whole filter.
    """
    shape = shape_of(filter)
    if len(shape) != 2:  # types print slowly: only where they are wanted
        raise op.fail(f"expected a filter of output x input channels, got {filter.type}")
    filter_type = verify_filter_bytes(op, filter, may_have_zero_point=may_have_zero_point)
    if filter_type.is_per_axis:
        op.expect(
            filter_type.axis.data == 0 and len(filter_type.scales) == shape[0],
            f"expected {shape[0]} filter scales along axis 0, got {len(filter_type.scales)} along axis "
            f"{filter_type.axis.data}",
        )
