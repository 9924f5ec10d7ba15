"""CONV_2D: patches of some pixels times pairs of output channels (runtime/src/tinyts_conv_2d.c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, WIDTH, quantization_of, shape_of
from tinyts_mlir.dialects.tinyts import Conv2DOp
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.channel_scaling import negate_channels
from tinyts_mlir.kernels.cost import KernelCost, LayerShape
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry, Scratch
from tinyts_mlir.kernels.numpy_rows import (
    INT8_RANGE,
    Int8Array,
    Int32Array,
    Padding,
    Pair,
    Rows,
    Window,
    as_rows,
    patches_of,
    to_bytes,
    with_bias,
    zero_padded,
)
from tinyts_mlir.kernels.operands import centred_weights, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int32_array, integer
from tinyts_mlir.kernels.plain_costs import PlainCosts
from tinyts_mlir.kernels.sliding_windows import (
    check_convolution,
    convolution_bytes,
    run_convolution,
    window_parameters,
)
from tinyts_mlir.kernels.weight_packing import (
    PatchLayout,
    pack_channel_pairs,
    pack_pair_constants,
    unpack_channel_pairs,
    unpack_pair_constants,
)
from tinyts_mlir.kernels.wide_channels import (
    convolution_constants,
    scaling_without,
    wide_output_instructions,
    wide_parameters,
    with_wide_channels,
    without_channels,
)
from tinyts_mlir.memories import STM32F767_CACHES
from tinyts_mlir.quantization import requantize

# --- Constants -----------------------------------------------------------------------------------------------------


def conv_2d_layout(
    filter_size: tuple[int, int], filter_channels: int, groups: int = 1, wide: bool = False
) -> PatchLayout:
    """How the weights are packed."""
    overlaps = filter_size == (1, 1) and filter_channels > 4 and filter_channels % 4 != 0
    return PatchLayout(prod(filter_size) * filter_channels, groups, overlaps, wide)


def _call(op: Conv2DOp) -> KernelCall:
    weights = centred_weights(op.filter)
    output_channels, _, filter_width, filter_channels = weights.shape
    groups = whole_shape_of(op.input[0])[CHANNELS] // filter_channels
    by_channel = weights.reshape(output_channels, -1)
    constants = convolution_constants(op)
    scaling, some, wide = constants.scaling, constants.apart, constants.wide
    layout = conv_2d_layout(op.filter_size, filter_channels, groups, wide)
    by_channel = negate_channels(by_channel, scaling.negated)
    base = without_channels(by_channel, np.union1d(some, constants.settled), wide)
    others = scaling_without(scaling, some)
    parameters: dict[str, Parameter] = {
        "weights": pack_channel_pairs(base, layout),
        "channel_pairs": pack_pair_constants(others.bias, others.multipliers, others.shifts, groups, wide),
        "narrow": int(constants.narrow),
        "wide": int(wide),
        "filter_channels": filter_channels,
        "scratch_pixels": 0,
        **window_parameters(op),
    }
    if any(int_values(op.padding)):
        zero_point = quantization_of(op.input[0]).zero_point
        parameters["padding"] = np.full(filter_width * filter_channels, zero_point, np.int8)
    if len(some) == 0:
        return KernelCall.of(op, CONV_2D, parameters)
    return KernelCall.of(op, CONV_2D_SOME_WIDE, {**parameters, **wide_parameters(by_channel, scaling, some)})


def _reachable(op: Conv2DOp, bytes_of: BytesOf) -> list[ChannelBytes]:
    weights = centred_weights(op.filter)
    outputs, height, width, filter_channels = weights.shape
    operand = bytes_of(op.input[0])
    groups = operand.channels // filter_channels
    within = np.tile(np.arange(filter_channels), height * width)
    first = np.repeat(np.arange(groups) * filter_channels, outputs // groups)
    products = within if groups == 1 else first[:, None] + within
    return [convolution_bytes(op, weights.reshape(outputs, -1), operand, products)]


# --- Scratch -------------------------------------------------------------------------------------------------------

CONV_2D_PIXELS = (4, 2)
"""How many pixels the kernel makes at once in scratch, the fastest first."""
MORE_PIXELS = (16, 12, 8, 6, 5)
"""How many it gathers at once where weights do not fit a cache: a block of them then comes from flash once for all."""
CACHED_BYTES = 12 << 10
"""Of weights, of which most stay in a data cache of 16 KB, that of most Cortex-M7."""
CONV_2D_STACK_BYTES = 256
"""TINYTS_CONV_2D_STACK_BYTES: what needs no more is gathered on the stack."""
IN_PLACE = 0
"""Stands for two pixels that are not gathered, but read where they lie."""
IN_PARTS = -1
"""For two that are copied to the stack, a part of their patches at a time: they are not whole words where they lie."""


def conv_2d_scratch_bytes(filter_size: tuple[int, int], filter_channels: int, pixels: int) -> int:
    """TINYTS_CONV_2D_SCRATCH_BYTES: pixels' patches of a group as int16, and one as int8 where it is not in words."""
    layout = conv_2d_layout(filter_size, filter_channels)
    return layout.words * (8 * pixels + (0 if is_in_words(filter_size, filter_channels) else 4))


