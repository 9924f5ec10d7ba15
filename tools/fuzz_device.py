"""Sends random and mutated command lines to the MLPerf Tiny device, built for this machine with sanitizers.

The device must answer every line with m-ready, report nothing, and still do what a good command asks.

    python tools/fuzz_device.py --count 100000
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from host_batch import SANITIZERS

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.demo import demo_model
from tinyts_mlir.lowering.projects import emit_application_project
from tinyts_mlir.output import write_project
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, host_compiler

MOST_INFERENCES = 2
"""A device built with this bound refuses an `infer 4000000000`, which would be no hang but take as long."""

INPUT_BYTES = 48 * 48 * 3
"""Of the demo model."""
BYTES_A_LINE = 38
LEFT_OUT = {
    "device": ("main_streaming", "streaming", "source_serial", "source_generator"),
    "streaming": ("main_device", "device", "source_generator"),
}
LINES_A_RUN = 2000
RUN_TIMEOUT_SECONDS = 300

GOOD = (
    *("name", "profile", "timestamp", "results", "reset", "db print", "infer 1 0", "infer 2 1", "infer 1"),
    *("db load 6912", "db load 16", "db 00112233445566778899aabbccddeeff", "db 80"),
)
WORDS = (
    *("name", "profile", "timestamp", "results", "reset", "db", "load", "print", "infer", "0", "1", "6912", "6913"),
    *(
        "4294967295",
        "4294967296",
        "99999999999999999999",
        "-1",
        "0x10",
        "1e9",
        "00",
        "zz",
        "0g",
        "abc",
        "FFFFFFFF",
        "e-[",
    ),
)


def build_device(folder: Path) -> Path:
    """Builds the demo model's device with sanitizers."""
    compiled = compile_module(demo_model(), ["--split-tensors", "--input=external"], "demo")
    return build_application(folder, emit_application_project(compiled.module, "demo", "cmake"), "device")


def build_application(folder: Path, files: Mapping[str, str], application: str) -> Path:
    """Builds an application of a project of kind `cmake` with sanitizers."""
    write_project(folder, files)
    left_out = {f"applications/tinyts_{source}.c" for source in LEFT_OUT[application]}
    sources = [folder / file for file in files if file.endswith(".c") and file not in left_out]
    objects = {source: folder / f"{number}_{source.stem}.o" for number, source in enumerate(sources)}
    compiler = host_compiler()
    flags = [*WARNING_FLAGS, *SANITIZERS, f"-DTINYTS_DEVICE_MOST_INFERENCES={MOST_INFERENCES}u"]
    compiler.compile(objects, [folder, folder / "applications"], flags)
    compiler.link(list(objects.values()), folder / application, SANITIZERS)
    return folder / application


def _any_bytes(generator: random.Random, most: int) -> bytes:
    return bytes(byte for byte in generator.randbytes(generator.randrange(most)) if byte != ord("%"))


def command_lines(generator: random.Random) -> Iterator[bytes]:
    """Command lines without end, each without its `%`."""
    while True:
        kind = generator.randrange(6)
        if kind == 0:
            yield _any_bytes(generator, 200)
        elif kind == 1:
            yield generator.choice(GOOD).encode()
        elif kind == 2:
            yield " ".join(generator.choices(WORDS, k=generator.randrange(6))).encode()
        elif kind == 3:  # digits, now and then too many for a line
            digits = generator.choices("0123456789abcdefABCDEF", k=generator.randrange(120))
            yield f"db {''.join(digits)}".encode()
        else:
            line = bytearray(generator.choice(GOOD).encode())
            for _ in range(generator.randrange(1, 5)):
                _mutate(generator, line)
            yield bytes(line)


def _mutate(generator: random.Random, line: bytearray) -> None:
    position = generator.randrange(len(line) + 1)
    match generator.randrange(4):
        case 0:
            line[position:position] = _any_bytes(generator, 4)
        case 1:
            del line[position : position + generator.randrange(1, 4)]
        case 2:
            line[position:position] = line[:position] * generator.randrange(1, 20)
        case _:
            line[position : position + 1] = generator.choice(WORDS).encode()


def good_commands() -> list[bytes]:
    """Commands whose answers are known: load an input in full, run it, and something short."""
    data = random.Random(0).randbytes(INPUT_BYTES)
    chunks = [data[start : start + BYTES_A_LINE].hex() for start in range(0, INPUT_BYTES, BYTES_A_LINE)]
    load = [f"db load {INPUT_BYTES}", *(f"db {chunk}" for chunk in chunks), "infer 1 0"]
    short = ["db load 4", "db 0180ff7F", "db print", "name"]
    return [command.encode() for command in [*load, *short]]


def answers_of(device: Path, commands: Sequence[bytes]) -> list[bytes]:
    """What the device says to each command, laps left out; raises SystemExit where it reports something or hangs."""
    try:
        text = b"".join(command + b"%" for command in commands)
        result = subprocess.run(
            [str(device)], input=text, capture_output=True, timeout=RUN_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise SystemExit("the device hangs") from None
    if result.returncode != 0 or result.stderr:
        raise SystemExit(f"status {result.returncode}\n{result.stderr.decode(errors='replace')}")
    greeting, *answers, rest = re.sub(rb"m-lap-us-[0-9]+\r\n", b"", result.stdout).split(b"m-ready\r\n")
    if not greeting.endswith(b"m-init-done\r\n") or rest or len(answers) != len(commands):
        raise SystemExit(f"{len(commands)} commands, but {len(answers)} answers")
    return answers


def overrun(generator: random.Random) -> list[bytes]:
    """An announcement of about the buffer's size or twice of it, and bytes: random lines alone hardly get there."""
    announced = generator.choice((1, 2)) * INPUT_BYTES + generator.randrange(-2, 3)
    lines = generator.randrange(announced // BYTES_A_LINE + 4)
    return [f"db load {announced}".encode(), *[b"db " + b"5A" * BYTES_A_LINE] * lines]


def fuzz(device: Path, count: int, seed: int) -> None:
    """Sends `count` lines; raises SystemExit with what went wrong, and the seed."""
    generator = random.Random(seed)
    lines = command_lines(generator)
    good = good_commands()
    expected = answers_of(device, good)
    if not expected[-5].startswith(b"m-warmup-start-0\r\n") or b"m-results-[" not in expected[-5]:
        raise SystemExit(f"the device does not run a good input: {expected[-5]}")
    for first in range(0, count, LINES_A_RUN):
        sent = [next(lines) for _ in range(min(LINES_A_RUN, count - first))] + overrun(generator)
        try:
            # The good input is there at first, so that mutated lines find one, and has to work again at the end.
            answers = answers_of(device, [*good[:-4], *sent, *good])
        except SystemExit as failure:
            raise SystemExit(f"seed {seed}, lines from {first} on: {failure}") from None
        if answers[-len(good) :] != expected:
            raise SystemExit(f"seed {seed}, lines from {first} on: good commands get other answers afterwards")


def main() -> None:
    """Builds the device and fuzzes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="command lines; default: 100000")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tinyts-fuzz-") as directory:
        fuzz(build_device(Path(directory)), options.count, options.seed)
    print(f"{options.count:,} command lines in {time.monotonic() - started:.0f} s: no report, no hang")


if __name__ == "__main__":
    main()
