"""Two models in one firmware image: they share the runtime, may share an arena, and run in turns with one each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from firmware import build, need, need_firmware_tools
from network_builder import NetworkBuilder, Quantization
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.lowering.runtime_files import runtime_directory
from tinyts_mlir.output import write_project
from tinyts_mlir.toolchain.serial_line import ProcessLine, qemu_command

SHAPE = (1, 8, 6, 3)

MAIN = """
#include <string.h>
#include "tinyts_console.h"
#include "one.h"
#include "two.h"

#define LARGER(a, b) ((a) > (b) ? (a) : (b))

static _Alignas(16) int8_t shared[LARGER(ONE_ARENA_BYTES, TWO_ARENA_BYTES)];
static _Alignas(16) int8_t other[LARGER(ONE_ARENA_BYTES, TWO_ARENA_BYTES)];
static one_context first;
static two_context second;

%(arrays)s

static void check(const char *what, int right) {
  tinyts_put_text(what);
  tinyts_put_line(right ? " right" : " WRONG");
}

int main(void) {
  static int8_t got_one[ONE_OUTPUT_BYTES], got_two[TWO_OUTPUT_BYTES];
  /* One after the other, in the same arena. */
  int ok = one_init(&first, shared, sizeof shared) == TINYTS_OK;
  ok = ok && two_init(&second, shared, sizeof shared) == TINYTS_OK;
  for (int i = 0; i < 2; ++i) {
    ok = ok && one_invoke(&first, image, got_one) == TINYTS_OK && memcmp(got_one, expected_one, sizeof got_one) == 0;
    ok = ok && two_invoke(&second, image, got_two) == TINYTS_OK && memcmp(got_two, expected_two, sizeof got_two) == 0;
  }
  check("shared", ok);
  /* In turns, row by row, with an arena each. */
  ok = two_init(&second, other, sizeof other) == TINYTS_OK;
  for (size_t row = 0; row < ONE_INPUT_ROWS; ++row) {
    ok = ok && one_feed(&first, image + row * ONE_INPUT_ROW_BYTES, 1) == TINYTS_OK;
    ok = ok && two_feed(&second, image + row * TWO_INPUT_ROW_BYTES, 1) == TINYTS_OK;
  }
  ok = ok && memcmp(one_output(&first), expected_one, sizeof expected_one) == 0;
  ok = ok && memcmp(two_output(&second), expected_two, sizeof expected_two) == 0;
  check("turns", ok);
  tinyts_put_line("end");
  return 0;
}
"""

CMAKE = """cmake_minimum_required(VERSION 3.13)
set(CMAKE_TOOLCHAIN_FILE %(runtime)s/ports/cortex-m7/toolchain.cmake)
project(both C)
add_subdirectory(one)
add_subdirectory(two)
set(PORTS %(runtime)s/ports)
add_executable(both main.c %(runtime)s/applications/tinyts_console.c ${PORTS}/cortex-m7/tinyts_startup.c
  ${PORTS}/cortex-m7/tinyts_cortex_m7.c ${PORTS}/mps2-an500/tinyts_board.c)
target_include_directories(both PRIVATE %(runtime)s/applications ${PORTS}/cortex-m7)
target_link_libraries(both PRIVATE one two)
target_link_options(both PRIVATE -nostartfiles -L${PORTS}/cortex-m7 -L${CMAKE_CURRENT_SOURCE_DIR}
  -T${PORTS}/mps2-an500/board.ld)
set_target_properties(both PROPERTIES SUFFIX .elf)
"""


def network(seed: int, channels: int) -> ModuleOp:
    """A small network; the seed gives its weights."""
    builder = NetworkBuilder(seed)
    value = builder.conv_2d(builder.input(SHAPE, Quantization(0.03, -5)), channels, (3, 3), padding="same")
    if seed:
        value = builder.depthwise_conv_2d(value, (3, 3))
    return builder.module([value], ["output"])


def c_array(name: str, values: np.ndarray) -> str:
    return f"static const int8_t {name}[] = {{{', '.join(map(str, values.reshape(-1)))}}};\n"


def test_two_models_in_one_image(tmp_path: Path) -> None:
    need_firmware_tools()
    need("qemu-system-arm")
    image = np.random.default_rng(0).integers(-128, 128, SHAPE, np.int8)
    arrays = c_array("image", image)
    for name, seed, channels in (("one", 0, 4), ("two", 1, 7)):
        arrays += c_array(f"expected_{name}", run_function(network(seed, channels), [image])[0])
        compiled = compile_module(network(seed, channels), ["--split-tensors"], name)
        write_project(tmp_path / name, compiled.files)
    (tmp_path / "main.c").write_text(MAIN % {"arrays": arrays})
    (tmp_path / "CMakeLists.txt").write_text(CMAKE % {"runtime": runtime_directory()})
    (tmp_path / "model_memory.ld").write_text("")
    build(tmp_path, CMAKE_BUILD_TYPE="Release")
    said: list[str] = []
    with ProcessLine(qemu_command(str(tmp_path / "build" / "both.elf"))) as line:
        while (text := line.read_line(60)) != "end":
            assert text is not None, said
            said.append(text)
    assert said == ["shared right", "turns right"]
