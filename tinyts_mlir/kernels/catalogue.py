"""Which kernel runs an op, and with which constants: the catalogue that lowering, planning and interpreters share.

Everything here is derived from whole feature maps, never from a band, so all bands of a layer get the same
`KernelCall`. Names of kernels and parameters are those of runtime/include/tinyts/kernels.h.

A package that brings an op brings an entry: `register_kernel(MyOp, my_kernel_call)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import Operation, SSAValue

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface, RowMap, group_rows
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    HEIGHT,
    WIDTH,
    quantization_of,
    row_bytes,
    tensor_type,
    total_rows,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    AveragePool2DOp,
    ConcatenationOp,
    ConstantOp,
    Conv2DOp,
    DepthwiseConv2DOp,
    FullyConnectedOp,
    JoinOp,
    LeakyReluOp,
    MaxPool2DOp,
    MeanOp,
    PadOp,
    SoftmaxOp,
    SplitOp,
)
from tinyts_mlir.dialects.tinyts_reductions import (
    DotRowsOp,
    FullyConnectedOfSumsOp,
    MeanOfSumsOp,
    RequantizedMeanOfSumsOp,
    SumRowsOp,
)
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.affine_addition import affine_addition
from tinyts_mlir.kernels.channel_scaling import ChannelScaling, SumRange, channel_scaling
from tinyts_mlir.kernels.depthwise_packing import DepthwiseConstants, pack_depthwise
from tinyts_mlir.kernels.parameters import Parameter
from tinyts_mlir.kernels.weight_packing import PatchLayout, pack_channel_pairs, pack_pair_constants
from tinyts_mlir.quantization import (
    Activation,
    accumulator_limits,
    accumulator_range,
    activation_range,
    add_parameters,
    convolution_multipliers,
    fold_bias,
    fully_connected_multipliers,
    fully_connected_scales,
    leaky_relu_table,
    mean_multiplier,
    softmax_parameters,
)


@dataclass(frozen=True)
class KernelCall:
    """A kernel with its constants.

    Attributes:
        kernel: the C function is `tinyts_<kernel>`.
        struct: its parameters are a `tinyts_<struct>_parameters`.
        parameters: the fields of that struct.
        row_map: which input rows output rows read.
        scratch_bytes: bytes the kernel works in while it makes one band; 0: it does without.
        flat: the kernel sees every operand and result as one row, whatever its shape.
        accumulates: the kernel adds to what its result holds; a cleared result comes before its first step.
    """

    kernel: str
    struct: str
    parameters: Mapping[str, Parameter]
    row_map: RowMap
    scratch_bytes: int = 0
    flat: bool = False
    accumulates: bool = False


OpT = TypeVar("OpT", bound=Operation)


class _Entry(NamedTuple):
    """How an op is lowered: its call with so many bytes of scratch, and the amounts that it has a use for."""

    call: Callable[[Operation, int], KernelCall]
    scratch: Callable[[Operation], tuple[int, ...]]


_KERNELS: dict[type[Operation], _Entry] = {}


def register_kernel(op_type: type[OpT], call: Callable[[OpT], KernelCall]) -> None:
    """Makes `call` the way to lower ops of `op_type`, whose kernel needs no scratch."""
    register_kernel_with_scratch(op_type, lambda op, _: call(op), lambda _: ())


def register_kernel_with_scratch(
    op_type: type[OpT], call: Callable[[OpT, int], KernelCall], scratch: Callable[[OpT], tuple[int, ...]]
) -> None:
    """The same for a kernel that is faster with scratch.

    `scratch` gives the amounts in bytes that it has a use for, the fastest first; `call` gets one of them, or 0 for the
    form without scratch, which every kernel has.
    """
    entry = _Entry(
        cast(Callable[[Operation, int], KernelCall], call), cast(Callable[[Operation], tuple[int, ...]], scratch)
    )
    _KERNELS[op_type] = entry


def ops_with_kernels() -> tuple[type[Operation], ...]:
    """The types of all ops that a kernel runs."""
    return tuple(_KERNELS)


def kernel_call(op: Operation, scratch_bytes: int = 0) -> KernelCall:
    """The kernel that runs `op` with so much scratch; raises CompileError for an op that has none."""
    if (entry := _KERNELS.get(type(op))) is None:
        hint = "register one with tinyts_mlir.kernels.catalogue"
        if isinstance(op, MeanOp):
            hint = "run stream-reductions first"
        raise CompileError(f"{op.name}: no kernel runs this op; {hint}")
    try:
        return entry.call(op, scratch_bytes)
    except ValueError as error:
        raise CompileError(f"{op.name}: {error}") from error


def scratch_options(op: Operation) -> tuple[int, ...]:
    """Amounts of scratch, in bytes, that the kernel of `op` has a use for to make one band, the fastest first."""
    entry = _KERNELS.get(type(op))
    return () if entry is None else entry.scratch(op)


def works_in_place(op: Operation) -> bool:
    """Whether the kernel of `op` may write its result just where an operand lies that nothing reads afterwards."""
    return isinstance(op, AddOp | LeakyReluOp)


def _constant(value: SSAValue) -> ConstantOp:
    """The op behind weights or a bias; raises ValueError when they are no constant."""
    if not isinstance(op := value.owner, ConstantOp):
        raise ValueError("expected weights and biases to be constants of the model")
    return op


def _int8(value: SSAValue) -> NDArray[np.int8]:
    op = _constant(value)
    return np.frombuffer(op.value.data.data, np.int8).reshape(op.value.get_shape())


def _int32(value: SSAValue | None) -> NDArray[np.int32] | None:
    return None if value is None else np.frombuffer(_constant(value).value.data.data, np.int32)


def _range(activation: str, result: SSAValue) -> tuple[int, int]:
    type = quantization_of(result)
    return activation_range(Activation[activation.upper()], type.scale, type.zero_point)


def _whole(value: SSAValue) -> tuple[int, ...]:
    return whole_shape(tensor_type(value))


def _per_channel(scales: Sequence[float], channels: int) -> list[float]:
    return list(scales) if len(scales) == channels else [scales[0]] * channels


def _row_map(op: RowGeometryInterface) -> RowMap:
    row_map = op.row_map()
    assert row_map is not None
    return row_map


LEAST_SHIFT = -22
"""Below it the zero point's share of a scaled sum would not fit 32 bits."""


