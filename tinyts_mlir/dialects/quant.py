"""The `quant` dialect: element types of quantized tensors, in the syntax of MLIR's dialect of that name.

A stored integer `q` stands for the real number `scale * (q - zero_point)`. A type is either per tensor,

    !quant.uniform<i8:f32, 0.0078431377:-1>

or per axis, with one scale (and zero point) for each index along one dimension of the tensor,

    !quant.uniform<i8:f32:0, {0.5, 0.25:3}>

where a zero point of 0 is not written; `u8` is an unsigned byte, as some models take and give. Unlike upstream, scales
may be negative or zero: both occur in the weights of published models. Scales are float32 values and print with the
fewest digits that read back to the same float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import Float32Type, IntegerType, Signedness, f32
from xdsl.ir import Attribute, Data, Dialect, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

PER_TENSOR = -1
"""The axis of a type with one scale for the whole tensor."""

UNSIGNED_BYTE = IntegerType(8, Signedness.UNSIGNED)
"""The storage type of `u8`."""


def float32_literal(value: float) -> str:
    """The shortest MLIR float literal that reads back to the float32 `value`.

    MLIR wants a decimal point and at least one digit before it, also in front of an exponent.
    """
    text = str(np.float32(value))
    mantissa, separator, exponent = text.partition("e")
    if "." not in mantissa and mantissa.lstrip("-").isdigit():
        mantissa += ".0"
    return mantissa + separator + exponent


@irdl_attr_definition
class AxisAttr(Data[int]):
    """The quantized dimension of a per-axis type, or `PER_TENSOR`."""

    name = "quant.axis"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> int:
        """Parses `<axis>`."""
        with parser.in_angle_brackets():
            return parser.parse_integer()

    def print_parameter(self, printer: Printer) -> None:
        """Prints `<axis>`."""
        printer.print_string(f"<{self.data}>")


@irdl_attr_definition
class ScalesAttr(Data[tuple[tuple[float, int], ...]]):
    """The (scale, zero point) pairs of a quantized type; scales are float32 values."""

    name = "quant.scales"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[tuple[float, int], ...]:
        """Parses `{scale:zero_point, ...}`."""
        pairs = parser.parse_comma_separated_list(parser.Delimiter.BRACES, lambda: parse_scale(parser))
        return tuple(pairs)

    def print_parameter(self, printer: Printer) -> None:
        """Prints `{scale:zero_point, ...}`."""
        with printer.in_braces():
            printer.print_list(self.data, lambda pair: print_scale(printer, pair))


def parse_scale(parser: AttrParser) -> tuple[float, int]:
    """Parses `scale` or `scale:zero_point`."""
    number = float(parser.parse_number(context_msg=" for a quantization scale"))
    with np.errstate(over="ignore"):  # the verifier rejects infinity
        scale = float(np.float32(number))
    zero_point = 0
    if parser.parse_optional_punctuation(":") is not None:
        zero_point = parser.parse_integer(context_msg=" for a zero point")
    return scale, zero_point


def print_scale(printer: Printer, pair: tuple[float, int]) -> None:
    """Prints `scale` or, when the zero point is not 0, `scale:zero_point`."""
    scale, zero_point = pair
    printer.print_string(float32_literal(scale))
    if zero_point:
        printer.print_string(f":{zero_point}")


@irdl_attr_definition
class UniformQuantizedType(ParametrizedAttribute, TypeAttribute):
    """A uniformly quantized element type, per tensor or per axis (see the module's text for the syntax)."""

    name = "quant.uniform"

    storage_type: IntegerType = param_def()
    expressed_type: Float32Type = param_def()
    axis: AxisAttr = param_def()
    pairs: ScalesAttr = param_def()

    @staticmethod
    def per_tensor(storage_type: IntegerType, scale: float, zero_point: int = 0) -> UniformQuantizedType:
        """A type with one scale and zero point."""
        pairs = ScalesAttr(((float(np.float32(scale)), zero_point),))
        return UniformQuantizedType(storage_type, f32, AxisAttr(PER_TENSOR), pairs)

    @staticmethod
    def per_axis(
        storage_type: IntegerType, scales: Sequence[float], zero_points: Sequence[int], axis: int
    ) -> UniformQuantizedType:
        """A type with a scale and a zero point for each index along dimension `axis`."""
        pairs = tuple((float(np.float32(s)), int(z)) for s, z in zip(scales, zero_points, strict=True))
        return UniformQuantizedType(storage_type, f32, AxisAttr(axis), ScalesAttr(pairs))

    @property
    def is_per_axis(self) -> bool:
        """Whether there is a scale for each index along one dimension."""
        return self.axis.data != PER_TENSOR

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales, one or one for each index along the axis."""
        return tuple(scale for scale, _ in self.pairs.data)

    @property
    def zero_points(self) -> tuple[int, ...]:
        """The zero points, as many as scales."""
        return tuple(zero_point for _, zero_point in self.pairs.data)

    @property
    def scale(self) -> float:
        """The scale of a per-tensor type."""
        return self.pairs.data[0][0]

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor type."""
        return self.pairs.data[0][1]

    @property
    def is_unsigned(self) -> bool:
        """Whether stored integers have no sign."""
        return self.storage_type.signedness.data == Signedness.UNSIGNED

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the greatest stored integer."""
        width = self.storage_type.width.data
        return (0, (1 << width) - 1) if self.is_unsigned else (-(1 << (width - 1)), (1 << (width - 1)) - 1)

    def verify(self) -> None:
        """Checks that the storage type is known and holds every zero point."""
        width = self.storage_type.width.data
        if width not in (8, 16, 32, 64):
            raise VerifyException(
                f"quant.uniform: expected a storage type of 8, 16, 32 or 64 bits, got {self.storage_type}"
            )
        if self.storage_type != IntegerType(width) and self.storage_type != UNSIGNED_BYTE:
            raise VerifyException(
                f"quant.uniform: expected a storage type i{width}, which is signed, or u8, got {self.storage_type}"
            )
        count = len(self.pairs.data)
        if not self.is_per_axis and count != 1:
            raise VerifyException(f"quant.uniform: expected one scale for a per-tensor type, got {count}")
        if self.axis.data < PER_TENSOR or not count:
            raise VerifyException("quant.uniform: expected an axis >= 0 and at least one scale")
        low, high = self.limits
        for scale, zero_point in self.pairs.data:
            if not np.isfinite(scale):
                raise VerifyException(f"quant.uniform: expected finite scales, got {scale}")
            if not low <= zero_point <= high:
                raise VerifyException(f"quant.uniform: expected a zero point in [{low}, {high}], got {zero_point}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parses `<i8:f32, scale:zero_point>` or `<i8:f32:axis, {scale:zero_point, ...}>`."""
        with parser.in_angle_brackets():
            unsigned = parser.parse_optional_keyword("u8") is not None
            storage_type = UNSIGNED_BYTE if unsigned else parser.parse_type()
            parser.parse_punctuation(":")
            expressed_type = parser.parse_type()
            axis = PER_TENSOR
            if parser.parse_optional_punctuation(":") is not None:
                axis = parser.parse_integer(allow_negative=False, context_msg=" for the quantized axis")
            parser.parse_punctuation(",")
            per_tensor = axis == PER_TENSOR
            pairs = (parse_scale(parser),) if per_tensor else ScalesAttr.parse_parameter(parser)
        return [storage_type, expressed_type, AxisAttr(axis), ScalesAttr(pairs)]

    def print_parameters(self, printer: Printer) -> None:
        """Prints what `parse_parameters` reads."""
        with printer.in_angle_brackets():
            if self.storage_type == UNSIGNED_BYTE:
                printer.print_string("u8")
            else:
                printer.print_attribute(self.storage_type)
            printer.print_string(":")
            printer.print_attribute(self.expressed_type)
            if self.is_per_axis:
                printer.print_string(f":{self.axis.data}, ")
                self.pairs.print_parameter(printer)
            else:
                printer.print_string(", ")
                print_scale(printer, self.pairs.data[0])


Quant = Dialect("quant", [], [UniformQuantizedType, ScalesAttr, AxisAttr])
"""The `quant` dialect: types only."""
