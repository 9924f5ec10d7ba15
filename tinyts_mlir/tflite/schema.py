"""Names of the schema's enumerations."""

from __future__ import annotations


def names_of(enumeration: type) -> dict[int, str]:
    """The names of the values of one of the schema's enumerations."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
