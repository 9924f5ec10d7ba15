"""`tinyts-demo-model`: writes a small int8 model, so that there is something to compile."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tinyts_mlir.cli.arguments import Parser
from tinyts_mlir.cli.messages import run_command
from tinyts_mlir.demo import demo_model
from tinyts_mlir.output import write_bytes
from tinyts_mlir.tflite.exporter import export_tflite

PROGRAM = "tinyts-demo-model"


def write_demo_model(arguments: Sequence[str]) -> int:
    """Writes the model that the arguments ask for; returns the exit status."""
    parser = Parser(
        prog=PROGRAM,
        description="Writes a small MobileNetV2-like int8 model for 48x48 images, with random weights, as .tflite.",
    )
    parser.add_argument(
        "-o", dest="output", metavar="FILE", type=Path, default=Path("demo.tflite"), help="default: demo.tflite"
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help="another seed, other weights (default: 0)")
    options = parser.parse_args(arguments)
    data = export_tflite(demo_model(options.seed))
    write_bytes(options.output, data)
    print(f"{options.output}: {len(data)} bytes, one 48x48x3 image in, 10 probabilities out")
    return 0


def _seed(text: str) -> int:
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if seed < 0:
        raise argparse.ArgumentTypeError(f"expected an integer of 0 or more, got {text!r}")
    return seed


def main() -> None:
    """The console script."""
    run_command(PROGRAM, write_demo_model)
