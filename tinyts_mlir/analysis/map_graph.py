"""The graph of feature maps: which layers there are, and which rows of which maps each reads.

The one graph on which heights, order, segments, costs and the lower bound are chosen. It is made of a function by the
facts that its ops state (`dialects/interfaces.py`, `dialects/row_geometry.py`, `kernels/`), and names no op. It is read
in two ways that agree: off whole tensors, as `split-tensors` and `stream-reductions` will cut them
(`analysis/foreseen_maps.py`), and off bands, as they are (`analysis/found_maps.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from xdsl.ir import Operation

from tinyts_mlir.dialects.interfaces import receives
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface, RowMap, map_results
from tinyts_mlir.dialects.rows import RowRange, element_bytes, tensor_type
from tinyts_mlir.kernels.operand_overlap import OperandOverlap


class Kind(Enum):
    """How a layer is made."""

    ROWS = auto()
    """Band by band, as its row map says."""
    WHOLE = auto()
    """At once, from whole maps; or from the state of a reduction."""
    JOIN = auto()
    """At once: all bands of a map in one place."""
    SUMS = auto()
    """State that takes the bands of a map as they come."""


class Piece(NamedTuple):
    """The rows `start` to `stop - 1` of the map that is a layer's result number `result`."""

    layer: int
    start: int
    stop: int
    result: int = 0

    @property
    def map(self) -> tuple[int, int]:
        """The map: its layer and its number among the layer's results."""
        return self.layer, self.result


class Source(NamedTuple):
    """A map that is read: one whole map of a layer, or rows of some, one behind the other.

    `reshaped`: it is read in another shape, so its rows are not the reader's.
    """

    pieces: tuple[Piece, ...]
    reshaped: bool = False

    @property
    def rows(self) -> int:
        """How many rows these are together."""
        return sum(piece.stop - piece.start for piece in self.pieces)

    def cut(self, start: int, stop: int) -> tuple[Piece, ...]:
        """The rows `start` to `stop - 1` of these."""
        found: list[Piece] = []
        for piece in self.pieces:
            first, behind = max(piece.start, piece.start + start), min(piece.start + stop, piece.stop)
            if first < behind:
                found.append(piece._replace(start=first, stop=behind))
            start -= piece.stop - piece.start
            stop -= piece.stop - piece.start
        return tuple(found)


@dataclass(frozen=True)
class MapLayer:
    """A layer of the graph.

    Attributes:
        op: what it is from; several layers may be from one op.
        kind: how it is made.
        rows: of its results; 1 for sums.
        result_row_bytes: for each result the bytes of a row; of sums, of the state.
        operands: the layers whose maps it reads.
        sources: these maps.
        row_map: which rows of them, for a layer that is made by rows.
        leading: an input that must be complete before anything else runs.
        in_place: its kernel may write its result where an operand dies.
        overlap: how bands of its result may lie on bands of its operand, where they may.
        may_have_one_band: of sums: they are there even where the map that they take is one band.
        is_renumbered: its rows are rows of other maps as well, and bands of their own.
        kept_bytes: what its bands, if it has several, keep from one to the next.
    """

    op: Operation
    kind: Kind
    rows: int
    result_row_bytes: tuple[int, ...]
    operands: tuple[int, ...] = ()
    sources: tuple[Source, ...] = ()
    row_map: RowMap = field(default_factory=RowMap)
    leading: bool = False
    in_place: bool = False
    overlap: OperandOverlap | None = None
    may_have_one_band: bool = False
    is_renumbered: bool = False
    kept_bytes: int = 0

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of all its results together."""
        return sum(self.result_row_bytes)

    @property
    def size(self) -> int:
        """Bytes of all its results together."""
        return self.rows * self.row_bytes

    @property
    def element_bytes(self) -> int:
        """Bytes of the largest element of a result."""
        return max(element_bytes(tensor_type(result)) for result in map_results(self.op))

    @property
    def is_input(self) -> bool:
        """Whether it brings rows of an input."""
        return receives(self.op)

    @property
    def is_by_rows(self) -> bool:
        """Whether it is made by rows, and by a kernel: an input is not."""
        return self.kind is Kind.ROWS and not self.is_input

    @property
    def block(self) -> int:
        """The rows that are made together: a band has so many, or a multiple."""
        return self.row_map.block

    @property
    def least_rows(self) -> int:
        """The rows of a band that is as low as it may be, where rows are not moved."""
        least = self.op.least_band_rows if isinstance(self.op, RowGeometryInterface) and self.is_by_rows else 1
        return max(least, self.block)

    @property
    def has_heights(self) -> bool:
        """Whether there is anything to choose: rows of an input stay bands of their own, as they arrive."""
        return self.is_by_rows and self.rows > self.block and not self.is_renumbered

    def rows_read(self, rows: RowRange) -> Iterator[Piece]:
        """What rows of its map are made from; at least one row of each source."""
        for source in self.sources:
            total = source.rows
            by_rows = self.kind is Kind.ROWS and not source.reshaped
            needed = self.row_map.needed(rows, total).rows if by_rows else RowRange(0, total)
            start = min(needed.start, total - 1)
            yield from source.cut(start, max(needed.stop, start + 1))


@dataclass(frozen=True)
class MapGraph:
    """The layers of a function, each behind those that it reads.

    Attributes:
        returned: the maps that the function returns.
        moves_rows: rows of some maps are rows of others as well.
    """

    layers: tuple[MapLayer, ...]
    returned: tuple[Source, ...]
    moves_rows: bool

    @property
    def returned_layers(self) -> frozenset[int]:
        """The layers whose maps must be there at the end."""
        return frozenset(piece.layer for source in self.returned for piece in source.pieces)


def layers_read(sources: Iterable[Source]) -> tuple[int, ...]:
    """The layers that rows are of, in the order in which they are read first."""
    return tuple(dict.fromkeys(piece.layer for source in sources for piece in source.pieces))
