"""What a program costs to run: an estimate of the instructions that a Cortex-M7 executes, or another core.

Good for ranking plans of one model, which differ in how many rows a step makes and in which kernels have scratch. What
goes on in a kernel, the kernel's family says (`kernels/cost.py`); here is what is around it, fitted to counts on an
emulated Cortex-M7 (arm-none-eabi-gcc 12, -O3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from xdsl.dialects.builtin import DenseArrayBase
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from tinyts_mlir.analysis.layers import group_layers
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.cores import CORTEX_M7, Core
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import row_bytes, tensor_type, total_rows
from tinyts_mlir.kernels.catalogue import avoidable_instructions, call_cost, has_kernel, op_cost, scratch_options
from tinyts_mlir.kernels.cost import KernelCost, LayerShape, PlainCost
from tinyts_mlir.kernels.parameters import parameter_value
from tinyts_mlir.kernels.plain_costs import plain_costs

STEP_INSTRUCTIONS = 120
"""The dispatch of one step, and a kernel's way in and out."""
ROW_POINTER_INSTRUCTIONS = 14
"""Locating one row that a step reads or makes."""
LINE_INSTRUCTIONS = 13
"""In the time of a cache line from the flash of an STM32F767, ten cycles of its fastest, by the loops of CONV_2D."""


@dataclass(frozen=True)
class LayerWork:
    """What the cost of a layer depends on, besides bands and scratch.

    Attributes:
        cost: of its kernel.
        shape: what it makes.
        inputs: maps read.
        row_stride: of its window.
        window_rows: of its window.
        block: rows that are made together; to the kernel and to `shape` they are one.
    """

    cost: KernelCost
    shape: LayerShape
    inputs: int = 1
    row_stride: int = 1
    window_rows: int = 1
    block: int = 1


def layer_instructions(work: LayerWork, band_rows: int, scratch_bytes: int = 0) -> float:
    """Estimated instructions of all bands of `band_rows` rows, made with so much scratch."""
    shape = work.shape
    band_rows //= work.block
    bands = -(-shape.rows // band_rows)
    rows_read = work.row_stride * shape.rows + bands * (work.window_rows - work.row_stride)
    overhead = bands * STEP_INSTRUCTIONS
    overhead += (rows_read * work.inputs + shape.rows * shape.outputs) * ROW_POINTER_INSTRUCTIONS
    return overhead + work.cost.instructions(shape, band_rows, scratch_bytes)


def estimated_instructions(program: tinyrt.ProgramOp, core: Core = CORTEX_M7) -> float:
    """Estimated instructions of one inference."""
    return sum(program_layer_instructions(layer, core) for layer in program.layers())


def program_layer_instructions(layer: tinyrt.LayerOp | tinyrt.ReceiveOp, core: Core = CORTEX_M7) -> float:
    """Estimated instructions of all steps of one layer."""
    if isinstance(layer, tinyrt.ReceiveOp):
        return cast(tinyrt.TensorOp, layer.output.owner).band_count * STEP_INSTRUCTIONS
    work, height = _program_layer_work(layer)
    if (plain := plain_costs(core)) is not None:
        return layer_instructions(replace(work, cost=PlainCost(work.cost, plain)), height)
    return sum(share * layer_instructions(work, height, scratch) for scratch, share in _scratch_shares(layer).items())


def program_layer_constant_reads(layer: tinyrt.LayerOp) -> float:
    """How often all steps of one layer read its constants from end to end."""
    work, height = _program_layer_work(layer)
    shares = _scratch_shares(layer).items()
    return sum(share * work.cost.constant_reads(work.shape, height, scratch) for scratch, share in shares)


def _program_layer_work(layer: tinyrt.LayerOp) -> tuple[LayerWork, int]:
    """The work of a layer, and the height of its bands."""
    tensor = cast(tinyrt.TensorOp, layer.outputs[0].owner)
    parameters = {name: parameter_value(value) for name, value in layer.parameters.data.items()}
    work = LayerWork(
        call_cost(layer.kernel.data, parameters),
        LayerShape(tensor.rows.value.data, tensor.row_bytes.value.data, len(layer.outputs)),
        len(layer.inputs),
        layer.row_stride.value.data,
        layer.window_rows.value.data,
    )
    return work, tensor.band_rows.value.data


def _scratch_shares(layer: tinyrt.LayerOp) -> dict[int, float]:
    """The share of a layer's steps that have so many bytes of scratch."""
    if layer.scratch is None:
        return {0: 1.0}
    scratch = cast(tinyrt.TensorOp, layer.scratch.owner)
    places = int_values(scratch.offsets)
    share = places.count(tinyrt.NO_PLACE) / len(places)
    return {0: share, scratch.row_bytes.value.data: 1 - share}


def row_work(op: RowGeometryInterface) -> LayerWork:
    """The work of an op that is made by rows, before it is lowered."""
    assert isinstance(op, Operation)
    row_map = op.row_map()
    assert row_map is not None
    result = tensor_type(op.results[0])
    block = row_map.block
    shape = LayerShape(total_rows(result) // block, row_bytes(result) * block, len(op.results))
    return LayerWork(op_cost(op), shape, len(op.row_groups()), row_map.stride, row_map.window, block)


def scratch_gains(op: Operation, band_rows: int) -> dict[int, float]:
    """What each amount of scratch in bytes is worth to a layer with such bands: instructions less than without.

    Cache lines that are not read again count as the instructions that a core could do meanwhile.
    """
    options = scratch_options(op)
    if not options or not isinstance(op, RowGeometryInterface) or op.row_map() is None:
        return {}
    work = row_work(op)

    def cost(size: int) -> float:
        lines = work.cost.lines_again(work.shape, band_rows, size)
        return layer_instructions(work, band_rows, size) + LINE_INSTRUCTIONS * lines

    without = cost(0)
    return {size: without - cost(size) for size in options}


def band_instructions(function: FuncOp) -> float:
    """Estimated instructions of the layers of a planned function that are made by rows, and of copies of bands."""
    graph = OpGraph.of(function)
    instructions = sum(avoidable_instructions(op) for op in graph.ops)
    for layer in group_layers(graph).layers:
        op = layer.ops[0]
        if not isinstance(op, RowGeometryInterface) or not has_kernel(op) or op.row_map() is None:
            continue
        rows = layer.band_rows()
        instructions += layer_instructions(row_work(op), rows)
        gains = scratch_gains(op, rows)
        for band in layer.ops:
            place = band.properties.get("scratch")
            if isinstance(place, DenseArrayBase):
                instructions -= gains.get(int_values(place)[1], 0.0) / len(layer.ops)  # needed: no choice
    return instructions
