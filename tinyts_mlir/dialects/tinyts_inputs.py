"""Constants and inputs: the values of the `tinyts` dialect that are there before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    BytesAttr,
    DenseIntOrFPElementsAttr,
    LocationAttr,
    TensorType,
)
from xdsl.dialects.func import ReturnOp
from xdsl.ir import BlockArgument
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.printer import Printer
from xdsl.rewriter import InsertPoint
from xdsl.traits import HasCanonicalizationPatternsTrait, Pure
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.interfaces import Residence, is_constant
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import (
    RowsAttr,
    numpy_type,
    quantization_of,
    row_bytes,
    size_in_bytes,
    tensor_type,
    total_rows,
    verify_feature_map,
)
from tinyts_mlir.dialects.tinyts_aliases import ReshapeOp
from tinyts_mlir.dialects.tinyts_attributes import VerifiedAttributes
from tinyts_mlir.dialects.tinyts_base import (
    ChannelLinkedOp,
    InputOp,
    RowOp,
    verify_edge,
)


@irdl_op_definition
class ConstantOp(IRDLOperation, VerifiedAttributes):
    """A constant tensor: weights or biases.

    The value holds stored integers; the result's element type says what they stand for. Constants lie in flash and take
    no arena.

    Example:
        %bias = tinyts.constant dense<[7, -3]> : tensor<2xi32> as !quant.uniform<i32:f32, 0.5>
    """

    name = "tinyts.constant"
    RESIDENCE: ClassVar[Residence] = Residence.FLASH

    value = prop_def(DenseIntOrFPElementsAttr)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def __init__(
        self,
        value: DenseIntOrFPElementsAttr,
        element_type: UniformQuantizedType,
        *,
        location: LocationAttr | None = None,
    ) -> None:
        type = TensorType(element_type, value.get_shape())
        super().__init__(properties={"value": value}, result_types=[type])
        if location is not None:
            self.location = location

    @staticmethod
    def from_bytes(
        data: bytes, shape: Sequence[int], element_type: UniformQuantizedType, location: LocationAttr | None = None
    ) -> ConstantOp:
        """A constant from its little-endian bytes in row-major order."""
        value = DenseIntOrFPElementsAttr(TensorType(element_type.storage_type, shape), BytesAttr(data))
        return ConstantOp(value, element_type, location=location)

    def array(self) -> npt.NDArray[Any]:
        """The stored integers in their shape."""
        return np.frombuffer(self.value.data.data, numpy_type(quantization_of(self.result))).reshape(
            self.value.get_shape()
        )

    def taking(self, indices: npt.NDArray[np.int64], axis: int) -> ConstantOp:
        """The elements with these indices along an axis, which is counted from 0, in their order."""
        type = quantization_of(self.result)
        if type.axis.data == axis:
            scales = [type.scales[index] for index in indices]
            zero_points = [type.zero_points[index] for index in indices]
            type = UniformQuantizedType.per_axis(type.storage_type, scales, zero_points, axis)
        taken = np.ascontiguousarray(self.array().take(indices, axis))
        return ConstantOp.from_bytes(taken.tobytes(), taken.shape, type, self.location)

    def verify_(self) -> None:
        """Checks that value and result agree."""
        type = tensor_type(self.result)
        storage = quantization_of(self.result).storage_type
        if type.get_shape() != self.value.get_shape() or storage != self.value.get_element_type():
            raise VerifyException(f"{self.name}: a value of type {self.value.get_type()} cannot make {type}")
        if len(self.value.data.data) != size_in_bytes(type):
            raise VerifyException(
                f"{self.name}: expected {size_in_bytes(type)} bytes for {type}, got {len(self.value.data.data)}"
            )

    @classmethod
    def parse(cls, parser: Parser) -> ConstantOp:
        """Parses `dense<...> : tensor<...> as element-type`."""
        position = parser.pos
        assembly.reject_elided(parser)
        try:
            value = parser.parse_attribute()
        except ValueError as error:  # xDSL's, for a number that the element type does not hold
            parser.raise_error(str(error), position, parser.pos)
        parser.parse_keyword("as")
        element_type = parser.parse_type()
        if not isinstance(value, DenseIntOrFPElementsAttr) or not isinstance(element_type, UniformQuantizedType):
            parser.raise_error("expected dense<...> : tensor<...> as !quant.uniform<...>", position, parser.pos)
        return ConstantOp(value, element_type)

    def print(self, printer: Printer) -> None:
        """Prints `dense<...> : tensor<...> as element-type`; elides what the printer's options say."""
        printer.print_string(" ")
        assembly.print_dense(printer, self.value)
        printer.print_string(" as ")
        printer.print_attribute(quantization_of(self.result))


