"""conv_2d_some_wide against numpy: channels with int16 weights among others with int8, over the windows of conv_2d."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import reference_kernels as kernels
from kernel_machine import Machine
from test_kernels import (
    LAYOUTS,
    SIZES,
    Window,
    check_rows,
    for_half_words,
    random_int8,
    random_points,
    random_scales,
    windows,
)

from tinyts_mlir.kernels.channel_scaling import ChannelScaling
from tinyts_mlir.kernels.convolutions import CONV_2D_PIXELS, conv_2d_layout, conv_2d_scratch_bytes
from tinyts_mlir.kernels.weight_packing import pack_channel_pairs, pack_pair_constants
from tinyts_mlir.kernels.wide_channels import wide_parameters, without_channels
from tinyts_mlir.quantization import fold_bias

LAYOUT = (
    "weights:P channel_pairs:P padding:P wide_weights:P wide_constants:P " + SIZES + "filter_height:H filter_width:H "
    "filter_channels:H row_stride:H column_stride:H row_dilation:H column_dilation:H padding_left:H "
    "wide_channel_count:H output_zero_point:b output_minimum:b output_maximum:b narrow:B wide:B scratch_pixels:B"
)
assert "conv_2d_some_wide" not in LAYOUTS


@windows
@pytest.mark.parametrize("channels", [(1, 1, 1), (3, 5, 1), (7, 16, 1), (6, 4, 2), (12, 24, 3)], ids=str)
@pytest.mark.parametrize("share", [1, 4, 16])
def test_some_wide(machine: Machine, window: Window, channels: tuple[int, int, int], share: int) -> None:
    """One channel in `share` is wide."""
    inputs, outputs, groups = channels
    generator = np.random.default_rng([*channels, share, *window.filter])
    height, width = window.filter
    depth = inputs // groups
    input = random_int8(generator, window.rows, window.width, inputs)
    weights = for_half_words(random_int8(generator, outputs, height, width, depth), groups).astype(np.int16)
    wide = np.sort(generator.choice(outputs, -(-outputs // share), replace=False))
    weights[wide] = generator.integers(-255, 256, (len(wide), height, width, depth))
    constants = random_scales(generator, outputs, height * width * depth)
    constants["bias"] = constants["bias"].clip(-(1 << 22), 1 << 22)
    points = random_points(generator)
    zero_point = points["input_zero_point"]
    expected = kernels.conv_2d(
        input,
        weights,
        **constants,
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        input_zero_point=zero_point,
        output_zero_point=points["output_zero_point"],
        output_range=(points["output_minimum"], points["output_maximum"]),
    )
    by_channel = weights.reshape(outputs, -1)
    folded = fold_bias(constants["bias"], by_channel.sum(1, np.int64), zero_point)
    nothing = np.zeros(outputs, np.bool_)
    scaling = ChannelScaling(folded, constants["multipliers"], constants["shifts"], nothing, nothing)
    for pixels, all_wide in product((0, *CONV_2D_PIXELS), (False, True)):
        values: dict[str, object] = {
            **wide_parameters(by_channel, scaling, wide),
            "weights": pack_channel_pairs(
                without_channels(by_channel, wide, all_wide), conv_2d_layout(window.filter, depth, groups, all_wide)
            ),
            "channel_pairs": pack_pair_constants(folded, scaling.multipliers, scaling.shifts, groups, all_wide),
            "padding": np.full(width * depth, zero_point, np.int8),
            "input_width": window.width,
            "input_channels": inputs,
            "output_width": window.output_shape[1],
            "output_channels": outputs,
            "filter_height": height,
            "filter_width": width,
            "filter_channels": depth,
            "row_stride": window.stride[0],
            "column_stride": window.stride[1],
            "row_dilation": window.dilation[0],
            "column_dilation": window.dilation[1],
            "padding_left": window.padding[2],
            "narrow": 0,
            "wide": int(all_wide),
            "scratch_pixels": pixels,
            **points,
        }
        scratch = conv_2d_scratch_bytes(window.filter, depth, pixels) if pixels else 0
        check_rows(machine, "conv_2d_some_wide", (LAYOUT, values), [input], [expected], window, scratch)
