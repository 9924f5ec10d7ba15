"""Ops that work element by element, or on vectors of the last dimension. A look-up is one entry of RULES."""

from __future__ import annotations

from tinyts_mlir.dialects.tinyts import (
    AbsOp,
    DequantizeOp,
    EluOp,
    ExpOp,
    GeluOp,
    HardSwishOp,
    L2NormalizationOp,
    LeakyReluOp,
    LogisticOp,
    LogOp,
    LogSoftmaxOp,
    NegOp,
    QuantizeOp,
    Relu6Op,
    ReluN1To1Op,
    ReluOp,
    RsqrtOp,
    SoftmaxOp,
    SqrtOp,
    TanhOp,
)
from tinyts_mlir.tflite.layer_reader import LayerReader
from tinyts_mlir.tflite.layer_writer import LayerWriter
from tinyts_mlir.tflite.rule import INT8_VERSION, Options, Rule, Unsigned, elementwise
from tinyts_mlir.tflite.tensors import UnsupportedLayer

QUANTIZE_VERSION = 1


FIRST_VERSION = 1
"""Of ops that have had int8 from the start."""


def _read_quantize(layer: LayerReader) -> QuantizeOp:
    return QuantizeOp([[layer.edge(0)]], layer.requantized_output_type())


def _read_dequantize(layer: LayerReader) -> DequantizeOp:
    return DequantizeOp([[layer.edge(0)]], layer.edge_output_type())


def _write_quantize(layer: LayerWriter, op: QuantizeOp) -> None:
    layer.add("QUANTIZE", QUANTIZE_VERSION, [layer.activation(op.input[0])])


def _write_dequantize(layer: LayerWriter, op: DequantizeOp) -> None:
    layer.add("DEQUANTIZE", INT8_VERSION, [layer.activation(op.input[0])])


def _read_l2_normalization(layer: LayerReader) -> L2NormalizationOp:
    if (activation := layer.activation_function()) != "none":
        raise UnsupportedLayer(f"expected no activation, got {activation}")
    return L2NormalizationOp([[layer.activation(0)]], layer.output_type())


def _write_l2_normalization(layer: LayerWriter, op: L2NormalizationOp) -> None:
    layer.add("L2_NORMALIZATION", INT8_VERSION, [layer.activation(op.input[0])])


RULES = [
    Rule(
        "L2_NORMALIZATION",
        L2NormalizationOp,
        Options("L2NormOptions", ("FusedActivationFunction",)),
        _read_l2_normalization,
        _write_l2_normalization,
    ),
    elementwise(
        "SOFTMAX",
        SoftmaxOp,
        "SoftmaxOptions",
        {"beta": "Beta"},
        constraints="result of scale 1/256, zero point -128",
        unsigned=Unsigned.SHIFTED,
    ),
    elementwise(
        "LOG_SOFTMAX",
        LogSoftmaxOp,
        "LogSoftmaxOptions",
        constraints="result of scale 1/16, zero point 127; less than 4096 elements a vector",
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "QUANTIZE",
        QuantizeOp,
        Options("QuantizeOptions"),
        _read_quantize,
        _write_quantize,
        unsigned=Unsigned.KEPT,
        types="float32 to int8, uint8, int16; int8, uint8 to int8, uint8; int16 to int8, int16, int32",
    ),
    Rule(
        "DEQUANTIZE",
        DequantizeOp,
        Options("DequantizeOptions"),
        _read_dequantize,
        _write_dequantize,
        unsigned=Unsigned.KEPT,
        types="int8, uint8, int16 to float32",
    ),
    elementwise("RELU6", Relu6Op, unsigned=Unsigned.SHIFTED),
    elementwise("LEAKY_RELU", LeakyReluOp, "LeakyReluOptions", {"alpha": "Alpha"}, unsigned=Unsigned.SHIFTED),
    elementwise("ABS", AbsOp),
    elementwise("EXP", ExpOp),
    elementwise("HARD_SWISH", HardSwishOp, version=FIRST_VERSION, unsigned=Unsigned.SHIFTED),
    elementwise("LOG", LogOp),
    elementwise("ELU", EluOp, version=FIRST_VERSION),
    elementwise("SQRT", SqrtOp),
    elementwise("RSQRT", RsqrtOp),
    elementwise("NEG", NegOp, version=FIRST_VERSION),
    elementwise(
        "LOGISTIC",
        LogisticOp,
        constraints="result of scale 1/256, zero point -128; of int16, 1/32768 and 0",
        unsigned=Unsigned.SHIFTED,
    ),
    elementwise("RELU_N1_TO_1", ReluN1To1Op, version=FIRST_VERSION, unsigned=Unsigned.SHIFTED),
    elementwise("RELU", ReluOp, unsigned=Unsigned.SHIFTED),
    elementwise(
        "TANH",
        TanhOp,
        constraints="result of scale 1/128, zero point 0; of int16, 1/32768",
        unsigned=Unsigned.SHIFTED,
    ),
    elementwise("GELU", GeluOp, "GeluOptions", {"approximate": "Approximate"}, unsigned=Unsigned.SHIFTED),
]
