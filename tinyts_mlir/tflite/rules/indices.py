"""ARG_MAX and ARG_MIN, whose results are indices."""

from __future__ import annotations

from typing import TypeVar

import tflite
from xdsl.dialects.builtin import TensorType

from tinyts_mlir.dialects.rows import is_index_type, numpy_type, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import ArgExtremeOp, ArgMaxOp, ArgMinOp, ReshapeOp
from tinyts_mlir.tflite.layer_reader import LayerReader, axis_from_front
from tinyts_mlir.tflite.layer_writer import LayerWriter
from tinyts_mlir.tflite.rule import INT8_VERSION, Options, Rule, Unsigned
from tinyts_mlir.tflite.tensors import UnsupportedLayer

ArgT = TypeVar("ArgT", bound=ArgExtremeOp)

OUTPUT_TYPES = {"int32": tflite.TensorType.INT32, "int64": tflite.TensorType.INT64}


def _arg(name: str, op_type: type[ArgT]) -> Rule[ArgT]:
    """The rule of an op whose layer leaves out the axis that the op keeps."""

    def read(layer: LayerReader) -> ReshapeOp:
        input, axes = layer.activation(0), layer.integers(1)
        shape = shape_of(input)
        axis = axis_from_front(axes[0], len(shape)) if len(axes) == 1 else -1
        if not 0 <= axis < len(shape):
            raise UnsupportedLayer(f"expected an axis of shape {list(shape)}, got {axes}")
        result = layer.movable_output_type()
        if not is_index_type(result.element_type):
            raise UnsupportedLayer(f"expected an output of {' or '.join(OUTPUT_TYPES)}, got {result.element_type}")
        stated, given = layer.option("OutputType"), numpy_type(result.element_type).name
        if stated != OUTPUT_TYPES[given]:
            raise UnsupportedLayer(f"expected an output of the type that the layer says, {stated}, got {given}")
        expected = [*shape[:axis], *shape[axis + 1 :]]
        if list(result.get_shape()) != (expected or [1]):
            raise UnsupportedLayer(f"expected an output of shape {expected}, got {list(result.get_shape())}")
        kept = TensorType(result.element_type, [*shape[:axis], 1, *shape[axis + 1 :]])
        return ReshapeOp([layer.add(op_type([[input]], kept, {"axis": axis}), "/index")], result)

    def write(layer: LayerWriter, op: ArgT) -> None:
        type, axis = tensor_type(op.result), op.axis.value.data
        shape = [size for position, size in enumerate(type.get_shape()) if position != axis]
        options = {"OutputType": OUTPUT_TYPES[numpy_type(type.element_type).name]}
        inputs = [layer.activation(op.input[0]), layer.integers("axis", [axis], [])]
        index = layer.tensor("index", TensorType(type.element_type, shape))
        layer.exported.append(name, INT8_VERSION, inputs, [index], options)
        layer.reshape(index, type)

    return Rule(
        name,
        op_type,
        Options(f"{name.title().replace('_', '')}Options", ("OutputType",)),
        read,
        write,
        inputs=(2, 2),
        unsigned=Unsigned.SHIFTED,
        types="int8 to int32, int64",
        constraints="a constant axis",
    )


RULES = [_arg("ARG_MAX", ArgMaxOp), _arg("ARG_MIN", ArgMinOp)]
