"""What families of kernels ask of the operands and results of an op."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import quantization_of, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts import ConstantOp
from tinyts_mlir.quantization import (
    INT8_MAX,
    INT8_MIN,
    Activation,
    QuantizedMultipliers,
    activation_range,
    convolution_multipliers,
    product_multiplier,
)


def constant_of(value: SSAValue) -> ConstantOp:
    """The op behind weights or a bias; raises ValueError when they are no constant."""
    if not isinstance(op := value.owner, ConstantOp):
        raise ValueError("expected weights and biases to be constants of the model")
    return op


def int8_weights(value: SSAValue) -> NDArray[np.int8]:
    """Weights in their shape."""
    op = constant_of(value)
    return np.frombuffer(op.value.data.data, np.int8).reshape(op.value.get_shape())


def centred_weights(value: SSAValue) -> NDArray[np.int8] | NDArray[np.int16]:
    """Weights in their shape, less their zero point where they have one: int8, or int16 where these do not fit."""
    type = quantization_of(value)
    if not type.is_unsigned and not any(type.zero_points):
        return int8_weights(value)
    op = constant_of(value)
    if op not in _CENTRED:
        _CENTRED[op] = _centred(op, type)
    return _CENTRED[op]


_CENTRED: WeakKeyDictionary[ConstantOp, NDArray[np.int8] | NDArray[np.int16]] = WeakKeyDictionary()
"""What costs were asked of before: each band of a layer asks again."""


def _centred(op: ConstantOp, type: UniformQuantizedType) -> NDArray[np.int8] | NDArray[np.int16]:
    stored = np.frombuffer(op.value.data.data, np.uint8 if type.is_unsigned else np.int8).reshape(op.value.get_shape())
    centred = stored.astype(np.int16) - np.int16(type.zero_point)
    fits = centred.size == 0 or (centred.min() >= INT8_MIN and centred.max() <= INT8_MAX)
    return centred.astype(np.int8) if fits else centred


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


BIAS_TOLERANCE = 0.02
"""How far the scale of a bias may be from that of the sums, in output scales."""


def layer_multipliers(
    filter: UniformQuantizedType, input_scale: float, output_scale: float, channels: int
) -> QuantizedMultipliers:
    """The multipliers of a convolution of any kind, one for each output channel; ValueError as of what computes them.

    With a filter of u8 LiteRT multiplies the scales in single precision.
    """
    if not filter.is_unsigned:
        return convolution_multipliers(input_scale, per_channel(filter.scales, channels), output_scale)
    multiplier, shift = product_multiplier(input_scale, filter.scale, output_scale)
    return QuantizedMultipliers(np.full(channels, multiplier, np.int32), np.full(channels, shift, np.int32))


def check_product_of_scales(input: float, filter: float, bias: float | None, output: float) -> None:
    """Raises ValueError for scales that LiteRT refuses where the filter has one.

    Source: GetQuantizedConvolutionMultipler in kernels/kernel_util.cc.
    """
    product = input * filter
    if bias is not None and not abs(product - bias) / output <= BIAS_TOLERANCE:
        raise ValueError(
            f"expected a bias scale of {product:.9g}, the product of the scales of input and filter, within "
            f"{BIAS_TOLERANCE} of the output scale, got {bias:.9g}"
        )
    if np.float32(input) * np.float32(filter) < 0:
        raise ValueError(f"expected no negative product of the scales of input and filter, got {product:.9g}")


def bias_scale_of(bias: SSAValue | None) -> float | None:
    """What LiteRT takes for a bias's scale: where there are several, none; None without a bias."""
    if bias is None:
        return None
    type = quantization_of(bias)
    return 0.0 if type.is_per_axis else type.scale


def range_of(activation: str, result: SSAValue) -> tuple[int, int]:
    """The least and the greatest byte of a result with this fused activation; ValueError as of `activation_range`."""
    type = quantization_of(result)
    return activation_range(Activation[activation.upper()], type.scale, type.zero_point, type.limits)
