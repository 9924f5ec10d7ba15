"""A bound of the stack, from what GCC writes beside objects under -fcallgraph-info=su: frames and calls.

The one indirect call of the runtime is the dispatch loop's, whose targets are kernels: functions of the runtime from
which the dispatch loop cannot be reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tinyts_mlir.toolchain.errors import ToolchainError

LIBRARY_BYTES = 64
"""For functions without call graph: memcpy, memset and GCC's division routines, leaves of a few registers."""

_INDIRECT = "__indirect_call"
_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_FRAME = re.compile(r"(\d+) bytes \((static|dynamic|dynamic,bounded)\)")


@dataclass
class CallGraph:
    """Functions, what each takes of the stack, and which others it calls."""

    frames: dict[str, int] = field(default_factory=dict[str, int])
    calls: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    @classmethod
    def read(cls, files: Iterable[Path]) -> CallGraph:
        """Read `.ci` files. Raises ToolchainError for a frame whose size nothing bounds."""
        graph = cls()
        for file in files:
            try:
                text = file.read_text(errors="replace")
            except OSError as error:
                raise ToolchainError(f"cannot read {file}: {error.strerror}") from None
            for line in text.splitlines():
                graph._add(line)
        return graph

    def _add(self, line: str) -> None:
        if (node := _NODE.match(line)) is not None:
            frame = _FRAME.search(node[2])
            if frame is not None and frame[2] == "dynamic":
                raise ToolchainError(f"the stack of {node[1]} has no bound")
            if frame is not None:
                self.frames[node[1]] = int(frame[1])
        elif (edge := _EDGE.match(line)) is not None:
            self.calls.setdefault(edge[1], set()).add(edge[2])

    def bound(self, root: str) -> int:
        """The most bytes that `root` and what it calls take. Raises ToolchainError for a recursion."""
        if root not in self.frames:
            raise ToolchainError(f"the call graph has no function {root}")
        kernels = {name for name in self.frames if name.startswith("tinyts_") and _INDIRECT not in self._reached(name)}
        calls = {**self.calls, _INDIRECT: kernels}
        return _deepest(root, self.frames, calls)

    def _reached(self, root: str) -> set[str]:
        reached = {root}
        waiting = [root]
        while waiting:
            for callee in self.calls.get(waiting.pop(), ()):
                if callee not in reached:
                    reached.add(callee)
                    waiting.append(callee)
        return reached


def _deepest(root: str, frames: Mapping[str, int], calls: Mapping[str, set[str]]) -> int:
    known: dict[str, int] = {}
    path: list[str] = []

    def deepest(function: str) -> int:
        if function in path:
            raise ToolchainError(f"the stack has no bound: {function} is called while it runs")
        if function not in known:
            path.append(function)
            own = frames.get(function, 0 if function == _INDIRECT else LIBRARY_BYTES)
            known[function] = own + max((deepest(callee) for callee in calls.get(function, ())), default=0)
            path.pop()
        return known[function]

    return deepest(root)


def stack_bound(build_directory: Path, firmware: str, root: str = "startup_reset") -> int | None:
    """The bound for a firmware target of the emitted CMake project; None where GCC left no call graphs.

    Every library's objects count, and of the programs those of `firmware`.
    """

    def counts(file: Path) -> bool:
        targets = [part.removesuffix(".dir") for part in file.parts if part.endswith(".dir")]
        return all(target == firmware or not (build_directory / f"{target}.elf").exists() for target in targets)

    files = [file for file in build_directory.rglob("*.ci") if counts(file)]
    return CallGraph.read(files).bound(root) if files else None
