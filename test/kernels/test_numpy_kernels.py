"""Kernels against literal loops over every output, tap and channel."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import reference_kernels as kernels

from tinyts_mlir.quantization import (
    add_parameters,
    convolution_multipliers,
    fully_connected_multipliers,
    fully_connected_scales,
    leaky_relu_table,
    mean_multiplier,
    requantize,
    softmax_parameters,
    wrap_int32,
)

Int8Array = npt.NDArray[np.int8]
SEEDS = range(24)


def random_bytes(random: np.random.Generator, *shape: int) -> Int8Array:
    return random.integers(-128, 128, shape).astype(np.int8)


def byte(accumulator: int, multiplier: int, shift: int, zero_point: int, output_range: tuple[int, int]) -> int:
    scaled = int(requantize(wrap_int32(np.array([accumulator], np.int64)), multiplier, shift)[0])
    return min(max(scaled + zero_point, output_range[0]), output_range[1])


class Window:
    """A random window geometry with an input to it."""

    def __init__(self, random: np.random.Generator, channels: int, dilate: bool = True):
        self.filter = tuple(int(size) for size in random.integers(1, 4, 2))
        self.stride = tuple(int(size) for size in random.integers(1, 4, 2))
        self.dilation = tuple(int(size) for size in random.integers(1, 3, 2)) if dilate else (1, 1)
        self.extent = tuple((size - 1) * step + 1 for size, step in zip(self.filter, self.dilation, strict=True))
        # Less padding than filter, so that each window touches the input.
        before = [int(random.integers(0, size)) for size in self.filter]
        after = [int(random.integers(0, size)) for size in self.filter]
        self.padding = (before[0], after[0], before[1], after[1])
        self.before = before
        sizes = [
            max(extent - low - high, 1) + int(random.integers(0, 5))
            for extent, low, high in zip(self.extent, before, after, strict=True)
        ]
        self.input = random_bytes(random, *sizes, channels)
        self.output = tuple(
            (size + low + high - extent) // step + 1
            for size, low, high, extent, step in zip(sizes, before, after, self.extent, self.stride, strict=True)
        )

    def taps(self, row: int, column: int) -> list[tuple[int, int, int, int]]:
        """(filter row, filter column, input row, input column) of the taps inside the input."""
        found: list[tuple[int, int, int, int]] = []
        for i in range(self.filter[0]):
            for j in range(self.filter[1]):
                y = row * self.stride[0] - self.before[0] + i * self.dilation[0]
                x = column * self.stride[1] - self.before[1] + j * self.dilation[1]
                if 0 <= y < self.input.shape[0] and 0 <= x < self.input.shape[1]:
                    found.append((i, j, y, x))
        return found


def layer(random: np.random.Generator, channels: int):
    """A bias, which may overflow, and requantization and output parameters."""
    large = random.random() < 0.5
    bias = random.integers(-(1 << 31) if large else -3000, 1 << 31 if large else 3000, channels).astype(np.int32)
    scales = random.choice([1, -1], channels) * np.exp(random.uniform(-12, 2, channels))
    multipliers, shifts = convolution_multipliers(1.0, scales, 1.0)
    low = int(random.integers(-128, 0))
    return (
        None if random.random() < 0.2 else bias,
        multipliers,
        shifts,
        {
            "input_zero_point": int(random.integers(-128, 128)),
            "output_zero_point": int(random.integers(-128, 128)),
            "output_range": (low, int(random.integers(0, 128))),
        },
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_conv_2d(seed: int):
    random = np.random.default_rng(seed)
    groups, group_inputs, group_outputs = (int(size) for size in random.integers(1, 4, 3))
    window = Window(random, groups * group_inputs)
    weights = random_bytes(random, groups * group_outputs, *window.filter, group_inputs)
    bias, multipliers, shifts, rest = layer(random, groups * group_outputs)
    result = kernels.conv_2d(
        window.input,
        weights,
        bias,
        multipliers,
        shifts,
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        **rest,
    )
    assert result.dtype == np.int8
    assert result.shape == (*window.output, groups * group_outputs)
    for row, column, channel in np.ndindex(*result.shape):
        total = 0 if bias is None else int(bias[channel])
        for i, j, y, x in window.taps(row, column):
            for c in range(group_inputs):
                value = int(window.input[y, x, channel // group_outputs * group_inputs + c])
                total += int(weights[channel, i, j, c]) * (value - rest["input_zero_point"])
        expected = byte(
            total, int(multipliers[channel]), int(shifts[channel]), rest["output_zero_point"], rest["output_range"]
        )
        assert result[row, column, channel] == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_depthwise_conv_2d(seed: int):
    random = np.random.default_rng(seed)
    channels, depth_multiplier = (int(size) for size in random.integers(1, 4, 2))
    window = Window(random, channels)
    weights = random_bytes(random, *window.filter, channels * depth_multiplier)
    bias, multipliers, shifts, rest = layer(random, channels * depth_multiplier)
    result = kernels.depthwise_conv_2d(
        window.input,
        weights,
        bias,
        multipliers,
        shifts,
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        **rest,
    )
    assert result.dtype == np.int8
    assert result.shape == (*window.output, channels * depth_multiplier)
    for row, column, channel in np.ndindex(*result.shape):
        total = 0 if bias is None else int(bias[channel])
        for i, j, y, x in window.taps(row, column):
            value = int(window.input[y, x, channel // depth_multiplier])
            total += int(weights[i, j, channel]) * (value - rest["input_zero_point"])
        expected = byte(
            total, int(multipliers[channel]), int(shifts[channel]), rest["output_zero_point"], rest["output_range"]
        )
        assert result[row, column, channel] == expected


def test_one_multiplier_serves_all_channels():
    random = np.random.default_rng(0)
    window, weights = random_bytes(random, 4, 4, 3), random_bytes(random, 5, 2, 2, 3)
    multiplier, shift = convolution_multipliers(0.5, [0.01], 0.7)
    one = kernels.conv_2d(window, weights, None, multiplier, shift)
    many = kernels.conv_2d(window, weights, None, np.repeat(multiplier, 5), np.repeat(shift, 5))
    assert one.tolist() == many.tolist()


def test_windows_of_rows_make_up_the_whole():
    random = np.random.default_rng(1)
    image, weights = random_bytes(random, 9, 6, 3), random_bytes(random, 4, 3, 3, 3)
    multipliers, shifts = convolution_multipliers(1.0, [0.001] * 4, 1.0)
    whole = kernels.conv_2d(image, weights, None, multipliers, shifts, padding=(1, 1, 1, 1), input_zero_point=7)
    for row in range(9):
        first, last = max(row - 1, 0), min(row + 2, 9)
        padding = (first - (row - 1), row + 2 - last, 1, 1)
        rows = image[first:last]
        band = kernels.conv_2d(rows, weights, None, multipliers, shifts, padding=padding, input_zero_point=7)
        assert band.tolist() == whole[row : row + 1].tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_fully_connected(seed: int):
    random = np.random.default_rng(seed)
    batches, inputs, outputs = (int(size) for size in random.integers(1, 9, 3))
    vectors, weights = random_bytes(random, batches, inputs), random_bytes(random, outputs, inputs)
    bias = random.integers(-9000, 9000, outputs).astype(np.int32) if seed % 3 else None
    filter_scales = np.exp(random.uniform(-9, -3, outputs if seed % 2 else 1))
    scales = fully_connected_scales(0.5, filter_scales, 0.75)
    rest = layer(random, 1)[3]
    result = kernels.fully_connected(vectors, weights, bias, scales, **rest)
    multipliers = fully_connected_multipliers(scales, 1 << 20)
    integers = kernels.fully_connected_in_integers(vectors, weights, bias, multipliers, **rest)
    assert integers.dtype == result.dtype == np.int8
    assert integers.tolist() == result.tolist()
    for batch, channel in np.ndindex(batches, outputs):
        total = 0 if bias is None else int(bias[channel])
        for c in range(inputs):
            total += int(weights[channel, c]) * (int(vectors[batch, c]) - rest["input_zero_point"])
        product = total * float(scales[channel % len(scales)])
        scaled = int(math.copysign(math.floor(abs(product) + 0.5), product))
        low, high = rest["output_range"]
        assert result[batch, channel] == min(max(scaled + rest["output_zero_point"], low), high)


def test_fully_connected_wraps():
    weights, bias = np.array([[127], [-127]], np.int8), np.array([(1 << 31) - 1, -(1 << 31)], np.int32)
    result = kernels.fully_connected(np.array([[127]], np.int8), weights, bias, np.array([2.0**-25]))
    assert result.tolist() == [[-64, 64]]


@pytest.mark.parametrize("seed", SEEDS)
def test_add(seed: int):
    random = np.random.default_rng(seed)
    first, second = random_bytes(random, 3, 5, 4), random_bytes(random, 3, 5, 4)
    scales = np.exp(random.uniform(-5, 0, 3))
    zero_points = [int(value) for value in random.integers(-128, 128, 3)]
    parameters = add_parameters(
        (float(scales[0]), float(scales[1])),
        (zero_points[0], zero_points[1]),
        float(scales[2]),
        zero_points[2],
        (-99, 98),
    )
    result = kernels.add(first, second, parameters)
    assert result.dtype == np.int8
    for index in np.ndindex(*first.shape):
        total = sum(
            int(
                requantize(
                    (int(operand[index]) - parameters.input_zero_points[i]) << 20,
                    parameters.multipliers[i],
                    parameters.shifts[i],
                )
            )
            for i, operand in enumerate((first, second))
        )
        expected = int(requantize(total, parameters.output_multiplier, parameters.output_shift)) + zero_points[2]
        assert result[index] == min(max(expected, -99), 98)
        real = scales[0] * (int(first[index]) - zero_points[0]) + scales[1] * (int(second[index]) - zero_points[1])
        assert abs(min(max(real / scales[2] + zero_points[2], -99), 98) - result[index]) < 1.01


def test_add_rejects_different_shapes():
    parameters = add_parameters((1.0, 1.0), (0, 0), 1.0, 0)
    with pytest.raises(ValueError, match="same shape"):
        kernels.add(np.zeros((2, 3), np.int8), np.zeros((3,), np.int8), parameters)


@pytest.mark.parametrize("seed", SEEDS)
def test_pools(seed: int):
    random = np.random.default_rng(seed)
    window = Window(random, 3, dilate=False)
    output_range = (-90, 80)
    arguments = {"stride": window.stride, "padding": window.padding, "output_range": output_range}
    average = kernels.average_pool_2d(window.input, window.filter, **arguments)
    maximum = kernels.max_pool_2d(window.input, window.filter, **arguments)
    assert average.dtype == maximum.dtype == np.int8
    assert average.shape == maximum.shape == (*window.output, 3)
    for row, column, channel in np.ndindex(*average.shape):
        values = [int(window.input[y, x, channel]) for _, _, y, x in window.taps(row, column)]
        total, count = sum(values), len(values)
        mean = (total + count // 2) // count if total > 0 else -((-total + count // 2) // count)
        assert average[row, column, channel] == min(max(mean, -90), 80)
        assert maximum[row, column, channel] == min(max(*values, -128, -90), 80)


@pytest.mark.parametrize("seed", SEEDS)
def test_mean(seed: int):
    random = np.random.default_rng(seed)
    input = random.integers(-128, 128, random.integers(1, 8, 3), np.int8)
    count, zero_point = input[:, :, 0].size, int(random.integers(-128, 128))
    multiplier, shift = mean_multiplier(0.05, float(random.uniform(0.01, 0.1)), count)
    means = kernels.mean(input, multiplier, shift, input_zero_point=zero_point, output_zero_point=-9)
    assert means.dtype == np.int8
    assert means.shape == input.shape[2:]
    for channel, found in enumerate(means):
        total = sum(int(value) - zero_point for value in input[:, :, channel].reshape(-1))
        exact = total * multiplier * 2.0 ** (shift - 31) - 9
        assert abs(found - min(max(exact, -128), 127)) <= 0.5 + 2.0 ** min(shift, 0) / 2  # two roundings


@pytest.mark.parametrize("depth", [1, 2, 10, 300])
@pytest.mark.parametrize("scale", [2.0**-8, 0.1, 1.0, 10.0])
def test_softmax(depth: int, scale: float):
    random = np.random.default_rng(depth)
    vectors = random_bytes(random, 4, 3, depth)
    result = kernels.softmax(vectors, softmax_parameters(1.0, scale))
    assert result.dtype == np.int8
    powers = np.exp(scale * (vectors - vectors.max(axis=-1, keepdims=True).astype(np.float64)))
    expected = np.minimum(256 * powers / powers.sum(axis=-1, keepdims=True) - 128, 127)
    assert abs(result - expected).max() < 0.51


def test_softmax_known_values():
    """Recorded from LiteRT 2.3.0."""
    vectors = np.array([[1, 2, 3, 0]], np.int8)
    assert kernels.softmax(vectors, softmax_parameters(1.0, float(np.float32(0.1)))).tolist() == [[-68, -61, -54, -73]]
    huge = softmax_parameters(1e10, 1e10)
    assert kernels.softmax(vectors, huge).tolist() == [[-128, -128, 127, -128]]


@pytest.mark.parametrize(("depth", "expected"), [(511, -127), (512, -128), (70000, -128)])
def test_softmax_of_many_equal_values(depth: int, expected: int):
    result = kernels.softmax(np.full((1, depth), 5, np.int8), softmax_parameters(1.0, 0.1))
    assert set(result.ravel().tolist()) == {expected}


def test_pad():
    result = kernels.pad(np.array([[[1, 2]]], np.int8), [(1, 0), (0, 1), (0, 2)], -7)
    assert result.dtype == np.int8
    assert result.tolist() == [[[-7] * 4, [-7] * 4], [[1, 2, -7, -7], [-7] * 4]]


def test_lookup():
    table = leaky_relu_table(0.25, 1.0, 0, 1.0, 0)
    result = kernels.lookup(np.array([[-128, -4, -1], [0, 5, 127]], np.int8), table)
    assert result.dtype == np.int8
    assert result.tolist() == [[-32, -1, 0], [0, 5, 127]]
