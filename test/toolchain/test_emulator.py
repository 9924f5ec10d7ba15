"""The emulator's measurements, on functions whose instructions and frames are known."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.elf import Image, Symbol
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

/* r0 calls of counted_loop(3), with 4 instructions a round and 3 around them. */
KEEP void calls(void);
KEEP void calls(void) {
  __asm__ volatile(
      "push {r4, lr}\n"
      "mov r4, r0\n"
      "1: movs r0, #3\n"
      "bl counted_loop\n"
      "subs r4, r4, #1\n"
      "bne 1b\n"
      "pop {r4, pc}\n");
}

/* r0 rounds of 2 instructions that start where the function does, then a call of loop(2), 9 instructions: 13 more. */
KEEP void counted_loop(void);
KEEP void counted_loop(void) {
  __asm__ volatile(
      "subs r0, r0, #1\n"
      "bne counted_loop\n"
      "push {r4, lr}\n"
      "movs r0, #2\n"
      "bl loop\n"
      "pop {r4, pc}\n");
}

/* Bytes from r0 on: 1 + 2 + 4 + 8 + 12, and 8 at an odd address. */
KEEP void loads(void);
KEEP void loads(void) {
  __asm__ volatile(
      "push {r4, r5, lr}\n"
      "ldrb r1, [r0]\n ldrsh r1, [r0, #2]\n ldr r1, [r0, #4]\n ldrd r1, r2, [r0, #8]\n"
      "add r3, r0, #16\n ldm r3, {r1, r2, r4}\n"
      "ldr r1, [r0, #29]\n ldr r1, [r0, #33]\n"
      "pop {r4, r5, pc}\n");
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


def test_counts_calls_of_watched_functions_one_by_one(emulator: Emulator):
    watched = emulator.address("counted_loop")
    measured = emulator.measure("calls", 5, watched=[watched])
    assert [(call.function, call.instructions) for call in measured.watched] == [(watched, 2 * 3 + 13)] * 5
    assert measured.instructions == 5 * (2 * 3 + 13) + 3 + 4 * 5


def test_what_a_watched_function_calls_belongs_to_it_though_it_is_watched_too(emulator: Emulator):
    watched = [emulator.address("counted_loop"), emulator.address("loop")]
    measured = emulator.measure("calls", 2, watched=watched)
    assert [call.function for call in measured.watched] == [watched[0]] * 2


def test_watching_changes_no_count(emulator: Emulator):
    first = emulator.measure("calls", 7)
    watched = emulator.measure(
        "calls", 7, watched=[emulator.address("counted_loop")], read_ranges=[(0x08000000, 0x08001000)]
    )
    assert (watched.instructions, watched.stack_bytes, watched.executions) == (
        first.instructions,
        first.stack_bytes,
        first.executions,
    )


def test_counts_the_bytes_that_loads_take_from_a_range(emulator: Emulator):
    data = emulator.address("port_arena")
    loads = [emulator.address("loads")]

    def count(*ranges: tuple[int, int]) -> int:
        [call] = emulator.measure("loads", data, watched=loads, read_ranges=ranges).watched
        return call.bytes_read

    assert count((data, data + 64)) == 1 + 2 + 4 + 8 + 12 + 8
    assert count((data, data + 8), (data + 16, data + 28)) == 1 + 2 + 4 + 12
    assert count((data + 64, data + 80)) == 0


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


def test_static_functions_of_one_name_are_told_apart(emulator: Emulator):
    image = emulator.image
    first = image.symbol("loop")
    second = Symbol("loop", first.address + 0x100000, 8, True)
    both = Image((), {"loop": second}, (*image.functions, second), {})
    assert both.describe(first.address + 2).endswith("(loop+0x2)")
    assert both.describe(second.address + 4).endswith("(loop+0x4)")
    assert both.describe(second.address + 8) == f"0x{second.address + 8:08x}"


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
