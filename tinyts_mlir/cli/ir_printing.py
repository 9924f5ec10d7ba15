"""IR for people: without the values of large constants; and `--print-ir-before` and `--print-ir-after`."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import StringIO

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from tinyts_mlir.dialects.assembly import ElidingPrinter
from tinyts_mlir.errors import CompileError, did_you_mean

ALL = "all"


def elided(module: ModuleOp, generic: bool = False, locations: bool = False) -> str:
    """The module as text without the values of large constants."""
    text = StringIO()
    ElidingPrinter(text, print_generic_format=generic, print_debuginfo=locations).print_op(module)
    return text.getvalue()


@dataclass(frozen=True)
class PassPrinter:
    """Prints the module on standard error, between passes.

    Attributes:
        before: names of passes in front of which it is printed; `all` for every pass.
        after: likewise, behind which.
        locations: print the names of layers, too.
    """

    before: frozenset[str]
    after: frozenset[str]
    locations: bool

    @staticmethod
    def of(
        before: Sequence[str] | None,
        after: Sequence[str] | None,
        running: Collection[str],
        available: Collection[str],
        locations: bool,
    ) -> PassPrinter:
        """Reads both options, in which commas separate several; raises CompileError for passes that do not run here."""

        def names(flag: str, values: Sequence[str] | None) -> frozenset[str]:
            chosen = frozenset(name.strip().removeprefix("--") for value in values or () for name in value.split(","))
            for name in sorted(chosen - {ALL, *running}):
                if name in available:
                    raise CompileError(f"{flag} {name}: this pass does not run here; these do: {', '.join(running)}")
                raise CompileError(f"{flag}: there is no pass {name!r}{did_you_mean(name, [*available, ALL])}")
            return chosen

        return PassPrinter(names("--print-ir-before", before), names("--print-ir-after", after), locations)

    def between(self, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
        """Prints what is asked for: the module behind one pass and in front of the other."""
        if previous is not None and self.after & {ALL, previous.name}:
            self._print(f"IR after {previous.name}", module)
        if following is not None and self.before & {ALL, following.name}:
            self._print(f"IR before {following.name}", module)

    def _print(self, title: str, module: ModuleOp) -> None:
        print(
            f"// -----// {title} //----- //\n{elided(module, locations=self.locations)}\n", file=sys.stderr, flush=True
        )
