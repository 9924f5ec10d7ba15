"""Cycles, *estimated*, and cache lines that miss, *simulated*, beside the same of CMSIS-NN's kernels.

Caches are those of an STM32F767 (`memories.py`), empty in the beginning, in front of everything in flash; the arena,
the context and the stack lie in memory that needs none. `toolchain/caches.py` counts which lines miss.

A file of peers is a JSON object with `models`: model name to an object with `cmsis_cycles`, estimated with the same
model of the core, and `cmsis_weight_misses`, lines of constants. These are of kernels alone, so they are compared with
our layers, without the runtime around them and without the instructions that miss.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from benchmark_peers import quotient
from benchmark_report import Build, Cell, Model, geometric_mean, rounded, table

from tinyts_mlir.memories import STM32F767_CACHES
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.profile import RUNTIME

LINE_CYCLES = 10
"""What a line that misses is taken to cost: flash of 216 MHz parts has 7 wait states and gives a line in one read."""


@dataclass(frozen=True)
class CyclePeer:
    """What another library's kernels take for a model's layers: estimated cycles, and lines of constants missed."""

    cycles: int
    lines_missed: int

    @property
    def with_misses(self) -> int:
        """Both together, in cycles."""
        return self.cycles + LINE_CYCLES * self.lines_missed


def load_cycle_peers(path: Path | None) -> dict[str, CyclePeer]:
    """The peer of each model; raises ToolchainError where the file cannot be read or is something else."""
    if path is None:
        return {}
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ToolchainError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ToolchainError(f"{path} is no JSON: {error}") from None
    try:
        models = cast(Mapping[str, Mapping[str, int]], cast(Mapping[str, object], content)["models"])
        return {
            name: CyclePeer(int(figures["cmsis_cycles"]), int(figures["cmsis_weight_misses"]))
            for name, figures in models.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ToolchainError(
            f"{path}: expected `models`, each with `cmsis_cycles` and `cmsis_weight_misses`, whole numbers"
        ) from None


@dataclass(frozen=True)
class CycleFigures:
    """Of one model with one compiler; cycles are None where nothing estimates them."""

    cycles: int | None
    layer_cycles: int | None
    """Without the runtime."""
    data_misses: int
    layer_data_misses: int
    code_misses: int
    constant_lines: int

    @classmethod
    def of(cls, model: Model, build: Build) -> CycleFigures:
        """From what was measured."""
        cycles = None if build.cycles is None else sum(build.cycles.values())
        profile = build.profile
        return cls(
            cycles,
            None if build.cycles is None or cycles is None else cycles - build.cycles[RUNTIME],
            profile.data_misses,
            sum(layer.work.data_misses for layer in profile.layers),
            profile.code_misses,
            -(-model.constant_bytes // STM32F767_CACHES.data.line_bytes),
        )

    @property
    def times_constants(self) -> float | None:
        """How often the constants come from flash, by the lines that loads miss."""
        return quotient(self.data_misses, self.constant_lines)

    @property
    def with_misses(self) -> int | None:
        """Estimated cycles with all lines that miss."""
        return None if self.cycles is None else self.cycles + LINE_CYCLES * (self.data_misses + self.code_misses)

    @property
    def layers_with_misses(self) -> int | None:
        """Of layers alone, with the lines that loads miss: what a peer has."""
        return None if self.layer_cycles is None else self.layer_cycles + LINE_CYCLES * self.layer_data_misses

    def ratio(self, peer: CyclePeer | None) -> float | None:
        """The peer's estimated cycles over ours, both with misses."""
        return None if peer is None else quotient(peer.with_misses, self.layers_with_misses)

    def as_json(self, peer: CyclePeer | None) -> dict[str, object]:
        """By the names of JSON."""
        return {
            "estimated_cycles": self.cycles,
            "data_lines_missed": self.data_misses,
            "code_lines_missed": self.code_misses,
            "data_lines_missed_of_constant_lines": rounded(self.times_constants),
            "estimated_cycles_with_misses": self.with_misses,
            "layers_estimated_cycles_with_misses": self.layers_with_misses,
            "theirs_over_ours": rounded(self.ratio(peer)),
        }


@dataclass(frozen=True)
class CycleSection:
    """The report's part about cycles."""

    compilers: Sequence[str]
    peers: Mapping[str, CyclePeer]

    title = "Cycles, estimated, and lines that miss the caches, simulated"
    key = "cycles"

    def ratios(self, models: Sequence[Model], compiler: str) -> list[float | None]:
        """The peers' over ours."""
        return [CycleFigures.of(model, model.builds[compiler]).ratio(self.peers.get(model.name)) for model in models]

    def markdown(self, models: Sequence[Model]) -> str:
        """A row for each model, the mean of the ratios below."""
        columns = ("est. cycles", "data lines missed", "times the constants", "code lines missed", "est. with misses")
        head = ["model", *(f"{column}, {compiler}" for column in columns for compiler in self.compilers)]
        head += ["CMSIS-NN, est. with misses", *(f"CMSIS-NN / ours, {compiler}" for compiler in self.compilers)]
        rows: list[list[Cell]] = []
        for model in models:
            found = [CycleFigures.of(model, model.builds[compiler]) for compiler in self.compilers]
            peer = self.peers.get(model.name)
            rows.append([model.name, *(one.cycles for one in found), *(one.data_misses for one in found)])
            rows[-1] += [*(one.times_constants for one in found), *(one.code_misses for one in found)]
            rows[-1] += [*(one.with_misses for one in found), None if peer is None else peer.with_misses]
            rows[-1] += [one.ratio(peer) for one in found]
        means = [geometric_mean(self.ratios(models, compiler)) for compiler in self.compilers]
        if any(mean is not None for mean in means):
            rows.append(["geometric mean", *([None] * (len(head) - 1 - len(means))), *means])
        return table(head, rows)

    def figures(self, models: Sequence[Model]) -> Mapping[str, object]:
        """For JSON."""
        shapes = {"data": STM32F767_CACHES.data, "code": STM32F767_CACHES.code}
        return {
            "caches": {name: vars(shape) for name, shape in shapes.items()},
            "cycles_of_a_line": LINE_CYCLES,
            "models": {
                model.name: {
                    compiler: CycleFigures.of(model, build).as_json(self.peers.get(model.name))
                    for compiler, build in model.builds.items()
                }
                for model in models
            },
            "geometric_mean_theirs_over_ours": {
                compiler: geometric_mean(self.ratios(models, compiler)) for compiler in self.compilers
            },
        }
