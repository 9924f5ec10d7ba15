"""Ops on two operands, one of which may be a constant; of two constants the first is loaded."""

from __future__ import annotations

from typing import TypeVar

from xdsl.dialects.builtin import i8, i16

from tinyts_mlir.dialects.assembly import PropertyValue
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    BinaryOp,
    DivOp,
    MaximumOp,
    MinimumOp,
    MulOp,
    PreluOp,
    SquaredDifferenceOp,
    SubOp,
)
from tinyts_mlir.dialects.tinyts_binary import ActivatedBinaryOp, SumOp
from tinyts_mlir.tflite.file import OptionValue
from tinyts_mlir.tflite.layer_reader import LayerReader
from tinyts_mlir.tflite.layer_writer import ACTIVATION_CODES, LayerWriter
from tinyts_mlir.tflite.rule import INT8_VERSION, MOVES_VERSION, Options, Rule, Unsigned

POWERS_OF_TWO = "PotScaleInt16"
BinaryOpT = TypeVar("BinaryOpT", bound=BinaryOp)


def binary(
    name: str,
    op_type: type[BinaryOpT],
    options: str,
    version: int = INT8_VERSION,
    unsigned: Unsigned = Unsigned.SHIFTED,
) -> Rule[BinaryOpT]:
    """The rule of an op on two operands."""
    is_activated, is_sum = issubclass(op_type, ActivatedBinaryOp), issubclass(op_type, SumOp)

    def read(layer: LayerReader) -> BinaryOpT:
        properties: dict[str, PropertyValue] = {}
        if is_activated:
            properties["activation"] = layer.activation_function()
        if is_sum and not layer.option(POWERS_OF_TWO) and layer.activation_storage(0) == i16:
            properties["powers_of_two"] = 0
        return op_type([[operand] for operand in layer.two_operands()], layer.output_type(), properties)

    def write(layer: LayerWriter, op: BinaryOpT) -> None:
        activation = op.activation.data if isinstance(op, ActivatedBinaryOp) else None
        given: dict[str, OptionValue] = {}
        if activation is not None:
            given["FusedActivationFunction"] = ACTIVATION_CODES[activation]
        if isinstance(op, SumOp) and not op.powers_of_two.value.data:
            given[POWERS_OF_TWO] = False
        layer.add(name, version, [layer.activation_or_constant(group[0]) for group in (op.lhs, op.rhs)], given)

    fields = (*(["FusedActivationFunction"] if is_activated else []), *([POWERS_OF_TWO] if is_sum else []))
    return Rule(name, op_type, Options(options, fields), read, write, inputs=(2, 2), unsigned=unsigned)


def _read_prelu(layer: LayerReader) -> PreluOp:
    return PreluOp([[layer.activation(0)], [layer.activation_or_weights(1, i8)]], layer.output_type())


def _write_prelu(layer: LayerWriter, op: PreluOp) -> None:
    layer.add("PRELU", MOVES_VERSION, [layer.activation(op.lhs[0]), layer.activation_or_constant(op.rhs[0])], {})


RULES = [
    Rule(
        "PRELU",
        PreluOp,
        None,
        _read_prelu,
        _write_prelu,
        inputs=(2, 2),
        unsigned=Unsigned.SHIFTED,
        constraints="alpha broadcast to the operand",
    ),
    binary("ADD", AddOp, "AddOptions"),
    binary("SUB", SubOp, "SubOptions"),
    binary("MUL", MulOp, "MulOptions"),
    binary("DIV", DivOp, "DivOptions"),
    binary("MINIMUM", MinimumOp, "MaximumMinimumOptions"),
    binary("MAXIMUM", MaximumOp, "MaximumMinimumOptions"),
    binary("SQUARED_DIFFERENCE", SquaredDifferenceOp, "SquaredDifferenceOptions", unsigned=Unsigned.REFUSED),
]
