"""BATCH_MATMUL. Either operand may be a constant; of two the first is loaded."""

from __future__ import annotations

from tinyts_mlir.dialects.tinyts import BatchMatmulOp
from tinyts_mlir.tflite.layer_reader import LayerReader
from tinyts_mlir.tflite.layer_writer import LayerWriter
from tinyts_mlir.tflite.rule import Options, Rule

VERSION = 2


def _read(layer: LayerReader) -> BatchMatmulOp:
    flags = {"adjoint_lhs": layer.option("AdjX"), "adjoint_rhs": layer.option("AdjY")}
    return BatchMatmulOp(
        [[operand] for operand in layer.two_operands()], layer.output_type(), {k: 1 for k, v in flags.items() if v}
    )


def _write(layer: LayerWriter, op: BatchMatmulOp) -> None:
    operands = [layer.activation_or_constant(group[0]) for group in (op.lhs, op.rhs)]
    layer.add("BATCH_MATMUL", VERSION, operands, {"AdjX": op.adjoints[0], "AdjY": op.adjoints[1]})


RULES = [
    Rule(
        "BATCH_MATMUL",
        BatchMatmulOp,
        Options("BatchMatMulOptions", ("AdjX", "AdjY")),
        _read,
        _write,
        (2, 2),
        constraints="at most one constant operand",
    )
]
