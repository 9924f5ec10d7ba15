"""Ops of the `tinyts` dialect on one operand whose result has its shape: look-ups, softmax."""

from __future__ import annotations

import abc
from typing import ClassVar

from xdsl.dialects.builtin import (
    Float32Type,
    FloatAttr,
    IntegerAttr,
    TensorType,
)
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import (
    is_wide,
    quantization_of,
    tensor_type,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts_base import (
    ChannelLinkedOp,
    UnaryRowOp,
    verify_activations,
)


class ElementwiseOp(ChannelLinkedOp, UnaryRowOp, abc.ABC):
    """A function of each element on its own: the result has the operand's shape, and a quantization of its own.

    An op of this family needs a name, and properties where the function has any.
    """

    RESULT_SCALE: ClassVar[float | None] = None
    """The scale that an int8 result must have, where there is only one."""
    WIDE_RESULT_SCALE: ClassVar[float | None] = None
    """The same of an int16 result."""
    IS_OF_NEGATIVE: ClassVar[bool] = True
    """Whether LiteRT runs it on negative elements, too; ours always does."""

    result = result_def(TensorType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """Row by row."""
        return RowMap()

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.verify_rows()
        self.verify_offsets()
        verify_activations(self, *self.input, self.result)
        expect_same_shape(self)
        wanted = self.WIDE_RESULT_SCALE if is_wide(tensor_type(self.result)) else self.RESULT_SCALE
        if wanted is not None:
            scale = quantization_of(self.result).scale
            self.expect(scale == wanted, f"expected a result with scale {wanted}, got {scale}")


@irdl_op_definition
class LeakyReluOp(ElementwiseOp):
    """TFLite's LEAKY_RELU.

    Example:
        %1 = tinyts.leaky_relu %0 {alpha = 0.1} : tensor<1x12x12x16x!q>
    """

    name = "tinyts.leaky_relu"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    alpha = prop_def(FloatAttr[Float32Type])


@irdl_op_definition
class Relu6Op(ElementwiseOp):
    """TFLite's RELU6 as a layer of its own: requantizes, and keeps what lies between the bytes of 0 and 6.

    Example:
        %1 = tinyts.relu6 %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.relu6"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class LogisticOp(ElementwiseOp):
    """TFLite's LOGISTIC.

    Example:
        %1 = tinyts.logistic %0 : tensor<1x12x12x16x!quant.uniform<i8:f32, 0.00390625:-128>>
    """

    name = "tinyts.logistic"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)
    RESULT_SCALE: ClassVar[float | None] = 1 / 256
    WIDE_RESULT_SCALE: ClassVar[float | None] = 1 / 32768


@irdl_op_definition
class TanhOp(ElementwiseOp):
    """TFLite's TANH.

    Example:
        %1 = tinyts.tanh %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.tanh"
    WIDE_RESULT_SCALE: ClassVar[float | None] = 1 / 32768
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class HardSwishOp(ElementwiseOp):
    """TFLite's HARD_SWISH.

    Example:
        %1 = tinyts.hard_swish %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.hard_swish"


@irdl_op_definition
class ReluOp(ElementwiseOp):
    """TFLite's RELU as a layer of its own: requantizes, and keeps what is not below the byte of 0.

    Example:
        %1 = tinyts.relu %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.relu"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)


@irdl_op_definition
class ReluN1To1Op(ElementwiseOp):
    """TFLite's RELU_N1_TO_1 as a layer of its own: requantizes, and keeps what lies between -1 and 1.

    Example:
        %1 = tinyts.relu_n1_to_1 %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.relu_n1_to_1"


@irdl_op_definition
class AbsOp(ElementwiseOp):
    """TFLite's ABS: requantizes.

    Example:
        %1 = tinyts.abs %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.abs"


@irdl_op_definition
class ExpOp(ElementwiseOp):
    """TFLite's EXP.

    Example:
        %1 = tinyts.exp %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.exp"


@irdl_op_definition
class LogOp(ElementwiseOp):
    """TFLite's LOG; what is not positive becomes the least byte.

    Example:
        %1 = tinyts.log %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.log"


@irdl_op_definition
class EluOp(ElementwiseOp):
    """TFLite's ELU.

    Example:
        %1 = tinyts.elu %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.elu"


@irdl_op_definition
class SqrtOp(ElementwiseOp):
    """TFLite's SQRT, rounded towards 0; what is negative counts as 0.

    Example:
        %1 = tinyts.sqrt %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.sqrt"
    IS_OF_NEGATIVE: ClassVar[bool] = False


@irdl_op_definition
class RsqrtOp(ElementwiseOp):
    """TFLite's RSQRT; what is not positive becomes the greatest byte.

    Example:
        %1 = tinyts.rsqrt %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.rsqrt"
    IS_OF_NEGATIVE: ClassVar[bool] = False


@irdl_op_definition
class NegOp(ElementwiseOp):
    """TFLite's NEG of bytes, whatever their quantizations: 0 less the byte, and -128 stays -128.

    Example:
        %1 = tinyts.neg %0 : tensor<1x12x12x16x!q>
    """

    name = "tinyts.neg"


@irdl_op_definition
class GeluOp(ElementwiseOp):
    """TFLite's GELU; `approximate` is 1 for the form with tanh.

    Example:
        %1 = tinyts.gelu %0 {approximate = 1} : tensor<1x12x12x16x!q>
    """

    name = "tinyts.gelu"

    approximate = opt_prop_def(IntegerAttr, default_value=assembly.to_attribute(0))


class VectorOp(UnaryRowOp, abc.ABC):
    """A function of vectors along the last dimension: the result has the operand's shape, and a fixed quantization."""

    RESULT: ClassVar[tuple[int, int]]
    """One over an int8 result's scale, and its zero point."""
    WIDE_RESULT: ClassVar[tuple[int, int]] = (0, 0)
    """The same of an int16 result."""

    result = result_def(TensorType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """Row by row."""
        return RowMap()

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.verify_rows()
        self.verify_offsets()
        self.verify_types()
        expect_same_shape(self)
        self.verify_vectors()
        self.verify_result()

    def verify_result(self) -> None:
        """Checks the result's quantization."""
        steps, zero_point = self.WIDE_RESULT if is_wide(tensor_type(self.result)) else self.RESULT
        type = quantization_of(self.result)
        self.expect(
            type.scale == 1 / steps and type.zero_point == zero_point,
            f"expected a result with scale 1/{steps} and zero point {zero_point}, got {type}",
        )

    def verify_types(self) -> None:
        """Checks the elements of operand and result."""
        verify_activations(self, *self.input, self.result)

    def verify_vectors(self) -> None:
        """Checks the vectors themselves."""


@irdl_op_definition
class SoftmaxOp(VectorOp):
    """TFLite's SOFTMAX over the last dimension, in fixed point.

    Example:
        %1 = tinyts.softmax %0 : tensor<1x10x!quant.uniform<i8:f32, 0.00390625:-128>>
    """

    name = "tinyts.softmax"
    RESULT: ClassVar[tuple[int, int]] = (256, -128)
    WIDE_RESULT: ClassVar[tuple[int, int]] = (32768, 0)
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    def verify_types(self) -> None:
        """Checks the elements of operand and result; int16 may be made of int8, too."""
        if not self.makes_more_bits():
            super().verify_types()
            return
        verify_activations(self, *self.input)

    def verify_result(self) -> None:
        """Checks the result's quantization; of int16 made of int8 the least stands for 0, whatever the scale."""
        if not self.makes_more_bits():
            super().verify_result()
            return
        type = quantization_of(self.result)
        self.expect(
            type.zero_point == type.limits[0] and not type.is_per_axis,
            f"expected an int16 result of int8 with zero point {type.limits[0]}, got {type}",
        )

    def makes_more_bits(self) -> bool:
        """Whether it makes int16 of int8."""
        return is_wide(tensor_type(self.result)) and not is_wide(tensor_type(self.input[0]))

    beta = opt_prop_def(FloatAttr[Float32Type], default_value=assembly.to_attribute(1.0))


@irdl_op_definition
class LogSoftmaxOp(VectorOp):
    """TFLite's LOG_SOFTMAX over the last dimension, in fixed point.

    Example:
        %1 = tinyts.log_softmax %0 : tensor<1x10x!quant.uniform<i8:f32, 0.0625:127>>
    """

    name = "tinyts.log_softmax"
    RESULT: ClassVar[tuple[int, int]] = (16, 127)

    def verify_vectors(self) -> None:
        """Checks that sums of exponentials fit."""
        elements = whole_shape(tensor_type(self.result))[-1]
        self.expect(elements < 1 << 12, f"expected vectors of less than 2^12 elements, got {elements}")


@irdl_op_definition
class L2NormalizationOp(VectorOp):
    """TFLite's L2_NORMALIZATION over the last dimension, in fixed point.

    Example:
        %1 = tinyts.l2_normalization %0 : tensor<1x10x!quant.uniform<i8:f32, 0.0078125>>
    """

    name = "tinyts.l2_normalization"
    RESULT: ClassVar[tuple[int, int]] = (128, 0)

    def verify_vectors(self) -> None:
        """Checks that sums of squares fit."""
        elements = whole_shape(tensor_type(self.result))[-1]
        self.expect(elements < 1 << 15, f"expected vectors of less than 2^15 elements, got {elements}")


def expect_same_shape(op: UnaryRowOp) -> None:
    """Raises unless the (whole) result has the shape of the (whole) input."""
    expected = whole_shape(tensor_type(op.input[0]))
    found = whole_shape(tensor_type(op.results[0]))
    op.expect(found == expected, f"expected a result of shape {list(expected)}, got {list(found)}")
