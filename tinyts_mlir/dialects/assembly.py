"""The assembly format that all `tinyts` ops share.

    %3 = tinyts.conv_2d [%0, %1], %filter, %bias {stride = [2, 2], activation = relu} : tensor<1x4x4x8x!q>

Operands stand in groups; a group that is not exactly one value is bracketed. Properties stand in braces unless they
have their default value. Only result types are printed: operands are always defined above their uses, so their types
are known, and the types of weights are long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    NameLoc,
    StringAttr,
    f32,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import DiagnosticException, VerifyException

from tinyts_mlir.dialects.quant import float32_literal

PropertyValue = int | float | str | Sequence[int]


def int_values(attribute: DenseArrayBase[Any]) -> tuple[int, ...]:
    """The elements of an array of integers."""
    if attribute.elt_type == i64:  # as most are, which are asked for all the time
        return tuple(memoryview(attribute.data.data).cast("q"))
    return tuple(int(value) for value in attribute.get_values())


class ShortErrors(Operation):
    """An op whose verification errors are one line; xDSL's own show the whole module, weights and all."""

    def emit_error(self, message: str, underlying_error: Exception) -> NoReturn:
        """Raises with the op's layer where it has a name; what is no complaint about IR goes on as it is."""
        if not isinstance(underlying_error, DiagnosticException):
            raise underlying_error
        text = str(underlying_error)
        if not text.startswith(self.name):
            text = f"{self.name}: {text}"
        if isinstance(self.location, NameLoc):
            text = f"layer {self.location.desc.data!r}: {text}"
        raise VerifyException(text) from underlying_error


def to_attribute(value: PropertyValue | Attribute) -> Attribute:
    """The attribute that holds a plain value: i64, f32, string, or an array of i64."""
    match value:
        case Attribute():
            return value
        case int():
            return IntegerAttr(value, i64)
        case float():
            return FloatAttr(value, f32)
        case str():
            return StringAttr(value)
        case _:
            return DenseArrayBase.from_list(i64, [int(element) for element in value])


def print_groups(printer: Printer, groups: Sequence[Sequence[SSAValue]]) -> None:
    """Prints operand groups, each as `%a` or `[%a, %b]`."""

    def print_group(group: Sequence[SSAValue]) -> None:
        if len(group) == 1:
            printer.print_operand(group[0])
            return
        with printer.in_square_brackets():
            printer.print_list(group, printer.print_operand)

    printer.print_list(groups, print_group)


def parse_group(parser: Parser) -> tuple[SSAValue, ...]:
    """Parses the one operand group that is expected here."""
    position = parser.pos
    groups = parse_groups(parser)
    if len(groups) != 1:
        parser.raise_error(f"expected one value or bracketed list, got {len(groups)}", position, parser.pos)
    return groups[0]


def parse_value(parser: Parser) -> SSAValue:
    """Parses the one operand that is expected here."""
    position = parser.pos
    group = parse_group(parser)
    if len(group) != 1:
        parser.raise_error(f"expected one value, got {len(group)}", position, parser.pos)
    return group[0]


def parse_groups(parser: Parser) -> list[tuple[SSAValue, ...]]:
    """Parses operand groups, each `%a` or `[%a, %b]`."""

    def parse_defined_operand() -> SSAValue:
        unresolved = parser.parse_unresolved_operand()
        values = parser.ssa_values.get(unresolved.operand_name)
        if values is None or unresolved.index >= len(values):
            parser.raise_error(f"%{unresolved.operand_name} is used before it is defined")
        return parser.resolve_operand(unresolved, values[unresolved.index].type)

    def parse_group() -> tuple[SSAValue, ...]:
        bracketed = parser.parse_optional_comma_separated_list(parser.Delimiter.SQUARE, parse_defined_operand)
        return tuple(bracketed) if bracketed is not None else (parse_defined_operand(),)

    return parser.parse_comma_separated_list(parser.Delimiter.NONE, parse_group)


class ElidingPrinter(Printer):
    """A printer that leaves out the values of constants with more than `elide_above` elements.

    What it prints is for reading: it does not parse.
    """

    elide_above: int = 16


ELIDED = "dense<__elided__>"


def print_dense(printer: Printer, attribute: DenseIntOrFPElementsAttr) -> None:
    """Prints a constant's values and type, or only its type where the printer elides it."""
    if isinstance(printer, ElidingPrinter) and len(attribute) > printer.elide_above:
        printer.print_string(f"{ELIDED} : ")
        printer.print_attribute(attribute.get_type())
    else:
        printer.print_attribute(attribute)


def reject_elided(parser: Parser) -> None:
    """Raises a parse error that explains itself where a constant was elided."""
    start = parser.pos
    end = start + len(ELIDED)
    if parser.lexer.input.slice(start, end) == ELIDED:
        parser.raise_error(
            "this constant was elided when it was printed; print the module with --elide-constants=never", start, end
        )


def print_properties(printer: Printer, properties: Mapping[str, Attribute]) -> None:
    """Prints ` {name = value, ...}`, or nothing when there is none."""
    if not properties:
        return

    def print_property(item: tuple[str, Attribute]) -> None:
        name, attribute = item
        printer.print_string(f"{name} = ")
        match attribute:
            case IntegerAttr():
                printer.print_string(str(attribute.value.data))
            case FloatAttr():
                printer.print_string(float32_literal(attribute.value.data))
            case StringAttr():
                printer.print_identifier_or_string_literal(attribute.data)
            case DenseArrayBase():
                printer.print_string("[" + ", ".join(str(element) for element in int_values(attribute)) + "]")
            case DenseIntOrFPElementsAttr():
                print_dense(printer, attribute)
            case _:
                printer.print_attribute(attribute)

    printer.print_string(" ")
    with printer.in_braces():
        printer.print_list(properties.items(), print_property)


def parse_properties(parser: Parser) -> dict[str, Attribute]:
    """Parses `{name = value, ...}` where it stands."""
    properties: dict[str, Attribute] = {}

    def parse_element() -> int:
        position = parser.pos
        element = parser.parse_integer()
        if not -(1 << 63) <= element < 1 << 63:
            parser.raise_error(f"expected an integer of 64 bits, got {element}", position, parser.pos)
        return element

    def parse_property() -> None:
        position = parser.pos
        name = parser.parse_identifier()
        if name in properties:
            parser.raise_error(f"property {name!r} is given twice", position, parser.pos)
        parser.parse_punctuation("=")
        reject_elided(parser)
        if (elements := parser.parse_optional_comma_separated_list(parser.Delimiter.SQUARE, parse_element)) is None:
            if (number := parser.parse_optional_number()) is not None:
                properties[name] = to_attribute(number)
            elif (attribute := parser.parse_optional_attribute()) is not None:
                properties[name] = attribute
            else:
                properties[name] = to_attribute(parser.parse_identifier())
        else:
            properties[name] = to_attribute(elements)

    parser.parse_optional_comma_separated_list(parser.Delimiter.BRACES, parse_property)
    return properties


def parse_result_types(parser: Parser) -> list[Attribute]:
    """Parses `: type` or `: (type, ...)`."""
    parser.parse_punctuation(":")
    types = parser.parse_optional_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
    return list(types) if types is not None else [parser.parse_type()]


def print_result_types(printer: Printer, types: Sequence[Attribute]) -> None:
    """Prints ` : type` or ` : (type, ...)`."""
    printer.print_string(" : ")
    if len(types) == 1:
        printer.print_attribute(types[0])
        return
    with printer.in_parens():
        printer.print_list(types, printer.print_attribute)
