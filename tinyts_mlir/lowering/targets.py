"""The output formats `c` and `tflite` as xDSL targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from tinyts_mlir.lowering.emit_c import emit_file
from tinyts_mlir.tflite.exporter import export_tflite


@dataclass(frozen=True)
class CTarget(Target):
    """The model and the runtime that it needs as one C file; C symbols start with `model_name`."""

    name = "c"

    model_name: str = "model"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        """Writes the file; raises CompileError when the module is not lowered."""
        output.write(emit_file(module, self.model_name))


@dataclass(frozen=True)
class TFLiteTarget(Target):
    """The unsplit module as a `.tflite` file; needs a stream with a byte buffer, such as standard output."""

    name = "tflite"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        """Writes the file; raises CompileError for modules that TFLite cannot say."""
        output.buffer.write(export_tflite(module))  # type: ignore[attr-defined]
