"""When values of a schedule live, and which share their bytes.

Steps are numbered by the order of ops. A value lives from the step that makes it to the last that reads it, both
included: while an op runs, its operands and results are in memory together. A returned value lives to the end.

Values share bytes where one is the other under another type (a reshape, rows of a concatenation), where one is the
other's next state (an accumulating op), and where a kernel works in place: its result then lies on an operand that dies
with that step. Some kernels' results may lie on such an operand in part (`kernels/operand_overlap.py`). With `joined`,
bands that only a join reads share bytes with its result: each is made in its place there.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field

from xdsl.ir import Operation, SSAValue

from tinyts_mlir.analysis.arena_allocation import natural_alignment
from tinyts_mlir.analysis.arena_blocks import Block, Integers, Overlap, live_bytes
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects.interfaces import AliasInterface, AssemblingInterface, needs_no_arena
from tinyts_mlir.dialects.rows import element_bytes, rows_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.kernels.catalogue import works_in_place
from tinyts_mlir.kernels.lead import Lead
from tinyts_mlir.kernels.operand_overlap import OperandOverlap, operand_overlap


@dataclass
class Lifetime:
    """A value's first and last step, both included."""

    first: int
    last: int


@dataclass
class Storage:
    """Which values share bytes, and when those bytes are needed.

    Attributes:
        roots: for each value the one that stands for the bytes it shares.
        lifetimes: by root, in the order in which roots are made.
        places: the byte of its root at which a value begins, where that is not the first.
        leads: for roots of a result and of an operand that dies as it is made, how the first may overlap the second.
    """

    roots: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    lifetimes: dict[SSAValue, Lifetime] = field(default_factory=dict[SSAValue, Lifetime])
    places: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    leads: dict[tuple[SSAValue, SSAValue], Lead] = field(default_factory=dict[tuple[SSAValue, SSAValue], Lead])

    def overlaps(self) -> list[Overlap]:
        """`leads` by the numbers of the roots, in the order of `lifetimes`."""
        numbers = {root: number for number, root in enumerate(self.lifetimes)}
        return [Overlap(numbers[over], numbers[under], lead) for (over, under), lead in self.leads.items()]

    def live_bytes(self) -> Integers:
        """The bytes that are alive at each step."""
        blocks = [Block(size_in_bytes(tensor_type(root)), *astuple(life)) for root, life in self.lifetimes.items()]
        return live_bytes(blocks, overlaps=self.overlaps())


def storage_of(value: SSAValue) -> SSAValue:
    """The value whose bytes `value` is by what its op means: an alias's operand, the first state of a reduction."""
    while isinstance(owner := value.owner, TinytsOp) and (shared := owner.shared_operand_of(value)) is not None:
        value = shared
    return value


def joined_bands(op: Operation) -> dict[SSAValue, int]:
    """The values that can be made where a join wants them, with their places in its result; none for other ops.

    These are all its bands or none: each with bytes of its own that nothing else reads.
    """
    if not isinstance(op, AssemblingInterface):
        return {}
    bands: dict[SSAValue, int] = {}
    for band, place in op.assembled():
        while isinstance(owner := band.owner, AliasInterface) and band.has_one_use():
            band = owner.operands[0]
        if not isinstance(owner, TinytsOp) or isinstance(owner, AliasInterface | AssemblingInterface):
            return {}
        if needs_no_arena(band):
            return {}
        type = tensor_type(band)
        if not band.has_one_use() or place % natural_alignment(size_in_bytes(type), element_bytes(type)):
            return {}
        bands[band] = place
    return bands


def assign_storage(graph: OpGraph, in_place: bool = True, joined: bool = False) -> Storage:
    """Storage and lifetimes of every value of a schedule; without `in_place`, no result lies on a dying operand."""
    last_reads: dict[SSAValue, int] = {}
    for step, op in enumerate(graph.ops):
        for operand in op.operands:
            last_reads[storage_of(operand)] = step
    for value in graph.returned:
        last_reads[storage_of(value)] = len(graph.ops)

    storage = Storage()
    wholes: dict[SSAValue, SSAValue] = {}
    for op in graph.ops if joined else ():
        for band, storage.places[band] in joined_bands(op).items():
            wholes[band] = op.results[0]
    for step, op in enumerate(graph.ops):
        if all(map(needs_no_arena, op.results)):
            continue  # they lie in state
        for result in op.results:
            if isinstance(op, TinytsOp) and (operand := op.shared_operand_of(result)) is not None:
                storage.roots[result] = storage.roots[operand]
                continue
            root = wholes.get(result)
            last = last_reads.get(root or result, step)
            if root is None and in_place and works_in_place(op):
                root = _dying_operand(op, result, step, storage)
            storage.roots[result] = root = root or result
            lifetime = storage.lifetimes.setdefault(root, Lifetime(step, last))
            lifetime.last = max(lifetime.last, last)
            if in_place and root is result and (overlap := operand_overlap(op)) is not None:
                _find_leads(op, overlap, result, step, storage)
    return storage


def _find_leads(op: Operation, overlap: OperandOverlap, result: SSAValue, step: int, storage: Storage) -> None:
    """Notes the operands that the result may overlap: each has all bytes of its root, and nothing else reads them."""
    made = tensor_type(result)
    for operand in op.operands:
        if (root := storage.roots.get(operand)) is None:
            continue
        type = tensor_type(operand)
        if size_in_bytes(tensor_type(root)) != size_in_bytes(type) or storage.lifetimes[root].last != step:
            continue
        lead = overlap.lead(rows_of(made), rows_of(type))
        if lead is not None:
            storage.leads[result, root] = lead


def _dying_operand(op: Operation, result: SSAValue, step: int, storage: Storage) -> SSAValue | None:
    """The root of an operand of the result's size whose bytes nothing reads behind this step."""
    size = size_in_bytes(tensor_type(result))
    for operand in op.operands:
        if (root := storage.roots.get(operand)) is None:
            continue
        whole_root = size_in_bytes(tensor_type(root)) == size == size_in_bytes(tensor_type(operand))
        if whole_root and storage.lifetimes[root].last == step:
            return root
    return None


def lifetimes(graph: OpGraph) -> dict[SSAValue, Lifetime]:
    """The lifetime of every value that has bytes of its own when no kernel works in place, in the order of making."""
    return assign_storage(graph, in_place=False).lifetimes
