"""`fold-pads`: a spatial PAD in front of a convolution becomes the convolution's own padding.

    %1 = tinyts.pad %0 {padding = [0, 1, 0, 1]} : tensor<1x25x25x8x!q>
    %2 = tinyts.conv_2d %1, %filter {stride = [2, 2]} : tensor<1x12x12x16x!q>
  becomes
    %2 = tinyts.conv_2d %0, %filter {stride = [2, 2], padding = [0, 1, 0, 1]} : tensor<1x12x12x16x!q>

Both pad with the zero point, which contributes nothing to a sum. Pools are left alone: padding takes no part in them,
while the elements that a PAD adds do.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.rows import RowsAttr, quantization_of, tensor_type
from tinyts_mlir.dialects.tinyts import Conv2DOp, DepthwiseConv2DOp, PadOp


def _fold(op: Conv2DOp | DepthwiseConv2DOp, rewriter: PatternRewriter) -> None:
    pad = op.input[0].owner
    if len(op.input) != 1 or not isinstance(pad, PadOp) or len(pad.input) != 1:
        return
    types: list[TensorType[Attribute]] = [tensor_type(value) for value in (pad.input[0], pad.result, op.result)]
    if any(isinstance(type.encoding, RowsAttr) for type in types):
        return  # bands: the padding of a whole map is not the padding of its bands
    if any(assembly.int_values(pad.channels)) or quantization_of(pad.input[0]) != quantization_of(pad.result):
        return
    if pad.padding_value != quantization_of(pad.result).zero_point:
        return
    added = assembly.int_values(pad.padding)
    padding = [own + more for own, more in zip(assembly.int_values(op.padding), added, strict=True)]
    folded = op.from_groups(
        [[pad.input[0]], *op.operand_groups()[1:]],
        op.result_types,
        {
            **{k: v for k, v in op.properties.items() if k != "operandSegmentSizes"},
            "padding": assembly.to_attribute(padding),
        },
    )
    folded.attributes |= op.attributes
    folded.location = op.location
    rewriter.replace(op, folded)


class FoldPadIntoConv2D(RewritePattern):
    """PAD in front of CONV_2D."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: Conv2DOp, rewriter: PatternRewriter, /) -> None:
        """Folds one pad."""
        _fold(op, rewriter)


class FoldPadIntoDepthwiseConv2D(RewritePattern):
    """PAD in front of DEPTHWISE_CONV_2D."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DepthwiseConv2DOp, rewriter: PatternRewriter, /) -> None:
        """Folds one pad."""
        _fold(op, rewriter)


@dataclass(frozen=True)
class FoldPadsPass(ModulePass):
    """Folds spatial pads into the convolutions that read them."""

    name = "fold-pads"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Folds, then drops pads that nothing reads any more."""
        PatternRewriteWalker(
            GreedyRewritePatternApplier([FoldPadIntoConv2D(), FoldPadIntoDepthwiseConv2D()]),
        ).rewrite_module(op)
        dce(op)
