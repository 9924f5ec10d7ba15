"""Ops that work element by element, or on vectors of the last dimension. A look-up is one entry of RULES."""

from __future__ import annotations

from tinyts_mlir.dialects.tinyts import (
    AbsOp,
    ExpOp,
    GeluOp,
    HardSwishOp,
    LeakyReluOp,
    LogisticOp,
    LogOp,
    Relu6Op,
    ReluN1To1Op,
    ReluOp,
    SoftmaxOp,
    TanhOp,
)
from tinyts_mlir.tflite.rule import elementwise

FIRST_VERSION = 1
"""Of ops that have had int8 from the start."""


RULES = [
    elementwise("SOFTMAX", SoftmaxOp, "SoftmaxOptions", {"beta": "Beta"}),
    elementwise("RELU6", Relu6Op),
    elementwise("LEAKY_RELU", LeakyReluOp, "LeakyReluOptions", {"alpha": "Alpha"}),
    elementwise("ABS", AbsOp),
    elementwise("EXP", ExpOp),
    elementwise("HARD_SWISH", HardSwishOp, version=FIRST_VERSION),
    elementwise("LOG", LogOp),
    elementwise("LOGISTIC", LogisticOp),
    elementwise("RELU_N1_TO_1", ReluN1To1Op, version=FIRST_VERSION),
    elementwise("RELU", ReluOp),
    elementwise("TANH", TanhOp),
    elementwise("GELU", GeluOp, "GeluOptions", {"approximate": "Approximate"}),
]
