"""FUSED_BLOCK: convolution, depthwise and pointwise convolution, a few columns at a time (tinyts_fused_block.c).

Its constants are those of the three kernels, each field with the name of its layer in front. The expansion of the
window's rows and the depthwise convolution's result are there for some columns only, in scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowMap, band_ranges
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, WIDTH, WORD_BYTES, RowRange, shape_of, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts import Conv2DOp, DepthwiseConv2DOp, FusedBlockOp
from tinyts_mlir.kernels import convolutions, depthwise
from tinyts_mlir.kernels.cost import KernelCost, LayerShape, PlainCost
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer
from tinyts_mlir.kernels.plain_costs import PlainCosts
from tinyts_mlir.kernels.wide_channels import convolution_constants

STACK_BYTES = 448
"""Its frames, as gcc and clang make them for a Cortex-M7."""
MOST_WINDOW_ROWS = 16
"""TINYTS_FUSED_BLOCK_MOST_ROWS: rows of the expansion that the kernel has at once, and of its input for one of them."""
MOST_ROWS = 8
"""TINYTS_FUSED_ROWS_AT_ONCE: rows of the result that it makes together."""
MOST_GATHERED = 256
"""Bytes of scratch for patches that could be read where they lie, two at a time: as of CONV_2D's own stack."""
KEPT_INSTRUCTIONS = 0.6
"""What it takes to keep a byte."""
ONE_COLUMN_INSTRUCTIONS = 1000
"""And besides, where only one column of the expansion is new: all loops go through single pixels."""
TILE_INSTRUCTIONS = 700
"""What a tile takes besides its pixels: three calls, and columns that are kept."""

_OUTPUT_FIELDS = ("output_zero_point", "output_minimum", "output_maximum")
_POINTWISE_FIELDS = ("weights", "channel_pairs", "narrow", "wide", *_OUTPUT_FIELDS)
_DEPTHWISE_FIELDS = ("weights", "constants", "narrow", *_OUTPUT_FIELDS)
_EXPAND_FIELDS = ("filter_height", "filter_width", "row_stride", "column_stride", "padding_left", "padding")
_SHARED_FIELDS = (
    *("input_channels", "expanded_width", "expanded_channels", "output_width", "output_channels"),
    *("filter_height", "filter_width", "row_stride", "column_stride", "padding_left", "tile_columns"),
)

[_POINTWISE] = convolutions.FAMILY.ops
[_DEPTHWISE] = depthwise.FAMILY.ops


def window_rows(filter_height: int, row_stride: int, rows: int) -> int:
    """Rows of the expansion that so many rows of the result are made from."""
    return (rows - 1) * row_stride + filter_height