def _scaling(op: Conv2DOp | DepthwiseConv2DOp, by_channel: NDArray[np.int8]) -> ChannelScaling:
    """The scaling of a convolution; `by_channel` are its weights as (output channels, the rest)."""
    input_type, output_type = quantization_of(op.input[0]), quantization_of(op.result)
    channels = by_channel.shape[0]
    scales = _per_channel(quantization_of(op.filter).scales, channels)
    multipliers = convolution_multipliers(input_type.scale, scales, output_type.scale)
    bias = _int32(op.bias)
    sums = SumRange(*accumulator_range(by_channel, bias, input_type.zero_point))
    return channel_scaling(np.zeros(channels, np.int32) if bias is None else bias, multipliers, sums, LEAST_SHIFT)


def _window(op: Conv2DOp | DepthwiseConv2DOp) -> dict[str, Parameter]:
    """The parameters that both convolutions have in common."""
    _, _, input_width, input_channels = _whole(op.input[0])
    _, _, output_width, output_channels = _whole(op.result)
    minimum, maximum = _range(op.activation.data, op.result)
    stride, dilation, padding = int_values(op.stride), int_values(op.dilation), int_values(op.padding)
    height, width = op.filter_size
    return {
        "input_width": input_width,
        "input_channels": input_channels,
        "output_width": output_width,
        "output_channels": output_channels,
        "filter_height": height,
        "filter_width": width,
        "row_stride": stride[0],
        "column_stride": stride[1],
        "row_dilation": dilation[0],
        "column_dilation": dilation[1],
        "padding_left": padding[2],
        "output_zero_point": quantization_of(op.result).zero_point,
        "output_minimum": minimum,
        "output_maximum": maximum,
    }


CONV_2D_PIXELS = (4, 2)
"""How many pixels CONV_2D makes at once in scratch, the fastest first."""
CONV_2D_STACK_BYTES = 256
"""TINYTS_CONV_2D_STACK_BYTES: what needs no more is gathered on the stack."""


def conv_2d_scratch_bytes(filter_size: tuple[int, int], filter_channels: int, pixels: int) -> int:
    """TINYTS_CONV_2D_SCRATCH_BYTES: pixels' patches of a group as int16, and one as int8 where it is not in words."""
    layout = conv_2d_layout(filter_size, filter_channels)
    in_words = filter_channels % 4 == 0 or layout.overlaps
    return layout.words * (8 * pixels + (0 if in_words else 4))


