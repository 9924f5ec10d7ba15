"""Cycles of a Cortex-M, *estimated*: llvm-mca's model of the core on the blocks of code that ran.

llvm-mca repeats a block as if it were a loop, with perfect caches and predicted branches, so its figures rank forms of
a hot loop; they are no time. Needs llvm-mca and llvm-objdump on PATH (of the package llvm).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinyts_mlir.cores import DEFAULT_CORE
from tinyts_mlir.toolchain.counting import Block
from tinyts_mlir.toolchain.errors import ToolchainError

ITERATIONS = 100
_TRIPLE = "-mtriple=thumbv7em-none-eabihf"
_TOOLS = ("llvm-mca", "llvm-objdump")
_PAIRS = (
    ("eq", "ne"),
    ("hs", "lo"),
    ("cs", "cc"),
    ("mi", "pl"),
    ("vs", "vc"),
    ("hi", "ls"),
    ("ge", "lt"),
    ("gt", "le"),
)
_OPPOSITE: dict[str, str] = {**dict(_PAIRS), **{other: condition for condition, other in _PAIRS}}


def missing_tools() -> list[str]:
    """Those of LLVM's programs that are needed and not on PATH."""
    return [tool for tool in _TOOLS if shutil.which(tool) is None]


def _require_tools() -> None:
    if missing := missing_tools():
        raise ToolchainError(f"{' and '.join(missing)} not on PATH: estimates need LLVM's programs (package llvm)")


def estimator_version() -> str:
    """What llvm-mca says about itself; raises ToolchainError where it is missing."""
    _require_tools()
    text = _run(["llvm-mca", "--version"])
    match = re.search(r"LLVM version \S+", text)
    return match[0] if match else text.strip().splitlines()[0]


@dataclass(frozen=True)
class BlockEstimate:
    """A block's instructions as text, and the estimated cycles of one execution; None where llvm-mca refuses it."""

    instructions: tuple[str, ...]
    cycles: float | None


def estimate_cycles(program: Path, blocks: Iterable[Block], core: str = DEFAULT_CORE) -> dict[Block, BlockEstimate]:
    """Estimates each block of a program for a Cortex-M7, in a loop of its own.

    ``core`` is one that LLVM has a model of and that runs the same code: cortex-m7, or cortex-m4, which it also takes
    for a Cortex-M33. Raises ToolchainError where LLVM's programs are missing.
    """
    _require_tools()
    code = disassemble(program)
    instructions = {block: _instructions(code, block) for block in blocks}
    sources = [for_mca(lines) for lines in instructions.values()]
    found = _cycles(sources, core)
    if found is None:  # one that it refuses, or crashes on, takes the others with it
        found = [(_cycles([source], core) or [None])[0] for source in sources]
    return {
        block: BlockEstimate(tuple(lines), cycles)
        for (block, lines), cycles in zip(instructions.items(), found, strict=True)
    }


def total_cycles(executions: Mapping[Block, int], estimates: Mapping[Block, BlockEstimate]) -> int:
    """Estimated cycles of blocks that ran so often; one for each instruction of those that llvm-mca refused."""
    total = 0.0
    for block, count in executions.items():
        estimate = estimates[block]
        total += count * (len(estimate.instructions) if estimate.cycles is None else estimate.cycles)
    return round(total)


def disassemble(program: Path) -> dict[int, str]:
    """The instructions of a program by their addresses."""
    listing = _run(
        ["llvm-objdump", "-d", "--triple=thumbv7em-none-eabihf", "--mcpu=cortex-m7", "--no-show-raw-insn", str(program)]
    )
    found = re.finditer(r"^ *([0-9a-f]+): *\t(\S[^@\n]*)", listing, re.MULTILINE)
    return {int(match[1], 16): " ".join(match[2].split()) for match in found}


def _instructions(code: Mapping[int, str], block: Block) -> list[str]:
    address, size = block
    return [code[place] for place in range(address, address + size, 2) if place in code]


def for_mca(instructions: Sequence[str]) -> list[str]:
    """Disassembled instructions as llvm-mca takes them.

    IT, which it does not know, becomes NOP, and what follows runs unconditionally. Width suffixes go: with them it
    crashes on loads and stores that move their base register. Branches get a label for their target, and calls, which
    it takes for 100 cycles, become branches: what is called is in blocks of its own.
    """
    lines: list[str] = []
    conditions: list[str] = []
    for instruction in instructions:
        mnemonic, _, operands = instruction.partition(" ")
        mnemonic = re.sub(r"\.[nw]$", "", mnemonic)
        if re.fullmatch(r"it[te]{0,3}", mnemonic):
            conditions = [operands, *(operands if letter == "t" else _OPPOSITE[operands] for letter in mnemonic[2:])]
            lines.append("nop")
            continue
        if conditions:
            mnemonic = _without_condition(mnemonic, conditions.pop(0))
        operands = re.sub(r"0x[0-9a-f]+ <[^>]*>", "target", operands)
        if mnemonic in ("bl", "blx"):
            mnemonic, operands = "b", "target"
        lines.append(f"{mnemonic} {operands}".strip())
    return lines


def _without_condition(mnemonic: str, condition: str) -> str:
    base, dot, suffix = mnemonic.partition(".")
    return base.removesuffix(condition) + dot + suffix


def _cycles(sources: Sequence[Sequence[str]], core: str) -> list[float | None] | None:
    """Cycles an iteration of each source; None where llvm-mca fails."""
    text = [".syntax unified", ".thumb"]
    for number, lines in enumerate(sources):
        text += [f"@ LLVM-MCA-BEGIN {number}", *lines, "@ LLVM-MCA-END"]
    views = ("-resource-pressure=0", "-instruction-info=0")
    try:
        output = _run(
            ["llvm-mca", _TRIPLE, f"-mcpu={core}", f"-iterations={ITERATIONS}", *views, "-"], "\n".join(text) + "\n"
        )
    except ToolchainError:
        return None
    totals = re.findall(r"^Total Cycles: +(\d+)", output, re.MULTILINE)
    return [int(total) / ITERATIONS for total in totals] if len(totals) == len(sources) else None


def _run(command: Sequence[str], text: str | None = None) -> str:
    try:
        result = subprocess.run(command, input=text, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise ToolchainError(f"cannot start {command[0]}: {error.strerror}") from None
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no message"])[0]
        raise ToolchainError(f"{command[0]} failed with exit status {result.returncode}: {reason}")
    return result.stdout
