"""Every op on int16 feature maps, over its parameters: LiteRT, both interpreters and C with sanitizers agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz_networks import check_networks
from int16_grids import GRIDS
from network_builder import NetworkBuilder
from network_generator import Network
from xdsl.ir import SSAValue

ROWS = (1, 3)
CHUNK = 24
CHUNKS = [
    pytest.param(name, start, id=f"{name} {start}")
    for name, grid in GRIDS.items()
    for start in range(0, len(list(grid())), CHUNK)
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start"), CHUNKS)
def test_op(name: str, start: int, tmp_path: Path) -> None:
    networks: list[Network] = []
    for number, make in enumerate(list(GRIDS[name]())[start : start + CHUNK], start):
        builder = NetworkBuilder(number)
        outputs = make(builder)
        module = builder.module([outputs] if isinstance(outputs, SSAValue) else outputs)
        for rows in ROWS:
            flags = (f"--split-tensors=rows={rows}",)
            networks.append(Network(10 * number + rows, module, flags, feed_rows=None, returns_input=False))
    assert not check_networks(networks, tmp_path)
