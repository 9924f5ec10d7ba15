"""Reads a `.tflite` file into plain data: the only place that reads flatbuffers.

A file is untrusted. The flatbuffers runtime checks little: it raises whatever comes to hand for an offset that points
out of the file, cuts strings short, and believes any length. So everything that the compiler needs is read here at
once, every length is checked before it is used, and the total read is bounded by a multiple of the file's size. Tensor
and buffer indices may still be wrong in what comes out; what fails to come out is a `CompileError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import flatbuffers
import flatbuffers.number_types
import flatbuffers.table
import numpy as np
import numpy.typing as npt
import tflite

from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite import constant_folding
from tinyts_mlir.tflite.file import FileLayer, FileQuantization, FileTensor, OptionValue, TfliteFile, custom_op, quoted
from tinyts_mlir.tflite.registry import find_rule
from tinyts_mlir.tflite.schema import names_of

SCHEMA_VERSION = 3
FILE_IDENTIFIER = b"TFL3"
FILE_IDENTIFIER_OFFSET = 4

BUILTIN_CODE_SLOT = 10
"""Where the vtable of an OperatorCode says where its builtin_code lies."""

READ_LIMIT_FACTOR = 16
"""How often, on average, every byte of a file may be read: parts may be shared, but not without bound."""

NOT_A_FLATBUFFER = (struct.error, IndexError, TypeError, ValueError, OverflowError, AssertionError)
"""What the flatbuffers runtime raises for offsets and lengths that point out of the file."""

Element = TypeVar("Element")
Buffers = tuple[npt.NDArray[np.uint8], ...]


OP_NAMES = names_of(tflite.BuiltinOperator)
TENSOR_TYPE_NAMES = names_of(tflite.TensorType)
OPTIONS_NAMES = names_of(tflite.BuiltinOptions)


def read_tflite(data: bytes, source: str) -> TfliteFile:
    """Reads a `.tflite` file; raises CompileError, in which the file is called `source`, unless it is sound."""
    if len(data) < FILE_IDENTIFIER_OFFSET + len(FILE_IDENTIFIER):
        raise CompileError(f"{source}: expected a TensorFlow Lite model, got a file of {len(data)} bytes")
    identifier = data[FILE_IDENTIFIER_OFFSET : FILE_IDENTIFIER_OFFSET + len(FILE_IDENTIFIER)]
    if identifier != FILE_IDENTIFIER:
        raise CompileError(
            f"{source}: expected a TensorFlow Lite model (file identifier TFL3), got file identifier "
            f"{quoted(identifier.decode('latin-1'))}"
        )
    reader = _Reader(data, source)
    try:
        return reader.read()
    except NOT_A_FLATBUFFER:
        raise reader.error("an offset or a length points out of the file") from None


class _Reader:
    def __init__(self, data: bytes, source: str) -> None:
        self.data = data
        self.source = source
        self.allowance = READ_LIMIT_FACTOR * len(data)

    def error(self, message: str) -> CompileError:
        return CompileError(f"{self.source}: the file is damaged or truncated: {message}")

    def spend(self, size: int) -> None:
        """Counts bytes that are about to be read."""
        self.allowance -= size
        if self.allowance < 0:
            raise self.error("its parts overlap, or are longer than the file")

    def numbers(self, array: npt.NDArray[Any] | int) -> tuple[Any, ...]:
        """A vector of numbers; the accessors of an absent one return 0."""
        if isinstance(array, int):
            return ()
        self.spend(array.nbytes)
        return tuple(array.tolist())

    def vector(self, length: int, element: Callable[[int], Element]) -> tuple[Element, ...]:
        """A vector of tables; none of its entries can be shared, so it is no longer than the file."""
        self.spend(4 * READ_LIMIT_FACTOR * length)
        return tuple(element(i) for i in range(length))

    def string(self, text: bytes | None) -> str:
        self.spend(len(text or b""))
        return (text or b"").decode("utf-8", errors="replace")

    def read(self) -> TfliteFile:
        model = tflite.Model.GetRootAs(self.data)
        if model.Version() != SCHEMA_VERSION:
            raise CompileError(
                f"{self.source}: expected schema version {SCHEMA_VERSION}, got {model.Version()}; "
                "convert the model with a current TensorFlow or LiteRT"
            )
        codes = self.vector(model.OperatorCodesLength(), lambda i: self.op_name_and_version(model.OperatorCodes(i)))
        layers = self.vector(model.SubgraphsLength(), lambda i: self.layer_count(model.Subgraphs(i)))
        # Converters leave subgraphs without layers behind where functions have been inlined.
        if not layers or (any(layers[1:]) and all(op != "CALL_ONCE" for op, _ in codes)):
            raise self.several_subgraphs(len(layers))
        buffers = self.vector(model.BuffersLength(), lambda i: self.buffer(i, model.Buffers(i)))
        graphs = self.vector(len(layers), lambda i: self.graph(model.Subgraphs(i), codes, buffers))
        calls = [layer for layer in graphs[0].layers if layer.op == "CALL_ONCE"]
        called = {0, *(layer.options.get("InitSubgraphIndex") for layer in calls)}
        if any(graph.layers for number, graph in enumerate(graphs) if number not in called):
            raise self.several_subgraphs(len(layers))
        return replace(graphs[0], subgraphs=graphs[1:])

    def several_subgraphs(self, count: int) -> CompileError:
        return CompileError(
            f"{self.source}: expected a model of one subgraph, got {count}; "
            "convert a single function without control flow (only CALL_ONCE may name another subgraph)"
        )

    def layer_count(self, subgraph: Any) -> int:
        return subgraph.OperatorsLength()

    def graph(self, graph: Any, codes: Sequence[tuple[str, int]], buffers: Buffers) -> TfliteFile:
        """A subgraph."""
        return TfliteFile(
            tensors=self.vector(graph.TensorsLength(), lambda i: self.tensor(i, graph.Tensors(i))),
            layers=self.vector(graph.OperatorsLength(), lambda i: self.layer(i, graph.Operators(i), codes)),
            inputs=self.numbers(graph.InputsAsNumpy()),
            outputs=self.numbers(graph.OutputsAsNumpy()),
            buffers=buffers,
        )

    def op_name_and_version(self, code: Any) -> tuple[str, int]:
        # Old files have only the deprecated field, a byte; new ones fill both, or only the new one. The package's
        # BuiltinCode() answers with the deprecated field where the new one is small, so the field is read here.
        table = code._tab
        field = table.Offset(BUILTIN_CODE_SLOT)
        builtin_code = table.Get(flatbuffers.number_types.Int32Flags, table.Pos + field) if field else 0
        number = max(code.DeprecatedBuiltinCode(), builtin_code)
        if number == tflite.BuiltinOperator.CUSTOM:
            return custom_op(self.string(code.CustomCode())), code.Version()
        return OP_NAMES.get(number, f"op code {number}"), code.Version()

    def tensor(self, index: int, tensor: Any) -> FileTensor:
        return FileTensor(
            index=index,
            name=self.string(tensor.Name()) or f"tensor_{index}",
            type=TENSOR_TYPE_NAMES.get(tensor.Type(), f"type {tensor.Type()}").lower(),
            shape=self.numbers(tensor.ShapeAsNumpy()),
            signature=self.numbers(tensor.ShapeSignatureAsNumpy()),
            buffer=tensor.Buffer(),
            quantization=self.quantization(tensor.Quantization()),
            is_variable=bool(tensor.IsVariable()),
            is_sparse=tensor.Sparsity() is not None,
        )

    def quantization(self, quantization: Any) -> FileQuantization | None:
        if quantization is None:
            return None
        scales = self.numbers(quantization.ScaleAsNumpy())
        zero_points = self.numbers(quantization.ZeroPointAsNumpy())
        is_custom = quantization.DetailsType() != tflite.QuantizationDetails.NONE
        if not scales and not is_custom:
            return None
        return FileQuantization(scales, zero_points, quantization.QuantizedDimension(), is_custom)

    def layer(self, index: int, operator: Any, codes: Sequence[tuple[str, int]]) -> FileLayer:
        if operator.OpcodeIndex() >= len(codes):
            raise self.error(f"layer {index} has operator code {operator.OpcodeIndex()} of {len(codes)}")
        op, version = codes[operator.OpcodeIndex()]
        code = operator.BuiltinOptionsType()
        return FileLayer(
            index=index,
            op=op,
            version=version,
            inputs=self.numbers(operator.InputsAsNumpy()),
            outputs=self.numbers(operator.OutputsAsNumpy()),
            options_type=OPTIONS_NAMES.get(code, f"options type {code}"),
            options=self.options(op, code, operator.BuiltinOptions()),
            custom_options=bytes(self.numbers(operator.CustomOptionsAsNumpy())),
            intermediates=self.numbers(operator.IntermediatesAsNumpy()),
        )

    def options(self, op: str, code: int, table: flatbuffers.table.Table | None) -> dict[str, OptionValue]:
        """The options of an op with a rule or a fold; the defaults where they are absent or of another type."""
        rule = find_rule(op)
        known = None if rule is None or rule.options is None else (rule.options.type, rule.options.fields)
        if rule is None:
            known = constant_folding.OPTIONS.get(op)
        if known is None:
            return {}
        type_name, fields = known
        if table is None or code != getattr(tflite.BuiltinOptions, type_name):
            table = EMPTY_TABLE
        options = getattr(tflite, type_name)()
        options.Init(table.Bytes, table.Pos)
        found = {field: getattr(options, field)() for field in fields}
        return {
            field: self.string(value) if isinstance(value, bytes | None) else value for field, value in found.items()
        }

    def buffer(self, index: int, buffer: Any) -> npt.NDArray[np.uint8]:
        """A buffer's bytes: inside the flatbuffer or, in files above 2 GB, behind it."""
        start, size = buffer.Offset(), buffer.Size()
        # 0 and 1 are no offsets: writers use them as place holders.
        if start > 1:
            if buffer.DataLength() or start + size > len(self.data):
                raise self.error(f"buffer {index} lies at {start} to {start + size} of {len(self.data)} bytes")
            return np.frombuffer(self.data, np.uint8, size, start)
        data = buffer.DataAsNumpy()
        return np.empty(0, np.uint8) if isinstance(data, int) else data


def _empty_table() -> flatbuffers.table.Table:
    builder = flatbuffers.Builder(16)
    builder.StartObject(0)
    builder.Finish(builder.EndObject())
    data = bytes(builder.Output())
    return flatbuffers.table.Table(data, struct.unpack_from("<I", data)[0])


EMPTY_TABLE = _empty_table()
"""A table of which every field has its default value."""
