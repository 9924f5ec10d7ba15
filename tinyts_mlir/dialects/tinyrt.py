"""The `tinyrt` dialect: a planned model as the runtime runs it, one to one with the C tables.

A `tinyrt.program` lists tensors, layers and a schedule:

    tinyrt.program @kws {arena_bytes = 3024} {
      %0 = tinyrt.tensor {rows = 49, band_rows = 1, row_bytes = 10, offsets = [0, 12, 24]}
      %1 = tinyrt.tensor {rows = 25, band_rows = 1, row_bytes = 320, offsets = [588, 908]}
      tinyrt.receive %0 {input = 0}
      tinyrt.layer %0 to %1 {kernel = conv_2d, struct = conv_2d, row_stride = 2, window_rows = 10, padding_top = 4}
        parameters {filter_height = 10, weights = dense<...> : tensor<64x10x4x1xi8>}
      tinyrt.schedule {steps = [0, 0, 0, 1, 0, 1]}
      tinyrt.interface %0 to %1 {inputs = ["audio"], outputs = ["scores"]}
    }

A layer makes the bands of its outputs in order, so a step of the schedule is just the layer's number: its position
among the program's layers (`tinyrt.receive` and `tinyrt.layer`). See runtime/include/tinyts/tinyts_runtime.h for what each
field means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, DictionaryAttr, IntegerAttr, IntegerType, StringAttr, i64
from xdsl.ir import Attribute, Block, Dialect, Operation, ParametrizedAttribute, Region, SSAValue, TypeAttribute
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, NoTerminator, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.provenance import OPTIONS, SOURCE_SHA256, verify_provenance

NO_PLACE = -1
"""The offset of a scratch tensor's band where that step has no scratch."""

_INT_ARRAY = DenseArrayBase.constr(i64)
IntArray = DenseArrayBase[IntegerType]


@irdl_attr_definition
class TensorDescriptorType(ParametrizedAttribute, TypeAttribute):
    """The type of a `tinyrt.tensor`: where a feature map or a scratch buffer lies in the arena."""

    name = "tinyrt.tensor_descriptor"


def _integer(value: IntegerAttr) -> int:
    return int(value.value.data)


