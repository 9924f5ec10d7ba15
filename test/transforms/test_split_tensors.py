"""What band ops compute together is what the whole op computes, and no band is read or made in vain."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import NetworkText, apply, examples, function_of, random_network, same
from support import parse

from tinyts_mlir.analysis.layers import group_layers
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface, rows_needed
from tinyts_mlir.dialects.rows import rows_of, tensor_type
from tinyts_mlir.dialects.tinyts import JoinOp
from tinyts_mlir.interpreters.check_passes import run_module
from tinyts_mlir.transforms.split_tensors import SplitTensorsPass
from tinyts_mlir.transforms.stream_reductions import StreamReductionsPass


def check_split(text: str, rows: int) -> None:
    module = apply(parse(text), SplitTensorsPass(rows))
    graph = OpGraph.of(function_of(module))
    for op in graph.ops:
        if not isinstance(op, RowGeometryInterface) or op.row_map() is None:
            continue
        for result in op.results:
            assert rows_of(tensor_type(result)).count <= rows
            for number, group in enumerate(op.row_groups()):
                need = rows_needed(op, number, group, result).rows
                for band in group:
                    held = rows_of(tensor_type(band))
                    # A band that is not read here is one that nothing reads, so that somebody names it; and where all
                    # that is read is padding, one band stands for the map.
                    is_read = held.start < need.stop and need.start < held.stop
                    assert is_read or len(list(band.uses)) == 1 or (need.count == 0 and len(group) == 1)
    # No row is made twice: every layer makes its rows in turn.
    for layer in group_layers(graph).layers:
        if not isinstance(layer.ops[0], JoinOp):
            assert layer.band_rows() <= rows or len(layer.ops) == 1
    for inputs, expected in examples(text):
        assert same(run_module(module, inputs), expected)
    apply(module, StreamReductionsPass())
    for inputs, expected in examples(text):
        assert same(run_module(module, inputs), expected)


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_random_networks(seed: int, rows: int) -> None:
    check_split(random_network(seed), rows)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["conv_2d", "depthwise_conv_2d", "average_pool_2d", "max_pool_2d"]),
    height=st.integers(1, 12),
    window=st.integers(1, 6),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 3),
    top=st.integers(0, 6),
    bottom=st.integers(0, 6),
    rows=st.integers(1, 5),
)
def test_windows(
    kind: str, height: int, window: int, stride: int, dilation: int, top: int, bottom: int, rows: int
) -> None:
    if kind.endswith("pool_2d"):
        dilation = 1
        assume(max(top, bottom) < window)
    assume((window - 1) * dilation + 1 <= height + top + bottom)
    network = NetworkText((1, height, 3, 2))
    y = network.window(
        kind, "%x0", (window, 2), stride=(stride, 1), dilation=(dilation, 1), padding=(top, bottom, 1, 0), channels=3
    )
    check_split(network.text(y), rows)


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concatenation_and_split(axis: int, rows: int) -> None:
    shape = [1, 4, 6, 2]
    network = NetworkText((1, 4, 6, 2), (1, 4, 6, 2))
    shape[axis] *= 2
    y = network.op("concatenation", "%x0, %x1", f"axis = {axis}", tuple(shape))
    shape[axis] //= 4
    parts = network.op("split", y, f"axis = {axis}", *[tuple(shape)] * 4).split(", ")
    z = network.op("add", f"{parts[3]}, {parts[0]}", "", tuple(shape))
    check_split(network.text(z, parts[2], y), rows)


@pytest.mark.parametrize(("top", "bottom", "rows"), [*itertools.product([0, 1, 3], [0, 2], [1, 2, 3])])
def test_pad(top: int, bottom: int, rows: int) -> None:
    network = NetworkText((1, 3, 2, 2))
    y = network.op("pad", "%x0", f"padding = [{top}, {bottom}, 1, 0], channels = [0, 1]", (1, 3 + top + bottom, 3, 3))
    check_split(network.text(y), rows)


def test_splitting_again_changes_nothing() -> None:
    text = random_network(5)
    once = apply(parse(text), SplitTensorsPass(2))
    twice = apply(once.clone(), SplitTensorsPass(1))
    assert once.is_structurally_equivalent(twice)
