"""When values live, and which are the same bytes."""

from __future__ import annotations

import pytest
from networks import function_of, planned, random_network
from support import parse

from tinyts_mlir.analysis.liveness import assign_storage, lifetimes, storage_of
from tinyts_mlir.analysis.op_graph import OpGraph

Q = "!quant.uniform<i8:f32, 0.5:-1>"


def graph_of(body: str, result: str) -> OpGraph:
    text = f"func.func @main(%x: tensor<8x!q>) -> tensor<8x!q> {{\n{body}\nfunc.return {result} : tensor<8x!q>\n}}"
    return OpGraph.of(function_of(parse(text.replace("!q", Q))))


CHAIN = """
    %a = tinyts.receive %x : tensor<8x!q>
    %b = tinyts.concatenation %a {axis = 0} : tensor<8x!q>
    %c = tinyts.reshape %b : tensor<2x4x!q>
    %d = tinyts.reshape %c : tensor<8x!q>
    %e = tinyts.concatenation %a {axis = 0} : tensor<8x!q>
    %f = tinyts.add %d, %e : tensor<8x!q>
    %g = tinyts.concatenation %f {axis = 0} : tensor<8x!q>
"""


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        # The last step that reads it, its reshapes' readers included; what nothing reads lives while it is made.
        ("%f", {"a": (0, 4), "b": (1, 5), "e": (4, 5), "f": (5, 7), "g": (6, 6)}),
        # A returned value lives to the end: the step behind the last. A returned reshape keeps its operand.
        ("%d", {"a": (0, 4), "b": (1, 7), "e": (4, 5), "f": (5, 6), "g": (6, 6)}),
    ],
)
def test_lifetimes(result: str, expected: dict[str, tuple[int, int]]) -> None:
    found = lifetimes(graph_of(CHAIN, result))
    assert {value.name_hint: (lifetime.first, lifetime.last) for value, lifetime in found.items()} == expected


def test_storage() -> None:
    values = {op.results[0].name_hint: op.results[0] for op in graph_of(CHAIN, "%f").ops}
    assert {name: storage_of(value).name_hint for name, value in values.items()} == {
        "a": "a", "b": "b", "c": "b", "d": "b", "e": "e", "f": "f", "g": "g",
    }  # fmt: skip


def test_kernels_work_in_place_only_on_what_dies() -> None:
    graph = graph_of(
        """
        %a = tinyts.receive %x : tensor<8x!q>
        %b = tinyts.leaky_relu %a {alpha = 0.5} : tensor<8x!q>
        %c = tinyts.add %a, %b : tensor<8x!q>
        %d = tinyts.leaky_relu %c {alpha = 0.5} : tensor<8x!q>
        %e = tinyts.concatenation %d {axis = 0} : tensor<8x!q>
        """,
        "%e",
    )
    roots = {value.name_hint: root.name_hint for value, root in assign_storage(graph).roots.items()}
    # b is made while a is read later; c may lie on a or b, d on c; a copy never works in place.
    assert roots["b"] == "b"
    assert roots["c"] in ("a", "b")
    assert roots["d"] == roots["c"]
    assert roots["e"] == "e"


@pytest.mark.parametrize("seed", range(12))
def test_lifetimes_of_random_networks(seed: int) -> None:
    graph = OpGraph.of(function_of(planned(random_network(seed))))
    for value, lifetime in lifetimes(graph).items():
        readers = [
            step for step, op in enumerate(graph.ops) if any(storage_of(operand) is value for operand in op.operands)
        ]
        returned = [len(graph.ops) for result in graph.returned if storage_of(result) is value]
        assert lifetime.first == next(step for step, op in enumerate(graph.ops) if value in op.results)
        assert lifetime.last == max([lifetime.first, *readers, *returned])
