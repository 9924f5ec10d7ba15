"""The two roundings of the reference in Helium's instructions, on the emulated Cortex-M55, against the plain C of them.

The second rounding is tried on every value of 17 bits with every shift, ties and negative ones among them, and both on
some hundred thousand random sums and multipliers.
"""

from __future__ import annotations

import shutil

import pytest
from kernel_machine import RUNTIME, WARNINGS

from tinyts_mlir.cores import find_core
from tinyts_mlir.toolchain.build import linker_script
from tinyts_mlir.toolchain.compilers import compiler_for
from tinyts_mlir.toolchain.qemu import QemuEmulator

SOURCE = """
#include "tinyts_arithmetic.h"
#include "tinyts_mve.h"

typedef struct {
  int32_t of_sums, of_doubled_sums, from_minimum, without_sign;
} differences;

static void compare(int32x4_t sums, int32x4_t multipliers, int32_t shift, differences *found) {
  const int32x4_t minus = vdupq_n_s32(-shift), products = vqrdmulhq_s32(sums, multipliers);
  int32_t sum[4], multiplier[4], first[4], doubled[4], plain[4];
  vst1q_s32(sum, sums);
  vst1q_s32(multiplier, multipliers);
  vst1q_s32(first, tinyts_mve_divide(products, minus));
  vst1q_s32(doubled, tinyts_mve_divide(vrmulhq_s32(vshlq_n_s32(sums, 1), multipliers), minus));
  vst1q_s32(plain, vrshlq_s32(products, minus));
  for (int i = 0; i < 4; ++i) {
    const int32_t expected = tinyts_requantize(sum[i], multiplier[i], -shift);
    found->of_sums += first[i] != expected;
    found->of_doubled_sums += doubled[i] != expected;
    found->from_minimum += tinyts_clamp(plain[i] - 128, -128, 127) != tinyts_clamp(expected - 128, -128, 127);
    found->without_sign += plain[i] != expected;
  }
}

void every_value(differences *found);
void random_values(differences *found, uint32_t seed, int32_t count);

/* With a multiplier of a half, twice a value is that value again after the first rounding. */
void every_value(differences *found) {
  const int32x4_t half = vdupq_n_s32(1 << 30);
  for (int32_t shift = 1; shift <= 22; ++shift) {
    for (int32_t value = -(1 << 16); value < 1 << 16; value += 4) {
      compare(vreinterpretq_s32_u32(vshlq_n_u32(vidupq_n_u32((uint32_t)value, 1), 1)), half, shift, found);
    }
    /* All ties and what is beside them, wherever they lie. */
    for (int32_t value = -(1 << 28); value <= 1 << 28; value += 1 << 20) {
      const int32_t tie = value + (1 << (shift - 1)) - 1;
      compare(vreinterpretq_s32_u32(vshlq_n_u32(vidupq_n_u32((uint32_t)tie, 1), 1)), half, shift, found);
    }
  }
}

void random_values(differences *found, uint32_t seed, int32_t count) {
  for (int32_t i = 0; i < count; ++i) {
    int32_t sums[4], multipliers[4];
    for (int k = 0; k < 4; ++k) {
      seed = seed * 1664525u + 1013904223u;
      const uint32_t high = seed >> 16;
      seed = seed * 1664525u + 1013904223u;
      const int32_t bits = (int32_t)(high << 16 | seed >> 16);
      seed = seed * 1664525u + 1013904223u;
      sums[k] = bits >> (2 + seed % 24); /* below 2^30, of all magnitudes */
      multipliers[k] = (int32_t)(0x40000000u | seed >> 2);
    }
    compare(vld1q_s32(sums), vld1q_s32(multipliers), 1 + i % 22, found);
  }
}
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> QemuEmulator:
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder, core = tmp_path_factory.mktemp("rounding"), find_core("cortex-m55")
    (folder / "rounding.c").write_text(SOURCE)
    (folder / "port.ld").write_text(linker_script(core))
    sources = [folder / "rounding.c", RUNTIME / "ports" / "cortex-m7-emulator" / "startup.c"]
    objects = {source: folder / f"{source.stem}.o" for source in sources}
    compiler = compiler_for(core, "gcc")
    compiler.compile(objects, [RUNTIME / "src", RUNTIME / "include"], WARNINGS)
    flags = [f"-Wl,-T,{folder / 'port.ld'}", "-Wl,-u,every_value", "-Wl,-u,random_values"]
    compiler.link(list(objects.values()), folder / "rounding.elf", flags)
    return QemuEmulator(folder / "rounding.elf", core)


ROOM = 0x60400000
"""Where there is nothing of the program's."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [("every_value", ()), ("random_values", (1, 200_000)), ("random_values", (2, 200_000))]
)
def test_helium_rounds_as_the_reference(arguments: tuple[str, tuple[int, ...]], emulator: QemuEmulator) -> None:
    emulator.write(ROOM, bytes(16))
    emulator.call(arguments[0], ROOM, *arguments[1])
    content = emulator.read(ROOM, 16)
    of_sums, of_doubled_sums, from_minimum, without_sign = (
        int.from_bytes(content[i : i + 4], "little") for i in range(0, 16, 4)
    )
    assert (of_sums, of_doubled_sums, from_minimum) == (0, 0, 0)
    assert without_sign > 100, "these values would not tell the roundings apart"
