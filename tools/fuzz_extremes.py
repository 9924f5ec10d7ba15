"""Networks of extreme shapes: tall, wide, deep, and of many maps. Each compiles in a stated time and is exact.

    python tools/fuzz_extremes.py            all of them
    python tools/fuzz_extremes.py "tall 65535"

Prints CPU seconds, peak memory and the arena of each, compiled in a process of its own, and whether the outputs of the
emitted program are LiteRT's. Exit status 1 where one takes more than its limit, more than 1 GB, or is not exact.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

from fuzz_networks import bits
from network_builder import NetworkBuilder, Quantization
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.interpreters.tinyrt import run_program
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

BYTES = 1 << 30
POSITIVE = Quantization(0.05, -128)


def column(rows: int) -> ModuleOp:
    """One column of so many rows: three convolutions."""
    return _strip((1, rows, 1, 1))


def row(columns: int) -> ModuleOp:
    """One row of so many columns."""
    return _strip((1, 1, columns, 1))


def _strip(shape: tuple[int, ...]) -> ModuleOp:
    builder = NetworkBuilder(1)
    value = builder.conv_2d(builder.input(shape, Quantization(0.03, -5)), 2, (3, 3), padding="same")
    return builder.module([builder.conv_2d(builder.depthwise_conv_2d(value, (3, 3)), 1)], ["output"])


def chain(layers: int) -> ModuleOp:
    """So many layers, one after the other."""
    builder = NetworkBuilder(2)
    value = builder.input((1, 8, 8, 4), Quantization(0.03, -5))
    for number in range(layers):
        window = (3, 3) if number % 3 == 0 else (1, 1)
        value = builder.conv_2d(value, 4, window, padding="same", activation="relu6", result=POSITIVE)
    return builder.module([value], ["output"])


def sheaf(maps: int) -> ModuleOp:
    """So many maps, concatenated by hundreds."""
    builder = NetworkBuilder(3)
    image = builder.input((1, 8, 8, 4), Quantization(0.03, -5))
    parts: list[SSAValue] = [builder.conv_2d(image, 2, result=POSITIVE) for _ in range(maps)]
    while len(parts) > 1:
        parts = [builder.concatenation(parts[first : first + 100], axis=3) for first in range(0, len(parts), 100)]
    return builder.module(parts, ["output"])


Case = tuple[Callable[[int], ModuleOp], int, float]
CASES: dict[str, Case] = {
    "column 65535": (column, 65535, 20),
    "column 16000": (column, 16000, 20),
    "row 65535": (row, 65535, 10),
    "chain 300": (chain, 300, 15),
    # Linear: some milliseconds a layer.
    "chain 3000": (chain, 3000, 40),
    "sheaf 300": (sheaf, 300, 15),
}
"""Maker, size, and the most CPU seconds."""


def run(name: str) -> int:
    """One case, in this process."""
    make, size, limit = CASES[name]
    module = make(size)
    data = export_tflite(module)
    started = time.process_time()
    compiled = compile_module(module, ["--split-tensors"], "network")
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    reference = ReferenceModel(data)
    program = program_of(compiled.module)
    inputs = standard_inputs(reference.inputs, 1)[:1]
    is_exact = all(
        (bits(one) == bits(other)).all()
        for given in inputs
        for one, other in zip(run_program(program, given.arrays), reference.run(given.arrays), strict=True)
    )
    verdict = "exact" if is_exact else "WRONG"
    print(f"{name:14} {seconds:6.1f} s {peak >> 20:5} MB  arena {compiled.report['arena_bytes']:>8}  {verdict}")
    return 0 if is_exact and seconds <= limit and peak <= BYTES else 1


def main() -> int:
    """Runs the cases that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *CASES], help="which; default: all")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.names or list(CASES)
    if options.here:
        return run(names[0])
    statuses = [subprocess.run([sys.executable, __file__, name, "--here"], check=False).returncode for name in names]
    return 1 if any(statuses) else 0


if __name__ == "__main__":
    sys.exit(main())
