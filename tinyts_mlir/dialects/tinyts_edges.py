"""Ops between the elements that a model takes or gives and int8 or int16: quantize, dequantize."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import Float32Type
from xdsl.irdl import irdl_op_definition

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import WIDE_BITS, quantization_of, tensor_type
from tinyts_mlir.dialects.tinyts_base import verify_activations, verify_edge
from tinyts_mlir.dialects.tinyts_elementwise import ElementwiseOp, expect_same_shape


class EdgeOp(ElementwiseOp):
    """An op whose operand and result may have elements that no other op has: f32, uint8, or int32 with a scale."""

    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    def is_of_int32(self) -> bool:
        """Whether the result is int32 with a scale, which only QUANTIZE makes, for applications."""
        type = tensor_type(self.results[0]).element_type
        return isinstance(type, UniformQuantizedType) and type.storage_type.width.data == 32 and not type.is_per_axis

    def verify_edges(self) -> None:
        """Checks shapes, types and rows."""
        self.verify_rows()
        self.verify_offsets()
        verify_edge(self, *self.input)
        if not self.is_of_int32():
            verify_edge(self, self.result)
        expect_same_shape(self)


@irdl_op_definition
class QuantizeOp(EdgeOp):
    """TFLite's QUANTIZE: from float32, between bytes of two quantizations, signed or not, or from int16 to integers.

    Example:
        %1 = tinyts.quantize %0 : tensor<1x12x12x3x!q>
    """

    name = "tinyts.quantize"

    def verify_(self) -> None:
        """Checks that the result is quantized, with a scale to divide by."""
        self.verify_edges()
        type = quantization_of(self.result)
        self.expect(type.scale > 0, f"expected a result with a scale above 0, got {type}")
        input = tensor_type(self.input[0])
        if isinstance(input.element_type, Float32Type):
            return
        widths = [quantization_of(value).storage_type.width.data for value in (self.input[0], self.result)]
        unsigned = quantization_of(self.input[0]).is_unsigned or type.is_unsigned
        self.expect(
            widths == [8, 8] or (widths[0] == WIDE_BITS and not unsigned),
            f"expected float32, bytes to bytes, or int16 to int8, int16 or int32, got {input} to {self.result.type}",
        )
        if widths == [WIDE_BITS, WIDE_BITS]:
            verify_activations(self, self.input[0], self.result)


@irdl_op_definition
class DequantizeOp(EdgeOp):
    """TFLite's DEQUANTIZE: from bytes or int16 to float32.

    Example:
        %1 = tinyts.dequantize %0 : tensor<1x10xf32>
    """

    name = "tinyts.dequantize"

    def verify_(self) -> None:
        """Checks that the operand is quantized and the result is not."""
        self.verify_edges()
        quantization_of(self.input[0])
        if not isinstance(tensor_type(self.result).element_type, Float32Type):
            raise self.fail(f"expected a result of f32, got {self.result.type}")
