"""Canonicalization of `tinyts.pad`."""

from __future__ import annotations

from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from tinyts_mlir.dialects.tinyts import PadOp


class TrivialPad(RewritePattern):
    """A pad that adds nothing goes; converters write one in front of nearly every 1x1 convolution of MCUNet."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: PadOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one pad."""
        if len(op.input) == 1 and op.input[0].type == op.result.type:
            rewriter.replace(op, [], [op.input[0]])