@irdl_op_definition
class TensorOp(IRDLOperation, assembly.ShortErrors):
    """A feature map, or a layer's scratch, and where its bands lie: band `b` at byte `offsets[b]` of the arena.

    A band of scratch at NO_PLACE is not there: the layer's kernel makes do without at that step.
    With `external`, it is the model input of that number where the caller has it: one band and no offset.
    """

    name = "tinyrt.tensor"

    rows = prop_def(IntegerAttr)
    band_rows = prop_def(IntegerAttr)
    row_bytes = prop_def(IntegerAttr)
    offsets = prop_def(_INT_ARRAY)
    external = opt_prop_def(IntegerAttr)
    descriptor = result_def(TensorDescriptorType)

    def __init__(
        self, rows: int, band_rows: int, row_bytes: int, offsets: Sequence[int], external: int | None = None
    ) -> None:
        values = {"rows": rows, "band_rows": band_rows, "row_bytes": row_bytes, "offsets": list(offsets)}
        properties = {name: assembly.to_attribute(value) for name, value in values.items()}
        if external is not None:
            properties["external"] = assembly.to_attribute(external)
        super().__init__(properties=properties, result_types=[TensorDescriptorType()])

    @property
    def external_input(self) -> int | None:
        """The number of the model input that this is, where it is one that is read in place."""
        return None if self.external is None else _integer(self.external)

    @property
    def band_count(self) -> int:
        """How many bands the tensor has."""
        return -(-_integer(self.rows) // _integer(self.band_rows))

    @property
    def byte_count(self) -> int:
        """The bytes of all rows."""
        return _integer(self.rows) * _integer(self.row_bytes)

    def band_row_count(self, band: int) -> int:
        """How many rows band `band` has."""
        return min(_integer(self.band_rows), _integer(self.rows) - band * _integer(self.band_rows))

    def verify_(self) -> None:
        """Checks that there is an offset for every band."""
        if min(_integer(self.rows), _integer(self.band_rows), _integer(self.row_bytes)) < 1:
            raise VerifyException(f"{self.name}: expected at least one row of at least one byte")
        if self.external is not None:
            if self.band_count != 1 or len(self.offsets):
                raise VerifyException(f"{self.name}: expected one band and no offsets where the tensor is external")
            return
        if len(self.offsets) != self.band_count:
            raise VerifyException(f"{self.name}: expected {self.band_count} offsets, got {len(self.offsets)}")

    def print(self, printer: Printer) -> None:
        """Prints the properties in braces."""
        assembly.print_properties(printer, self.properties)

    @classmethod
    def parse(cls, parser: Parser) -> TensorOp:
        """Parses the properties in braces."""
        op = TensorOp.create(properties=assembly.parse_properties(parser), result_types=[TensorDescriptorType()])
        return op


@irdl_op_definition
class ReceiveOp(IRDLOperation, assembly.ShortErrors):
    """The layer that receives the rows of model input number `input`, band by band."""

    name = "tinyrt.receive"

    output = operand_def(TensorDescriptorType)
    input = prop_def(IntegerAttr)

    def __init__(self, output: SSAValue, input: int) -> None:
        super().__init__(operands=[output], properties={"input": assembly.to_attribute(input)})

    def print(self, printer: Printer) -> None:
        """Prints the tensor and the properties."""
        printer.print_string(" ")
        assembly.print_groups(printer, [[self.output]])
        assembly.print_properties(printer, self.properties)

    @classmethod
    def parse(cls, parser: Parser) -> ReceiveOp:
        """Parses the tensor and the properties."""
        output = assembly.parse_value(parser)
        return ReceiveOp.create(operands=[output], properties=assembly.parse_properties(parser))


def _print_from_to(printer: Printer, inputs: Sequence[SSAValue], outputs: Sequence[SSAValue]) -> None:
    printer.print_string(" ")
    assembly.print_groups(printer, [inputs])
    printer.print_string(" to ")
    assembly.print_groups(printer, [outputs])


def _parse_from_to(parser: Parser) -> tuple[tuple[SSAValue, ...], tuple[SSAValue, ...]]:
    inputs = assembly.parse_group(parser)
    parser.parse_keyword("to")
    outputs = assembly.parse_group(parser)
    return inputs, outputs


@irdl_op_definition
class LayerOp(IRDLOperation, assembly.ShortErrors):
    """A kernel, its tensors and its constants.

    `parameters` are the fields of the C struct `tinyts_<struct>_parameters`; arrays are `dense` constants.
    """

    name = "tinyrt.layer"

    inputs = var_operand_def(TensorDescriptorType)
    outputs = var_operand_def(TensorDescriptorType)
    scratch = opt_operand_def(TensorDescriptorType)
    kernel = prop_def(StringAttr)
    struct = prop_def(StringAttr)
    row_stride = prop_def(IntegerAttr)
    window_rows = prop_def(IntegerAttr)
    padding_top = prop_def(IntegerAttr)
    parameters = prop_def(DictionaryAttr)

    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        inputs: Sequence[SSAValue],
        outputs: Sequence[SSAValue],
        scratch: SSAValue | None,
        properties: dict[str, assembly.PropertyValue | Attribute],
    ) -> None:
        attributes = {name: assembly.to_attribute(value) for name, value in properties.items()}
        super().__init__(operands=[inputs, outputs, scratch], properties=attributes)

    def verify_(self) -> None:
        """Checks that there is something to make."""
        if not self.outputs:
            raise VerifyException(f"{self.name}: expected at least one output")

    def print(self, printer: Printer) -> None:
        """Prints `inputs to outputs scratch %s {...} parameters {...}`."""
        _print_from_to(printer, tuple(self.inputs), tuple(self.outputs))
        if self.scratch is not None:
            printer.print_string(" scratch ")
            printer.print_operand(self.scratch)
        hidden = ("operandSegmentSizes", "parameters")
        assembly.print_properties(printer, {k: v for k, v in self.properties.items() if k not in hidden})
        printer.print_string(" parameters")
        assembly.print_properties(printer, self.parameters.data)

    @classmethod
    def parse(cls, parser: Parser) -> LayerOp:
        """Parses what `print` prints."""
        inputs, outputs = _parse_from_to(parser)
        scratch = None
        if parser.parse_optional_keyword("scratch"):
            scratch = assembly.parse_value(parser)
        properties = assembly.parse_properties(parser)
        parser.parse_keyword("parameters")
        properties["parameters"] = DictionaryAttr(assembly.parse_properties(parser))
        return LayerOp(inputs, outputs, scratch, dict(properties))


