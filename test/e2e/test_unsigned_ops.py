"""Every op on uint8 tensors over its parameters: LiteRT's uint8 kernels, both interpreters and C make the same bytes.

The grids are those of int8 (`test_ops.py`), with filters and roundings as uint8 layers have them. Grids of ops that are
refused on uint8 are run through LiteRT instead: it refuses them too, or makes other bytes than of int8.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from comparison import expected_outputs
from every_kernel import kernels_of
from fuzz_networks import check_networks
from network_builder import NetworkBuilder, Quantization
from network_generator import Network, random_network
from test_ops import CHUNK, GRIDS, ROWS, Build, turns
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.dialects.tinyts import Conv2DOp
from tinyts_mlir.errors import UnsupportedModelError
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.unsigned import unsigned_file
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel
from tinyts_mlir.transforms.widen_weights import LEAST_PIXELS, pixels

WITHOUT_KERNEL = {
    "matrix_products": "BATCH_MATMUL",
    "absolutes": "ABS",
    "exponentials": "EXP",
    "logarithms": "LOG",
    "elus": "ELU",
    "roots": "SQRT",
    "inverse_roots": "RSQRT",
    "negations": "NEG",
    "squared_differences": "SQUARED_DIFFERENCE",
}
"""Grids of ops that LiteRT refuses on uint8, and what these are called."""
OTHERWISE = {"l2_normalizations": "L2_NORMALIZATION", "resizings": "RESIZE_BILINEAR"}
"""Grids of ops that LiteRT does otherwise on uint8."""
LIKE_OTHERS = ("matrix_scales", "steep_elus")
OF_THEIR_OWN = (
    "convolutions",
    "convolution_scales",
    "depthwise_convolutions",
    "depth_multipliers",
    "transposed_convolutions",
    "fully_connected",
    "pools",
)
"""Grids of ops that are not simply those of int8: all of them run, of the others one case in `STEP`."""
STEP = 3


def cases(name: str) -> list[tuple[int, Build]]:
    """The numbered cases of a grid that are run here."""
    return list(enumerate(GRIDS[name]()))[:: 1 if name in OF_THEIR_OWN else STEP]


CHUNKS = [
    pytest.param(name, start, id=f"{name} {start}")
    for name in GRIDS
    if name not in (*WITHOUT_KERNEL, *OTHERWISE, *LIKE_OTHERS)
    for start in range(0, len(cases(name)), CHUNK)
]
BATCHES, BATCH = 3, 40


def build(make: Build, seed: int, unsigned: bool = True) -> ModuleOp:
    builder = NetworkBuilder(seed, unsigned=unsigned)
    outputs = make(builder)
    return builder.module([outputs] if isinstance(outputs, SSAValue) else outputs)


def unsigned_bytes(module: ModuleOp) -> bytes:
    """The file of a module as one of uint8 tensors."""
    return write_tflite(unsigned_file(read_tflite(export_tflite(module), "network")))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start"), CHUNKS)
def test_op(name: str, start: int, tmp_path: Path) -> None:
    networks: list[Network] = []
    for number, make in cases(name)[start : start + CHUNK]:
        module = build(make, number)
        rows = ROWS[number % len(ROWS)]
        flags = (f"--split-tensors=rows={rows}",)
        networks.append(Network(number, module, flags, feed_rows=None, returns_input=False, unsigned=True))
    assert not check_networks(networks, tmp_path)


def some_wide_channels() -> Iterator[Build]:
    """Convolutions whose weights fit int8 but for those of one channel in sixteen or more."""
    shapes = turns((7, 6), (4, 9), (5, 5), (1, 8), (9, 1))
    sizes, groups = ((1, 1), (3, 3), (2, 5)), turns(1, 1, 2)
    steps = (("same", (1, 1), (1, 1)), ("valid", (2, 1), (1, 1)), ((1, 2, 0, 3), (1, 2), (2, 1)))
    for size, (padding, stride, dilation), channels in product(sizes, steps, (16, 34)):
        (rows, columns), split = shapes(), groups()

        def build(
            builder: NetworkBuilder,
            map: tuple[int, int, int] = (rows + size[0] * dilation[0], columns + size[1] * dilation[1], 6),
            given: tuple[object, ...] = (channels, size, padding, stride, dilation, split),
        ) -> SSAValue:
            channels, size, padding, stride, dilation, split = given
            image = builder.input((1, *map), Quantization(0.03, builder.zero_point()))
            weights = builder.random.integers(-127, 75, (channels, *size, 6 // split))  # pyright: ignore
            weights[builder.random.integers(0, channels, channels // 16)] = -180  # pyright: ignore
            return builder.conv_2d(
                image,
                channels,  # pyright: ignore
                size,  # pyright: ignore
                groups=split,  # pyright: ignore
                stride=stride,  # pyright: ignore
                dilation=dilation,  # pyright: ignore
                padding=padding,  # pyright: ignore
                weights=weights,
            )

        yield build


def test_some_wide_channels(tmp_path: Path) -> None:
    networks: list[Network] = []
    for number, make in enumerate(some_wide_channels()):
        flags = (f"--split-tensors=rows={ROWS[number % len(ROWS)]}",)
        networks.append(Network(number, build(make, number), flags, None, returns_input=False, unsigned=True))
        compiled = compile_module(networks[-1].module.clone(), flags, "network")
        assert kernels_of(compiled).count("conv_2d_some_wide") == 1
        wide = kernels_of(compile_module(networks[-1].module.clone(), ("--widen-weights=flash=1000000",), "network"))
        [layer] = [op for op in networks[-1].module.walk() if isinstance(op, Conv2DOp)]
        assert wide == ["conv_2d" if pixels(layer) >= LEAST_PIXELS else "conv_2d_some_wide"]
    assert not check_networks(networks, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_networks(batch: int, tmp_path: Path) -> None:
    networks = (random_network(seed, unsigned=True) for seed in range(batch * BATCH, (batch + 1) * BATCH))
    assert not check_networks(networks, tmp_path)


@pytest.mark.parametrize("name", WITHOUT_KERNEL)
def test_what_litert_refuses_is_refused(name: str) -> None:
    data = unsigned_bytes(build(next(iter(GRIDS[name]())), 0))
    with pytest.raises(ToolchainError):
        reference = ReferenceModel(data)
        expected_outputs(reference, standard_inputs(reference.inputs, 1))
    expect_refusal(data, WITHOUT_KERNEL[name])


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_litert_does_otherwise_is_refused(name: str) -> None:
    differs = False
    for number, make in enumerate(GRIDS[name]()):
        signed = export_tflite(build(make, number))
        if OTHERWISE[name] not in {layer.op for layer in read_tflite(signed, "network").layers}:
            continue
        data = unsigned_bytes(build(make, number))
        expect_refusal(data, OTHERWISE[name])
        models = [ReferenceModel(one) for one in (signed, data)]
        for inference in standard_inputs(models[0].inputs, 1):
            one, other = (model.run(inference.arrays) for model in models)
            differs = differs or any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert differs


def expect_refusal(data: bytes, op: str) -> None:
    """The importer names the layer, and says that uint8 is what is in the way."""
    with pytest.raises(UnsupportedModelError) as caught:
        import_tflite(data, "network")
    assert f"({op}): expected int8 activations, got uint8" in str(caught.value)
