"""What a program costs to run: an estimate of the instructions that a Cortex-M7 executes.

Good for ranking plans of one model, which differ in how many steps they take and in which kernels have scratch. The
constants are fitted to counts on an emulated Cortex-M7 (arm-none-eabi-gcc 12, -O3).
"""

from __future__ import annotations

from typing import cast

from xdsl.ir import Operation

from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.tinyts import Conv2DOp
from tinyts_mlir.interpreters.tinyrt import parameter_value
from tinyts_mlir.lowering.kernels import scratch_options

STEP_INSTRUCTIONS = 160
"""The dispatch of one step, and a kernel's way in and out."""
ROW_POINTER_INSTRUCTIONS = 14
"""Locating one row that a step reads or makes."""
PER_OUTPUT = 27.0
"""Requantization of one output element."""
PER_MAC = {"conv_2d": 1.9, "depthwise_conv_2d": 1.2, "fully_connected": 2.0, "dot_rows": 2.0}
"""Instructions a multiplication, for kernels that have scratch or need none."""
WITHOUT_SCRATCH = {"conv_2d": 1.5}
"""How many times as much a multiplication costs at a step where a kernel that wants scratch has none."""


FORMS: dict[type[Operation], tuple[float, ...]] = {Conv2DOp: (0.95, 1.1, 1.4)}
"""Instructions a multiplication of a kernel's forms: with the amounts of scratch that it has a use for, the fastest
first, and then in the form without. A layer that has a use for fewer amounts does as well without as with the next."""


def scratch_gains(op: Operation) -> dict[int, float]:
    """What each amount of scratch in bytes is worth to an op's kernel: instructions a multiplication less than none."""
    options = scratch_options(op)
    forms = FORMS.get(type(op), (1.0,) * (len(options) + 1))
    return {size: forms[len(options)] - form for size, form in zip(options, forms, strict=False)}


def estimated_instructions(program: tinyrt.ProgramOp) -> float:
    """Estimated instructions of one inference."""
    return sum(_layer_instructions(layer) for layer in program.layers())


def _layer_instructions(layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> float:
    if isinstance(layer, tinyrt.ReceiveOp):
        tensor = cast(tinyrt.TensorOp, layer.output.owner)
        return tensor.band_count * STEP_INSTRUCTIONS
    tensor = cast(tinyrt.TensorOp, layer.outputs[0].owner)
    rows = tensor.rows.value.data
    rows_read = layer.row_stride.value.data * rows + tensor.band_count * layer.window_rows.value.data
    overhead = tensor.band_count * STEP_INSTRUCTIONS
    overhead += (rows_read * len(layer.inputs) + rows * len(layer.outputs)) * ROW_POINTER_INSTRUCTIONS
    elements = rows * tensor.row_bytes.value.data
    kernel = layer.kernel.data
    macs = elements * _macs_an_output(layer)
    without = _share_without_scratch(layer)
    slower = 1 - without + without * WITHOUT_SCRATCH.get(kernel, 1.0)
    return overhead + elements * PER_OUTPUT + macs * PER_MAC.get(kernel, 1.0) * slower


def _share_without_scratch(layer: tinyrt.LayerOp) -> float:
    """Which part of a layer's steps has no scratch."""
    if layer.scratch is None:
        return 1.0
    places = int_values(cast(tinyrt.TensorOp, layer.scratch.owner).offsets)
    return places.count(tinyrt.NO_PLACE) / len(places)


def _macs_an_output(layer: tinyrt.LayerOp) -> int:
    """Multiplications for one element of the output; 0 where a kernel does not multiply."""
    parameters = {name: value for name, value in layer.parameters.data.items() if name.startswith(("filter", "input"))}
    number = {name: parameter_value(value) for name, value in parameters.items()}
    match layer.kernel.data:
        case "conv_2d":
            taps = cast(int, number["filter_height"]) * cast(int, number["filter_width"])
            return taps * cast(int, number["filter_channels"])
        case "depthwise_conv_2d":
            return cast(int, number["filter_height"]) * cast(int, number["filter_width"])
        case "fully_connected":
            return cast(int, number["input_channels"])
        case _:
            return 0
