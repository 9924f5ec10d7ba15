"""The parameters of kernels: as Python values, and as the attributes that hold them in `tinyrt`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

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

IntArray = NDArray[np.int8] | NDArray[np.int16] | NDArray[np.int32] | NDArray[np.uint32]
Parameter = int | tuple[int, ...] | IntArray
"""A number, a short array that stands in the struct itself, or a constant array that the struct points to."""
Parameters = Mapping[str, Parameter]
"""The fields of a parameter struct by name; a pointer that is not there is NULL."""


def dense(array: IntArray) -> DenseIntOrFPElementsAttr:
    """A numpy array of integers as an attribute."""
    signedness = Signedness.UNSIGNED if array.dtype.kind == "u" else Signedness.SIGNLESS
    type = TensorType(IntegerType(array.dtype.itemsize * 8, signedness), array.shape)
    return DenseIntOrFPElementsAttr(type, BytesAttr(np.ascontiguousarray(array).tobytes()))


def array_of(attribute: DenseIntOrFPElementsAttr) -> IntArray:
    """The array that `dense` made an attribute of, in its shape."""
    element_type = cast(IntegerType, attribute.type.element_type)
    kind = "u" if element_type.signedness.data == Signedness.UNSIGNED else "i"
    array = np.frombuffer(attribute.data.data, f"<{kind}{element_type.width.data // 8}")
    return array.reshape(attribute.get_shape())


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
            return array_of(attribute)
        case _:
            raise CompileError(f"a kernel parameter cannot be {attribute}")


# --- Reading single fields -----------------------------------------------------------------------------------------


def integer(parameters: Parameters, field: str) -> int:
    """A field that is a number."""
    return int(cast(int, parameters[field]))


def integers(parameters: Parameters, field: str) -> tuple[int, ...]:
    """A field that is a short array."""
    return cast(tuple[int, ...], parameters[field])


def int8_array(parameters: Parameters, field: str) -> NDArray[np.int8]:
    """A field that points to int8."""
    return cast(NDArray[np.int8], parameters[field])


def int32_array(parameters: Parameters, field: str) -> NDArray[np.int32]:
    """A field that points to int32."""
    return cast(NDArray[np.int32], parameters[field])


def output_range(parameters: Parameters) -> tuple[int, int]:
    """The least and the greatest byte of a result."""
    return integer(parameters, "output_minimum"), integer(parameters, "output_maximum")
