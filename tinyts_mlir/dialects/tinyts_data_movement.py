"""Ops of the `tinyts` dialect that move bytes and compute nothing: join, pad, concatenation, split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import ClassVar

import numpy as np
from typing_extensions import Self
from xdsl.dialects.builtin import (
    DenseArrayBase,
    IntegerAttr,
    TensorType,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.traits import HasCanonicalizationPatternsTrait, Pure

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.channel_geometry import NO_CHANNEL, ChannelLink, Flags, last_extent
from tinyts_mlir.dialects.interfaces import AssemblingInterface, MovedRows, RowMoveInterface
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    HEIGHT,
    WIDTH,
    RowRange,
    RowsAttr,
    quantization_of,
    rows_of,
    shape_of,
    size_in_bytes,
    tensor_type,
    total_rows,
    verify_feature_map,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts_base import (
    INT_ARRAY,
    NO_PADDING,
    ChannelLinkedOp,
    RowOp,
    TinytsOp,
    UnaryRowOp,
    planned_offset,
    verify_activations,
    verify_edge_or_indices,
    verify_movable,
    verify_ranks,
    verify_window,
)


@irdl_op_definition
class JoinOp(AssemblingInterface, TinytsOp):
    """All bands of a feature map, as one tensor in one place.

    A plan that has the bands there already makes it a step that does nothing.

    Example:
        %map = tinyts.join [%0, %1, %2] : tensor<1x6x8x16x!q>
    """

    name = "tinyts.join"

    bands = var_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def assembled(self) -> list[tuple[SSAValue, int]]:
        """Each band with the byte of the result at which it belongs."""
        places = accumulate((size_in_bytes(tensor_type(band)) for band in self.bands[:-1]), initial=0)
        return list(zip(self.bands, places, strict=True))

    def finds_operands_in_place(self) -> bool:
        """Whether a plan has every band just where it belongs in the result."""
        if self.offsets is None:
            return False
        (start,) = int_values(self.offsets)
        return all(planned_offset(band) == start + place for band, place in self.assembled())

    def verify_(self) -> None:
        """Checks that the bands are all rows of the result, in order."""
        self.verify_offsets()
        verify_edge_or_indices(self, self.result)
        result = tensor_type(self.result)
        verify_feature_map(result)
        self.expect(not isinstance(result.encoding, RowsAttr), f"expected to make a whole feature map, got {result}")
        position = 0
        for band in self.bands:
            type = tensor_type(band)
            verify_feature_map(type)
            self.expect(
                whole_shape(type) == result.get_shape() and type.element_type == result.element_type,
                f"expected bands of {result}, got {type}",
            )
            self.expect(
                rows_of(type).start == position,
                f"expected consecutive bands: rows from {position} on, got rows {rows_of(type)}",
            )
            position = rows_of(type).stop
        self.expect(
            position == total_rows(result),
            f"expected bands of {total_rows(result)} rows together, got {position}",
        )


class _PadPatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (TrivialPad(),)


@irdl_op_definition
class PadOp(ChannelLinkedOp, UnaryRowOp):
    """TFLite's PAD of a feature map with the result's zero point, or PADV2 with another byte, `value`.

    `padding` is [top, bottom, left, right]; `channels` is [before, after].

    Example:
        %1 = tinyts.pad %0 {padding = [1, 1, 1, 1]} : tensor<1x26x26x16x!q>
    """

    name = "tinyts.pad"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    result = result_def(TensorType)
    padding = opt_prop_def(INT_ARRAY, default_value=NO_PADDING)
    channels = opt_prop_def(INT_ARRAY, default_value=DenseArrayBase.from_list(i64, [0, 0]))
    value = opt_prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure(), _PadPatterns())

    @property
    def padding_value(self) -> int:
        """The byte that is put around the map."""
        return quantization_of(self.result).zero_point if self.value is None else self.value.value.data

    def channel_links(self) -> Sequence[ChannelLink] | None:
        """What is added in front of channels, and behind them, is made of none."""
        before, after = int_values(self.channels)
        own = np.arange(last_extent(self.input[0]))
        channels = np.concatenate([np.full(before, NO_CHANNEL), own, np.full(after, NO_CHANNEL)])
        return [ChannelLink(self.input[0], self.result, channels)]

    def channel_properties(self, kept: Mapping[SSAValue, Flags]) -> Mapping[str, Attribute]:
        """How many are added in front and behind."""
        before, after = int_values(self.channels)
        flags = kept[self.result]
        return {"channels": assembly.to_attribute([int(flags[:before].sum()), int(flags[len(flags) - after :].sum())])}

    def row_map(self) -> RowMap | None:
        """Row by row, the padding above counted."""
        return RowMap(padding=int_values(self.padding)[0])

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        verify_ranks(self, *self.input, self.result)
        verify_activations(self, *self.input, self.result)
        channels = int_values(self.channels)
        self.expect(len(channels) == 2 and min(channels) >= 0, f"expected 2 channel paddings, got {list(channels)}")
        low, high = quantization_of(self.result).limits
        self.expect(low <= self.padding_value <= high, f"expected {low} to {high} as value, got {self.padding_value}")
        verify_window(self, (1, 1), (1, 1), int_values(self.padding), (1, 1))
        expected = shape_of(self.input[0])[CHANNELS] + sum(channels)
        found = shape_of(self.result)[CHANNELS]
        self.expect(found == expected, f"expected {expected} result channels, got {found}")
        self.verify_rows()
        self.verify_offsets()


class TrivialPad(RewritePattern):
    """A pad that adds nothing goes; converters write one in front of nearly every 1x1 convolution of MCUNet."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: PadOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one pad."""
        if len(op.input) == 1 and op.input[0].type == op.result.type:
            rewriter.replace(op, [], [op.input[0]])


