"""Multiplications of activations with weights, by which kernels of different compilers are compared.

Counted on a model as imported, whole feature maps: multiplications with padding count, and what a compiler adds to or
saves of them does not.
"""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from tinyts_mlir.dialects.rows import CHANNELS, shape_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import Conv2DOp, DepthwiseConv2DOp, FullyConnectedOp


def macs_of_op(op: Operation) -> int:
    """Multiplications of inputs with weights that one op makes; 0 for ops without weights."""
    match op:
        case Conv2DOp():
            return prod(shape_of(op.result)) * prod(shape_of(op.filter)[1:])
        case DepthwiseConv2DOp():
            return prod(shape_of(op.result)) * prod(shape_of(op.filter)[1:CHANNELS])
        case FullyConnectedOp():
            return size_in_bytes(tensor_type(op.result)) * shape_of(op.filter)[1]
        case _:
            return 0


def macs_of_module(module: ModuleOp) -> int:
    """Multiplications of inputs with weights in one inference."""
    return sum(map(macs_of_op, module.walk()))
