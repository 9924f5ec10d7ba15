"""Finds the rule of a layer or an op, in this package's families and in those of others.

A package brings a list of rules through an entry point of the group `tinyts.tflite`:

    [project.entry-points."tinyts.tflite"]
    example = "example.tflite:RULES"

It is loaded when a layer or an op is looked for that nothing here knows.
"""

from __future__ import annotations

from typing import Any

from xdsl.ir import Operation

from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.rule import Rule, Rules
from tinyts_mlir.tflite.rules import (
    binary,
    convolutions,
    data_movement,
    elementwise,
    fully_connected,
    indices,
    matrices,
    pools,
    rearrangements,
    recurrent,
    transposed_convolutions,
    variables,
)

ENTRY_POINTS = "tinyts.tflite"

FAMILIES = (
    convolutions,
    fully_connected,
    indices,
    matrices,
    pools,
    binary,
    elementwise,
    data_movement,
    rearrangements,
    recurrent,
    transposed_convolutions,
    variables,
)
"""The modules that hold rules, each in its RULES."""


class _Registry:
    def __init__(self) -> None:
        self.by_name: dict[str, Rule[Any]] = {}
        self.by_type: dict[type[Operation], Rule[Any]] = {}
        self.has_packages = False
        for module in FAMILIES:
            self.add(module.RULES)

    def add(self, rules: Rules) -> None:
        for rule in rules:
            if self.by_name.setdefault(rule.name, rule) is not rule:
                raise CompileError(f"{rule.name}: there are two rules for this op of TFLite")
            if rule.is_other_spelling:
                continue
            if self.by_type.setdefault(rule.op_type, rule) is not rule:
                raise CompileError(f"{rule.op_type.name}: there are two rules for how TFLite spells this op")

    def add_packages(self) -> None:
        """Adds the rules of other packages, once."""
        if self.has_packages:
            return
        self.has_packages = True
        from importlib.metadata import entry_points  # slow, and most runs do without

        for point in entry_points(group=ENTRY_POINTS):
            rules = point.load()
            if not isinstance(rules, list | tuple) or not all(isinstance(rule, Rule) for rule in rules):
                raise CompileError(f"entry point {point.name!r} of {ENTRY_POINTS}: expected a list of rules")
            self.add(rules)


_REGISTRY = _Registry()


def register(rules: Rules) -> None:
    """Adds rules of a program that is no installed package; raises CompileError for names that are taken."""
    _REGISTRY.add(rules)


def find_rule(name: str) -> Rule[Any] | None:
    """The rule of TFLite's op of this name; None where nobody has one. Only packages have rules for custom ops."""
    if name not in _REGISTRY.by_name and name.startswith("CUSTOM"):
        _REGISTRY.add_packages()
    return _REGISTRY.by_name.get(name)


def find_rule_of(op: Operation) -> Rule[Any] | None:
    """The rule of an op; None where TFLite has no such op."""
    if type(op) not in _REGISTRY.by_type:
        _REGISTRY.add_packages()
    return _REGISTRY.by_type.get(type(op))


def all_rules() -> list[Rule[Any]]:
    """Every rule, of any package."""
    _REGISTRY.add_packages()
    return list(_REGISTRY.by_name.values())
