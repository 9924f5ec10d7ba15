"""The device's answers, on this machine with sanitizers: docs/boards.md, "The serial protocol"."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fuzz_device import INPUT_BYTES, MOST_INFERENCES, answers_of, build_device, fuzz

FUZZED_LINES = 3000


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
