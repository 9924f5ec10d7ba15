"""Runs a kernel by name on rows of bytes, as the C runtime does, in numpy.

What a kernel sees is what `tinyts_kernel` in runtime.h says: rows of its inputs, some of them padding, and the
constants of its parameter struct. Both interpreters end here; the arithmetic is `kernels/numpy_kernels.py`.

A package that registers a kernel for the lowering registers it here as well: `KERNELS["name"] = function`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.kernels import numpy_kernels as kernels
from tinyts_mlir.kernels.affine_addition import AffineAddition, affine_sums
from tinyts_mlir.kernels.catalogue import conv_2d_layout
from tinyts_mlir.kernels.depthwise_packing import PackedDepthwise, unpack_depthwise
from tinyts_mlir.kernels.parameters import Parameter
from tinyts_mlir.kernels.weight_packing import unpack_channel_pairs, unpack_pair_constants
from tinyts_mlir.quantization import (
    AddParameters,
    SoftmaxParameters,
    fold_bias,
    requantize,
    requantize_once,
    wrap_int32,
)

Rows = NDArray[np.int8]
"""Rows of bytes: (rows, bytes of a row)."""


@dataclass(frozen=True)
class Window:
    """The rows that a kernel reads of one input: `rows` between rows of padding."""

    rows: Rows
    padding_before: int = 0
    padding_after: int = 0


Parameters = Mapping[str, Parameter]
RunKernel = Callable[[Parameters, Sequence[Window], int], list[Rows]]
"""Parameters, one window an input, and the number of rows to make; gives the rows of each output.

A kernel in ACCUMULATING gets what its output holds as one more window, without padding.
"""


def run_kernel(kernel: str, parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """The rows that kernel `kernel` makes of each of its outputs."""
    return KERNELS[kernel](parameters, inputs, row_count)


def _int(parameters: Parameters, field: str) -> int:
    return int(cast(int, parameters[field]))


def _array(parameters: Parameters, field: str) -> NDArray[np.int32]:
    return cast(NDArray[np.int32], parameters[field])


def _range(parameters: Parameters) -> tuple[int, int]:
    return _int(parameters, "output_minimum"), _int(parameters, "output_maximum")


def _right_padding(parameters: Parameters, filter_width: int, dilation: int = 1) -> int:
    """Columns of padding that the windows of the last output column reach into; negative: columns never read."""
    last = (_int(parameters, "output_width") - 1) * _int(parameters, "column_stride") - _int(parameters, "padding_left")
    return last + (filter_width - 1) * dilation + 1 - _int(parameters, "input_width")


def _spatial(
    parameters: Parameters, window: Window, channels: int, right: int
) -> tuple[Rows, tuple[int, int, int, int]]:
    """The window as (rows, width, channels) without columns that are never read, and its padding."""
    width = _int(parameters, "input_width")
    map = window.rows.reshape(-1, width, channels)[:, : width + min(right, 0)]
    return map, (window.padding_before, window.padding_after, _int(parameters, "padding_left"), max(right, 0))


def _as_rows(map: NDArray[np.int8], row_count: int) -> list[Rows]:
    return [np.ascontiguousarray(map).reshape(row_count, -1)]


def _convolution(
    parameters: Parameters,
    window: Window,
    convolve: Callable[..., NDArray[np.int8]],
    weights: NDArray[np.int8],
    sums: NDArray[np.int64],
    scaling: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    zero_point: int,
) -> NDArray[np.int8]:
    """What both convolutions have in common; `sums` are those of each output channel's weights."""
    dilation = _int(parameters, "column_dilation")
    right = _right_padding(parameters, _int(parameters, "filter_width"), dilation)
    map, padding = _spatial(parameters, window, _int(parameters, "input_channels"), right)
    bias, multipliers, shifts = scaling
    return convolve(
        map,
        weights,
        fold_bias(bias, sums, -zero_point),  # the numpy kernels take the model's own bias
        multipliers,
        shifts,
        stride=(_int(parameters, "row_stride"), _int(parameters, "column_stride")),
        dilation=(_int(parameters, "row_dilation"), dilation),
        padding=padding,
        input_zero_point=zero_point,
        output_zero_point=_int(parameters, "output_zero_point"),
        output_range=_range(parameters),
    )


