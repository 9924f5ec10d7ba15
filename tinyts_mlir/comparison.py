"""What differs between two compiles, by their reports (`NAME_report.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import cast

from tinyts_mlir.errors import CompileError

REPORT_END = "_report.json"

FIGURES: Mapping[str, tuple[str, ...]] = {
    "SRAM": ("arena_bytes", "state_bytes", "context_bytes", "stack_bound_bytes"),
    "arena": ("arena_bytes",),
    "state": ("state_bytes",),
    "context": ("context_bytes",),
    "stack bound": ("stack_bound_bytes",),
    "arena's peak": ("peak_bytes",),
    "arena's bound": ("bound_bytes",),
    "flash": ("constant_bytes", "tables_bytes"),
    "constants": ("constant_bytes",),
    "tables": ("tables_bytes",),
    "steps": ("steps",),
}
"""What is compared, and the fields of a report whose sum it is. Flash is without code: reports know none of it."""

Figure = int | None


@dataclass(frozen=True)
class Layer:
    """A layer of a report; sizes are of its map, in rows and in bytes of a row."""

    name: str
    kernel: str
    rows: int
    band_rows: int
    row_bytes: int

    @property
    def band_bytes(self) -> int:
        """Bytes of a band."""
        return self.band_rows * self.row_bytes


@dataclass(frozen=True)
class LayerPair:
    """A layer in both compiles, which differ in it."""

    before: Layer
    after: Layer


@dataclass(frozen=True)
class Report:
    """What a report says of a compile; a figure that it does not have is None."""

    name: str
    figures: Mapping[str, Figure]
    layers: tuple[Layer, ...]

    @staticmethod
    def read(path: Path) -> Report:
        """The report in a file, or of the one model in a folder; raises CompileError where there is none."""
        file = _report_file(path)
        try:
            report = cast(object, json.loads(file.read_text(encoding="utf-8")))
        except OSError as error:
            raise CompileError(f"{file}: {error.strerror}") from error
        except ValueError as error:
            raise CompileError(f"{file}: expected the report of a compile, in JSON") from error
        try:
            return Report._of(cast(dict[str, object], report))
        except (AttributeError, KeyError, TypeError) as error:
            raise CompileError(f"{file}: expected the report of a compile, {file.name} is none") from error

    @staticmethod
    def _of(report: dict[str, object]) -> Report:
        report = {"state_bytes": 0, **report}  # older ones have none
        figures: dict[str, Figure] = {}
        for title, fields in FIGURES.items():
            values = [report[field] for field in fields if field in report]
            numbers = [value for value in values if isinstance(value, int)]
            figures[title] = sum(numbers) if len(numbers) == len(fields) else None
        layers = [
            Layer(
                str(layer["name"]),
                str(layer["kernel"]),
                *(int(cast(int, layer[field])) for field in ("rows", "band_rows", "row_bytes")),
            )
            for layer in cast(Sequence[Mapping[str, object]], report["layers"])
        ]
        return Report(str(report["name"]), figures, tuple(layers))


def _report_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted(path.glob(f"*{REPORT_END}"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise CompileError(f"{path}: expected a folder with one report (NAME{REPORT_END}), got {names}")
    return found[0]


@dataclass(frozen=True)
class Comparison:
    """What differs.

    Attributes:
        figures: title to what the two compiles have; all of them, equal ones too.
        changed: layers in both, with other rows, bands or bytes.
        removed: layers of the first compile only.
        added: layers of the second only.
    """

    figures: Mapping[str, tuple[Figure, Figure]]
    changed: list[LayerPair] = field(default_factory=list[LayerPair])
    removed: list[Layer] = field(default_factory=list[Layer])
    added: list[Layer] = field(default_factory=list[Layer])

    @staticmethod
    def of(before: Report, after: Report) -> Comparison:
        """Layers are the same where their names and kernels are, in the same order."""
        result = Comparison({title: (before.figures[title], after.figures[title]) for title in FIGURES})
        keys = [[(layer.name, layer.kernel) for layer in report.layers] for report in (before, after)]
        for tag, start, end, new_start, new_end in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
            old, new = before.layers[start:end], after.layers[new_start:new_end]
            if tag == "equal":
                result.changed.extend(
                    LayerPair(one, other) for one, other in zip(old, new, strict=True) if one != other
                )
            else:
                result.removed.extend(old)
                result.added.extend(new)
        return result

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.changed or self.removed or self.added) and all(a == b for a, b in self.figures.values())

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "equal": self.is_equal,
            "figures": {title: {"before": a, "after": b} for title, (a, b) in self.figures.items()},
            "changed": [{"before": asdict(pair.before), "after": asdict(pair.after)} for pair in self.changed],
            "removed": [asdict(layer) for layer in self.removed],
            "added": [asdict(layer) for layer in self.added],
        }