def conv_2d_layout(
    filter_size: tuple[int, int], filter_channels: int, groups: int = 1, wide: bool = False
) -> PatchLayout:
    """How the weights of CONV_2D are packed."""
    overlaps = filter_size == (1, 1) and filter_channels > 4 and filter_channels % 4 != 0
    return PatchLayout(prod(filter_size) * filter_channels, groups, overlaps, wide)


def conv_2d_pixels(filter_size: tuple[int, int], filter_channels: int, scratch_bytes: int = 0) -> int:
    """How many pixels CONV_2D makes at once in so much scratch; without any on the stack, 0 where they do not fit."""
    for pixels in CONV_2D_PIXELS:
        if conv_2d_scratch_bytes(filter_size, filter_channels, pixels) <= (scratch_bytes or CONV_2D_STACK_BYTES):
            return pixels
    return 0


def _conv_2d_scratch(op: Conv2DOp) -> tuple[int, ...]:
    filter_channels = tensor_type(op.filter).get_shape()[CHANNELS]
    sizes = [conv_2d_scratch_bytes(op.filter_size, filter_channels, pixels) for pixels in CONV_2D_PIXELS]
    return tuple(size for size in sizes if size > CONV_2D_STACK_BYTES)


def _conv_2d(op: Conv2DOp, scratch_bytes: int) -> KernelCall:
    weights = _int8(op.filter)
    output_channels, _, filter_width, filter_channels = weights.shape
    groups = _whole(op.input[0])[CHANNELS] // filter_channels
    by_channel = weights.reshape(output_channels, -1)
    scaling = _scaling(op, by_channel)
    zero_point = quantization_of(op.input[0]).zero_point
    bias = fold_bias(scaling.bias, by_channel.sum(axis=1, dtype=np.int64), zero_point)
    wide = op.weight_bits.value.data == 16
    parameters: dict[str, Parameter] = {
        "weights": pack_channel_pairs(by_channel, conv_2d_layout(op.filter_size, filter_channels, groups, wide)),
        "channel_pairs": pack_pair_constants(bias, scaling.multipliers, scaling.shifts, groups),
        "narrow": int(scaling.narrow),
        "wide": int(wide),
        "filter_channels": filter_channels,
        "scratch_pixels": conv_2d_pixels(op.filter_size, filter_channels, scratch_bytes) if scratch_bytes else 0,
        **_window(op),
    }
    if any(int_values(op.padding)):
        parameters["padding"] = np.full(filter_width * filter_channels, zero_point, np.int8)
    return KernelCall("conv_2d", "conv_2d", parameters, _row_map(op), scratch_bytes)


def _depthwise_conv_2d(op: DepthwiseConv2DOp) -> KernelCall:
    [weights] = _int8(op.filter)
    scaling = _scaling(op, weights.reshape(-1, weights.shape[-1]).T)
    packed = pack_depthwise(DepthwiseConstants(weights, scaling), quantization_of(op.result).zero_point)
    parameters: dict[str, Parameter] = {
        "weights": packed.weights,
        "constants": packed.constants,
        "narrow": int(scaling.narrow),
        "depth_multiplier": op.depth_multiplier,
        "input_zero_point": quantization_of(op.input[0]).zero_point,
        **_window(op),
    }
    return KernelCall("depthwise_conv_2d", "depthwise_conv_2d", parameters, _row_map(op))


def _connection(
    op: FullyConnectedOp | FullyConnectedOfSumsOp, input_type: UniformQuantizedType
) -> dict[str, Parameter]:
    """What a fully connected layer does to its sums."""
    weights = _int8(op.filter)
    filter_type, output_type = quantization_of(op.filter), quantization_of(op.result)
    bias = _int32(op.bias)
    minimum, maximum = _range(op.activation.data, op.result)
    scales = fully_connected_scales(input_type.scale, filter_type.scales, output_type.scale)
    limits = accumulator_limits(weights, bias, input_type.zero_point)
    multipliers, shifts = fully_connected_multipliers(scales, limits if len(scales) > 1 else limits.max())
    return {
        "bias": fold_bias(bias, weights.astype(np.int64).sum(axis=1), input_type.zero_point),
        "multipliers": multipliers,
        "shifts": shifts.astype(np.int8),
        "output_channels": weights.shape[0],
        "per_channel": int(len(scales) > 1),
        "output_zero_point": output_type.zero_point,
        "output_minimum": minimum,
        "output_maximum": maximum,
    }


