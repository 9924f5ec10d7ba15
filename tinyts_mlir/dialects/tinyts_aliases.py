"""Ops of the `tinyts` dialect that are their operand under another type: reshape, renumber_rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    IntegerAttr,
)
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    prop_def,
    traits_def,
)
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.traits import HasCanonicalizationPatternsTrait, Pure

from tinyts_mlir.dialects.channel_geometry import ChannelLink, folded_channels
from tinyts_mlir.dialects.interfaces import receives
from tinyts_mlir.dialects.rows import (
    RowsAttr,
    numpy_type,
    size_in_bytes,
    tensor_type,
    verify_feature_map,
)
from tinyts_mlir.dialects.tinyts_base import (
    AliasOp,
    ChannelLinkedOp,
    InputOp,
    verify_edge_or_indices,
    verify_movable,
    verify_ranks,
)


class _ReshapePatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (TrivialReshape(), ReshapeOfReshape(), ReshapeOfInput())


@irdl_op_definition
class ReshapeOp(ChannelLinkedOp, AliasOp):
    """TFLite's RESHAPE: the same bytes in another shape. The quantization may change, the bytes do not.

    Example:
        %1 = tinyts.reshape %0 : tensor<1x64x!q>
    """

    name = "tinyts.reshape"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    traits = traits_def(Pure(), _ReshapePatterns())

    def channel_links(self) -> Sequence[ChannelLink] | None:
        """By place, in row-major order."""
        return folded_channels(self.input, self.result)

    def verify_(self) -> None:
        """Checks that input and result have the same size."""
        self.verify_offsets()
        verify_edge_or_indices(self, self.input, self.result)
        input, result = tensor_type(self.input), tensor_type(self.result)
        for type in (input, result):
            verify_feature_map(type)
            self.expect(not isinstance(type.encoding, RowsAttr), f"expected whole tensors, got {type}")
        if numpy_type(input.element_type) != numpy_type(result.element_type):
            raise self.fail(f"expected a result with the operand's elements, {input}, got {result}")
        self.expect(
            size_in_bytes(input) == size_in_bytes(result),
            f"expected a result of {size_in_bytes(input)} elements, got {result}",
        )


class TrivialReshape(RewritePattern):
    """A reshape to the type that is there already goes."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one reshape."""
        if op.input.type == op.result.type:
            rewriter.replace(op, [], [op.input])


class ReshapeOfReshape(RewritePattern):
    """Only the last shape of a chain of reshapes counts."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one reshape."""
        if isinstance(producer := op.input.owner, ReshapeOp):
            rewriter.replace(op, ReshapeOp([producer.input], op.result.type, location=op.location))


class ReshapeOfInput(RewritePattern):
    """A model input that is only reshaped is taken in that shape, so that its rows can come one by one."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one reshape."""
        producer = op.input.owner
        if not isinstance(producer, InputOp) or (receives(producer) and not op.input.has_one_use()):
            return
        rewriter.replace(op, type(producer)([producer.input], op.result.type, location=op.location))
        if not producer.result.uses:
            rewriter.erase(producer)


@irdl_op_definition
class RenumberRowsOp(AliasOp):
    """Rows of one feature map that are rows of another: what concatenation along rows, or a split, makes of a band.

    `map` is a number that all bands of the other map share, and the bands of no third one.

    Example:
        %1 = tinyts.renumber_rows %0 {map = 0} : tensor<1x1x8x4x!q, #tinyts.rows<10:11 of 20>>
    """

    name = "tinyts.renumber_rows"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    map = prop_def(IntegerAttr)

    @property
    def renumbered_map(self) -> int:
        """The number of the other map."""
        return self.map.value.data

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        """Checks that just the numbers of the rows differ."""
        self.verify_offsets()
        verify_ranks(self, self.input, self.result)
        verify_movable(self, self.input, self.result)
        input, result = tensor_type(self.input), tensor_type(self.result)
        for type in (input, result):
            verify_feature_map(type)
        if input.get_shape() != result.get_shape() or input.element_type != result.element_type:
            raise self.fail(f"expected a result with the operand's shape and elements, {input}, got {result}")
        self.expect(self.map.value.data >= 0, f"expected a map number that is not negative, got {self.map.value.data}")
