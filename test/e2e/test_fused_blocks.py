"""Fused blocks, of all shapes and in all kinds of bands and tiles, compute what their layers do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from fuzz_networks import check_networks
from network_builder import NetworkBuilder
from network_generator import Network, random_network
from support import sampled_inputs
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.analysis.macs import macs_of_op
from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.compiler import compile_module
from tinyts_mlir.dialects.tinyts import FusedBlockOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.kernels.fused_blocks import extra_macs
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.transforms.fuse_blocks import FuseBlocksPass


class Shape(NamedTuple):
    """A block: (rows, columns, channels), expansion, depthwise filter, strides, projection; and the first filter."""

    image: tuple[int, int, int]
    expanded: int
    filter: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    projected: int | None = 4
    padding: str | tuple[int, int, int, int] = "same"
    activations: tuple[str, str] = ("none", "none")
    """Random sums are often below zero all together, and then a clamped map is constant."""
    first: tuple[int, int] = (1, 1)
    first_stride: tuple[int, int] = (1, 1)
    first_padding: str | tuple[int, int, int, int] = "same"


SHAPES = {
    "plain": Shape((9, 11, 4), 12, activations=("relu6", "relu")),
    "no projection": Shape((9, 11, 4), 12, projected=None),
    "stride": Shape((10, 13, 7), 20, stride=(2, 2)),
    "strides that differ": Shape((9, 9, 3), 8, (5, 3), (1, 2)),
    "5x5": Shape((7, 6, 5), 9, (5, 5), projected=7),
    "7x7 stride": Shape((15, 14, 16), 32, (7, 7), (2, 2), projected=8, activations=("relu", "relu_n1_to_1")),
    "wider than the map": Shape((3, 2, 4), 8, (7, 7)),
    "one column": Shape((6, 1, 4), 8, (3, 1)),
    "valid": Shape((8, 9, 4), 8, padding="valid"),
    "uneven padding": Shape((8, 9, 4), 8, stride=(2, 2), padding=(0, 1, 1, 0)),
    "2x2": Shape((8, 8, 4), 8, (2, 2), (2, 2), padding="valid"),
    "few channels": Shape((6, 7, 1), 4, projected=1),
    "many channels": Shape((5, 6, 40), 44, projected=20),
    "first 3x3": Shape((10, 9, 3), 12, first=(3, 3)),
    "first 3x3 of four channels, valid": Shape((10, 9, 4), 12, first=(3, 3), first_padding="valid", stride=(2, 2)),
    "first with strides": Shape((19, 14, 1), 8, first=(10, 4), first_stride=(2, 2), padding="valid"),
    "first with strides that differ": Shape((21, 9, 2), 8, (5, 3), first=(4, 3), first_stride=(3, 1), projected=None),
    "first 5x5, uneven padding": Shape((9, 12, 8), 8, first=(5, 5), first_stride=(2, 2), first_padding=(0, 3, 3, 0)),
    "first wider than the map": Shape((4, 3, 4), 8, (5, 5), first=(7, 7), first_stride=(2, 1)),
    "first 1x1 between paddings": Shape((6, 7, 4), 8, first_padding=(0, 0, 2, 1)),
    "rows that are not read": Shape(
        (17, 11, 4), 8, padding="valid", first=(3, 3), first_stride=(3, 3), first_padding="valid"
    ),
}
ALL_CHANNELS = "--prune-channels=off"
"""Random weights have dead channels."""
WAYS = [(1, 4, False), (2, 1, False), (3, 3, False), (8, 7, False), (1, 4, True), (2, 1, True), (9, 3, True)]
"""Least rows of a band, columns of a tile, whether rows are kept."""


def layers(builder: NetworkBuilder, value: SSAValue, shape: Shape) -> SSAValue:
    value = builder.conv_2d(
        value,
        shape.expanded,
        shape.first,
        stride=shape.first_stride,
        padding=shape.first_padding,  # pyright: ignore[reportArgumentType]
        activation=shape.activations[0],
    )
    value = builder.depthwise_conv_2d(
        value,
        shape.filter,
        stride=shape.stride,
        padding=shape.padding,  # pyright: ignore[reportArgumentType]
        activation=shape.activations[1],
    )
    return value if shape.projected is None else builder.conv_2d(value, shape.projected)


def block(shape: Shape) -> ModuleOp:
    builder = NetworkBuilder(len(shape.image))
    image = builder.leaky_relu(builder.input((1, *shape.image)), 0.5)
    return builder.module([builder.leaky_relu(layers(builder, image, shape), 0.5)])


def fused_ops(module: ModuleOp) -> list[FusedBlockOp]:
    [function] = functions(module)
    return [op for op in function.body.block.ops if isinstance(op, FusedBlockOp)]


def fuse_blocks(way: tuple[int, int, bool]) -> str:
    rows, columns, keeps = way
    return f"--fuse-blocks=blocks=0,rows={rows},columns={columns},keep={str(keeps).lower()}"


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_against_litert(shape: Shape, tmp_path: Path) -> None:
    """On this machine, whole and in bands, fed row by row, and by both interpreters."""
    module = block(shape)
    networks = [
        Network(number, module, (ALL_CHANNELS, fuse_blocks(way), *bands), 1, False)
        for number, (way, bands) in enumerate(
            (way, bands) for way in WAYS for bands in ((), ("--split-tensors",), ("--split-tensors=rows=2",))
        )
    ]
    assert not check_networks(networks, tmp_path)
    FuseBlocksPass(blocks=(0,)).apply(Context(), module)
    assert len(fused_ops(module)) == 1


@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "7x7 stride",
        "strides that differ",
        "many channels",
        "first 3x3",
        "first with strides",
        "first 5x5, uneven padding",
    ],
)
def test_on_the_cortex_m7(name: str, tmp_path: Path) -> None:
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    module = block(SHAPES[name])
    inputs = sampled_inputs(module, np.random.default_rng(5), 3)
    expected = [run_function(module, arrays) for arrays in inputs]
    compiled = compile_module(module, [ALL_CHANNELS, "--fuse-blocks=blocks=0,columns=2", "--split-tensors"], "block")
    program = build_cortex_m7(compiled.files, "block", tmp_path)
    for arrays, right in zip(inputs, expected, strict=True):
        np.testing.assert_array_equal(program.run(arrays)[0].ravel(), right[0].ravel())


def test_random_networks(tmp_path: Path) -> None:
    """Whatever can be fused in them is."""
    networks: list[Network] = []
    for seed in range(120):
        network = random_network(seed)
        copy = network.module.clone()
        try:
            FuseBlocksPass(most=1000).apply(Context(), copy)
        except CompileError:
            continue  # of bands already
        if fused_ops(copy):
            networks.append(replace(network, flags=("--fuse-blocks=most=1000", "--split-tensors")))
    assert not check_networks(networks, tmp_path)


def narrow_wide_narrow() -> ModuleOp:
    """A network whose peak is at its first block, as that of most is."""
    builder = NetworkBuilder(3)
    value = builder.conv_2d(builder.input((1, 24, 24, 3)), 8, (3, 3), padding="same")
    value = layers(builder, value, Shape((24, 24, 8), 48, stride=(2, 2), projected=8))
    value = builder.add(value, layers(builder, value, Shape((12, 12, 8), 24, projected=8)))
    return builder.module([builder.max_pool_2d(value, (12, 12))])


def arena_bytes(*flags: str) -> int:
    size = compile_module(narrow_wide_narrow(), [ALL_CHANNELS, *flags, "--split-tensors"], "net").report["arena_bytes"]
    assert isinstance(size, int)
    return size


def test_more_multiplications_buy_smaller_arenas() -> None:
    unfused = arena_bytes()
    sizes = [arena_bytes(f"--fuse-blocks=most={percent}") for percent in (0, 20, 200)]
    assert unfused > sizes[0] >= sizes[1] >= sizes[2]
    assert sizes[2] < 0.8 * unfused


@pytest.mark.parametrize("percent", [0, 5, 20, 100])
def test_no_more_than_asked_for(percent: int) -> None:
    module = narrow_wide_narrow()
    [function] = functions(module)
    total = sum(map(macs_of_op, function.body.block.ops))
    FuseBlocksPass(most=percent).apply(Context(), module)
    extra = sum(extra_macs(op, op.least_band_rows) for op in fused_ops(module))
    assert extra <= total * percent / 100


def test_extra_multiplications_are_counted_row_by_row() -> None:
    """Twelve rows from 24 with a window of three: each band but the first makes one row again, of 24 x 8 x 48."""
    module = narrow_wide_narrow()
    FuseBlocksPass(blocks=(0,)).apply(Context(), module)
    [op] = fused_ops(module)
    assert op.row_map() is not None
    # Same padding of a stride of 2 is below: rows 0-2, 2-4, ..., 22-23.
    assert extra_macs(op, 1) == 11 * 24 * 8 * 48
    assert extra_macs(op, 4) == 2 * 24 * 8 * 48
    assert extra_macs(op, 12) == 24 * 8 * 48  # eight rows together, then four