def _fully_connected(op: FullyConnectedOp) -> KernelCall:
    weights = _int8(op.filter)
    parameters = _connection(op, quantization_of(op.input))
    parameters |= {"weights": weights, "input_channels": weights.shape[1], "batches": op.batches}
    return KernelCall("fully_connected", "fully_connected", parameters, RowMap(), flat=True)


def _dot_rows(op: DotRowsOp) -> KernelCall:
    weights = _int8(op.filter)
    map = tensor_type(op.rows[0])
    by_rows = weights.reshape(weights.shape[0], total_rows(map), row_bytes(map))
    rows = group_rows(tuple(op.rows)).count
    parameters: dict[str, Parameter] = {
        "weights": np.ascontiguousarray(by_rows.transpose(1, 0, 2)),
        "row_bytes": row_bytes(map),
        "output_channels": weights.shape[0],
        "window_rows": rows,
    }
    return KernelCall("dot_rows", "dot_rows", parameters, RowMap(rows, rows), accumulates=True)


def _fully_connected_of_sums(op: FullyConnectedOfSumsOp) -> KernelCall:
    kernel = "fully_connected_of_sums"
    return KernelCall(kernel, kernel, _connection(op, op.input_type), RowMap(), flat=True)


def _sum_rows(op: SumRowsOp) -> KernelCall:
    _, _, width, channels = _whole(op.rows[0])
    rows = group_rows(tuple(op.rows)).count
    parameters: dict[str, Parameter] = {"width": width, "channels": channels, "window_rows": rows}
    return KernelCall("sum_rows", "sum_rows", parameters, RowMap(rows, rows), accumulates=True)


def _mean_of_sums(op: MeanOfSumsOp) -> KernelCall:
    minimum, maximum = _range(op.activation.data, op.result)
    parameters: dict[str, Parameter] = {
        "count": op.count.value.data,
        "channels": _whole(op.result)[CHANNELS],
        "output_minimum": minimum,
        "output_maximum": maximum,
    }
    return KernelCall("mean_of_sums", "mean_of_sums", parameters, RowMap(), flat=True)


def _requantized_mean_of_sums(op: RequantizedMeanOfSumsOp) -> KernelCall:
    count, output_type = op.count.value.data, quantization_of(op.result)
    multiplier, shift = mean_multiplier(op.input_type.scale, output_type.scale, count)
    parameters: dict[str, Parameter] = {
        "multiplier": multiplier,
        "offset": -count * op.input_type.zero_point,
        "channels": _whole(op.result)[-1],
        "shift": shift,
        "output_zero_point": output_type.zero_point,
    }
    kernel = "requantized_mean_of_sums"
    return KernelCall(kernel, kernel, parameters, RowMap(), flat=True)


def _add(op: AddOp) -> KernelCall:
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    constants = add_parameters(
        (first.scale, second.scale),
        (first.zero_point, second.zero_point),
        output.scale,
        output.zero_point,
        _range(op.activation.data, op.result),
    )
    row_elements = row_bytes(tensor_type(op.result))
    if (addition := affine_addition(constants)) is None:
        parameters: dict[str, Parameter] = {**vars(constants), "row_elements": row_elements}
        return KernelCall("add", "add", parameters, _row_map(op))
    parameters = {**addition._asdict(), "row_elements": row_elements}
    parameters["output_minimum"], parameters["output_maximum"] = constants.output_minimum, constants.output_maximum
    return KernelCall("affine_add", "affine_add", parameters, _row_map(op))


def _pool_2d(op: AveragePool2DOp | MaxPool2DOp, kernel: str) -> KernelCall:
    _, _, input_width, channels = _whole(op.input[0])
    _, _, output_width, _ = _whole(op.result)
    window, stride, padding = int_values(op.window), int_values(op.stride), int_values(op.padding)
    minimum, maximum = _range(op.activation.data, op.result)
    return KernelCall(
        kernel,
        "pool_2d",
        {
            "input_width": input_width,
            "output_width": output_width,
            "channels": channels,
            "filter_height": window[0],
            "filter_width": window[1],
            "row_stride": stride[0],
            "column_stride": stride[1],
            "padding_left": padding[2],
            "output_minimum": minimum,
            "output_maximum": maximum,
        },
        _row_map(op),
    )


