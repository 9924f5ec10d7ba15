"""From plain data to the bytes of a `.tflite` file: the inverse of `tflite/reader.py`.

The same data give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.file import FileLayer, FileQuantization, FileTensor, OptionValue, TfliteFile, custom_code
from tinyts_mlir.tflite.reader import FILE_IDENTIFIER, SCHEMA_VERSION

BUFFER_ALIGNMENT = 16
"""Kernels read constants in place, from a mapped file: LiteRT wants them aligned."""

DEPRECATED_CODE_LIMIT = 127
"""Op codes from here on do not fit the byte that old readers look at."""

POINTER_BYTES = 4
DESCRIPTION = "Written by tinyts-mlir"


def write_tflite(file: TfliteFile) -> bytes:
    """The `.tflite` file that says what `file` says."""
    return _Writer(file).write()


class _Writer:
    def __init__(self, file: TfliteFile) -> None:
        self.file = file
        self.builder = flatbuffers.Builder(1024 + sum(len(buffer) for buffer in file.buffers))
        layers = [layer for graph in (file, *file.subgraphs) for layer in graph.layers]
        self.codes = list(dict.fromkeys((layer.op, layer.version) for layer in layers))

    def write(self) -> bytes:
        builder = self.builder
        buffers = self.tables([self.buffer(buffer) for buffer in self.file.buffers])
        description = builder.CreateString(DESCRIPTION)
        graphs = [self.subgraph(self.file, "main")]
        graphs += [self.subgraph(graph, f"subgraph_{number}") for number, graph in enumerate(self.file.subgraphs, 1)]
        subgraphs = self.tables(graphs)
        codes = self.tables([self.operator_code(op, version) for op, version in self.codes])
        tflite.ModelStart(builder)
        tflite.ModelAddVersion(builder, SCHEMA_VERSION)
        tflite.ModelAddOperatorCodes(builder, codes)
        tflite.ModelAddSubgraphs(builder, subgraphs)
        tflite.ModelAddDescription(builder, description)
        tflite.ModelAddBuffers(builder, buffers)
        builder.Finish(tflite.ModelEnd(builder), FILE_IDENTIFIER)
        return bytes(builder.Output())

    def tables(self, offsets: Sequence[int]) -> int:
        """A vector of tables that have been written."""
        self.builder.StartVector(POINTER_BYTES, len(offsets), POINTER_BYTES)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()

    def numbers(self, values: Sequence[int] | Sequence[float], type: type[np.number[Any]]) -> int:
        return self.builder.CreateNumpyVector(np.array(values, type))

    def aligned_bytes(self, data: npt.NDArray[np.uint8]) -> int:
        """A vector of bytes; the runtime's own functions align it to 4 only."""
        builder = self.builder
        builder.StartVector(1, len(data), BUFFER_ALIGNMENT)
        builder.head = builder.Head() - len(data)
        builder.Bytes[builder.Head() : builder.Head() + len(data)] = data.tobytes()
        return builder.EndVector()

    def buffer(self, data: npt.NDArray[np.uint8]) -> int:
        content = self.aligned_bytes(data) if len(data) else None
        tflite.BufferStart(self.builder)
        if content is not None:
            tflite.BufferAddData(self.builder, content)
        return tflite.BufferEnd(self.builder)

    def operator_code(self, op: str, version: int) -> int:
        custom = custom_code(op)
        code = tflite.BuiltinOperator.CUSTOM if custom is not None else getattr(tflite.BuiltinOperator, op)
        name = None if custom is None else self.builder.CreateString(custom)
        tflite.OperatorCodeStart(self.builder)
        if name is not None:
            tflite.OperatorCodeAddCustomCode(self.builder, name)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.builder, min(code, DEPRECATED_CODE_LIMIT))
        tflite.OperatorCodeAddVersion(self.builder, version)
        tflite.OperatorCodeAddBuiltinCode(self.builder, code)
        return tflite.OperatorCodeEnd(self.builder)

    def subgraph(self, graph: TfliteFile, called: str) -> int:
        builder = self.builder
        tensors = self.tables([self.tensor(tensor) for tensor in graph.tensors])
        operators = self.tables([self.operator(layer) for layer in graph.layers])
        inputs = self.numbers(graph.inputs, np.int32)
        outputs = self.numbers(graph.outputs, np.int32)
        name = builder.CreateString(called)
        tflite.SubGraphStart(builder)
        tflite.SubGraphAddTensors(builder, tensors)
        tflite.SubGraphAddInputs(builder, inputs)
        tflite.SubGraphAddOutputs(builder, outputs)
        tflite.SubGraphAddOperators(builder, operators)
        tflite.SubGraphAddName(builder, name)
        return tflite.SubGraphEnd(builder)

    def tensor(self, tensor: FileTensor) -> int:
        builder = self.builder
        name = builder.CreateString(tensor.name)
        shape = self.numbers(tensor.shape, np.int32)
        signature = self.numbers(tensor.signature, np.int32) if tensor.signature else None
        quantization = self.quantization(tensor.quantization) if tensor.quantization is not None else None
        sparsity = self.empty_table() if tensor.is_sparse else None
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape)
        tflite.TensorAddType(builder, getattr(tflite.TensorType, tensor.type.upper()))
        tflite.TensorAddBuffer(builder, tensor.buffer)
        tflite.TensorAddName(builder, name)
        if quantization is not None:
            tflite.TensorAddQuantization(builder, quantization)
        tflite.TensorAddIsVariable(builder, tensor.is_variable)
        if sparsity is not None:
            tflite.TensorAddSparsity(builder, sparsity)
        if signature is not None:
            tflite.TensorAddShapeSignature(builder, signature)
        return tflite.TensorEnd(builder)

    def quantization(self, quantization: FileQuantization) -> int:
        builder = self.builder
        scales = self.numbers(quantization.scales, np.float32)
        zero_points = self.numbers(quantization.zero_points, np.int64)
        details = self.empty_table() if quantization.is_custom else None
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scales)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
        if details is not None:
            kind = tflite.QuantizationDetails.CustomQuantization
            tflite.QuantizationParametersAddDetailsType(builder, kind)
            tflite.QuantizationParametersAddDetails(builder, details)
        tflite.QuantizationParametersAddQuantizedDimension(builder, quantization.dimension)
        return tflite.QuantizationParametersEnd(builder)

    def empty_table(self) -> int:
        self.builder.StartObject(0)
        return self.builder.EndObject()

    def operator(self, layer: FileLayer) -> int:
        builder = self.builder
        inputs = self.numbers(layer.inputs, np.int32)
        outputs = self.numbers(layer.outputs, np.int32)
        intermediates = self.numbers(layer.intermediates, np.int32) if layer.intermediates else None
        has_options = layer.options_type != "NONE"
        options = self.options(layer.options_type, layer.options) if has_options else None
        custom = builder.CreateByteVector(layer.custom_options) if layer.custom_options else None
        tflite.OperatorStart(builder)
        tflite.OperatorAddOpcodeIndex(builder, self.codes.index((layer.op, layer.version)))
        tflite.OperatorAddInputs(builder, inputs)
        tflite.OperatorAddOutputs(builder, outputs)
        if intermediates is not None:
            tflite.OperatorAddIntermediates(builder, intermediates)
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, layer.options_type))
            tflite.OperatorAddBuiltinOptions(builder, options)
        if custom is not None:
            tflite.OperatorAddCustomOptions(builder, custom)
        return tflite.OperatorEnd(builder)

    def options(self, type_name: str, options: Mapping[str, OptionValue]) -> int:
        # What a table points to is written before it.
        values = {
            name: self.builder.CreateString(value) if isinstance(value, str) else value
            for name, value in options.items()
        }
        getattr(tflite, f"{type_name}Start")(self.builder)
        for name, value in values.items():
            if (add := getattr(tflite, f"{type_name}Add{name}", None)) is None:
                raise CompileError(f"{type_name} has no field {name}")
            add(self.builder, value)
        return getattr(tflite, f"{type_name}End")(self.builder)
