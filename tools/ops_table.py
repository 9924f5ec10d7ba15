"""The table in docs/ops.md: which ops of TFLite the compiler takes, off the registries of rules and of kernels.

python tools/ops_table.py              prints the document
python tools/ops_table.py -o docs/ops.md
"""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path
from typing import Any

from tinyts_mlir.dialects.interfaces import AliasInterface, RowMoveInterface, StreamableReductionInterface
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.kernels.registry import find_entry_of_type
from tinyts_mlir.tflite.registry import all_rules
from tinyts_mlir.tflite.rule import Rule

HEAD = """# Ops

Which layers of a `.tflite` file the compiler takes; everything else is refused, all at once and by name. Made by
`python tools/ops_table.py -o docs/ops.md`, off the registries that the compiler itself reads. A package brings rules of
its own ([extending.md](extending.md)).

Activations are int8 with one scale and a batch of 1, but for float32 and uint8 where QUANTIZE and DEQUANTIZE have them
at the edges of a model; filters are int8 with one scale or one for each output channel, biases int32. *Rows*: the op is
made band by band. *Streamed*: it takes the rows of its map as they come. *Whole*: it needs its operands in one piece.
*Free*: it is no step, and its result no bytes of its own.

| TFLite | op | made | in place | inputs | what it is |
|---|---|---|---|---|---|
"""


def made(op_type: type) -> str:
    """How an op of this type is made."""
    ways: list[str] = []
    if issubclass(op_type, AliasInterface):
        return "free"
    ways.append("rows" if issubclass(op_type, RowGeometryInterface) else "whole")
    if issubclass(op_type, StreamableReductionInterface):
        ways.append("streamed")
    if issubclass(op_type, RowMoveInterface):
        ways.append("along rows free")
    return ", ".join(ways)


def row(rule: Rule[Any]) -> str:
    """A line of the table."""
    op_type = rule.op_type
    meaning = " ".join((inspect.getdoc(op_type) or "").split("\n\n")[0].split())
    entry = find_entry_of_type(op_type)
    in_place = "yes" if entry is not None and entry.works_in_place else ""
    least, most = rule.inputs or (1, None)
    inputs = f"{least} or more" if most is None else str(least) if least == most else f"{least} to {most}"
    return f"| {rule.name} | `{op_type.name}` | {made(op_type)} | {in_place} | {inputs} | {meaning} |\n"


def document() -> str:
    """docs/ops.md."""
    return HEAD + "".join(row(rule) for rule in sorted(all_rules(), key=lambda rule: rule.name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    if arguments.output is None:
        sys.stdout.write(document())
    else:
        arguments.output.write_text(document())
    return 0


if __name__ == "__main__":
    sys.exit(main())
