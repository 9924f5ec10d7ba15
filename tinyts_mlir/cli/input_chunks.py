"""What `tinyts-opt` reads: a file or standard input, in pieces where the command line asks for them."""

from __future__ import annotations

import sys
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from tinyts_mlir.errors import CompileError

STANDARD_INPUT = "-"
"""What stands for standard input where a file is expected."""

_TFLITE_IDENTIFIER = slice(4, 8)
_SEPARATOR = b"// -----"


@dataclass(frozen=True)
class Chunk:
    """A piece of the input: its bytes, its format, and the lines of the file in front of it."""

    data: bytes
    kind: str
    first_line: int


def read_chunks(file: str | None, frontend: str | None, known: Container[str], split: bool) -> list[Chunk]:
    """The input; raises CompileError where it cannot be read.

    Args:
        file: its name; None: standard input, where a `.tflite` file is known by its identifier, TFL3.
        frontend: its format; None: what its name ends in.
        known: the formats that there are.
        split: whether it is to be cut at lines of `// -----`.
    """
    try:
        data = _standard_input() if file is None else Path(file).read_bytes()
    except OSError as error:
        raise CompileError(f"{file or 'standard input'}: {error.strerror}") from error
    except ValueError as error:  # a name with a zero byte
        raise CompileError(f"{file}: {error}") from error
    if frontend is not None:
        kind = frontend
    elif file is None:
        kind = "tflite" if data[_TFLITE_IDENTIFIER] == b"TFL3" else "mlir"
    else:
        kind = Path(file).suffix.removeprefix(".")
    if kind not in known:
        raise CompileError(f"{file}: expected a .tflite or .mlir file")
    if not split:
        return [Chunk(data, kind, 0)]
    chunks: list[Chunk] = []
    line = 0
    for part in data.split(_SEPARATOR):
        chunks.append(Chunk(part, kind, line))
        line += part.count(b"\n")
    return chunks


def _standard_input() -> bytes:
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # it was closed when Python started
        raise CompileError("standard input: it is closed")
    return sys.stdin.buffer.read()