def is_in_words(filter_size: tuple[int, int], filter_channels: int) -> bool:
    """TINYTS_CONV_2D_IN_WORDS: whether patches are whole words in the input."""
    return filter_channels % 4 == 0 or conv_2d_layout(filter_size, filter_channels).overlaps


def conv_2d_pixels(
    filter_size: tuple[int, int], filter_channels: int, scratch_bytes: int = 0, in_blocks: bool = False
) -> int:
    """How many pixels are gathered at once in so much scratch, or else on the stack; IN_PLACE where none fit.

    `in_blocks`: whether more than four may be.
    """
    for pixels in (*MORE_PIXELS, *CONV_2D_PIXELS) if in_blocks and scratch_bytes else CONV_2D_PIXELS:
        if conv_2d_scratch_bytes(filter_size, filter_channels, pixels) <= (scratch_bytes or CONV_2D_STACK_BYTES):
            return pixels
    return IN_PLACE


def _filter_channels(op: Conv2DOp) -> int:
    return shape_of(op.filter)[CHANNELS]


def _bytes_in_blocks(weights: int, wide: bool, groups: int) -> int:
    """Bytes of so many weights where it pays to gather more pixels than are multiplied at once; or else 0."""
    size = weights * (2 if wide else 1)
    return size if groups == 1 and size > CACHED_BYTES else 0


def _op_bytes_in_blocks(op: Conv2DOp) -> int:
    groups = whole_shape_of(op.input[0])[CHANNELS] // _filter_channels(op)
    return _bytes_in_blocks(prod(shape_of(op.filter)), convolution_constants(op).wide, groups)


def _scratch_options(op: Conv2DOp) -> tuple[int, ...]:
    pixels = (*CONV_2D_PIXELS, *(MORE_PIXELS if _op_bytes_in_blocks(op) else ()))
    sizes = [conv_2d_scratch_bytes(op.filter_size, _filter_channels(op), at_once) for at_once in pixels]
    return tuple(size for size in sizes if size > CONV_2D_STACK_BYTES)


def _scratch_parameters(op: Conv2DOp, scratch_bytes: int) -> Parameters:
    pixels = conv_2d_pixels(op.filter_size, _filter_channels(op), scratch_bytes, _op_bytes_in_blocks(op) > 0)
    return {"scratch_pixels": pixels}


# --- Cost ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PixelCosts:
    """Instructions for some pixels together: for each of their multiplications, outputs, and elements that are
    gathered; `wide` are int16 weights. Of pixels at once, those that take fewer take fewer cycles, too."""

    per_mac: float
    per_mac_wide: float
    per_output: float
    per_element: float = 0.0


