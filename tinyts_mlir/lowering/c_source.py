"""Pieces of C source: identifiers, array elements, constants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyts_mlir.errors import CompileError

C_KEYWORDS = frozenset(
    [
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
        "bool",
        "catch",
        "class",
        "delete",
        "namespace",
        "new",
        "operator",
        "private",
        "protected",
        "public",
        "template",
        "this",
        "throw",
        "try",
        "using",
        "virtual",
    ]
)
"""Words that are no identifiers in C, or not in C++, which may include our headers."""


def c_identifier(text: str, prefix: str = "model_") -> str:
    """`text` as a C identifier: other characters become underscores, and `prefix` goes in front where none starts."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_")
    if not name or not name[0].isalpha() or name in C_KEYWORDS:
        name = prefix + name
    return name


def require_identifier(name: str) -> str:
    """`name`, when it can prefix C symbols; raises CompileError otherwise."""
    if not re.fullmatch(r"[A-Za-z]\w*", name, flags=re.ASCII) or name in C_KEYWORDS or name.startswith("tinyts"):
        raise CompileError(
            f"--name: expected a C identifier that is no keyword and does not start with 'tinyts', got {name!r}"
        )
    return name


@dataclass(frozen=True)
class Constant:
    """An array in flash: C type, name and elements."""

    ctype: str
    name: str
    values: NDArray[np.signedinteger] | NDArray[np.unsignedinteger]

    def declaration(self) -> str:
        """`const int8_t name[n]`."""
        return f"const {self.ctype} {self.name}[{self.values.size}]"


class Constants:
    """The constants of a model, equal ones only once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._by_content: dict[tuple[str, bytes], Constant] = {}

    def add(self, ctype: str, values: NDArray[np.signedinteger] | NDArray[np.unsignedinteger]) -> Constant:
        """The constant with these values."""
        key = (ctype, values.tobytes())
        if (constant := self._by_content.get(key)) is None:
            constant = Constant(ctype, f"{self.name}_constant_{len(self._by_content)}", values)
            self._by_content[key] = constant
        return constant

    def all(self) -> list[Constant]:
        """Every constant, in the order of first use."""
        return list(self._by_content.values())

    def bytes(self) -> int:
        """Bytes of all constants."""
        return sum(constant.values.nbytes for constant in self.all())


def c_elements(values: Iterable[int], per_line: int = 24) -> str:
    """Array elements as C source, in lines."""
    text = [str(value) if value != -(1 << 31) else "(-2147483647 - 1)" for value in values]
    lines = (", ".join(text[i : i + per_line]) for i in range(0, len(text), per_line))
    return ",\n  ".join(lines)
