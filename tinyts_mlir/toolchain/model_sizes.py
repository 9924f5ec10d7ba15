"""What a model takes of any program that contains it, by its symbols: whatever linker script placed it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tinyts_mlir.toolchain.elf import Image
from tinyts_mlir.toolchain.errors import ToolchainError


@dataclass(frozen=True)
class ModelSizes:
    """Bytes of symbols. Arena and context are variables of the program, under names of its own."""

    name: str
    weights: int
    tables: int
    code: int
    """The model's own functions."""


@dataclass(frozen=True)
class ProgramSizes:
    """The models of a program, and the runtime's functions, which they share."""

    models: tuple[ModelSizes, ...]
    runtime: int

    @classmethod
    def read(cls, program: Path) -> ProgramSizes:
        """Read an ELF file. Raises ToolchainError where it has no symbols of a model."""
        image = Image.read(program)
        names = [
            symbol.removesuffix("_model")
            for symbol in image.symbols
            if symbol.endswith("_model") and f"{symbol.removesuffix('_model')}_tensors" in image.symbols
        ]
        if not names:
            raise ToolchainError(
                f"{program.name}: expected the tables of a model (NAME_model, NAME_tensors), found none: "
                "link a model into it, and do not strip its symbols"
            )
        models = tuple(_model(image, name) for name in sorted(names))
        runtime = sum(one.size for one in image.functions if one.name.startswith("tinyts_"))
        return cls(models, runtime)


def _model(image: Image, name: str) -> ModelSizes:
    objects = [one for one in image.symbols.values() if not one.is_function and one.name.startswith(f"{name}_")]
    constants = [one for one in objects if re.fullmatch(rf"{name}_constant_\d+", one.name)]
    table = re.compile(rf"{name}_(?:model|tensors|operands|layers|steps|offsets|inputs|outputs|layer_\d+)")
    function = re.compile(rf"{name}_(?:init|invoke|feed|output\w*)")
    return ModelSizes(
        name,
        sum(one.size for one in constants),
        sum(one.size for one in objects if table.fullmatch(one.name)),
        sum(one.size for one in image.functions if function.fullmatch(one.name)),
    )
