"""Transposed convolutions of the `tinyts` dialect, and the rows that they are made of.

Output row `r` of a transposed convolution with a stride of S rows reads the input rows `(r + top - y) / S`, for those
filter rows y for which that is a whole number: every S-th of them, another set for each of S output rows. So
`tinyts.transpose_conv` is canonicalized into S ops, each of which makes every S-th row, as a convolution of stride 1
makes rows; and their rows, in turns, are those of the result, which costs nothing where they are bands.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.traits import HasCanonicalizationPatternsTrait, Pure

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.interfaces import MovedRows, RowMoveInterface
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    HEIGHT,
    RowRange,
    quantization_of,
    shape_of,
    tensor_type,
    total_rows,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts_base import (
    INT_ARRAY,
    NO_ACTIVATION,
    ONES,
    RowOp,
    verify_activation,
    verify_activations,
    verify_bias,
    verify_filter_bytes,
    verify_ranks,
)
from tinyts_mlir.dialects.tinyts_inputs import ConstantOp


class TransposedConvolutionOp(RowOp, abc.ABC):
    """What a transposed convolution and its rows share: a filter in OHWI order, an optional bias, an activation.

    `padding` is [top, left]: rows and columns of what would be made above and to the left of the result. The result has
    any size: what no input reaches is made of the bias alone.
    """

    input = var_operand_def(TensorType)
    filter = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    result = result_def(TensorType)

    padding = prop_def(INT_ARRAY)
    activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    @property
    def is_of_unsigned_layer(self) -> bool:
        """Whether the filter is u8: then the product of scales is of single precision, as LiteRT has it."""
        return quantization_of(self.filter).is_unsigned

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_ranks(self, *self.input, self.result)
        verify_activations(self, *self.input, self.result)
        verify_activation(self, self.activation)
        padding = int_values(self.padding)
        self.expect(len(padding) == 2, f"expected padding [top, left], got {list(padding)}")
        self.expect(padding[1] >= 0, f"expected a padding of 0 or more columns, got {padding[1]}")
        shape, result = shape_of(self.filter), shape_of(self.result)
        channels = shape_of(self.input[0])[CHANNELS]
        self.expect(
            len(shape) == FEATURE_MAP_RANK and (shape[0], shape[-1]) == (result[CHANNELS], channels),
            f"expected a filter of {result[CHANNELS]} x height x width x {channels} channels, got {list(shape)}",
        )
        type = verify_filter_bytes(self, self.filter, may_be_unsigned=True)
        if type.is_per_axis:
            self.expect(
                type.axis.data == 0, f"expected filter scales along axis 0, got them along axis {type.axis.data}"
            )
        if self.bias is not None:
            verify_bias(self, self.bias, result[CHANNELS])
        self.verify_rows()
        self.verify_offsets()


class _TransposeConvPatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (RowsInTurns(),)


@irdl_op_definition
class TransposeConvOp(TransposedConvolutionOp):
    """TFLite's TRANSPOSE_CONV: each input pixel adds its product with the filter to the result, `stride` pixels apart.

    Example:
        %1 = tinyts.transpose_conv %0, %filter, %bias {stride = [2, 2], padding = [0, 0]} : tensor<1x24x24x8x!q>
    """

    name = "tinyts.transpose_conv"
    traits = traits_def(Pure(), _TransposeConvPatterns())

    stride = opt_prop_def(INT_ARRAY, default_value=ONES)

    def row_map(self) -> RowMap | None:
        """None: the ops that this one is canonicalized into have one."""
        return None

    def verify_(self) -> None:
        """Checks the strides, too."""
        stride = int_values(self.stride)
        self.expect(len(stride) == 2 and min(stride) >= 1, f"expected 2 strides >= 1, got {list(stride)}")
        padding = int_values(self.padding)
        self.expect(min(padding, default=0) >= 0, f"expected padding [top, left] >= 0, got {list(padding)}")
        super().verify_()


@irdl_op_definition
class TransposeConvRowsOp(TransposedConvolutionOp):
    """Rows of a transposed convolution: a convolution of stride 1 along rows, a transposed one along columns.

    Example:
        %1 = tinyts.transpose_conv_rows %0, %filter {stride = 2, padding = [1, 0]} : tensor<1x12x24x8x!q>
    """

    name = "tinyts.transpose_conv_rows"

    stride = prop_def(IntegerAttr)
    """Of columns."""

    def row_map(self) -> RowMap | None:
        """A window of the filter's height."""
        return RowMap(window=shape_of(self.filter)[HEIGHT], padding=int_values(self.padding)[0])

    def verify_(self) -> None:
        """Checks the stride, too."""
        self.expect(self.stride.value.data >= 1, f"expected a stride >= 1, got {self.stride.value.data}")
        super().verify_()


