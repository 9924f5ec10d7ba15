"""Pieces of C source: identifiers, array elements, constants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.parameters import IntArray

_C_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    alignas alignof and and_eq asm bitand bitor bool catch char8_t char16_t char32_t class co_await co_return co_yield
    compl concept const_cast consteval constexpr constinit decltype delete dynamic_cast explicit export false friend
    mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public reinterpret_cast
    requires static_assert static_cast template this thread_local throw true try typeid typename typeof typeof_unqual
    using virtual wchar_t xor xor_eq
"""
C_KEYWORDS = frozenset(_C_KEYWORDS.split())
"""Words that are no identifiers in C, or not in C++, which may include our headers."""


_C_HEADERS = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar unistd wchar wctype
"""
C_HEADERS = frozenset(_C_HEADERS.split())
"""Headers of C: NAME.h would be taken for one of them by whatever has the project's folder on its path."""


def c_identifier(text: str, prefix: str = "model_") -> str:
    """`text` as a C identifier: other characters become underscores, and `prefix` goes in front where none starts."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_")
    if not name or not name[0].isalpha() or name in C_KEYWORDS:
        name = prefix + name
    return name


def model_identifier(stem: str) -> str:
    """What the symbols and files of a model begin with that lies in a file of this name."""
    name = c_identifier(stem)
    return name if _names_a_model(name) else f"model_{name}"


def macro_prefix(name: str) -> str:
    """What the macros of a model begin with whose functions and types begin with `name`."""
    return name.upper()


def _names_a_model(name: str) -> bool:
    lower = name.lower()
    return name not in C_KEYWORDS and lower not in C_HEADERS and not lower.startswith("tinyts")


def is_reserved(name: str) -> bool:
    """Whether a header that ours include, or a compiler, may have a macro or a type of this name."""
    return name.isupper() or name.endswith("_t") or name.startswith("tinyts") or name in ("offsetof", "linux", "unix")


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """The names with numbers behind those that occur before, or are taken."""
    used = set(taken)
    result: list[str] = []
    for name in names:
        candidate, count = name, 1
        while candidate in used:
            count += 1
            candidate = f"{name}_{count}"
        used.add(candidate)
        result.append(candidate)
    return result


def require_identifier(name: str) -> str:
    """`name`, when it can prefix C symbols; raises CompileError otherwise."""
    if not re.fullmatch(r"[A-Za-z]\w*", name, flags=re.ASCII) or not _names_a_model(name):
        raise CompileError(
            "--name: expected a C identifier that is no keyword, no header of C and does not start with 'tinyts', "
            f"in any case, got {name!r}"
        )
    return name


@dataclass(frozen=True)
class Constant:
    """An array in flash: C type, name and elements."""

    ctype: str
    name: str
    values: IntArray

    def declaration(self) -> str:
        """`const int8_t name[n]`."""
        return f"const {self.ctype} {self.name}[{self.values.size}]"


class Constants:
    """The constants of a model, equal ones only once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._by_content: dict[tuple[str, bytes], Constant] = {}

    def add(self, ctype: str, values: IntArray) -> Constant:
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
