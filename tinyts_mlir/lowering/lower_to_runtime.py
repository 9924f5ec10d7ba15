"""`lower-to-runtime`: a planned function of `tinyts` ops becomes a `tinyrt.program`.

Band ops fold back into layers with placement tables, and the order of ops into a schedule of layer numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    IntegerAttr,
    ModuleOp,
    NameLoc,
    TensorType,
)
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern

from tinyts_mlir.analysis.layers import Layer, Layers, group_layers, uniform_band_rows
from tinyts_mlir.analysis.op_graph import OpGraph, functions, require_plannable
from tinyts_mlir.analysis.states import declared_states
from tinyts_mlir.dialects import assembly, provenance, tinyrt
from tinyts_mlir.dialects.carried_state import carried_after
from tinyts_mlir.dialects.interfaces import (
    AccumulatingInterface,
    AliasInterface,
    AssemblingInterface,
    is_read_in_place,
    receives,
    state_behind,
)
from tinyts_mlir.dialects.pruned_layers import PRUNED_LAYERS
from tinyts_mlir.dialects.row_geometry import one_row_map
from tinyts_mlir.dialects.rows import WORD_BYTES, row_bytes, size_in_bytes, tensor_type, total_rows
from tinyts_mlir.dialects.tinyts_attributes import (
    ARENA_BYTES,
    BOUND_BYTES,
    INPUT_NAMES,
    OPTIONS,
    OUTPUT_NAMES,
    PEAK_BYTES,
    PRUNED,
    SOURCE_SHA256,
    STATE_BYTES,
    declared_names,
)
from tinyts_mlir.dialects.tinyts_base import TinytsOp, planned_offset
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import kernel_call
from tinyts_mlir.kernels.data_movement import clear_call
from tinyts_mlir.kernels.entry import KernelCall
from tinyts_mlir.kernels.parameters import parameter_attribute


@dataclass(frozen=True)
class LowerToRuntimePass(ModulePass):
    """Turns planned functions into programs for the runtime."""

    name = "lower-to-runtime"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Replaces functions by programs."""
        list(functions(op))
        PatternRewriteWalker(LowerFunction(), apply_recursively=False).rewrite_module(op)


class LowerFunction(RewritePattern):
    """A function with a body becomes a program."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: FuncOp, rewriter: PatternRewriter, /) -> None:
        """Lowers one function."""
        if op.body.blocks:
            rewriter.replace(op, _Lowering(op).program(), [])


def layer_name(op: Operation) -> str:
    """What the model file calls a layer, or the op's name where it has none."""
    return op.location.desc.data if isinstance(op.location, NameLoc) else op.name


def program_layer_numbers(layers: Layers) -> dict[int, tuple[int, ...]]:
    """The numbers that layers have in the program, in their order; a join that finds its bands in place has none.

    A layer whose bands go on with a state has two: that which clears it, once, and its own.
    """
    numbers: dict[int, tuple[int, ...]] = {}
    behind = 0
    for layer in layers.layers:
        op = layer.ops[0]
        if isinstance(op, AssemblingInterface) and op.finds_operands_in_place():
            continue
        count = 1 if carried_after(op) is None else 2
        numbers[layer.number] = tuple(range(behind, behind + count))
        behind += count
    return numbers


def _layer_op(
    call: KernelCall, inputs: Sequence[SSAValue], outputs: Sequence[SSAValue], scratch: SSAValue | None = None
) -> tinyrt.LayerOp:
    properties: dict[str, assembly.PropertyValue | Attribute] = {
        "kernel": call.kernel.name,
        "struct": call.kernel.struct_name,
        "row_stride": call.row_map.stride,
        "window_rows": call.row_map.window,
        "padding_top": call.row_map.padding,
        "parameters": DictionaryAttr({k: parameter_attribute(v) for k, v in call.parameters.items()}),
    }
    return tinyrt.LayerOp(inputs, outputs, scratch, properties)


def _element_type(type: Attribute) -> Attribute:
    return type.element_type if isinstance(type, TensorType) else type


