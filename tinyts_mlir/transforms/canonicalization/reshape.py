"""Canonicalization of `tinyts.reshape`."""

from __future__ import annotations

from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from tinyts_mlir.dialects.tinyts import ExternalInputOp, ReceiveOp, ReshapeOp


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


class ReshapeOfReceive(RewritePattern):
    """A received tensor that is only reshaped is received in that shape, so that its rows can come one by one."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one reshape."""
        producer = op.input.owner
        if isinstance(producer, ReceiveOp) and op.input.has_one_use():
            rewriter.replace(op, ReceiveOp([producer.input], op.result.type, location=op.location))
            rewriter.erase(producer)


class ReshapeOfExternalInput(RewritePattern):
    """An input that is read in place is read in the shape that is wanted."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one reshape."""
        producer = op.input.owner
        if isinstance(producer, ExternalInputOp):
            rewriter.replace(op, ExternalInputOp([producer.input], op.result.type, location=op.location))
            if not producer.result.uses:
                rewriter.erase(producer)
