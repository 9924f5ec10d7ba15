"""What the benchmark prints: JSON with everything, and tables that are read on a terminal and as Markdown.

Ratios in JSON are theirs over ours: above 1 we need less.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmark_peers import FIGURES, FLASH_OF_TFLM, REFERENCE, RIVAL, Peer, best, quotient, wanted

from tinyts_mlir.lowering.memory_accounting import STACK_BOUND_BYTES
from tinyts_mlir.toolchain.profile import RUNTIME, LayerWork, Profile, Work
from tinyts_mlir.toolchain.programs import Sizes

FORMAT, VERSION = "tinyts-benchmark", 2
SMALL_SHARE = 0.005
"""Kernels with a smaller share of a model's instructions are summed up in the tables."""


@dataclass(frozen=True)
class Build:
    """One model built with one compiler."""

    profile: Profile
    sizes: Sizes
    context_bytes: int
    cycles: Mapping[int | str, int] | None
    """Estimated, by layer number, and of the runtime."""

    def kernel_cycles(self) -> dict[str, int]:
        """Estimated, by kernel; empty where there are none."""
        if self.cycles is None:
            return {}
        sums = {RUNTIME: self.cycles[RUNTIME]}
        for layer in self.profile.layers:
            sums[layer.kernel] = sums.get(layer.kernel, 0) + self.cycles[layer.number]
        return sums


@dataclass(frozen=True)
class Model:
    """A model's figures, and its peers."""

    name: str
    arena_bytes: int
    tables_bytes: int
    constant_bytes: int
    builds: Mapping[str, Build]
    peers: list[Peer]

    @property
    def macs(self) -> int:
        """Of one inference."""
        return next(iter(self.builds.values())).profile.macs

    def figures(self, compiler: str) -> dict[str, int]:
        """What is compared with peers."""
        build = self.builds[compiler]
        text, rodata, stack = build.sizes.text, build.sizes.rodata, build.profile.stack_bytes
        return {
            "instructions": build.profile.instructions,
            "sram_bytes": self.arena_bytes + build.context_bytes + stack,
            "arena_bytes": self.arena_bytes,
            "stack_bytes": stack,
            "text_bytes": text,
            "rodata_bytes": rodata,
            "flash_bytes": text + rodata,
        }

    def best(self, runtime: str, figure: str) -> float | None:
        """The least that any variant of a runtime needs."""
        return best(self.peers, runtime, figure)

    def speedup(self, runtime: str, compiler: str) -> float | None:
        """A runtime's instructions over ours."""
        return quotient(self.best(runtime, "instructions"), self.figures(compiler)["instructions"])

    def part(self, runtime: str, figure: str, compiler: str) -> float | None:
        """Ours over a runtime's."""
        return quotient(self.figures(compiler)[figure], self.best(runtime, figure))

    def targets(self, compiler: str) -> dict[str, object]:
        """What is wanted, and whether it is met; None where there is nothing to compare with."""
        speed, flash = self.speedup(REFERENCE, compiler), self.part(REFERENCE, "flash_bytes", compiler)
        against_rival = self.speedup(RIVAL, compiler)
        least, stretch = wanted(self.name) or (None, None)
        return {
            "instructions_tflm_over_ours": {"wanted": least, "met": at_least(speed, least)},
            "instructions_tflm_over_ours_stretch": {"wanted": stretch, "met": at_least(speed, stretch)},
            "instructions_tinyts_over_ours": {
                "wanted": None if against_rival is None else 1.0,
                "met": None if against_rival is None else against_rival > 1,
            },
            "flash_of_tflm": {"wanted": FLASH_OF_TFLM, "met": None if flash is None else flash <= FLASH_OF_TFLM},
            "stack_bytes": {
                "wanted": STACK_BOUND_BYTES,
                "met": self.figures(compiler)["stack_bytes"] <= STACK_BOUND_BYTES,
            },
        }

    def verdict(self, compiler: str) -> str | None:
        """Whether we are as much faster than TFLM as wanted; `stretch` where the higher aim is reached as well."""
        speed, aims = self.speedup(REFERENCE, compiler), wanted(self.name)
        if speed is None or aims is None:
            return None
        return "stretch" if speed >= aims[1] else text_of(speed >= aims[0])

    def as_json(self) -> dict[str, object]:
        """Everything."""
        return {
            "macs": self.macs,
            "arena_bytes": self.arena_bytes,
            "tables_bytes": self.tables_bytes,
            "constant_bytes": self.constant_bytes,
            "compilers": {name: self._build_json(name) for name in self.builds},
            "peers": {
                peer.name: {
                    figure: {
                        "value": int(peer.figures[figure]),
                        "theirs_over_ours": {
                            name: rounded(quotient(peer.figures[figure], self.figures(name)[figure]))
                            for name in self.builds
                        },
                    }
                    for figure in FIGURES
                    if figure in peer.figures
                }
                for peer in self.peers
            },
        }

    def _build_json(self, name: str) -> dict[str, object]:
        build = self.builds[name]
        profile = build.profile
        cycles = build.kernel_cycles()
        return {
            **self.figures(name),
            "context_bytes": build.context_bytes,
            "library_bytes": build.sizes.library,
            "instructions_per_mac": rounded(quotient(profile.instructions, profile.macs)),
            "weight_bytes_read": profile.weight_bytes,
            "estimated_cycles": sum(cycles.values()) if cycles else None,
            "targets": self.targets(name),
            "kernels": {
                kernel: {**work_json(work), "estimated_cycles": cycles.get(kernel)}
                for kernel, work in profile.kernels().items()
            },
            "layers": [layer_json(layer, build) for layer in profile.layers],
        }


