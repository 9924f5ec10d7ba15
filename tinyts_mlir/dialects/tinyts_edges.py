"""Ops between the elements that a model takes or gives and int8: quantize, dequantize."""

from __future__ import annotations

from xdsl.dialects.builtin import Float32Type
from xdsl.irdl import irdl_op_definition

from tinyts_mlir.dialects.rows import quantization_of, tensor_type
from tinyts_mlir.dialects.tinyts_base import verify_edge
from tinyts_mlir.dialects.tinyts_elementwise import ElementwiseOp, expect_same_shape


class EdgeOp(ElementwiseOp):
    """An op whose operand and result may have elements that no other op has: f32, or uint8."""

    def verify_edges(self) -> None:
        """Checks shapes, types and rows."""
        self.verify_rows()
        self.verify_offsets()
        verify_edge(self, *self.input, self.result)
        expect_same_shape(self)


@irdl_op_definition
class QuantizeOp(EdgeOp):
    """TFLite's QUANTIZE: from float32, or between bytes of two quantizations, signed or not.

    Example:
        %1 = tinyts.quantize %0 : tensor<1x12x12x3x!q>
    """

    name = "tinyts.quantize"

    def verify_(self) -> None:
        """Checks that the result is quantized, with a scale to divide by."""
        self.verify_edges()
        type = quantization_of(self.result)
        self.expect(type.scale > 0, f"expected a result with a scale above 0, got {type}")


@irdl_op_definition
class DequantizeOp(EdgeOp):
    """TFLite's DEQUANTIZE: from bytes to float32.

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