@irdl_op_definition
class ConcatenationOp(RowMoveInterface, ChannelLinkedOp, RowOp):
    """TFLite's CONCATENATION along `axis` of tensors with one quantization.

    Each operand is one whole tensor or, in brackets, consecutive bands.

    Example:
        %2 = tinyts.concatenation %0, %1 {axis = 3} : tensor<1x12x12x24x!q>
    """

    name = "tinyts.concatenation"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)

    inputs = var_operand_def(TensorType)
    result = result_def(TensorType)

    axis = prop_def(IntegerAttr)
    bands = opt_prop_def(INT_ARRAY)
    """How many of the operands are bands of the first input, of the second, ...; absent when every input is whole."""

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def channel_links(self) -> Sequence[ChannelLink] | None:
        """Along channels, those of each operand are behind those of the one before."""
        if self.axis.value.data != len(shape_of(self.result)) - 1:
            return super().channel_links()
        numbers = np.arange(last_extent(self.result))
        links: list[ChannelLink] = []
        first = 0
        for value in self.inputs:
            behind = first + last_extent(value)
            inside = (numbers >= first) & (numbers < behind)
            links.append(ChannelLink(value, self.result, np.where(inside, numbers - first, NO_CHANNEL)))
            first = behind
        return links

    def row_map(self) -> RowMap | None:
        """Row by row, unless it is rows that are concatenated."""
        rank = len(shape_of(self.result))
        return RowMap() if rank == FEATURE_MAP_RANK and self.axis.value.data in (WIDTH, CHANNELS) else None

    def moved_rows(self) -> list[list[MovedRows]] | None:
        """Of a concatenation of whole maps along rows: the operands' rows, one behind the other."""
        if self.bands is not None or not _is_along_rows(self.result, self.axis):
            return None
        return [[MovedRows(value, RowRange(0, total_rows(tensor_type(value)))) for value in self.inputs]]

    def row_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """Every operand holds rows."""
        return self.operand_groups()

    def operand_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The bands of each input."""
        if self.bands is None:
            return tuple((value,) for value in self.inputs)
        groups: list[tuple[SSAValue, ...]] = []
        values = tuple(self.inputs)
        for count in int_values(self.bands):
            groups.append(values[:count])
            values = values[count:]
        return tuple(groups)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[Attribute],
        properties: Mapping[str, Attribute],
    ) -> Self:
        """The op on the bands of any number of inputs."""
        given = {name: value for name, value in properties.items() if name != "bands"}
        if any(len(group) != 1 for group in groups):
            given["bands"] = assembly.to_attribute([len(group) for group in groups])
        return cls([[value for group in groups for value in group]], result_types, given)

    def printed_properties(self) -> dict[str, Attribute]:
        """The brackets around bands say what `bands` says."""
        shown = super().printed_properties()
        shown.pop("bands", None)
        return shown

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        if self.bands is not None:
            self.expect(
                sum(int_values(self.bands)) == len(self.inputs),
                f"expected {sum(int_values(self.bands))} bands in all, got {len(self.inputs)} operands",
            )
            self.expect(min(int_values(self.bands), default=1) > 0, "expected at least one band for every operand")
        self.expect(len(self.inputs) > 0, "expected at least one operand")
        self.verify_rows()
        self.verify_offsets()
        verify_movable(self, *self.inputs, self.result)
        result = whole_shape(tensor_type(self.result))
        axis = self.axis.value.data
        self.expect(0 <= axis < len(result), f"expected an axis from 0 to {len(result) - 1}, got {axis}")
        total = 0
        for group in self.operand_groups():
            shape = whole_shape(tensor_type(group[0]))
            self.expect(
                len(shape) == len(result)
                and all(s == r for i, (s, r) in enumerate(zip(shape, result, strict=True)) if i != axis),
                f"expected operands of shape {list(result)} except along axis {axis}, got {list(shape)}",
            )
            made, found = tensor_type(self.result).element_type, tensor_type(group[0]).element_type
            self.expect(made == found, f"expected operands quantized as the result, {made}, got {found}")
            total += shape[axis]
        self.expect(total == result[axis], f"expected operands of {result[axis]} along axis {axis} in all, got {total}")


@irdl_op_definition
class SplitOp(RowMoveInterface, ChannelLinkedOp, UnaryRowOp):
    """TFLite's SPLIT into equal parts along `axis`.

    Example:
        %1, %2 = tinyts.split %0 {axis = 3} : (tensor<1x12x12x8x!q>, tensor<1x12x12x8x!q>)
    """

    name = "tinyts.split"
    ACTIVATION_BITS: ClassVar[tuple[int, ...]] = (8, 16)
    HAS_RESULT_LIST: ClassVar[bool] = True

    parts = var_result_def(TensorType)

    axis = prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    def channel_links(self) -> Sequence[ChannelLink] | None:
        """None along channels: all parts have as many."""
        is_last = self.axis.value.data == len(shape_of(self.input[0])) - 1
        return None if is_last else super().channel_links()

    def row_map(self) -> RowMap | None:
        """Row by row, unless it is rows that are split."""
        rank = len(shape_of(self.input[0]))
        return RowMap() if rank == FEATURE_MAP_RANK and self.axis.value.data in (WIDTH, CHANNELS) else None

    def moved_rows(self) -> list[list[MovedRows]] | None:
        """Of a split of a whole map along rows: some of its rows for each part."""
        if len(self.input) != 1 or not _is_along_rows(self.input[0], self.axis):
            return None
        rows = total_rows(tensor_type(self.parts[0]))
        starts = range(0, rows * len(self.parts), rows)
        return [[MovedRows(self.input[0], RowRange(start, start + rows))] for start in starts]

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        self.expect(len(self.parts) > 0, "expected at least one result")
        self.verify_rows()
        self.verify_offsets()
        verify_movable(self, *self.input, *self.parts)
        shape = whole_shape(tensor_type(self.input[0]))
        axis = self.axis.value.data
        self.expect(0 <= axis < len(shape), f"expected an axis from 0 to {len(shape) - 1}, got {axis}")
        self.expect(
            shape[axis] % len(self.parts) == 0,
            f"{shape[axis]} elements along axis {axis} are no {len(self.parts)} equal parts",
        )
        expected = (*shape[:axis], shape[axis] // len(self.parts), *shape[axis + 1 :])
        for part in self.parts:
            found = whole_shape(tensor_type(part))
            self.expect(found == expected, f"expected parts of shape {list(expected)}, got {list(found)}")
            element_type = tensor_type(part).element_type
            self.expect(
                element_type == tensor_type(self.input[0]).element_type,
                f"expected parts quantized as the input, got {element_type}",
            )


def _is_along_rows(value: SSAValue, axis: IntegerAttr) -> bool:
    return len(shape_of(value)) == FEATURE_MAP_RANK and axis.value.data == HEIGHT
