"""What a program costs to run: an estimate of the instructions that a Cortex-M7 executes.

Good for ranking plans of one model, which differ in how many rows a step makes and in which kernels have scratch. The
constants are fitted to counts on an emulated Cortex-M7 (arm-none-eabi-gcc 12, -O3).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import cast

from xdsl.ir import Operation

from tinyts_mlir.analysis.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK, WIDTH, row_bytes, shape_of, tensor_type, total_rows
from tinyts_mlir.dialects.tinyts import Conv2DOp, DepthwiseConv2DOp
from tinyts_mlir.interpreters.tinyrt import parameter_value

STEP_INSTRUCTIONS = 160
"""The dispatch of one step, and a kernel's way in and out."""
ROW_POINTER_INSTRUCTIONS = 14
"""Locating one row that a step reads or makes."""
PER_OUTPUT = 27.0
"""Requantization of one output element."""
PER_MAC = {"conv_2d": 1.9, "depthwise_conv_2d": 3.2, "fully_connected": 2.0, "dot_rows": 2.0}
"""Instructions a multiplication, for kernels that have scratch or need none."""
WITHOUT_SCRATCH = {"conv_2d": 1.5, "depthwise_conv_2d": 2.2}
"""How many times as much a multiplication costs where a kernel that wants scratch has none."""
PIXELS_AT_ONCE = 4
"""A convolution with scratch makes so many pixels of a band together; what is left over, as without scratch."""
DEPTHWISE_BLOCK_INSTRUCTIONS = 130
"""A depthwise convolution with scratch lays out the weights of four channels, once for each band."""
DEPTHWISE_BLOCK_CHANNELS = 4


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


def layer_instructions(work: LayerWork, band_rows: int, has_scratch: bool) -> float:
    """Estimated instructions of all bands of `band_rows` rows; `has_scratch` also where a kernel wants none."""
    bands = -(-work.rows // band_rows)
    rows_read = work.row_stride * work.rows + bands * (work.window_rows - work.row_stride)
    overhead = bands * STEP_INSTRUCTIONS
    overhead += (rows_read * work.inputs + work.rows * work.outputs) * ROW_POINTER_INSTRUCTIONS
    elements = work.rows * work.row_bytes
    slow_elements = 0 if has_scratch else elements
    if has_scratch and work.kernel == "conv_2d":
        whole, rest = divmod(work.rows, band_rows)
        left_over = whole * (band_rows * work.columns % PIXELS_AT_ONCE) + rest * work.columns % PIXELS_AT_ONCE
        slow_elements = left_over * work.row_bytes // work.columns
    if has_scratch and work.kernel == "depthwise_conv_2d":
        blocks = -(-work.row_bytes // work.columns // DEPTHWISE_BLOCK_CHANNELS)
        overhead += bands * blocks * DEPTHWISE_BLOCK_INSTRUCTIONS
    slower = WITHOUT_SCRATCH.get(work.kernel, 1.0) - 1
    macs = work.macs * (elements + slower * slow_elements)
    return overhead + elements * work.outputs * PER_OUTPUT + macs * PER_MAC.get(work.kernel, 1.0)


def estimated_instructions(program: tinyrt.ProgramOp) -> float:
    """Estimated instructions of one inference."""
    return sum(_program_layer_instructions(layer) for layer in program.layers())


def _program_layer_instructions(layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> float:
    if isinstance(layer, tinyrt.ReceiveOp):
        return cast(tinyrt.TensorOp, layer.output.owner).band_count * STEP_INSTRUCTIONS
    tensor = cast(tinyrt.TensorOp, layer.outputs[0].owner)
    macs, columns = _macs_and_columns(layer)
    work = LayerWork(
        layer.kernel.data,
        tensor.rows.value.data,
        tensor.row_bytes.value.data,
        columns,
        macs,
        len(layer.inputs),
        len(layer.outputs),
        layer.row_stride.value.data,
        layer.window_rows.value.data,
    )
    return layer_instructions(work, tensor.band_rows.value.data, layer.scratch is not None)


def _macs_and_columns(layer: tinyrt.LayerOp) -> tuple[int, int]:
    """Multiplications for one element of the output, 0 where a kernel does not multiply; and pixels of its rows."""
    wanted = ("filter", "input", "output_width")
    parameters = {name: value for name, value in layer.parameters.data.items() if name.startswith(wanted)}
    number = {name: cast(int, parameter_value(value)) for name, value in parameters.items()}
    columns = number.get("output_width", 1)
    match layer.kernel.data:
        case "conv_2d":
            return number["filter_height"] * number["filter_width"] * number["filter_channels"], columns
        case "depthwise_conv_2d":
            return number["filter_height"] * number["filter_width"], columns
        case "fully_connected":
            return number["input_channels"], columns
        case _:
            return 0, columns


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
        kernel,
        total_rows(result),
        row_bytes(result),
        shape[WIDTH] if len(shape) == FEATURE_MAP_RANK else 1,
        macs,
        len(op.row_groups()),
        len(op.results),
        row_map.stride,
        row_map.window,
    )
