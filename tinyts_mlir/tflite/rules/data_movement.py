"""Ops that move bytes and compute nothing: RESHAPE, PAD, CONCATENATION, SPLIT."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, SSAValue

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK, quantization_of, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import ConcatenationOp, PadOp, QuantizeOp, ReshapeOp, SplitOp
from tinyts_mlir.quantization import concatenation_table, requantization_table
from tinyts_mlir.tflite.layer_reader import LayerReader, axis_from_front
from tinyts_mlir.tflite.layer_writer import LayerWriter
from tinyts_mlir.tflite.rule import INT8_VERSION, MOVABLE, Options, Rule, Unsigned
from tinyts_mlir.tflite.tensors import UnsupportedLayer


def _read_reshape(layer: LayerReader) -> ReshapeOp:
    input, result = layer.movable(0), layer.movable_output_type()
    if layer.has_input(1):
        shape = layer.integers(1)
        if shape.count(-1) == 1 and (rest := -prod(shape)) > 0:
            shape[shape.index(-1)] = prod(shape_of(input)) // rest
        if tuple(shape) != result.get_shape():
            raise UnsupportedLayer(f"expected an output of shape {shape}, got {list(result.get_shape())}")
    return ReshapeOp([input], result)


def write_reshape(layer: LayerWriter, op: ReshapeOp) -> None:
    """The RESHAPE that an op is."""
    layer.reshape(layer.activation(op.input), tensor_type(op.result))


def _read_pad(layer: LayerReader) -> PadOp | ReshapeOp:
    """A PAD of any rank: one that is not of a map is one of a map of another shape."""
    input, result = layer.activation(0), layer.output_type()
    shape, pads = shape_of(input), layer.integers(1)
    if len(pads) != 2 * len(shape):
        raise UnsupportedLayer(f"expected {2 * len(shape)} paddings, got {pads}")
    value = _padding_value(layer, result)
    if len(shape) == FEATURE_MAP_RANK and shape[0] == 1 and not any(pads[:2]):
        return PadOp([[input]], result, {"padding": pads[2:6], "channels": pads[6:], "value": value})
    sizes, pairs = _padded_axes(shape, pads)
    padding = [pad for pair in pairs for pad in pair]
    padded = [size + sum(pair) for size, pair in zip(sizes, pairs, strict=True)]
    map = layer.add(ReshapeOp([input], TensorType(quantization_of(input), (1, *sizes))), "/map")
    properties = {"padding": padding[:4], "channels": padding[4:], "value": value}
    op = PadOp([[map]], TensorType(result.element_type, (1, *padded)), properties)
    return ReshapeOp([layer.add(op, "/padded")], result)


def _padding_value(layer: LayerReader, result: TensorType[Attribute]) -> int | None:
    """The byte that PADV2 pads with; None where it is the result's zero point, as PAD has it."""
    if not layer.has_input(2):
        return None
    value = layer.constant_byte(2)
    element_type = result.element_type
    assert isinstance(element_type, UniformQuantizedType)
    return None if value == element_type.zero_point else value


def _padded_axes(shape: Sequence[int], pads: Sequence[int]) -> tuple[list[int], list[tuple[int, int]]]:
    """The dimensions as three at most: one that is not padded goes with the one in front of it."""
    axes = list(zip(shape, zip(pads[::2], pads[1::2], strict=True), strict=True))
    while len(axes) > 1 and axes[0] == (1, (0, 0)):
        axes.pop(0)
    while len(axes) > FEATURE_MAP_RANK - 1:
        inner = next((axis for axis in range(len(axes) - 1, 0, -1) if not any(axes[axis][1])), None)
        if inner is None:
            raise UnsupportedLayer(f"expected paddings of up to three dimensions, got {list(pads)}")
        (size, (before, after)), (extent, _) = axes[inner - 1 : inner + 1]
        axes[inner - 1 : inner + 1] = [(size * extent, (before * extent, after * extent))]
    axes = [(1, (0, 0))] * (FEATURE_MAP_RANK - 1 - len(axes)) + axes
    return [size for size, _ in axes], [pair for _, pair in axes]


