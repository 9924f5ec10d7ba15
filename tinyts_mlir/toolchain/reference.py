"""LiteRT's reference kernels: what every output byte of a compiled model must equal."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.file import TfliteFile
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.repair import repaired, with_bias_types
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.reference_process import SHARED, ReferenceCrash, ReferenceProcess, ReferenceRefusal

Array = npt.NDArray[Any]
Result = TypeVar("Result")

NEWEST_VERSION = 32
"""No op of LiteRT has as many versions."""
_UNKNOWN_VERSION = re.compile(r"builtin opcode '(\w+)' version '(\d+)'")


@dataclass(frozen=True)
class TensorDetails:
    """A model's input or output. Without quantization, scale and zero point are 0.

    Those of a float32 input are of the bytes, as int8, or of the int16 that a QUANTIZE makes of it, where there is one;
    `fineness` is how many elements there are to one of int8: 256 for int16.
    """

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int
    fineness: int = 1

    @property
    def bytes(self) -> int:
        """Size of the tensor."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


class ReferenceModel:
    """A ``.tflite`` model run by LiteRT with ``OpResolverType.BUILTIN_REF``, in a process of LiteRT's own.

    Layers of an op that this resolver has not (ELU) run alone, with the optimized kernels of
    ``OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES``; `has_reference_kernels` says so.

    A file with slips that LiteRT refuses and this compiler does not runs repaired (`tflite/repair.py`); an op in a
    version that this LiteRT has not runs in the newest that it has, which `older_versions` says, by op. Versions tell
    which types an op is used with: where an older one takes the same tensors and options, it does the same.

    A file with int32 biases of int16 maps that does not say that they are int32 runs with that said, as LiteRT reads
    beyond their ends otherwise; `says_bias_types` is False then.

    That resolver applies no delegate, so LiteRT prints none of its INFO lines.

    Raises ReferenceCrash where LiteRT ends its process on an input, which other models then start anew, or reports an
    error; and any other ToolchainError for what it cannot load.
    """

    def __init__(self, model: Path | str | bytes, process: ReferenceProcess = SHARED):
        content = model if isinstance(model, bytes) else _read(Path(model))
        self._process = process
        self.older_versions: dict[str, int] = {}
        content, self.says_bias_types = _with_bias_types(content)
        content, self._model, details = self._load(content)
        weakref.finalize(self, process.drop, self._model).atexit = False
        inputs, outputs, self.has_reference_kernels = details
        self.inputs: tuple[TensorDetails, ...] = _with_grids(
            tuple(TensorDetails(*fields) for fields in inputs), content
        )
        self.outputs: tuple[TensorDetails, ...] = tuple(TensorDetails(*fields) for fields in outputs)

    @property
    def version(self) -> str:
        """LiteRT's version."""
        return metadata.version("ai-edge-litert")

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Run one inference: one array for each input, one for each output. State stays for the next."""
        return self._run(self._process.run, inputs)

    def reset(self) -> None:
        """Have the state as it is in the beginning, as a model's `NAME_init` and `NAME_reset` make it."""
        self._process.reset(self._model)

    def run_all_tensors(self, inputs: Sequence[Array]) -> dict[int, npt.NDArray[Any]]:
        """Run one inference and return every tensor by its index in the model, constants included.

        Tensors that no kernel touches are left out.
        """
        return self._run(self._process.run_all_tensors, inputs)

    def _load(self, content: bytes) -> tuple[bytes, int, Any]:
        """Loads a file as it is, or else changed until LiteRT takes it; gives what it takes, too."""
        first: ReferenceRefusal | None = None
        while True:
            try:
                return content, *self._process.load(content)
            except ReferenceRefusal as error:
                first = first or error
                if (changed := self._changed(content, str(error))) is None:
                    raise ToolchainError(f"LiteRT cannot load the model: {first}") from None
                content = changed

    def _changed(self, content: bytes, error: str) -> bytes | None:
        """A file repaired, or with an older version of an op; None where neither is left."""
        try:
            file = read_tflite(content, "the model")
            plain = repaired(file)
            if plain is file and (found := _UNKNOWN_VERSION.search(error)) is not None:
                op, version = found[1], min(int(found[2]) - 1, NEWEST_VERSION)
                if version >= 1:
                    self.older_versions[op] = version
                    plain = with_version(file, op, int(found[2]), version)
            return None if plain is file else write_tflite(plain)
        except CompileError:
            return None

    def _run(self, ask: Callable[[int, Mapping[int, Array]], Result], inputs: Sequence[Array]) -> Result:
        if len(inputs) != len(self.inputs):
            raise ToolchainError(f"the model has {len(self.inputs)} inputs, got {len(inputs)} arrays")
        arrays: dict[int, Array] = {}
        for details, array in zip(self.inputs, inputs, strict=True):
            check_input(details, array)
            arrays[details.index] = array
        try:
            return ask(self._model, arrays)
        except ReferenceRefusal as error:
            raise ReferenceCrash(f"LiteRT cannot run the model: {error}") from None


def _with_bias_types(content: bytes) -> tuple[bytes, bool]:
    """A file with options that say how wide biases are, and whether it has them itself."""
    try:
        file = read_tflite(content, "the model")
        told = with_bias_types(file)
        return (content, True) if told is file else (write_tflite(told), False)
    except CompileError:
        return content, True


def check_input(details: TensorDetails, array: npt.NDArray[Any]) -> None:
    """Raise a ToolchainError unless the array fits the input."""
    if array.dtype != details.dtype:
        raise ToolchainError(f"input {details.name}: expected {details.dtype}, got {array.dtype}")
    if array.shape != details.shape:
        raise ToolchainError(f"input {details.name}: expected shape {list(details.shape)}, got {list(array.shape)}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ToolchainError(f"cannot read {path}: {error.strerror}") from None


def _with_grids(inputs: tuple[TensorDetails, ...], content: bytes) -> tuple[TensorDetails, ...]:
    """The inputs, float32 ones with the quantization that they get."""
    if all(tensor.dtype != np.float32 for tensor in inputs):
        return inputs
    try:
        file = read_tflite(content, "the model")
    except CompileError:
        return inputs
    made = {layer.inputs[0]: file.tensors[layer.outputs[0]] for layer in file.layers if layer.op == "QUANTIZE"}
    found: list[TensorDetails] = []
    for tensor in inputs:
        bytes = made.get(tensor.index) if tensor.dtype == np.float32 else None
        if bytes is not None and (grid := bytes.quantization) is not None and len(grid.scales) == 1:
            zero_point = int(grid.zero_points[0] if grid.zero_points else 0) - (128 if bytes.type == "uint8" else 0)
            fineness = 256 if bytes.type == "int16" else 1
            tensor = replace(tensor, scale=float(grid.scales[0]), zero_point=zero_point, fineness=fineness)
        found.append(tensor)
    return tuple(found)


def with_version(file: TfliteFile, op: str, version: int, other: int) -> TfliteFile:
    """The file with another version of an op in layers that have this one; the same object where none has."""
    if all((layer.op, layer.version) != (op, version) for layer in file.layers):
        return file
    layers = (
        replace(layer, version=other) if (layer.op, layer.version) == (op, version) else layer for layer in file.layers
    )
    return replace(file, layers=tuple(layers))
