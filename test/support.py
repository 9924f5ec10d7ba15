"""What tests of several directories share. `test/conftest.py` puts this directory on the path: `import support`."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.parser import Parser
from xdsl.printer import Printer

from tinyts_mlir.dialects.quant import Quant
from tinyts_mlir.dialects.tinyts import Tinyts

MODELS = Path(os.environ.get("TINYTS_MODELS", Path(__file__).parents[2] / "shared" / "models"))
"""Where real models are looked for; tests that want them are skipped where there are none."""
REQUIRED = bool(os.environ.get("TINYTS_REQUIRE_MODELS"))
"""Whether tests that want real models fail instead."""


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