def rows_together(filter_height: int, row_stride: int, rows: int) -> int:
    """How many rows of a band of `rows` the kernel makes together."""
    return min(rows, MOST_ROWS, (MOST_WINDOW_ROWS - filter_height) // row_stride + 1)


def scratch_bytes(op: FusedBlockOp, rows: int) -> int:
    """What the kernel needs to make a band of so many rows."""
    height, width = op.filter_size
    stride = int_values(op.stride)
    tile = min(op.tile_columns.value.data, shape_of(op.result)[WIDTH])
    channels = op.expanded.get_shape()[CHANNELS]
    is_band = rows < whole_shape(tensor_type(op.result))[HEIGHT]
    rows = rows_together(height, stride[0], rows)
    window = rows * stride[0] if op.kept_bytes and is_band else window_rows(height, stride[0], rows)
    expanded = window * ((tile - 1) * stride[1] + width) * channels
    filtered = rows * tile * channels if op.project_filter is not None else 0
    return _gathered_bytes(op) + expanded + filtered


def _gathered_bytes(op: FusedBlockOp) -> int:
    """Of four patches that the expansion reads, where they are small or cannot be read where they lie."""
    filter_size, channels = op.expand_filter_size, shape_of(op.input[0])[CHANNELS]
    size = convolutions.conv_2d_scratch_bytes(filter_size, channels, 4)
    return size if size <= MOST_GATHERED or not convolutions.is_in_words(filter_size, channels) else 0


def is_made_by_members(op: Conv2DOp) -> bool:
    """Whether a convolution is one that the kernel calls: no channel is made again."""
    return len(convolution_constants(op).apart) == 0


# --- Constants -----------------------------------------------------------------------------------------------------


def _call(op: FusedBlockOp) -> KernelCall:
    _, input_rows, input_width, input_channels = whole_shape(tensor_type(op.input[0]))
    _, expanded_rows, expanded_width, expanded_channels = op.expanded.get_shape()
    _, _, output_width, output_channels = whole_shape(tensor_type(op.result))
    height, width = op.filter_size
    stride, padding = int_values(op.stride), int_values(op.padding)
    expand_height, expand_width = op.expand_filter_size
    expand_stride, expand_padding = int_values(op.expand_stride), int_values(op.expand_padding)
    parameters: dict[str, Parameter] = {
        "input_width": input_width,
        "input_channels": input_channels,
        "expanded_width": expanded_width,
        "expanded_channels": expanded_channels,
        "output_width": output_width,
        "output_channels": output_channels,
        "expand_filter_height": expand_height,
        "expand_filter_width": expand_width,
        "expand_row_stride": expand_stride[0],
        "expand_column_stride": expand_stride[1],
        "expand_padding_left": expand_padding[2],
        "expand_padding_top": expand_padding[0],
        "expand_rows_behind": expanded_rows * expand_stride[0] - expand_padding[0] - input_rows,
        "filter_height": height,
        "filter_width": width,
        "row_stride": stride[0],
        "column_stride": stride[1],
        "padding_left": padding[2],
        "tile_columns": min(op.tile_columns.value.data, output_width),
        "gathered_bytes": _gathered_bytes(op),
        "keeps_rows": int(op.keeping is not None),
    }
    filters = ((height, width, *stride), (expand_height, expand_width, *expand_stride))
    if not all(
        rows <= MOST_WINDOW_ROWS and rows >= down and columns >= right for rows, columns, down, right in filters
    ):
        raise ValueError(f"expected windows of up to {MOST_WINDOW_ROWS} rows that strides leave no gaps in")
    if max(expand_padding[:2]) >= expand_height:
        raise ValueError("expected each row of the expansion to be made of a row of the input")
    with op.members() as (expand, filter, project):
        parameters |= _member_fields("expand", expand, (*_POINTWISE_FIELDS, "padding"))
        parameters |= _member_fields("depthwise", filter, _DEPTHWISE_FIELDS)
        parameters |= _member_fields("project", project, _POINTWISE_FIELDS)
    return KernelCall.of(op, FUSED_BLOCK, parameters)


def _entry_of(op: Conv2DOp | DepthwiseConv2DOp) -> OpEntry[Any]:
    return _DEPTHWISE if isinstance(op, DepthwiseConv2DOp) else _POINTWISE


def _member_fields(name: str, op: Conv2DOp | DepthwiseConv2DOp | None, fields: Sequence[str]) -> dict[str, Parameter]:
    """The fields of a member's own kernel; numbers are 0, and pointers not there, where there is no such member."""
    if op is None:
        return {f"{name}_{field}": 0 for field in fields if field not in ("weights", "channel_pairs")}
    call_of = _entry_of(op).call
    assert call_of is not None
    call = call_of(op)
    if call.kernel not in (convolutions.CONV_2D, depthwise.DEPTHWISE_CONV_2D):
        raise ValueError(f"expected members that conv_2d and depthwise_conv_2d run, got {call.kernel.name}")
    return {f"{name}_{field}": call.parameters[field] for field in fields if field in call.parameters}


def _member(parameters: Parameters, name: str, fields: Sequence[str]) -> dict[str, Parameter]:
    there = {field: f"{name}_{field}" for field in fields}
    return {field: parameters[given] for field, given in there.items() if given in parameters}


def _pointwise(parameters: Parameters, name: str, width: int, channels: tuple[int, int]) -> Parameters:
    """The parameters of a pointwise convolution of whole rows."""
    return {
        **_member(parameters, name, _POINTWISE_FIELDS),
        **dict.fromkeys(("input_width", "output_width"), width),
        "input_channels": channels[0],
        "filter_channels": channels[0],
        "output_channels": channels[1],
        **dict.fromkeys(("filter_height", "filter_width", "row_stride", "column_stride"), 1),
        **dict.fromkeys(("row_dilation", "column_dilation"), 1),
        "padding_left": 0,
        "scratch_pixels": 0,
    }


def _members(parameters: Parameters) -> tuple[Parameters, Parameters, Parameters | None]:
    """The parameters with which the three kernels make whole rows."""
    given = {name: integer(parameters, name) for name in _SHARED_FIELDS}
    expanded, width = given["expanded_channels"], given["output_width"]
    expand: dict[str, Parameter] = {
        **_pointwise(parameters, "expand", given["expanded_width"], (given["input_channels"], expanded)),
        **_member(parameters, "expand", _EXPAND_FIELDS),
        "input_width": integer(parameters, "input_width"),
    }
    filter: dict[str, Parameter] = {
        **_member(parameters, "depthwise", _DEPTHWISE_FIELDS),
        **{name: given[name] for name in ("output_width", "filter_height", "filter_width")},
        "input_width": given["expanded_width"],
        **{name: given[name] for name in ("row_stride", "column_stride", "padding_left")},
        **dict.fromkeys(("input_channels", "output_channels"), expanded),
        **dict.fromkeys(("row_dilation", "column_dilation", "depth_multiplier"), 1),
        "input_zero_point": integer(parameters, "expand_output_zero_point"),
    }
    if "project_weights" not in parameters:
        return expand, filter, None
    return expand, filter, _pointwise(parameters, "project", width, (expanded, given["output_channels"]))


# --- Cost ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FusedBlockCost(KernelCost):
    """The costs of the members, the expansion's for all rows that are made, some of them several times.

    Attributes:
        members: costs of the expansion, the depthwise convolution and the projection, if any.
        row_bytes: bytes of a row that each member makes.
        tile_columns: columns of the expansion that are new in a tile, and of the result.
        filter_height: rows of the window.
        row_stride: of the window.
        tiles: of a row.
        gathered_bytes: scratch of the expansion.
        keeps_rows: rows of the expansion are made once.
    """

    members: tuple[KernelCost, ...]
    row_bytes: tuple[int, ...]
    tile_columns: tuple[int, int]
    filter_height: int
    row_stride: int
    tiles: int
    gathered_bytes: int
    keeps_rows: bool

    def instructions(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """Bands of whole rows; rows of padding count as if they were made."""
        rows = rows_together(self.filter_height, self.row_stride, band_rows)
        bands = -(-shape.rows // rows)
        height = window_rows(self.filter_height, self.row_stride, rows)
        if self.keeps_rows:
            height = rows * self.row_stride
        expand, filter, *project = self.members
        new, made = self.tile_columns
        total = bands * self.tiles * (TILE_INSTRUCTIONS + (ONE_COLUMN_INSTRUCTIONS if new == 1 else 0))
        if self.keeps_rows:
            total += bands * min(height, self.filter_height - self.row_stride) * self.row_bytes[0] * KEPT_INSTRUCTIONS
        total += self._in_tiles(expand, LayerShape(bands * height, self.row_bytes[0]), new, height, self.gathered_bytes)
        total += filter.instructions(LayerShape(shape.rows, self.row_bytes[1]), rows, 0)
        for cost in project:
            total += self._in_tiles(cost, LayerShape(shape.rows, self.row_bytes[2]), made, rows, 0)
        return total

    def _in_tiles(self, cost: KernelCost, shape: LayerShape, columns: int, band_rows: int, scratch_bytes: int) -> float:
        """Of a convolution that goes through so many columns of some rows at a time: few pixels go together."""
        if not isinstance(cost, convolutions.Conv2DCost):
            return cost.instructions(shape, band_rows, scratch_bytes)
        tile = LayerShape(shape.rows * self.tiles, shape.row_bytes // cost.columns * columns)
        return replace(cost, columns=columns).instructions(tile, band_rows, scratch_bytes)

    def plain_instructions(self, shape: LayerShape, band_rows: int, costs: PlainCosts) -> float:
        """The same of the members' costs without DSP instructions."""
        plain = replace(self, members=tuple(PlainCost(member, costs) for member in self.members))
        return plain.instructions(shape, band_rows, 0)

    def constant_reads(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """At least once for each tile."""
        rows = rows_together(self.filter_height, self.row_stride, band_rows)
        return -(-shape.rows // rows) * self.tiles


def _cost_of_op(op: FusedBlockOp) -> KernelCost:
    with op.members() as members:
        there = [member for member in members if member is not None]
        costs = [_entry_of(member).cost(member) for member in there]
        row_bytes = [prod(whole_shape(tensor_type(member.result))[WIDTH:]) for member in there]
    tiles = -(-shape_of(op.result)[WIDTH] // op.tile_columns.value.data)
    height, stride = op.filter_size[0], int_values(op.stride)[0]
    columns = min(op.tile_columns.value.data, shape_of(op.result)[WIDTH])
    new = columns * int_values(op.stride)[1], columns
    return FusedBlockCost(
        tuple(costs), tuple(row_bytes), new, height, stride, tiles, _gathered_bytes(op), op.kept_bytes > 0
    )


def _keeps_rows(parameters: Parameters) -> bool:
    return bool(integer(parameters, "keeps_rows"))


def _cost_of_call(parameters: Parameters) -> KernelCost:
    expand, filter, project = _members(parameters)
    calls = [(convolutions.CONV_2D, expand), (depthwise.DEPTHWISE_CONV_2D, filter)]
    if project is not None:
        calls.append((convolutions.CONV_2D, project))
    costs = [kernel.cost(given) for kernel, given in calls]
    row_bytes = [integer(given, "output_width") * integer(given, "output_channels") for _, given in calls]
    tiles = -(-integer(parameters, "output_width") // integer(parameters, "tile_columns"))
    height, stride = integer(parameters, "filter_height"), integer(parameters, "row_stride")
    columns = integer(parameters, "tile_columns")
    new = columns * integer(parameters, "column_stride"), columns
    gathered = integer(parameters, "gathered_bytes")
    return FusedBlockCost(tuple(costs), tuple(row_bytes), new, height, stride, tiles, gathered, _keeps_rows(parameters))


def _macs(op: FusedBlockOp) -> int:
    """Multiplications that the layers themselves have, for an element of the result; rounded down."""
    with op.members() as members:
        there = [member for member in members if member is not None]
        macs = sum(_entry_of(member).macs(member) * prod(whole_shape(tensor_type(member.result))) for member in there)
    return macs // prod(whole_shape(tensor_type(op.result)))


def extra_macs(op: FusedBlockOp, rows: int) -> int:
    """Multiplications of rows of the expansion that bands of so many rows make once more than the layers themselves."""
    if op.kept_bytes:
        return 0
    _, total, width, channels = op.expanded.get_shape()
    row_map = RowMap(int_values(op.stride)[0], op.filter_size[0], int_values(op.padding)[0])
    repeated = _repeated_rows(row_map, total, whole_shape(tensor_type(op.result))[HEIGHT], rows)
    return repeated * width * channels * prod(shape_of(op.expand_filter)[1:])


def _repeated_rows(row_map: RowMap, expanded_rows: int, result_rows: int, band_rows: int) -> int:
    """Rows of the expansion that are made once more than once: in each band, and in each part of one."""
    together = rows_together(row_map.window, row_map.stride, band_rows)
    made = sum(
        row_map.needed(RowRange(band.start + part.start, band.start + part.stop), expanded_rows).rows.count
        for band in band_ranges(result_rows, band_rows)
        for part in band_ranges(band.count, together)
    )
    return made - expanded_rows


def _repeated_macs(parameters: Parameters, row_map: RowMap, input_rows: int, result_rows: int, band_rows: int) -> int:
    if _keeps_rows(parameters):
        return 0
    names = ("expand_filter_height", "expand_filter_width", "input_channels", "expanded_width", "expanded_channels")
    macs = prod(integer(parameters, name) for name in names)
    stride, above = integer(parameters, "expand_row_stride"), integer(parameters, "expand_padding_top")
    expanded_rows = (integer(parameters, "expand_rows_behind") + above + input_rows) // stride
    window, padding = integer(parameters, "filter_height"), (row_map.padding - above) // stride
    filter_map = RowMap(integer(parameters, "row_stride"), window, padding)
    return macs * _repeated_rows(filter_map, expanded_rows, result_rows, band_rows)


# --- Meaning -------------------------------------------------------------------------------------------------------


def _inside(parameters: Parameters, window: Window, expanded: int) -> tuple[int, int]:
    """The first of so many rows in a window that is a row of the expansion, and the one behind the last.

    As tinyts_fused_find_inside finds them.
    """
    stride, height = integer(parameters, "expand_row_stride"), integer(parameters, "expand_filter_height")
    above, rows = window.padding_before, (expanded - 1) * stride + height
    inside = min(expanded, max(0, -(-(above - integer(parameters, "expand_padding_top")) // stride)))
    behind = expanded
    last = rows - window.padding_after + integer(parameters, "expand_rows_behind")
    while behind > inside and (behind - 1) * stride >= last:
        behind -= 1
    return inside, behind


def _expand(parameters: Parameters, window: Window, expanded: int, first: int, behind: int) -> Rows:
    """Rows `first` to `behind - 1` of the expansion's so many rows in a window, whose input the window is."""
    stride, expand = integer(parameters, "expand_row_stride"), _members(parameters)[0]
    if behind <= first:
        return np.empty((0, integer(expand, "output_width") * integer(expand, "output_channels")), np.int8)
    skipped, left_out = first * stride, (expanded - behind) * stride
    before, after = window.padding_before - skipped, window.padding_after - left_out
    rows = window.rows[max(0, -before) : len(window.rows) - max(0, -after)]
    [made] = convolutions.CONV_2D.run(expand, [Window(rows, max(0, before), max(0, after))], behind - first)
    return made


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    if _keeps_rows(parameters):
        return _run_keeping(parameters, inputs, row_count)
    [window] = inputs
    count = window_rows(integer(parameters, "filter_height"), integer(parameters, "row_stride"), row_count)
    inside, behind = _inside(parameters, window, count)
    rows = _expand(parameters, window, count, inside, behind)
    return _rest(parameters, Window(rows, inside, count - behind), row_count)


def _run_keeping(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Where the state's first word is not 0, the first rows of the expansion are behind it, and not made again.

    A row of padding has its bytes there as well, which mean nothing.
    """
    window, state = inputs
    kept = integer(parameters, "filter_height") - integer(parameters, "row_stride")
    count = window_rows(integer(parameters, "filter_height"), integer(parameters, "row_stride"), row_count)
    inside, behind = _inside(parameters, window, count)
    row_bytes = integer(parameters, "expanded_width") * integer(parameters, "expanded_channels")
    after = state.rows.reshape(-1).copy()
    [begun], held = after[:WORD_BYTES].view(np.int32), after[WORD_BYTES : WORD_BYTES + kept * row_bytes]
    first = max(inside, kept) if begun else inside
    rows = np.zeros((count, row_bytes), np.int8)
    if begun:
        rows[:kept] = held.reshape(kept, row_bytes)
    rows[first : max(first, behind)] = _expand(parameters, window, count, first, behind)
    after[:WORD_BYTES].view(np.int32)[:] = 1
    held[:] = rows[count - kept :].reshape(-1)
    made = _rest(parameters, Window(rows[inside:behind], inside, count - behind), row_count)
    return [*made, after.reshape(1, -1)]


def _rest(parameters: Parameters, expanded: Window, row_count: int) -> list[Rows]:
    """What the other layers make of the expansion."""
    _, filter, project = _members(parameters)
    made = depthwise.DEPTHWISE_CONV_2D.run(filter, [expanded], row_count)
    return made if project is None else convolutions.CONV_2D.run(project, [Window(made[0])], row_count)


FUSED_BLOCK = Kernel(
    "fused_block",
    _run,
    cost=_cost_of_call,
    accumulates=_keeps_rows,
    calls=("conv_2d", "depthwise_conv_2d"),
    stack_bytes=STACK_BYTES,
    repeated_macs=_repeated_macs,
)

FAMILY = KernelFamily(
    kernels=[FUSED_BLOCK],
    ops=[
        OpEntry(
            FusedBlockOp,
            _call,
            kernels=(FUSED_BLOCK,),
            needed_scratch=scratch_bytes,
            macs=_macs,
            cost=_cost_of_op,
        )
    ],
)