@irdl_op_definition
class LoadOp(ChannelLinkedOp, RowOp):
    """Copies a constant into the arena: what lets any op read it as a feature map, and a function return it.

    Example:
        %anchors = tinyts.load %constant : tensor<1x12x4x!q>
    """

    name = "tinyts.load"
    ROW_OPERANDS: ClassVar[int] = 0

    constant = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        """None: a kernel is not told which rows it makes, so it copies all of them."""
        return None

    def verify_(self) -> None:
        """Checks that the operand is a constant of the result's type."""
        self.verify_offsets()
        self.expect(is_constant(self.constant), "expected a constant, got what is made while the model runs")
        verify_edge(self, self.constant, self.result)
        verify_feature_map(tensor_type(self.result))
        self.expect(
            self.constant.type == self.result.type, f"expected a result of type {self.constant.type}, got another"
        )


@irdl_op_definition
class ReceiveOp(InputOp, RowOp):
    """Takes rows of a model input into the arena.

    The input's bytes, in row-major order, are read as a feature map of the result's (whole) shape, of which the result
    holds some rows; a flat input may so be received as the rows of a map. Receiving has no row operand: it is the
    application that brings the rows.

    Example:
        %row = tinyts.receive %input : tensor<1x1x10x4x!q, #tinyts.rows<3:4 of 49>>
    """

    name = "tinyts.receive"
    ROW_OPERANDS: ClassVar[int] = 0

    def row_map(self) -> RowMap | None:
        """Any rows can be received."""
        return RowMap()

    def verify_(self) -> None:
        """Checks that the input comes from outside, and that the result is a part of it."""
        self.expect(isinstance(self.input, BlockArgument), "expected a function argument, got a result of an op")
        self.verify_rows()
        self.verify_offsets()
        verify_edge(self, self.input, self.result)
        result = tensor_type(self.result)
        expected, size = size_in_bytes(tensor_type(self.input)), row_bytes(result) * total_rows(result)
        self.expect(size == expected, f"expected the rows of an input of {expected} bytes, got rows of {size} bytes")


class _ExternalInputPatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (ReturnedExternalInput(),)


@irdl_op_definition
class ExternalInputOp(InputOp):
    """A model input where it lies: the application's memory, read in place, which takes no arena and no step.

    As a received input it is read in the result's shape. It is never cut into bands: an op that makes a band reads the
    rows it needs of the whole. An inference writes nothing there, so the input stays intact until the inference ends;
    what a function returns lies in the arena, and so is never an external input.

    Example:
        %image = tinyts.external_input %input : tensor<1x48x48x3x!q>
    """

    name = "tinyts.external_input"
    RESIDENCE: ClassVar[Residence] = Residence.CALLER

    traits = traits_def(_ExternalInputPatterns())

    def verify_(self) -> None:
        """Checks that the input comes from outside, has the result's size, and has no place in the arena."""
        self.expect(isinstance(self.input, BlockArgument), "expected a function argument, got a result of an op")
        verify_edge(self, self.input, self.result)
        result = tensor_type(self.result)
        verify_feature_map(result)
        self.expect(not isinstance(result.encoding, RowsAttr), f"expected a whole tensor, got {result}")
        expected, size = size_in_bytes(tensor_type(self.input)), size_in_bytes(result)
        self.expect(size == expected, f"expected a result of {expected} bytes, as the input has, got {size}")
        self.expect(self.offsets is None and self.scratch is None, "expected no offsets: this is not in the arena")


class ReturnedExternalInput(RewritePattern):
    """An input that the function returns is received, once however it is returned: outputs lie in the arena."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ExternalInputOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites the uses by the terminator."""
        if not any(isinstance(use.operation, ReturnOp) for use in op.result.uses):
            return
        argument = op.input
        assert isinstance(argument, BlockArgument)
        receive = next((use.operation for use in argument.uses if isinstance(use.operation, ReceiveOp)), None)
        if receive is None:
            receive = ReceiveOp([argument], op.result.type, location=op.location)
            rewriter.insert(receive, InsertPoint.at_start(argument.block))
        returned = receive.result
        if returned.type != op.result.type:
            reshape = ReshapeOp([returned], op.result.type, location=op.location)
            rewriter.insert(reshape, InsertPoint.before(op))
            returned = reshape.result
        rewriter.replace_uses_with_if(op.result, returned, lambda use: isinstance(use.operation, ReturnOp))
        if not op.result.uses:
            rewriter.erase(op)
