"""The integer fields of the runtime's own structs, as runtime.h declares them, and whether values fit them.

These are the tables of a model: `tinyts_tensor`, `tinyts_layer` and `tinyts_model`. Pointers have no limits here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.c_sources import runtime_sources
from tinyts_mlir.kernels.parameter_structs import INTEGER_LIMITS, without_comments

HEADER = "tinyts/tinyts_runtime.h"
LAYER, MODEL, TENSOR = "layer", "model", "tensor"

_STRUCT = re.compile(r"typedef\s+struct\s*{([^{}]*)}\s*tinyts_(\w+)\s*;")
_INTEGERS = re.compile(rf"\s*({'|'.join(INTEGER_LIMITS)})\s+(\w+(?:\s*,\s*\w+)*)\s*")

Limits = Mapping[str, tuple[int, int]]
"""The least and the greatest value of each field."""


@cache
def runtime_structs() -> Mapping[str, Limits]:
    """The limits of each struct, by its name without `tinyts_`."""
    text = without_comments(runtime_sources().find(HEADER) or "")
    return {name: dict(_fields(body)) for body, name in _STRUCT.findall(text)}


def _fields(body: str) -> Iterator[tuple[str, tuple[int, int]]]:
    for declaration in body.split(";"):
        if (match := _INTEGERS.fullmatch(declaration)) is not None:
            for name in match[2].split(","):
                yield name.strip(), INTEGER_LIMITS[match[1]]


def check_fields(label: str, struct: str, values: Mapping[str, int]) -> None:
    """Raises CompileError that names layer, field, limits and value, where a value does not fit its field in C."""
    limits = runtime_structs()[struct]
    for name, value in values.items():
        least, greatest = limits[name]
        if not least <= value <= greatest:
            raise CompileError(f"{label}: {name}: expected {least} to {greatest}, got {value}")
