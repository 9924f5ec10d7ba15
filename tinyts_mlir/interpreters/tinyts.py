"""Runs functions of `tinyts` ops in numpy: whole tensors, bands, in any order.

Built on xDSL's interpreter, so that ops of other dialects run beside ours. A tensor is an array of its type's shape,
int8 but for what a model may take or give; a constant has its storage type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.interpreters.func import FuncFunctions
from xdsl.ir import Operation, SSAValue

from tinyts_mlir.analysis.layers import BAND_PROPERTIES
from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.interfaces import AccumulatingInterface, StateInterface, is_constant
from tinyts_mlir.dialects.row_geometry import (
    RowGeometryInterface,
    RowMap,
    group_rows,
    group_total_rows,
    kept_after,
    kept_before,
    one_row_map,
)
from tinyts_mlir.dialects.rows import (
    numpy_type,
    row_bytes,
    rows_of,
    shape_of,
    size_in_bytes,
    tensor_type,
    total_rows,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts import (
    AssignStateOp,
    ConstantOp,
    ExternalInputOp,
    ReadStateOp,
    ReceiveOp,
    RenumberRowsOp,
    ReshapeOp,
    ShiftStateOp,
    StateOp,
)
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import kernel_call, meaning_of, ops_with_kernels, ops_with_meanings
from tinyts_mlir.kernels.entry import KernelCall
from tinyts_mlir.kernels.numpy_rows import Rows, Window

Array = NDArray[Any]

States = dict[str, NDArray[np.int8]]
"""The bytes of each state by its name, between calls: empty before the first."""


def _as_rows(value: SSAValue, array: Any) -> Rows:
    return np.ascontiguousarray(array).view(np.int8).reshape(-1, row_bytes(tensor_type(value)))


def _as_tensor(value: SSAValue, rows: Rows) -> Array:
    """Rows of bytes as an array of the value's type."""
    contiguous = np.ascontiguousarray(rows)
    return contiguous.view(numpy_type(tensor_type(value).element_type)).reshape(shape_of(value))


def input_groups(op: Operation) -> Sequence[tuple[SSAValue, ...]]:
    """The groups of bands that an op reads as feature maps; here, they may be constants."""
    if isinstance(op, RowGeometryInterface):
        return op.row_groups()
    return op.feature_map_groups() if isinstance(op, TinytsOp) else ()


def input_window(
    row_map: RowMap, group: Sequence[SSAValue], arrays: Sequence[Any], result: SSAValue, flat: bool
) -> Window:
    """The rows of a group of bands that `result` reads."""
    rows = np.concatenate([_as_rows(value, array) for value, array in zip(group, arrays, strict=True)])
    if flat:
        return Window(rows.reshape(1, -1))
    need = row_map.needed(rows_of(tensor_type(result)), group_total_rows(group))
    held = group_rows(group)
    return Window(
        rows[need.rows.start - held.start : max(need.rows.stop, need.rows.start) - held.start],
        need.padding_before,
        need.padding_after,
    )


