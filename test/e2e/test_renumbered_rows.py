"""Concatenation along rows, and split along rows: no step copies, and every byte is LiteRT's."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from comparison import assert_same, default_cross_compiler, expected_outputs
from every_kernel import kernels_of
from fuzz_networks import check_networks
from network_builder import NetworkBuilder, Quantization
from network_generator import Network
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter

from tinyts_mlir.compiler import CompiledModel, compile_module
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel
from tinyts_mlir.transforms.renumber_rows import RenumberMovedRows

INPUT = Quantization(0.02, -3)
"""Rows that are concatenated are quantized alike."""
FLAGS = ["--split-tensors", "--plan-arena=scratch=never"]
FLAGS_OF_ONES = ["--split-tensors=rows=1", "--plan-arena=scratch=never"]
COPYING = {"copy", "concatenation", "split"}
ORDERS = ("auto", "depth-first", "breadth-first")
MODES = ("stream", "arena")


def stacked() -> ModuleOp:
    """Two branches one above the other; a window goes over the border."""
    builder = NetworkBuilder()
    image = builder.input((1, 16, 12, 4), INPUT)
    upper = builder.max_pool_2d(image, (3, 3), padding="same")
    rows = builder.concatenation([upper, builder.leaky_relu(image, 0.25, INPUT)], axis=1)
    value = builder.conv_2d(rows, 6, (3, 3), stride=(2, 1), padding="same")
    return builder.module([builder.average_pool_2d(value, (16, 12))])


def repeated() -> ModuleOp:
    """The same rows twice, with rows of another input between: read in another order than they are made."""
    builder = NetworkBuilder()
    image, other = builder.input((1, 8, 12, 4), INPUT), builder.input((1, 9, 12, 4), INPUT)
    value = builder.leaky_relu(image, 0.25, INPUT)
    rows = builder.concatenation([value, other, value], axis=1)
    both = builder.add(builder.conv_2d(rows, 4, (3, 3), padding="same"), rows)
    return builder.module([builder.mean(both)])


def folded() -> ModuleOp:
    """The halves of a map added: row 0 to row 8. Their rows the other way round are read, too."""
    builder = NetworkBuilder()
    value = builder.max_pool_2d(builder.input((1, 16, 12, 4)), (3, 3), padding="same")
    upper, lower = builder.split(value, 2, axis=1)
    swapped = builder.concatenation([lower, upper], axis=1)
    return builder.module(
        [
            builder.fully_connected(builder.add(upper, lower), 5, input_channels=8 * 12 * 4),
            builder.average_pool_2d(builder.depthwise_conv_2d(swapped, (3, 1), padding="same"), (16, 12)),
        ]
    )


def dense() -> ModuleOp:
    """Read whole, by a layer that takes rows as they come."""
    builder = NetworkBuilder()
    image = builder.input((1, 8, 12, 4), INPUT)
    rows = builder.concatenation(
        [builder.conv_2d(image, 4, result=INPUT), builder.depthwise_conv_2d(image, result=INPUT)], axis=1
    )
    return builder.module([builder.fully_connected(rows, 7, input_channels=16 * 12 * 4)])


networks = pytest.mark.parametrize("make", [stacked, repeated, folded, dense])
Make = Callable[[], ModuleOp]


def compiled_with_copies(module: ModuleOp, flags: list[str], monkeypatch: pytest.MonkeyPatch) -> CompiledModel:
    """The module as it comes out when concatenations and splits along rows stay what they are."""

    def keep(_self: object, _op: Operation, _rewriter: PatternRewriter) -> None:
        pass

    with monkeypatch.context() as patch:
        patch.setattr(RenumberMovedRows, "match_and_rewrite", keep)
        return compile_module(module, flags, "net")


@networks
def test_without_copies(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the emulated Cortex-M7, in less memory and with fewer instructions than with copies.

    All bands have one row, and no kernel has scratch: a smaller arena has less room for either.
    """
    reference = ReferenceModel(export_tflite(make()))
    inputs = standard_inputs(reference.inputs, 2)
    expected = expected_outputs(reference, inputs)
    assert not COPYING & set(kernels_of(compile_module(make(), FLAGS, "net")))
    lean = compile_module(make(), FLAGS_OF_ONES, "net")
    assert not COPYING & set(kernels_of(lean))
    copying = compiled_with_copies(make(), FLAGS_OF_ONES, monkeypatch)
    assert COPYING & set(kernels_of(copying))
    arena, instructions = [], []
    for number, one in enumerate((lean, copying)):
        program = build_cortex_m7(one.files, one.name, tmp_path / str(number), default_cross_compiler())
        assert_same(inputs, expected, program.run_all([inference.arrays for inference in inputs]), "invoke")
        instructions.append(program.measure(inputs[0].arrays).instructions)
        arena.append(int(str(one.report["arena_bytes"])))
    assert arena[0] < 0.6 * arena[1]
    if make is not dense:  # which takes rows now, in more steps
        assert instructions[0] < instructions[1]


@pytest.mark.slow
@networks
def test_every_plan(make: Make, tmp_path: Path) -> None:
    """In any order and with bands of any height: with some, bands do not line up, and the op copies."""
    cases: list[Network] = []
    module = make()
    feed_rows = 3 if len(module.body.block.first_op.body.block.args) == 1 else None  # pyright: ignore
    for rows, order in product((1, 2, 3), ORDERS):
        mode = MODES[len(cases) % len(MODES)]
        flags = (f"--split-tensors=rows={rows}", f"--schedule-bands=order={order}", f"--input={mode}")
        cases.append(Network(len(cases), module, flags, feed_rows, returns_input=False))
    cases.append(Network(len(cases), module, ("--split-tensors", "--input=external"), None, returns_input=False))
    assert not check_networks(cases, tmp_path)


def test_returned_rows_are_made_where_they_belong(tmp_path: Path) -> None:
    """A result is one piece, in which the operands' rows are made; rows that something else reads are copied there."""

    def returned(also_read: bool) -> ModuleOp:
        builder = NetworkBuilder()
        image = builder.input((1, 4, 6, 2), INPUT)
        value = builder.leaky_relu(image, 0.5, INPUT)
        rows = builder.concatenation([value, builder.max_pool_2d(image, (3, 3), padding="same")], axis=1)
        return builder.module([rows, builder.average_pool_2d(value, (4, 6))] if also_read else [rows])

    lean, copying = (compile_module(returned(also_read), FLAGS, "net") for also_read in (False, True))
    assert not COPYING & set(kernels_of(lean))
    assert COPYING & set(kernels_of(copying)) == {"copy"}
    cases = [
        Network(10 * also_read + rows, returned(also_read), (f"--split-tensors=rows={rows}",), rows, False)
        for also_read in (False, True)
        for rows in (1, 2, 3)
    ]
    assert not check_networks(cases, tmp_path)
