"""`receive-inputs`: model inputs are received into the arena before anything reads them.

    func.func @main(%image: tensor<1x8x8x3x!q>) ...          func.func @main(%image: tensor<1x8x8x3x!q>) ...
                                                   becomes     %0 = tinyts.receive %image : tensor<1x8x8x3x!q>
      %1 = tinyts.conv_2d %image, ...                          %1 = tinyts.conv_2d %0, ...

A function's arguments lie in the application's memory; `tinyts.receive` is the step that brings their rows in, and what
`split-tensors` cuts into rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.tinyts import ReceiveOp


class ReceiveArguments(RewritePattern):
    """A `tinyts.receive` for each argument that anything else reads; also for one that nothing reads, as it arrives."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: FuncOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one function."""
        if not op.body.blocks:
            return
        block = op.body.block
        receives: list[ReceiveOp] = []
        for argument in block.args:
            received = [isinstance(use.operation, ReceiveOp) for use in argument.uses]
            if received and all(received):
                continue
            receive = ReceiveOp([argument], argument.type, location=argument.location)
            rewriter.replace_uses_with_if(
                argument, receive.result, lambda use: not isinstance(use.operation, ReceiveOp)
            )
            receives.append(receive)
        if receives:
            rewriter.insert(receives, InsertPoint.at_start(block))


@dataclass(frozen=True)
class ReceiveInputsPass(ModulePass):
    """Puts a `tinyts.receive` between the function's arguments and their readers."""

    name = "receive-inputs"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrites every function of the module."""
        list(functions(op))
        PatternRewriteWalker(ReceiveArguments(), apply_recursively=False).rewrite_module(op)
