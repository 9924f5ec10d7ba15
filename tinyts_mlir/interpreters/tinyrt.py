"""Runs a `tinyrt.program` in numpy, in one byte array at the planned offsets, step by step as the C runtime does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr
from xdsl.ir import Attribute, SSAValue

from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import RowRange, numpy_type
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import accumulates, run_kernel
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.parameters import Parameters, parameter_value

Int8Array = NDArray[np.int8]


def _int(attribute: IntegerAttr) -> int:
    return int(attribute.value.data)


class _Tensor:
    """Views of a tensor's rows in the arena, or in the model input that it is."""

    def __init__(self, op: tinyrt.TensorOp, arena: Int8Array, inputs: Sequence[Int8Array]) -> None:
        self.op = op
        self.arena = arena if op.external_input is None else inputs[op.external_input]
        self.row_bytes = _int(op.row_bytes)
        self.band_rows = _int(op.band_rows)
        self.rows = _int(op.rows)
        self.offsets = int_values(op.offsets) if op.external_input is None else (0,)

    def band(self, number: int) -> Rows:
        """The rows of a band, to be read or written."""
        size = self.op.band_row_count(number) * self.row_bytes
        return self.arena[self.offsets[number] : self.offsets[number] + size].reshape(-1, self.row_bytes)

    def band_rows_range(self, number: int) -> RowRange:
        """Which rows a band holds."""
        return RowRange(number * self.band_rows, min(self.rows, (number + 1) * self.band_rows))

    def read(self, rows: RowRange) -> Rows:
        """A copy of some rows."""
        picked = [self.band(row // self.band_rows)[row % self.band_rows] for row in range(rows.start, rows.stop)]
        return np.array(picked, np.int8).reshape(len(picked), self.row_bytes)


def run_program(
    program: tinyrt.ProgramOp,
    inputs: Sequence[NDArray[Any]],
    *,
    poison: int = 0x5A,
    states: dict[str, Int8Array] | None = None,
) -> list[NDArray[Any]]:
    """Runs a program on inputs of its types; gives each output as a flat array.

    The arena starts filled with `poison`, and each scratch is filled with it anew, so that nothing can depend on what
    lay there before. `states` is what the call before has left, by the states' names, an empty one before the first;
    the call leaves its own there. Raises CompileError where an input does not fit.
    """
    arena_bytes = _int(program.arena_bytes)
    arena = np.full(arena_bytes + program.state_byte_count, poison, np.int8)
    for state in program.states():
        held = None if states is None else states.get(state.name_in_file.data)
        start = arena_bytes + _int(state.offset)
        arena[start : start + _int(state.bytes)] = state.initial_values() if held is None else held
    interface = program.interface()
    if len(inputs) != len(interface.input_tensors):
        raise CompileError(f"expected {len(interface.input_tensors)} inputs, got {len(inputs)}")
    images: list[Int8Array] = []
    for number, (value, array) in enumerate(zip(interface.input_tensors, inputs, strict=True)):
        descriptor = cast(tinyrt.TensorOp, value.owner)
        size = descriptor.byte_count
        expected = element_type(interface.input_types, number)
        if array.dtype != expected or array.nbytes != size:
            count = size // expected.itemsize
            raise CompileError(f"input {number}: expected {count} {expected}, got {array.size} {array.dtype}")
        images.append(array.reshape(-1).copy().view(np.int8))
        images[-1].flags.writeable = False
    tensors: Mapping[SSAValue, _Tensor] = {op.descriptor: _Tensor(op, arena, images) for op in program.tensors()}

    layers = program.layers()
    parameters = [
        {name: parameter_value(value) for name, value in layer.parameters.data.items()}
        if isinstance(layer, tinyrt.LayerOp)
        else {}
        for layer in layers
    ]
    made = [0] * len(layers)
    for number in program.steps():
        layer, band = layers[number], made[number]
        made[number] += 1
        if isinstance(layer, tinyrt.ReceiveOp):
            tensor = tensors[layer.output]
            rows = tensor.band_rows_range(band)
            image = images[_int(layer.input)].reshape(-1, tensor.row_bytes)
            tensor.band(band)[:] = image[rows.start : rows.stop]
            continue
        _run_layer(layer, parameters[number], band, tensors, poison)
    if states is not None:
        for state in program.states():
            start = arena_bytes + _int(state.offset)
            states[state.name_in_file.data] = arena[start : start + _int(state.bytes)].copy()
    outputs = [tensors[value] for value in interface.output_tensors]
    types = [element_type(interface.output_types, number) for number in range(len(outputs))]
    return [tensor.band(0).reshape(-1).copy().view(type) for tensor, type in zip(outputs, types, strict=True)]


def element_type(types: ArrayAttr[Attribute] | None, number: int) -> np.dtype[Any]:
    """The numpy type of an input or an output; int8 where the program does not say."""
    return np.dtype(np.int8) if types is None else numpy_type(types.data[number])


def _run_layer(
    layer: tinyrt.LayerOp,
    parameters: Parameters,
    band: int,
    tensors: Mapping[SSAValue, _Tensor],
    poison: int,
) -> None:
    """Makes one band of each output of a layer."""
    outputs = [tensors[value] for value in layer.outputs]
    result_rows = outputs[0].band_rows_range(band)
    row_map = RowMap(_int(layer.row_stride), _int(layer.window_rows), _int(layer.padding_top))
    windows: list[Window] = []
    for value in layer.inputs:
        need = row_map.needed(result_rows, tensors[value].rows)
        windows.append(Window(tensors[value].read(need.rows), need.padding_before, need.padding_after))
    if layer.scratch is not None and tensors[layer.scratch].offsets[band] != tinyrt.NO_PLACE:
        tensors[layer.scratch].band(band)[:] = poison
    if accumulates(layer.kernel.data, parameters):
        windows.append(Window(outputs[-1].band(band).copy()))
    results = run_kernel(layer.kernel.data, parameters, windows, result_rows.count)
    for tensor, rows in zip(outputs, results, strict=True):
        tensor.band(band)[:] = rows
