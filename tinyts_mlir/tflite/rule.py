"""A rule: how TFLite spells an op, said once for both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from xdsl.dialects.builtin import FloatAttr, IntegerAttr

from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.tflite.file import OptionValue, custom_op
from tinyts_mlir.tflite.layer_reader import LayerReader
from tinyts_mlir.tflite.layer_writer import LayerWriter

OpT = TypeVar("OpT", bound=TinytsOp)

MOVES_VERSION, INT8_VERSION = 1, 2
"""The op versions from which on LiteRT has int8: of ops that only move bytes, and of most others."""


MOVABLE = "int8, int32, int64"
"""The types of what layers take that only move elements."""


class Unsigned(Enum):
    """What becomes of a layer of uint8 tensors."""

    REFUSED = "LiteRT has no uint8 kernel for it, or one that computes otherwise than the int8 kernel"
    SHIFTED = "the op on int8: all bytes and zero points less 128"
    KEPT = "the op takes uint8 as it is"


@dataclass(frozen=True)
class Options:
    """The schema's type of an op's options, and which of its fields matter, by the schema's names in camel case."""

    type: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule(Generic[OpT]):
    """How TFLite spells an op.

    Attributes:
        name: TFLite's name of it; that of a custom op as `custom_op(code)` has it.
        op_type: the op that it is.
        options: its options; None: it has none, or is a custom op.
        read: makes the op of a layer, or several of one result each, in the order of the layer's outputs. Raises
            UnsupportedLayer for what cannot be compiled.
        write: makes the layer of an op, or several. Raises CompileError for what TFLite cannot say.
        inputs: the least and the most inputs that a layer has; None: any number.
        several_results: whether a layer may have more than one output.
        on_variables: the layer is about a variable: it may have no outputs, or such that are no values, and what `read`
            adds and sets is all there is.
        unsigned: what becomes of a layer of uint8 tensors.
        is_other_spelling: the op has a rule besides this one, and is written as that one says.
        types: of the maps that the layer takes and gives, for people.
        constraints: what is expected of a layer besides, for people; the ops' verifiers check it.
    """

    name: str
    op_type: type[OpT]
    options: Options | None
    read: Callable[[LayerReader], TinytsOp | Sequence[TinytsOp]]
    write: Callable[[LayerWriter, OpT], None]
    inputs: tuple[int, int] | None = (1, 1)
    several_results: bool = False
    on_variables: bool = False
    unsigned: Unsigned = Unsigned.REFUSED
    is_other_spelling: bool = False
    types: str = "int8"
    constraints: str = ""


def elementwise(
    name: str,
    op_type: type[OpT],
    options: str | None = None,
    properties: Mapping[str, str] | None = None,
    version: int = INT8_VERSION,
    unsigned: Unsigned = Unsigned.REFUSED,
    constraints: str = "",
) -> Rule[OpT]:
    """The rule of an op on one map, whose properties are fields of the options: property name to field name.

    The op's operand is one group, its result one value of the file's type.
    """
    fields = properties or {}

    def read(layer: LayerReader) -> OpT:
        given = {property: layer.option(field) for property, field in fields.items()}
        given = {property: int(value) if isinstance(value, bool) else value for property, value in given.items()}
        return op_type([[layer.activation(0)]], layer.output_type(), given)

    def write(layer: LayerWriter, op: OpT) -> None:
        values = {field: plain(getattr(op, property)) for property, field in fields.items()}
        layer.add(name, version, [layer.activation(op.operands[0])], values)

    given_options = Options(options, tuple(fields.values())) if options else None
    return Rule(name, op_type, given_options, read, write, unsigned=unsigned, constraints=constraints)


def plain(attribute: Any) -> OptionValue:
    """The number that a property holds."""
    assert isinstance(attribute, IntegerAttr | FloatAttr)
    return attribute.value.data


def custom(
    code: str,
    op_type: type[OpT],
    read: Callable[[LayerReader], OpT],
    write: Callable[[LayerWriter, OpT], None],
    inputs: tuple[int, int] | None = (1, 1),
) -> Rule[OpT]:
    """The rule of a custom op with this code; its options are `LayerReader.custom_options`, bytes of its own format."""
    return Rule(custom_op(code), op_type, None, read, write, inputs)


Rules = Sequence[Rule[Any]]
