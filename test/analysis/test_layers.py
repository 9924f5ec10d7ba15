"""Bands find back to their layers, in any order of the ops."""

from __future__ import annotations

import numpy as np
import pytest
from networks import examples, function_of, lowered, planned, random_network, same
from support import parse
from xdsl.context import Context

from tinyts_mlir.analysis.layers import behind_previous_bands, group_layers
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects.rows import rows_of, tensor_type, total_rows
from tinyts_mlir.interpreters.check_passes import run_module
from tinyts_mlir.transforms.plan_arena import PlanArenaPass
from tinyts_mlir.transforms.split_tensors import SplitTensorsPass
from tinyts_mlir.transforms.verify_plan import VerifyPlanPass


def reorder(graph: OpGraph, operands: list[tuple[int, ...]], random: np.random.Generator) -> None:
    """Puts the ops of a block into a random order in which all stand behind what they need."""
    terminator = graph.ops[0].parent_block().last_op
    for op in graph.ops:
        op.detach()
    waiting = set(range(len(graph.ops)))
    while waiting:
        ready = [number for number in sorted(waiting) if not waiting.intersection(operands[number])]
        number = int(random.choice(ready))
        waiting.remove(number)
        terminator.parent_block().insert_op_before(graph.ops[number], terminator)


@pytest.mark.parametrize("seed", range(20))
def test_any_order_makes_the_same_layers(seed: int) -> None:
    text = random_network(seed)
    module = planned(text, rows=1 + seed % 2)
    graph = OpGraph.of(function_of(module))
    expected = {frozenset(map(id, layer.ops)) for layer in group_layers(graph).layers}
    reorder(graph, behind_previous_bands(graph), np.random.default_rng(seed))

    graph = OpGraph.of(function_of(module))
    layers = group_layers(graph)
    assert {frozenset(map(id, layer.ops)) for layer in layers.layers} == expected
    for layer in layers.layers:
        ranges = [rows_of(tensor_type(op.results[0])) for op in layer.ops]
        if tensor_type(layer.ops[0].results[0]).encoding == tensor_type(layer.ops[-1].results[0]).encoding:
            continue  # one band, or state
        assert ranges[0].start == 0
        assert [rows.start for rows in ranges[1:]] == [rows.stop for rows in ranges[:-1]]
        assert ranges[-1].stop == total_rows(tensor_type(layer.ops[0].results[0]))
    # Such an order can be planned and run.
    PlanArenaPass(4, "always").apply(Context(), module)
    VerifyPlanPass().apply(Context(), module)
    for inputs, outputs in examples(text):
        assert same(run_module(lowered(module), inputs), outputs)


def test_equal_layers_are_told_apart() -> None:
    """Two layers that differ in nothing, whose bands are made in turn: whoever reads them knows which is which."""
    q = "!quant.uniform<i8:f32, 0.5:-1>"
    text = f"""
        func.func @main(%x: tensor<1x6x4x2x{q}>) -> tensor<1x6x4x2x{q}> {{
          %w = tinyts.constant dense<1> : tensor<2x3x3x2xi8> as !quant.uniform<i8:f32, 0.25>
          %a = tinyts.max_pool_2d %x {{window = [1, 1]}} : tensor<1x6x4x2x{q}>
          %b = tinyts.max_pool_2d %x {{window = [1, 1]}} : tensor<1x6x4x2x{q}>
          %c = tinyts.conv_2d %b, %w {{padding = [1, 1, 1, 1]}} : tensor<1x6x4x2x{q}>
          %y = tinyts.add %a, %c : tensor<1x6x4x2x{q}>
          func.return %y : tensor<1x6x4x2x{q}>
        }}"""
    module = parse(text)
    SplitTensorsPass(1).apply(Context(), module)
    graph = OpGraph.of(function_of(module))
    pools = [layer.ops for layer in group_layers(graph).layers if layer.ops[0].name == "tinyts.max_pool_2d"]
    assert [len(ops) for ops in pools] == [6, 6]
    for order in ("depth-first", "breadth-first", "auto"):
        plan = planned(text, order=order)
        for inputs, outputs in examples(text):
            assert same(run_module(lowered(plan), inputs), outputs)
