"""The parameter structs of kernels as their C headers declare them, and whether values fit their fields.

Headers are written for readers of C, and nothing else says how wide a field is. Declarations must look like those of
runtime/include/tinyts/tinyts_kernels.h: `typedef struct { ... } tinyts_<struct>_parameters;` with fields of integer types of a
fixed width, arrays of them, and pointers to constant ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.c_sources import CSources, runtime_sources
from tinyts_mlir.kernels.parameters import Parameter, Parameters

INTEGER_LIMITS = {
    f"{sign}int{bits}_t": (0, (1 << bits) - 1) if sign else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    for bits in (8, 16, 32)
    for sign in ("", "u")
}
"""The least and the greatest value of each C type that a field may have."""

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_STRUCT = re.compile(r"typedef\s+struct\s*{([^{}]*)}\s*tinyts_(\w+)_parameters\s*;")
_DECLARATION = re.compile(r"(const\s+)?(\w+)\s+(.*)", re.DOTALL)
_NAME = re.compile(r"(\*?)\s*(\w+)\s*(?:\[(\d+)\])?")


@dataclass(frozen=True)
class Field:
    """A field of a parameter struct.

    Attributes:
        name: of the field.
        type: the C type of an element, such as `int8_t`.
        length: elements of an array in the struct; None: it is no array.
        is_pointer: it points to constants.
    """

    name: str
    type: str
    length: int | None = None
    is_pointer: bool = False

    def complaint(self, value: Parameter) -> str | None:
        """What is wrong with a value of this field, as `expected ..., got ...`; None where it fits."""
        if self.is_pointer:
            if not isinstance(value, np.ndarray):
                return f"expected an array of {self.type}, got {value}"
            found = f"{value.dtype.name}_t"
            return None if found == self.type else f"expected an array of {self.type}, got one of {found}"
        if isinstance(value, np.ndarray):
            return f"expected a value of {self.type}, got an array"
        if isinstance(value, int):
            return self._number_complaint(value) if self.length is None else f"expected {self.length} values, got one"
        if len(value) != self.length:
            return f"expected {self.length or 1} of {self.type}, got {len(value)}"
        return next(filter(None, map(self._number_complaint, value)), None)

    def _number_complaint(self, value: int) -> str | None:
        least, greatest = INTEGER_LIMITS[self.type]
        return None if least <= value <= greatest else f"expected {least} to {greatest}, got {value}"


@dataclass(frozen=True)
class ParameterStruct:
    """`tinyts_<name>_parameters`."""

    name: str
    fields: tuple[Field, ...]

    def complaints(self, parameters: Parameters) -> Iterator[str]:
        """What is wrong with these parameters, field by field; pointers may be missing."""
        known = {field.name: field for field in self.fields}
        for name, value in parameters.items():
            if name not in known:
                yield f"{name}: tinyts_{self.name}_parameters has no such field"
            elif (complaint := known[name].complaint(value)) is not None:
                yield f"{name}: {complaint}"
        for name, field in known.items():
            if name not in parameters and not field.is_pointer:
                yield f"{name}: expected a value, got none"


def without_comments(text: str) -> str:
    """C without its comments."""
    return _COMMENT.sub(" ", text)


@cache
def declared_structs(sources: CSources) -> dict[str, ParameterStruct]:
    """The parameter structs that a header declares, by name; raises CompileError for a field of another kind."""
    text = without_comments(sources.find(sources.header) or "")
    return {name: ParameterStruct(name, tuple(_fields(name, body))) for body, name in _STRUCT.findall(text)}


def _fields(struct: str, body: str) -> Iterator[Field]:
    for declaration in filter(None, map(str.strip, body.split(";"))):
        if (match := _DECLARATION.fullmatch(declaration)) is None or match[2] not in INTEGER_LIMITS:
            raise CompileError(
                f"tinyts_{struct}_parameters: expected fields of {', '.join(INTEGER_LIMITS)}, got {declaration}"
            )
        for name in map(str.strip, match[3].split(",")):
            if (parts := _NAME.fullmatch(name)) is None:
                raise CompileError(f"tinyts_{struct}_parameters: expected a name, *name or name[length], got {name}")
            yield Field(parts[2], match[2], int(parts[3]) if parts[3] else None, bool(parts[1]))


def find_struct(struct: str, sources: CSources | None = None) -> ParameterStruct | None:
    """A struct of a kernel with these sources: in their header, or in the runtime's; None where neither declares it."""
    for declaring in (sources, runtime_sources()):
        if declaring is not None and struct in (structs := declared_structs(declaring)):
            return structs[struct]
    return None