def _average_pool_2d(op: AveragePool2DOp) -> KernelCall:
    return _pool_2d(op, "average_pool_2d")


def _max_pool_2d(op: MaxPool2DOp) -> KernelCall:
    return _pool_2d(op, "max_pool_2d")


def _softmax(op: SoftmaxOp) -> KernelCall:
    constants = softmax_parameters(op.beta.value.data, quantization_of(op.input[0]).scale)
    depth = _whole(op.input[0])[-1]
    parameters: dict[str, Parameter] = dict(vars(constants))
    parameters["vectors"] = row_bytes(tensor_type(op.input[0])) // depth
    parameters["depth"] = depth
    return KernelCall("softmax", "softmax", parameters, _row_map(op))


def _leaky_relu(op: LeakyReluOp) -> KernelCall:
    input, output = quantization_of(op.input[0]), quantization_of(op.result)
    table = leaky_relu_table(op.alpha.value.data, input.scale, input.zero_point, output.scale, output.zero_point)
    return KernelCall(
        "lookup", "lookup", {"table": table, "row_elements": row_bytes(tensor_type(op.result))}, _row_map(op)
    )


def _pad(op: PadOp) -> KernelCall:
    _, _, input_width, input_channels = _whole(op.input[0])
    padding, channels = int_values(op.padding), int_values(op.channels)
    return KernelCall(
        "pad",
        "pad",
        {
            "input_width": input_width,
            "input_channels": input_channels,
            "columns_before": padding[2],
            "columns_after": padding[3],
            "channels_before": channels[0],
            "channels_after": channels[1],
            "value": quantization_of(op.result).zero_point,
        },
        _row_map(op),
    )


def _blocks(value: SSAValue, axis: int) -> tuple[int, int]:
    """A row (or the whole, where rows do not matter) as so many blocks of so many bytes, the extent of `axis` on."""
    shape = _whole(value)
    by_rows = len(shape) == FEATURE_MAP_RANK and axis > HEIGHT
    return prod(shape[WIDTH if by_rows else 0 : axis]), prod(shape[axis:])


def _concatenation(op: ConcatenationOp) -> KernelCall:
    axis = op.axis.value.data
    inputs = [_blocks(group[0], axis) for group in op.operand_groups()]
    block_bytes = np.array([block for _, block in inputs], np.uint32)
    return KernelCall(
        "concatenation",
        "concatenation",
        {"block_bytes": block_bytes, "outer": inputs[0][0], "input_count": len(inputs)},
        op.row_map() or RowMap(),
        flat=op.row_map() is None,
    )


def _split(op: SplitOp) -> KernelCall:
    outer, block_bytes = _blocks(op.parts[0], op.axis.value.data)
    return KernelCall(
        "split",
        "split",
        {"outer": outer, "block_bytes": block_bytes, "output_count": len(op.parts)},
        op.row_map() or RowMap(),
        flat=op.row_map() is None,
    )


def _join(op: JoinOp) -> KernelCall:
    return KernelCall("copy", "copy", {"row_bytes": row_bytes(tensor_type(op.result))}, RowMap())


register_kernel_with_scratch(Conv2DOp, _conv_2d, _conv_2d_scratch)
register_kernel(DepthwiseConv2DOp, _depthwise_conv_2d)
register_kernel(FullyConnectedOp, _fully_connected)
register_kernel(AddOp, _add)
register_kernel(AveragePool2DOp, _average_pool_2d)
register_kernel(MaxPool2DOp, _max_pool_2d)
register_kernel(SoftmaxOp, _softmax)
register_kernel(LeakyReluOp, _leaky_relu)
register_kernel(PadOp, _pad)
register_kernel(ConcatenationOp, _concatenation)
register_kernel(SplitOp, _split)
register_kernel(JoinOp, _join)
register_kernel(SumRowsOp, _sum_rows)
register_kernel(MeanOfSumsOp, _mean_of_sums)
register_kernel(RequantizedMeanOfSumsOp, _requantized_mean_of_sums)
register_kernel(DotRowsOp, _dot_rows)
register_kernel(FullyConnectedOfSumsOp, _fully_connected_of_sums)
