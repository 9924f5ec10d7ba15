"""The device's answers, on this machine with sanitizers: docs/boards.md, "The serial protocol"."""

from __future__ import annotations

import random
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from firmware import demo
from fuzz_device import (
    INPUT_BYTES,
    MOST_INFERENCES,
    answers_of,
    build_application,
    build_device,
    command_lines,
    fuzz,
)
from network_builder import NetworkBuilder, Quantization

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.lowering.projects import emit_application_project
from tinyts_mlir.mlperf_tiny import BENCHMARKS
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.device_data import expected_results

FUZZED_LINES = 20_000


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_device(tmp_path_factory.mktemp("device"))


def ask(device: Path, *commands: str) -> list[str]:
    """The answers to the commands, without their last line end."""
    return [
        answer.decode().removesuffix("\r\n").replace("\r\n", "\n")
        for answer in answers_of(device, [command.encode() for command in commands])
    ]


def test_greeting(device: Path) -> None:
    result = subprocess.run([device], input=b"", capture_output=True, check=True)
    assert result.stdout == b"m-timestamp-mode-performance\r\nm-init-done\r\nm-ready\r\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("name", "m-name-dut-[tinyts-mlir]"),
        ("profile", "m-profile-[tinyts-mlir MLPerf Tiny device 1]\nm-model-[demo]"),
        ("timestamp", ""),  # answers_of leaves laps out
        ("", ""),
        ("   name  ", "m-name-dut-[tinyts-mlir]"),
        ("\r\nname\n", "m-name-dut-[tinyts-mlir]"),
        ("nonsense", "e-[Unknown command: nonsense]"),
        ("Name", "e-[Unknown command: Name]"),
        ("results", "e-[No inference yet]"),
        ("db print", ""),
        ("db", "e-[Expected db load, db print or db and hex digits]"),
        ("db load", f"e-[Expected db load N, N from 1 to {INPUT_BYTES}]"),
        ("db load 0", f"e-[Expected db load N, N from 1 to {INPUT_BYTES}]"),
        (f"db load {INPUT_BYTES + 1}", f"e-[Expected db load N, N from 1 to {INPUT_BYTES}]"),
        ("db load 4294967297", f"e-[Expected db load N, N from 1 to {INPUT_BYTES}]"),
        ("db load -1", f"e-[Expected db load N, N from 1 to {INPUT_BYTES}]"),
        ("db load 1x", f"e-[Expected db load N, N from 1 to {INPUT_BYTES}]"),
        (f"db load {INPUT_BYTES}", f"m-[Expecting {INPUT_BYTES} bytes]"),
        ("db 00", "e-[More bytes than db load announced]"),
        ("db 123", "e-[Insufficent number of hex digits]"),
        ("db 00zz", "e-[Invalid hex digit 'zz']"),
        ("infer", "e-[Inference iterations must be >0]"),
        ("infer 0", "e-[Inference iterations must be >0]"),
        ("infer x", "e-[Inference iterations must be >0]"),
        ("infer 1 x", "e-[Warmup iterations must be a number]"),
        (f"infer {MOST_INFERENCES + 1} 0", "e-[Too many inferences]"),
        ("infer 1 0", "e-[The input is not loaded]"),
        ("reset", "m-timestamp-mode-performance\nm-init-done"),
        ("x" * 80, f"e-[Unknown command: {'x' * 80}]"),
        ("x" * 81, "e-[Command too long]"),
        ("x" * 5000, "e-[Command too long]"),
    ],
)
def test_answer(device: Path, command: str, answer: str) -> None:
    assert ask(device, command) == [answer]


def test_loading(device: Path) -> None:
    answers = ask(
        device, "db load 10", "db 0011223344", "db 0g", "db 5566778899AA", "db 5566778899", "db print", "db 00"
    )
    assert answers == [
        "m-[Expecting 10 bytes]",
        "",
        "e-[Invalid hex digit '0g']",
        "e-[More bytes than db load announced]",  # nothing of that line is taken
        "m-load-done",
        "m-buffer-00-11-22-33-44-55-66-77\nm-buffer-88-99",
        "e-[More bytes than db load announced]",
    ]


