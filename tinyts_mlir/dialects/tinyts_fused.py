"""Several layers as one op of the `tinyts` dialect: fused_block.

What stands between the layers of a fused block is never there as a map: its kernel makes a few columns of it at a time,
in scratch. So a block at the peak of a network needs a fraction of the bytes; the rows that the windows of two bands
share are made twice, or kept from one band to the next.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType, i32
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_result_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowKeepingInterface, RowMap
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, WORD_BYTES, rows_of, shape_of, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts_base import (
    INT_ARRAY,
    NO_ACTIVATION,
    NO_PADDING,
    ONES,
    RowOp,
    verify_activations,
    verify_ranks,
    verify_window,
)
from tinyts_mlir.dialects.tinyts_convolutions import Conv2DOp, DepthwiseConv2DOp

EIGHT_BITS = assembly.to_attribute(8)
TILE_COLUMNS = 4
"""Output columns that are made together: a kernel of pointwise convolutions takes four pixels at once."""


class BlockMembers(NamedTuple):
    """The layers that a fused block stands for, on whole maps; `project` only where it has one."""

    expand: Conv2DOp
    depthwise: DepthwiseConv2DOp
    project: Conv2DOp | None


@irdl_op_definition
class FusedBlockOp(RowOp, RowKeepingInterface):
    """A convolution, the depthwise one that reads it, and the pointwise one that reads that, if any.

    `expanded` and `filtered` are the types of the maps between them; without a projection `filtered` is not there.
    Stride and padding are those of the depthwise convolution, `expand_stride` and `expand_padding` those of the first
    one. A band of the result is made from its input's rows alone, so rows of the expansion that two bands need are made
    in both; with `keeps_rows` the second finds them in what the first has kept.

    Example:
        %1 = tinyts.fused_block [%a, %b, %c], %f0, %b0, %f1, %b1, %f2, %b2
          {expanded = tensor<1x8x8x48x!e>, filtered = tensor<1x8x8x48x!d>, padding = [1, 1, 1, 1]}
          : tensor<1x1x8x16x!q, #tinyts.rows<3:4 of 8>>
    """

    name = "tinyts.fused_block"

    input = var_operand_def(TensorType)
    """The feature map, or the consecutive bands of it that the result's rows need."""
    kept = var_operand_def(TensorType)
    """What the band before has kept, where there is one and `keeps_rows` says so."""
    expand_filter = operand_def(TensorType)
    expand_bias = operand_def(TensorType)
    depthwise_filter = operand_def(TensorType)
    depthwise_bias = operand_def(TensorType)
    project_filter = opt_operand_def(TensorType)
    project_bias = opt_operand_def(TensorType)
    result = result_def(TensorType)
    keeping = opt_result_def(TensorType)
    """Of a band with `keeps_rows`: a word that is not 0 behind it, and the last rows of the expansion."""

    expanded = prop_def(TensorType)
    """The type of the whole map that the first convolution makes."""
    filtered = opt_prop_def(TensorType)
    """The type of the whole map that the depthwise convolution makes, where another one follows."""
    stride = opt_prop_def(INT_ARRAY, default_value=ONES)
    padding = opt_prop_def(INT_ARRAY, default_value=NO_PADDING)
    expand_stride = opt_prop_def(INT_ARRAY, default_value=ONES)
    expand_padding = opt_prop_def(INT_ARRAY, default_value=NO_PADDING)
    expand_activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)
    depthwise_activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)
    project_activation = opt_prop_def(StringAttr, default_value=NO_ACTIVATION)
    expand_bits = opt_prop_def(IntegerAttr, default_value=EIGHT_BITS)
    """How wide the weights are that the kernel reads, as of `tinyts.conv_2d`."""
    project_bits = opt_prop_def(IntegerAttr, default_value=EIGHT_BITS)
    tile_columns = opt_prop_def(IntegerAttr, default_value=assembly.to_attribute(TILE_COLUMNS))
    """Output columns that are made together."""

    least_rows = opt_prop_def(IntegerAttr, default_value=assembly.to_attribute(1))
    """Rows that bands are to have at least: the fewer, the more rows of the expansion are made twice."""

    keeps_rows = opt_prop_def(IntegerAttr, default_value=assembly.to_attribute(0))
    """1: bands keep the rows of the expansion that the next one needs as well, so none is made twice."""

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    @property
    def filter_size(self) -> tuple[int, int]:
        """Height and width of the depthwise filter."""
        _, height, width, _ = shape_of(self.depthwise_filter)
        return height, width

    @property
    def expand_filter_size(self) -> tuple[int, int]:
        """Height and width of the first convolution's filter."""
        _, height, width, _ = shape_of(self.expand_filter)
        return height, width

    def row_map(self) -> RowMap | None:
        """The windows of both filters together; the projection reads the row that it makes."""
        stride, expand_stride = int_values(self.stride)[0], int_values(self.expand_stride)[0]
        padding, expand_padding = int_values(self.padding)[0], int_values(self.expand_padding)[0]
        return RowMap(
            stride * expand_stride,
            (self.filter_size[0] - 1) * expand_stride + self.expand_filter_size[0],
            padding * expand_stride + expand_padding,
            kept=self._kept_rows * expand_stride,
        )

    @property
    def _kept_rows(self) -> int:
        return max(0, self.filter_size[0] - int_values(self.stride)[0]) if self.keeps_rows.value.data else 0

    @property
    def kept_bytes(self) -> int:
        """A word, and the rows of the expansion that windows of two rows in a row share."""
        _, _, width, channels = self.expanded.get_shape()
        rows = self._kept_rows
        return WORD_BYTES * (1 + -(-rows * width * channels // WORD_BYTES)) if rows else 0

    @property
    def kept_before(self) -> SSAValue | None:
        """The operand `kept`."""
        return self.kept[0] if self.kept else None

    @property
    def kept_after(self) -> SSAValue | None:
        """The result `keeping`."""
        return self.keeping

    def with_kept_bands(
        self,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[TensorType[Attribute]],
        before: SSAValue | None,
    ) -> Operation:
        """With the state as one more result, and as an operand behind the first band."""
        state = TensorType(i32, (self.kept_bytes // WORD_BYTES,))
        others = self.operand_groups()[2:]
        return self.with_operands([*groups, [] if before is None else [before], *others], [*result_types, state])

    def shared_operand_of(self, result: SSAValue) -> SSAValue | None:
        """What is kept stays in its place."""
        return self.kept_before if result is self.keeping else None

    def feature_map_groups(self) -> list[tuple[SSAValue, ...]]:
        """The input."""
        return [tuple(self.input)]

    @property
    def least_band_rows(self) -> int:
        """As `fuse-blocks` found worth it."""
        return min(self.least_rows.value.data, whole_shape(tensor_type(self.result))[HEIGHT])

    def whole_result(self) -> TensorType[Attribute]:
        """The type of the whole result, of which a band may be made here."""
        type = tensor_type(self.result)
        return TensorType(type.element_type, whole_shape(type))

    @contextmanager
    def members(self) -> Generator[BlockMembers]:
        """The layers as ops of their own, in no block, while the context lasts."""
        padding = {"stride": self.stride, "padding": self.padding, "activation": self.depthwise_activation}
        result = self.whole_result()
        expand = Conv2DOp(
            [[self.input[0]], self.expand_filter, self.expand_bias],
            self.expanded,
            {
                "stride": self.expand_stride,
                "padding": self.expand_padding,
                "activation": self.expand_activation,
                "weight_bits": self.expand_bits,
            },
            location=self.location,
        )
        depthwise = DepthwiseConv2DOp(
            [[expand.result], self.depthwise_filter, self.depthwise_bias],
            self.filtered or result,
            padding,
            location=self.location,
        )
        project = None
        if self.project_filter is not None:
            project = Conv2DOp(
                [[depthwise.result], self.project_filter, self.project_bias],
                result,
                {"activation": self.project_activation, "weight_bits": self.project_bits},
                location=self.location,
            )
        members = BlockMembers(expand, depthwise, project)
        try:
            yield members
        finally:
            for member in reversed(members):
                if member is not None:
                    member.erase()

    def verify_(self) -> None:
        """Checks each layer by itself, and that they fit together."""
        self.expect(len(self.input) > 0, "expected an input")
        verify_ranks(self, *self.input, self.result)
        verify_activations(self, *self.input, self.result)
        is_projected = self.project_filter is not None
        self.expect(
            is_projected == (self.filtered is not None) == (self.project_bias is not None),
            "expected a filter, a bias and the type `filtered` of a projection, or none of them",
        )
        for name, number in {"tile_columns": self.tile_columns, "least_rows": self.least_rows}.items():
            self.expect(number.value.data > 0, f"expected {name} above 0, got {number.value.data}")
        with self.members() as members:
            for member in members:
                if member is not None:
                    self._verify_member(member)
        self._verify_kept()
        self.verify_rows()
        self.verify_offsets()

    def _verify_kept(self) -> None:
        keeps = self.keeps_rows.value.data
        self.expect(keeps in (0, 1), f"expected keeps_rows of 0 or 1, got {keeps}")
        self.expect(len(self.kept) <= 1, f"expected what one band has kept, got {len(self.kept)} values")
        is_first = rows_of(tensor_type(self.result)).start == 0
        is_kept = self.keeping is not None
        self.expect(not is_kept or self.kept_bytes > 0, "expected no state where no rows are kept")
        self.expect(
            len(self.kept) == (is_kept and not is_first),
            "expected the state of the band before in each band but the first, and in no other op",
        )
        state = TensorType(i32, (self.kept_bytes // WORD_BYTES,))
        for value in (*self.kept, *([self.keeping] if self.keeping is not None else [])):
            self.expect(value.type == state, f"expected state of type {state}, got {value.type}")
        if self.kept:
            owner = self.kept[0].owner
            self.expect(
                isinstance(owner, FusedBlockOp)
                and owner.keeping is self.kept[0]
                and owner.operand_groups()[2:] == self.operand_groups()[2:]
                and rows_of(tensor_type(owner.result)).stop == rows_of(tensor_type(self.result)).start,
                "expected the state that the band before has left",
            )
        is_whole = rows_of(tensor_type(self.result)).count == whole_shape(tensor_type(self.result))[HEIGHT]
        self.expect(
            is_kept or is_whole or not self.kept_bytes, "expected a band that keeps rows to have state as a result"
        )

    def _verify_member(self, member: Conv2DOp | DepthwiseConv2DOp) -> None:
        if isinstance(member, DepthwiseConv2DOp):
            member.verify_()
            return
        input = whole_shape(tensor_type(member.input[0]))
        is_projection = member.input[0] is not self.input[0]
        self.expect(
            shape_of(member.filter)[CHANNELS] == input[CHANNELS]
            and (member.filter_size == (1, 1) or not is_projection),
            f"expected a filter of all channels, 1x1 behind the depthwise one, got {member.filter.type}",
        )
        verify_window(member, int_values(member.stride), (1, 1), int_values(member.padding), member.filter_size)
        member.verify_channels(shape_of(member.filter), input[CHANNELS], shape_of(member.result)[CHANNELS])
        member.verify_filter(shape_of(member.result)[CHANNELS])
