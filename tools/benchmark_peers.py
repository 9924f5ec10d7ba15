"""Other runtimes' figures, the ratios to ours, and what ratios we want.

A file of peers is a JSON object: model name to an object of peers. A peer is an object of figures (`instructions`,
`arena_bytes`, `stack_bytes`, `text_bytes`, `rodata_bytes`, ...), or an object of variants, each an object of figures.
A variant with `correct` false computes something else and is left out. Other objects, such as estimates, are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tinyts_mlir.toolchain.errors import ToolchainError

FIGURES = ("instructions", "sram_bytes", "arena_bytes", "stack_bytes", "text_bytes", "rodata_bytes", "flash_bytes")
"""What is compared. SRAM is arena, stack and context; flash is text and rodata."""

Figures = Mapping[str, float]

FASTER = {
    ("0_MW5", "1_MW10", "3_IM5", "4_IM10", "5_IM256", "7_MBV2"): (2.5, 3.2),
    ("vww_MLPerf", "kws_MLPerf", "vww_micronet_vww2", "vww_micronet_vww3"): (2.1, 2.7),
    ("ic_MLPerf",): (2.0, 2.3),
    ("ad_micronet_large", "kws_ds_cnn_l", "kws_micronet_l"): (1.6, 1.9),
}
"""TFLM's instructions divided by ours: what we want at least, and what we stretch for."""

FLASH_OF_TFLM = 0.85
"""What we want of flash at most, of TFLM's."""

REFERENCE, RIVAL = "tflm", "tinyts"
"""The peers that the tables show: TensorFlow Lite Micro, and the best of TinyTS's variants."""


@dataclass(frozen=True)
class Peer:
    """A runtime, or one variant of it."""

    runtime: str
    name: str
    """With the variant's name behind the runtime's."""
    figures: Figures


def load_peers(path: Path | None) -> dict[str, list[Peer]]:
    """The peers of each model; raises ToolchainError where the file cannot be read or is something else."""
    if path is None:
        return {}
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ToolchainError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ToolchainError(f"{path} is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ToolchainError(f"{path}: expected an object of models")
    return {name: _peers(entry) for name, entry in cast(Mapping[str, object], content).items()}


def _peers(entry: object) -> list[Peer]:
    found: list[Peer] = []
    for runtime, value in _fields(entry).items():
        variants = {f"{runtime} {variant}": figures for variant, figures in _fields(value).items()}
        for name, candidate in {runtime: value, **variants}.items():
            if (figures := _figures(_fields(candidate))) is not None:
                found.append(Peer(runtime, name, figures))
    return found


def _fields(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, dict) else {}


def _figures(fields: Mapping[str, object]) -> Figures | None:
    """The figures of a peer with those that follow from them; an input outside of the arena is part of it here."""
    if fields.get("correct") is False:
        return None
    numbers = {
        key: float(value)
        for key, value in fields.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    figures = {key: value for key, value in numbers.items() if key in FIGURES}
    if not figures:
        return None
    if "arena_bytes" in figures:
        figures["arena_bytes"] += numbers.get("input_outside_arena_bytes", 0)
        if "stack_bytes" in figures:
            figures.setdefault("sram_bytes", figures["arena_bytes"] + figures["stack_bytes"])
    if "text_bytes" in figures and "rodata_bytes" in figures:
        figures.setdefault("flash_bytes", figures["text_bytes"] + figures["rodata_bytes"])
    return figures


def best(peers: list[Peer], runtime: str, figure: str) -> float | None:
    """The least of a figure that any variant of a runtime has; None where none has it."""
    return min(
        (peer.figures[figure] for peer in peers if peer.runtime == runtime and figure in peer.figures), default=None
    )


def quotient(numerator: float | None, denominator: float | None) -> float | None:
    """None where a figure is missing, or the denominator is 0."""
    return numerator / denominator if numerator is not None and denominator else None


def wanted(model: str) -> tuple[float, float] | None:
    """How many times as many instructions TFLM should take, and could at best; None for a model without a target."""
    return next((ratios for models, ratios in FASTER.items() if model in models), None)
