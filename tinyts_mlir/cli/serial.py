"""tinyts-serial: talks to a device with a model, on a board or in a process, and compares its results with LiteRT's."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyts_mlir.cli.arguments import Parser, at_least, positive_number
from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.mlperf_tiny import (
    BENCHMARKS,
    Conventions,
    InputEncoding,
    Result,
    conventions_of_model,
    own_conventions,
)
from tinyts_mlir.toolchain.device import Device, Identity, Inferences, StreamingDevice, enough_iterations
from tinyts_mlir.toolchain.device_data import encode_all, expected_results, require_device_model
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel, TensorDetails
from tinyts_mlir.toolchain.serial_line import (
    DEFAULT_BAUD,
    QEMU_MACHINES,
    PortLine,
    ProcessLine,
    SerialLine,
    qemu_command,
)

PROGRAM = "tinyts-serial"
EXIT_MISMATCH = 4
JSON_VERSION = 1

DESCRIPTION = """Talks to the MLPerf Tiny device (or the streaming application) that tinyts-opt --emit-project makes of
MODEL.tflite: sends inputs, reads latency and results, and compares the results with LiteRT's."""

EPILOG = "Exit status: 0 all is well, 1 error, 2 wrong usage, 4 a printed digit differs from LiteRT's."


@dataclass(frozen=True)
class Answer:
    """One input's outcome."""

    inferences: Inferences
    expected: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every printed digit is LiteRT's."""
        return self.inferences.results == self.expected


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    given = sys.argv[1:] if arguments is None else arguments
    return status_of(PROGRAM, lambda options: _run(_parse(options)), given)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("model", metavar="MODEL.tflite", type=Path)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", metavar="PORT", help="a serial port, such as /dev/ttyACM0; needs pyserial")
    where.add_argument("--process", metavar="COMMAND", help="a program that talks over standard input and output")
    where.add_argument("--emulate", metavar="FIRMWARE.elf", help="firmware for a board of QEMU's, in qemu-system-arm")
    parser.add_argument(
        "--machine",
        choices=QEMU_MACHINES,
        help=f"which board of QEMU's the firmware of --emulate is for; default: {QEMU_MACHINES[0]}",
    )
    parser.add_argument("--baud", type=at_least(1), default=DEFAULT_BAUD, help=f"default: {DEFAULT_BAUD}")
    parser.add_argument("--streaming", action="store_true", help="it is the streaming application")
    parser.add_argument("--inputs", type=at_least(1), metavar="N", help="random inputs to send; default: 3")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="of the random inputs; default: 0")
    parser.add_argument(
        "--input-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="send these bytes, as they go over the line (a benchmark's input file); may be repeated",
    )
    parser.add_argument(
        "--iterations",
        type=at_least(1),
        metavar="N",
        help="timed inferences an input; default: as many as last a second, at least 10",
    )
    parser.add_argument("--warmup", type=at_least(0), default=0, metavar="W", help="before them, not timed; default: 0")
    parser.add_argument(
        "--benchmark", choices=sorted(BENCHMARKS), help="whose conventions to follow; default: as the device says"
    )
    parser.add_argument(
        "--timeout", type=positive_number, default=60, metavar="SECONDS", help="for each answer; default: 60"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if options.machine is not None and options.emulate is None:
        parser.error("--machine is for --emulate")
    if options.input_file and options.inputs is not None:
        parser.error("--input-file and --inputs exclude each other")
    if options.streaming and (options.iterations is not None or options.warmup):
        parser.error("--streaming: a row passes by once, so there is no --iterations and no --warmup")
    return options


def _open(options: argparse.Namespace) -> SerialLine:
    if options.port is not None:
        return PortLine(options.port, options.baud)
    if options.emulate is not None:
        if not Path(options.emulate).is_file():
            raise ToolchainError(f"cannot read {options.emulate}")
        return ProcessLine(qemu_command(options.emulate, options.machine or QEMU_MACHINES[0]))
    command = shlex.split(options.process)
    if not command:
        raise ToolchainError("--process: expected a command")
    return ProcessLine(command)


def _run(options: argparse.Namespace) -> int:
    reference = ReferenceModel(options.model)
    require_device_model(reference)
    with _open(options) as line:
        identity, conventions, answers = (_stream if options.streaming else _infer)(line, options, reference)
    if options.json:
        print(json.dumps(_json(options, identity, answers, reference.version), indent=2))
    else:
        print("\n".join(_lines(identity, conventions, answers, reference.version)))
    return 0 if all(answer.equal for answer in answers) else EXIT_MISMATCH


_Outcome = tuple[Identity | None, Conventions, list[Answer]]


def _infer(line: SerialLine, options: argparse.Namespace, reference: ReferenceModel) -> _Outcome:
    device = Device(line, options.timeout)
    device.synchronise()
    identity = device.identity()
    [tensor] = reference.inputs
    conventions = conventions_of_model(identity.model, tensor.zero_point)
    if options.benchmark is not None:
        conventions = BENCHMARKS[options.benchmark]
    iterations: int | None = options.iterations
    answers: list[Answer] = []
    for data in _inputs(options, tensor, conventions.encoding):
        device.load(data)
        if device.loaded() != data:
            raise ToolchainError("the device holds other bytes than it was sent: the serial line loses some")
        if iterations is None:
            iterations = enough_iterations(device.infer(1))
        inferences = device.infer(iterations, options.warmup)
        answers.append(Answer(inferences, expected_results(reference, data, conventions)))
    return identity, conventions, answers


def _stream(line: SerialLine, options: argparse.Namespace, reference: ReferenceModel) -> _Outcome:
    device = StreamingDevice(line, options.timeout)
    [tensor] = reference.inputs
    conventions = own_conventions("", tensor.zero_point)
    if options.benchmark is not None:
        conventions = BENCHMARKS[options.benchmark]
    conventions = Conventions(conventions.model, conventions.encoding, Result.OUTPUTS)
    answers: list[Answer] = []
    for data in _inputs(options, tensor, conventions.encoding):
        device.synchronise()
        inferences = device.infer(data)
        answers.append(Answer(inferences, expected_results(reference, data, conventions)))
    return None, conventions, answers


def _inputs(options: argparse.Namespace, tensor: TensorDetails, encoding: InputEncoding) -> list[bytes]:
    if not options.input_file:
        count = 3 if options.inputs is None else options.inputs
        return encode_all(random_inputs([tensor], count, options.seed), tensor, encoding)
    expected = tensor.bytes * (4 if encoding is InputEncoding.FLOAT32 else 1)
    contents: list[bytes] = []
    for file in options.input_file:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise ToolchainError(f"cannot read {file}: {error.strerror}") from None
        if len(data) != expected:
            raise ToolchainError(f"{file}: expected {expected} bytes, got {len(data)}")
        contents.append(data)
    return contents


def _latencies(answers: Sequence[Answer]) -> list[float]:
    """Microseconds an inference, of each input that was timed."""
    timed = [answer.inferences for answer in answers if answer.inferences.microseconds is not None]
    return [(inferences.microseconds or 0) / inferences.count for inferences in timed]


def _json(
    options: argparse.Namespace, identity: Identity | None, answers: Sequence[Answer], version: str
) -> dict[str, object]:
    return {
        "format": PROGRAM,
        "version": JSON_VERSION,
        "model": options.model.name,
        "device_model": None if identity is None else identity.model,
        "reference": f"LiteRT {version}",
        "equal": all(answer.equal for answer in answers),
        "inputs": [
            {
                "results": answer.inferences.results,
                "expected": answer.expected,
                "inferences": answer.inferences.count,
                "microseconds": answer.inferences.microseconds,
            }
            for answer in answers
        ],
    }


def _lines(identity: Identity | None, conventions: Conventions, answers: Sequence[Answer], version: str) -> list[str]:
    what = "streaming application" if identity is None else f"{identity.vendor}, model {identity.model}"
    lines = [f"device      {what}; input as {conventions.encoding.name.lower()}"]
    for number, answer in enumerate(answers):
        results = ",".join(answer.inferences.results)
        verdict = "as LiteRT" if answer.equal else f"LiteRT says {','.join(answer.expected)}"
        lines.append(f"input {number:<5} {results if len(results) <= 80 else results[:80] + ' ...'}: {verdict}")
    equal = sum(answer.equal for answer in answers)
    lines.append(f"results     {equal} of {len(answers)} equal to LiteRT {version}'s in every printed digit")
    if latencies := _latencies(answers):
        median = float(np.median(latencies))
        rate = f"{1e6 / median:,.2f} inferences a second" if median > 0 else "below the clock's resolution"
        lines.append(f"latency     {median:,.1f} microseconds an inference (median), {rate}")
    return lines
