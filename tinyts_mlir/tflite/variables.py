"""Variables of a file while it is imported: resource variables by their names, and variable tensors.

TFLite's layers read and assign variables in the file's order. As ops, a variable is a state that is read once, before
anything assigns it, and assigned once, to what the last layer assigns; a layer that reads behind another that assigns
reads the value itself. A variable that is never read before it is assigned is no state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, IntegerType, TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts_aliases import ReshapeOp
from tinyts_mlir.dialects.tinyts_state import AssignStateOp, ReadStateOp, StateOp
from tinyts_mlir.tflite.constant_folding import fold_constants
from tinyts_mlir.tflite.file import FileLayer, TfliteFile, quoted
from tinyts_mlir.tflite.tensors import UnsupportedLayer

Type = TensorType[Attribute]


class Ops(Protocol):
    """Where ops go."""

    def add(self, op: Operation) -> None:
        """Adds an op behind those that there are."""


@dataclass
class _Variable:
    """A variable: what is known of it, and the ops that it has become so far.

    Attributes:
        name: in messages, and of the state.
        initial: what it holds before the first call; None: nothing has initialised it.
        is_tensor: it is a variable tensor, which begins with its zero point.
        is_ring_buffer: a layer has it for itself.
        now: its value at this place in the file, where it has been read or assigned.
    """

    name: str
    initial: bytes | None = None
    is_tensor: bool = False
    is_ring_buffer: bool = False
    declared: StateOp | None = None
    read: ReadStateOp | None = None
    assigned: AssignStateOp | None = None
    now: SSAValue | None = None

    def declare(self, type: Type, ops: Ops) -> SSAValue:
        """The state that it is, of the type of what is read or assigned first."""
        if self.declared is None:
            properties = {"state": self.name} | ({} if self.initial is None else {"initial": self._initial(type)})
            self.declared = StateOp([], type, properties)
            ops.add(self.declared)
        return self.declared.result

    def _initial(self, type: Type) -> DenseIntOrFPElementsAttr | None:
        assert self.initial is not None
        if len(self.initial) != size_in_bytes(type):
            raise UnsupportedLayer(
                f"expected variable {quoted(self.name)} to begin with {size_in_bytes(type)} bytes, as it is read or "
                f"assigned, got {len(self.initial)}"
            )
        element = type.element_type
        storage = element.storage_type if isinstance(element, UniformQuantizedType) else element
        assert isinstance(storage, IntegerType)
        initial = DenseIntOrFPElementsAttr(TensorType(storage, type.get_shape()), BytesAttr(self.initial))
        plain = StateOp([], type, {"state": self.name}).initial_bytes()
        return None if self.initial == plain else initial


@dataclass
class Variables:
    """All variables of a file that is imported. Everything here raises UnsupportedLayer for what cannot be compiled."""

    file: TfliteFile
    ops: Ops
    handles: dict[int, str] = field(default_factory=dict[int, str])
    """The variable that each tensor of type resource names."""
    by_name: dict[str, _Variable] = field(default_factory=dict[str, _Variable])
    by_tensor: dict[int, _Variable] = field(default_factory=dict[int, _Variable])

    # --- Resource variables ----------------------------------------------------------------------------------------

    def declare_handle(self, tensor: int, name: str) -> None:
        """Has a tensor name a variable."""
        self.handles[tensor] = name
        self.by_name.setdefault(name, _Variable(name))

    def named(self, handle: int) -> _Variable:
        """The variable that a tensor names."""
        if handle not in self.handles:
            raise UnsupportedLayer("expected the result of VAR_HANDLE as variable, got another tensor")
        return self.by_name[self.handles[handle]]

    def initialise(self, number: int) -> None:
        """Runs a subgraph that assigns variables before the first call, here and now."""
        if not 1 <= number <= len(self.file.subgraphs):
            raise UnsupportedLayer(
                f"expected an initialiser of subgraph 1 to {len(self.file.subgraphs)}, got subgraph {number}"
            )
        graph = fold_constants(self.file.subgraphs[number - 1])
        handles: dict[int, str] = {}
        for layer in graph.layers:
            if layer.op == "VAR_HANDLE" and len(layer.outputs) == 1:
                handles[layer.outputs[0]] = variable_name(layer)
            elif layer.op == "ASSIGN_VARIABLE" and len(layer.inputs) == 2 and layer.inputs[0] in handles:
                name = handles[layer.inputs[0]]
                variable = self.by_name.setdefault(name, _Variable(name))
                variable.initial = _constant_bytes(graph, layer.inputs[1], name)
            else:
                raise UnsupportedLayer(
                    f"expected an initialiser that assigns constants to variables, got {layer.op} in subgraph "
                    f"{number}; convert the model with variables that begin with constants"
                )

    # --- Variable tensors ------------------------------------------------------------------------------------------

    def tensor(self, index: int) -> _Variable:
        """The variable that a variable tensor is."""
        tensor = self.file.tensors[index]
        if not tensor.is_variable:
            raise UnsupportedLayer(f"expected {tensor.label} to be a variable tensor")
        return self.by_tensor.setdefault(index, _Variable(tensor.name, is_tensor=True))

    def ring_buffer(self, index: int, type: Type) -> SSAValue:
        """The state that a variable tensor is which one layer has for itself."""
        variable = self.tensor(index)
        if variable.declared is not None:
            raise UnsupportedLayer(f"expected variable {quoted(variable.name)} in one layer, got it in several")
        variable.is_ring_buffer = True
        return variable.declare(type, self.ops)

    # --- Both ------------------------------------------------------------------------------------------------------

    def value(self, variable: _Variable, type: Type) -> SSAValue:
        """What a variable holds at this place in the file, as a value of this type."""
        self.expect_shared(variable)
        if variable.now is None:
            if variable.initial is None and not variable.is_tensor:
                raise UnsupportedLayer(
                    f"variable {quoted(variable.name)} is read before anything has assigned it; "
                    "initialise it in a subgraph that CALL_ONCE names, or assign it first"
                )
            state = variable.declare(type, self.ops)
            variable.read = ReadStateOp([state], state.type)
            self.ops.add(variable.read)
            variable.now = variable.read.result
        return self.viewed(variable, variable.now, type)

    def assign(self, variable: _Variable, value: SSAValue) -> None:
        """Has a variable hold a value from this place in the file on."""
        self.expect_shared(variable)
        state = variable.declare(tensor_type(value), self.ops)
        stored = self.viewed(variable, value, tensor_type(state))
        if variable.assigned is not None:
            variable.assigned.detach()
            variable.assigned.erase()
        variable.assigned = AssignStateOp([stored, state], state.type)
        self.ops.add(variable.assigned)
        variable.now = value

    def expect_shared(self, variable: _Variable) -> None:
        """Raises where a layer has a variable for itself."""
        if variable.is_ring_buffer:
            raise UnsupportedLayer(f"expected variable {quoted(variable.name)} in one layer, got it in several")

    def viewed(self, variable: _Variable, value: SSAValue, type: Type) -> SSAValue:
        """The bytes of a value of a variable as a value of this type."""
        found = tensor_type(value)
        if found == type:
            return value
        if found.get_shape() != type.get_shape() or size_in_bytes(found) != size_in_bytes(type):
            raise UnsupportedLayer(
                f"expected variable {quoted(variable.name)} to have one shape and one type, got {found} and {type}"
            )
        reshaped = ReshapeOp([value], type)
        self.ops.add(reshaped)
        return reshaped.result

    def finish(self) -> None:
        """Takes away what is no state: variables that every call assigns before it reads them."""
        for variable in (*self.by_name.values(), *self.by_tensor.values()):
            if variable.declared is None or variable.read is not None or variable.is_ring_buffer:
                continue
            for op in (variable.assigned, variable.declared):
                if op is not None:
                    op.detach()
                    op.erase()


def variable_name(layer: FileLayer) -> str:
    """The name of the variable of a VAR_HANDLE: with its container, where it has one."""
    container, name = str(layer.options.get("Container", "")), str(layer.options.get("SharedName", ""))
    return f"{container}/{name}" if container else name


def _constant_bytes(graph: TfliteFile, index: int, name: str) -> bytes:
    tensor = graph.tensors[index] if 0 <= index < len(graph.tensors) else None
    if tensor is None or not 0 <= tensor.buffer < len(graph.buffers) or not len(graph.buffers[tensor.buffer]):
        raise UnsupportedLayer(f"expected variable {quoted(name)} to begin with a constant, got what a layer makes")
    return graph.buffers[tensor.buffer].tobytes()
