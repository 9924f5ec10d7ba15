"""Compiles random networks and compares every output byte with LiteRT's: a campaign, or one network of it.

    python tools/fuzz_networks.py --count 1000 --seed 5000        networks 5000 to 5999
    python tools/fuzz_networks.py --count 1 --seed 5017 --print   the one that failed, as text
    python tools/fuzz_networks.py --count 1000 --uint8            networks whose tensors are uint8

Each network runs in LiteRT, in the interpreters of both dialects, and as C on this machine with address and
undefined-behaviour sanitizers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from host_batch import build_host_batch
from network_generator import Network, random_network
from xdsl.dialects.builtin import ModuleOp
from xdsl.printer import Printer

from tinyts_mlir.compiler import CompiledModel, compile_module
from tinyts_mlir.errors import CompileError
from tinyts_mlir.interpreters.tinyrt import run_program
from tinyts_mlir.interpreters.tinyts import States, run_function
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.unsigned import unsigned_file
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import NamedInput, standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

BATCH = 100
"""Networks that are built into one program."""

Outputs = list[npt.NDArray[Any]]


@dataclass
class Expected:
    """What a module makes of some inputs: LiteRT's outputs."""

    module: ModuleOp
    data: bytes
    inputs: list[NamedInput]
    outputs: list[Outputs]


@dataclass
class Checked:
    """A network that compiled and passed the interpreters."""

    network: Network
    compiled: CompiledModel
    expected: Expected


class Failure(Exception):
    """A network that did not come out right; the text says how."""


def check_networks(networks: Iterable[Network], directory: Path) -> list[str]:
    """Compiles and runs networks; gives a message for each that fails. Neighbours may share a module."""
    failures: list[str] = []
    checked: list[Checked] = []
    expected: Expected | None = None
    for network in networks:
        try:
            if expected is None or expected.module is not network.module:
                expected = _expected(network.module, network.unsigned)
            checked.append(_compile(network, expected))
        except (CompileError, ToolchainError, Failure) as error:
            failures.append(f"network {network.seed} {' '.join(network.flags)}: {error}")
        except Exception as error:  # a bug of the compiler, but the campaign goes on
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            failures.append(
                f"network {network.seed} {' '.join(network.flags)}: {type(error).__name__} at {where}: {error}"
            )
    if not checked:
        return failures
    programs = build_host_batch({one.compiled.name: one.compiled.files for one in checked}, directory)
    for one in checked:
        network, program = one.network, programs[one.compiled.name]
        arrays = [inference.arrays for inference in one.expected.inputs]
        try:
            _compare("C", one.expected, program.run_all(arrays))
            if network.feed_rows is not None and program.interface.has_feed:
                what = f"C, fed {network.feed_rows} rows at a time"
                _compare(what, one.expected, program.run_all(arrays, network.feed_rows))
        except (ToolchainError, Failure) as error:
            failures.append(f"network {network.seed} {' '.join(network.flags)}: {error}")
    return failures


def _expected(module: ModuleOp, unsigned: bool) -> Expected:
    """Runs a module in LiteRT, and checks that the interpreter makes the same of it."""
    data = export_tflite(module)
    if unsigned:
        data = write_tflite(unsigned_file(read_tflite(data, "network")))
    reference = ReferenceModel(data)
    inputs = standard_inputs(reference.inputs, 2)
    expected = Expected(module, data, inputs, [reference.run(inference.arrays) for inference in inputs])
    states: States = {}
    outputs = [run_function(module, inference.arrays, states=states) for inference in inputs]
    _compare("tinyts interpreter", expected, outputs)
    return expected


def _compile(network: Network, expected: Expected) -> Checked:
    """Compiles a network, and checks that the interpreter of what is emitted makes the same of some inputs."""
    module = network.module.clone()
    if not network.returns_input:
        module = import_tflite(expected.data, f"network {network.seed}")
    compiled = compile_module(module, network.flags, f"network_{network.seed}")
    program = program_of(compiled.module)
    states: States = {}
    outputs = [run_program(program, inference.arrays, states=states) for inference in expected.inputs[:3]]
    _compare("tinyrt interpreter", expected, outputs)
    return Checked(network, compiled, expected)


def bits(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The elements, flat; of floats their bits, so that 0 and -0 are different."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint32) if flat.dtype == np.float32 else flat


def _compare(what: str, expected: Expected, got: Sequence[Outputs]) -> None:
    """Raises Failure where outputs for the first inputs, one after the other, differ from LiteRT's."""
    for number, ours in enumerate(got):
        for output, (one, other) in enumerate(zip(ours, expected.outputs[number], strict=True)):
            different = np.flatnonzero(bits(one) != bits(other))
            if different.size:
                raise Failure(
                    f"{what}: input {expected.inputs[number].name}, output {output}, element {different[0]}: "
                    f"{one.reshape(-1)[different[0]]}, expected {other.reshape(-1)[different[0]]} "
                    f"({different.size} of {one.size} differ)"
                )


def main() -> int:
    """Runs a campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="how many networks; default: 100")
    parser.add_argument("--seed", type=int, default=0, help="of the first; the next has the next seed; default: 0")
    parser.add_argument("--uint8", action="store_true", help="networks of uint8 tensors")
    parser.add_argument("--print", action="store_true", help="print each network as text, do not run it")
    parser.add_argument("--int16", action="store_true", help="networks on int16 feature maps")
    options = parser.parse_args()
    if options.int16 and options.uint8:
        parser.error("--int16 and --uint8 exclude each other")
    bits = 16 if options.int16 else 8

    started, failed = time.monotonic(), 0
    for first in range(options.seed, options.seed + options.count, BATCH):
        seeds = range(first, min(first + BATCH, options.seed + options.count))
        if options.print:
            for seed in seeds:
                network = random_network(seed, bits, options.uint8)
                print(f"// network {seed}: {' '.join(network.flags)}, fed {network.feed_rows} rows at a time")
                Printer(sys.stdout).print_op(network.module)
                print()
            continue
        with tempfile.TemporaryDirectory(prefix="tinyts-fuzz-") as directory:
            networks = (random_network(seed, bits, options.uint8) for seed in seeds)
            failures = check_networks(networks, Path(directory))
        failed += len(failures)
        for failure in failures:
            print(failure)
        done = seeds[-1] + 1 - options.seed
        print(f"{done} networks, {failed} failed, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
