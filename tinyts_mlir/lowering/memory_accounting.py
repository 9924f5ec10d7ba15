"""What a program needs in SRAM besides its arena: the context and the stack."""

from __future__ import annotations

from typing import cast

from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.kernels.catalogue import kernel_stack_bytes

STACK_BOUND_BYTES = 1024
"""No inference takes more stack than this on any core that is emulated (`cores.py`), built with -O2, -O3 or -Os; tests
measure it with -O3, which takes most of these three on a Cortex-M7, where without optimization it is a quarter more."""

STATE_BYTES = 12
POINTER_BYTES = 4
COUNTER_BYTES = 2


def rows_read(layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> int:
    """The most rows that a step of the layer reads, of all its inputs together."""
    if isinstance(layer, tinyrt.ReceiveOp):
        return 0
    rows = cast(tinyrt.TensorOp, layer.outputs[0].owner).band_row_count(0)
    window = (rows - 1) * layer.row_stride.value.data + layer.window_rows.value.data
    return len(layer.inputs) * window


def rows_made(layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> int:
    """The most rows that a step of the layer makes, of all its outputs together."""
    if isinstance(layer, tinyrt.ReceiveOp):
        return 0
    return len(layer.outputs) * cast(tinyrt.TensorOp, layer.outputs[0].owner).band_row_count(0)


def stack_bound_bytes(program: tinyrt.ProgramOp) -> int:
    """The bound for a program: kernels that call others take more."""
    layers = (layer for layer in program.layers() if isinstance(layer, tinyrt.LayerOp))
    return STACK_BOUND_BYTES + max((kernel_stack_bytes(layer.kernel.data) for layer in layers), default=0)


def row_pointers(program: tinyrt.ProgramOp) -> tuple[int, int]:
    """How many pointers to rows read, and to rows made, a context holds."""
    layers = program.layers()
    return max(1, *map(rows_read, layers), 1), max(1, *map(rows_made, layers), 1)


def context_bytes(program: tinyrt.ProgramOp) -> int:
    """sizeof(NAME_context) on a 32-bit target, without the state."""
    read, made = row_pointers(program)
    return least_context_bytes(len(program.layers())) + POINTER_BYTES * (read + made)


def least_context_bytes(layers: int) -> int:
    """What a context of so many layers takes without its pointers to rows."""
    return STATE_BYTES + -(-COUNTER_BYTES * max(1, layers) // POINTER_BYTES) * POINTER_BYTES
