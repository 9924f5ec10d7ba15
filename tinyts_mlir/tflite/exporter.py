"""From a module of `tinyts` ops on whole tensors to a `.tflite` file.

What is exported and imported again is the same module. TFLite knows only SAME and VALID padding: a convolution with any
other gets a PAD in front, and a CONV_2D without bias gets one of zeros. Locations become tensor names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import numpy.typing as npt
import tflite
from xdsl.dialects.builtin import ArrayAttr, FusedLoc, LocationAttr, ModuleOp, NameLoc, TensorType, i32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    HEIGHT,
    WIDTH,
    RowsAttr,
    quantization_of,
    shape_of,
    tensor_type,
)
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    AveragePool2DOp,
    ConcatenationOp,
    ConstantOp,
    Conv2DOp,
    DepthwiseConv2DOp,
    ExternalInputOp,
    FullyConnectedOp,
    LeakyReluOp,
    MaxPool2DOp,
    MeanOp,
    PadOp,
    PoolOp,
    ReceiveOp,
    ReshapeOp,
    SoftmaxOp,
    SplitOp,
)
from tinyts_mlir.dialects.tinyts_attributes import INPUT_NAMES, OUTPUT_NAMES, declared_names
from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.file import OPTIONS, FileLayer, FileQuantization, FileTensor, OptionValue, TfliteFile
from tinyts_mlir.tflite.importer import ACTIVATIONS, same_padding
from tinyts_mlir.tflite.writer import write_tflite

NO_BUFFER = 0
"""The empty buffer of everything that is no constant."""

ACTIVATION_CODES = {name: getattr(tflite.ActivationFunctionType, code) for code, name in ACTIVATIONS.items()}
STORAGE_TYPES = {8: "int8", 16: "int16", 32: "int32"}
NO_PADDING = (0, 0, 0, 0)

MOVES_VERSION, INT8_VERSION = 1, 2
"""The op versions from which on LiteRT has int8: of RESHAPE, and of most other ops."""
CONVOLUTION_VERSION, GROUPED_CONVOLUTION_VERSION = 3, 6
FULLY_CONNECTED_VERSION, KEEP_DIMENSIONS_VERSION, NO_BIAS_VERSION = 4, 5, 6


def export_tflite(module: ModuleOp) -> bytes:
    """The `.tflite` file of a module with one function on whole tensors; the same module gives the same bytes.

    Raises CompileError for an op that TFLite cannot express, such as one on bands of rows.
    """
    found = list(functions(module))
    if len(found) != 1:
        raise CompileError(f"export to .tflite: expected a module with one function, got {len(found)}")
    return write_tflite(_Exporter(found[0]).file())


def _location_name(location: LocationAttr) -> str | None:
    """The name in a location; of a fused one the last, where the op that was fused into stands."""
    if isinstance(location, NameLoc):
        return location.desc.data
    if isinstance(location, FusedLoc) and isinstance(location.locations, ArrayAttr):
        names = [_location_name(inner) for inner in location.locations if isinstance(inner, LocationAttr)]
        return next((name for name in reversed(names) if name is not None), None)
    return None


class _Exporter:
    def __init__(self, function: FuncOp) -> None:
        self.function = function
        self.block = function.body.block
        self.tensors: list[FileTensor] = []
        self.layers: list[FileLayer] = []
        self.buffers: list[npt.NDArray[np.uint8]] = [np.empty(0, np.uint8)]
        self.indices: dict[SSAValue, int] = {}
        """The tensor of each value."""
        self.used_names: set[str] = set()
        self.reserved_names: dict[SSAValue, str] = {}
        """The names of the model's outputs, which other tensors must not take."""

    def file(self) -> TfliteFile:
        """The model."""
        last = self.block.last_op
        if not isinstance(last, ReturnOp):
            raise CompileError("export to .tflite: expected a function that ends with func.return")
        arguments = self.block.args
        names = self.declared_names(INPUT_NAMES, len(arguments))
        for number, argument in enumerate(arguments):
            name = names[number] or _location_name(argument.location) or f"input_{number}"
            self.indices[argument] = self.add_tensor(self.unique(name), argument.type)
        for value, name in zip(last.operands, self.declared_names(OUTPUT_NAMES, len(last.operands)), strict=True):
            if name is not None and value not in self.reserved_names and value not in self.indices:
                self.reserved_names[value] = self.unique(name)
        for op in self.block.ops:
            if not isinstance(op, (ConstantOp, ReturnOp)):
                self.export(op)
        return TfliteFile(
            tensors=tuple(self.tensors),
            layers=tuple(self.layers),
            inputs=tuple(self.indices[argument] for argument in arguments),
            outputs=tuple(self.indices[value] for value in last.operands),
            buffers=tuple(self.buffers),
        )

    # --- Names and tensors -----------------------------------------------------------------------------------------

    def declared_names(self, attribute: str, count: int) -> list[str | None]:
        """The names that the function's attribute gives, or as many times none."""
        return list(declared_names(self.function, attribute)) or [None] * count

    def unique(self, name: str) -> str:
        """The name, with a number behind it where it is taken already."""
        candidate, number = name, 0
        while candidate in self.used_names:
            number += 1
            candidate = f"{name}_{number}"
        self.used_names.add(candidate)
        return candidate

    def name_results(self, op: Operation) -> list[str]:
        """The names for the results of an op."""
        base = _location_name(op.location) or f"{op.name.rpartition('.')[2]}_{len(self.layers)}"
        wanted = [base, *(f"{base}:{number}" for number in range(1, len(op.results)))]
        return [
            self.reserved_names.get(result) or self.unique(name)
            for name, result in zip(wanted, op.results, strict=True)
        ]

    def add_tensor(self, name: str, type: Attribute, buffer: int = NO_BUFFER) -> int:
        """A tensor of a quantized type."""
        if not isinstance(type, TensorType) or not isinstance(type.element_type, UniformQuantizedType):
            raise CompileError(f"export to .tflite: expected tensors of !quant.uniform elements, got {type}")
        element_type = type.element_type
        axis = element_type.axis.data if element_type.is_per_axis else 0
        quantization = FileQuantization(element_type.scales, element_type.zero_points, axis, is_custom=False)
        storage = STORAGE_TYPES[element_type.storage_type.width.data]
        return self.add(name, storage, type.get_shape(), buffer, quantization)

    def add_integers(self, name: str, values: Sequence[int], shape: Sequence[int]) -> int:
        """A constant of integers, such as a shape."""
        return self.add(self.unique(name), "int32", shape, self.add_buffer(np.array(values, "<i4").tobytes()), None)

    def add(
        self, name: str, type: str, shape: Sequence[int], buffer: int, quantization: FileQuantization | None
    ) -> int:
        index = len(self.tensors)
        tensor = FileTensor(
            index, name, type, tuple(shape), (), buffer, quantization, is_variable=False, is_sparse=False
        )
        self.tensors.append(tensor)
        return index

    def add_buffer(self, data: bytes) -> int:
        self.buffers.append(np.frombuffer(data, np.uint8))
        return len(self.buffers) - 1

    def constant(self, value: SSAValue, user: Operation) -> int:
        """The tensor of weights or a bias, made at its first use."""
        if value not in self.indices:
            op = value.owner
            if not isinstance(op, ConstantOp):
                raise self.error(user, "expected weights from tinyts.constant")
            name = self.unique(_location_name(op.location) or f"constant_{len(self.tensors)}")
            self.indices[value] = self.add_tensor(name, value.type, self.add_buffer(op.value.data.data))
        return self.indices[value]

    def error(self, op: Operation, message: str) -> CompileError:
        name = _location_name(op.location)
        return CompileError(f"export to .tflite: {op.name}{f' {name!r}' if name else ''}: {message}")

    # --- Ops -------------------------------------------------------------------------------------------------------

    def export(self, op: Operation) -> None:
        """One op, as one layer or two."""
        self.expect_whole(op)
        match op:
            case ReceiveOp() | ExternalInputOp() | ReshapeOp():
                self.export_reshape(op)
            case Conv2DOp() | DepthwiseConv2DOp():
                self.export_convolution(op)
            case AveragePool2DOp() | MaxPool2DOp():
                self.export_pool(op)
            case MeanOp():
                names = self.name_results(op)
                axes = self.add_integers(f"{names[0]}/axes", [HEIGHT, WIDTH], [2])
                options = {"KeepDims": len(shape_of(op.result)) == FEATURE_MAP_RANK}
                self.add_layer("MEAN", INT8_VERSION, [self.indices[op.input[0]], axes], op, options, names)
            case AddOp():
                options = {"FusedActivationFunction": ACTIVATION_CODES[op.activation.data]}
                self.add_layer("ADD", INT8_VERSION, [self.indices[op.lhs[0]], self.indices[op.rhs[0]]], op, options)
            case FullyConnectedOp():
                self.export_fully_connected(op)
            case SoftmaxOp():
                options = {"Beta": op.beta.value.data}
                self.add_layer("SOFTMAX", INT8_VERSION, [self.indices[op.input[0]]], op, options)
            case LeakyReluOp():
                options = {"Alpha": op.alpha.value.data}
                self.add_layer("LEAKY_RELU", INT8_VERSION, [self.indices[op.input[0]]], op, options)
            case PadOp():
                names = self.name_results(op)
                self.indices[op.result] = self.add_pad(
                    self.indices[op.input[0]],
                    int_values(op.padding),
                    int_values(op.channels),
                    names[0],
                    tensor_type(op.result),
                )
            case ConcatenationOp():
                inputs = [self.indices[value] for value in op.inputs]
                self.add_layer("CONCATENATION", INT8_VERSION, inputs, op, {"Axis": op.axis.value.data})
            case SplitOp():
                names = self.name_results(op)
                axis = self.add_integers(f"{names[0]}/axis", [op.axis.value.data], [])
                options = {"NumSplits": len(op.parts)}
                self.add_layer("SPLIT", INT8_VERSION, [axis, self.indices[op.input[0]]], op, options, names)
            case _:
                raise self.error(op, "this op has no counterpart in .tflite")

    def expect_whole(self, op: Operation) -> None:
        """Raises unless the op works on whole tensors, each a result of another layer or an input of the model."""
        groups = op.row_groups() if isinstance(op, RowGeometryInterface) else ()
        types = [value.type for value in (*op.operands, *op.results)]
        if any(len(group) != 1 for group in groups) or any(
            isinstance(type, TensorType) and isinstance(type.encoding, RowsAttr) for type in types
        ):
            raise self.error(op, "expected whole tensors, got bands of rows; export the model before split-tensors")
        for group in groups:
            if group[0] not in self.indices:
                raise self.error(op, "expected the result of another layer as operand, got a constant")

    def add_layer(
        self,
        name: str,
        version: int,
        inputs: Sequence[int],
        op: Operation,
        options: Mapping[str, OptionValue] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        """A layer that makes all results of `op`."""
        outputs: list[int] = []
        for result, result_name in zip(op.results, names or self.name_results(op), strict=True):
            self.indices[result] = self.add_tensor(result_name, result.type)
            outputs.append(self.indices[result])
        self.append(name, version, inputs, outputs, options or {})

    def append(
        self, name: str, version: int, inputs: Sequence[int], outputs: Sequence[int], options: Mapping[str, OptionValue]
    ) -> None:
        options_type, _ = OPTIONS[name]
        layer = FileLayer(len(self.layers), name, version, tuple(inputs), tuple(outputs), options_type, options)
        self.layers.append(layer)

    def export_reshape(self, op: ReceiveOp | ExternalInputOp | ReshapeOp) -> None:
        if isinstance(op, ReceiveOp | ExternalInputOp) and op.result.type == op.input.type:
            self.indices[op.result] = self.indices[op.input]
            return
        (name,) = self.name_results(op)
        self.indices[op.result] = self.add_reshape(self.indices[op.input], name, tensor_type(op.result))

    def add_reshape(self, input: int, name: str, type: TensorType[Attribute]) -> int:
        shape = type.get_shape()
        shape_tensor = self.add_integers(f"{name}/shape", shape, [len(shape)])
        result = self.add_tensor(name, type)
        self.append("RESHAPE", MOVES_VERSION, [input, shape_tensor], [result], {})
        return result

    def add_pad(
        self, input: int, padding: Sequence[int], channels: Sequence[int], name: str, type: TensorType[Attribute]
    ) -> int:
        paddings = self.add_integers(f"{name}/paddings", [0, 0, *padding, *channels], [4, 2])
        result = self.add_tensor(name, type)
        self.append("PAD", INT8_VERSION, [input, paddings], [result], {})
        return result

    def export_convolution(self, op: Conv2DOp | DepthwiseConv2DOp) -> None:
        (name,) = self.name_results(op)
        input = self.indices[op.input[0]]
        padding, stride, dilation = int_values(op.padding), int_values(op.stride), int_values(op.dilation)
        spans = [(size - 1) * step + 1 for size, step in zip(op.filter_size, dilation, strict=True)]
        scheme = _padding_scheme(shape_of(op.input[0]), spans, stride, padding)
        if scheme is None:
            scheme = tflite.Padding.VALID
            batch, height, width, channels = shape_of(op.input[0])
            top, bottom, left, right = padding
            shape = (batch, height + top + bottom, width + left + right, channels)
            type = TensorType(quantization_of(op.input[0]), shape)
            input = self.add_pad(input, padding, (0, 0), self.unique(f"{name}/padded"), type)
        inputs = [input, self.constant(op.filter, op)]
        if op.bias is not None:
            inputs.append(self.constant(op.bias, op))
        elif isinstance(op, Conv2DOp):  # LiteRT insists on one here, and on none elsewhere
            inputs.append(self.zero_bias(op, name))
        options: dict[str, OptionValue] = {
            "Padding": scheme,
            "StrideH": stride[0],
            "StrideW": stride[1],
            "FusedActivationFunction": ACTIVATION_CODES[op.activation.data],
            "DilationHFactor": dilation[0],
            "DilationWFactor": dilation[1],
        }
        if isinstance(op, DepthwiseConv2DOp):
            options["DepthMultiplier"] = op.depth_multiplier
            self.add_layer("DEPTHWISE_CONV_2D", CONVOLUTION_VERSION, inputs, op, options, [name])
            return
        is_grouped = shape_of(op.filter)[CHANNELS] != shape_of(op.input[0])[CHANNELS]
        version = GROUPED_CONVOLUTION_VERSION if is_grouped else CONVOLUTION_VERSION
        self.add_layer("CONV_2D", version, inputs, op, options, [name])

    def zero_bias(self, op: Conv2DOp, name: str) -> int:
        scales = [quantization_of(op.input[0]).scale * scale for scale in quantization_of(op.filter).scales]
        if len(scales) == 1:
            element_type = UniformQuantizedType.per_tensor(i32, scales[0])
        else:
            element_type = UniformQuantizedType.per_axis(i32, scales, [0] * len(scales), axis=0)
        channels = shape_of(op.result)[CHANNELS]
        buffer = self.add_buffer(bytes(4 * channels))
        return self.add_tensor(self.unique(f"{name}/bias"), TensorType(element_type, [channels]), buffer)

    def export_pool(self, op: PoolOp) -> None:
        window, stride, padding = int_values(op.window), int_values(op.stride), int_values(op.padding)
        scheme = _padding_scheme(shape_of(op.input[0]), window, stride, padding)
        if scheme is None:
            raise self.error(op, f"expected SAME or no padding, as pools have it in .tflite, got {list(padding)}")
        options: dict[str, OptionValue] = {
            "Padding": scheme,
            "StrideH": stride[0],
            "StrideW": stride[1],
            "FilterHeight": window[0],
            "FilterWidth": window[1],
            "FusedActivationFunction": ACTIVATION_CODES[op.activation.data],
        }
        name = "AVERAGE_POOL_2D" if isinstance(op, AveragePool2DOp) else "MAX_POOL_2D"
        self.add_layer(name, INT8_VERSION, [self.indices[op.input[0]]], op, options)

    def export_fully_connected(self, op: FullyConnectedOp) -> None:
        if op.input not in self.indices:
            raise self.error(op, "expected the result of another layer as operand, got a constant")
        (name,) = self.name_results(op)
        inputs = [self.indices[op.input], self.constant(op.filter, op)]
        keeps_dimensions = op.keep_dimensions is not None and op.keep_dimensions.value.data != 0
        version = KEEP_DIMENSIONS_VERSION if keeps_dimensions else FULLY_CONNECTED_VERSION
        if op.bias is not None:
            inputs.append(self.constant(op.bias, op))
        else:
            version = NO_BIAS_VERSION
        options: dict[str, OptionValue] = {
            "FusedActivationFunction": ACTIVATION_CODES[op.activation.data],
            "KeepNumDims": keeps_dimensions,
        }
        output_channels, input_channels = shape_of(op.filter)
        input_shape, result_shape = shape_of(op.input), shape_of(op.result)
        if keeps_dimensions and input_shape[-1] != input_channels:
            raise self.error(
                op, f"expected a last dimension of {input_channels} where dimensions are kept, got {list(input_shape)}"
            )
        # LiteRT computes this shape, whatever the file says.
        batches = prod(input_shape) // input_channels
        shape = (*input_shape[:-1], output_channels) if keeps_dimensions else (batches, output_channels)
        if shape == result_shape:
            self.add_layer("FULLY_CONNECTED", version, inputs, op, options, [name])
            return
        flat = self.add_tensor(self.unique(f"{name}/flat"), TensorType(quantization_of(op.result), shape))
        self.append("FULLY_CONNECTED", version, inputs, [flat], options)
        self.indices[op.result] = self.add_reshape(flat, name, tensor_type(op.result))


def _padding_scheme(
    shape: Sequence[int], window: Sequence[int], stride: Sequence[int], padding: tuple[int, ...]
) -> int | None:
    """The padding scheme of TFLite that pads like this, if there is one."""
    if padding == NO_PADDING:
        return tflite.Padding.VALID
    same = [pad for i in (0, 1) for pad in same_padding(shape[HEIGHT + i], window[i], stride[i])]
    return tflite.Padding.SAME if list(padding) == same else None
