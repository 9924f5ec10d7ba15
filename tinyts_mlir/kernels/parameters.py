"""The parameters of kernels: as Python values, and as the attributes that hold them in `tinyrt`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    BytesAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    IntegerType,
    Signedness,
    TensorType,
)
from xdsl.ir import Attribute

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.errors import CompileError

IntArray = NDArray[np.int8] | NDArray[np.int32] | NDArray[np.uint32]
Parameter = int | tuple[int, ...] | IntArray
"""A number, a short array that stands in the struct itself, or a constant array that the struct points to."""


def dense(array: NDArray[np.int8] | NDArray[np.int32] | NDArray[np.uint32]) -> DenseIntOrFPElementsAttr:
    """A numpy array of integers as an attribute."""
    signedness = Signedness.UNSIGNED if array.dtype.kind == "u" else Signedness.SIGNLESS
    type = TensorType(IntegerType(array.dtype.itemsize * 8, signedness), array.shape)
    return DenseIntOrFPElementsAttr(type, BytesAttr(np.ascontiguousarray(array).tobytes()))


def parameter_attribute(value: Parameter) -> Attribute:
    """A kernel parameter as an attribute: a number, a short array, or a constant."""
    return dense(value) if isinstance(value, np.ndarray) else assembly.to_attribute(value)


def parameter_value(attribute: Attribute) -> Parameter:
    """A kernel parameter from its attribute, the inverse of `parameter_attribute`."""
    match attribute:
        case IntegerAttr():
            return attribute.value.data
        case DenseArrayBase():
            return int_values(attribute)
        case DenseIntOrFPElementsAttr():
            width = attribute.type.element_type.width.data // 8  # type: ignore[union-attr]
            return np.frombuffer(attribute.data.data, f"<i{width}").reshape(attribute.get_shape())
        case _:
            raise CompileError(f"a kernel parameter cannot be {attribute}")