def _write_pad(layer: LayerWriter, op: PadOp) -> None:
    input, type = layer.activation(op.input[0]), tensor_type(op.result)
    if op.value is not None:
        paddings = layer.integers("paddings", [0, 0, *int_values(op.padding), *int_values(op.channels)], [4, 2])
        value = layer.tensor("value", TensorType(type.element_type, [1]), bytes([op.padding_value % 256]))
        layer.add("PADV2", INT8_VERSION, [input, paddings, value])
        return
    index = layer.pad(input, int_values(op.padding), int_values(op.channels), type, layer.names[0])
    layer.exported.set_index(op.result, index)


def _read_concatenation(layer: LayerReader) -> ConcatenationOp:
    if (activation := layer.activation_function()) != "none":
        raise UnsupportedLayer(f"expected no activation, got {activation}")
    inputs = [layer.movable(position) for position in range(layer.input_count)]
    result = layer.movable_output_type()
    if layer.is_unsigned:
        inputs = [_requantized(layer, number, value, result) for number, value in enumerate(inputs)]
    axis = axis_from_front(layer.integer_option("Axis"), len(result.get_shape()))
    return ConcatenationOp([inputs], result, {"axis": axis})


def _requantized(layer: LayerReader, number: int, value: SSAValue, result: TensorType[Attribute]) -> SSAValue:
    """An operand of a uint8 layer in the result's quantization, by a QUANTIZE where that makes what LiteRT makes."""
    source, target = quantization_of(value), result.element_type
    assert isinstance(target, UniformQuantizedType)
    if source == target:
        return value
    points = source.scale, source.zero_point, target.scale, target.zero_point
    try:
        is_alike = np.array_equal(requantization_table(*points), concatenation_table(*points))
    except ValueError as error:
        raise UnsupportedLayer(str(error)) from None
    if not is_alike:
        raise UnsupportedLayer(
            f"operand {number} of scale {source.scale:.9g} would be requantized in single precision, to a scale of "
            f"{target.scale:.9g}, which no QUANTIZE does to the same bytes; give operands and result one quantization"
        )
    return layer.add(QuantizeOp([[value]], TensorType(target, shape_of(value))), f"/operand_{number}")


def _write_concatenation(layer: LayerWriter, op: ConcatenationOp) -> None:
    inputs = [layer.activation(value) for value in op.inputs]
    layer.add("CONCATENATION", INT8_VERSION, inputs, {"Axis": op.axis.value.data})


def _read_split(layer: LayerReader) -> SplitOp:
    axes = layer.integers(0)
    if len(axes) != 1:
        raise UnsupportedLayer(f"expected one axis, got {axes}")
    outputs = len(layer.layer.outputs)
    if layer.option("NumSplits") != outputs:
        raise UnsupportedLayer(f"expected {layer.option('NumSplits')} outputs, got {outputs}")
    input = layer.movable(1)
    return SplitOp([[input]], layer.movable_output_types(), {"axis": axis_from_front(axes[0], len(shape_of(input)))})


def _write_split(layer: LayerWriter, op: SplitOp) -> None:
    axis = layer.integers("axis", [op.axis.value.data], [])
    layer.add("SPLIT", INT8_VERSION, [axis, layer.activation(op.input[0])], {"NumSplits": len(op.parts)})


RULES = [
    Rule(
        "RESHAPE",
        ReshapeOp,
        Options("ReshapeOptions"),
        _read_reshape,
        write_reshape,
        inputs=(1, 2),
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
        constraints="a shape that is known",
    ),
    Rule(
        "PAD",
        PadOp,
        Options("PadOptions"),
        _read_pad,
        _write_pad,
        inputs=(2, 3),
        unsigned=Unsigned.SHIFTED,
        constraints="constant paddings",
    ),
    Rule(
        "PADV2",
        PadOp,
        Options("PadV2Options"),
        _read_pad,
        _write_pad,
        inputs=(3, 3),
        unsigned=Unsigned.SHIFTED,
        is_other_spelling=True,
        constraints="constant paddings and value",
    ),
    Rule(
        "CONCATENATION",
        ConcatenationOp,
        Options("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
        _read_concatenation,
        _write_concatenation,
        inputs=None,
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
        constraints="one quantization",
    ),
    Rule(
        "SPLIT",
        SplitOp,
        Options("SplitOptions", ("NumSplits",)),
        _read_split,
        _write_split,
        inputs=(2, 2),
        several_results=True,
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
        constraints="equal parts",
    ),
]
