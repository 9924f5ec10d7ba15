"""A bound of the stack, from objects and what GCC writes beside them under -fcallgraph-info=su: frames and calls.

A call through a pointer may reach every function whose address is taken in the same object; where none is taken there,
as in the runtime's dispatch loop, every function whose address is taken anywhere. Functions on the way to the call
are left out: nothing here is recursive. GCC knows no frame of functions that are nothing but assembly, and leaves out
the room for structs that come in registers: where a function's instructions take more of the stack, that counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from tinyts_mlir.toolchain.errors import ToolchainError, missing_package
from tinyts_mlir.toolchain.thumb import split_instructions, stack_bytes_taken

LIBRARY_BYTES = 64
"""For functions without call graph: memcpy, memset and GCC's division routines, leaves of a few registers."""

_INDIRECT = "__indirect_call"
_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_FRAME = re.compile(r"(\d+) bytes \((static|dynamic|dynamic,bounded)\)")
_BRANCHES = frozenset({10, 30, 51})
"""R_ARM_THM_CALL, R_ARM_THM_JUMP24, R_ARM_THM_JUMP19: relocations that take no address."""


@dataclass(frozen=True)
class ObjectFacts:
    """What an object file tells of its functions."""

    address_taken: frozenset[str]
    """Symbols, whether functions or not, that something besides a branch refers to."""
    instructions_take: dict[str, float]
    """Bytes of the stack that all instructions of a function take together."""

    @classmethod
    def read(cls, path: Path) -> ObjectFacts:
        """Read an object."""
        try:
            from elftools.common.exceptions import ELFError
            from elftools.elf.elffile import ELFFile
            from elftools.elf.relocation import RelocationSection
        except ImportError:
            raise missing_package("pyelftools") from None
        taken: set[str] = set()
        takes: dict[str, float] = {}
        try:
            elf = ELFFile(BytesIO(path.read_bytes()))
            symbols: Any = elf.get_section_by_name(".symtab")
            for section in elf.iter_sections():
                if isinstance(section, RelocationSection) and ".debug" not in section.name:
                    references = [one for one in section.iter_relocations() if one["r_info_type"] not in _BRANCHES]
                    taken |= {str(symbols.get_symbol(one["r_info_sym"]).name) for one in references}
            for symbol in symbols.iter_symbols():
                if symbol["st_info"]["type"] == "STT_FUNC" and isinstance(symbol["st_shndx"], int):
                    start = symbol["st_value"] & ~1
                    code = elf.get_section(symbol["st_shndx"]).data()[start : start + symbol["st_size"]]
                    takes[str(symbol.name)] = sum(stack_bytes_taken(*one) for one in split_instructions(code))
        except (ELFError, OSError) as error:
            raise ToolchainError(f"cannot read the object {path.name}: {error}") from None
        return cls(frozenset(taken), takes)


NO_FACTS = ObjectFacts(frozenset(), {})


@dataclass
class _Unit:
    """A translation unit: its functions' frames and calls, by the titles of GCC's call graph."""

    frames: dict[str, int] = field(default_factory=dict[str, int])
    calls: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    facts: ObjectFacts = NO_FACTS

    @classmethod
    def read(cls, file: Path) -> _Unit:
        unit = cls()
        try:
            text = file.read_text(errors="replace")
        except OSError as error:
            raise ToolchainError(f"cannot read {file}: {error.strerror}") from None
        for line in text.splitlines():
            unit._add(line)
        objects = [path for suffix in (".o", ".obj") if (path := file.with_suffix(suffix)).is_file()]
        if objects:
            unit.facts = ObjectFacts.read(objects[0])
        return unit

    def _add(self, line: str) -> None:
        if (node := _NODE.match(line)) is not None:
            frame = _FRAME.search(node[2])
            if frame is not None and frame[2] == "dynamic":
                raise ToolchainError(f"the stack of {node[1]} has no bound")
            if frame is not None:
                self.frames[node[1]] = int(frame[1])
        elif (edge := _EDGE.match(line)) is not None:
            self.calls.setdefault(edge[1], set()).add(edge[2])

    def frame(self, title: str) -> float:
        """What a function's frame takes."""
        return max(self.frames[title], self.facts.instructions_take.get(_symbol(title), 0))

    def address_taken(self, names: frozenset[str]) -> set[str]:
        """The unit's functions whose symbols are among the names."""
        return {title for title in self.frames if _symbol(title) in names}


