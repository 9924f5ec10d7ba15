"""The files of `tinyts-run`: what can be said of them before a model is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyts_mlir.cli.checks import require_readable_file, require_writable_file
from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.toolchain.errors import ToolchainError


def check_files(model: Path, inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Raises UserError where a file is missing, cannot be read or written, or there are too many or too few."""
    require_readable_file(model, "")
    for file in inputs:
        load_array(file)
    for file in outputs:
        require_writable_file(file)
    if not inputs and not outputs:
        return
    try:
        read = read_tflite(model.read_bytes(), model.name)
    except CompileError:
        return  # the compiler says more
    if inputs:
        require_count("--input-file", "model input", inputs, len(read.inputs))
    if outputs:
        require_count("--output", "output", outputs, len(read.outputs))


def require_count(option: str, what: str, files: Sequence[Path], count: int) -> None:
    """Raises ToolchainError unless there are so many files."""
    if len(files) != count:
        raise ToolchainError(f"{option}: expected {count} files, one per {what}, got {len(files)}")


def load_array(file: Path) -> npt.NDArray[Any]:
    """The array in a `.npy` file; raises ToolchainError where there is none."""
    try:
        array = np.load(file, allow_pickle=False)
    except OSError as error:
        raise ToolchainError(f"cannot read {file}: {error.strerror or error}") from None
    except (ValueError, EOFError):
        raise ToolchainError(f"{file} is not a .npy file with numbers") from None
    if not isinstance(array, np.ndarray):
        raise ToolchainError(f"{file}: expected one array (.npy), got several (.npz)")
    return array
