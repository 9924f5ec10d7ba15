"""What a `.tflite` file says, as plain data; `tflite/reader.py` reads it and `tflite/writer.py` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

OptionValue = int | float | bool | str


@dataclass(frozen=True)
class FileQuantization:
    """A tensor's scales and zero points, and the dimension along which there is more than one."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    dimension: int
    is_custom: bool


@dataclass(frozen=True)
class FileTensor:
    """A tensor. `signature` has -1 for each dimension that the file leaves open (it is empty where it says nothing)."""

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    buffer: int
    quantization: FileQuantization | None
    is_variable: bool
    is_sparse: bool

    @property
    def label(self) -> str:
        """The name as messages show it: in quotes, on one line."""
        return quoted(self.name)


@dataclass(frozen=True)
class FileLayer:
    """An op; `options_type` is the schema's name for the type of its options.

    `options` are read for ops that have a rule (`tflite/registry.py`), under the schema's names in camel case. A custom
    op is called `CUSTOM 'code'`, and has its options as bytes.
    """

    index: int
    op: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: str
    options: Mapping[str, OptionValue]
    custom_options: bytes = b""
    intermediates: tuple[int, ...] = ()
    """Tensors that only say how what is between the layer's parts is quantized."""


@dataclass(frozen=True)
class TfliteFile:
    """A model with its first subgraph. Buffers are arrays of bytes; an absent one is empty.

    `subgraphs` are the others, with the same buffers: they have layers where the first calls them once.
    """

    tensors: tuple[FileTensor, ...]
    layers: tuple[FileLayer, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    buffers: tuple[npt.NDArray[np.uint8], ...]
    subgraphs: tuple[TfliteFile, ...] = ()


def custom_op(code: str) -> str:
    """What a layer's op is called that has this custom code."""
    return f"CUSTOM {quoted(code)}"


def custom_code(op: str) -> str | None:
    """The inverse of `custom_op`; None for an op that is no custom one. Exact for codes of printable characters."""
    return op.removeprefix("CUSTOM '").removesuffix("'") if op.startswith("CUSTOM '") else None


def quoted(name: str) -> str:
    """A name in quotes, with everything escaped that is not printable."""
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)
    return f"'{escaped}'"
