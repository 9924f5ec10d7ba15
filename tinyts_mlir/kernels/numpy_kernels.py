"""The int8 operations in numpy, byte for byte as LiteRT's reference kernels compute them.

A feature map is an int8 array of shape (rows, width, channels), be it a whole tensor or a window of its rows: then
`padding` is what remains of the padding for this window. Wherever the names are the same, arguments mean what the
fields in runtime/include/tinyts/kernels.h mean. Only the bias differs: here it is the model's own, not folded.
Windows must be consistent with their padding: no function checks that a caller passed the rows it meant to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tinyts_mlir.quantization import (
    INT8_MAX,
    INT8_MIN,
    INT32_MAX,
    INT32_MIN,
    AddParameters,
    SoftmaxParameters,
    requantize,
    requantize_once,
    requantize_real,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
    wrap_int32,
)

__all__ = [
    "add",
    "average_pool_2d",
    "conv_2d",
    "depthwise_conv_2d",
    "fully_connected",
    "fully_connected_in_integers",
    "lookup",
    "max_pool_2d",
    "mean",
    "pad",
    "softmax",
]

Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
Element = TypeVar("Element", np.int8, np.int16)
Pair = tuple[int, int]
"""(rows, columns)"""
Padding = tuple[int, int, int, int]
"""(top, bottom, left, right), in elements"""

INT8_RANGE = (INT8_MIN, INT8_MAX)


def conv_2d(
    input: Int8Array,
    weights: Int8Array,
    bias: Int32Array | None,
    multipliers: Int32Array,
    shifts: Int32Array,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """CONV_2D: (rows, width, channels) to (output rows, output width, output channels).

    `weights` has shape (output channels, height, width, input channels / groups); `bias`, `multipliers` and `shifts`
    have one element an output channel, or one for all. Source: ConvPerChannel in
    kernels/internal/reference/integer_ops/conv.h.
    """
    output_channels, height, width, group_channels = weights.shape
    groups = input.shape[2] // group_channels
    patches = _patches(_zero_padded(input, input_zero_point, padding), (height, width), stride, dilation)
    rows, columns = patches.shape[:2]
    # Sums of products stay below 2**53: doubles hold them exactly.
    matrices = weights.reshape(groups, output_channels // groups, -1).astype(np.float64)
    accumulators = np.empty((rows * columns, output_channels), np.int64)
    for group, matrix in enumerate(matrices):
        flat = patches[..., group * group_channels : (group + 1) * group_channels].reshape(rows * columns, -1)
        size = matrix.shape[0]
        accumulators[:, group * size : (group + 1) * size] = flat.astype(np.float64) @ matrix.T
    values = requantize(_with_bias(accumulators, bias), multipliers, shifts)
    return _to_bytes(values, output_zero_point, output_range).reshape(rows, columns, output_channels)


def depthwise_conv_2d(
    input: Int8Array,
    weights: Int8Array,
    bias: Int32Array | None,
    multipliers: Int32Array,
    shifts: Int32Array,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """DEPTHWISE_CONV_2D: (rows, width, channels) to (output rows, output width, output channels).

    `weights` has shape (height, width, output channels); output channel c reads input channel c / depth multiplier.
    The rest is as in `conv_2d`. Source: DepthwiseConvPerChannel in
    kernels/internal/reference/integer_ops/depthwise_conv.h.
    """
    height, width, output_channels = weights.shape
    padded = _zero_padded(input, input_zero_point, padding)
    if output_channels != padded.shape[2]:
        padded = np.repeat(padded, output_channels // padded.shape[2], axis=2)
    patches = _patches(padded, (height, width), stride, dilation)
    accumulators = np.zeros((patches.shape[0], patches.shape[1], output_channels), np.int64)
    for row in range(height):
        for column in range(width):
            accumulators += patches[:, :, row, column].astype(np.int64) * weights[row, column]
    return _to_bytes(requantize(_with_bias(accumulators, bias), multipliers, shifts), output_zero_point, output_range)


def fully_connected(
    input: Int8Array,
    weights: Int8Array,
    bias: Int32Array | None,
    scales: Float64Array,
    *,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """FULLY_CONNECTED as LiteRT has it: (batches, input channels) to (batches, output channels).

    `weights` has shape (output channels, input channels); `bias` and the `scales` of `fully_connected_scales` have one
    element an output channel, or one for all. Source: FullyConnected and FullyConnectedPerChannel in
    kernels/internal/reference/integer_ops/fully_connected.h, which compute with doubles behind the accumulators.
    """
    values = requantize_real(_fully_connected_accumulators(input, weights, bias, input_zero_point), scales)
    return _to_bytes(values, output_zero_point, output_range)


def fully_connected_in_integers(
    input: Int8Array,
    weights: Int8Array,
    bias: Int32Array | None,
    multipliers: Int32Array,
    shifts: Int32Array,
    *,
    input_zero_point: int = 0,
    output_zero_point: int = 0,
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """FULLY_CONNECTED as the C kernel has it; the same as `fully_connected` but for the scales.

    `multipliers` and `shifts` come from `fully_connected_multipliers`, which sees to it that no byte differs.
    """
    accumulators = _fully_connected_accumulators(input, weights, bias, input_zero_point)
    return _to_bytes(requantize_once(accumulators, multipliers, shifts), output_zero_point, output_range)


def add(first: Int8Array, second: Int8Array, parameters: AddParameters) -> Int8Array:
    """ADD of two arrays of the same shape, whatever it is. Raises ValueError if the shapes differ.

    Source: Add and AddFunc in kernels/internal/reference/integer_ops/add.h.
    """
    if first.shape != second.shape:
        raise ValueError(f"the operands of an addition must have the same shape, not {first.shape} and {second.shape}")

    def scaled(index: int, operand: Int8Array) -> Int64Array:
        # One of 256 values: cheaper to look up than to compute.
        values = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64) - parameters.input_zero_points[index]
        shifted = values << parameters.left_shift
        high = saturating_rounding_doubling_high_multiply(shifted, parameters.multipliers[index])
        table = rounding_divide_by_power_of_two(high, -parameters.shifts[index])
        return table[operand.astype(np.intp) + 128]

    total = wrap_int32(scaled(0, first) + scaled(1, second))
    output = requantize(total, parameters.output_multiplier, parameters.output_shift)
    return _to_bytes(output, parameters.output_zero_point, (parameters.output_minimum, parameters.output_maximum))


def average_pool_2d(
    input: Int8Array,
    filter: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """AVERAGE_POOL_2D: (rows, width, channels) to (output rows, output width, channels).

    The average of what lies inside the input, rounded with ties away from zero. Every window must touch it.
    Source: AveragePool in kernels/internal/reference/integer_ops/pooling.h.
    """
    sums = _patches(_padded(input, 0, padding), filter, stride).sum(axis=(2, 3), dtype=np.int64)
    inside = _padded(np.ones((*input.shape[:2], 1), np.int8), 0, padding)
    counts = _patches(inside, filter, stride).sum(axis=(2, 3), dtype=np.int64)
    magnitudes = (np.abs(sums) + counts // 2) // counts
    return np.clip(np.where(sums > 0, magnitudes, -magnitudes), *output_range).astype(np.int8)


def max_pool_2d(
    input: Int8Array,
    filter: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    output_range: tuple[int, int] = INT8_RANGE,
) -> Int8Array:
    """MAX_POOL_2D: (rows, width, channels) to (output rows, output width, channels); padding never is the maximum.

    Source: MaxPool in kernels/internal/reference/integer_ops/pooling.h.
    """
    patches = _patches(_padded(input, INT8_MIN, padding), filter, stride)
    return np.clip(patches.max(axis=(2, 3)), *output_range).astype(np.int8)


def mean(
    input: Int8Array, multiplier: int, shift: int, *, input_zero_point: int = 0, output_zero_point: int = 0
) -> Int8Array:
    """MEAN of all pixels: (rows, width, channels) to (channels,); `mean_multiplier` gives multiplier and shift.

    Source: QuantizedMeanOrSum in kernels/internal/reference/reduce.h.
    """
    rows, width, _ = input.shape
    sums = input.sum(axis=(0, 1), dtype=np.int64) - rows * width * input_zero_point
    return _to_bytes(requantize(sums, multiplier, shift), output_zero_point, INT8_RANGE)


def softmax(input: Int8Array, parameters: SoftmaxParameters) -> Int8Array:
    """SOFTMAX over the last axis of an array of any shape; the output has scale 1/256 and zero point -128.

    Where the sum of the exponentials is 512 or more, all results are -128; LiteRT aborts there.
    Source: Softmax in kernels/internal/reference/softmax.h.
    """
    # Everything before the sum depends only on the difference to the maximum: 256 values.
    differences = np.arange(-255, 1, dtype=np.int64)
    exponentials = _exp_on_negative_values(
        requantize(
            np.maximum(differences, parameters.difference_minimum),
            parameters.input_multiplier,
            parameters.input_left_shift,
        ).astype(np.int64)
    )
    counted = differences >= parameters.difference_minimum
    terms = np.where(counted, rounding_divide_by_power_of_two(exponentials, 12), 0)

    index = input.astype(np.int64) - input.max(axis=-1, keepdims=True) + 255
    # From a sum of 512.0 on all results are below half a step, and the reference aborts.
    sums = np.minimum(terms[index].sum(axis=-1, keepdims=True), 512 << 19)
    headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
    reciprocals = _one_over_one_plus_x((sums << headroom) - (1 << 31))
    products = saturating_rounding_doubling_high_multiply(reciprocals, exponentials[index])
    scaled = rounding_divide_by_power_of_two(products, 12 - headroom + 31 - 8)
    return np.where(counted[index], np.clip(scaled + INT8_MIN, *INT8_RANGE), INT8_MIN).astype(np.int8)


def pad(input: Int8Array, paddings: Sequence[Pair], value: int) -> Int8Array:
    """PAD: an array of any shape, with (before, after) elements of `value` added on each axis."""
    return np.pad(input, paddings, constant_values=value)


def lookup(input: Int8Array, table: Int8Array) -> Int8Array:
    """`table[x + 128]` for each x of an array of any shape; the table has shape (256,)."""
    return table[input.astype(np.intp) + 128]


# --- Windows and outputs -------------------------------------------------------------------------------------------


def _padded(input: npt.NDArray[Element], value: int, padding: Padding) -> npt.NDArray[Element]:
    top, bottom, left, right = padding
    return np.pad(input, ((top, bottom), (left, right), (0, 0)), constant_values=value) if any(padding) else input


def _zero_padded(input: Int8Array, zero_point: int, padding: Padding) -> npt.NDArray[np.int16]:
    """The input less its zero point; what padding adds is 0."""
    return _padded(input.astype(np.int16) - np.int16(zero_point), 0, padding)


def _patches(padded: npt.NDArray[Element], filter: Pair, stride: Pair, dilation: Pair = (1, 1)) -> npt.NDArray[Element]:
    """A view of shape (output rows, output columns, filter rows, filter columns, channels)."""
    height, width = ((size - 1) * step + 1 for size, step in zip(filter, dilation, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(0, 1))
    return np.moveaxis(windows[:: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]], 2, 4)


def _fully_connected_accumulators(
    input: Int8Array, weights: Int8Array, bias: Int32Array | None, input_zero_point: int
) -> Int32Array:
    products = (input.astype(np.float64) - input_zero_point) @ weights.astype(np.float64).T
    return _with_bias(products.astype(np.int64), bias)


def _with_bias(sums: Int64Array, bias: Int32Array | None) -> Int32Array:
    """The accumulators; overflow wraps as it does in the reference."""
    return wrap_int32(sums if bias is None else sums + bias)


def _to_bytes(values: Int32Array, zero_point: int, output_range: tuple[int, int]) -> Int8Array:
    return np.clip(wrap_int32(values.astype(np.int64) + zero_point), *output_range).astype(np.int8)


# --- gemmlowp's fixed-point functions: int32 values in int64 arrays ------------------------------------------------


def _multiply_by_power_of_two(values: Int64Array, exponent: int) -> Int64Array:
    """SaturatingRoundingMultiplyByPOT for a positive exponent."""
    return np.clip(values << exponent, INT32_MIN, INT32_MAX)


def _exp_on_negative_values(values: Int64Array) -> Int64Array:
    """exp_on_negative_values in fixedpoint/fixedpoint.h: Q5.26 to Q0.31."""
    multiply = saturating_rounding_doubling_high_multiply
    quarter = 1 << 24
    remainder = (values & (quarter - 1)) - quarter
    # exp on [-1/4, 0), by its Taylor series at -1/8
    x = (remainder << 5) + (1 << 28)
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4 = multiply(x2, x2)
    cubic = multiply(rounding_divide_by_power_of_two(x4, 2) + x3, 715827883) + x2
    result = 1895147668 + multiply(1895147668, x + rounding_divide_by_power_of_two(cubic, 1))
    # times exp(-2**e) for each bit of the whole quarters
    rest = remainder - values
    for exponent, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), -2):
        result = np.where(rest & (1 << (26 + exponent)), multiply(result, factor), result)
    return np.where(values == 0, INT32_MAX, result)


def _one_over_one_plus_x(values: Int64Array) -> Int64Array:
    """one_over_one_plus_x_for_x_in_0_1 in fixedpoint/fixedpoint.h: Q0.31 to Q0.31."""
    multiply = saturating_rounding_doubling_high_multiply
    half_denominator = (values + INT32_MAX + 1) >> 1
    # Newton's method in Q2.29, from 48/17 - 32/17 * half_denominator
    x = 1515870810 + multiply(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - multiply(half_denominator, x)
        x = x + _multiply_by_power_of_two(multiply(x, error), 2)
    return _multiply_by_power_of_two(x, 1)
