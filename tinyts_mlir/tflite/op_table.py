"""Which layers of a `.tflite` file the compiler takes, off the registries of rules and of kernels.

`tinyts-opt --list-ops` prints it, and docs/ops.md is made of it.
"""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from typing import Any

from tinyts_mlir.dialects.interfaces import AliasInterface, RowMoveInterface, StreamableReductionInterface
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import WIDE_BITS
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.kernels.registry import find_entry_of_type, find_wide_entry_of_type
from tinyts_mlir.tflite.registry import all_rules
from tinyts_mlir.tflite.rule import Rule, Unsigned

FORMAT_VERSION = 1
"""Of `--list-ops --json`."""


@dataclass(frozen=True)
class ListedOp:
    """A layer that the compiler takes.

    Attributes:
        name: TFLite's.
        op: the op that it becomes.
        types: of the maps that it takes and gives.
        constraints: what is expected of a layer besides.
        made: `rows`, band by band; `streamed`, taking the rows of its map as they come; `whole`, needing its operands
            in one piece; `free`, no step at all; and `along rows free`.
        in_place: whether its kernel may write where an operand dies.
        inputs: how many inputs a layer has.
        kernels: the kernels that run it.
        meaning: what it is.
    """

    name: str
    op: str
    types: str
    constraints: str
    made: tuple[str, ...]
    in_place: bool
    inputs: str
    kernels: tuple[str, ...]
    meaning: str


def listed_ops() -> list[ListedOp]:
    """Every layer that this package and others have a rule for, by name."""
    return [_listed(rule) for rule in sorted(all_rules(), key=lambda rule: rule.name)]


def as_json(ops: list[ListedOp]) -> dict[str, object]:
    """What `--list-ops --json` prints."""
    return {"format": "tinyts-ops", "version": FORMAT_VERSION, "ops": [asdict(op) for op in ops]}


def as_text(ops: list[ListedOp]) -> str:
    """What `--list-ops` prints: a line for each layer."""
    columns = [("op", "types", "made", "kernels", "constraints")]
    columns += [(op.name, op.types, ", ".join(op.made), ", ".join(op.kernels), op.constraints) for op in ops]
    widths = [max(len(line[column]) for line in columns) for column in range(len(columns[0]) - 1)]
    lines = [
        "  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[-1]])
        for line in columns
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _listed(rule: Rule[Any]) -> ListedOp:
    op_type = rule.op_type
    entry, wide = find_entry_of_type(op_type), find_wide_entry_of_type(op_type)
    least, most = rule.inputs or (1, None)
    inputs = f"{least} or more" if most is None else str(least) if least == most else f"{least} to {most}"
    return ListedOp(
        name=rule.name,
        op=op_type.name,
        types=_types(rule, op_type),
        constraints=rule.constraints,
        made=_made(op_type),
        in_place=entry is not None and bool(entry.works_in_place),
        inputs=inputs,
        kernels=tuple(kernel.name for one in (entry, wide) if one is not None for kernel in one.kernels),
        meaning=" ".join((inspect.getdoc(op_type) or "").split("\n\n")[0].split()),
    )


def _types(rule: Rule[Any], op_type: type) -> str:
    """The types of a rule; uint8 beside int8 where it is shifted, and int16 for an op that takes as much."""
    stated = rule.types
    if rule.unsigned is Unsigned.SHIFTED:
        stated = stated.replace("int8", "int8, uint8", 1)
    takes_int16 = issubclass(op_type, TinytsOp) and WIDE_BITS in op_type.ACTIVATION_BITS
    bytes = "int8, uint8" if "int8, uint8" in stated else "int8"
    return stated.replace(bytes, f"{bytes}, int16", 1) if takes_int16 and "int16" not in stated else stated


def _made(op_type: type) -> tuple[str, ...]:
    if issubclass(op_type, AliasInterface):
        return ("free",)
    ways = ["rows" if issubclass(op_type, RowGeometryInterface) else "whole"]
    if issubclass(op_type, StreamableReductionInterface):
        ways.append("streamed")
    if issubclass(op_type, RowMoveInterface):
        ways.append("along rows free")
    return tuple(ways)
