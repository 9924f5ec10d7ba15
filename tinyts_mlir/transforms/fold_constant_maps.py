"""`fold-constant-maps`: a map of which every byte is the same for every input becomes a constant.

    %1 = tinyts.mean %0 : tensor<1x8x!q>
    %2 = tinyts.fully_connected %1, %dead_weights, %bias : tensor<1x4x!q>
  becomes
    %2 = tinyts.load %constant : tensor<1x4x!q>

What maps can hold is found from the weights (`analysis/value_ranges.py`). The constant takes flash: a map of more than
256 bytes stays, unless the layer's own constants are larger than it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.analysis.op_graph import functions, require_whole_tensors
from tinyts_mlir.analysis.value_ranges import ValueRanges, holds_bytes
from tinyts_mlir.dialects.interfaces import is_constant, is_step
from tinyts_mlir.dialects.rows import quantization_of, shape_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import ConstantOp, LoadOp

LARGEST = 256
"""Bytes of a map that is kept in flash whatever its layer took there."""


@dataclass(frozen=True)
class FoldConstantMapsPass(ModulePass):
    """Makes maps that do not depend on the input constants."""

    name = "fold-constant-maps"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Folds, then drops what nothing reads any more."""
        for function in functions(op):
            require_whole_tensors(self.name, function)
            _fold(function)
        dce(op)


def _fold(function: FuncOp) -> None:
    ranges = ValueRanges(function)
    folded = [op for op in function.body.block.ops if _is_folded(op, ranges)]
    for op in folded:
        for value in op.results:
            if any(use.operation not in folded for use in value.uses):
                _replace(op, value, ranges)


def _is_folded(op: Operation, ranges: ValueRanges) -> bool:
    if not op.results or not is_step(op) or isinstance(op, LoadOp):
        return False
    constants = sum(size_in_bytes(tensor_type(value)) for value in op.operands if is_constant(value))
    return all(
        holds_bytes(value)
        and ranges[value].is_constant.all()
        and size_in_bytes(tensor_type(value)) <= max(LARGEST, constants)
        for value in op.results
    )


def _replace(op: Operation, value: SSAValue, ranges: ValueRanges) -> None:
    shape = shape_of(value)
    bytes = np.broadcast_to(ranges[value].lowest.astype(np.int8), shape)
    constant = ConstantOp.from_bytes(bytes.tobytes(), shape, quantization_of(value), op.location)
    load = LoadOp([constant.result], value.type, location=op.location)
    Rewriter.insert_op([constant, load], InsertPoint.before(op))
    value.replace_all_uses_with(load.result)
