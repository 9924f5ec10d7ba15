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
    """The model's own functions; 0 where link-time optimization put them into those that call them."""


@dataclass(frozen=True)
class ProgramSizes:
    """The models of a program, and the runtime's functions, which they share."""

    models: tuple[ModelSizes, ...]
    runtime: int

    @classmethod
    def read(cls, program: Path) -> ProgramSizes:
        """Read an ELF file. Raises ToolchainError where it has no symbols of a model."""
        image = Image.read(program)
        objects, functions = _sizes(image, is_function=False), _sizes(image, is_function=True)
        # Link-time optimization may remove NAME_model, whose fields are constants; the tables are read at run time.
        names = [
            symbol.removesuffix("_tensors")
            for symbol in objects
            if symbol.endswith("_tensors") and f"{symbol.removesuffix('_tensors')}_steps" in objects
        ]
        if not names and any(section.startswith(".gnu.lto_") for section in image.section_bytes):
            raise ToolchainError(
                f"{program.name}: expected a linked program, found what link-time optimization is yet to compile: "
                "link it first"
            )
        if not names:
            raise ToolchainError(
                f"{program.name}: expected the tables of a model (NAME_tensors, NAME_steps), found none: "
                "link a model into it, and do not strip its symbols"
            )
        models = tuple(_model(objects, functions, name) for name in sorted(names))
        runtime = sum(size for name, size in functions.items() if name.startswith("tinyts_"))
        return cls(models, runtime)


def _sizes(image: Image, is_function: bool) -> dict[str, int]:
    """Bytes by names in C: GCC's link-time optimization gives its copies suffixes, such as `.lto_priv.0`."""
    found: dict[str, int] = {}
    symbols = image.functions if is_function else [one for one in image.symbols.values() if not one.is_function]
    for symbol in symbols:
        name = symbol.name.partition(".")[0]
        found[name] = found.get(name, 0) + symbol.size
    return found


def _model(objects: dict[str, int], functions: dict[str, int], name: str) -> ModelSizes:
    def total(sizes: dict[str, int], pattern: str) -> int:
        return sum(size for symbol, size in sizes.items() if re.fullmatch(f"{re.escape(name)}_(?:{pattern})", symbol))

    return ModelSizes(
        name,
        total(objects, r"constant_\d+"),
        total(objects, r"model|tensors|operands|layers|steps|offsets|inputs|outputs|layer_\d+"),
        total(functions, r"init|reset|invoke|feed|output\w*"),
    )
