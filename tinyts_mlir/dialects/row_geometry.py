"""Row geometry: which input rows an op reads to make a range of its output rows.

The only place that computes a receptive field. An op states it through `RowGeometryInterface`; splitting, verification,
the interpreters, the lowering to tables and the cost models all ask here. The idea is MLIR's TilingInterface, cut down
to one dimension: output row `r` reads the `window` input rows from `r * stride - padding` on, and rows outside the
feature map are padding. An op that makes more rows than it reads makes blocks of them from such windows.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, OpResult, SSAValue

from tinyts_mlir.dialects.rows import RowRange, rows_of, tensor_type, total_rows


class RowNeed(NamedTuple):
    """The input rows that a range of output rows reads.

    `rows` are those inside the feature map (empty when every row read is padding); `padding_before` and `padding_after`
    count the rows of padding above and below them.
    """

    rows: RowRange
    padding_before: int
    padding_after: int


@dataclass(frozen=True)
class RowMap:
    """Output row `r` reads the input rows `r * stride - padding` to `r * stride - padding + window - 1`.

    Of these it reads each `dilation`-th; it needs the rows between them as well, as a window is rows in a row.

    With a `block` above 1, `r` is a block of so many output rows, which are made together: an upsampling by two makes
    two rows of each. There are whole blocks only, and bands hold whole blocks.

    Of the first window of a band, `kept` rows need not be there, as the band before has kept what it made of them
    (`RowKeepingInterface`); the first band of a map reads all.
    """

    stride: int = 1
    window: int = 1
    padding: int = 0
    dilation: int = 1
    block: int = 1
    kept: int = 0

    @property
    def taps(self) -> tuple[int, ...]:
        """The input rows that are really read, less `r * stride`; behind the first row, where some are kept."""
        return tuple(tap - self.padding for tap in range(self.kept, self.window, self.dilation))

    def needed(self, result_rows: RowRange, input_rows: int) -> RowNeed:
        """What the output rows `result_rows` read of a feature map with `input_rows` rows."""
        first = result_rows.start // self.block * self.stride - self.padding
        first += self.kept if result_rows.start else 0
        last = (result_rows.stop - 1) // self.block * self.stride - self.padding + self.window
        start = min(max(first, 0), input_rows)
        stop = max(start, min(last, input_rows))
        before = max(0, min(last, 0) - first)
        after = max(0, last - max(first, input_rows))
        return RowNeed(RowRange(start, stop), before, after)


class RowGeometryInterface(Operation, abc.ABC):
    """An op whose result rows can be made range by range.

    An op of another package that implements this is split, checked and scheduled like our own. Its operands come in
    groups: the first groups hold rows, each group the consecutive bands of one feature map (or the one whole map); what
    follows (weights, biases) has no rows. Its row map holds for all results alike, and for all groups unless it says
    otherwise of one.
    """

    @abc.abstractmethod
    def row_map(self) -> RowMap | None:
        """Which input rows the output rows read; None when this op, as it stands, needs whole operands."""

    def row_map_of(self, group: int) -> RowMap | None:
        """Which rows of a group the output rows read; with a stride of 0, all read the same: a map of one row."""
        return self.row_map()

    @property
    def least_band_rows(self) -> int:
        """The rows that bands should have at least, as lower ones do work twice; `choose-bands` goes by it."""
        return 1

    @abc.abstractmethod
    def row_groups(self) -> tuple[tuple[SSAValue, ...], ...]:
        """The groups of operands that hold rows."""

    @abc.abstractmethod
    def with_bands(
        self, groups: Sequence[Sequence[SSAValue]], result_types: Sequence[TensorType[Attribute]]
    ) -> Operation:
        """This op on other bands: `groups` in place of `row_groups()`, with the given result types.

        The result keeps every attribute; it reads and makes the rows that the types say.
        """


class RowKeepingInterface(RowGeometryInterface, abc.ABC):
    """An op whose bands keep for the next band what they made, in between, of rows that this one needs as well.

    What is kept is state: the last result of each band, written where the operand is that the band before has left. The
    first band has no such operand. Its first word is 0 before the first band, and no longer behind it.
    """

    @property
    @abc.abstractmethod
    def kept_bytes(self) -> int:
        """Bytes of the state, with which bands of the op are made; 0 where nothing is kept."""

    @property
    @abc.abstractmethod
    def kept_before(self) -> SSAValue | None:
        """What the band before has kept."""

    @property
    @abc.abstractmethod
    def kept_after(self) -> SSAValue | None:
        """What this band keeps; None for a whole map."""

    @abc.abstractmethod
    def with_kept_bands(
        self,
        groups: Sequence[Sequence[SSAValue]],
        result_types: Sequence[TensorType[Attribute]],
        before: SSAValue | None,
    ) -> Operation:
        """As `with_bands`, for a band behind the one that has kept `before`."""


def kept_bytes(op: Operation) -> int:
    """Bytes that the bands of an op keep for the next one."""
    return op.kept_bytes if isinstance(op, RowKeepingInterface) else 0


def kept_before(op: Operation) -> SSAValue | None:
    """What the band before has kept for an op."""
    return op.kept_before if isinstance(op, RowKeepingInterface) else None


def kept_after(op: Operation) -> SSAValue | None:
    """What an op keeps for the next band."""
    return op.kept_after if isinstance(op, RowKeepingInterface) else None


def map_results(op: Operation) -> list[OpResult]:
    """The results of an op that are maps, or bands of such: not what it keeps."""
    kept = kept_after(op)
    return [result for result in op.results if result is not kept]


def group_rows(group: Sequence[SSAValue]) -> RowRange:
    """The rows that a group of consecutive bands holds together."""
    return RowRange(rows_of(tensor_type(group[0])).start, rows_of(tensor_type(group[-1])).stop)


def group_total_rows(group: Sequence[SSAValue]) -> int:
    """The rows of the whole feature map that a group's bands are from."""
    return total_rows(tensor_type(group[0]))


def rows_needed(op: RowGeometryInterface, number: int, group: Sequence[SSAValue], result: SSAValue) -> RowNeed:
    """What `result` of `op` reads of the feature map whose bands are `group`, its group of that number.

    An op without a row map reads everything.
    """
    row_map = op.row_map_of(number)
    if row_map is None:
        return RowNeed(RowRange(0, group_total_rows(group)), 0, 0)
    return row_map.needed(rows_of(tensor_type(result)), group_total_rows(group))


def one_row_map(op: Operation, number: int) -> RowMap | None:
    """The row map of a group whose only row every output row reads; None for any other."""
    row_map = op.row_map_of(number) if isinstance(op, RowGeometryInterface) else None
    return row_map if row_map is not None and row_map.stride == 0 else None


def whole_blocks(rows: int, block: int) -> int:
    """`rows`, or the next higher number of rows that are whole blocks."""
    return -(-rows // block) * block


def band_ranges(total: int, rows: int) -> list[RowRange]:
    """The bands of `rows` rows each (the last may be shorter) that make up `total` rows."""
    return [RowRange(start, min(start + rows, total)) for start in range(0, total, rows)]
