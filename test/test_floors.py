"""The floors of the house (docs/architecture.md): no import runs upward, none is part of a circle.

Imports inside functions count as well: a lazy one must be allowed to stand at the top of its file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import tinyts_mlir

ROOT = Path(tinyts_mlir.__file__).parent

FLOORS = (
    ("errors", "quantization", "mlperf_tiny", "progress", "chips", "cores", "memories", "version", "signals"),
    ("dialects",),
    ("kernels",),
    ("analysis",),
    ("transforms",),
    ("lowering", "tflite", "interpreters"),
    ("demo", "budget", "pipeline", "front", "compiler", "provenance", "universe", "reduction", "output", "comparison"),
    ("reporting",),
    ("toolchain",),
    ("api",),
    ("sweeps",),
    ("cli",),
)
"""From the ground up. A module may import from its own floor and from those below."""


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in ROOT.rglob("*.py") if "_runtime" not in path.parts}


def imports(path: Path) -> Iterator[str]:
    """The project's modules that a module imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "tinyts_mlir":
            base = node.module.partition(".")[2]
            for alias in node.names:
                full = f"{base}.{alias.name}" if base else alias.name
                yield full if full in MODULES else base
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "tinyts_mlir":
                    yield alias.name.partition(".")[2]


GRAPH = {name: sorted(set(imports(path)) - {name, ""}) for name, path in MODULES.items()}


def floor(module: str) -> int:
    room = module.split(".")[0]
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_every_module_has_a_floor() -> None:
    rooms = {room for rooms in FLOORS for room in rooms}
    assert {name.split(".")[0] for name in MODULES if name} == rooms


def test_no_import_runs_upward() -> None:
    upward = [
        f"{name} -> {other}" for name, others in GRAPH.items() if name for other in others if floor(other) > floor(name)
    ]
    assert not upward


def test_no_circles() -> None:
    state: dict[str, bool] = {}
    circles: list[str] = []

    def visit(name: str, path: list[str]) -> None:
        state[name] = False
        for other in GRAPH[name]:
            if other not in state:
                visit(other, [*path, other])
            elif not state[other]:
                circles.append(" -> ".join([*path[path.index(other) :], other]))
        state[name] = True

    for name in GRAPH:
        if name not in state:
            visit(name, [name])
    assert not circles
