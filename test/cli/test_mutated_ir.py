"""Damaged IR text is refused or compiled, each text within a time limit, and never an internal error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks import random_network
from text_mutations import mutated
from time_limit import time_limit

from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.opt import PROGRAM, opt

SECONDS = 10.0
TEXTS = 60
"""Of one test."""


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
