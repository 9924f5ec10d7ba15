"""What a program costs to run: an estimate of the instructions that a Cortex-M7 executes.

Good for ranking plans of one model, which differ in how many rows a step makes and in which kernels have scratch. The
constants are those of the kernels' loops, and of what is around them fitted to counts on an emulated Cortex-M7
(arm-none-eabi-gcc 12, -O3).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import cast

from xdsl.dialects.builtin import DenseArrayBase
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from tinyts_mlir.analysis.layers import group_layers
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.interfaces import AssemblingInterface, receives
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    WIDTH,
    row_bytes,
    shape_of,
    size_in_bytes,
    tensor_type,
    total_rows,
)
from tinyts_mlir.dialects.tinyts import Conv2DOp, DepthwiseConv2DOp
from tinyts_mlir.kernels.catalogue import conv_2d_pixels, scratch_options
from tinyts_mlir.kernels.parameters import parameter_value

STEP_INSTRUCTIONS = 120
"""The dispatch of one step, and a kernel's way in and out."""
ROW_POINTER_INSTRUCTIONS = 14
"""Locating one row that a step reads or makes."""


@dataclass(frozen=True)
class PixelCosts:
    """Instructions of CONV_2D for some pixels together: for each of their multiplications, outputs, and elements that
    are gathered; `wide` are int16 weights."""

    per_mac: float
    per_mac_wide: float
    per_output: float
    per_element: float = 0.0


IN_PLACE = 0
"""Two pixels that are not gathered."""
CONV_2D = {
    4: PixelCosts(0.84, 0.71, 9.5, 1.3),
    2: PixelCosts(0.97, 0.79, 11.5, 1.6),
    1: PixelCosts(1.34, 0.97, 15.0),
    IN_PLACE: PixelCosts(1.25, 1.07, 13.0),
}
CONV_2D_PER_PIXEL = 90.0
DEPTHWISE_PER_MAC, DEPTHWISE_PER_OUTPUT = 1.6, 12.2
PER_MAC = {"fully_connected": 2.0, "dot_rows": 2.0}
PER_OUTPUT = {"affine_add": 7.2, "add": 60.0, "lookup": 4.0, "concatenation": 2.0, "copy": 2.0, "softmax": 100.0}
"""And 15 for any other kernel."""


@dataclass(frozen=True)
class LayerWork:
    """What the cost of a layer depends on, besides bands and scratch.

    Attributes:
        kernel: its name.
        rows: of a result.
        row_bytes: of a result.
        columns: pixels in a row of a result.
        macs: multiplications for one element of a result.
        inputs: maps read.
        outputs: maps made.
        row_stride: of its window.
        window_rows: of its window.
        wide: CONV_2D: weights are int16.
    """

    kernel: str
    rows: int
    row_bytes: int
    columns: int = 1
    macs: int = 0
    inputs: int = 1
    outputs: int = 1
    row_stride: int = 1
    window_rows: int = 1
    wide: bool = False


