"""Canonicalization of `tinyts.external_input`."""

from __future__ import annotations

from xdsl.dialects.func import ReturnOp
from xdsl.ir import BlockArgument
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint

from tinyts_mlir.dialects.tinyts import ExternalInputOp, ReceiveOp, ReshapeOp


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
