"""Estimated cycles: what llvm-mca is given, and what comes back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.cycles import (
    BlockEstimate,
    estimate_cycles,
    estimator_version,
    for_mca,
    missing_tools,
    total_cycles,
)
from tinyts_mlir.toolchain.emulator import Emulator
from tinyts_mlir.toolchain.errors import ToolchainError

FUNCTIONS = r"""
#define KEEP __attribute__((naked, used, section(".port.text")))

/* 16 multiplications a round that wait for each other. */
KEEP void dependent(void);
KEEP void dependent(void) {
  __asm__ volatile("1: .rept 16\n mul r1, r1, r1\n .endr\n subs r0, #1\n bne 1b\n bx lr\n");
}

/* 16 moves a round that do not. */
KEEP void independent(void);
KEEP void independent(void) {
  __asm__ volatile("1: .rept 8\n mov r1, r2\n mov r3, r12\n .endr\n subs r0, #1\n bne 1b\n bx lr\n");
}

/* What llvm-mca crashes on, does not know, or takes for 100 cycles, unless it is written otherwise. */
KEEP void awkward(void);
KEEP void awkward(void) {
  __asm__ volatile(
      "push {r4, lr}\n mov r4, sp\n ldr.w r1, [r4], #4\n cmp r1, #0\n itte eq\n"
      "addeq.w r1, r1, #1\n moveq r1, #2\n movne r1, #3\n movs r0, #1\n bl independent\n pop {r4, pc}\n");
}
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["ldr.w r1, [r0], #4", "adds.n r1, #1"], ["ldr r1, [r0], #4", "adds r1, #1"]),
        (["itte gt", "addgt.w r1, r1, #1", "movgt r2, r3", "suble r1, #2", "bgt 0x8000 <f+0x2>"],
         ["nop", "add r1, r1, #1", "mov r2, r3", "sub r1, #2", "bgt target"]),
        (["it hs", "movhs r0, r1"], ["nop", "mov r0, r1"]),
        (["cbz r4, 0x800023e <memset+0x8a>"], ["cbz r4, target"]),
        (["bl 0x80005ac <f>"], ["b target"]),
        (["blx r12"], ["b target"]),
        (["bls 0x80005ac <f>"], ["bls target"]),
        (["vcvt.f64.s32 d0, s0", "bx lr"], ["vcvt.f64.s32 d0, s0", "bx lr"]),
    ],
)  # fmt: skip
def test_text_for_mca(given: list[str], expected: list[str]):
    assert for_mca(given) == expected


def test_what_is_refused_counts_a_cycle_an_instruction():
    estimates = {(0, 8): BlockEstimate(("nop", "nop"), 1.5), (8, 6): BlockEstimate(("nop", "nop", "nop"), None)}
    assert total_cycles({(0, 8): 10, (8, 6): 2}, estimates) == 15 + 6


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_tools() == ["llvm-mca", "llvm-objdump"]
    with pytest.raises(ToolchainError, match="llvm-mca and llvm-objdump not on PATH"):
        estimator_version()
    with pytest.raises(ToolchainError, match="llvm-mca and llvm-objdump not on PATH"):
        estimate_cycles(tmp_path / "none.elf", [])


@pytest.mark.skipif(bool(missing_tools()), reason="LLVM's programs are not installed")
def test_estimates(cross_compiler: str, make_sample: Callable[..., dict[str, str]], tmp_path: Path):
    program = build_cortex_m7(make_sample(definitions=FUNCTIONS), "sample", tmp_path, cross_compiler).executable
    emulator = Emulator(program)

    def hottest(function: str) -> BlockEstimate:
        executions = emulator.measure(function, 100).executions
        estimates = estimate_cycles(program, executions)
        assert all(estimate.cycles is not None for estimate in estimates.values())
        return estimates[max(executions, key=lambda block: executions[block])]

    slow, fast = hottest("dependent"), hottest("independent")
    assert len(slow.instructions) == len(fast.instructions) == 18
    assert slow.cycles is not None and fast.cycles is not None
    assert slow.cycles >= 2 * 16 > 18 >= fast.cycles >= 9
    executions = emulator.measure("awkward").executions
    assert total_cycles(executions, estimate_cycles(program, executions)) > 0
    assert "LLVM" in estimator_version()
