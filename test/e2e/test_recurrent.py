"""LSTM and SVDF over their parameters: LiteRT, both interpreters and C with sanitizers make the same, call by call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from fuzz_networks import check_networks
from network_builder import NetworkBuilder, Quantization
from network_generator import Network
from recurrent_samples import CELL_EXPONENTS, Lstm, Svdf, lstm, svdf
from xdsl.ir import SSAValue

Build = Callable[[NetworkBuilder], SSAValue]
CHUNK = 20


def lstms() -> Iterator[Build]:
    zero_points = (-128, -1, 0, 5, 127)

    def of(steps: int, inputs: int, like: Lstm, zero_point: int = -3) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            shape = (steps, 1, inputs) if like.time_major else (1, steps, inputs)
            return lstm(builder, builder.input(shape, Quantization(0.05, zero_point)), like, "lstm")

        return build

    sizes = ((1, 1, 1), (2, 3, 5), (5, 4, 4), (3, 7, 13), (4, 9, 17), (7, 12, 6), (2, 33, 32), (1, 2, 3))
    for (steps, inputs, units), gates, time_major in product(sizes, (3, 4), (False, True)):
        yield of(steps, inputs, Lstm(units, gates, time_major=time_major))
    for exponent, spread, clip in product(CELL_EXPONENTS, (0.3, 3.0, 100.0), (None, 0.5, 1000.0)):
        yield of(6, 5, Lstm(6, cell_exponent=exponent, spread=spread, cell_clip=clip))
    for zero_point, hidden in product(zero_points, zero_points):
        yield of(4, 6, Lstm(5, hidden=Quantization(0.0078, hidden)), zero_point)
    for scale in (1e-5, 0.003, 0.5, 30.0):
        yield of(4, 6, Lstm(5, hidden=Quantization(scale, 1)))


def svdfs() -> Iterator[Build]:
    def of(inputs: int, like: Svdf, zero_point: int = -128) -> Build:
        def build(builder: NetworkBuilder) -> SSAValue:
            return svdf(builder, builder.input((1, inputs), Quantization(0.05, zero_point)), like, "svdf")

        return build

    for inputs, units, rank, steps in product((1, 3, 8, 17), (1, 4, 19), (1, 2, 3), (1, 2, 5, 9)):
        yield of(inputs, Svdf(units, rank, steps, has_bias=(inputs + steps) % 3 != 0))
    for zero_point, scale in product((-128, 0, 127), (1e-6, 0.0001, 0.1)):
        yield of(9, Svdf(6, 2, 4, memory_scale=scale), zero_point)


GRIDS = {"lstm": list(lstms()), "svdf": list(svdfs())}
CHUNKS = [(name, start) for name, grid in GRIDS.items() for start in range(0, len(grid), CHUNK)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start"), CHUNKS)
def test_the_same_as_litert(name: str, start: int, tmp_path: Path) -> None:
    networks: list[Network] = []
    for number, build in enumerate(GRIDS[name][start : start + CHUNK], start):
        builder = NetworkBuilder(number)
        module = builder.module([build(builder)])
        networks.append(Network(number, module, ("--split-tensors",), feed_rows=None, returns_input=False))
    assert not check_networks(networks, tmp_path)
