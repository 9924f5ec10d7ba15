"""Multiplications of activations with weights, by which kernels of different compilers are compared.

Counted on a model as imported, whole feature maps: multiplications with padding count, and what a compiler adds to or
saves of them does not.
"""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.kernels.catalogue import macs_per_element


def macs_of_op(op: Operation) -> int:
    """Multiplications of inputs with weights that one op makes; 0 for ops without weights."""
    macs = macs_per_element(op)
    return macs * sum(prod(shape_of(result)) for result in op.results) if macs else 0


def macs_of_module(module: ModuleOp) -> int:
    """Multiplications of inputs with weights in one inference."""
    return sum(map(macs_of_op, module.walk()))
