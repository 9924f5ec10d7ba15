"""Graphs of bands from whole tensors: those of the bands that the passes make."""

from __future__ import annotations

from dataclasses import replace

import pytest
from networks import BLOCKS, apply, block_network, function_of, random_network
from support import parse
from xdsl.dialects.builtin import ModuleOp
from xdsl.transforms.canonicalize import CanonicalizePass
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.analysis.arena_blocks import peak_of_live_bytes
from tinyts_mlir.analysis.band_blocks import blocks_of
from tinyts_mlir.analysis.foreseen_maps import foresee_maps
from tinyts_mlir.analysis.found_maps import FoundMaps
from tinyts_mlir.analysis.layers import group_layers
from tinyts_mlir.analysis.map_bands import MapBands, lowest_heights
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.analysis.segment_search import (
    BandGraph,
    KnownPeaks,
    OverLimit,
    find_segments,
    run_segments,
    schedule,
    search_segments,
)
from tinyts_mlir.errors import CompileError
from tinyts_mlir.transforms.fuse_blocks import FuseBlocksPass
from tinyts_mlir.transforms.receive_inputs import ReceiveInputsPass
from tinyts_mlir.transforms.split_tensors import SplitTensorsPass
from tinyts_mlir.transforms.stream_reductions import StreamReductionsPass

SEEDS = range(80)


def whole(seed: int) -> ModuleOp:
    module = apply(parse(random_network(seed)), ReceiveInputsPass("arena"), CanonicalizePass())
    dce(module)
    return module


def graph_of_bands(module: ModuleOp, rows: int, leading_inputs: bool) -> BandGraph:
    """What the passes make of it."""
    split = apply(module.clone(), SplitTensorsPass(rows), StreamReductionsPass())
    graph = OpGraph.of(function_of(split))
    return FoundMaps(graph, group_layers(graph), leading_inputs).band_graph()


def heights(layers: MapBands, rows: int) -> list[int]:
    """Of all maps alike, those received as well."""
    return [rows if layer.has_heights or layer.is_input else 1 for layer in layers.layers]


@pytest.mark.parametrize("leading_inputs", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_peak_is_that_of_the_bands(seed: int, leading_inputs: bool) -> None:
    module = whole(seed)
    layers = MapBands(foresee_maps(function_of(module), leading_inputs))
    for rows in (1,) if layers.has_renumbered_rows else (1, 2, 3):  # whose layers keep bands of one row
        _, expected = search_segments(graph_of_bands(module, rows, leading_inputs))
        _, found = search_segments(layers.graph(heights(layers, rows)))
        # A map that is one band has its join or sum in its place, while others may read it still.
        assert found == expected if rows == 1 else found >= expected


@pytest.mark.parametrize("seed", SEEDS)
def test_changed_graph_is_the_graph(seed: int) -> None:
    layers = MapBands(foresee_maps(function_of(whole(seed)), False))
    now = lowest_heights(layers)
    graph = layers.graph(now)
    for number, layer in enumerate(layers.layers):
        if layer.has_heights:
            now[number] = 2 + number % 3
            graph = layers.changed(graph, now, [number])
            assert graph.layers == layers.graph(now).layers


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_have_the_peak_of_the_search(seed: int) -> None:
    layers = MapBands(foresee_maps(function_of(whole(seed)), False))
    graph = layers.graph(lowest_heights(layers))
    segments, peak = search_segments(graph)
    blocks, overlaps = blocks_of(graph, schedule(graph, segments))
    assert peak_of_live_bytes(blocks, overlaps=overlaps) <= peak


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("name", BLOCKS)
def test_fused_blocks(name: str, keep: bool) -> None:
    fuse = FuseBlocksPass(blocks=(0,), columns=2, keep=keep)
    module = apply(parse(block_network(name)), ReceiveInputsPass("arena"), CanonicalizePass(), fuse)
    layers = MapBands(foresee_maps(function_of(module), False))
    for rows in (1, 2, 3):
        foreseen, found = layers.graph(heights(layers, rows)), graph_of_bands(module, rows, False)
        kept, expected = ({layer.kept_bytes for layer in graph.layers} for graph in (foreseen, found))
        assert kept == expected
        # Scratch is known of foreseen bands only.
        bare = foreseen.with_layers(
            {number: replace(layer, needed_bytes=0) for number, layer in enumerate(foreseen.layers)}
        )
        peak, least = search_segments(bare)[1], search_segments(found)[1]
        assert peak == least if rows == 1 else peak >= least  # as above
        segments, peak = search_segments(foreseen)
        blocks, overlaps = blocks_of(foreseen, schedule(foreseen, segments))
        assert peak_of_live_bytes(blocks, overlaps=overlaps) <= peak
        assert any(layer.kept_bytes for layer in foreseen.layers) == keep


def test_known_peaks_change_nothing() -> None:
    """Searches one behind the other, of graphs that differ in some layers, with and without a limit."""
    known = KnownPeaks()
    for seed in range(30):
        layers = MapBands(foresee_maps(function_of(whole(seed % 10)), False))
        graph = layers.graph(
            heights(layers, 1 + seed % 3) if not layers.has_renumbered_rows else lowest_heights(layers)
        )
        _, peak = search_segments(graph)
        for limit in (peak - 1, peak, peak + 100):
            if limit < peak:
                with pytest.raises(OverLimit):
                    find_segments(graph, limit, known)
            else:
                segments, found = find_segments(graph, limit, known)
                assert found == peak
                assert max(run.peak for run in run_segments(graph, segments)) == peak


def test_bands_are_refused() -> None:
    module = apply(whole(0), SplitTensorsPass(1))
    with pytest.raises(CompileError, match="expected whole tensors"):
        MapBands(foresee_maps(function_of(module), False))
