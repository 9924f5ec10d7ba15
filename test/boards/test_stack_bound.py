"""The bound of the stack against the emulator's measurement, and on call graphs written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from firmware import demo, need

from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.stack_bound import LIBRARY_BYTES, CallGraph

np = pytest.importorskip("numpy")


class _Image:
    shape, zero_point = (1, 48, 48, 3), -128


def test_measured_stack_is_within_the_bound(tmp_path: Path) -> None:
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    need("arm-none-eabi-gcc")
    program = build_cortex_m7(demo().files, "demo", tmp_path, "gcc", ["-fcallgraph-info=su"])
    graph = CallGraph.read(tmp_path.rglob("*.ci"))
    measured = program.measure(random_inputs([_Image], 1)[0].arrays).stack_bytes
    bound = graph.bound("demo_invoke")
    # Not much more either, or the bound would say nothing.
    assert measured <= bound <= measured + 2 * LIBRARY_BYTES


def node(name: str, frame: str | None = None) -> str:
    label = name if frame is None else f"{name}\\nfile.c:1:1\\n{frame}"
    return f'node: {{ title: "{name}" label: "{label}" }}\n'


def edge(caller: str, callee: str) -> str:
    return f'edge: {{ sourcename: "{caller}" targetname: "{callee}" label: "file.c:2:2" }}\n'


def graph_of(tmp_path: Path, *lines: str) -> CallGraph:
    path = tmp_path / "file.ci"
    path.write_text('graph: { title: "file.c"\n' + "".join(lines) + "}\n")
    return CallGraph.read([path])


def test_deepest_path_and_kernels(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path,
        node("main", "8 bytes (static)"),
        node("tinyts_invoke", "16 bytes (static)"),
        node("tinyts_small", "100 bytes (static)"),
        node("tinyts_large", "200 bytes (dynamic,bounded)"),
        node("not_a_kernel", "4000 bytes (static)"),
        node("memcpy"),
        edge("main", "tinyts_invoke"),
        edge("tinyts_invoke", "__indirect_call"),
        edge("tinyts_small", "memcpy"),
    )
    assert graph.bound("main") == 8 + 16 + 200
    assert graph.bound("tinyts_small") == 100 + LIBRARY_BYTES


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([node("main", "8 bytes (dynamic)")], "the stack of main has no bound"),
        (
            [node("main", "8 bytes (static)"), node("f", "8 bytes (static)"), edge("main", "f"), edge("f", "main")],
            "main is called while it runs",
        ),
        ([node("other", "8 bytes (static)")], "the call graph has no function main"),
    ],
)
def test_no_bound(lines: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match=message):
        graph_of(tmp_path, *lines).bound("main")