@irdl_op_definition
class ScheduleOp(IRDLOperation, assembly.ShortErrors):
    """The layer numbers in the order in which they run."""

    name = "tinyrt.schedule"

    steps = prop_def(_INT_ARRAY)

    def __init__(self, steps: Sequence[int]) -> None:
        super().__init__(properties={"steps": assembly.to_attribute(list(steps))})

    def print(self, printer: Printer) -> None:
        """Prints the properties in braces."""
        assembly.print_properties(printer, self.properties)

    @classmethod
    def parse(cls, parser: Parser) -> ScheduleOp:
        """Parses the properties in braces."""
        return ScheduleOp.create(properties=assembly.parse_properties(parser))


@irdl_op_definition
class InterfaceOp(IRDLOperation, assembly.ShortErrors):
    """The tensors of the model's inputs and outputs, with their names in the model file.

    `input_types` and `output_types` say what their bytes stand for (element types, `!quant.uniform` where the tensor is
    quantized per tensor); the runtime does not need them, applications do.
    """

    name = "tinyrt.interface"

    input_tensors = var_operand_def(TensorDescriptorType)
    output_tensors = var_operand_def(TensorDescriptorType)
    inputs = prop_def(ArrayAttr[StringAttr])
    outputs = prop_def(ArrayAttr[StringAttr])
    input_types = opt_prop_def(ArrayAttr[TypeAttribute])
    output_types = opt_prop_def(ArrayAttr[TypeAttribute])

    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        input_tensors: Sequence[SSAValue],
        output_tensors: Sequence[SSAValue],
        inputs: Sequence[str],
        outputs: Sequence[str],
        input_types: ArrayAttr[Attribute] | None = None,
        output_types: ArrayAttr[Attribute] | None = None,
    ) -> None:
        properties: dict[str, Attribute | None] = {
            "inputs": ArrayAttr([StringAttr(name) for name in inputs]),
            "outputs": ArrayAttr([StringAttr(name) for name in outputs]),
            "input_types": input_types,
            "output_types": output_types,
        }
        super().__init__(operands=[input_tensors, output_tensors], properties=properties)

    def verify_(self) -> None:
        """Checks that every tensor has a name, and a type where types are given."""
        for tensors, names, types in (
            (self.input_tensors, self.inputs, self.input_types),
            (self.output_tensors, self.outputs, self.output_types),
        ):
            if len(tensors) != len(names):
                raise VerifyException(f"{self.name}: expected {len(tensors)} names, got {len(names)}")
            if types is not None and len(tensors) != len(types):
                raise VerifyException(f"{self.name}: expected {len(tensors)} types, got {len(types)}")

    def print(self, printer: Printer) -> None:
        """Prints `inputs to outputs {...}`."""
        _print_from_to(printer, tuple(self.input_tensors), tuple(self.output_tensors))
        shown = {k: v for k, v in self.properties.items() if k != "operandSegmentSizes"}
        printer.print_string(" ")
        printer.print_attr_dict(shown)

    @classmethod
    def parse(cls, parser: Parser) -> InterfaceOp:
        """Parses what `print` prints."""
        inputs, outputs = _parse_from_to(parser)
        names = parser.parse_optional_attr_dict()

        def strings(key: str) -> list[str]:
            attribute = names.get(key)
            if not isinstance(attribute, ArrayAttr) or not all(isinstance(name, StringAttr) for name in attribute):
                parser.raise_error(f'expected {key} = ["name", ...]')
            return [cast(StringAttr, name).data for name in attribute]

        def types(key: str) -> ArrayAttr[Attribute] | None:
            attribute = names.get(key)
            if attribute is None:
                return None
            if not isinstance(attribute, ArrayAttr) or not all(isinstance(type, TypeAttribute) for type in attribute):
                parser.raise_error(f"expected {key} = [type, ...]")
            return cast("ArrayAttr[Attribute]", attribute)

        given = strings("inputs"), strings("outputs")
        return InterfaceOp(inputs, outputs, *given, types("input_types"), types("output_types"))


