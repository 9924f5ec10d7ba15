"""AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, SUM, REDUCE_MAX and REDUCE_MIN.

A reduction over other axes than rows and columns is one of a map whose columns are what is reduced.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TypeVar

from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.assembly import PropertyValue, int_values
from tinyts_mlir.dialects.rows import CHANNELS, FEATURE_MAP_RANK, HEIGHT, WIDTH, quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import (
    AveragePool2DOp,
    MapReductionOp,
    MaxPool2DOp,
    MeanOp,
    MinPool2DOp,
    PoolOp,
    ReshapeOp,
    SumOp,
    TransposeOp,
)
from tinyts_mlir.tflite.file import OptionValue
from tinyts_mlir.tflite.layer_reader import LayerReader, axis_from_front
from tinyts_mlir.tflite.layer_writer import ACTIVATION_CODES, LayerWriter, padding_scheme
from tinyts_mlir.tflite.rule import INT8_VERSION, Options, Rule, Unsigned
from tinyts_mlir.tflite.rules.data_movement import write_reshape
from tinyts_mlir.tflite.tensors import UnsupportedLayer

PoolT = TypeVar("PoolT", bound=PoolOp)

FIELDS = ("Padding", "StrideH", "StrideW", "FusedActivationFunction", "FilterHeight", "FilterWidth")


def _pool(name: str, op_type: type[PoolT]) -> Rule[PoolT]:
    def read(layer: LayerReader) -> PoolT:
        input, result = layer.activation(0), layer.output_type()
        size = [layer.integer_option("FilterHeight"), layer.integer_option("FilterWidth")]
        properties: dict[str, PropertyValue] = {
            "window": size,
            **layer.window(input, size, [1, 1]),
            "activation": layer.activation_function(),
        }
        if op_type is AveragePool2DOp and layer.is_unsigned:
            properties["ties"] = "up"
        return op_type([[input]], result, properties)

    def write(layer: LayerWriter, op: PoolT) -> None:
        window, stride, padding = int_values(op.window), int_values(op.stride), int_values(op.padding)
        scheme = padding_scheme(shape_of(op.input[0])[HEIGHT:CHANNELS], window, stride, padding)
        if scheme is None:
            raise layer.error(f"expected SAME or no padding, as pools have it in .tflite, got {list(padding)}")
        options: dict[str, OptionValue] = {
            "Padding": scheme,
            "StrideH": stride[0],
            "StrideW": stride[1],
            "FilterHeight": window[0],
            "FilterWidth": window[1],
            "FusedActivationFunction": ACTIVATION_CODES[op.activation.data],
        }
        layer.add(name, INT8_VERSION, [layer.activation(op.input[0])], options)

    return Rule(name, op_type, Options("Pool2DOptions", FIELDS), read, write, unsigned=Unsigned.SHIFTED)


def _reduced(layer: LayerReader) -> tuple[SSAValue, bool]:
    """A feature map whose rows and columns are what a layer reduces, and whether it is the layer's input itself."""
    input = layer.activation(0)
    shape = shape_of(input)
    axes = sorted({axis_from_front(axis, len(shape)) for axis in layer.integers(1)})
    if axes and not 0 <= axes[0] <= axes[-1] < len(shape):
        raise UnsupportedLayer(f"expected axes of shape {list(shape)}, got {layer.integers(1)}")
    kept = [size for axis, size in enumerate(shape) if axis not in axes]
    expected = [1 if axis in axes else size for axis, size in enumerate(shape)] if layer.option("KeepDims") else kept
    found = list(layer.output_type().get_shape())
    if found != (expected or [1]):
        raise UnsupportedLayer(f"expected an output of shape {expected}, got {found}")
    if len(shape) == FEATURE_MAP_RANK and axes == [HEIGHT, WIDTH]:
        return input, True
    type = quantization_of(input)
    count, rest = prod(shape[axis] for axis in axes), prod(kept)
    moved = [axis for axis in axes if shape[axis] > 1]
    order = [*moved, *(axis for axis, size in enumerate(shape) if axis not in moved and size > 1)]
    if order != sorted(order):
        # Ranks 2, 3 and 5 have no batch.
        sizes = [size for size in shape if size > 1]
        permutation = [sorted(order).index(axis) for axis in order]
        if len(sizes) == FEATURE_MAP_RANK:
            sizes, permutation = [1, *sizes], [0, *(axis + 1 for axis in permutation)]
        flat = layer.add(ReshapeOp([input], TensorType(type, sizes)), "/flat")
        transposed = TensorType(type, [sizes[axis] for axis in permutation])
        input = layer.add(TransposeOp([[flat]], transposed, {"permutation": permutation}), "/transposed")
    return layer.add(ReshapeOp([input], TensorType(type, (1, 1, count, rest))), "/map"), False


