"""What must be known of RISC-V instructions: where each ends, and what it takes of the stack."""

from __future__ import annotations

from collections.abc import Iterator


def split_instructions(code: bytes) -> Iterator[int]:
    """Yield each instruction, compressed ones as 16 bits."""
    position = 0
    while position < len(code):
        # The two lowest bits of an instruction of 32 bits are set.
        size = 4 if code[position] & 3 == 3 else 2
        yield int.from_bytes(code[position : position + size], "little")
        position += size


def stack_bytes_taken(instruction: int) -> int:
    """By how much an instruction lowers the stack pointer; 0 where it does not."""
    if instruction & 0xFFFFF == 0x10113:  # addi sp, sp, immediate
        return max(-_signed(instruction >> 20, 12), 0)
    if instruction & 0xEF83 == 0x6101:  # c.addi16sp
        bits = instruction >> 2 & 0x1F
        immediate = (instruction >> 12 & 1) << 9 | (bits >> 4) << 4 | (bits & 1) << 5 | (bits >> 1 & 3) << 7
        immediate |= (bits >> 3 & 1) << 6
        return max(-_signed(immediate, 10), 0)
    if instruction & 0xEF83 == 0x0101:  # c.addi sp, immediate
        return max(-_signed((instruction >> 12 & 1) << 5 | instruction >> 2 & 0x1F, 6), 0)
    return 0


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value