@register_impls
class TinytsFunctions(InterpreterFunctions):
    """The ops of the dialect for xDSL's interpreter."""

    def __init__(self, states: States | None = None) -> None:
        self._calls: dict[object, KernelCall] = {}
        self._states: States = {} if states is None else states

    def _call(self, op: Operation) -> KernelCall:
        """The kernel of an op: made once for all bands of a layer."""
        weights = tuple(value for value in op.operands if is_constant(value))
        maps = [tensor_type(group[0]) for group in input_groups(op)] + [tensor_type(value) for value in op.results]
        key = (
            type(op),
            tuple(sorted((k, v) for k, v in op.properties.items() if k not in BAND_PROPERTIES)),
            weights,
            tuple((whole_shape(type), type.element_type) for type in maps),
        )
        if (call := self._calls.get(key)) is None:
            call = self._calls[key] = kernel_call(op)
        return call

    @impl(ConstantOp)
    def run_constant(self, interpreter: Interpreter, op: ConstantOp, args: PythonValues) -> PythonValues:
        """The stored integers."""
        width = op.value.type.element_type.width.data  # type: ignore[union-attr]
        return (np.frombuffer(op.value.data.data, f"<i{width // 8}").reshape(op.value.get_shape()),)

    @impl(ReceiveOp)
    def run_receive(self, interpreter: Interpreter, op: ReceiveOp, args: PythonValues) -> PythonValues:
        """The result's rows of the input."""
        type = tensor_type(op.result)
        rows = np.asarray(args[0]).reshape(total_rows(type), -1)
        held = rows_of(type)
        return (rows[held.start : held.stop].reshape(type.get_shape()),)

    @impl(ExternalInputOp)
    def run_external_input(self, interpreter: Interpreter, op: ExternalInputOp, args: PythonValues) -> PythonValues:
        """The input's bytes."""
        return (np.asarray(args[0]).reshape(shape_of(op.result)),)

    @impl(StateOp)
    def run_state(self, interpreter: Interpreter, op: StateOp, args: PythonValues) -> PythonValues:
        """What the call before has left, or what there is in the beginning."""
        name = op.name_in_file.data
        held = self._states.setdefault(name, np.frombuffer(op.initial_bytes(), np.int8))
        return (_as_tensor(op.result, held.copy()),)

    @impl(ReadStateOp)
    def run_read_state(self, interpreter: Interpreter, op: ReadStateOp, args: PythonValues) -> PythonValues:
        """These rows of it."""
        size = size_in_bytes(tensor_type(op.result))
        held = np.ascontiguousarray(args[0]).reshape(-1).view(np.int8)
        return (_as_tensor(op.result, held[op.first_state_byte : op.first_state_byte + size]),)

    @impl(AssignStateOp)
    def run_assign_state(self, interpreter: Interpreter, op: AssignStateOp, args: PythonValues) -> PythonValues:
        """The value, which stays."""
        return self._assigned(op, np.ascontiguousarray(args[0]).reshape(-1).view(np.int8))

    @impl(ShiftStateOp)
    def run_shift_state(self, interpreter: Interpreter, op: ShiftStateOp, args: PythonValues) -> PythonValues:
        """The last of what was there, and the value."""
        new, before = (np.ascontiguousarray(array).reshape(-1).view(np.int8) for array in args)
        return self._assigned(op, np.concatenate([before[new.size :], new]))

    def _assigned(self, op: AssignStateOp | ShiftStateOp, held: NDArray[np.int8]) -> PythonValues:
        declared = op.state.owner
        assert isinstance(declared, StateOp)  # as the verifier says
        self._states[declared.name_in_file.data] = held.copy()
        return (_as_tensor(op.result, held.copy()),)

    @impl(ReshapeOp)
    def run_reshape(self, interpreter: Interpreter, op: ReshapeOp, args: PythonValues) -> PythonValues:
        """The same bytes."""
        return (np.asarray(args[0]).reshape(shape_of(op.result)),)

    @impl(RenumberRowsOp)
    def run_renumber_rows(self, interpreter: Interpreter, op: RenumberRowsOp, args: PythonValues) -> PythonValues:
        """The same rows."""
        return args

    def run_meaning(self, interpreter: Interpreter, op: Operation, args: PythonValues) -> PythonValues:
        """Any op that no kernel runs as it stands: what C runs is what passes make of it."""
        return (meaning_of(op)(op, args),)

    def run_layer(self, interpreter: Interpreter, op: Operation, args: PythonValues) -> PythonValues:
        """Any op that a kernel runs."""
        call = self._call(op)
        arrays = dict(zip(op.operands, args, strict=True))
        if isinstance(op, AccumulatingInterface):
            [result] = op.results
            bands = np.concatenate([_as_rows(value, arrays[value]) for value in op.taken_bands()])
            state_before = op.state_before()
            nothing = np.zeros(size_in_bytes(tensor_type(result)), np.int8)
            before = nothing if state_before is None else arrays[state_before]
            windows = [Window(bands), Window(_as_rows(result, before))]
            [state] = call.kernel.run(call.parameters, windows, 1)
            return (_as_tensor(result, state),)
        windows = [
            input_window(
                one_row_map(op, number) or call.row_map,
                group,
                [arrays[value] for value in group],
                op.results[0],
                call.flat,
            )
            for number, group in enumerate(input_groups(op))
        ]
        if (kept := kept_after(op)) is not None:
            before = kept_before(op)
            state = np.zeros(size_in_bytes(tensor_type(kept)), np.int8) if before is None else arrays[before]
            windows = [_with_kept_rows(op, windows[0]), Window(_as_rows(kept, state))]
        row_count = 1 if call.flat else rows_of(tensor_type(op.results[0])).count // call.row_map.block
        outputs = call.kernel.run(call.parameters, windows, row_count)
        return tuple(_as_tensor(result, output) for output, result in zip(outputs, op.results, strict=True))


