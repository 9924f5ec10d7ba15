"""The emulator's measurements, on functions whose instructions and frames are known."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.emulator import Emulator
from tinyts_mlir.toolchain.errors import EmulatorError

FUNCTIONS = r"""
#define KEEP __attribute__((naked, used, section(".port.text")))

/* r0 rounds of 4 instructions, of which the last round executes all and the others skip the addeq. */
KEEP void loop(void);
KEEP void loop(void) {
  __asm__ volatile(
      "1: subs r0, r0, #1\n"
      "it eq\n"
      "addeq.w r1, r1, #1\n"
      "bne 1b\n"
      "bx lr\n");
}

/* One straight block, longer than the emulator translates at once: 2000 narrow and 1000 wide instructions, and bx. */
KEEP void straight(void);
KEEP void straight(void) {
  __asm__ volatile(
      ".rept 1000\n"
      "adds r0, r0, #1\n"
      "add.w r1, r1, #1\n"
      "adds r0, r0, #1\n"
      ".endr\n"
      "bx lr\n");
}

/* 4 registers, and a frame of which only the highest word is written. */
KEEP void frame(void);
KEEP void frame(void) {
  __asm__ volatile(
      "push {r4, r5, r6, lr}\n"
      "sub.w sp, sp, #1024\n"
      "str r0, [sp, #1020]\n"
      "b 1f\n"
      "1: add.w sp, sp, #1024\n"
      "pop {r4, r5, r6, pc}\n");
}

/* The same in one block: only what is written shows. */
KEEP void pushes(void);
KEEP void pushes(void) {
  __asm__ volatile("push {r0-r7}\n vpush {d0-d3}\n vpop {d0-d3}\n pop {r0-r7}\n bx lr\n");
}

KEEP void add_doubles(void);
KEEP void add_doubles(void) {
  __asm__ volatile("vmov.f64 d0, #1.5\n vadd.f64 d0, d0, d0\n vcvt.s32.f64 s0, d0\n vmov r0, s0\n bx lr\n");
}

/* The sum of 6 arguments, of which 2 lie on the stack. */
KEEP void sum6(void);
KEEP void sum6(void) {
  __asm__ volatile(
      "add r0, r1\n add r0, r2\n add r0, r3\n"
      "ldr r1, [sp]\n add r0, r1\n ldr r1, [sp, #4]\n add r0, r1\n bx lr\n");
}

KEEP void hang(void);
KEEP void hang(void) { __asm__ volatile("b .\n"); }
KEEP void overflow(void);
KEEP void overflow(void) { __asm__ volatile("1: push {r0}\n b 1b\n"); }
KEEP void load(void);
KEEP void load(void) { __asm__ volatile("nop\n ldr r0, [r0]\n bx lr\n"); }
KEEP void store(void);
KEEP void store(void) { __asm__ volatile("str r0, [r0]\n bx lr\n"); }
KEEP void undefined(void);
KEEP void undefined(void) { __asm__ volatile("nop\n udf #0\n"); }
"""


@pytest.fixture(scope="module")
def emulators() -> dict[str, Emulator]:
    return {}


@pytest.fixture
def emulator(
    cross_compiler: str, emulators: dict[str, Emulator], make_sample: Callable[..., dict[str, str]], tmp_path: Path
) -> Emulator:
    if cross_compiler not in emulators:
        program = build_cortex_m7(make_sample(definitions=FUNCTIONS), "sample", tmp_path, cross_compiler)
        emulators[cross_compiler] = Emulator(program.executable)
    return emulators[cross_compiler]


@pytest.mark.parametrize("rounds", [1, 2, 1000])
def test_counts_a_loop_exactly_also_what_an_it_block_skips(emulator: Emulator, rounds: int):
    assert emulator.measure("loop", rounds).instructions == 4 * rounds + 1


def test_counts_narrow_and_wide_instructions_of_a_long_block(emulator: Emulator):
    assert emulator.measure("straight").instructions == 3001


def test_counts_the_same_before_and_after_an_uncounted_call(emulator: Emulator):
    first = emulator.measure("loop", 100)
    emulator.call("loop", 100)
    assert emulator.measure("loop", 100) == first


def test_stack_of_a_frame_that_is_not_written(emulator: Emulator):
    assert emulator.measure("frame").stack_bytes == 16 + 1024


def test_stack_of_pushes_in_one_block(emulator: Emulator):
    assert emulator.measure("pushes").stack_bytes == 32 + 32


def test_a_function_without_a_frame_has_no_stack(emulator: Emulator):
    assert emulator.measure("loop", 1).stack_bytes == 0


def test_stack_does_not_remember_a_deeper_call(emulator: Emulator):
    emulator.measure("frame")
    assert emulator.measure("loop", 1).stack_bytes == 0


def test_arguments_beyond_the_registers_lie_on_the_stack(emulator: Emulator):
    assert emulator.call("sum6", 1, 20, 300, 4000, 50000, 600000) == 654321


def test_double_precision_works(emulator: Emulator):
    assert emulator.call("add_doubles") == 3


def test_a_call_that_does_not_end(emulator: Emulator):
    with pytest.raises(EmulatorError, match=r"failed in hang at .*\(hang\+0x0\): not finished after 0.05 seconds"):
        emulator.call("hang", timeout_seconds=0.05)


def test_a_stack_overflow(emulator: Emulator):
    with pytest.raises(EmulatorError, match=r"\(overflow\+0x0\).*the stack has overflowed"):
        emulator.call("overflow")


def test_an_unmapped_access_names_place_and_address(emulator: Emulator):
    with pytest.raises(EmulatorError, match=r"failed in load at .*\(load\+0x2\): .*access of 4 bytes at 0x70000000"):
        emulator.call("load", 0x70000000)


def test_flash_is_read_only(emulator: Emulator):
    with pytest.raises(EmulatorError, match=r"failed in store at .*access of 4 bytes at 0x08000000"):
        emulator.call("store", 0x08000000)


def test_an_undefined_instruction(emulator: Emulator):
    with pytest.raises(EmulatorError, match=r"failed in undefined at .*\(undefined\+0x2\)"):
        emulator.call("undefined")


def test_a_failed_call_does_not_disturb_the_next(emulator: Emulator):
    with pytest.raises(EmulatorError):
        emulator.measure("load", 0x70000000)
    assert emulator.measure("loop", 10).instructions == 41
