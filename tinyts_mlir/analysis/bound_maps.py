"""From the graph of maps to the maps and reads that the lower bound is computed from."""

from __future__ import annotations

from tinyts_mlir.analysis.lower_bound import Map, MovedRowReading, Read, RowReading
from tinyts_mlir.analysis.map_graph import Kind, MapGraph, MapLayer, Piece, Source

Move = tuple[int, int, int]


def bound_maps(graph: MapGraph) -> tuple[list[Map], list[Read]]:
    """The maps of a graph, and who is made from whom. A reshape is the map that it reshapes.

    Of a map of which just some rows are returned none count as returned: that only lowers the bound.
    """
    returned = {source.pieces[0].map for source in graph.returned if len(source.pieces) == 1}
    maps: list[Map] = []
    reads: list[Read] = []
    numbers: dict[tuple[int, int], int] = {}
    for number, layer in enumerate(graph.layers):
        read = dict.fromkeys(piece.map for source in layer.sources for piece in source.pieces)
        # Of rows that are moved, some may be of a map that is begun later: left out, they only lower the bound.
        sources = [map for map in read if map in numbers]
        # Another schedule may do without the copy that a join is here.
        in_place = layer.in_place or layer.overlap is not None or layer.kind is Kind.JOIN
        for result, row_bytes in enumerate(layer.result_row_bytes):
            if layer.kind is Kind.SUMS:
                taken = max(1, sum(source.rows for source in layer.sources))  # rows of an external input are no source
                made = Map(taken, 0, row_bytes, (number, result) in returned, layer.leading, in_place)
            else:
                made = Map(layer.rows, row_bytes, 0, (number, result) in returned, layer.leading, in_place)
            for source in sources:
                whole = Piece(source[0], 0, graph.layers[source[0]].rows, source[1])
                producer = numbers[source]
                reads.append(Read(producer, len(maps), _reading(layer, whole, maps[producer].rows, made.rows)))
            numbers[number, result] = len(maps)
            maps.append(made)
    return maps, reads


def _reading(layer: MapLayer, map: Piece, inputs: int, outputs: int) -> RowReading | None:
    """Which rows of a map the rows of a layer's result read; None where it needs all of it, or reads it reshaped."""
    sources = [source for source in layer.sources if any(piece.map == map.map for piece in source.pieces)]
    moved = [source for source in sources if source.pieces != (map,)]
    if not moved:
        return _row_reading(layer, inputs, outputs, any(source.reshaped for source in sources))
    moves = tuple(move for source in moved for move in _moves(source, map))
    read = max(stop for _, stop, _ in moves)
    reading = _row_reading(layer, read, outputs, reshaped=False) or RowReading(read, outputs, 0, tuple(range(read)))
    return MovedRowReading(inputs, outputs, reading.stride, reading.taps, reading.block, moves)


def _moves(source: Source, map: Piece) -> list[Move]:
    """Which rows of a source are rows of a map (see MovedRowReading)."""
    moves: list[Move] = []
    position = 0
    for piece in source.pieces:
        behind = position + piece.stop - piece.start
        if piece.map == map.map:
            moves.append((position, behind, piece.start - position))
        position = behind
    return moves


def _row_reading(layer: MapLayer, inputs: int, outputs: int, reshaped: bool) -> RowReading | None:
    match layer.kind:
        case Kind.JOIN | Kind.SUMS:
            return RowReading(inputs, outputs)
        case Kind.ROWS if not reshaped:
            return RowReading(inputs, outputs, layer.row_map.stride, layer.row_map.taps, layer.block)
        case _:
            return None
