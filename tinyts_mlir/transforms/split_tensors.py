"""`split-tensors{rows=N}`: feature maps are cut into bands of N rows, and ops into one op for each band they make.

Without `rows`, the maps that an op makes have bands of as many rows as its attribute `tinyts.band_rows` says
(`transforms/choose_bands.py`), or of one.

    %1 = tinyts.conv_2d %0, %filter {stride = [2, 2]} : tensor<1x2x8x8x!q>        // %0 has 5 rows
  becomes, with rows=1, where %a to %e are the bands of %0,
    %2 = tinyts.conv_2d [%a, %b, %c], %filter {stride = [2, 2]} : tensor<1x1x8x8x!q, #tinyts.rows<0:1 of 2>>
    %3 = tinyts.conv_2d [%c, %d, %e], %filter {stride = [2, 2]} : tensor<1x1x8x8x!q, #tinyts.rows<1:2 of 2>>
    %1 = tinyts.join [%2, %3] : tensor<1x2x8x8x!q>

Where an op makes rows in blocks, its bands are whole blocks, of at least as many rows.

One pattern does this for every op that states its row geometry (`dialects/row_geometry.py`): a band of the result takes
just the bands of a joined operand that it reads. Joins that nothing reads whole disappear. No row is computed twice.

A window that strides past rows leaves bands that nothing reads. A layer is made band by band all the same, so the op
that reads the band next to such a one takes it along.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
)
from xdsl.rewriter import Rewriter
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.interfaces import receives
from tinyts_mlir.dialects.row_geometry import (
    RowGeometryInterface,
    RowKeepingInterface,
    RowMap,
    band_ranges,
    kept_after,
    whole_blocks,
)
from tinyts_mlir.dialects.rows import RowRange, RowsAttr, band_type, rows_of, tensor_type, total_rows
from tinyts_mlir.dialects.tinyts import JoinOp
from tinyts_mlir.dialects.tinyts_attributes import BAND_ROWS, HELD, SEGMENT, band_rows, next_segment
from tinyts_mlir.dialects.traits import HasRowSplittingPatternsTrait
from tinyts_mlir.errors import CompileError
from tinyts_mlir.transforms.receive_inputs import ReceiveArguments
from tinyts_mlir.transforms.renumber_rows import RenumberMovedRows

MOST_BANDS = (1 << 16) - 1
"""Of a map: the runtime counts them in 16 bits."""


class Bands:
    """The consecutive bands of one operand, with their rows, for looking up which hold a range."""

    def __init__(self, values: Sequence[SSAValue]) -> None:
        self.values = tuple(values)
        ranges = [rows_of(tensor_type(value)) for value in values]
        self.starts = [rows.start for rows in ranges]
        self.stops = [rows.stop for rows in ranges]
        self.total = total_rows(tensor_type(values[0]))

    def holding(self, row_map: RowMap, result_rows: RowRange) -> tuple[SSAValue, ...]:
        """The bands that an op with this row map reads to make `result_rows`; at least one."""
        need = row_map.needed(result_rows, self.total).rows
        first = min(bisect_right(self.stops, need.start), len(self.values) - 1)
        last = max(bisect_left(self.starts, need.stop), first + 1)
        return self.values[first:last]


def operand_bands(group: Sequence[SSAValue]) -> Bands:
    """The bands behind an operand: those of a join, else the operand itself."""
    if len(group) == 1 and isinstance(join := group[0].owner, JoinOp):
        return Bands(join.bands)
    return Bands(group)


@dataclass(frozen=True)
class SplitRows(RewritePattern):
    """Cuts any op with a row map into band ops of at most `rows` rows, or what the op says, and joins of them."""

    rows: int | None

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Splits one op that makes whole feature maps."""
        if not isinstance(op, RowGeometryInterface):
            return
        row_map = op.row_map()
        types = [tensor_type(result) for result in op.results]
        if row_map is None or any(isinstance(type.encoding, RowsAttr) for type in types):
            return
        operands = [operand_bands(group) for group in op.row_groups()]
        height = whole_blocks(self.rows or band_rows(op), row_map.block)
        if total_rows(types[0]) > MOST_BANDS * height:
            raise CompileError(f"split-tensors: {op.name}: expected at most {MOST_BANDS} bands of {height} rows")
        ranges = band_ranges(total_rows(types[0]), height)
        for name in (BAND_ROWS, SEGMENT, HELD) if self.rows else (BAND_ROWS,):  # segments are for the rows asked for
            op.attributes.pop(name, None)
        if len(ranges) == 1 and all(len(bands.values) == 1 for bands in operands):
            return

        band_ops: list[Operation] = []
        for rows in ranges:
            groups = [bands.holding(op.row_map_of(number) or row_map, rows) for number, bands in enumerate(operands)]
            band_types = [band_type(type, rows) for type in types]
            if isinstance(op, RowKeepingInterface) and op.kept_bytes and len(ranges) > 1:
                before = kept_after(band_ops[-1]) if band_ops else None
                band_ops.append(op.with_kept_bands(groups, band_types, before))
            else:
                band_ops.append(op.with_bands(groups, band_types))
        if len(band_ops) == 1:
            rewriter.replace(op, band_ops)
            return
        joins: list[Operation] = []
        for index, type in enumerate(types):
            join = JoinOp([[band.results[index] for band in band_ops]], type, location=op.location)
            if SEGMENT in op.attributes:
                join.attributes[SEGMENT] = next_segment(op)
            joins.append(join)
        rewriter.replace(op, [*band_ops, *joins], [join.results[0] for join in joins])


