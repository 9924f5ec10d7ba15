"""Ops of the `tinyts` dialect on two operands, element by element; operands may be broadcast."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    opt_prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.interfaces import is_constant, is_read_in_place
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK, HEIGHT, tensor_type, total_rows, whole_shape
from tinyts_mlir.dialects.tinyts_base import (
    NO_ACTIVATION,
    ChannelLinkedOp,
    RowOp,
    verify_activation,
    verify_activations,
)

Shape = tuple[int, ...]
ONE_ROW = RowMap(stride=0)
"""Every output row reads the only row."""


class TwoOperandOp(RowOp, abc.ABC):
    """A function of two operands. One may be a constant; one of a single row is read for every row of the result."""

    lhs = var_operand_def(TensorType)
    rhs = var_operand_def(TensorType)
    result = result_def(TensorType)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    def row_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The operands that are no constants."""
        return tuple(group for group in self.operand_groups() if not is_constant(group[0]))

    def row_map_of(self, group: int) -> RowMap | None:
        """An operand of one row is read for every row."""
        row_map = self.row_map()
        is_one_row = total_rows(tensor_type(self.row_groups()[group][0])) == 1 < total_rows(tensor_type(self.result))
        return ONE_ROW if row_map is not None and is_one_row else row_map

    def with_bands(
        self, groups: Sequence[Sequence[SSAValue]], result_types: Sequence[TensorType[Attribute]]
    ) -> Operation:
        """This op on other bands; a constant stays."""
        bands = iter(groups)
        operands = [group if is_constant(group[0]) else next(bands) for group in self.operand_groups()]
        return self.with_operands(operands, result_types)

    def verify_(self) -> None:
        """Checks types and rows, and that a layer makes one of the operands."""
        self.verify_rows()
        self.verify_offsets()
        verify_activations(self, *self.lhs, *self.rhs, self.result)
        self.expect(len(self.row_groups()) > 0, "expected at least one operand that is no constant")


class BinaryOp(ChannelLinkedOp, TwoOperandOp, abc.ABC):
    """A function of two elements. Operands are broadcast as numpy does it, and one of them may be a constant."""

    @property
    def result_shape(self) -> Shape:
        """The shape of the whole result, with four dimensions."""
        return extended(whole_shape(tensor_type(self.result)))

    @property
    def operand_shapes(self) -> tuple[Shape, Shape]:
        """The shapes of the whole operands, with four dimensions."""
        first, second = (extended(whole_shape(tensor_type(group[0]))) for group in (self.lhs, self.rhs))
        return first, second

    def row_map(self) -> RowMap | None:
        """Row by row; None where an operand's rows are not the result's, nor one for all that lies in the arena."""
        rows = total_rows(tensor_type(self.result))
        for group in self.operand_groups():
            height = extended(whole_shape(tensor_type(group[0])))[HEIGHT]
            if rows > 1 and height > 1 and (is_constant(group[0]) or total_rows(tensor_type(group[0])) != rows):
                return None
            if height == 1 < rows and isinstance(owner := group[0].owner, Operation) and is_read_in_place(owner):
                return None
        return RowMap()

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        super().verify_()
        shapes = [whole_shape(tensor_type(group[0])) for group in (self.lhs, self.rhs)]
        result = whole_shape(tensor_type(self.result))
        rank = max(map(len, shapes))
        expected = broadcast(*shapes)
        if expected is None:
            raise self.fail(f"expected shapes that can be broadcast, got {list(shapes[0])} and {list(shapes[1])}")
        self.expect(
            result == expected and (rank <= FEATURE_MAP_RANK or shapes[0] == shapes[1]),
            f"expected a result of shape {list(expected)}, of at most {FEATURE_MAP_RANK} dimensions "
            f"where operands are broadcast, got {list(result)}",
        )


class ActivatedBinaryOp(BinaryOp, abc.ABC):
    """One with a fused activation."""

    activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)

    def verify_(self) -> None:
        """Checks the activation, too."""
        super().verify_()
        verify_activation(self, self.activation)


class SumOp(ActivatedBinaryOp, abc.ABC):
    """A sum or a difference."""

    powers_of_two = opt_prop_def(IntegerAttr, default_value=assembly.to_attribute(1))
    """0 where int16 operands whose scales are powers of two are scaled as others are; TFLite's pot_scale_int16."""


@irdl_op_definition
class AddOp(SumOp):
    """TFLite's ADD.

    Example:
        %2 = tinyts.add %0, %1 {activation = relu} : tensor<1x12x12x16x!q>
    """

    name = "tinyts.add"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class SubOp(SumOp):
    """TFLite's SUB.

    Example:
        %2 = tinyts.sub %0, %1 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.sub"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class MulOp(ActivatedBinaryOp):
    """TFLite's MUL.

    Example:
        %2 = tinyts.mul %0, %1 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.mul"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class DivOp(ActivatedBinaryOp):
    """TFLite's DIV; where the second operand is zero, LiteRT ends with an error, and the emitted C divides by one step.

    Example:
        %2 = tinyts.div %0, %1 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.div"


@irdl_op_definition
class MinimumOp(BinaryOp):
    """TFLite's MINIMUM of bytes, whatever their quantizations.

    Example:
        %2 = tinyts.minimum %0, %1 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.minimum"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class MaximumOp(BinaryOp):
    """TFLite's MAXIMUM of bytes, whatever their quantizations.

    Example:
        %2 = tinyts.maximum %0, %1 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.maximum"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class SquaredDifferenceOp(BinaryOp):
    """TFLite's SQUARED_DIFFERENCE.

    Example:
        %2 = tinyts.squared_difference %0, %1 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.squared_difference"


@irdl_op_definition
class PreluOp(BinaryOp):
    """TFLite's PRELU: what is below 0 is multiplied with `alpha`, the second operand.

    Example:
        %2 = tinyts.prelu %0, %1 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.prelu"

    def verify_(self) -> None:
        """Checks that the first operand is the one that keeps its shape."""
        super().verify_()
        self.expect(
            self.operand_shapes[0] == self.result_shape,
            f"expected a result of the operand's shape {list(self.operand_shapes[0])}, got {list(self.result_shape)}",
        )


def extended(shape: Sequence[int]) -> Shape:
    """A shape with ones in front, so that it has four dimensions; one of more is one dimension."""
    if len(shape) > FEATURE_MAP_RANK:
        product = 1
        for size in shape:
            product *= size
        shape = (product,)
    return (*[1] * (FEATURE_MAP_RANK - len(shape)), *shape)


def broadcast(first: Sequence[int], second: Sequence[int]) -> Shape | None:
    """The shape that two shapes have together; None where they do not fit."""
    rank = max(len(first), len(second))
    pairs = zip((*[1] * (rank - len(first)), *first), (*[1] * (rank - len(second)), *second), strict=True)
    sizes = [(max(a, b), a == b or 1 in (a, b)) for a, b in pairs]
    return tuple(size for size, _ in sizes) if all(fits for _, fits in sizes) else None