def _conv_2d(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    names = ("output_channels", "filter_height", "filter_width", "filter_channels")
    channels, height, width, filter_channels = (_int(parameters, name) for name in names)
    groups = _int(parameters, "input_channels") // filter_channels
    packed = cast(NDArray[np.uint32], parameters["weights"])
    layout = conv_2d_layout((height, width), filter_channels, groups, bool(_int(parameters, "wide")))
    weights = unpack_channel_pairs(packed, channels, layout)
    scaling = unpack_pair_constants(_array(parameters, "channel_pairs"), channels, groups)
    padding = cast(NDArray[np.int8], parameters.get("padding", np.zeros(1, np.int8)))
    shaped = weights.reshape(channels, height, width, filter_channels)
    sums = weights.sum(axis=1, dtype=np.int64)
    return _as_rows(
        _convolution(parameters, inputs[0], kernels.conv_2d, shaped, sums, scaling, int(padding[0])), row_count
    )


def _depthwise_conv_2d(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    narrow = bool(_int(parameters, "narrow"))
    packed = PackedDepthwise(_array(parameters, "weights"), _array(parameters, "constants"))
    weights, (bias, multipliers, shifts, _) = unpack_depthwise(packed, _int(parameters, "output_channels"), narrow)
    zero_point = _int(parameters, "input_zero_point")
    sums = weights.sum(axis=(0, 1), dtype=np.int64)
    scaling = (fold_bias(bias, sums, zero_point), multipliers, shifts)
    return _as_rows(
        _convolution(parameters, inputs[0], kernels.depthwise_conv_2d, weights, sums, scaling, zero_point), row_count
    )


def _fully_connected(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    # The folded bias takes plain input bytes, so the zero point is in it already.
    result = kernels.fully_connected_in_integers(
        inputs[0].rows.reshape(_int(parameters, "batches"), _int(parameters, "input_channels")),
        cast(NDArray[np.int8], parameters["weights"]),
        _array(parameters, "bias"),
        _array(parameters, "multipliers"),
        _array(parameters, "shifts").astype(np.int32),
        output_zero_point=_int(parameters, "output_zero_point"),
        output_range=_range(parameters),
    )
    return _as_rows(result, row_count)


def _add(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    fields = {name: value for name, value in parameters.items() if name != "row_elements"}
    return [kernels.add(inputs[0].rows, inputs[1].rows, AddParameters(**fields))]  # type: ignore[arg-type]


def _affine_add(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    fields = {name: parameters[name] for name in AffineAddition._fields}
    addition = AffineAddition(**fields)  # type: ignore[arg-type]
    return [affine_sums(inputs[0].rows, inputs[1].rows, addition, _range(parameters))]


def _pool_2d(parameters: Parameters, inputs: Sequence[Window], row_count: int, average: bool) -> list[Rows]:
    filter = (_int(parameters, "filter_height"), _int(parameters, "filter_width"))
    map, padding = _spatial(parameters, inputs[0], _int(parameters, "channels"), _right_padding(parameters, filter[1]))
    pool = kernels.average_pool_2d if average else kernels.max_pool_2d
    stride = (_int(parameters, "row_stride"), _int(parameters, "column_stride"))
    return _as_rows(pool(map, filter, stride=stride, padding=padding, output_range=_range(parameters)), row_count)


def _average_pool_2d(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return _pool_2d(parameters, inputs, row_count, average=True)


def _max_pool_2d(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return _pool_2d(parameters, inputs, row_count, average=False)


def _softmax(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    constants = SoftmaxParameters(
        _int(parameters, "input_multiplier"),
        _int(parameters, "input_left_shift"),
        _int(parameters, "difference_minimum"),
    )
    vectors = inputs[0].rows.reshape(row_count, _int(parameters, "vectors"), _int(parameters, "depth"))
    return _as_rows(kernels.softmax(vectors, constants), row_count)


def _lookup(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return [kernels.lookup(inputs[0].rows, cast(NDArray[np.int8], parameters["table"]).reshape(-1))]


def _pad(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    window = inputs[0]
    map = window.rows.reshape(-1, _int(parameters, "input_width"), _int(parameters, "input_channels"))
    paddings = [
        (window.padding_before, window.padding_after),
        (_int(parameters, "columns_before"), _int(parameters, "columns_after")),
        (_int(parameters, "channels_before"), _int(parameters, "channels_after")),
    ]
    return _as_rows(kernels.pad(map, paddings, _int(parameters, "value")), row_count)


def _concatenation(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    outer = _int(parameters, "outer")
    blocks = [window.rows.reshape(row_count, outer, -1) for window in inputs]
    return _as_rows(np.concatenate(blocks, axis=2), row_count)


def _split(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    outer, count = _int(parameters, "outer"), _int(parameters, "output_count")
    parts = np.split(inputs[0].rows.reshape(row_count, outer, -1), count, axis=2)
    return [_as_rows(part, row_count)[0] for part in parts]


def _copy(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return [inputs[0].rows.copy()]


def _clear(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return [np.zeros((row_count, _int(parameters, "row_bytes")), np.int8)]


def state_of(window: Window) -> NDArray[np.int32]:
    """The int32 state in a row of bytes, as a copy."""
    return np.frombuffer(window.rows.tobytes(), np.int32).copy()


def _sum_rows(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    map, sums = inputs[0].rows, state_of(inputs[1])
    sums += map.reshape(-1, _int(parameters, "channels")).sum(axis=0, dtype=np.int32)
    return [sums.view(np.int8).reshape(1, -1)]


def _mean_of_sums(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sums = state_of(inputs[0]).astype(np.int64)
    count = _int(parameters, "count")
    means = np.where(sums > 0, 1, -1) * ((np.abs(sums) + count // 2) // count)
    return [np.clip(means, *_range(parameters)).astype(np.int8).reshape(1, -1)]


def _requantized_mean_of_sums(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sums = wrap_int32(state_of(inputs[0]).astype(np.int64) + _int(parameters, "offset"))
    scaled = requantize(sums, _int(parameters, "multiplier"), _int(parameters, "shift"))
    output = wrap_int32(scaled.astype(np.int64) + _int(parameters, "output_zero_point"))
    return [np.clip(output, -128, 127).astype(np.int8).reshape(1, -1)]


def _dot_rows(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    state = state_of(inputs[1])
    weights = cast(NDArray[np.int8], parameters["weights"])
    for row in inputs[0].rows:
        products = weights[state[-1]].astype(np.int64) @ row.astype(np.int64)
        state[:-1] = wrap_int32(state[:-1] + products)
        state[-1] += 1
    return [state.view(np.int8).reshape(1, -1)]


def _fully_connected_of_sums(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sums = wrap_int32(state_of(inputs[0])[:-1].astype(np.int64) + _array(parameters, "bias"))
    scaled = requantize_once(sums, _array(parameters, "multipliers"), _array(parameters, "shifts").astype(np.int32))
    output = wrap_int32(scaled.astype(np.int64) + _int(parameters, "output_zero_point"))
    return [np.clip(output, *_range(parameters)).astype(np.int8).reshape(1, -1)]


KERNELS: dict[str, RunKernel] = {
    "conv_2d": _conv_2d,
    "depthwise_conv_2d": _depthwise_conv_2d,
    "fully_connected": _fully_connected,
    "add": _add,
    "affine_add": _affine_add,
    "average_pool_2d": _average_pool_2d,
    "max_pool_2d": _max_pool_2d,
    "softmax": _softmax,
    "lookup": _lookup,
    "pad": _pad,
    "concatenation": _concatenation,
    "split": _split,
    "copy": _copy,
    "clear": _clear,
    "sum_rows": _sum_rows,
    "mean_of_sums": _mean_of_sums,
    "requantized_mean_of_sums": _requantized_mean_of_sums,
    "dot_rows": _dot_rows,
    "fully_connected_of_sums": _fully_connected_of_sums,
}
"""The kernels by name."""

ACCUMULATING = frozenset({"sum_rows", "dot_rows"})
"""Kernels that add to what their output holds."""
