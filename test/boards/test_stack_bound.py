"""The bound of the stack against the emulator's measurement, and on call graphs written by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from firmware import demo, need

from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.compilers import cortex_m7_compiler
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.stack_bound import LIBRARY_BYTES, CallGraph, ObjectFacts

np = pytest.importorskip("numpy")


class _Image:
    shape, zero_point, dtype = (1, 48, 48, 3), -128, np.int8


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


def test_deepest_path(tmp_path: Path) -> None:
    graph = graph_of(
        tmp_path,
        node("main", "8 bytes (static)"),
        node("small", "100 bytes (static)"),
        node("large", "200 bytes (dynamic,bounded)"),
        node("memcpy"),
        edge("main", "small"),
        edge("main", "large"),
        edge("small", "memcpy"),
    )
    assert graph.bound("main") == 8 + 200
    assert graph.bound("small") == 100 + LIBRARY_BYTES


POINTERS = """
typedef struct { int a, b, c, d; } four;
typedef void (*function)(volatile int *);
extern const function table[2];
void nothing_takes_its_address(volatile int *x);
int root(const function *chosen, four by_value, volatile int *x);
__attribute__((naked, noipa)) static void in_assembly(volatile int *x) {
  __asm__("push {r4-r7, lr}\\n sub sp, #100\\n add sp, #100\\n pop {r4-r7, pc}");
}
static void in_c(volatile int *x) { volatile int room[10]; room[9] = *x; *x = room[9]; }
void nothing_takes_its_address(volatile int *x) { volatile int room[1000]; room[9] = *x; *x = room[9]; }
const function table[2] = {in_assembly, in_c};
__attribute__((noinline)) int root(const function *chosen, four by_value, volatile int *x) {
  (*chosen)(x);
  return by_value.d + *x;
}
"""


def test_instructions_that_take_of_the_stack(tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    ways = {
        "push {r4, lr}": 8,
        "push.w {r4-r11}": 32,
        "vpush {d8-d9}": 16,
        "str r4, [sp, #-8]!": 8,
        "strd r4, r5, [sp, #-16]!": 16,
        "sub sp, #12": 12,
        "sub.w sp, sp, #1024": 1024,
        "sub.w sp, sp, #0x00ff00ff": 0x00FF00FF,
        "subw sp, sp, #1023": 1023,
        "sub sp, sp, r4": math.inf,
        "add sp, #8": 0,
        "str r4, [sp, #8]": 0,
        "sub r4, #8": 0,
    }
    functions = "".join(
        f'__attribute__((naked)) void f{number}(void) {{ __asm__("{text}"); }}\n' for number, text in enumerate(ways)
    )
    (tmp_path / "ways.c").write_text(functions)
    cortex_m7_compiler("gcc").compile({tmp_path / "ways.c": tmp_path / "ways.o"}, [], [])
    takes = ObjectFacts.read(tmp_path / "ways.o").instructions_take
    assert {text: takes[f"f{number}"] for number, text in enumerate(ways)} == ways


def test_calls_through_pointers_and_assembly(tmp_path: Path) -> None:
    """Functions whose address is taken; a frame that GCC does not know; room for a struct that came in registers."""
    need("arm-none-eabi-gcc")
    (tmp_path / "file.c").write_text(POINTERS)
    compiler = cortex_m7_compiler("gcc")
    compiler.compile({tmp_path / "file.c": tmp_path / "file.o"}, [], ["-fcallgraph-info=su"])
    frames = ObjectFacts.read(tmp_path / "file.o").instructions_take
    assert frames["in_assembly"] == 5 * 4 + 100
    assert frames["nothing_takes_its_address"] >= 4000
    bound = CallGraph.read([tmp_path / "file.ci"]).bound("root")
    assert bound == frames["root"] + frames["in_assembly"]
    assert frames["root"] > 3 * 4


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
