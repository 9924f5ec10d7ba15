"""Orders of band ops: plain functions from an op graph to an order, without IR.

A graph is a list of ops by number; `operands[i]` are the numbers of the ops whose results op `i` reads, in operand
order. An order is a list of numbers in which every op stands behind its operands.
"""

from __future__ import annotations

from collections.abc import Sequence

Graph = Sequence[Sequence[int]]


def depth_first_order(operands: Graph, roots: Sequence[int]) -> list[int]:
    """Demand-driven: to make an op, first make what it reads, in operand order.

    Bands die as soon as possible in the sense that nothing is made before something needs it. With bands of N rows this
    is what TinyTS calls DF_N. Ops that no root needs follow at the end, in their own order.
    """
    order: list[int] = []
    done = [False] * len(operands)
    for root in [*roots, *range(len(operands))]:
        stack = [(root, 0)]
        while stack:
            op, position = stack.pop()
            if done[op]:
                continue
            pending = next((i for i in range(position, len(operands[op])) if not done[operands[op][i]]), None)
            if pending is None:
                done[op] = True
                order.append(op)
            else:
                stack.append((op, pending + 1))
                stack.append((operands[op][pending], 0))
    return order


def breadth_first_order(operands: Graph, inputs: Sequence[int] = ()) -> list[int]:
    """Layer by layer: by the longest path from an input, ops of one level in their own order.

    The bands of a layer read bands of the layer before it, so they share a level and are all made before the next layer
    starts; a band still dies when its last reader ran. With bands of N rows this is what TinyTS calls BF_N. The ops
    `inputs` are all of the first level, even where one has to stand behind another.
    """
    first_level = set(inputs)
    levels: list[int] = [0] * len(operands)
    for op in depth_first_order(operands, ()):
        if op not in first_level:
            levels[op] = 1 + max((levels[operand] for operand in operands[op]), default=-1)
    return sorted(range(len(operands)), key=lambda op: (levels[op], op))


def first_in_order(order: Sequence[int], leading: Sequence[int]) -> list[int]:
    """`order` with the ops `leading`, which must not depend on others, moved to the front in their given order."""
    moved = set(leading)
    return [*leading, *(op for op in order if op not in moved)]


def just_in_time(order: Sequence[int], operands: Graph, late: Sequence[int]) -> list[int]:
    """`order` with the ops `late`, which depend only on one another, each right in front of what needs it first.

    Those that nothing needs come last.
    """
    moving, waiting = set(late), set(late)
    moved: list[int] = []

    def place(op: int) -> None:
        chain: list[int] = []
        pending = [op]
        while pending:
            op = pending.pop()
            if op in waiting:
                waiting.remove(op)
                chain.append(op)
                pending += operands[op]
        moved.extend(reversed(chain))

    for op in order:
        if op not in moving:
            for operand in operands[op]:
                place(operand)
            moved.append(op)
    for op in late:
        place(op)
    return moved
