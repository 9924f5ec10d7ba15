"""From a `.tflite` file to a module of `tinyts` ops.

The function `main` takes the model's inputs and returns its outputs. Layers become ops one to one, in the file's
order, as the rules say (`tflite/rules/`); the name of a layer's (first) output tensor is its op's location. Constants
stand in front of their first use. What cannot be compiled is reported all at once, layer by layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, UnrealizedConversionCastOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects.tinyts_attributes import INPUT_NAMES, OUTPUT_NAMES
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.errors import CompileError, UnsupportedModelError
from tinyts_mlir.kernels.catalogue import check_arithmetic
from tinyts_mlir.tflite.batch_folding import fold_space_to_batch
from tinyts_mlir.tflite.constant_folding import fold_constants
from tinyts_mlir.tflite.file import FileLayer, TfliteFile
from tinyts_mlir.tflite.layer_reader import (
    NO_TENSOR,
    LayerReader,
    flipped,
    is_unsigned,
    loaded_constant,
    named,
)
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.refusals import refusal_of
from tinyts_mlir.tflite.registry import find_rule
from tinyts_mlir.tflite.repair import repaired
from tinyts_mlir.tflite.rule import Rule, Unsigned
from tinyts_mlir.tflite.tensors import FULL_INTEGER, Tensors, UnsupportedLayer
from tinyts_mlir.tflite.variables import Variables

BYTE_TYPES = ("int8", "uint8")
UNSIGNED_REFUSAL = "LiteRT has no kernel for it, or one that computes otherwise than that of int8"


def import_tflite(data: bytes, source: str) -> ModuleOp:
    """The module of the model in the `.tflite` file with these bytes.

    Raises CompileError when the file is damaged, and UnsupportedModelError with every offending layer when the model is
    not supported; `source` is what the error calls the file. No other exception, whatever the bytes.
    """
    file = fold_space_to_batch(fold_constants(repaired(read_tflite(data, source))))
    return _Importer(file, source).module()


class _Importer:
    def __init__(self, file: TfliteFile, source: str) -> None:
        self.file = file
        self.tensors = Tensors(file)
        self.source = source
        self.reasons: list[str] = []
        self.block = Block()
        self.values: dict[int, SSAValue] = {}
        """The value of each tensor that there is so far; constants once a layer has used them."""
        self.shifted: dict[int, SSAValue] = {}
        """The int8 value that stands for a tensor whose value is uint8, where a layer has read it."""
        self.reported: set[int] = set()
        """The results of unsupported layers."""
        self.contents: dict[int, bytes] = {}
        """The bytes of the buffers that constants have used so far."""
        self.variables = Variables(file, self)

    def module(self) -> ModuleOp:
        """The whole model."""
        self.import_inputs()
        for layer in self.file.layers:
            self.import_layer(layer)
        self.variables.finish()
        outputs = self.import_outputs()
        if self.reasons:
            raise UnsupportedModelError(self.source, self.reasons)
        self.block.add_op(ReturnOp(*outputs))
        types = ([argument.type for argument in self.block.args], [output.type for output in outputs])
        function = FuncOp("main", types, Region(self.block))
        function.attributes[INPUT_NAMES] = self.names(self.file.inputs)
        function.attributes[OUTPUT_NAMES] = self.names(self.file.outputs)
        module = ModuleOp([function])
        try:
            module.verify()
        except VerifyException as error:
            raise CompileError(f"{self.source}: {error}") from None
        return module

    def add(self, op: Operation) -> None:
        """Adds an op behind those that there are."""
        if isinstance(op, TinytsOp):
            self.check(op)
        self.block.add_op(op)

    def names(self, indices: Sequence[int]) -> ArrayAttr[StringAttr]:
        return ArrayAttr([StringAttr(self.file.tensors[index].name) for index in indices])

    # --- Inputs and outputs ----------------------------------------------------------------------------------------

    def import_inputs(self) -> None:
        if not self.file.inputs:
            self.reasons.append("expected at least one model input, got none")
        for position, index in enumerate(self.file.inputs):
            try:
                tensor = self.tensors.get(index)
                if index in self.values:
                    raise UnsupportedLayer("expected different tensors, got the same one twice")
                if self.tensors.is_constant(tensor):
                    raise UnsupportedLayer("expected an activation, got a constant")
                argument = self.block.insert_arg(self.tensors.edge_type(tensor), len(self.block.args))
                argument.location = named(tensor.name)
                self.values[index] = argument
            except UnsupportedLayer as reason:
                self.reasons.append(f"model input {position} {self.tensors.label(index)}: {reason}")
                self.stand_in(index)

    def import_outputs(self) -> list[SSAValue]:
        if not self.file.outputs:
            self.reasons.append("expected at least one model output, got none")
        outputs: list[SSAValue] = []
        for position, index in enumerate(self.file.outputs):
            try:
                tensor = self.tensors.get(index)
                if index in self.reported:
                    continue
                if self.tensors.is_constant(tensor):
                    outputs.append(loaded_constant(self, tensor, self.tensors.map_type(tensor)))
                    continue
                value = self.values.get(index)
                if value is None:
                    raise UnsupportedLayer("expected an input or the result of a layer, but no layer makes it")
                if tensor.type == "uint8" and not is_unsigned(value):
                    value = flipped(self, value, self.tensors.edge_type(tensor), tensor)
                outputs.append(value)
            except UnsupportedLayer as reason:
                self.reasons.append(f"model output {position} {self.tensors.label(index)}: {reason}")
        return outputs

    # --- Layers ----------------------------------------------------------------------------------------------------

    def import_layer(self, layer: FileLayer) -> None:
        try:
            ops = self.convert(layer)
            if (rule := find_rule(layer.op)) is not None and rule.on_variables:
                return
            for op in ops:
                self.check(op)
            results = [result for op in ops for result in op.results]
            for op in ops:
                index = layer.outputs[results.index(op.results[0])]
                op.location = named(self.tensors.get(index).name)
                self.block.add_op(op)
            self.values |= zip(layer.outputs, results, strict=True)
        except UnsupportedLayer as reason:
            name = self.tensors.label(layer.outputs[0]) if layer.outputs else "without outputs"
            self.reasons.append(f"layer {layer.index} {name} ({layer.op}): {reason}")
            for index in layer.outputs:
                self.stand_in(index)

    def convert(self, layer: FileLayer) -> Sequence[TinytsOp]:
        if (rule := find_rule(layer.op)) is None:
            raise UnsupportedLayer(refusal_of(layer.op))
        if rule.options is not None and layer.options_type not in (rule.options.type, "NONE"):
            raise UnsupportedLayer(f"expected {rule.options.type}, got {layer.options_type}")
        if rule.on_variables:
            if rule.inputs is not None:
                _expect_inputs(layer, *rule.inputs)
            rule.read(LayerReader(layer, self))
            return ()
        if not layer.outputs:
            raise UnsupportedLayer("expected an output, got none")
        if not rule.several_results and len(layer.outputs) != 1:
            raise UnsupportedLayer(f"expected one output, got {len(layer.outputs)}")
        for index in layer.outputs:
            tensor = self.tensors.get(index)
            if index in self.values or self.tensors.is_constant(tensor):
                raise UnsupportedLayer(f"expected a new output tensor, but {tensor.label} has its value already")
        if len(set(layer.outputs)) != len(layer.outputs):
            raise UnsupportedLayer("expected different output tensors, got the same one twice")
        if rule.inputs is not None:
            _expect_inputs(layer, *rule.inputs)
        if rule.unsigned is not Unsigned.KEPT:
            self.expect_one_type(layer, rule)
        made = rule.read(LayerReader(layer, self))
        return [made] if isinstance(made, TinytsOp) else made

    def expect_one_type(self, layer: FileLayer, rule: Rule[Any]) -> None:
        """Raises unless bytes are all int8, or all uint8 and the op is one that is done with these."""
        tensors = [self.tensors.get(index) for index in (*layer.inputs, *layer.outputs) if index != NO_TENSOR]
        types = {tensor.type for tensor in tensors}
        if "uint8" not in types:
            return
        if "int8" in types:
            parts = ", ".join(f"{tensor.type} {tensor.label}" for tensor in tensors if tensor.type in BYTE_TYPES)
            raise UnsupportedLayer(f"expected tensors of int8, or of uint8, got {parts}; {FULL_INTEGER}")
        if rule.unsigned is Unsigned.REFUSED:
            raise UnsupportedLayer(
                f"expected int8 activations, got uint8, with which {UNSIGNED_REFUSAL}; "
                "convert the model with int8 quantization"
            )

    def check(self, op: TinytsOp) -> None:
        try:
            op.verify()
        except VerifyException as error:
            raise UnsupportedLayer(str(error).removeprefix(f"{op.name}: ")) from None
        try:
            check_arithmetic(op)
        except ValueError as error:
            raise UnsupportedLayer(str(error)) from None

    def stand_in(self, index: int) -> None:
        """Gives a tensor of an unsupported layer a value, so that layers which read it are checked all the same."""
        self.reported.add(index)
        try:
            op = UnrealizedConversionCastOp.get([], [self.tensors.map_type(self.tensors.get(index))])
        except UnsupportedLayer:
            return  # the layers that read it will say the same
        self.values.setdefault(index, op.results[0])


def _expect_inputs(layer: FileLayer, least: int, most: int) -> None:
    if not least <= len(layer.inputs) <= most:
        count = f"{least} inputs" if most == least else f"{least} to {most} inputs"
        raise UnsupportedLayer(f"expected {count}, got {len(layer.inputs)}")
