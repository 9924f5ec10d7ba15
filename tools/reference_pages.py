"""docs/passes.md and docs/dialects.md, made of what passes and ops say about themselves.

python tools/reference_pages.py passes -o docs/passes.md
python tools/reference_pages.py dialects -o docs/dialects.md
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from xdsl.ir import Attribute, Dialect, Operation
from xdsl.irdl import (
    IRDLOperation,
    OperandDef,
    OptOperandDef,
    OptPropertyDef,
    OptResultDef,
    PropertyDef,
    RegionDef,
    ResultDef,
    VarOperandDef,
    VarResultDef,
)
from xdsl.passes import ModulePass

from tinyts_mlir.cli.passes_help import PassHelp, pass_options
from tinyts_mlir.pipeline import DEFAULT_ORDER
from tinyts_mlir.universe import TINYTS_UNIVERSE

PASSES = """# Passes

The passes that this package brings, in the order in which `--emit-c` runs them (`choose-bands` and `split-tensors`
only if asked for). Each is a flag, `--PASS` or `--PASS=option=value,option=value`; `tinyts-opt --help-pass NAME`
shows the same with the IR in front of the pass and behind it. Made by `python tools/reference_pages.py passes -o
docs/passes.md`, of the passes' own documentation. One of yours: [write-a-pass.md](write-a-pass.md).
"""

DIALECTS = """# Dialects

The ops, types and attributes of `quant`, `tinyts` and `tinyrt`, as their definitions state them: `name?` may be
absent, of `name...` there may be any number. Made by `python tools/reference_pages.py dialects -o docs/dialects.md`.
What passes make of them: [architecture.md](architecture.md); which layers of a model become which op: [ops.md](ops.md).
"""

HOUSEKEEPING = ("operandSegmentSizes", "resultSegmentSizes")
"""Properties that assembly does not show."""


def passes() -> str:
    """docs/passes.md."""
    available = TINYTS_UNIVERSE.all_passes
    ordered = [name for name in DEFAULT_ORDER if name in available]
    names = [*ordered, *sorted(available.keys() - set(ordered))]
    return PASSES + "".join(_pass(available[name]()) for name in names)


def _pass(made: type[ModulePass]) -> str:
    described = PassHelp.of(made)
    parts = [f"\n## {described.name}", described.line]
    if options := pass_options(made):
        rows = [f"| `{name}` | {type.replace('|', 'or')} | {default} |" for name, type, default in options]
        parts.append("\n".join(["| option | type | default |", "|---|---|---|", *rows]))
    if " ".join(described.text.split()) != described.line:
        parts.append(f"```text\n{described.text}\n```")
    return "\n\n".join(parts) + "\n"


def dialects() -> str:
    """docs/dialects.md."""
    return DIALECTS + "".join(_dialect(made()) for made in TINYTS_UNIVERSE.all_dialects.values())


def _dialect(dialect: Dialect) -> str:
    """A section of the page."""
    module = sys.modules[next(iter([*dialect.operations, *dialect.attributes])).__module__]
    if dialect.name not in (module.__doc__ or "").partition(":")[0]:
        module = sys.modules[f"tinyts_mlir.dialects.{dialect.name}"]
    parts = [f"\n## {dialect.name}", f"```text\n{inspect.cleandoc(module.__doc__ or '')}\n```"]
    parts += [_section(made, []) for made in dialect.attributes]
    parts += [_section(made, list(_facts(made))) for made in dialect.operations]
    return "\n\n".join(parts) + "\n"


def _section(made: type[Operation] | type[Attribute], facts: list[str]) -> str:
    text = inspect.cleandoc(made.__doc__ or "")
    list_of_facts = "\n".join(f"- {fact}" for fact in facts)
    return "\n\n".join(part for part in (f"### {made.name}", f"```text\n{text}\n```", list_of_facts) if part)


def _facts(made: type[Operation]) -> Iterator[str]:
    """What the definition of an op states, a line for each kind of thing."""
    assert issubclass(made, IRDLOperation)
    definition = made.get_irdl_definition()
    for title, fields in (
        ("operands", definition.operands),
        ("results", definition.results),
        ("regions", definition.regions),
    ):
        if fields:
            yield f"{title}: {', '.join(f'`{name}{_mark(field)}`' for name, field in fields)}"
    properties = {name: field for name, field in definition.properties.items() if name not in HOUSEKEEPING}
    if properties:
        yield f"properties: {', '.join(_property(name, field) for name, field in sorted(properties.items()))}"
    if traits := sorted(type(trait).__name__.strip("_") for trait in made.traits.traits):
        yield f"traits: {', '.join(traits)}"
    if interfaces := sorted({base.__name__ for base in made.__mro__ if base.__name__.endswith("Interface")}):
        yield f"interfaces: {', '.join(interfaces)}"


def _mark(field: OperandDef | ResultDef | RegionDef) -> str:
    if isinstance(field, OptOperandDef | OptResultDef):
        return "?"
    return "..." if isinstance(field, VarOperandDef | VarResultDef) else ""


def _property(name: str, field: PropertyDef) -> str:
    if field.default_value is not None:
        return f"`{name}` (default `{field.default_value}`)"
    return f"`{name}?`" if isinstance(field, OptPropertyDef) else f"`{name}`"


PAGES: dict[str, Callable[[], str]] = {"passes": passes, "dialects": dialects}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", choices=sorted(PAGES))
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    text = PAGES[arguments.page]()
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