def rounded(ratio: float | None) -> float | None:
    """As JSON has ratios."""
    return None if ratio is None else round(ratio, 4)


def at_least(value: float | None, least: float | None) -> bool | None:
    """Whether a target is met; None where there is none, or nothing to compare."""
    return None if value is None or least is None else value >= least


def work_json(work: Work) -> dict[str, object]:
    """Work by the names of JSON."""
    return {
        "steps": work.steps,
        "macs": work.macs,
        "instructions": work.instructions,
        "instructions_per_mac": work.instructions_per_mac,
        "weight_bytes_read": work.weight_bytes,
        "data_lines_missed": work.data_misses,
        "code_lines_missed": work.code_misses,
    }


def layer_json(layer: LayerWork, build: Build) -> dict[str, object]:
    """A layer by the names of JSON."""
    return {
        "number": layer.number,
        "name": layer.name,
        "kernel": layer.kernel,
        "shape": layer.shape,
        "scratch": layer.has_scratch,
        **work_json(layer.work),
        "estimated_cycles": None if build.cycles is None else build.cycles[layer.number],
    }


# --- Tables --------------------------------------------------------------------------------------------------------

Cell = int | float | str | bool | None


def text_of(cell: Cell) -> str:
    """A count with separators, a quotient with two digits behind the point, yes or no; nothing for None."""
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case float():
            return f"{cell:.2f}"
        case int():
            return f"{cell:,}"
        case str():
            return cell


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], left: int = 1) -> str:
    """A Markdown table with aligned columns, the first `left` of them to the left."""
    texts = [list(head), *(list(map(text_of, row)) for row in rows)]
    widths = [max(3, *map(len, column)) for column in zip(*texts, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if position < left else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * width if position < left else "-" * (width - 1) + ":" for position, width in enumerate(widths)]
    return "\n".join([line(texts[0]), line(rule), *map(line, texts[1:])])


def layer_table(model: Model) -> str:
    """A table of a model's layers for each compiler."""
    parts: list[str] = []
    for name, build in model.builds.items():
        cycles = build.cycles
        head = [
            "layer",
            "kernel",
            "shape",
            "MACs",
            "instructions",
            "share",
            "per MAC",
            "steps",
            "scratch",
            "weights read",
        ]
        head += [] if cycles is None else ["est. cycles"]
        rows: list[list[Cell]] = []
        total = build.profile.instructions
        for layer in build.profile.layers:
            work = layer.work
            rows.append([str(layer.number), layer.kernel, layer.shape, work.macs, work.instructions])
            rows[-1] += [share(work.instructions, total), work.instructions_per_mac, work.steps, layer.has_scratch]
            rows[-1] += [work.weight_bytes] + ([] if cycles is None else [cycles[layer.number]])
        runtime = build.profile.runtime_instructions
        rows.append(["", RUNTIME, "", None, runtime, share(runtime, total), None, None, None, None])
        rows[-1] += [] if cycles is None else [cycles[RUNTIME]]
        rows.append(["", "all", "", model.macs, total, "", quotient(total, model.macs), None, None])
        rows[-1] += [build.profile.weight_bytes] + ([] if cycles is None else [sum(cycles.values())])
        parts.append(f"{model.name}, {name}\n\n{table(head, rows, left=3)}")
    return "\n\n".join(parts)


def share(part: int, whole: int) -> str:
    """In percent."""
    return f"{100 * part / whole:.1f} %"


class Section(Protocol):
    """A part of the report that is made in a module of its own."""

    @property
    def title(self) -> str:
        """Of its table."""
        ...

    @property
    def key(self) -> str:
        """Of its figures in JSON."""
        ...

    def markdown(self, models: Sequence[Model]) -> str:
        """Its table."""
        ...

    def figures(self, models: Sequence[Model]) -> Mapping[str, object]:
        """For JSON."""
        ...


@dataclass(frozen=True)
class Report:
    """All models, and how they were measured."""

    models: list[Model]
    compilers: Mapping[str, tuple[str, str]]
    """The first line that each prints about itself, and its flags."""
    flags: list[str]
    """Of our compiler."""
    estimator: str | None
    """Which LLVM's model of the core the estimated cycles are of."""
    sections: Sequence[Section] = ()
    """Made elsewhere; they stand in front of the table of kernels."""

    def json(self) -> str:
        """Everything as JSON."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "compilers": {
                name: {"version": version, "flags": flags} for name, (version, flags) in self.compilers.items()
            },
            "estimator": self.estimator,
            "flags": self.flags,
            "models": {model.name: model.as_json() for model in self.models},
            "geometric_means_theirs_over_ours": self.means(),
            **{section.key: section.figures(self.models) for section in self.sections},
        }
        return json.dumps(content, indent=2) + "\n"

    def means(self) -> dict[str, dict[str, dict[str, float]]]:
        """For TFLM and the best of TinyTS, by compiler and figure, over the models that have both."""
        means: dict[str, dict[str, dict[str, float]]] = {}
        for runtime in (REFERENCE, RIVAL):
            for compiler in self.compilers:
                for figure in FIGURES:
                    ratios = [
                        quotient(model.best(runtime, figure), model.figures(compiler)[figure]) for model in self.models
                    ]
                    if (mean := geometric_mean(ratios)) is not None:
                        means.setdefault(runtime, {}).setdefault(compiler, {})[figure] = mean
        return means

    def markdown(self) -> str:
        """The tables, with a head that says how they were made."""
        parts = [
            self._head(),
            "### Instructions of one inference",
            self._speed(),
            "### SRAM",
            self._sram(),
            "### Flash",
            self._flash(),
            "### Bytes of weights read from flash in one inference",
            self._weights(),
            *(part for one in self.sections for part in (f"### {one.title}", one.markdown(self.models))),
            "### Kernels",
            self._kernels(),
        ]
        return "\n\n".join(parts)

    def _head(self) -> str:
        lines = [f"- {name}: {version}, `{flags}`" for name, (version, flags) in self.compilers.items()]
        lines.append(f"- tinyts-opt: `{' '.join(self.flags)}`")
        if self.estimator is not None:
            lines.append(f"- estimated cycles: llvm-mca of {self.estimator}, model cortex-m7")
        return "\n".join(lines)

    def _each(self, cells: Callable[[str], Cell]) -> list[Cell]:
        return [cells(compiler) for compiler in self.compilers]

    def _head_each(self, text: str) -> list[str]:
        return [f"{text}, {compiler}" for compiler in self.compilers]

    def _speed(self) -> str:
        head = ["model", "MACs", *self._head_each("ours"), *self._head_each("per MAC"), "TFLM"]
        head += [*self._head_each("TFLM / ours"), "wanted", *self._head_each("met"), "TinyTS"]
        head += self._head_each("TinyTS / ours")
        rows: list[list[Cell]] = []
        for model in self.models:
            least, _ = wanted(model.name) or (None, None)
            rows.append([model.name, model.macs, *self._each(lambda c, m=model: m.figures(c)["instructions"])])
            rows[-1] += self._each(lambda c, m=model: quotient(m.figures(c)["instructions"], m.macs))
            rows[-1] += [count(model.best(REFERENCE, "instructions"))]
            rows[-1] += self._each(lambda c, m=model: m.speedup(REFERENCE, c))
            rows[-1] += [least, *self._each(lambda c, m=model: m.verdict(c))]
            rows[-1] += [count(model.best(RIVAL, "instructions"))]
            rows[-1] += self._each(lambda c, m=model: m.speedup(RIVAL, c))
        means = [
            *self._each(lambda c: geometric_mean([model.speedup(REFERENCE, c) for model in self.models])),
            *([None] * (2 + len(self.compilers))),
            *self._each(lambda c: geometric_mean([model.speedup(RIVAL, c) for model in self.models])),
        ]
        if any(mean is not None for mean in means):
            rows.append(["geometric mean", *([None] * (len(head) - 1 - len(means))), *means])
        return table(head, rows)

    def _sram(self) -> str:
        head = ["model", "arena", "TFLM", "of TFLM", "TinyTS", "of TinyTS", "context", *self._head_each("stack")]
        head += ["TFLM's stack", f"ours at most {STACK_BOUND_BYTES:,}"]
        rows: list[list[Cell]] = []
        for model in self.models:
            rows.append([model.name, model.arena_bytes])
            for runtime in (REFERENCE, RIVAL):
                theirs = model.best(runtime, "arena_bytes")
                rows[-1] += [count(theirs), thousandths(quotient(model.arena_bytes, theirs))]
            stacks = self._each(lambda c, m=model: m.figures(c)["stack_bytes"])
            rows[-1] += [next(iter(model.builds.values())).context_bytes, *stacks]
            rows[-1] += [count(model.best(REFERENCE, "stack_bytes"))]
            rows[-1] += [all(build.profile.stack_bytes <= STACK_BOUND_BYTES for build in model.builds.values())]
        return table(head, rows)

    def _flash(self) -> str:
        head = [
            "model",
            *self._head_each("text"),
            *self._head_each("rodata"),
            *self._head_each("flash"),
            "TFLM's flash",
        ]
        head += [*self._head_each("of TFLM"), f"of TFLM at most {FLASH_OF_TFLM}", *self._head_each("of TinyTS")]
        rows: list[list[Cell]] = []
        for model in self.models:
            rows.append([model.name])
            for figure in ("text_bytes", "rodata_bytes", "flash_bytes"):
                rows[-1] += self._each(lambda c, m=model, f=figure: m.figures(c)[f])
            parts = self._each(lambda c, m=model: m.part(REFERENCE, "flash_bytes", c))
            known = [part for part in parts if isinstance(part, float)]
            rows[-1] += [count(model.best(REFERENCE, "flash_bytes")), *parts]
            rows[-1] += [all(part <= FLASH_OF_TFLM for part in known) if known else None]
            rows[-1] += self._each(lambda c, m=model: m.part(RIVAL, "flash_bytes", c))
        return table(head, rows)

    def _weights(self) -> str:
        head = ["model", "constants", *self._head_each("read"), *self._head_each("times the constants")]
        rows: list[list[Cell]] = []
        for model in self.models:
            rows.append([model.name, model.constant_bytes])
            rows[-1] += self._each(lambda c, m=model: m.builds[c].profile.weight_bytes)
            rows[-1] += self._each(lambda c, m=model: quotient(m.builds[c].profile.weight_bytes, m.constant_bytes))
        return table(head, rows)

    def _kernels(self) -> str:
        head = ["model", "kernel", "steps", "MACs", *self._head_each("instructions"), "share"]
        head += [*self._head_each("per MAC"), "weights read"]
        head += self._head_each("est. cycles") if self.estimator is not None else []
        rows: list[list[Cell]] = []
        for model in self.models:
            folded = {compiler: folded_kernels(build) for compiler, build in model.builds.items()}
            first = next(iter(folded.values()))  # of the first compiler are the columns that name none
            whole = next(iter(model.builds.values())).profile.instructions
            for kernel in dict.fromkeys(kernel for kernels in folded.values() for kernel in kernels):
                works = {c: kernels.get(kernel, (Work(0, 0, 0, 0), 0)) for c, kernels in folded.items()}
                shown = first.get(kernel, (Work(0, 0, 0, 0), 0))[0]
                rows.append([model.name, kernel, shown.steps, shown.macs])
                rows[-1] += self._each(lambda c, w=works: w[c][0].instructions)
                rows[-1] += [share(shown.instructions, whole)]
                rows[-1] += self._each(lambda c, w=works: w[c][0].instructions_per_mac)
                rows[-1] += [shown.weight_bytes]
                rows[-1] += self._each(lambda c, w=works: w[c][1]) if self.estimator is not None else []
        return table(head, rows, left=2)


def folded_kernels(build: Build) -> dict[str, tuple[Work, int]]:
    """Work and estimated cycles of each kernel that matters, and of the rest as `other`."""
    cycles = build.kernel_cycles()
    kernels = build.profile.kernels()
    large = {
        kernel: (work, cycles.get(kernel, 0))
        for kernel, work in kernels.items()
        if work.instructions >= SMALL_SHARE * build.profile.instructions
    }
    small = [kernel for kernel in kernels if kernel not in large]
    if small:
        other = Work.total(kernels[kernel] for kernel in small)
        large["other"] = (other, sum(cycles.get(kernel, 0) for kernel in small))
    return large


def count(value: float | None) -> int | None:
    """A figure of a peer as the whole number that it is."""
    return None if value is None else int(value)


def thousandths(value: float | None) -> str | None:
    """With three digits behind the point: two say little of a twentieth."""
    return None if value is None else f"{value:.3f}"


def geometric_mean(ratios: Iterable[float | None]) -> float | None:
    """Of those that are there."""
    logarithms = [math.log(ratio) for ratio in ratios if ratio]
    return round(math.exp(sum(logarithms) / len(logarithms)), 4) if logarithms else None
