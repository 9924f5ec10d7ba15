"""What a file says about its tensors, checked and as types."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerType, TensorType, f32, i8, i16, i32, i64
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects.quant import UNSIGNED_BYTE, UniformQuantizedType
from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK
from tinyts_mlir.tflite.file import FileTensor, TfliteFile, quoted

FULL_INTEGER = "convert the model with full integer quantization"
ACTIVATION_TYPES: dict[str, IntegerType] = {"int8": i8, "int16": i16}
"""The types of what is between layers; int8 stands for uint8."""
EDGE_TYPES = ("int8", "uint8", "int16", "float32")
"""The types of what a model takes or gives."""
UNSIGNED_OFFSET = 128
"""What bytes and zero points of a uint8 tensor are more than those of the int8 tensor that stands for it."""
INDEX_TYPES: dict[str, IntegerType] = {"int32": i32, "int64": i64}
"""The types of indices, which layers may make, move and give."""
MAXIMUM_ELEMENTS = (1 << 31) - 1


class UnsupportedLayer(Exception):
    """A layer, an input or an output cannot be compiled; the text is the reason."""


def _is_open(tensor: FileTensor) -> bool:
    """Whether a file leaves a dimension open that is no batch."""
    return any(size < 0 for size in tensor.signature[1:])


class Tensors:
    """The tensors of a file. Everything here raises UnsupportedLayer for what cannot be compiled."""

    def __init__(self, file: TfliteFile) -> None:
        self.file = file
        inputs = [file.tensors[index] for index in file.inputs if 0 <= index < len(file.tensors)]
        self.has_fixed_inputs = not any(map(_is_open, inputs))
        """Whether the shapes of all inputs are known, but for batches: so are those of what layers make of them."""

    def get(self, index: int) -> FileTensor:
        """The tensor with this index."""
        if not 0 <= index < len(self.file.tensors):
            raise UnsupportedLayer(f"expected a tensor index below {len(self.file.tensors)}, got {index}")
        return self.file.tensors[index]

    def label(self, index: int) -> str:
        """How messages call the tensor with this index."""
        return self.file.tensors[index].label if 0 <= index < len(self.file.tensors) else quoted("?")

    def bytes_of(self, tensor: FileTensor) -> npt.NDArray[np.uint8]:
        """The contents of a tensor's buffer; none for an activation."""
        if tensor.buffer >= len(self.file.buffers):
            count = len(self.file.buffers)
            raise UnsupportedLayer(f"expected {tensor.label} to have a buffer below {count}, got {tensor.buffer}")
        return self.file.buffers[tensor.buffer]

    def is_constant(self, tensor: FileTensor) -> bool:
        """Whether a tensor has contents."""
        return len(self.bytes_of(tensor)) > 0

    def activation_type(self, tensor: FileTensor) -> TensorType[Attribute]:
        """The type of an input or an output of a layer: int8 also for uint8, whose zero point is then 128 less."""
        if tensor.type not in (*ACTIVATION_TYPES, "uint8"):
            raise UnsupportedLayer(f"expected int8 or int16 activations, got {tensor.type}; {FULL_INTEGER}")
        type = self.edge_type(tensor)
        return TensorType(self.shifted_type(tensor), type.get_shape()) if tensor.type == "uint8" else type

    def shifted_type(self, tensor: FileTensor) -> UniformQuantizedType:
        """The quantization of the int8 tensor that stands for a uint8 tensor with one scale."""
        type = self.element_type(tensor, UNSIGNED_BYTE)
        if type.is_per_axis:
            raise UnsupportedLayer(
                f"expected one scale for {tensor.label}, as uint8 tensors have in LiteRT, got {len(type.scales)}; "
                "convert the model with int8 quantization"
            )
        return UniformQuantizedType.per_tensor(i8, type.scale, type.zero_point - UNSIGNED_OFFSET)

    def edge_type(self, tensor: FileTensor) -> TensorType[Attribute]:
        """The type of what a model takes or gives, which may be float32 or uint8 as well."""
        if tensor.type not in EDGE_TYPES:
            raise UnsupportedLayer(
                f"expected {', '.join(EDGE_TYPES)} as input or output, got {tensor.type}; {FULL_INTEGER}"
            )
        shape = self._fixed_shape(tensor)
        if tensor.type == "float32":
            return TensorType(f32, shape)
        element_type = self.element_type(tensor, ACTIVATION_TYPES.get(tensor.type, UNSIGNED_BYTE))
        if element_type.is_per_axis:
            raise UnsupportedLayer(f"expected one scale for {tensor.label}, got {len(element_type.scales)}")
        return TensorType(element_type, shape)

    def movable_type(self, tensor: FileTensor) -> TensorType[Attribute]:
        """The type of an input or an output of a layer that only moves elements: int8, int16, or indices."""
        if tensor.type in INDEX_TYPES:
            return TensorType(INDEX_TYPES[tensor.type], self._fixed_shape(tensor))
        return self.activation_type(tensor)

    def requantized_type(self, tensor: FileTensor) -> TensorType[Attribute]:
        """The type of what QUANTIZE makes, which may be int32 with a scale."""
        if tensor.type != "int32":
            return self.edge_type(tensor)
        element_type = self.element_type(tensor, i32)
        if element_type.is_per_axis:
            raise UnsupportedLayer(f"expected one scale for {tensor.label}, got {len(element_type.scales)}")
        return TensorType(element_type, self._fixed_shape(tensor))

    def state_type(self, tensor: FileTensor) -> TensorType[Attribute]:
        """The type of what a variable holds, and of a variable tensor."""
        tensor = replace(tensor, is_variable=False)
        if tensor.type != "int16":
            return self.movable_type(tensor)
        type = TensorType(self.element_type(tensor, i16), self._fixed_shape(tensor))
        if type.element_type.is_per_axis:
            raise UnsupportedLayer(f"expected one scale for {tensor.label}, got {len(type.element_type.scales)}")
        return type

    def map_type(self, tensor: FileTensor) -> TensorType[Attribute]:
        """The type of what any layer makes."""
        return self.movable_type(tensor) if tensor.type in INDEX_TYPES else self.edge_type(tensor)

    def _fixed_shape(self, tensor: FileTensor) -> tuple[int, ...]:
        """The shape of a tensor without open dimensions, and with a batch of 1 where it has one."""
        shape = self.checked_shape(tensor)
        if _is_open(tensor) and (tensor.index in self.file.inputs or not self.has_fixed_inputs):
            raise UnsupportedLayer(
                f"expected a fixed shape, got {list(tensor.signature)} for {tensor.label}; "
                "convert the model with a fixed input shape"
            )
        batch = shape[0]
        if batch != 1 and (len(shape) == FEATURE_MAP_RANK or tensor.signature[:1] == (-1,)):
            raise UnsupportedLayer(
                f"expected a batch of 1, got shape {list(shape)} for {tensor.label}; "
                "convert the model with batch size 1"
            )
        return shape

    def checked_shape(self, tensor: FileTensor) -> tuple[int, ...]:
        """The shape of a tensor that is fit for use."""
        if tensor.is_variable:
            raise UnsupportedLayer(f"expected no variable tensors, got {tensor.label}; use a model without state")
        if tensor.is_sparse:
            raise UnsupportedLayer(f"expected dense tensors, got the sparse {tensor.label}; convert without sparsity")
        if not tensor.shape and tensor.type in INDEX_TYPES and not tensor.signature:
            return (1,)  # the only index of a vector
        if not tensor.shape or min(tensor.shape) < 1 or prod(tensor.shape) > MAXIMUM_ELEMENTS:
            raise UnsupportedLayer(
                f"expected a fixed shape of 1 to 2^31 - 1 elements, got {list(tensor.shape)} for {tensor.label}"
            )
        return tensor.shape

    def element_type(self, tensor: FileTensor, storage: IntegerType) -> UniformQuantizedType:
        """The quantization of a tensor as an element type: per tensor where there is one scale."""
        quantization = tensor.quantization
        if quantization is None:
            raise UnsupportedLayer(f"expected {tensor.label} to have a scale, got no quantization; {FULL_INTEGER}")
        scales, zero_points = quantization.scales, quantization.zero_points
        if len(zero_points) < len(scales) and len(set(zero_points)) <= 1:
            # Some converters write one zero point for all scales, or none where it is 0.
            zero_points = (zero_points or (0,))[:1] * len(scales)
        if quantization.is_custom or len(zero_points) != len(scales):
            raise UnsupportedLayer(
                f"expected {tensor.label} to have as many zero points as scales, "
                f"got {'a custom quantization' if quantization.is_custom else f'{len(zero_points)} and {len(scales)}'}"
            )
        # A vector has one dimension, whichever one the file names: TFLM's person_detect has biases like that.
        axis = quantization.dimension if len(tensor.shape) != 1 else 0
        if not 0 <= axis < len(tensor.shape) or len(scales) not in (1, tensor.shape[axis]):
            raise UnsupportedLayer(
                f"expected one scale for {tensor.label}, or one for each index along a dimension of "
                f"{list(tensor.shape)}, got {len(scales)} along dimension {axis}"
            )
        try:
            if len(scales) == 1:
                return UniformQuantizedType.per_tensor(storage, scales[0], zero_points[0])
            return UniformQuantizedType.per_axis(storage, scales, zero_points, axis)
        except VerifyException as error:
            raise UnsupportedLayer(f"{str(error).removeprefix('quant.uniform: ')} for {tensor.label}") from None
