"""`receive-inputs{input=arena|external}`: model inputs are received into the arena before anything reads them.

    func.func @main(%image: tensor<1x8x8x3x!q>) ...          func.func @main(%image: tensor<1x8x8x3x!q>) ...
                                                   becomes     %0 = tinyts.receive %image : tensor<1x8x8x3x!q>
      %1 = tinyts.conv_2d %image, ...                          %1 = tinyts.conv_2d %0, ...

A function's arguments lie in the application's memory; `tinyts.receive` is the step that brings their rows in, and what
`split-tensors` cuts into rows.

With `input=external` nothing is received: the arguments are read in place, as results of `tinyts.external_input`, which
take no arena. Only what the function returns of an argument is received all the same: outputs lie in the arena.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.rewriter import InsertPoint

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.interfaces import InputInterface, receives
from tinyts_mlir.dialects.rows import RowsAttr, tensor_type
from tinyts_mlir.dialects.tinyts import ExternalInputOp, ReceiveOp
from tinyts_mlir.dialects.tinyts_aliases import ReshapeOfInput
from tinyts_mlir.dialects.tinyts_inputs import ReturnedExternalInput
from tinyts_mlir.errors import CompileError

INPUTS = ("arena", "external")


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
            received = [isinstance(use.operation, InputInterface) for use in argument.uses]
            if received and all(received):
                continue
            receive = ReceiveOp([argument], argument.type, location=argument.location)
            rewriter.replace_uses_with_if(
                argument, receive.result, lambda use: not isinstance(use.operation, InputInterface)
            )
            receives.append(receive)
        if receives:
            rewriter.insert(receives, InsertPoint.at_start(block))


class ReadInPlace(RewritePattern):
    """A `tinyts.receive` of a whole input becomes a `tinyts.external_input`, unless it is there to be returned."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReceiveOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one receive."""
        if not op.result.uses or not all(isinstance(use.operation, ReturnOp) for use in op.result.uses):
            rewriter.replace(op, ExternalInputOp([op.input], op.result.type, location=op.location))


@dataclass(frozen=True)
class ReceiveInputsPass(ModulePass):
    """Has model inputs received into the arena, or read in place."""

    name = "receive-inputs"

    input: str = "arena"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrites every function of the module."""
        if self.input not in INPUTS:
            raise CompileError(f"receive-inputs: expected input={'|'.join(INPUTS)}, got {self.input!r}")
        list(functions(op))
        PatternRewriteWalker(ReceiveArguments(), apply_recursively=False).rewrite_module(op)
        if self.input == "external":
            _require_whole_inputs(op)
            PatternRewriteWalker(ReadInPlace(), apply_recursively=False).rewrite_module(op)
            patterns: list[RewritePattern] = [ReshapeOfInput(), ReturnedExternalInput()]
            PatternRewriteWalker(GreedyRewritePatternApplier(patterns)).rewrite_module(op)


def _require_whole_inputs(module: ModuleOp) -> None:
    """Raises CompileError where rows of an input are received one by one."""
    for op in module.walk():
        if receives(op) and isinstance(tensor_type(op.results[0]).encoding, RowsAttr):
            raise CompileError(
                "receive-inputs: expected whole inputs to read in place, got rows: input=external comes before "
                "split-tensors"
            )