@irdl_op_definition
class InterleaveRowsOp(RowMoveInterface, RowOp):
    """The rows of several maps in turns: row `r` of the result is row `r // maps` of map `r % maps`.

    Example:
        %2 = tinyts.interleave_rows %0, %1 : tensor<1x24x24x8x!q>
    """

    name = "tinyts.interleave_rows"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    inputs = var_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """None: rows are not copied, or all at once."""
        return None

    def moved_rows(self) -> list[list[MovedRows]]:
        """A row of each map in turns."""
        maps = tuple(self.inputs)
        rows = range(total_rows(tensor_type(self.result)))
        return [[MovedRows(maps[r % len(maps)], RowRange(r // len(maps), r // len(maps) + 1)) for r in rows]]

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """Each map."""
        return tuple((value,) for value in self.inputs)

    def row_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """Every operand holds rows."""
        return self.operand_groups()

    @classmethod
    def from_groups(
        cls, groups: Sequence[Sequence[SSAValue]], result_types: Sequence[object], properties: object
    ) -> InterleaveRowsOp:
        """The op on any number of maps."""
        return cls([[value for group in groups for value in group]], result_types, properties)  # pyright: ignore

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_ranks(self, *self.inputs, self.result)
        verify_activations(self, *self.inputs, self.result)
        self.expect(len(self.inputs) > 0, "expected at least one operand")
        batch, rows, *row = whole_shape(tensor_type(self.result))
        for number, value in enumerate(self.inputs):
            expected = [batch, -(-(rows - number) // len(self.inputs)), *row]
            found = list(whole_shape(tensor_type(value)))
            self.expect(found == expected, f"expected operand {number} of shape {expected}, got {found}")
            self.expect(
                quantization_of(value) == quantization_of(self.result),
                f"expected operands quantized as the result, got {quantization_of(value)}",
            )
        self.verify_rows()
        self.verify_offsets()


class RowsInTurns(RewritePattern):
    """A transposed convolution is one op for each of as many output rows as its stride has."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: TransposeConvOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one op."""
        constant = op.filter.owner
        if not isinstance(constant, ConstantOp):
            return
        (row_stride, column_stride), (top, left) = int_values(op.stride), int_values(op.padding)
        _, rows, width, channels = shape_of(op.result)
        made: list[Operation] = []
        maps: list[SSAValue] = []
        for turn in range(min(row_stride, rows)):
            first, behind = (turn + top) % row_stride, (turn + top) // row_stride
            filter = _rows_of_filter(constant, first, row_stride)
            padding = filter.value.get_shape()[HEIGHT] - 1 - behind
            shape = (1, -(-(rows - turn) // row_stride), width, channels)
            part = TransposeConvRowsOp(
                [[*op.input], filter.result, op.bias],
                TensorType(quantization_of(op.result), shape),
                {"stride": column_stride, "padding": [padding, left], "activation": op.activation},
                location=op.location,
            )
            part.attributes |= op.attributes
            made += [filter, part]
            maps.append(part.result)
        if len(maps) > 1:
            made.append(InterleaveRowsOp([maps], op.result.type, location=op.location))
        rewriter.replace(op, made)


def _rows_of_filter(constant: ConstantOp, first: int, stride: int) -> ConstantOp:
    """Every `stride`-th row of a filter, the last one first, as a convolution reads them; for none a row of nothing."""
    outputs, height, width, inputs = constant.value.get_shape()
    weights = np.frombuffer(constant.value.data.data, np.uint8).reshape(outputs, height, width, inputs)
    rows = weights[:, first::stride][:, ::-1]
    type = quantization_of(constant.result)
    if first >= height:
        rows = np.full((outputs, 1, width, inputs), type.zero_points[0], np.uint8)
    return ConstantOp.from_bytes(np.ascontiguousarray(rows).tobytes(), rows.shape, type, constant.location)
