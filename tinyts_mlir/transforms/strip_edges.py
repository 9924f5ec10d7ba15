"""`strip-edges`: a model that takes or gives float32 or uint8 takes and gives the int8 tensors behind them.

    func.func @main(%image: tensor<1x8x8x3xf32>)               func.func @main(%image: tensor<1x8x8x3x!q>)
      %1 = tinyts.quantize %image : tensor<1x8x8x3x!q>  becomes    ...
      ...                                                          func.return %2 : tensor<1x10x!p>
      %3 = tinyts.dequantize %2 : tensor<1x10xf32>
      func.return %3 : tensor<1x10xf32>

What `--io int8` stands for. The caller does the conversions, with the scales and zero points of the header.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import is_index_type, is_wide, tensor_type
from tinyts_mlir.dialects.tinyts import DequantizeOp, QuantizeOp
from tinyts_mlir.errors import CompileError


@dataclass(frozen=True)
class StripEdgesPass(ModulePass):
    """Makes float32 and uint8 inputs and outputs int8 (--io int8); indices stay as they are."""

    name = "strip-edges"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Strips every function; raises CompileError for an input or output behind which there is no int8 tensor."""
        for function in functions(op):
            for argument in function.body.block.args:
                if not _is_int8(argument):
                    _strip_input(argument)
            _strip_outputs(function)
            function.update_function_type()
        dce(op)


def _is_int8(value: SSAValue) -> bool:
    type = tensor_type(value).element_type
    return isinstance(type, UniformQuantizedType) and not type.is_unsigned


def _strip_input(argument: BlockArgument) -> None:
    readers = [use.operation for use in argument.uses]
    quantized = [reader.result for reader in readers if isinstance(reader, QuantizeOp)]
    if len(quantized) < len(readers) or len({value.type for value in quantized}) != 1:
        raise CompileError(
            f"--io int8: input {argument.index}: expected it to be quantized once, and nothing else to read it, "
            f"got {', '.join(reader.name for reader in readers) or 'no reader'}"
        )
    if is_wide(tensor_type(quantized[0])):
        raise CompileError(f"--io int8: input {argument.index}: expected an int8 tensor behind it, got int16")
    for value in quantized:
        value.replace_all_uses_with(argument)
    Rewriter.replace_value_with_new_type(argument, quantized[0].type)


def _strip_outputs(function: FuncOp) -> None:
    returned = function.body.block.last_op
    assert isinstance(returned, ReturnOp)
    for number, value in enumerate(returned.operands):
        if _is_int8(value) or is_index_type(tensor_type(value).element_type):
            continue
        maker = value.owner
        if not isinstance(maker, QuantizeOp | DequantizeOp) or not _is_int8(maker.input[0]):
            raise CompileError(f"--io int8: output {number}: expected it to be made of an int8 tensor at the end")
        if is_wide(tensor_type(maker.input[0])):
            raise CompileError(f"--io int8: output {number}: expected it to be made of an int8 tensor, got int16")
        returned.operands[number] = maker.input[0]
