"""The table of docs/sram.md: SRAM of every model in a folder, beside other runtimes' where they are known.

    python tools/sram_table.py MODELS [--peers PEERS.json] [--output docs/sram.md]

Compiles each model with the defaults in each input mode. With --output the table between the markers in that file is
replaced. The plans behind it are executed and compared with LiteRT by the tests in test/e2e.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from generated_text import replace_generated

from tinyts_mlir.compiler import compile_model

MODES = ("stream", "arena", "external")
BEGIN = "<!-- table: tools/sram_table.py -->"
HEAD = (
    "| model | input | arena | bound | above it | context | TFLM's arena | of TFLM | TinyTS's arena | of TinyTS |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def peer_figures(peers: dict[str, dict[str, object]], model: str) -> tuple[int | None, int | None]:
    """TFLM's arena, and the least of TinyTS's correct variants with its input counted, in bytes."""
    figures = peers.get(model, {})
    tflm = figures.get("tflm")
    tinyts = figures.get("tinyts")
    variants = tinyts.values() if isinstance(tinyts, dict) else ()
    arenas = [
        int(variant["arena_bytes"]) + int(variant["input_outside_arena_bytes"])
        for variant in variants
        if variant.get("correct")
    ]
    return int(tflm["arena_bytes"]) if isinstance(tflm, dict) else None, min(arenas, default=None)


def row(model: Path, mode: str, peers: dict[str, dict[str, object]]) -> str:
    """One row of the table."""
    report = compile_model(model, ["--split-tensors", f"--input={mode}"]).report
    arena, context = int(str(report["arena_bytes"])), int(str(report["context_bytes"]))
    bound = int(str(report["bound_bytes"])) if "bound_bytes" in report else 0
    cells = [model.stem, mode, f"{arena:,}", f"{bound:,}" if bound else ""]
    cells += [f"{100 * (arena / bound - 1):.1f} %" if bound else "", f"{context:,}"]
    for figure in peer_figures(peers, model.stem):
        cells += [f"{figure:,}", f"{arena / figure:.3f}"] if figure else ["", ""]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models", type=Path, help="a folder of .tflite files")
    parser.add_argument("--peers", type=Path, help="JSON with other runtimes' figures")
    parser.add_argument("--output", type=Path, help="the file whose table is replaced; default: print it")
    options = parser.parse_args()
    peers = json.loads(options.peers.read_text()) if options.peers and options.peers.is_file() else {}
    rows = [row(model, mode, peers) for model in sorted(options.models.glob("*.tflite")) for mode in MODES]
    table = "\n".join([HEAD, *rows])
    if options.output is None:
        print(table)
        return
    replace_generated(options.output, BEGIN, table)


if __name__ == "__main__":
    main()