def test_inference(device: Path) -> None:
    load = [f"db load {INPUT_BYTES}", *["db " + "80" * 36] * (INPUT_BYTES // 36)]
    *_, loaded, infer, results, again = ask(device, *load, "infer 2 1", "results", "infer 1 0")
    assert loaded == "m-load-done"
    lines = infer.split("\n")
    assert lines[:4] == ["m-warmup-start-1", "m-warmup-done", "m-infer-start-2", "m-infer-done"]
    assert lines[4].startswith("m-results-[")
    assert lines[4:] == [results]
    assert again.endswith(results)


def test_nothing_is_left_of_an_input_after_reset(device: Path) -> None:
    answers = ask(device, "db load 2", "db 1234", "reset", "db print", "db 12", "results")
    assert answers[3:] == ["", "e-[More bytes than db load announced]", "e-[No inference yet]"]


def test_random_and_mutated_lines(device: Path) -> None:
    fuzz(device, FUZZED_LINES, seed=0)


# --- float inputs, compared with the output ------------------------------------------------------------


def test_float_input(tmp_path: Path) -> None:
    """Values in steps and between, ties, far outside, and what is no number."""
    reference_of = pytest.importorskip("tinyts_mlir.toolchain.reference").ReferenceModel
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (pip install 'tinyts-mlir[run]')")
    builder = NetworkBuilder(0)
    module = builder.module([builder.conv_2d(builder.input((1, 4, 4, 2), Quantization(0.25, 3)), 2)], ["output"])
    reference = reference_of(export_tflite(module))
    compiled = compile_module(module, ["--split-tensors"], "net")
    device = build_application(tmp_path, emit_application_project(compiled.module, "net", "cmake", "ad"), "device")

    def result_of(values: np.ndarray) -> str:
        data = values.astype("<f4").tobytes()
        chunks = [data[start : start + 32].hex() for start in range(0, len(data), 32)]
        answer = ask(device, f"db load {len(data)}", *(f"db {chunk}" for chunk in chunks), "infer 1 0")[-1]
        return answer.rpartition("m-results-[")[2].removesuffix("]")

    generator = np.random.default_rng(0)
    for values in (
        generator.uniform(-30, 30, 32),
        (np.arange(32) - 16) / 8,  # every other one lies between two steps
        generator.uniform(-1e4, 1e4, 32),
        np.full(32, -0.125),
    ):
        assert (result_of(values),) == expected_results(reference, values.astype("<f4").tobytes(), BENCHMARKS["ad"])
    for odd in (np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45):
        assert result_of(np.full(32, odd)) != ""


# --- the streaming application ------------------------------------------------------------


def test_random_lines_instead_of_rows(tmp_path: Path) -> None:
    files = emit_application_project(demo().module, "demo", "cmake")
    program = build_application(tmp_path, files, "streaming")
    generator = random.Random(0)
    lines = command_lines(generator)
    row = b"5a" * (48 * 3)
    sent: list[bytes] = []
    for _ in range(500):
        sent += [next(lines), row, row[: generator.randrange(len(row))], row + next(lines)]
    result = subprocess.run([program], input=b"%".join([*sent, b""]), capture_output=True, check=False, timeout=300)
    assert (result.returncode, result.stderr) == (0, b"")
    asked = [int(line[6:]) for line in result.stdout.split(b"\r\n") if line.startswith(b"m-row-")]
    assert len(asked) == len(sent) + 1  # every line gets one answer
    # A row is taken where the next one is asked for; after every 48 of them there are results.
    taken = sum(other == (one + 1) % 48 for one, other in pairwise(asked))
    assert taken >= 500
    assert result.stdout.count(b"m-results-[") == taken // 48
