"""Where a model comes from, as IR carries it: the hash of its file, and what was done to it.

Frontends write both on functions, `lower-to-runtime` takes them over into programs, and the emitted files state them.
"""

from __future__ import annotations

import re

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

SOURCE_SHA256 = "source_sha256"
"""The SHA-256 of the model file, in hexadecimal."""
OPTIONS = "options"
"""The options of the commands that compiled the model, in canonical form; commands are separated by `; `."""

_FORMS = {
    SOURCE_SHA256: (re.compile(r"[0-9a-f]{64}"), "64 hexadecimal digits"),
    OPTIONS: (re.compile(r"(?:(?!/\*|\*/)[ -~])*"), "printable ASCII without the ends of a comment in C"),
}


def verify_provenance(kind: str, name: str, value: Attribute) -> None:
    """Raises VerifyException where `value`, an attribute called `name`, is no SOURCE_SHA256 or OPTIONS."""
    form, expected = _FORMS[kind]
    if not isinstance(value, StringAttr) or not form.fullmatch(value.data):
        raise VerifyException(f"expected {name} to be {expected}, got {value}")
