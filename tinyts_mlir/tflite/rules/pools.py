"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN."""

from __future__ import annotations

from typing import TypeVar

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, FEATURE_MAP_RANK, HEIGHT, WIDTH, shape_of
from tinyts_mlir.dialects.tinyts import AveragePool2DOp, MaxPool2DOp, MeanOp, PoolOp
from tinyts_mlir.tflite.file import OptionValue
from tinyts_mlir.tflite.layer_reader import LayerReader, axis_from_front
from tinyts_mlir.tflite.layer_writer import ACTIVATION_CODES, LayerWriter, padding_scheme
from tinyts_mlir.tflite.rule import INT8_VERSION, Options, Rule
from tinyts_mlir.tflite.tensors import UnsupportedLayer

PoolT = TypeVar("PoolT", bound=PoolOp)

FIELDS = ("Padding", "StrideH", "StrideW", "FusedActivationFunction", "FilterHeight", "FilterWidth")


def _pool(name: str, op_type: type[PoolT]) -> Rule[PoolT]:
    def read(layer: LayerReader) -> PoolT:
        input, result = layer.activation(0), layer.output_type()
        size = [layer.integer_option("FilterHeight"), layer.integer_option("FilterWidth")]
        window = layer.window(input, size, [1, 1])
        return op_type([[input]], result, {"window": size, **window, "activation": layer.activation_function()})

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

    return Rule(name, op_type, Options("Pool2DOptions", FIELDS), read, write)


def _read_mean(layer: LayerReader) -> MeanOp:
    input, result = layer.activation(0), layer.output_type()
    shape, axes = shape_of(input), layer.integers(1)
    if len(shape) != FEATURE_MAP_RANK or {axis_from_front(axis, len(shape)) for axis in axes} != {HEIGHT, WIDTH}:
        raise UnsupportedLayer(
            "expected the mean over the rows and columns of a feature map, axes [1, 2], "
            f"got axes {axes} of shape {list(shape)}"
        )
    expected = [1, 1, 1, shape[CHANNELS]] if layer.option("KeepDims") else [1, shape[CHANNELS]]
    if list(result.get_shape()) != expected:
        raise UnsupportedLayer(f"expected an output of shape {expected}, got {list(result.get_shape())}")
    return MeanOp([[input]], result)


def _write_mean(layer: LayerWriter, op: MeanOp) -> None:
    axes = layer.integers("axes", [HEIGHT, WIDTH], [2])
    options: dict[str, OptionValue] = {"KeepDims": len(shape_of(op.result)) == FEATURE_MAP_RANK}
    layer.add("MEAN", INT8_VERSION, [layer.activation(op.input[0]), axes], options)


RULES = [
    _pool("AVERAGE_POOL_2D", AveragePool2DOp),
    _pool("MAX_POOL_2D", MaxPool2DOp),
    Rule(
        "MEAN",
        MeanOp,
        Options("ReducerOptions", ("KeepDims",)),
        _read_mean,
        _write_mean,
        inputs=(2, 2),
    ),
]
