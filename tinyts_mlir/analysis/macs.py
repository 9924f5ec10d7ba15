"""Multiplications of activations with weights, by which kernels of different compilers are compared.

Counted on a model as imported, whole feature maps: multiplications with padding count, and what a compiler adds to or
saves of them does not.
"""

from __future__ import annotations

from math import prod
from typing import cast

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.kernels.catalogue import macs_per_element
from tinyts_mlir.kernels.parameters import parameter_value
from tinyts_mlir.kernels.registry import find_kernel


def macs_of_op(op: Operation) -> int:
    """Multiplications of inputs with weights that one op makes; 0 for ops without weights."""
    macs = macs_per_element(op)
    return macs * sum(prod(shape_of(result)) for result in op.results) if macs else 0


def macs_of_module(module: ModuleOp) -> int:
    """Multiplications of inputs with weights in one inference."""
    return sum(map(macs_of_op, module.walk()))


def repeated_macs(program: tinyrt.ProgramOp) -> int:
    """Multiplications of rows that bands make again, though others have made them."""
    return sum(_repeated_macs(layer) for layer in program.layers() if isinstance(layer, tinyrt.LayerOp))


def _repeated_macs(layer: tinyrt.LayerOp) -> int:
    kernel = find_kernel(layer.kernel.data)
    if kernel is None or kernel.repeated_macs is None:
        return 0
    read, made = (cast(tinyrt.TensorOp, value.owner) for value in (layer.inputs[0], layer.outputs[0]))
    geometry = (layer.row_stride, layer.window_rows, layer.padding_top)
    row_map = RowMap(*(number.value.data for number in geometry))
    parameters = {name: parameter_value(value) for name, value in layer.parameters.data.items()}
    rows = (read.rows.value.data, made.rows.value.data, made.band_rows.value.data)
    return kernel.repeated_macs(parameters, row_map, *rows)
