"""Damage to IR text, the same for the same random numbers."""

from __future__ import annotations

import numpy as np

NUMBERS = ("0", "-1", "65535", "65536", "70000", "2147483648", "9223372036854775808", "1e400", "0x", "1" * 5000)
PIECES = (
    '"',
    "\\",
    "//",
    "<",
    ">",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "dense<1>",
    "tensor<",
    "%x0",
    "!",
    "#",
    "@",
    "\0",
    "x",
)


def mutated(text: str, random: np.random.Generator) -> str:
    """The text, damaged in one to three ways."""
    for _ in range(int(random.integers(1, 4))):
        position, end = sorted(int(place) for place in random.integers(0, len(text) + 1, 2))
        piece = PIECES[int(random.integers(len(PIECES)))]
        match int(random.integers(6)):
            case 0:
                text = text[:position]
            case 1:
                text = text[:position] + piece + text[position:]
            case 2:
                text = text[:position] + text[min(end, position + 20) :]
            case 3:
                text = text[:position] + text[position : min(end, position + 80)] + text[position:]
            case 4:
                digits = [i for i, character in enumerate(text) if character.isdigit()]
                if digits:
                    place = digits[int(random.integers(len(digits)))]
                    text = text[:place] + NUMBERS[int(random.integers(len(NUMBERS)))] + text[place + 1 :]
            case _:
                text = text[:position] + piece + text[position + 1 :]
        if not text:
            return text
    return text