def layer_instructions(work: LayerWork, band_rows: int, pixels: int = IN_PLACE) -> float:
    """Estimated instructions of all bands of `band_rows` rows; CONV_2D gathers so many `pixels` together."""
    bands = -(-work.rows // band_rows)
    rows_read = work.row_stride * work.rows + bands * (work.window_rows - work.row_stride)
    overhead = bands * STEP_INSTRUCTIONS
    overhead += (rows_read * work.inputs + work.rows * work.outputs) * ROW_POINTER_INSTRUCTIONS
    if work.kernel == "conv_2d":
        whole, rest = divmod(work.rows, band_rows)
        made = whole * _conv_2d(work, band_rows * work.columns, pixels) + _conv_2d(work, rest * work.columns, pixels)
        return overhead + made
    elements = work.rows * work.row_bytes
    if work.kernel == "depthwise_conv_2d":
        return overhead + elements * (DEPTHWISE_PER_OUTPUT + work.macs * DEPTHWISE_PER_MAC)
    per_output = PER_OUTPUT.get(work.kernel, 15.0)
    return overhead + elements * (work.outputs * per_output + work.macs * PER_MAC.get(work.kernel, 1.0))


def _conv_2d(work: LayerWork, band_pixels: int, pixels: int) -> float:
    """CONV_2D for one band."""
    channels = work.row_bytes // work.columns

    def cost(together: int, count: int) -> float:
        one = CONV_2D[together]
        per_mac = one.per_mac_wide if work.wide else one.per_mac
        return count * (channels * (work.macs * per_mac + one.per_output) + work.macs * one.per_element)

    at_once = pixels or 2
    together, left = divmod(band_pixels, at_once)
    if left == 3:
        together, left = together + 1, 0
    instructions = band_pixels * CONV_2D_PER_PIXEL + cost(pixels, together * at_once)
    if left == 2:
        return instructions + cost(2 if pixels else IN_PLACE, 2)
    return instructions + cost(1, left)


def estimated_instructions(program: tinyrt.ProgramOp) -> float:
    """Estimated instructions of one inference."""
    return sum(_program_layer_instructions(layer) for layer in program.layers())


def _program_layer_instructions(layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> float:
    if isinstance(layer, tinyrt.ReceiveOp):
        return cast(tinyrt.TensorOp, layer.output.owner).band_count * STEP_INSTRUCTIONS
    tensor = cast(tinyrt.TensorOp, layer.outputs[0].owner)
    values = {name: parameter_value(value) for name, value in layer.parameters.data.items()}
    number = {name: value for name, value in values.items() if isinstance(value, int)}
    work = LayerWork(
        layer.kernel.data,
        tensor.rows.value.data,
        tensor.row_bytes.value.data,
        number.get("output_width", 1),
        _macs_an_output(layer.kernel.data, number),
        len(layer.inputs),
        len(layer.outputs),
        layer.row_stride.value.data,
        layer.window_rows.value.data,
        bool(number.get("wide", 0)),
    )
    height = tensor.band_rows.value.data
    if layer.kernel.data != "conv_2d":
        return layer_instructions(work, height)
    filter_size = number["filter_height"], number["filter_width"]
    without = layer_instructions(work, height, conv_2d_pixels(filter_size, number["filter_channels"]))
    if layer.scratch is None:
        return without
    places = int_values(cast(tinyrt.TensorOp, layer.scratch.owner).offsets)
    share = places.count(tinyrt.NO_PLACE) / len(places)
    return share * without + (1 - share) * layer_instructions(work, height, number["scratch_pixels"])


def _macs_an_output(kernel: str, number: dict[str, int]) -> int:
    """Multiplications for one element of the output; 0 where a kernel does not multiply."""
    match kernel:
        case "conv_2d":
            return number["filter_height"] * number["filter_width"] * number["filter_channels"]
        case "depthwise_conv_2d":
            return number["filter_height"] * number["filter_width"]
        case "fully_connected":
            return number["input_channels"]
        case _:
            return 0


def row_work(op: RowGeometryInterface) -> LayerWork:
    """The work of an op that is made by rows, before it is lowered."""
    assert isinstance(op, Operation)
    row_map = op.row_map()
    assert row_map is not None
    result = tensor_type(op.results[0])
    shape = result.get_shape()
    kernel, macs = op.name.rpartition(".")[2], 0
    if isinstance(op, Conv2DOp | DepthwiseConv2DOp):
        filter = shape_of(op.filter)
        macs = prod(filter[1:] if isinstance(op, Conv2DOp) else filter[1:3])
    return LayerWork(
        "affine_add" if kernel == "add" else kernel,
        total_rows(result),
        row_bytes(result),
        shape[WIDTH] if len(shape) == FEATURE_MAP_RANK else 1,
        macs,
        len(op.row_groups()),
        len(op.results),
        row_map.stride,
        row_map.window,
        isinstance(op, Conv2DOp) and op.weight_bits.value.data == 16,
    )


def pixels_together(op: Operation, scratch_bytes: int) -> int:
    """How many pixels a kernel gathers together with so much scratch; IN_PLACE for kernels that do not."""
    if not isinstance(op, Conv2DOp):
        return IN_PLACE
    return conv_2d_pixels(op.filter_size, shape_of(op.filter)[CHANNELS], scratch_bytes)


def scratch_gains(op: Operation, band_rows: int) -> dict[int, float]:
    """What each amount of scratch in bytes is worth to a layer with such bands: instructions less than without."""
    options = scratch_options(op)
    if not options or not isinstance(op, RowGeometryInterface) or op.row_map() is None:
        return {}
    work = row_work(op)
    without = layer_instructions(work, band_rows, pixels_together(op, 0))
    return {size: without - layer_instructions(work, band_rows, pixels_together(op, size)) for size in options}


def band_instructions(function: FuncOp) -> float:
    """Estimated instructions of the layers of a planned function that are made by rows, and of copies of bands."""
    graph = OpGraph.of(function)
    copied = sum(
        size_in_bytes(tensor_type(op.results[0]))
        for op in graph.ops
        if isinstance(op, AssemblingInterface) and not op.finds_operands_in_place()
    )
    instructions = copied * PER_OUTPUT["copy"]
    for layer in group_layers(graph).layers:
        op = layer.ops[0]
        if not isinstance(op, RowGeometryInterface) or receives(op) or op.row_map() is None:
            continue
        rows = layer.band_rows()
        instructions += layer_instructions(row_work(op), rows, pixels_together(op, 0))
        gains = scratch_gains(op, rows)
        for band in layer.ops:
            place = band.properties.get("scratch")
            if isinstance(place, DenseArrayBase):
                instructions -= gains[int_values(place)[1]] / len(layer.ops)
    return instructions
