"""Finds what is stated about an op or a kernel, in the families of this package and in those of others.

A package brings a `KernelFamily` through an entry point of the group `tinyts.kernels`:

    [project.entry-points."tinyts.kernels"]
    example = "example.kernels:FAMILY"

It is loaded when an op or a kernel is looked for that nothing here knows.
"""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation

from tinyts_mlir.dialects.rows import is_wide
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels import (
    addition,
    binary,
    convolutions,
    data_movement,
    depthwise,
    edges,
    fully_connected,
    fused_blocks,
    indices,
    int16_binary,
    int16_convolutions,
    int16_elementwise,
    int16_fully_connected,
    int16_pools,
    int16_softmax,
    log_softmax,
    lookups,
    matrices,
    means,
    normalization,
    pools,
    products,
    quotients,
    rearrangements,
    recurrent,
    resizing,
    softmax,
    state,
    transposed_convolutions,
)
from tinyts_mlir.kernels.entry import Kernel, KernelFamily, OpEntry

ENTRY_POINTS = "tinyts.kernels"

FAMILIES = (
    addition,
    binary,
    convolutions,
    data_movement,
    depthwise,
    edges,
    fully_connected,
    fused_blocks,
    indices,
    int16_binary,
    int16_convolutions,
    int16_elementwise,
    int16_fully_connected,
    int16_pools,
    int16_softmax,
    log_softmax,
    lookups,
    matrices,
    means,
    normalization,
    pools,
    products,
    quotients,
    rearrangements,
    recurrent,
    resizing,
    softmax,
    state,
    transposed_convolutions,
)
"""The modules that state facts about kernels, each in its FAMILY."""

DIALECTS_WITHOUT_PACKAGES = ("tinyts", "builtin", "func", "tinyrt")
"""Whose ops no other package has kernels for: they are asked for all the time, most without an entry."""


class Registry:
    """Kernels by name, and what is stated about ops by their type."""

    def __init__(self) -> None:
        self.kernels: dict[str, Kernel] = {}
        self.entries: dict[type[Operation], OpEntry[Any]] = {}
        self.wide_entries: dict[type[Operation], OpEntry[Any]] = {}
        """Those of ops on int16 feature maps."""
        self._has_packages = False
        for module in FAMILIES:
            self.add(module.FAMILY)

    def add(self, family: KernelFamily) -> None:
        """Adds what a family states; raises CompileError where something else is stated about the same."""
        for kernel in family.kernels:
            if self.kernels.setdefault(kernel.name, kernel) is not kernel:
                raise CompileError(f"kernel {kernel.name!r} is stated twice: expected a name of the package's own")
        for entry in family.ops:
            entries = self.wide_entries if entry.is_wide else self.entries
            if entries.setdefault(entry.op_type, entry) is not entry:
                raise CompileError(f"{entry.op_type.name}: it is stated twice how this op runs")

    def add_packages(self) -> None:
        """Adds the families of other packages, once."""
        if self._has_packages:
            return
        self._has_packages = True
        from importlib.metadata import entry_points  # slow, and most runs do without

        for point in entry_points(group=ENTRY_POINTS):
            family = point.load()
            if not isinstance(family, KernelFamily):
                raise CompileError(f"entry point {point.name!r} of {ENTRY_POINTS}: expected a KernelFamily")
            self.add(family)


_REGISTRY = Registry()


def register(family: KernelFamily) -> None:
    """Adds kernels and ops of a program that is no installed package; raises CompileError for names that are taken."""
    _REGISTRY.add(family)


def find_entry(op: Operation) -> OpEntry[Any] | None:
    """What is stated about ops of this type, and with elements as wide as these; None for nothing."""
    if type(op) in _REGISTRY.wide_entries and has_wide_maps(op):
        return _REGISTRY.wide_entries[type(op)]
    entry = _REGISTRY.entries.get(type(op))
    if entry is None and op.name.partition(".")[0] not in DIALECTS_WITHOUT_PACKAGES:
        _REGISTRY.add_packages()
        entry = _REGISTRY.entries.get(type(op))
    return entry


def has_wide_maps(op: Operation) -> bool:
    """Whether an op takes or makes int16 feature maps."""
    return any(
        isinstance(value.type, TensorType) and is_wide(value.type) for value in (*op.results[:1], *op.operands[:1])
    )


def find_entry_of_type(op_type: type[Operation]) -> OpEntry[Any] | None:
    """What is stated about ops of a type, by this package."""
    return _REGISTRY.entries.get(op_type)


def find_kernel(name: str) -> Kernel | None:
    """The kernel of this name; None where nobody has it."""
    if name not in _REGISTRY.kernels:
        _REGISTRY.add_packages()
    return _REGISTRY.kernels.get(name)


def find_wide_entry_of_type(op_type: type[Operation]) -> OpEntry[Any] | None:
    """What is stated about ops of a type on int16 feature maps, by this package."""
    return _REGISTRY.wide_entries.get(op_type)


def all_entries() -> list[OpEntry[Any]]:
    """Everything that is stated about ops, by any package."""
    _REGISTRY.add_packages()
    return [*_REGISTRY.entries.values(), *_REGISTRY.wide_entries.values()]


def all_kernels() -> list[Kernel]:
    """Every kernel, of any package."""
    _REGISTRY.add_packages()
    return list(_REGISTRY.kernels.values())
