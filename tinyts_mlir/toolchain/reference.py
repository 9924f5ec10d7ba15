"""LiteRT's reference kernels: what every output byte of a compiled model must equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.repair import repaired
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.errors import ToolchainError, missing_package

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TensorDetails:
    """A model's input or output. Without quantization, scale and zero point are 0.

    Those of a float32 input are of the bytes, as int8, that a QUANTIZE makes of it, where there is one.
    """

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    @property
    def bytes(self) -> int:
        """Size of the tensor."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


class ReferenceModel:
    """A ``.tflite`` model run by LiteRT with ``OpResolverType.BUILTIN_REF``.

    A file with slips that LiteRT refuses and this compiler does not runs repaired (`tflite/repair.py`). That resolver
    applies no delegate, so LiteRT prints none of its INFO lines.
    """

    def __init__(self, model: Path | str | bytes):
        self._content = model if isinstance(model, bytes) else _read(Path(model))
        try:
            self._interpreter = self._create(preserve_all_tensors=False)
        except ToolchainError:
            if (content := _repaired(self._content)) is None:
                raise
            self._content = content
            self._interpreter = self._create(preserve_all_tensors=False)
        self._preserving: Any = None
        self.inputs: tuple[TensorDetails, ...] = _with_grids(
            _details(self._interpreter.get_input_details()), self._content
        )
        self.outputs: tuple[TensorDetails, ...] = _details(self._interpreter.get_output_details())

    @property
    def version(self) -> str:
        """LiteRT's version."""
        return metadata.version("ai-edge-litert")

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Run one inference: one array for each input, one for each output."""
        self._invoke(self._interpreter, inputs)
        return [self._interpreter.get_tensor(output.index) for output in self.outputs]

    def run_all_tensors(self, inputs: Sequence[Array]) -> dict[int, npt.NDArray[Any]]:
        """Run one inference and return every tensor by its index in the model, constants included.

        Tensors that no kernel touches are left out.
        """
        if self._preserving is None:
            self._preserving = self._create(preserve_all_tensors=True)
        self._invoke(self._preserving, inputs)
        tensors: dict[int, npt.NDArray[Any]] = {}
        for details in self._preserving.get_tensor_details():
            try:
                tensors[int(details["index"])] = self._preserving.get_tensor(details["index"])
            except ValueError:
                continue  # never allocated
        return tensors

    def _create(self, preserve_all_tensors: bool) -> Any:
        try:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
        except ImportError:
            raise missing_package("ai-edge-litert") from None
        try:
            interpreter = Interpreter(
                model_content=self._content,
                experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
                experimental_preserve_all_tensors=preserve_all_tensors,
            )
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ToolchainError(f"LiteRT cannot load the model: {_first_line(error)}") from None
        return interpreter

    def _invoke(self, interpreter: Any, inputs: Sequence[Array]) -> None:
        if len(inputs) != len(self.inputs):
            raise ToolchainError(f"the model has {len(self.inputs)} inputs, got {len(inputs)} arrays")
        for details, array in zip(self.inputs, inputs, strict=True):
            check_input(details, array)
            interpreter.set_tensor(details.index, array)
        try:
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ToolchainError(f"LiteRT cannot run the model: {_first_line(error)}") from None


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


def _details(tensors: Sequence[Mapping[str, Any]]) -> tuple[TensorDetails, ...]:
    return tuple(
        TensorDetails(
            name=str(tensor["name"]),
            index=int(tensor["index"]),
            shape=tuple(int(size) for size in tensor["shape"]),
            dtype=np.dtype(tensor["dtype"]),
            scale=float(tensor["quantization"][0]),
            zero_point=int(tensor["quantization"][1]),
        )
        for tensor in tensors
    )


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
            tensor = replace(tensor, scale=float(grid.scales[0]), zero_point=zero_point)
        found.append(tensor)
    return tuple(found)


def _repaired(content: bytes) -> bytes | None:
    """The file with its tensors repaired; None where there is nothing to repair."""
    try:
        file = read_tflite(content, "the model")
    except CompileError:
        return None
    return None if (plain := repaired(file)) is file else write_tflite(plain)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
