"""A package of somebody else: ops, kernels and a pass of its own. test/test_extension.py uses it as a user would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Dialect
from xdsl.irdl import irdl_op_definition, operand_def, result_def, traits_def
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern
from xdsl.traits import Pure
from xdsl.universe import Universe

from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import WIDTH, band_type, row_bytes, rows_of, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import ConcatenationOp, JoinOp, LeakyReluOp, ReshapeOp
from tinyts_mlir.dialects.tinyts_base import TinytsOp, UnaryRowOp, verify_int8
from tinyts_mlir.dialects.traits import HasRowSplittingPatternsTrait
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.parameters import Parameters
from tinyts_mlir.kernels.registry import register
from tinyts_mlir.transforms.split_tensors import operand_bands

# --- An op that states its row geometry: the passes of the project do the rest ---------------------------------------


@irdl_op_definition
class RowDifferenceOp(UnaryRowOp):
    """The row below less the row above, saturated; outside of the map there is nothing to add or take away."""

    name = "example.row_difference"

    result = result_def()
    traits = traits_def(Pure())

    def row_map(self) -> RowMap | None:
        return RowMap(stride=1, window=3, padding=1)

    def verify_(self) -> None:
        self.verify_rows()
        self.verify_offsets()
        verify_int8(self, *self.input, self.result)


def row_difference_call(op: RowDifferenceOp) -> KernelCall:
    return KernelCall.of(op, ROW_DIFFERENCE, {"row_elements": row_bytes(tensor_type(op.result))})


def run_row_difference(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    window = inputs[0]
    rows = np.pad(window.rows.astype(np.int64), ((window.padding_before, window.padding_after), (0, 0)))
    assert rows.shape == (row_count + 2, parameters["row_elements"])
    return [np.clip(rows[2:] - rows[:-2], -128, 127).astype(np.int8)]


ROW_DIFFERENCE = Kernel("row_difference", run_row_difference)
register(KernelFamily([ROW_DIFFERENCE], [OpEntry(RowDifferenceOp, row_difference_call)]))

# --- An op that brings a pattern: no row map says which rows it reads ------------------------------------------------


class DoubleRowsSplitting(HasRowSplittingPatternsTrait):
    """How `split-tensors` cuts `example.double_rows`."""

    @classmethod
    def get_row_splitting_patterns(cls, rows: int) -> tuple[RewritePattern, ...]:
        return (DoubleRowsInBands(),)


@irdl_op_definition
class DoubleRowsOp(TinytsOp):
    """Every row twice."""

    name = "example.double_rows"

    input = operand_def()
    result = result_def()
    traits = traits_def(Pure(), DoubleRowsSplitting())

    def verify_(self) -> None:
        self.verify_offsets()
        verify_int8(self, self.input, self.result)


class DoubleRowsInBands(RewritePattern):
    """Every row twice side by side, band by band; the same bytes are twice as many rows."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DoubleRowsOp, rewriter: PatternRewriter, /) -> None:
        _, height, width, channels = shape_of(op.input)
        wide = TensorType(tensor_type(op.input).element_type, (1, height, 2 * width, channels))
        doubled: list[ConcatenationOp] = []
        for band in operand_bands([op.input]).values:
            type = band_type(wide, rows_of(tensor_type(band)))
            doubled.append(ConcatenationOp([[band, band]], type, {"axis": WIDTH}, location=op.location))
        join = JoinOp([[band.result for band in doubled]], wide, location=op.location)
        rewriter.replace(op, [*doubled, join, ReshapeOp([join.result], op.result.type, location=op.location)])


def double_rows_call(op: DoubleRowsOp) -> KernelCall:
    return KernelCall.of(op, DOUBLE_ROWS, {"rows": shape_of(op.input)[1]})


def run_double_rows(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    rows = inputs[0].rows.reshape(cast(int, parameters["rows"]), -1)
    return [np.repeat(rows, 2, axis=0).reshape(1, -1)]


DOUBLE_ROWS = Kernel("double_rows", run_double_rows)
register(KernelFamily([DOUBLE_ROWS], [OpEntry(DoubleRowsOp, double_rows_call)]))

# --- A pass, and what makes all of this known to xDSL's tools and to tinyts-opt --------------------------------------


class UseRowDifference(RewritePattern):
    """A rewriting for the sake of an example: a LEAKY_RELU with a slope of 7 is a row difference."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: LeakyReluOp, rewriter: PatternRewriter, /) -> None:
        if op.alpha.value.data == 7:
            rewriter.replace(op, RowDifferenceOp([op.input], op.result.type, location=op.location))


@dataclass(frozen=True)
class UseRowDifferencePass(ModulePass):
    """Applies the pattern."""

    name = "use-row-difference"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(UseRowDifference()).rewrite_module(op)


Example = Dialect("example", [RowDifferenceOp, DoubleRowsOp], [])

EXAMPLE_UNIVERSE = Universe(
    all_dialects={"example": lambda: Example}, all_passes={"use-row-difference": lambda: UseRowDifferencePass}
)
