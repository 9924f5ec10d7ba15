"""The table in docs/ops.md: which ops of TFLite the compiler takes, as `tinyts-opt --list-ops` lists them.

python tools/ops_table.py              prints the document
python tools/ops_table.py -o docs/ops.md
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinyts_mlir.tflite.op_table import ListedOp, listed_ops

HEAD = """# Ops

Which layers of a `.tflite` file the compiler takes; everything else is refused, all at once and by name. Made by
`python tools/ops_table.py -o docs/ops.md`, off the registries that the compiler itself reads; `tinyts-opt --list-ops`
lists them, too, with `--json` for programs. A package brings rules of its own ([extending.md](extending.md)).

Activations are int8 or int16 with one scale and a batch of 1, but for float32 and uint8 where QUANTIZE and DEQUANTIZE
have them at the edges of a model, and int32 or int64 where they are indices; int16 has zero point 0. Filters are int8
with one scale or one for each output channel, biases int32, beside int16 also int64.

*Rows*: the op is made band by band. *Streamed*: it takes the rows of its map as they come. *Whole*: it needs its
operands in one piece. *Free*: it is no step, and its result no bytes of its own.

| TFLite | op | types | constraints | made | in place | inputs | kernels | what it is |
|---|---|---|---|---|---|---|---|---|
"""


def row(op: ListedOp) -> str:
    """A line of the table."""
    kernels = ", ".join(f"`{kernel}`" for kernel in op.kernels)
    made, in_place = ", ".join(op.made), "yes" if op.in_place else ""
    cells = (op.name, f"`{op.op}`", op.types, op.constraints, made, in_place, op.inputs, kernels, op.meaning)
    return f"| {' | '.join(cells)} |\n"


def document() -> str:
    """docs/ops.md."""
    return HEAD + "".join(map(row, listed_ops()))


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
