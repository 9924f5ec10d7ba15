"""How TFLite spells state: variables that layers read and assign."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType

from tinyts_mlir.dialects.rows import HEIGHT, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import AssignStateOp, ReadStateOp, ShiftStateOp, StateOp
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.tflite.layer_reader import LayerReader
from tinyts_mlir.tflite.layer_writer import LayerWriter
from tinyts_mlir.tflite.rule import INT8_VERSION, MOVES_VERSION, Options, Rule
from tinyts_mlir.tflite.tensors import UnsupportedLayer
from tinyts_mlir.tflite.variables import variable_name

VARIABLE_TYPES = "int8, int16, int32"
VERSION = 1


def _call_once(layer: LayerReader) -> Sequence[TinytsOp]:
    layer.imported.variables.initialise(layer.integer_option("InitSubgraphIndex"))
    return ()


def _var_handle(layer: LayerReader) -> Sequence[TinytsOp]:
    if len(layer.layer.outputs) != 1:
        raise UnsupportedLayer(f"expected one output, got {len(layer.layer.outputs)}")
    layer.imported.variables.declare_handle(layer.layer.outputs[0], variable_name(layer.layer))
    return ()


def _read_variable(layer: LayerReader) -> Sequence[TinytsOp]:
    if len(layer.layer.outputs) != 1:
        raise UnsupportedLayer(f"expected one output, got {len(layer.layer.outputs)}")
    variables = layer.imported.variables
    [output] = layer.layer.outputs
    if output in layer.imported.values:
        raise UnsupportedLayer("expected a new output tensor, but it has its value already")
    type = layer.tensors.state_type(layer.tensors.get(output))
    layer.imported.values[output] = variables.value(variables.named(layer.layer.inputs[0]), type)
    return ()


def _assign_variable(layer: LayerReader) -> Sequence[TinytsOp]:
    variables = layer.imported.variables
    variables.assign(variables.named(layer.layer.inputs[0]), layer.kept(1))
    return ()


def _write_state(layer: LayerWriter, op: StateOp) -> None:
    layer.exported.declare_variable(op)


def _write_read(layer: LayerWriter, op: ReadStateOp) -> None:
    layer.add("READ_VARIABLE", VERSION, [layer.exported.handle_of(op.state)])


def _write_assign(layer: LayerWriter, op: AssignStateOp) -> None:
    value = layer.activation(op.value)
    layer.exported.append("ASSIGN_VARIABLE", VERSION, [layer.exported.handle_of(op.state), value], [], {})
    layer.exported.set_index(op.result, value)


def write_shift(layer: LayerWriter, op: ShiftStateOp) -> None:
    """Read, without its first rows, with the new ones behind them, and assigned."""
    exported, type = layer.exported, tensor_type(op.result)
    handle = exported.handle_of(op.state)
    before = layer.tensor("before", type)
    exported.append("READ_VARIABLE", VERSION, [handle], [before], {})
    rank, rows = len(type.get_shape()), shape_of(op.value)[HEIGHT]
    kept = type.get_shape()[HEIGHT] - rows
    shape = [*type.get_shape()[:HEIGHT], kept, *type.get_shape()[HEIGHT + 1 :]]
    begin = [rows if axis == HEIGHT else 0 for axis in range(rank)]
    last = layer.tensor("last", TensorType(type.element_type, shape))
    bounds = [
        layer.integers("begin", begin, [rank]),
        layer.integers("end", list(type.get_shape()), [rank]),
        layer.integers("strides", [1] * rank, [rank]),
    ]
    exported.append("STRIDED_SLICE", INT8_VERSION, [before, *bounds], [last], {})
    layer.add("CONCATENATION", MOVES_VERSION, [last, layer.activation(op.value)], {"Axis": HEIGHT})
    index = exported.index_of(op.result)
    assert index is not None
    exported.append("ASSIGN_VARIABLE", VERSION, [handle, index], [], {})


RULES = [
    Rule(
        "CALL_ONCE",
        StateOp,
        Options("CallOnceOptions", ("InitSubgraphIndex",)),
        _call_once,
        _write_state,
        inputs=(0, 0),
        on_variables=True,
        is_other_spelling=True,
        types=VARIABLE_TYPES,
        constraints="a subgraph that assigns constants",
    ),
    Rule(
        "VAR_HANDLE",
        StateOp,
        Options("VarHandleOptions", ("Container", "SharedName")),
        _var_handle,
        _write_state,
        inputs=(0, 0),
        on_variables=True,
        types=VARIABLE_TYPES,
        constraints="one shape for each name",
    ),
    Rule(
        "READ_VARIABLE",
        ReadStateOp,
        Options("ReadVariableOptions"),
        _read_variable,
        _write_read,
        inputs=(1, 1),
        on_variables=True,
        types=VARIABLE_TYPES,
        constraints="initialised, or assigned before",
    ),
    Rule(
        "ASSIGN_VARIABLE",
        AssignStateOp,
        Options("AssignVariableOptions"),
        _assign_variable,
        _write_assign,
        inputs=(2, 2),
        on_variables=True,
        types=VARIABLE_TYPES,
    ),
]