def _reader_of_sums(op_type: type[MapReductionOp], suffix: str) -> Callable[[LayerReader], MapReductionOp | ReshapeOp]:
    """Reads a layer as a sum over rows and columns; the suffix is of its location where those are not the layer's."""

    def read(layer: LayerReader) -> MapReductionOp | ReshapeOp:
        map, is_input = _reduced(layer)
        result = layer.output_type()
        if is_input:
            return op_type([[map]], result)
        reduced = op_type([[map]], TensorType(result.element_type, (1, shape_of(map)[CHANNELS])))
        return ReshapeOp([layer.add(reduced, suffix)], result)

    return read


def _reader_of_extreme(op_type: type[PoolOp], suffix: str) -> Callable[[LayerReader], ReshapeOp]:
    """Reads a layer as a pool over a whole map; the suffix is of the pool's location."""

    def read(layer: LayerReader) -> ReshapeOp:
        map, _ = _reduced(layer)
        result = layer.output_type()
        if result.element_type != (given := quantization_of(map)):
            raise UnsupportedLayer(f"expected the input's quantization {given}, got {result.element_type}")
        _, rows, columns, channels = shape_of(map)
        pool = op_type(
            [[map]],
            TensorType(result.element_type, (1, 1, 1, channels)),
            {"window": [rows, columns], "stride": [1, 1], "padding": [0, 0, 0, 0], "activation": "none"},
        )
        return ReshapeOp([layer.add(pool, suffix)], result)

    return read


def _write_reduce_min(layer: LayerWriter, op: MinPool2DOp) -> None:
    whole, window, padding = shape_of(op.input[0])[HEIGHT:CHANNELS], int_values(op.window), int_values(op.padding)
    if window != whole or any(padding) or op.activation.data != "none":
        raise layer.error(f"expected the minimum over a whole map of {list(whole)}, got a window of {list(window)}")
    if quantization_of(op.input[0]) != quantization_of(op.result):
        raise layer.error("expected a result with the operand's quantization")
    axes = layer.integers("axes", [HEIGHT, WIDTH], [2])
    layer.add("REDUCE_MIN", INT8_VERSION, [layer.activation(op.input[0]), axes], {"KeepDims": True})


def _writer_of_sums(name: str) -> Callable[[LayerWriter, MapReductionOp], None]:
    def write(layer: LayerWriter, op: MapReductionOp) -> None:
        axes = layer.integers("axes", [HEIGHT, WIDTH], [2])
        options: dict[str, OptionValue] = {"KeepDims": len(shape_of(op.result)) == FEATURE_MAP_RANK}
        layer.add(name, INT8_VERSION, [layer.activation(op.input[0]), axes], options)

    return write


RULES = [
    _pool("AVERAGE_POOL_2D", AveragePool2DOp),
    _pool("MAX_POOL_2D", MaxPool2DOp),
    Rule(
        "MEAN",
        MeanOp,
        Options("ReducerOptions", ("KeepDims",)),
        _reader_of_sums(MeanOp, "/mean"),
        _writer_of_sums("MEAN"),
        inputs=(2, 2),
        unsigned=Unsigned.SHIFTED,
        constraints="constant axes",
    ),
    Rule(
        "SUM",
        SumOp,
        Options("ReducerOptions", ("KeepDims",)),
        _reader_of_sums(SumOp, "/sum"),
        _writer_of_sums("SUM"),
        inputs=(2, 2),
        constraints="constant axes; bytes below 0 count as 256 more, as LiteRT has it",
    ),
    Rule(
        "REDUCE_MAX",
        ReshapeOp,
        Options("ReducerOptions", ("KeepDims",)),
        _reader_of_extreme(MaxPool2DOp, "/maximum"),
        write_reshape,
        inputs=(2, 2),
        unsigned=Unsigned.SHIFTED,
        is_other_spelling=True,
        constraints="constant axes",
    ),
    Rule(
        "REDUCE_MIN",
        MinPool2DOp,
        Options("ReducerOptions", ("KeepDims",)),
        _reader_of_extreme(MinPool2DOp, "/minimum"),
        _write_reduce_min,
        inputs=(2, 2),
        unsigned=Unsigned.SHIFTED,
        constraints="constant axes",
    ),
]
