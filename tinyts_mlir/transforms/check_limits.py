"""`check-limits`: refuses a model with a number that does not fit its field in the emitted C.

It changes nothing. The same is checked where C is emitted; this pass says so before anything is planned, which takes
long for a model that is so large. Limits are what the structs of kernels.h and runtime.h hold. Ops on bands are passed
over: they are planned already, in part.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.interfaces import StreamableReductionInterface, receives
from tinyts_mlir.dialects.rows import RowsAttr, tensor_type, total_rows
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.kernels.catalogue import has_kernel, kernel_call, layer_label
from tinyts_mlir.kernels.runtime_structs import LAYER, MODEL, TENSOR, check_fields


@dataclass(frozen=True)
class CheckLimitsPass(ModulePass):
    """Refuses a model with a number that does not fit its field in C; changes nothing."""

    name = "check-limits"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Raises CompileError for the first number that does not fit."""
        for function in functions(op):
            check_function(function)


def check_function(function: FuncOp) -> None:
    """The inputs and outputs of the model, and each layer."""
    block = function.body.block
    returned = next((op.operands for op in block.ops if isinstance(op, ReturnOp)), ())
    check_fields("the model", MODEL, {"input_count": len(block.args), "output_count": len(returned)})
    for op in block.ops:
        if isinstance(op, TinytsOp) and not any(_is_band(value) for value in (*op.operands, *op.results)):
            check_op(op)


def check_op(op: TinytsOp) -> None:
    """The layer that an op on whole feature maps becomes."""
    if receives(op):
        _check_rows(op, op.results[0])
    if not has_kernel(op) or _is_always_streamed(op):
        return
    call = kernel_call(op)
    operands = [group[0] for group in op.feature_map_groups()]
    fields = {
        "input_count": len(operands),
        "output_count": len(op.results),
        "row_stride": call.row_map.stride,
        "window_rows": call.row_map.window,
        "padding_top": call.row_map.padding,
    }
    check_fields(layer_label(op), LAYER, fields)
    if not call.flat:
        for value in (*operands, *op.results):
            _check_rows(op, value)


def _is_always_streamed(op: Operation) -> bool:
    """Whether other ops than this one will run."""
    if not isinstance(op, StreamableReductionInterface):
        return False
    return (reduction := op.streamed_reduction()) is not None and reduction.always


def _check_rows(op: Operation, value: SSAValue) -> None:
    check_fields(layer_label(op), TENSOR, {"rows": total_rows(tensor_type(value))})


def _is_band(value: SSAValue) -> bool:
    return isinstance(tensor_type(value).encoding, RowsAttr)