def _with_kept_rows(op: Operation, window: Window) -> Window:
    """The window as a kernel gets it: with the rows, zeroes here, that it does not read, as a band has kept them."""
    if kept_before(op) is None:
        return window
    assert isinstance(op, RowGeometryInterface)
    row_map, total, rows = op.row_map(), group_total_rows(op.row_groups()[0]), rows_of(tensor_type(op.results[0]))
    assert row_map is not None
    read, whole = row_map.needed(rows, total), replace(row_map, kept=0).needed(rows, total)
    missing = np.zeros((read.rows.start - whole.rows.start, *window.rows.shape[1:]), np.int8)
    return Window(np.concatenate([missing, window.rows]), whole.padding_before, whole.padding_after)


def tinyts_functions(states: States | None = None) -> InterpreterFunctions:
    """The implementations of all `tinyts` ops and of every op of which it is stated how it runs."""
    run_by_kernels = (op_type for op_type in ops_with_kernels() if not issubclass(op_type, StateInterface))
    methods = {f"run_{op_type.name}": impl(op_type)(TinytsFunctions.run_layer) for op_type in run_by_kernels}
    methods |= {f"run_{op_type.name}": impl(op_type)(TinytsFunctions.run_meaning) for op_type in ops_with_meanings()}
    return register_impls(type("TinytsKernelFunctions", (TinytsFunctions,), methods))(states)


def run_function(
    module: ModuleOp,
    inputs: Sequence[Array],
    *,
    values: dict[str, Any] | None = None,
    states: States | None = None,
) -> list[Array]:
    """Runs the only function of a module on inputs of its arguments' types, of any shape with as many elements.

    With `values`, every op's results are recorded there under the op's location name. `states` is what the call before
    has left, an empty one before the first; the call leaves its own there. Raises CompileError when the module does not
    hold one function or an input does not fit.
    """
    all_functions = list(functions(module))
    if len(all_functions) != 1:
        raise CompileError(f"expected one function to run, got {len(all_functions)}")
    function = all_functions[0]
    arrays = check_inputs(function, inputs)
    interpreter = Interpreter(module, listeners=(_Recorder(values),) if values is not None else ())
    interpreter.register_implementations(FuncFunctions())
    interpreter.register_implementations(tinyts_functions(states))
    return [np.asarray(result) for result in interpreter.call_op(function, tuple(arrays))]


def check_inputs(function: FuncOp, inputs: Sequence[Array]) -> list[Array]:
    """The inputs in the shapes of the function's arguments; raises CompileError where one does not fit."""
    arguments = function.body.block.args
    if len(inputs) != len(arguments):
        raise CompileError(f"expected {len(arguments)} inputs, got {len(inputs)}")
    arrays: list[Array] = []
    for number, (argument, array) in enumerate(zip(arguments, inputs, strict=True)):
        expected = numpy_type(tensor_type(argument).element_type)
        if array.dtype != expected or array.size != int(np.prod(shape_of(argument))):
            raise CompileError(
                f"input {number}: expected {expected} of shape {list(shape_of(argument))}, "
                f"got {array.dtype} of shape {list(array.shape)}"
            )
        arrays.append(array.reshape(shape_of(argument)))
    return arrays


class _Recorder(Interpreter.Listener):
    """Records results by location name."""

    def __init__(self, values: dict[str, Any] | None) -> None:
        self.values = {} if values is None else values

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        """Called behind every op."""
        if results and hasattr(op.location, "desc"):
            self.values[op.location.desc.data] = results  # type: ignore[union-attr]
