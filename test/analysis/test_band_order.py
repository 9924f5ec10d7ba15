"""Orders of graphs: every op behind what it reads, and what each order promises beyond that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tinyts_mlir.analysis.band_order import breadth_first_order, depth_first_order, first_in_order

Graph = list[list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Ops that read ops before them, in any order."""
    count = draw(st.integers(0, 14))
    return [draw(st.lists(st.integers(0, op - 1), max_size=4, unique=True)) if op else [] for op in range(count)]


def is_order(order: list[int], graph: Graph) -> bool:
    position = {op: i for i, op in enumerate(order)}
    return sorted(order) == list(range(len(graph))) and all(
        position[operand] < position[op] for op, operands in enumerate(graph) for operand in operands
    )


def needs(graph: Graph, op: int) -> set[int]:
    return {op}.union(*(needs(graph, operand) for operand in graph[op]))


@given(graph=graphs(), data=st.data())
def test_depth_first(graph: Graph, data: st.DataObject) -> None:
    roots = data.draw(st.lists(st.integers(0, len(graph) - 1), unique=True)) if graph else []
    order = depth_first_order(graph, roots)
    assert is_order(order, graph)
    # What no root needs comes last.
    needed = set().union(*(needs(graph, root) for root in roots))
    assert set(order[: len(needed)]) == needed
    # Nothing is made before something needs it: an op's first operand stands before its second one's own needs.
    if roots:
        assert order[: len(needs(graph, roots[0]))][-1] == roots[0]


def test_depth_first_makes_operands_in_their_order() -> None:
    #  4 reads 3 and 1; 3 reads 2 and 0
    assert depth_first_order([[], [], [], [2, 0], [3, 1]], [4]) == [2, 0, 3, 1, 4]


def test_depth_first_of_a_long_chain() -> None:
    graph: Graph = [[], *([op] for op in range(50_000))]
    assert depth_first_order(graph, [50_000]) == list(range(50_001))


@given(graph=graphs())
def test_breadth_first(graph: Graph) -> None:
    order = breadth_first_order(graph)
    assert is_order(order, graph)
    levels: list[int] = []
    for operands in graph:
        levels.append(1 + max((levels[operand] for operand in operands), default=-1))
    assert [levels[op] for op in order] == sorted(levels)


def test_breadth_first_takes_inputs_first_even_in_a_chain() -> None:
    # Rows 0, 1 and 2 arrive one behind the other; each has a reader.
    graph = [[], [0], [1], [0], [1], [2]]
    assert breadth_first_order(graph, [0, 1, 2]) == [0, 1, 2, 3, 4, 5]
    chain_first = [[], [0], [1], [0], [1], [2], [3, 4]]
    assert breadth_first_order(chain_first, [0, 1, 2]) == [0, 1, 2, 3, 4, 5, 6]


def test_first_in_order() -> None:
    assert first_in_order([3, 1, 0, 2], [0, 2]) == [0, 2, 3, 1]
    assert first_in_order([], []) == []
