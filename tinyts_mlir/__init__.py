"""tinyts-mlir: compiles int8 TensorFlow Lite models to C that needs a fraction of the usual SRAM.

compiled = tinyts_mlir.compile("model.tflite", ram="64K")
compiled.emit_c("out/")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinyts_mlir.api import Compiled as Compiled
    from tinyts_mlir.api import compile as compile
    from tinyts_mlir.sweeps import sweep as sweep

__all__ = ["Compiled", "compile", "sweep"]

_HOMES = {"Compiled": "api", "compile": "api", "sweep": "sweeps"}


def __getattr__(name: str) -> object:
    """What `__all__` names, imported when it is first used: command lines that print help need none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