@dataclass(frozen=True)
class SplitByOwnPatterns(RewritePattern):
    """Applies the patterns that an op brings through `HasRowSplittingPatternsTrait`."""

    rows: int | None

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Tries the op's own patterns in order."""
        for trait in op.get_traits_of_type(HasRowSplittingPatternsTrait):
            for pattern in trait.get_row_splitting_patterns(self.rows or band_rows(op)):
                pattern.match_and_rewrite(op, rewriter)
                if rewriter.has_done_action:
                    return


@dataclass(frozen=True)
class SplitTensorsPass(ModulePass):
    """Cuts feature maps into bands of rows: this is what saves SRAM."""

    name = "split-tensors"

    rows: int | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Splits every function of the module; inputs are received first, so that they arrive as bands."""
        if self.rows is not None and self.rows < 1:
            raise CompileError(f"split-tensors: expected rows of at least 1, got {self.rows}")
        list(functions(op))
        dce(op)
        PatternRewriteWalker(ReceiveArguments(), apply_recursively=False).rewrite_module(op)
        PatternRewriteWalker(
            GreedyRewritePatternApplier([SplitByOwnPatterns(self.rows), RenumberMovedRows(), SplitRows(self.rows)]),
            apply_recursively=False,
        ).rewrite_module(op)
        for bands in reversed(_erase_unread_joins(op)):  # readers first: those of a layer are replaced
            _hand_over_unread_bands(bands)


def _erase_unread_joins(module: ModuleOp) -> list[tuple[SSAValue, ...]]:
    """Erases joins whose result nothing reads; gives the bands of each."""
    joins = [op for op in module.walk() if isinstance(op, JoinOp) and not op.result.uses]
    layers = [tuple(join.bands) for join in joins]
    for join in joins:
        join.detach()
        join.erase()
    return layers


def _hand_over_unread_bands(bands: Sequence[SSAValue]) -> None:
    """Gives bands that nothing reads to the reader of the next band, or, behind the last one read, of that one."""
    read = [i for i, band in enumerate(bands) if band.uses]
    for i, band in enumerate(bands):
        if band.uses or not read or not isinstance(maker := band.owner, Operation) or receives(maker):
            continue
        if any(result.uses for result in maker.results):
            continue
        if (following := next((number for number in read if number > i), None)) is not None:
            _add_bands(bands[following], bands[i:following], [])
        else:
            _add_bands(bands[read[-1]], [], bands[read[-1] + 1 :])


def _add_bands(band: SSAValue, before: Sequence[SSAValue], behind: Sequence[SSAValue]) -> None:
    """Makes an op that reads `band` hold the bands next to it as well."""
    reader = next(use.operation for use in band.uses)
    if not isinstance(reader, RowGeometryInterface):
        return
    groups = [(*before, *group, *behind) if band in group else group for group in reader.row_groups()]
    result_types = [tensor_type(result) for result in reader.results]
    Rewriter.replace_op(reader, reader.with_bands(groups, result_types))
