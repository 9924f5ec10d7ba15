"""What families of kernels ask of the operands and results of an op."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.rows import quantization_of, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts import ConstantOp
from tinyts_mlir.quantization import Activation, activation_range


def constant_of(value: SSAValue) -> ConstantOp:
    """The op behind weights or a bias; raises ValueError when they are no constant."""
    if not isinstance(op := value.owner, ConstantOp):
        raise ValueError("expected weights and biases to be constants of the model")
    return op


def int8_weights(value: SSAValue) -> NDArray[np.int8]:
    """Weights in their shape."""
    op = constant_of(value)
    return np.frombuffer(op.value.data.data, np.int8).reshape(op.value.get_shape())


def int32_bias(value: SSAValue | None) -> NDArray[np.int32] | None:
    """A bias, where there is one."""
    return None if value is None else np.frombuffer(constant_of(value).value.data.data, np.int32)


def int16_constant(value: SSAValue) -> NDArray[np.int16]:
    """A constant operand of int16, in its shape."""
    op = constant_of(value)
    return np.frombuffer(op.value.data.data, "<i2").reshape(op.value.get_shape()).astype(np.int16)


def whole_shape_of(value: SSAValue) -> tuple[int, ...]:
    """The shape of the whole feature map of which a value is a band, or which it is."""
    return whole_shape(tensor_type(value))


def per_channel(scales: Sequence[float], channels: int) -> list[float]:
    """A scale for each channel, of one for all or one for each."""
    return list(scales) if len(scales) == channels else [scales[0]] * channels


def range_of(activation: str, result: SSAValue) -> tuple[int, int]:
    """The least and the greatest byte of a result with this fused activation; ValueError as of `activation_range`."""
    type = quantization_of(result)
    return activation_range(Activation[activation.upper()], type.scale, type.zero_point, type.limits)
