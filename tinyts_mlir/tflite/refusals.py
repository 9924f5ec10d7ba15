"""Why ops that no rule knows are refused, and what can be done about it."""

from __future__ import annotations

REMEDIES = {
    "SHAPE": "convert the model with a fixed input shape",
    "SQUARE": "multiply the operand with itself (MUL)",
    "POW": "multiply the operand with itself (MUL)",
    "CUMSUM": "multiply with a triangle of ones (FULLY_CONNECTED)",
    "FLOOR_DIV": "divide with DIV, or multiply with a reciprocal (MUL)",
    "FLOOR_MOD": "compute it in front of the model, or behind it",
    "SIN": "compute it in front of the model, or behind it",
    "COS": "compute it in front of the model, or behind it",
    "FLOOR": "leave it to the quantization, or compute it behind the model",
    "CEIL": "leave it to the quantization, or compute it behind the model",
    "ROUND": "leave it to the quantization, or compute it behind the model",
}
"""What to do about some ops that are not supported."""

WITHOUT_INT8_KERNEL = frozenset(("SQUARE", "POW", "CUMSUM", "SIN", "COS", "FLOOR", "CEIL", "ROUND"))
"""Ops that LiteRT itself does not run on int8, with any resolver: observed, see docs/litert-semantics.md."""

ON_RAW_BYTES = frozenset(("FLOOR_DIV", "FLOOR_MOD"))
"""Ops that LiteRT runs on int8 without a look at the quantizations: observed, see docs/litert-semantics.md."""


def refusal_of(op: str) -> str:
    """The reason for which a layer of this op is refused, and the remedy where there is one."""
    reason = "this op is not supported"
    if op in WITHOUT_INT8_KERNEL:
        reason = "LiteRT has no int8 kernel for this op"
    elif op in ON_RAW_BYTES:
        reason = "LiteRT's int8 kernel for this op ignores scales and zero points"
    return f"{reason}; {REMEDIES[op]}" if op in REMEDIES else reason