def _symbol(title: str) -> str:
    """A static function's title has its file in front."""
    return title.rpartition(":")[2]


class CallGraph:
    """The functions of a program, what each takes of the stack, and which others it may call."""

    def __init__(self, units: Iterable[_Unit]):
        self._frames: dict[str, float] = {}
        self._calls: dict[str, set[str]] = {}
        known = list(units)
        for unit in known:
            self._frames |= {title: unit.frame(title) for title in unit.frames}
            for caller, callees in unit.calls.items():
                self._calls.setdefault(caller, set()).update(callees)
        for unit in known:
            self._resolve_indirect_calls(unit, known)

    @classmethod
    def read(cls, files: Iterable[Path]) -> CallGraph:
        """Read `.ci` files, and the objects beside them. Raises ToolchainError for a frame without a bound."""
        return cls([_Unit.read(file) for file in files])

    def _resolve_indirect_calls(self, unit: _Unit, units: Iterable[_Unit]) -> None:
        for caller, callees in unit.calls.items():
            if _INDIRECT not in callees:
                continue
            targets = unit.address_taken(unit.facts.address_taken)
            if not targets:
                everywhere = frozenset[str]().union(*(other.facts.address_taken for other in units))
                targets = {title for other in units for title in other.address_taken(everywhere)}
            on_the_way = {target for target in targets if caller in self._reached(target)}
            self._calls[caller] = (self._calls[caller] - {_INDIRECT}) | (targets - on_the_way)

    def bound(self, root: str) -> int:
        """The most bytes that `root` and what it calls take. Raises ToolchainError where there is no bound."""
        if root not in self._frames:
            raise ToolchainError(f"the call graph has no function {root}")
        bytes_taken = self._deepest(root, {}, [])
        if math.isinf(bytes_taken):
            raise ToolchainError(f"the stack of {root} has no bound: a register says how much an instruction takes")
        return int(bytes_taken)

    def _reached(self, root: str) -> set[str]:
        reached = {root}
        waiting = [root]
        while waiting:
            for callee in self._calls.get(waiting.pop(), ()):
                if callee not in reached:
                    reached.add(callee)
                    waiting.append(callee)
        return reached

    def _deepest(self, function: str, known: dict[str, float], path: list[str]) -> float:
        if function in path:
            raise ToolchainError(f"the stack has no bound: {function} is called while it runs")
        if function not in known:
            callees = self._calls.get(function, set())
            deepest = [self._deepest(callee, known, [*path, function]) for callee in sorted(callees)]
            known[function] = self._frames.get(function, LIBRARY_BYTES) + max(deepest, default=0)
        return known[function]


def stack_bound(build_directory: Path, firmware: str, root: str = "startup_reset") -> int | None:
    """The bound for a firmware target of the emitted CMake project; None where GCC left no call graphs.

    Only targets built in that folder itself count: every library's objects, and of the programs those of `firmware`.
    """
    objects = build_directory / "CMakeFiles"
    if not (objects / f"{firmware}.dir").is_dir():
        return None

    def counts(target: str) -> bool:
        return target == firmware or not (build_directory / f"{target}.elf").exists()

    folders = [folder for folder in objects.glob("*.dir") if counts(folder.name.removesuffix(".dir"))]
    files = [file for folder in folders for file in folder.rglob("*.ci")]
    return CallGraph.read(files).bound(root) if files else None
