"""The table of code sizes is that of the runtime as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from code_sizes import COMPILER, ROOT, measured

from tinyts_mlir.lowering.code_sizes import CODE_BYTES

WITHIN = 0.1
"""Another version of the compiler makes other code."""


def test_every_file_is_in_the_table() -> None:
    assert set(CODE_BYTES) == {f"src/{path.name}" for path in Path(ROOT / "runtime/src").glob("*.c")}


def test_the_sizes_are_measured() -> None:
    if shutil.which(COMPILER) is None:
        pytest.skip(f"no {COMPILER}")
    sizes = measured(ROOT / "runtime/src", ROOT / "runtime/include")
    far = {
        name: (size, CODE_BYTES[name]) for name, size in sizes.items() if abs(size - CODE_BYTES[name]) > WITHIN * size
    }
    assert not far, "run python tools/code_sizes.py -o tinyts_mlir/lowering/code_sizes.py"
