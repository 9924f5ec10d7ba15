"""What `tinyts-opt` tells of passes: a line for `--help`, and all of one for `--help-pass`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline, get_pass_option_infos

from tinyts_mlir.cli.ir_printing import elided
from tinyts_mlir.cli.pass_examples import EXAMPLES, TYPES
from tinyts_mlir.compiler import new_context
from tinyts_mlir.dialects.ir_text import parse_ir
from tinyts_mlir.pipeline import DEFAULT_ORDER, PassSpec, build_passes, pass_flag

Passes = Mapping[str, Callable[[], type[ModulePass]]]

_HEAD = re.compile(r"`[\w-]+(?:\{([^}]*)\})?`: ")
"""How the documentation of a pass begins: with its name, and its options where it has any."""


@dataclass(frozen=True)
class PassHelp:
    """A pass, for people.

    Attributes:
        name: of the pass.
        options: as its documentation writes them, `order=auto|depth-first input=stream`; or its fields.
        line: what it does, in one line.
        text: all of its documentation.
    """

    name: str
    options: str
    line: str
    text: str

    @staticmethod
    def of(made: type[ModulePass]) -> PassHelp:
        """Reads the documentation of a pass: of its module where this is about it, else of its class."""
        module_text = inspect.cleandoc(sys.modules[made.__module__].__doc__ or "")
        class_text = inspect.cleandoc(made.__doc__ or "")
        head = _HEAD.match(module_text)
        fields = " ".join(f"{name}={type}" for name, type, _ in pass_options(made))
        line = " ".join(class_text.partition("\n\n")[0].split())
        text = module_text if head is not None else class_text
        return PassHelp(made.name, (head[1] if head is not None else None) or fields, line, text)


def pass_options(made: type[ModulePass]) -> list[tuple[str, str, str]]:
    """Name, type and default of each option."""
    infos = get_pass_option_infos(made)
    return [(one.name.replace("_", "-"), one.expected_type.strip("'"), one.default_value or "none") for one in infos]


def our_passes(available: Passes) -> list[str]:
    """The passes that are not xDSL's own, and those of its that we use: first in their default order."""
    from xdsl.transforms import get_all_passes

    others = sorted(available.keys() - get_all_passes().keys() - set(DEFAULT_ORDER))
    return [*(name for name in DEFAULT_ORDER if name in available), *others]


def pass_text(name: str, available: Passes) -> str:
    """All about one pass, which is available."""
    made = available[name]()
    described = PassHelp.of(made)
    parts = [f"--{name}: {described.line}"]
    if options := pass_options(made):
        lines = [f"  {name:<12} {type:<12} default: {default}" for name, type, default in options]
        parts.append("\n".join(["Options:", *lines]))
    parts.append(described.text)
    if name in EXAMPLES:
        parts.append(_example(name, available))
    elif name in DEFAULT_ORDER:
        parts.append("It changes no IR.")
    return "\n\n".join(parts) + "\n"


def _example(name: str, available: Passes) -> str:
    """The IR of the example in front of the pass and behind it, made by running it."""
    example = EXAMPLES[name]
    context = new_context()
    module = parse_ir(example.module, "example", context)
    preparation = [_spec(flag, available) for flag in example.preparation]
    shown = _spec(example.flag, available)
    PassPipeline(build_passes(preparation, available)).apply(context, module)
    before = _aliased(module)
    _apply(shown, module, context, available)
    return f"Before:\n\n{before}\n\nBehind {example.flag}:\n\n{_aliased(module)}"


def _aliased(module: ModuleOp) -> str:
    """The module with the short names that the examples have for types."""
    text = elided(module)
    for alias, type in TYPES.items():
        text = text.replace(type, alias)
    return "\n".join([*(f"{alias} = {type}" for alias, type in TYPES.items() if alias in text), text])


def _spec(flag: str, available: Passes) -> PassSpec:
    spec = pass_flag(flag, available)
    assert spec is not None
    return spec


def _apply(spec: PassSpec, module: ModuleOp, context: Context, available: Passes) -> None:
    module.verify()
    PassPipeline(build_passes([spec], available)).apply(context, module)
    module.verify()
