"""The corpus tool compares models with state as sequences: neither side begins anew between inputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import EXACT, RANDOM_STEPS, WRONG, compare, examine
from network_builder import NetworkBuilder, quantization
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.dialects.tinyts import AssignStateOp, ReadStateOp, StateOp
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.inputs import special_inputs

SPLIT = ("--split-tensors",)


def running_sum(keeps: bool) -> ModuleOp:
    """An image and all before it; where the sum is not kept, the one before alone."""
    builder = NetworkBuilder(9)
    image = builder.input((1, 3, 4, 2))
    state = builder.append(StateOp([], image.type, {"state": "sum"}))
    total = builder.add(builder.append(ReadStateOp([state], image.type)), image)
    kept = builder.quantize(total, quantization(image)) if keeps else image
    builder.append(AssignStateOp([kept, state], image.type))
    return builder.module([total])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "sum.tflite"
    path.write_bytes(export_tflite(running_sum(True)))
    return path


def test_state_stays_on_both_targets(model: Path) -> None:
    steps = RANDOM_STEPS + len(special_inputs(()))
    row = examine(model, SPLIT, check=True, on_cortex_m7=True)
    assert (row.status, row.detail) == (EXACT, f"{steps} steps with state; and on the Cortex-M7")


def test_a_model_without_state(demo: Path) -> None:
    row = examine(demo, SPLIT, check=True, on_cortex_m7=True)
    assert (row.status, row.detail) == (EXACT, "and on the Cortex-M7")


def test_state_that_is_another_is_seen(model: Path) -> None:
    """The image before in place of the sum: the first step is the same, the second is not."""
    status, detail = compare(model, compile_module(running_sum(False), SPLIT, "sum"), on_cortex_m7=False)
    assert status == WRONG
    assert detail.startswith("host, input 1 (random 1")
