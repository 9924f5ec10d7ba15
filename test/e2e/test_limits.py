"""Numbers at the limit of their fields in C run right, and one above it is refused before anything is planned."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fuzz_networks import check_networks
from network_builder import NetworkBuilder, Quantization
from network_generator import Network
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.opt import PROGRAM, opt
from tinyts_mlir.compiler import compile_module
from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.exporter import export_tflite

UINT16, UINT8 = (1 << 16) - 1, (1 << 8) - 1
SECONDS = 10
"""CPU that a refusal may take."""

Build = Callable[[NetworkBuilder, int], ModuleOp]


def _one(build: Callable[[NetworkBuilder, int], object]) -> Build:
    return lambda builder, number: builder.module([build(builder, number)])  # type: ignore[list-item]


def _pool_of(shape: Callable[[int], tuple[int, ...]]) -> Build:
    return _one(lambda builder, n: builder.max_pool_2d(builder.input(shape(n)), (1, 1)))


def _outputs(builder: NetworkBuilder, count: int) -> ModuleOp:
    image = builder.input((1, 2, 2, 1))
    return builder.module([builder.leaky_relu(image, (i + 1) / 512) for i in range(count)])


def _inputs(builder: NetworkBuilder, count: int) -> ModuleOp:
    quantization = None
    first = builder.input((1, 1, 1, 2), quantization)
    total = first
    for _ in range(count - 1):
        total = builder.add(total, builder.input((1, 1, 1, 2)))
    return builder.module([total])


CASES: dict[str, tuple[Build, int, str]] = {
    "width": (_pool_of(lambda n: (1, 1, n, 1)), UINT16, "input_width"),
    "channels": (_pool_of(lambda n: (1, 1, 1, n)), UINT16, "channels"),
    "rows": (_one(lambda b, n: b.leaky_relu(b.input((1, n, 1, 1)), 0.5)), UINT16, "rows"),
    "rows of a result": (
        _one(lambda b, n: b.leaky_relu(b.pad(b.input((1, n - 3, 1, 1)), (3, 0, 0, 0)), 0.5)),
        UINT16,
        "rows",
    ),
    "channels of a convolution": (_one(lambda b, n: b.conv_2d(b.input((1, 1, 1, n)), 2)), UINT16, "filter_channels"),
    "channels that a convolution makes": (
        _one(lambda b, n: b.conv_2d(b.input((1, 1, 2, 1)), n)),
        UINT16,
        "output_channels",
    ),
    "stride of columns": (
        _one(lambda b, n: b.max_pool_2d(b.input((1, 1, 3, 1)), (1, 1), stride=(1, n))),
        UINT16,
        "column_stride",
    ),
    "stride of rows": (
        _one(lambda b, n: b.average_pool_2d(b.input((1, 3, 1, 1)), (1, 1), stride=(n, 1))),
        UINT16,
        "row_stride",
    ),
    "window of rows": (
        _one(lambda b, n: b.max_pool_2d(b.input((1, 3, 2, 1)), (n, 1), padding="same")),
        UINT16,
        "filter_height",
    ),
    "window of columns": (
        _one(lambda b, n: b.max_pool_2d(b.input((1, 2, 3, 1)), (1, n), padding="same")),
        UINT16,
        "filter_width",
    ),
    "dilated window": (
        _one(lambda b, n: b.conv_2d(b.input((1, 3, 3, 1)), 2, (n + 1, 1), dilation=(32767, 1), padding="same")),
        2,
        "window_rows",
    ),
    "columns before": (
        _one(lambda b, n: b.pad(b.input((1, 2, 2, 1)), (0, 0, n, 0))),
        UINT16,
        "columns_before",
    ),
    "columns behind": (_one(lambda b, n: b.pad(b.input((1, 2, 2, 1)), (0, 0, 0, n))), UINT16, "columns_after"),
    "channels before": (
        _one(lambda b, n: b.pad(b.input((1, 2, 1, 2)), (0, 0, 0, 0), (n, 0))),
        UINT16,
        "channels_before",
    ),
    "channels behind": (
        _one(lambda b, n: b.pad(b.input((1, 2, 1, 2)), (0, 0, 0, 0), (0, n))),
        UINT16,
        "channels_after",
    ),
    "batches": (
        _one(lambda b, n: b.fully_connected(b.input((n, 2)), 2, input_channels=2)),
        UINT16,
        "batches",
    ),
    "inputs of an op": (
        _one(lambda b, n: b.concatenation([b.input((1, 2, 2, 1))] * n, 3)),
        UINT8,
        "input_count",
    ),
    "outputs of an op": (
        lambda b, n: b.module(b.split(b.input((1, 2, 1, n)), n, 3)[:2]),
        UINT8,
        "output_count",
    ),
    "inputs of the model": (_inputs, UINT8, "the model: input_count"),
    "outputs of the model": (_outputs, UINT8, "the model: output_count"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_above_the_limit(name: str, tmp_path: Path) -> None:
    build, limit, field = CASES[name]
    module = build(NetworkBuilder(7), limit + 1)
    started = time.process_time()
    with pytest.raises(CompileError, match=rf"{field}: expected -?\d+ to \d+, got \d+$"):
        compile_module(module, ["--split-tensors"], "model")
    assert time.process_time() - started < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_at_the_limit(name: str, tmp_path: Path) -> None:
    """Built with all warnings as errors and sanitizers, compared with LiteRT and both interpreters."""
    build, limit, _ = CASES[name]
    assert check_networks([Network(1, build(NetworkBuilder(7), limit), (), None, False)], tmp_path) == []


def test_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, folder = tmp_path / "model.tflite", tmp_path / "out"
    model.write_bytes(export_tflite(_outputs(NetworkBuilder(1), 257)))
    assert status_of(PROGRAM, opt, [str(model), "--split-tensors", "--emit-c", "-o", f"{folder}/"]) == 1
    assert "the model: output_count: expected 0 to 255, got 257" in capsys.readouterr().err
    assert not folder.exists()


def test_constants_that_are_found_impossible_late(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names file and layer."""
    builder = NetworkBuilder(1)
    image = builder.input((1, 4), Quantization(1e4, 3))
    ends, result = np.array([(1 << 31) - 1, -(1 << 31)]), Quantization(1e-6, 0)
    model = tmp_path / "extreme.tflite"
    last = builder.fully_connected(image, 2, bias=ends, scales=(1e3,), result=result)
    model.write_bytes(export_tflite(builder.module([last], ["scores"])))
    assert status_of(PROGRAM, opt, [str(model), "--emit-c"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(
        "tinyts-opt: error: extreme.tflite: layer 'scores': tinyts.fully_connected: accumulators up"
    )
