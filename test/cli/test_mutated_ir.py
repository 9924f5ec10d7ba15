"""Damaged IR text is refused or compiled, each text within a time limit, and never an internal error."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from networks import random_network

from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.opt import PROGRAM, opt

SECONDS = 10.0
TEXTS = 60
"""Of one test."""
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


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def stop(signal_number: int, frame: FrameType | None) -> None:
        pytest.fail(f"not done in {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def mutated(text: str, random: np.random.Generator) -> str:
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


@pytest.mark.parametrize("part", range(6))
def test_mutated_texts(part: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(part)
    model, output = tmp_path / "model.mlir", tmp_path / "model.c"
    for number in range(TEXTS):
        text = mutated(random_network(int(random.integers(1000))), random)
        model.write_text(text, encoding="utf-8")
        with time_limit(SECONDS):
            status = status_of(PROGRAM, opt, [str(model), "--split-tensors", "--emit-c", "-o", str(output)])
        error = capsys.readouterr().err
        assert status in (0, 1), f"text {number}: {error}\n{text}"