_COSTS = {
    4: _PixelCosts(0.84, 0.72, 12.5, 1.3),
    2: _PixelCosts(0.91, 0.79, 14.5, 1.6),
    1: _PixelCosts(1.12, 0.99, 17.0),
    IN_PLACE: _PixelCosts(1.13, 1.07, 15.0),
    IN_PARTS: _PixelCosts(1.6, 1.6, 60.0, 5.0),
}
_PER_PIXEL = 90.0


def _pixel_groups(band_pixels: int, at_once: int) -> int:
    """Groups of pixels that go through all output channels together: three as four, two and one alone."""
    together, left = divmod(band_pixels, at_once)
    return together + (left > 0)


@dataclass(frozen=True)
class Conv2DCost(KernelCost):
    """Pixels of a band go together, four or two at once, as scratch or the stack allows.

    Attributes:
        filter_size: height and width.
        filter_channels: input channels of a group.
        columns: pixels of a row of the result.
        wide: weights are int16.
        some_wide: channels that are made once more.
        weight_bytes: of all channels, where more pixels than four may be gathered at once; or else 0.
    """

    filter_size: tuple[int, int]
    filter_channels: int
    columns: int
    wide: bool
    some_wide: int = 0
    weight_bytes: int = 0

    def instructions(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """All whole bands, and what is left of the rows."""
        pixels = self._pixels(scratch_bytes)
        channels = shape.row_bytes // self.columns
        whole, rest = divmod(shape.rows, band_rows)
        return whole * self._band(channels, band_rows * self.columns, pixels) + self._band(
            channels, rest * self.columns, pixels
        )

    def constant_reads(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """Once for the pixels that go together, whatever output channel."""
        pixels = self._pixels(scratch_bytes) or 2
        whole, rest = divmod(shape.rows, band_rows)
        return whole * _pixel_groups(band_rows * self.columns, pixels) + _pixel_groups(rest * self.columns, pixels)

    def lines_again(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """Of weights, too many for a cache: all, for all pixels that are gathered together but the first of a call."""
        again = self.constant_reads(shape, band_rows, scratch_bytes) - super().constant_reads(shape, band_rows, 0)
        return again * self.weight_bytes / STM32F767_CACHES.data.line_bytes

    def _pixels(self, scratch_bytes: int) -> int:
        return conv_2d_pixels(self.filter_size, self.filter_channels, scratch_bytes, self.weight_bytes > 0)

    def plain_instructions(self, shape: LayerShape, band_rows: int, costs: PlainCosts) -> float:
        """Whatever the bands: two pixels go together."""
        outputs = shape.rows * shape.row_bytes
        return costs.convolution.instructions(outputs * prod(self.filter_size) * self.filter_channels, outputs)

    def _band(self, channels: int, band_pixels: int, pixels: int) -> float:
        macs = prod(self.filter_size) * self.filter_channels

        def cost(together: int, count: int) -> float:
            one = _COSTS[together]
            per_mac = one.per_mac_wide if self.wide else one.per_mac
            return count * (channels * (macs * per_mac + one.per_output) + macs * one.per_element)

        def gathered(count: int) -> float:
            together, left = divmod(count + (count % 4 == 3), 4)
            return cost(4, 4 * together) + cost(left or 2, left)

        again = wide_output_instructions(self.filter_size[0], macs)
        instructions = band_pixels * (_PER_PIXEL + self.some_wide * again)
        layout = conv_2d_layout(self.filter_size, self.filter_channels)
        is_small = 4 * layout.words <= CONV_2D_STACK_BYTES
        if pixels == IN_PLACE and not is_small and not is_in_words(self.filter_size, self.filter_channels):
            return instructions + cost(IN_PARTS, band_pixels + band_pixels % 2)
        if pixels == IN_PLACE:
            return instructions + cost(IN_PLACE, band_pixels & ~1) + cost(1, band_pixels % 2)
        if pixels == 2:
            return instructions + cost(2, band_pixels & ~1) + cost(1, band_pixels % 2)
        batches, left = divmod(band_pixels, pixels)
        return instructions + batches * gathered(pixels) + gathered(left)


def _cost_of_op(op: Conv2DOp) -> KernelCost:
    constants = convolution_constants(op)
    return Conv2DCost(
        op.filter_size,
        _filter_channels(op),
        shape_of(op.result)[WIDTH],
        constants.wide,
        len(constants.apart),
        _op_bytes_in_blocks(op),
    )


def _cost_of_call(parameters: Parameters) -> KernelCost:
    filter_size = integer(parameters, "filter_height"), integer(parameters, "filter_width")
    columns, wide = integer(parameters, "output_width"), bool(integer(parameters, "wide"))
    some = integer(parameters, "wide_channel_count") if "wide_channel_count" in parameters else 0
    channels = integer(parameters, "filter_channels")
    weights = prod(filter_size) * channels * integer(parameters, "output_channels")
    in_blocks = _bytes_in_blocks(weights, wide, integer(parameters, "input_channels") // channels)
    return Conv2DCost(filter_size, channels, columns, wide, some, in_blocks)


# --- Meaning -------------------------------------------------------------------------------------------------------


def conv_2d(
    input: Int8Array,
    weights: Int8Array | NDArray[np.int16],
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
    patches = patches_of(zero_padded(input, input_zero_point, padding), (height, width), stride, dilation)
    rows, columns = patches.shape[:2]
    # Sums of products stay below 2**53: doubles hold them exactly.
    matrices = weights.reshape(groups, output_channels // groups, -1).astype(np.float64)
    accumulators = np.empty((rows * columns, output_channels), np.int64)
    for group, matrix in enumerate(matrices):
        flat = patches[..., group * group_channels : (group + 1) * group_channels].reshape(rows * columns, -1)
        size = matrix.shape[0]
        accumulators[:, group * size : (group + 1) * size] = flat.astype(np.float64) @ matrix.T
    values = requantize(with_bias(accumulators, bias), multipliers, shifts)
    return to_bytes(values, output_zero_point, output_range).reshape(rows, columns, output_channels)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    names = ("output_channels", "filter_height", "filter_width", "filter_channels")
    channels, height, width, filter_channels = (integer(parameters, name) for name in names)
    groups = integer(parameters, "input_channels") // filter_channels
    packed = cast(NDArray[np.uint32], parameters["weights"])
    wide = bool(integer(parameters, "wide"))
    layout = conv_2d_layout((height, width), filter_channels, groups, wide)
    weights = unpack_channel_pairs(packed, channels, layout)
    scaling = unpack_pair_constants(int32_array(parameters, "channel_pairs"), channels, groups, wide)
    if "wide_weights" in parameters:
        weights, scaling = with_wide_channels(parameters, weights, scaling)
    padding = cast(NDArray[np.int8], parameters.get("padding", np.zeros(1, np.int8)))
    shaped = weights.reshape(channels, height, width, filter_channels)
    sums = weights.sum(axis=1, dtype=np.int64)
    return as_rows(run_convolution(parameters, inputs[0], conv_2d, shaped, sums, scaling, int(padding[0])), row_count)


CONV_2D = Kernel("conv_2d", _run, cost=_cost_of_call)
CONV_2D_SOME_WIDE = Kernel("conv_2d_some_wide", _run, cost=_cost_of_call, calls=("conv_2d",))

FAMILY = KernelFamily(
    kernels=[CONV_2D, CONV_2D_SOME_WIDE],
    ops=[
        OpEntry(
            Conv2DOp,
            _call,
            kernels=(CONV_2D, CONV_2D_SOME_WIDE),
            scratch=Scratch(_scratch_options, _scratch_parameters),
            macs=lambda op: prod(shape_of(op.filter)[1:]),
            cost=_cost_of_op,
            check=check_convolution,
            reachable=_reachable,
        )
    ],
)
