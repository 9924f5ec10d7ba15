"""What must be known of Thumb instructions: where each ends, and what it takes of the stack."""

from __future__ import annotations

import math
from collections.abc import Iterator


def split_instructions(code: bytes) -> Iterator[tuple[int, int]]:
    """Yield the first and the second halfword (0 if there is none) of each instruction."""
    position = 0
    while position < len(code):
        first = int.from_bytes(code[position : position + 2], "little")
        wide = first >> 11 in (0b11101, 0b11110, 0b11111)
        yield first, int.from_bytes(code[position + 2 : position + 4], "little") if wide else 0
        position += 4 if wide else 2


def stack_bytes_taken(first: int, second: int) -> float:
    """By how much an instruction lowers the stack pointer, of those with which compilers make a frame.

    0 where it does not, infinity where a register says how much.
    """
    immediate = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
    if first & 0xFE00 == 0xB400:  # push
        return 4 * (first & 0x1FF).bit_count()
    if first & 0xFF80 == 0xB080:  # sub sp, #immediate
        return 4 * (first & 0x7F)
    if first == 0xE92D:  # push.w, stmdb sp!
        return 4 * second.bit_count()
    if first & 0xFFBF == 0xED2D:  # vpush
        return 4 * (second & 0xFF)
    if first == 0xF84D and second & 0x0F00 == 0x0D00:  # str rX, [sp, #-immediate]!
        return second & 0xFF
    if first == 0xE96D:  # strd rX, rY, [sp, #-immediate]!
        return 4 * (second & 0xFF)
    if first & 0xFBFF == 0xF1AD and second & 0x0F00 == 0x0D00:  # sub.w sp, sp, #modified immediate
        return _expanded(immediate)
    if first & 0xFBFF == 0xF2AD and second & 0x0F00 == 0x0D00:  # subw sp, sp, #immediate
        return immediate
    if first == 0xEBAD and second & 0x0F00 == 0x0D00:  # sub.w sp, sp, rX
        return math.inf
    return 0


def _expanded(immediate: int) -> int:
    """A modified immediate: 8 bits repeated, or 8 bits of which the first is set, rotated."""
    byte = immediate & 0xFF
    match immediate >> 8:
        case 0:
            return byte
        case 1:
            return byte * 0x00010001
        case 2:
            return byte * 0x01000100
        case 3:
            return byte * 0x01010101
        case _:
            rotation = immediate >> 7
            value = 0x80 | byte & 0x7F
            return (value >> rotation | value << (32 - rotation)) & 0xFFFFFFFF