class _Lowering:
    """The lowering of one function."""

    def __init__(self, function: FuncOp) -> None:
        self.function = function
        arena_bytes = function.attributes.get(ARENA_BYTES)
        if not isinstance(arena_bytes, IntegerAttr):
            raise CompileError(
                f"lower-to-runtime: function @{function.sym_name.data} has no plan; run plan-arena first"
            )
        require_plannable(LowerToRuntimePass.name, function)
        self.arena_bytes = arena_bytes.value.data
        self.graph = OpGraph.of(function)
        self.layers: Layers = group_layers(self.graph)
        self.tensors: dict[Hashable, tinyrt.TensorOp] = {}

    def program(self) -> tinyrt.ProgramOp:
        """The program."""
        numbers = program_layer_numbers(self.layers)
        layer_ops: list[Operation] = []
        for number in numbers:
            layer = self.layers.layers[number]
            layer_ops += [op for op in (self.clear(layer), self.layer(layer)) if op is not None]
        steps: list[int] = []
        begun: set[int] = set()
        for number in self.layers.steps:
            if number in numbers:
                steps += numbers[number][-1 if number in begun else 0 :]
                begun.add(number)
        interface = self.interface()
        schedule = tinyrt.ScheduleOp(steps)
        ops: list[Operation] = [*self.tensors.values(), *self.states(), *layer_ops, schedule, interface]
        known = {
            "state_bytes": STATE_BYTES,
            "peak_bytes": PEAK_BYTES,
            "bound_bytes": BOUND_BYTES,
            provenance.SOURCE_SHA256: SOURCE_SHA256,
            provenance.OPTIONS: OPTIONS,
            PRUNED_LAYERS: PRUNED,
        }
        attributes = self.function.attributes
        facts = {name: attributes[attribute] for name, attribute in known.items() if attribute in attributes}
        return tinyrt.ProgramOp(self.function.sym_name.data, self.arena_bytes, ops, facts)

    def tensor(self, value: SSAValue, flat: bool = False) -> SSAValue:
        """The tensor of the feature map that `value` is (a band of); `flat`: as one row."""
        if isinstance(value.owner, Operation) and is_read_in_place(value.owner):
            return self.external_tensor(value, flat)
        type = tensor_type(value)
        is_flat = flat and total_rows(type) > 1

        def make() -> tinyrt.TensorOp:
            rows = 1 if is_flat else total_rows(type)
            offsets, band_rows = self.placement(value)
            if is_flat and len(offsets) > 1:
                name = layer_name(value.owner) if isinstance(value.owner, Operation) else "an argument"
                raise CompileError(
                    f"lower-to-runtime: {name}: expected one tensor in one place, got {len(offsets)} bands"
                )
            return tinyrt.TensorOp(rows, min(band_rows, rows), row_bytes(type) * (total_rows(type) // rows), offsets)

        return self.made_once((self.map_of(value), is_flat), value, make)

    def map_of(self, value: SSAValue) -> Hashable:
        """What stands for the feature map that a value is (a band of); a state that is read is one by itself."""
        return self.layers.maps.get(value, value)

    def made_once(self, key: Hashable, value: SSAValue, make: Callable[[], tinyrt.TensorOp]) -> SSAValue:
        """The tensor of this key, made of a value where it is asked for first."""
        if (tensor := self.tensors.get(key)) is None:
            tensor = self.tensors[key] = make()
            if isinstance(value.owner, Operation):
                tensor.location = value.owner.location
        return tensor.descriptor

    def blocks(self, value: SSAValue, block: int) -> SSAValue:
        """The tensor of a feature map whose rows are made in blocks: so many rows are one to its kernel."""

        def make() -> tinyrt.TensorOp:
            offsets, band_rows = self.placement(value)
            type = tensor_type(value)
            return tinyrt.TensorOp(total_rows(type) // block, band_rows // block, row_bytes(type) * block, offsets)

        return self.made_once(("blocks", self.layers.maps[value], block), value, make)

    def repeated_row(self, value: SSAValue, rows: int) -> SSAValue:
        """The tensor of a map of one row that is read for each of `rows` rows: bands, all in one place."""
        if isinstance(value.owner, Operation) and is_read_in_place(value.owner):
            raise CompileError(
                f"lower-to-runtime: {layer_name(value.owner)}: an input that is broadcast over rows "
                "cannot be read in place"
            )

        def make() -> tinyrt.TensorOp:
            [offset] = self.placement(value)[0]
            return tinyrt.TensorOp(rows, 1, row_bytes(tensor_type(value)), [offset] * rows)

        return self.made_once(("repeated", self.map_of(value), rows), value, make)

    def external_tensor(self, value: SSAValue, flat: bool = False) -> SSAValue:
        """The tensor of an input that is read in place, in the value's shape; `flat`: as one row."""
        op = value.owner
        assert isinstance(op, Operation)
        type = tensor_type(value)
        number = self.argument_number(op)
        rows = 1 if flat else total_rows(type)

        def make() -> tinyrt.TensorOp:
            return tinyrt.TensorOp(rows, rows, size_in_bytes(type) // rows, [], number)

        return self.made_once(("external", number, rows), value, make)

    def placement(self, value: SSAValue) -> tuple[list[int], int]:
        """The offsets of all bands of a value's feature map, and the rows of a band.

        State lies behind the arena.
        """
        if (held := state_behind(value)) is not None:
            return [self.arena_bytes + self.offset(held.state) + held.first_state_byte], total_rows(tensor_type(value))
        if isinstance(op := value.owner, AliasInterface):
            if op.renumbered_map is None:
                return self.placement(op.operands[0])[0], total_rows(tensor_type(value))
            bands = self.layers.renumbered[self.layers.maps[value]]
            return [self.offset(band) for band in bands], uniform_band_rows(op.name, bands)
        number, index = self.layers.maps[value]  # type: ignore[misc]
        layer = self.layers.layers[number]
        # The bands of a state all lie in one place.
        band_ops = layer.ops[:1] if isinstance(layer.ops[0], AccumulatingInterface) else layer.ops
        return [self.offset(band_op.results[index]) for band_op in band_ops], layer.band_rows()

    def offset(self, value: SSAValue) -> int:
        """The byte of the arena at which a value begins."""
        if (offset := planned_offset(value)) is None:
            name = value.owner.name if isinstance(value.owner, Operation) else "an argument"
            raise CompileError(f"lower-to-runtime: {name} has no offset; run plan-arena first")
        return offset

    def layer(self, layer: Layer) -> Operation:
        """The layer's op."""
        op = layer.ops[0]
        if receives(op):
            lowered: Operation = tinyrt.ReceiveOp(self.tensor(op.results[0]), self.argument_number(op))
        else:
            assert isinstance(op, TinytsOp)  # as `require_plannable` says
            call = kernel_call(op, self.scratch_bytes(layer))
            inputs = [
                self.tensor(group[0], call.flat)
                if one_row_map(op, number) is None
                else self.repeated_row(group[0], total_rows(tensor_type(op.results[0])))
                for number, group in enumerate(op.feature_map_groups())
            ]
            block, state = call.row_map.block, carried_after(op)
            outputs = [
                self.tensor(result, call.flat) if block == 1 else self.blocks(result, block)
                for result in op.results
                if result is not state
            ]
            if state is not None:
                outputs.append(self.state(layer, state))
            lowered = _layer_op(call, inputs, outputs, self.scratch(layer, call))
        lowered.location = op.location
        return lowered

    def clear(self, layer: Layer) -> Operation | None:
        """The layer that clears the state with which the bands of one go on: of what they keep, the first word."""
        op = layer.ops[0]
        if (state := carried_after(op)) is None:
            return None
        if isinstance(op, AccumulatingInterface):
            lowered = _layer_op(clear_call(size_in_bytes(tensor_type(state))), [], [self.tensor(state)])
        else:
            tensor = tinyrt.TensorOp(1, 1, WORD_BYTES, [self.offset(state)])
            tensor.location = op.location
            self.tensors[("cleared", layer.number)] = tensor
            lowered = _layer_op(clear_call(WORD_BYTES), [], [tensor.descriptor])
        lowered.location = op.location
        return lowered

    def state(self, layer: Layer, state: SSAValue) -> SSAValue:
        """The state with which a layer's bands go on as its output: a band for each step, all in one place."""
        offsets = [self.offset(state)] * len(layer.ops)
        tensor = tinyrt.TensorOp(len(offsets), 1, size_in_bytes(tensor_type(state)), offsets)
        tensor.location = layer.ops[0].location
        self.tensors[("state", layer.number)] = tensor
        return tensor.descriptor

    def states(self) -> list[tinyrt.StateOp]:
        """The states with their places and what they hold in the beginning."""
        states: list[tinyrt.StateOp] = []
        for op in declared_states(self.function):
            if op.offsets is None:
                raise CompileError(
                    f"lower-to-runtime: state {op.name_in_file.data!r} has no offset; run plan-arena first"
                )
            [offset] = assembly.int_values(op.offsets)
            states.append(tinyrt.StateOp(op.name_in_file.data, offset, op.initial_bytes(), op.storage_type))
            states[-1].location = op.location
        return states

    def argument_number(self, op: Operation) -> int:
        """The number of the model's input that an op takes."""
        return self.function.body.block.args.index(op.operands[0])

    def scratch_bytes(self, layer: Layer) -> int:
        """Bytes of scratch of those steps of a layer that have any: all have the same."""
        places = [op.scratch for op in layer.ops if isinstance(op, TinytsOp) and op.scratch is not None]
        sizes = {assembly.int_values(place)[1] for place in places}
        if len(sizes) > 1:
            raise CompileError(
                f"lower-to-runtime: {layer.ops[0].name}: expected as much scratch at each step of a layer, "
                f"got {sorted(sizes)} bytes"
            )
        return sizes.pop() if sizes else 0

    def scratch(self, layer: Layer, call: KernelCall) -> SSAValue | None:
        """The tensor of the layer's scratch, one band a step, where any of its steps has scratch."""
        if not call.scratch_bytes:
            return None
        places = [op.scratch for op in layer.ops if isinstance(op, TinytsOp)]
        offsets = [tinyrt.NO_PLACE if place is None else assembly.int_values(place)[0] for place in places]
        tensor = tinyrt.TensorOp(len(offsets), 1, call.scratch_bytes, offsets)
        tensor.location = layer.ops[0].location
        self.tensors[("scratch", layer.number)] = tensor
        return tensor.descriptor

    def interface(self) -> tinyrt.InterfaceOp:
        """Inputs and outputs by name."""
        block = self.function.body.block
        received = {op.operands[0]: op.results[0] for op in self.graph.ops if receives(op)}
        external = {op.operands[0]: op.results[0] for op in block.ops if is_read_in_place(op)}
        arguments = block.args
        known = {*received, *external}
        unread = next((i for i, argument in enumerate(arguments) if argument not in known), None)
        if unread is not None:
            raise CompileError(f"lower-to-runtime: input {unread} of the model is never received")
        receivers = [layer.ops[0] for layer in self.layers.layers if receives(layer.ops[0])]
        if len(receivers) != len(received):
            raise CompileError("lower-to-runtime: expected every input of the model to be received once")
        inputs = [
            self.tensor(received[argument]) if argument in received else self.external_tensor(external[argument])
            for argument in arguments
        ]
        outputs = [self.tensor(value, flat=True) for value in self.graph.returned]
        names = [self._names(INPUT_NAMES, "input", len(inputs)), self._names(OUTPUT_NAMES, "output", len(outputs))]
        types = self.function.function_type
        element_types = [ArrayAttr([_element_type(type) for type in side]) for side in (types.inputs, types.outputs)]
        return tinyrt.InterfaceOp(inputs, outputs, names[0], names[1], *element_types)

    def _names(self, attribute: str, default: str, count: int) -> list[str]:
        if names := declared_names(self.function, attribute):
            return list(names)
        return [default] if count == 1 else [f"{default}{i}" for i in range(count)]
