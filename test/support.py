"""What tests of several directories share. `test/conftest.py` puts this directory on the path: `import support`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.parser import Parser
from xdsl.printer import Printer

from tinyts_mlir.dialects.quant import Quant
from tinyts_mlir.dialects.tinyts import Tinyts
from tinyts_mlir.interpreters.check_passes import random_inputs

Array = npt.NDArray[Any]

MODELS = Path(os.environ.get("TINYTS_MODELS", Path(__file__).parents[2] / "shared" / "models"))
"""Where real models are looked for; tests that want them are skipped where there are none."""
REQUIRED = bool(os.environ.get("TINYTS_REQUIRE_MODELS"))
"""Whether tests that want real models fail instead."""


SAME = (-128, 127)
"""Bytes of inputs that are the same everywhere."""


def sampled_inputs(
    module: ModuleOp, generator: np.random.Generator, count: int, same: Sequence[int] = SAME
) -> list[list[Array]]:
    """Inputs of a module of one function: with one byte everywhere (floats are random), and then random ones."""
    made: list[list[Array]] = []
    for value in [*same, *[None] * (count - len(same))]:
        arrays = random_inputs(module, generator)
        made.append([array if value is None else _all_the_same(array, value) for array in arrays])
    return made


def _all_the_same(array: Array, byte: int) -> Array:
    return array if array.dtype == np.float32 else np.full(array.shape, byte, np.int8).view(array.dtype)


def parse(text: str) -> ModuleOp:
    """The verified module that the text says."""
    context = Context()
    for dialect in (Builtin, Func, Quant, Tinyts):
        context.load_dialect(dialect)
    module = Parser(context, text).parse_module()
    module.verify()
    return module


def text_of(module: ModuleOp, locations: bool = False) -> str:
    """The module as text, constants and all."""
    stream = StringIO()
    Printer(stream, print_debuginfo=locations).print_op(module)
    return stream.getvalue()


def without_value_names(module: ModuleOp) -> ModuleOp:
    """The same module, its values numbered when printed."""
    for op in module.walk():
        for value in (*op.results, *(argument for region in op.regions for argument in region.block.args)):
            value.name_hint = None
    return module


def real_models() -> list[object]:
    """Parameters for a test: the path of each real model, or one that skips the test."""
    paths = sorted(MODELS.glob("*.tflite"))
    if not paths and REQUIRED:
        raise FileNotFoundError(f"no models in {MODELS}, but TINYTS_REQUIRE_MODELS is set")
    if not paths:
        skip = pytest.mark.skip(reason=f"no models in {MODELS}: set TINYTS_MODELS to a folder of .tflite files")
        return [pytest.param(None, marks=skip, id="no models")]
    return [pytest.param(path, id=path.stem) for path in paths]


def real_model(name: str) -> Path:
    """The path of a model of the benchmark list; skips the test where it is absent, or fails it if it is required."""
    path = MODELS / f"{name}.tflite"
    if not path.exists():
        report = pytest.fail if REQUIRED else pytest.skip
        report(f"no {path.name} in {MODELS}: set TINYTS_MODELS to the folder that has it")
    return path