PROGRAM_FACTS = ("arena_bytes", "peak_bytes", "bound_bytes", SOURCE_SHA256, OPTIONS)
"""Sizes of a program, in bytes, and where it comes from; only the first is always there."""


@irdl_op_definition
class ProgramOp(IRDLOperation, assembly.ShortErrors):
    """A planned model; see the module's text."""

    name = "tinyrt.program"

    sym_name = prop_def(StringAttr)
    arena_bytes = prop_def(IntegerAttr)
    peak_bytes = opt_prop_def(IntegerAttr)
    """What no arena for this schedule can be below, where it is known."""
    bound_bytes = opt_prop_def(IntegerAttr)
    """What no schedule of this model can need less than, where it is known."""
    source_sha256 = opt_prop_def(StringAttr)
    """The SHA-256 of the model file, where the program comes from one."""
    options = opt_prop_def(StringAttr)
    """How it was compiled, where that is known (`dialects/provenance.py`)."""
    body = region_def("single_block")

    traits = traits_def(IsolatedFromAbove(), NoTerminator(), SymbolOpInterface())

    def __init__(
        self, name: str, arena_bytes: int, ops: Sequence[Operation], facts: Mapping[str, Attribute] | None = None
    ) -> None:
        """A program with an arena of so many bytes; `facts` are the other properties of PROGRAM_FACTS."""
        properties = {"sym_name": StringAttr(name), "arena_bytes": assembly.to_attribute(arena_bytes)}
        super().__init__(properties={**properties, **(facts or {})}, regions=[Region(Block(ops))])

    def tensors(self) -> list[TensorOp]:
        """The tensors, by number."""
        return [op for op in self.body.block.ops if isinstance(op, TensorOp)]

    def layers(self) -> list[LayerOp | ReceiveOp]:
        """The layers, by number."""
        return [op for op in self.body.block.ops if isinstance(op, LayerOp | ReceiveOp)]

    def steps(self) -> tuple[int, ...]:
        """The schedule: a layer number a step."""
        return next(assembly.int_values(op.steps) for op in self.body.block.ops if isinstance(op, ScheduleOp))

    def interface(self) -> InterfaceOp:
        """The inputs and outputs."""
        return next(op for op in self.body.block.ops if isinstance(op, InterfaceOp))

    def verify_(self) -> None:
        """Checks that the schedule makes every band of every layer, and that everything lies in the arena."""
        for op_type in (ScheduleOp, InterfaceOp):
            count = sum(isinstance(op, op_type) for op in self.body.block.ops)
            if count != 1:
                raise VerifyException(f"{self.name}: expected one {op_type.name}, got {count}")
        for name in (SOURCE_SHA256, OPTIONS):
            if (value := self.properties.get(name)) is not None:
                try:
                    verify_provenance(name, name, value)
                except VerifyException as error:
                    raise VerifyException(f"{self.name}: {error}") from error
        for op in self.body.block.ops:
            if not all(isinstance(operand.owner, TensorOp) for operand in op.operands):
                raise VerifyException(f"{self.name}: expected {op.name} to name results of {TensorOp.name}")
        layers = self.layers()
        made = [0] * len(layers)
        for step in self.steps():
            if not 0 <= step < len(layers):
                raise VerifyException(f"{self.name}: the schedule names layer {step} of {len(layers)}")
            made[step] += 1
        self._verify_external_tensors()
        inputs = len(self.interface().input_tensors)
        for number, layer in enumerate(layers):
            outputs = [layer.output] if isinstance(layer, ReceiveOp) else list(layer.outputs)
            if isinstance(layer, ReceiveOp) and not 0 <= _integer(layer.input) < inputs:
                raise VerifyException(
                    f"{self.name}: layer {number} receives input {_integer(layer.input)} of {inputs} inputs"
                )
            for output in outputs:
                expected = cast(TensorOp, output.owner).band_count
                if made[number] != expected:
                    raise VerifyException(
                        f"{self.name}: layer {number} has {expected} bands, the schedule makes {made[number]}"
                    )
        scratch = {layer.scratch for layer in layers if isinstance(layer, LayerOp)}
        maps = {value for layer in layers if isinstance(layer, LayerOp) for value in (*layer.inputs, *layer.outputs)}
        for number, tensor in enumerate(self.tensors()):
            for band, offset in enumerate(assembly.int_values(tensor.offsets)):
                if offset == NO_PLACE and tensor.descriptor in scratch - maps:
                    continue
                end = offset + tensor.band_row_count(band) * _integer(tensor.row_bytes)
                if offset < 0 or end > _integer(self.arena_bytes):
                    raise VerifyException(
                        f"{self.name}: band {band} of tensor {number} ends at byte {end} of an arena of "
                        f"{_integer(self.arena_bytes)}"
                    )

    def _verify_external_tensors(self) -> None:
        """Checks that external tensors are inputs of the model, and that nothing makes them."""
        inputs = [cast(TensorOp, value.owner) for value in self.interface().input_tensors]
        for number, tensor in enumerate(self.tensors()):
            if (external := tensor.external_input) is None:
                continue
            if not 0 <= external < len(inputs):
                raise VerifyException(f"{self.name}: tensor {number} is external input {external} of {len(inputs)}")
            if tensor.byte_count != inputs[external].byte_count:
                raise VerifyException(
                    f"{self.name}: tensor {number} is external input {external} of {inputs[external].byte_count} "
                    f"bytes, got {tensor.byte_count}"
                )
        made: list[SSAValue] = list(self.interface().output_tensors)
        for layer in self.layers():
            if isinstance(layer, ReceiveOp):
                made.append(layer.output)
            else:
                made += [*layer.outputs, *([] if layer.scratch is None else [layer.scratch])]
        if any(cast(TensorOp, value.owner).external is not None for value in made):
            raise VerifyException(f"{self.name}: an external tensor can only be read, not made or returned")

    def print(self, printer: Printer) -> None:
        """Prints `@name {arena_bytes = N, peak_bytes = N, bound_bytes = N, ...} { ... }`."""
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        known = {name: value for name in PROGRAM_FACTS if (value := self.properties.get(name)) is not None}
        assembly.print_properties(printer, known)
        printer.print_string(" ")
        printer.print_region(self.body, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> ProgramOp:
        """Parses what `print` prints."""
        name = parser.parse_symbol_name()
        properties = assembly.parse_properties(parser)
        region = parser.parse_region()
        return ProgramOp.create(properties={"sym_name": name, **properties}, regions=[region])


Tinyrt = Dialect(
    "tinyrt",
    [TensorOp, ReceiveOp, LayerOp, ScheduleOp, InterfaceOp, ProgramOp],
    [TensorDescriptorType],
)
"""The `tinyrt` dialect."""
