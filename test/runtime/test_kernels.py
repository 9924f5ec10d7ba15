"""Every C kernel against the numpy kernels, byte for byte, on random data.

Each case runs whole, row by row, and in groups of rows; rows lie anywhere, at any alignment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
import reference_kernels as kernels
from kernel_machine import Machine, run_kernel

from tinyts_mlir.kernels.affine_addition import AffineAddition, affine_sums
from tinyts_mlir.kernels.channel_scaling import LEAST_SHIFT
from tinyts_mlir.kernels.convolutions import CONV_2D_PIXELS, conv_2d_layout, conv_2d_scratch_bytes
from tinyts_mlir.kernels.depthwise_packing import DepthwiseConstants, pack_depthwise
from tinyts_mlir.kernels.depthwise_scaling import depthwise_scaling
from tinyts_mlir.kernels.log_softmax import log_softmax, log_softmax_parameters
from tinyts_mlir.kernels.weight_packing import pack_channel_pairs, pack_pair_constants
from tinyts_mlir.quantization import (
    AddParameters,
    FineMultipliers,
    QuantizedMultipliers,
    SoftmaxParameters,
    fold_bias,
    softmax_parameters,
)

Array = npt.NDArray[np.generic]
Scales = Callable[[np.random.Generator, int, int], dict[str, npt.NDArray[np.int32]]]

SCALED = "weights:P bias:P multipliers:P low_multipliers:P shifts:P "
SIZES = "input_width:H input_channels:H output_width:H output_channels:H "
STEPS = "row_stride:H column_stride:H row_dilation:H column_dilation:H padding_left:H "
POINTS = "input_zero_point:b output_zero_point:b output_minimum:b output_maximum:b narrow:B"
LAYOUTS = {
    "conv_2d": "weights:P channel_pairs:P padding:P " + SIZES + "filter_height:H filter_width:H filter_channels:H "
    "row_stride:H column_stride:H row_dilation:H column_dilation:H padding_left:H output_zero_point:b "
    "output_minimum:b output_maximum:b narrow:B wide:B scratch_pixels:B",
    "depthwise_conv_2d": "weights:P constants:P "
    + SIZES
    + "filter_height:H filter_width:H depth_multiplier:H "
    + STEPS
    + POINTS,
    "fully_connected": SCALED + "input_channels:I output_channels:I batches:H per_channel:B "
    "output_zero_point:b output_minimum:b output_maximum:b",
    "add": "multipliers:2i output_multiplier:i shifts:2b output_shift:b left_shift:B row_elements:I "
    "input_zero_points:2b output_zero_point:b output_minimum:b output_maximum:b",
    "affine_add": "factors:2i offset:i row_elements:I right_shift:B output_minimum:b output_maximum:b",
    "pool_2d": "input_width:H output_width:H channels:H filter_height:H filter_width:H "
    "row_stride:H column_stride:H padding_left:H output_minimum:b output_maximum:b",
    "log_softmax": "input_multiplier:i input_left_shift:i difference_minimum:i reverse_multiplier:i reverse_shift:i "
    "vectors:I depth:I",
    "softmax": "input_multiplier:i input_left_shift:i difference_minimum:i vectors:I depth:I",
    "pad": "input_width:H input_channels:H columns_before:H columns_after:H channels_before:H channels_after:H value:b",
    "concatenation": "block_bytes:P outer:I input_count:H",
    "split": "outer:I block_bytes:I output_count:H",
    "lookup": "table:P row_elements:I",
    "copy": "row_bytes:I",
    "load": "data:P row_bytes:I",
}


def random_int8(generator: np.random.Generator, *shape: int) -> npt.NDArray[np.int8]:
    return generator.integers(-128, 128, shape, np.int8)


@dataclass(frozen=True)
class Window:
    """The geometry of a convolution or pooling; `padding` is (top, bottom, left, right)."""

    rows: int
    width: int
    filter: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def window_rows(self) -> int:
        return (self.filter[0] - 1) * self.dilation[0] + 1

    @property
    def output_shape(self) -> tuple[int, int]:
        top, bottom, left, right = self.padding
        columns = (self.filter[1] - 1) * self.dilation[1] + 1
        return (
            (self.rows + top + bottom - self.window_rows) // self.stride[0] + 1,
            (self.width + left + right - columns) // self.stride[1] + 1,
        )


WINDOWS = {
    "1x1": Window(3, 5, (1, 1)),
    "1x1 stride": Window(5, 6, (1, 1), (2, 2)),
    "1x1 padding": Window(2, 3, (1, 1), (1, 1), padding=(1, 1, 1, 2)),
    "1x3": Window(2, 7, (1, 3), padding=(0, 0, 1, 1)),
    "1x3 stride": Window(2, 9, (1, 3), (1, 2)),
    "3x1": Window(5, 3, (3, 1), padding=(1, 1, 0, 0)),
    "2x2": Window(4, 6, (2, 2), (2, 2)),
    "3x3": Window(5, 7, (3, 3), padding=(1, 1, 1, 1)),
    "3x3 valid": Window(5, 5, (3, 3)),
    "3x3 stride, uneven padding": Window(6, 8, (3, 3), (2, 2), padding=(0, 1, 0, 1)),
    "3x3 dilation": Window(7, 9, (3, 3), (1, 1), (2, 3), (2, 2, 3, 3)),
    "3x3 dilation and stride": Window(7, 9, (3, 3), (2, 3), (3, 2), (3, 3, 2, 2)),
    "5x5 around a small input": Window(2, 2, (5, 5), padding=(2, 2, 2, 2)),
    "4x2 with a stride past the filter": Window(11, 9, (4, 2), (5, 4), padding=(2, 1, 1, 0)),
    "7x7 stride": Window(9, 8, (7, 7), (2, 2), padding=(3, 3, 3, 3)),
    "10x4": Window(11, 6, (10, 4), (2, 1), padding=(4, 5, 1, 2)),
    "dilation past the input": Window(3, 2, (1, 3), (1, 1), (1, 5), (0, 0, 5, 5)),
}
windows = pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS.keys())
# Pooling knows no dilation, and no window may hold nothing but padding.
POOLING = {name: window for name, window in WINDOWS.items() if "dilation" not in name and name != "1x1 padding"}
# Sums at both ends of int16, and beyond.
POOLING |= {"16x16": Window(17, 18, (16, 16)), "17x16": Window(18, 18, (17, 16), padding=(1, 1, 1, 1))}


def check_rows(
    machine: Machine,
    kernel: str,
    parameters: tuple[str, Mapping[str, object]],
    inputs: list[Array],
    expected: list[Array],
    window: Window | None = None,
    scratch_bytes: int = 0,
) -> None:
    """Makes the rows one at a time, two at a time, and all at once; arrays have their rows on the first axis."""
    window = window or Window(inputs[0].shape[0], 1, (1, 1))
    rows = expected[0].shape[0]
    for step in sorted({1, min(2, rows), rows}):
        for first in range(0, rows, step):
            count = min(step, rows - first)
            start = first * window.stride[0] - window.padding[0]
            needed = range(start, start + (count - 1) * window.stride[0] + window.window_rows)
            got = run_kernel(
                machine,
                f"tinyts_{kernel}",
                parameters,
                [array[y].tobytes() if 0 <= y < array.shape[0] else None for array in inputs for y in needed],
                [array[0].nbytes for array in expected for _ in range(count)],
                count,
                scratch_bytes,
            )
            want = [array[y].tobytes() for array in expected for y in range(first, first + count)]
            for number, (actual, right) in enumerate(zip(got, want, strict=True)):
                np.testing.assert_array_equal(
                    np.frombuffer(actual, np.int8),
                    np.frombuffer(right, np.int8),
                    f"row {number} of {count} from {first}",
                )


def random_scales(generator: np.random.Generator, channels: int, products: int) -> dict[str, npt.NDArray[np.int32]]:
    """Biases, multipliers and shifts that spread the outputs over int8; every third channel has something unusual."""
    bias = generator.integers(-20000, 20000, channels, np.int32)
    multipliers = generator.integers(1 << 30, 1 << 31, channels).astype(np.int32)
    typical = -max(0, round(np.log2(np.sqrt(products) * 5500 / 60)))
    shifts = typical + generator.integers(-1, 2, channels, np.int32)
    unusual: list[Callable[[int], None]] = [
        lambda c: multipliers.__setitem__(c, -multipliers[c]),
        lambda c: multipliers.__setitem__(c, 0),
        lambda c: multipliers.__setitem__(c, -(1 << 31)),
        lambda c: shifts.__setitem__(c, generator.integers(0, 4)),
        lambda c: shifts.__setitem__(c, -31),
        lambda c: shifts.__setitem__(c, 30),
        lambda c: bias.__setitem__(c, (1 << 31) - 1 - generator.integers(20000)),
        lambda c: bias.__setitem__(c, -(1 << 31) + generator.integers(20000)),
        # beyond what a doubled accumulator can hold, and outputs that still tell results apart
        lambda c: (bias.__setitem__(c, generator.integers(1 << 28, 1 << 31)), shifts.__setitem__(c, -24)),  # type: ignore
        lambda c: (bias.__setitem__(c, -generator.integers(1 << 28, 1 << 31)), shifts.__setitem__(c, -24)),  # type: ignore
    ]
    for channel in range(0, channels, 3):
        unusual[generator.integers(len(unusual))](channel)
    return {"bias": bias, "multipliers": multipliers, "shifts": shifts}


def narrow_scales(generator: np.random.Generator, channels: int, products: int) -> dict[str, npt.NDArray[np.int32]]:
    """As random_scales, but for a narrow scaling: nothing but what the folding of the bias needs is left of 2**30."""
    scales = random_scales(generator, channels, products)
    scales["multipliers"] = np.abs(scales["multipliers"].astype(np.int64)).clip(0, (1 << 31) - 1).astype(np.int32)
    scales["shifts"] = scales["shifts"].clip(-31, -1)
    most = (1 << 30) - 1 - 255 * 128 * products
    dead = scales["multipliers"] == 0
    scales["bias"] = np.where(dead, scales["bias"], scales["bias"].clip(-most, most)).astype(np.int32)
    return scales


def signed_scales(generator: np.random.Generator, channels: int, products: int) -> dict[str, npt.NDArray[np.int32]]:
    """As random_scales, without what a depthwise convolution cannot make narrow: sums and shifted sums that wrap."""
    scales = random_scales(generator, channels, products)
    most = (1 << 31) - 300 - 255 * 128 * products
    scales["bias"] = scales["bias"].clip(-most, most)
    left = scales["shifts"] >= 0
    scales["shifts"] = np.where(left, scales["shifts"].clip(0, 3), scales["shifts"])
    scales["bias"] = np.where(left, scales["bias"] >> 12, scales["bias"])
    return scales


def random_points(generator: np.random.Generator) -> dict[str, int]:
    minimum, maximum = (-128, 127) if generator.integers(2) else sorted(map(int, generator.integers(-128, 128, 2)))
    return {
        "input_zero_point": int(generator.integers(-128, 128)),
        "output_zero_point": int(generator.integers(-128, 128)),
        "output_minimum": minimum,
        "output_maximum": maximum,
    }


def for_half_words(weights: npt.NDArray[np.int8], groups: int) -> npt.NDArray[np.int8]:
    """Weights of which none of an even channel is -128, so that the next one's may have any sign."""
    even = np.arange(len(weights)) % (len(weights) // groups) % 2 == 0
    return np.where(even[:, None, None, None], weights.clip(-127), weights)


def check_convolution(
    machine: Machine,
    window: Window,
    depthwise: bool,
    channels: tuple[int, int],
    groups: int = 1,
    scales: Scales = random_scales,
    points: Mapping[str, int] | None = None,
) -> None:
    """All forms: with each amount of scratch that the kernel knows, and without; with both widths of weights."""
    input_channels, output_channels = channels
    generator = np.random.default_rng([depthwise, groups, *channels, *window.filter])
    height, width = window.filter
    input = random_int8(generator, window.rows, window.width, input_channels)
    if depthwise:
        products = height * width
        weights = random_int8(generator, height, width, output_channels)
        sums = weights.sum((0, 1), np.int64)
    else:
        products = height * width * input_channels // groups
        weights = random_int8(generator, output_channels, height, width, input_channels // groups)
        weights = for_half_words(weights, groups)
        sums = weights.sum((1, 2, 3), np.int64)
    constants = scales(generator, output_channels, products)
    if scales is narrow_scales or (scales is not random_scales and not depthwise):
        constants["shifts"] = constants["shifts"].clip(LEAST_SHIFT)
    points = {**random_points(generator), **(points or {})}
    reference = kernels.depthwise_conv_2d if depthwise else kernels.conv_2d
    windowed = partial(
        reference,
        input,
        weights,
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        input_zero_point=points["input_zero_point"],
        output_zero_point=points["output_zero_point"],
        output_range=(points["output_minimum"], points["output_maximum"]),
    )
    name = "depthwise_conv_2d" if depthwise else "conv_2d"
    values: dict[str, object] = {
        "weights": weights,
        "bias": fold_bias(constants["bias"], sums, points["input_zero_point"]),
        "multipliers": constants["multipliers"],
        "shifts": constants["shifts"].astype(np.int8),
        "narrow": int(scales is not random_scales),
        "input_width": window.width,
        "input_channels": input_channels,
        "output_width": window.output_shape[1],
        "output_channels": output_channels,
        "filter_height": height,
        "filter_width": width,
        "filter_channels": input_channels // groups,
        "depth_multiplier": output_channels // input_channels,
        "row_stride": window.stride[0],
        "column_stride": window.stride[1],
        "row_dilation": window.dilation[0],
        "column_dilation": window.dilation[1],
        "padding_left": window.padding[2],
        **points,
    }
    if depthwise:
        by_channel = weights.reshape(-1, output_channels).T
        multipliers = QuantizedMultipliers(constants["multipliers"], constants["shifts"])
        zero_points = points["input_zero_point"], points["output_zero_point"]
        scaling = depthwise_scaling(by_channel, constants["bias"], multipliers, *zero_points)
        assert scaling.narrow >= (scales is not random_scales)
        packed = pack_depthwise(DepthwiseConstants(weights, scaling))
        form = {**values, "weights": packed.weights, "constants": packed.constants, "narrow": int(scaling.narrow)}
        expected = windowed(**constants)
        assert expected.shape == (*window.output_shape, output_channels)
        check_rows(machine, name, (LAYOUTS[name], form), [input], [expected], window)
        return
    values["padding"] = np.full(width * input_channels // groups, points["input_zero_point"], np.int8)
    by_channel = weights.reshape(output_channels, -1)
    even = np.arange(output_channels) % (output_channels // groups) % 2 == 0
    of_half_words = {
        **constants,
        "bias": np.where(even, constants["bias"].clip(-(1 << 22), 1 << 22), constants["bias"]),
    }
    more = (8,) if groups == 1 else ()
    for wide, pixels in product((0, 1), (0, *CONV_2D_PIXELS, *more)):
        scaling = constants if wide else of_half_words
        folded = fold_bias(scaling["bias"], sums, points["input_zero_point"])
        values["channel_pairs"] = pack_pair_constants(
            folded, scaling["multipliers"], scaling["shifts"], groups, bool(wide)
        )
        expected = windowed(**scaling)
        assert expected.shape == (*window.output_shape, output_channels)
        scratch = conv_2d_scratch_bytes(window.filter, input_channels // groups, pixels) if pixels else 0
        layout = conv_2d_layout(window.filter, input_channels // groups, groups, bool(wide))
        packed = pack_channel_pairs(by_channel, layout)
        form = {**values, "weights": packed, "wide": wide, "scratch_pixels": pixels}
        check_rows(machine, name, (LAYOUTS[name], form), [input], [expected], window, scratch)


scalings = pytest.mark.parametrize("scales", [random_scales, narrow_scales])
depthwise_scalings = pytest.mark.parametrize("scales", [random_scales, narrow_scales, signed_scales])


@windows
@scalings
@pytest.mark.parametrize(
    "channels", [(1, 1), (3, 5), (3, 16), (4, 4), (7, 2), (16, 9), (34, 7), (35, 24), (301, 3)], ids=str
)
def test_conv_2d(machine: Machine, window: Window, channels: tuple[int, int], scales: Scales) -> None:
    check_convolution(machine, window, False, channels, scales=scales)


@pytest.mark.parametrize("channels", [(130, 150), (64, 201), (7, 1500), (1028, 9)], ids=str)
@pytest.mark.parametrize("width", [1, 3, 5, 10])
def test_conv_2d_in_blocks(machine: Machine, width: int, channels: tuple[int, int]) -> None:
    """More weights than go through a cache at once, for so many pixels that they are several times the scratch's."""
    check_convolution(machine, Window(3, width, (1, 1)), False, channels)


@windows
@pytest.mark.parametrize("channels", [(4, 4, 4), (6, 4, 2), (12, 24, 3), (10, 30, 5), (70, 26, 2)], ids=str)
def test_conv_2d_with_groups(machine: Machine, window: Window, channels: tuple[int, int, int]) -> None:
    check_convolution(machine, window, False, channels[:2], channels[2])


@windows
@depthwise_scalings
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 11, 24])
def test_depthwise_conv_2d(machine: Machine, window: Window, channels: int, scales: Scales) -> None:
    check_convolution(machine, window, True, (channels, channels), scales=scales)


@scalings
@pytest.mark.parametrize("filter", [1, 2, 3, 5, 6, 7, 9])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 18, 35])
def test_depthwise_conv_2d_by_width(machine: Machine, width: int, stride: int, filter: int, scales: Scales) -> None:
    """Rows of `width` outputs: tiles and what is left over of them."""
    inputs = (width - 1) * stride + filter - 2 * (filter // 2)
    padding = (0, 0, filter // 2, filter // 2)
    window = Window(3, inputs, (2, filter), (1, stride), padding=padding)
    assert window.output_shape[1] == width
    check_convolution(machine, window, True, (5, 5), scales=scales)


@pytest.mark.parametrize("filter", [(1, 1), (3, 3), (2, 4), (5, 7)], ids=str)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_depthwise_conv_2d_of_few_channels(
    machine: Machine, channels: int, dilation: int, stride: int, filter: tuple[int, int]
) -> None:
    """Rows of all widths up to where pixels fill two rounds of blocks; padding on both sides, on one, and none."""
    reach = dilation * (filter[1] - 1)
    for width, (left, right) in product(
        range(1, reach + 10), {(0, 0), (reach // 2, reach - reach // 2), (0, 1), (3, 0)}
    ):
        window = Window(3, width, filter, (1, stride), (1, dilation), (filter[0] // 2, filter[0] // 2, left, right))
        if window.output_shape[1] > 0:
            check_convolution(machine, window, True, (channels, channels), scales=narrow_scales)


@pytest.mark.parametrize("points", [(-128, -128), (127, -128), (-128, 127), (0, 3), (127, 127)], ids=str)
@pytest.mark.parametrize("filter", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [4, 6, 8, 9])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 13])
def test_depthwise_conv_2d_of_small_maps(
    machine: Machine, size: int, channels: int, stride: int, filter: int, points: tuple[int, int]
) -> None:
    """Padding on all sides, in the middle of which the input may be lost; zero points at the ends of int8."""
    padding = filter // 2
    window = Window(size, size, (filter, filter), (stride, stride), padding=(padding,) * 4)
    fixed = {"input_zero_point": points[0], "output_zero_point": points[1]}
    check_convolution(machine, window, True, (channels, channels), scales=narrow_scales, points=fixed)


@pytest.mark.parametrize("points", [(-128, -128), (127, 127), (0, 3)], ids=str)
@pytest.mark.parametrize("filter", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [12, 16, 28, 47, 64])
def test_depthwise_conv_2d_of_many_channels(
    machine: Machine, channels: int, stride: int, filter: int, points: tuple[int, int]
) -> None:
    """Groups of sixteen channels, whole and not, and blocks that overlap the one before."""
    padding = filter // 2
    window = Window(6, 5, (filter, filter), (stride, stride), padding=(padding,) * 4)
    fixed = {"input_zero_point": points[0], "output_zero_point": points[1]}
    check_convolution(machine, window, True, (channels, channels), scales=narrow_scales, points=fixed)


@windows
@pytest.mark.parametrize("channels", [(1, 3), (1, 8), (3, 6), (5, 20), (2, 16)], ids=str)
def test_depthwise_conv_2d_with_depth_multiplier(machine: Machine, window: Window, channels: tuple[int, int]) -> None:
    check_convolution(machine, window, True, channels)


def ties(generator: np.random.Generator, channels: int, products: int) -> dict[str, npt.NDArray[np.int32]]:
    """A narrow scaling with sums of all magnitudes, outputs near ties, and those also near 0 and the ends of int8."""
    multipliers = generator.integers(0, 1 << generator.integers(28, 32, channels)).astype(np.int32)
    shifts = generator.integers(-31, 0, channels, np.int32)
    outputs = generator.integers(-258, 259, channels) / 2
    most = (1 << 30) - 1 - 255 * 128 * products
    bias = (outputs * (1 << 31) / np.maximum(multipliers, 1) * 2.0**-shifts).clip(-most, most).astype(np.int32)
    return {"bias": bias, "multipliers": multipliers, "shifts": shifts}


@pytest.mark.parametrize("depthwise", [False, True])
def test_narrow_scaling(machine: Machine, depthwise: bool) -> None:
    channels = (256, 256) if depthwise else (4, 256)
    check_convolution(machine, Window(4, 8, (1, 1)), depthwise, channels, scales=ties)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 10), (2, 3), (3, 4), (64, 10), (65, 12), (7, 6), (130, 17)], ids=str)
@pytest.mark.parametrize("batches", [1, 3])
def test_fully_connected(machine: Machine, batches: int, shape: tuple[int, int], per_channel: bool, seed: int) -> None:
    input_channels, output_channels = shape
    generator = np.random.default_rng([seed, *shape, per_channel, batches])
    input = random_int8(generator, batches, input_channels)
    weights = random_int8(generator, output_channels, input_channels)
    scales = random_scales(generator, output_channels, input_channels)
    if not per_channel:
        scales["multipliers"], scales["shifts"] = scales["multipliers"][-1:], scales["shifts"][-1:]
    points = random_points(generator)
    lows = None
    if seed % 2:  # doubles, with which no result leaves int32
        lows = generator.integers(0, 1 << 22, scales["shifts"].size).astype(np.uint32) << 10
        scales["shifts"] = np.minimum(scales["shifts"], -1)
    expected = kernels.fully_connected_in_integers(
        input,
        weights,
        scales["bias"],
        FineMultipliers(scales["multipliers"], scales["shifts"], lows),
        input_zero_point=points["input_zero_point"],
        output_zero_point=points["output_zero_point"],
        output_range=(points["output_minimum"], points["output_maximum"]),
    )
    values: dict[str, object] = {
        "weights": weights,
        "bias": fold_bias(scales["bias"], weights.sum(1, np.int64), points["input_zero_point"]),
        "multipliers": scales["multipliers"],
        "low_multipliers": None if lows is None else lows.view(np.int32),
        "shifts": scales["shifts"].astype(np.int8),
        "input_channels": input_channels,
        "output_channels": output_channels,
        "batches": batches,
        "per_channel": int(per_channel),
        **points,
    }
    layout = LAYOUTS["fully_connected"]
    check_rows(machine, "fully_connected", (layout, values), [input.reshape(1, -1)], [expected.reshape(1, -1)])


def every_pair() -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    values = np.arange(-128, 128).astype(np.int8)
    return np.repeat(values, 256).reshape(4, -1), np.tile(values, 256).reshape(4, -1)


@pytest.mark.parametrize("seed", range(24))
def test_add(machine: Machine, seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = random_points(generator)
    parameters = AddParameters(
        multipliers=(int(generator.integers(1 << 30, 1 << 31)), int(generator.integers(1 << 30, 1 << 31))),
        output_multiplier=int(generator.integers(1 << 30, 1 << 31)) * (-1 if seed % 5 == 4 else 1),
        shifts=(int(generator.integers(-4, 1)), -31 if seed % 7 == 6 else int(generator.integers(-4, 1))),
        output_shift=int(generator.integers(-20, -16)) if seed % 6 else 0,
        left_shift=20,
        input_zero_points=(int(generator.integers(-128, 128)), int(generator.integers(-128, 128))),
        output_zero_point=points["output_zero_point"],
        output_minimum=points["output_minimum"],
        output_maximum=points["output_maximum"],
    )
    first, second = every_pair()
    expected = kernels.add(first, second, parameters)
    values: dict[str, object] = {**vars(parameters), "row_elements": first.shape[1]}
    check_rows(machine, "add", (LAYOUTS["add"], values), [first, second], [expected])


def random_affine_add(generator: np.random.Generator, shift: int) -> AffineAddition:
    """Sums that reach both ends of int8, and int32 where factors are large."""
    factors = generator.integers(0, min(1 << 23, 1 << shift + 1), 2)
    offset = int(generator.integers(-(1 << 31), 1 << 31)) // 256 * int(generator.integers(0, 2))
    most = max(1, (1 << 31) - 1 - abs(offset)) // 256
    return AffineAddition((int(factors[0]) % most, int(factors[1]) % most), offset, shift)


@pytest.mark.parametrize("shift", [22, 16, 20, 21, 23, 24])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 7, 8, 257, 16384])
def test_affine_add(machine: Machine, columns: int, shift: int) -> None:
    generator = np.random.default_rng([columns, shift])
    first, second = (
        (array.reshape(-1, columns)[:4] for array in every_pair())
        if columns == 16384
        else (random_int8(generator, 4, columns) for _ in range(2))
    )
    for low, high in ((-128, 127), (-128, 90), (-17, 127), (5, 5)):
        addition = random_affine_add(generator, shift)
        expected = affine_sums(first, second, addition, (low, high))
        values: dict[str, object] = {
            **addition._asdict(),
            "row_elements": columns,
            "output_minimum": low,
            "output_maximum": high,
        }
        check_rows(machine, "affine_add", (LAYOUTS["affine_add"], values), [first, second], [expected])


@pytest.mark.parametrize("window", POOLING.values(), ids=POOLING.keys())
@pytest.mark.parametrize("channels", [1, 3, 4, 5, 7, 8, 10])
@pytest.mark.parametrize("kernel", ["average_pool_2d", "average_pool_2d_ties_up", "max_pool_2d", "min_pool_2d"])
def test_pooling(machine: Machine, kernel: str, window: Window, channels: int) -> None:
    generator = np.random.default_rng([channels, *window.filter])
    for low, high in [(-128, 128), (-128, -127), (127, 128), (-2, 2)]:  # averages near 0 round both ways
        input = generator.integers(low, high, (window.rows, window.width, channels), np.int8)
        points = random_points(generator)
        expected = getattr(kernels, kernel)(
            input,
            window.filter,
            stride=window.stride,
            padding=window.padding,
            output_range=(points["output_minimum"], points["output_maximum"]),
        )
        values: dict[str, object] = {
            "input_width": window.width,
            "output_width": window.output_shape[1],
            "channels": channels,
            "filter_height": window.filter[0],
            "filter_width": window.filter[1],
            "row_stride": window.stride[0],
            "column_stride": window.stride[1],
            "padding_left": window.padding[2],
            **points,
        }
        check_rows(machine, kernel, (LAYOUTS["pool_2d"], values), [input], [expected], window)


@pytest.mark.parametrize("scale", [0.00001, 0.003, 0.0625, 0.17, 1.0, 7.5])
@pytest.mark.parametrize("depth", [1, 2, 3, 10, 40, 1000])
def test_softmax(machine: Machine, depth: int, scale: float) -> None:
    generator = np.random.default_rng(depth)
    parameters: SoftmaxParameters = softmax_parameters(1.0, scale)
    vectors = 3
    for low, high in [(-128, 128), (120, 128), (-128, -127)]:
        input = generator.integers(low, high, (2, vectors, depth), np.int8)
        expected = kernels.softmax(input, parameters)
        values: dict[str, object] = {**vars(parameters), "vectors": vectors, "depth": depth}
        check_rows(machine, "softmax", (LAYOUTS["softmax"], values), [input], [expected])


@pytest.mark.parametrize("scale", [2e-8, 0.003, 0.0625, 0.17, 7.5, 1e6])
@pytest.mark.parametrize("depth", [1, 2, 3, 10, 40, 4095])
def test_log_softmax(machine: Machine, depth: int, scale: float) -> None:
    generator = np.random.default_rng(depth)
    parameters = log_softmax_parameters(scale)
    for low, high in [(-128, 128), (120, 128), (-128, -127)]:
        input = generator.integers(low, high, (2, 3, depth), np.int8)
        expected = log_softmax(input, parameters)
        values: dict[str, object] = {**vars(parameters), "vectors": 3, "depth": depth}
        check_rows(machine, "log_softmax", (LAYOUTS["log_softmax"], values), [input], [expected])


@pytest.mark.parametrize("columns", [(0, 0), (1, 2), (3, 0)], ids=str)
@pytest.mark.parametrize("channels", [(0, 0), (2, 1), (0, 5)], ids=str)
def test_pad(machine: Machine, columns: tuple[int, int], channels: tuple[int, int]) -> None:
    input = random_int8(np.random.default_rng(5), 3, 5, 3)
    expected = kernels.pad(input, [(2, 1), columns, channels], -7)
    values: dict[str, object] = {
        "input_width": 5,
        "input_channels": 3,
        "columns_before": columns[0],
        "columns_after": columns[1],
        "channels_before": channels[0],
        "channels_after": channels[1],
        "value": -7,
    }
    rows = Window(3, 1, (1, 1), padding=(2, 1, 0, 0))
    check_rows(machine, "pad", (LAYOUTS["pad"], values), [input], [expected], rows)


@pytest.mark.parametrize("blocks", [(4,), (1, 3), (5, 5, 2, 8)], ids=str)
@pytest.mark.parametrize("outer", [1, 7])
def test_concatenation(machine: Machine, outer: int, blocks: tuple[int, ...]) -> None:
    generator = np.random.default_rng(6)
    inputs: list[Array] = [random_int8(generator, 5, outer, block) for block in blocks]
    values: dict[str, object] = {
        "block_bytes": np.array(blocks, np.uint32),
        "outer": outer,
        "input_count": len(blocks),
    }
    expected = np.concatenate(inputs, axis=2)
    check_rows(machine, "concatenation", (LAYOUTS["concatenation"], values), inputs, [expected])


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("outer", [1, 6])
def test_split(machine: Machine, outer: int, parts: int) -> None:
    input = random_int8(np.random.default_rng(7), 5, outer, 3 * parts)
    values: dict[str, object] = {"outer": outer, "block_bytes": 3, "output_count": parts}
    expected: list[Array] = [np.ascontiguousarray(part) for part in np.split(input, parts, axis=2)]
    check_rows(machine, "split", (LAYOUTS["split"], values), [input], expected)


def test_lookup(machine: Machine) -> None:
    generator = np.random.default_rng(8)
    table = random_int8(generator, 256)
    input, _ = every_pair()
    values: dict[str, object] = {"table": table, "row_elements": input.shape[1]}
    check_rows(machine, "lookup", (LAYOUTS["lookup"], values), [input], [kernels.lookup(input, table)])


def test_copy(machine: Machine) -> None:
    input = random_int8(np.random.default_rng(9), 4, 13)
    check_rows(machine, "copy", (LAYOUTS["copy"], {"row_bytes": 13}), [input], [input])


def test_load(machine: Machine) -> None:
    data = random_int8(np.random.default_rng(10), 1, 13)
    check_rows(machine, "load", (LAYOUTS["load"], {"data": data, "row_bytes": 13}), [], [data], Window(1, 1, (1, 1)))
