"""Three networks on which msf-CNN shows its front, rebuilt from their published shapes, and what it needs for them.

    python tools/stage_networks.py [--output docs/fusion.md]

msf-CNN (2025) fuses stages of layers and computes halos again. By its rules neither the input nor the last map counts:
here the input is external, and a global average pool takes the last map's rows as they come. Shapes have no rounding of
channels, no residual additions and no activations; weights are random. Each row is a point of its front (bytes that it
allocates on an F767ZI, and multiplications by those of the network), and the plan of ours that needs least with no more
multiplications.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from generated_text import replace_generated
from network_builder import NetworkBuilder
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tinyts_mlir.analysis.macs import macs_of_module
from tinyts_mlir.compiler import compile_module
from tinyts_mlir.dialects.rows import shape_of

MARKER = "<!-- table: tools/stage_networks.py -->"


class Block(NamedTuple):
    """Pointwise, depthwise and pointwise convolution."""

    input: float
    output: float
    expansion: int
    stride: int = 1
    filter: int = 3


class Point(NamedTuple):
    """Of msf-CNN's front: bytes, and multiplications by the network's."""

    bytes: int
    times: float


def mobilenet(width: float) -> list[Block]:
    """MobileNetV2's blocks."""
    sizes = [(32, 16, 1, 1), (16, 24, 6, 2), (24, 24, 6, 1), (24, 32, 6, 2), *[(32, 32, 6, 1)] * 2, (32, 64, 6, 2)]
    sizes += [*[(64, 64, 6, 1)] * 3, (64, 96, 6, 1), *[(96, 96, 6, 1)] * 2, (96, 160, 6, 2), *[(160, 160, 6, 1)] * 2]
    sizes += [(160, 320, 6, 1)]
    return [Block(width * input, width * output, expansion, stride) for input, output, expansion, stride in sizes]


VWW = [Block(*sizes) for sizes in (
    (8, 16, 6, 2), (16, 16, 3), (16, 16, 3), (16, 24, 3, 2, 7), (24, 24, 6), (24, 24, 5, 1, 5), (24, 40, 6, 2, 7),
    (40, 40, 6, 1, 7), (40, 48, 6), (48, 48, 4), (48, 96, 5, 2, 5), (96, 96, 5), (96, 96, 4), (96, 160, 3, 1, 7),
)]  # fmt: skip
IMAGENET = [Block(*sizes) for sizes in (
    (8, 16, 3, 2, 7), (16, 16, 5), (16, 16, 5, 1, 7), (16, 16, 4, 1, 5), (16, 24, 5, 2, 5), (24, 24, 5, 1, 5),
    (24, 24, 5, 1, 5), (24, 40, 5, 2), (40, 40, 6, 1, 7), (40, 40, 4, 1, 5), (40, 48, 5, 1, 5), (48, 48, 5, 1, 7),
    (48, 48, 5), (48, 96, 6, 2), (96, 96, 5, 1, 7), (96, 96, 4), (96, 160, 5, 1, 7),
)]  # fmt: skip

NETWORKS: dict[str, tuple[int, list[Block], bool, Sequence[Point]]] = {
    "MBV2-w0.35-r144": (144, mobilenet(0.35), False, (Point(15_199, 1.38), Point(8_560, 1.68))),
    "vww-5fps-r80": (80, VWW, True, (Point(17_904, 1.35), Point(15_368, 1.96))),
    "320K-imagenet-r176": (176, IMAGENET, True, (Point(94_224, 1.45), Point(51_164, 2.69))),
}
"""Size of the image, blocks, whether MCUNet's first layers are in front of them, and the points."""


def network(name: str) -> ModuleOp:
    """One of them."""
    size, blocks, is_mcunet, _ = NETWORKS[name]
    builder = NetworkBuilder(1)

    def padded(filter: int) -> tuple[int, int, int, int]:
        half = filter // 2
        return half, half, half, half

    value: SSAValue = builder.input((1, size, size, 3))
    value = builder.conv_2d(value, 16 if is_mcunet else int(blocks[0].input), (3, 3), stride=(2, 2), padding=padded(3))
    if is_mcunet:
        value = builder.conv_2d(builder.depthwise_conv_2d(value, (3, 3), padding=padded(3)), 8)
    for block in blocks:
        value = builder.conv_2d(value, int(block.input) * block.expansion)
        filter, stride = (block.filter, block.filter), (block.stride, block.stride)
        value = builder.depthwise_conv_2d(value, filter, stride=stride, padding=padded(block.filter))
        value = builder.conv_2d(value, int(block.output))
    if not is_mcunet:
        value = builder.conv_2d(value, 448)
    _, rows, columns, _ = shape_of(value)
    return builder.module([builder.average_pool_2d(value, (rows, columns))])


def needed(name: str, percent: int | None) -> tuple[int, int]:
    """The arena, and multiplications that are made again, with so many percent more; None: with no block fused."""
    ways = [] if percent is None else [f"--max-slowdown={percent}%"]
    flags = ["--prune-channels=off", "--split-tensors", "--input=external", *ways]
    report = compile_module(network(name), flags, "net").report
    return int(str(report["arena_bytes"])), int(str(report["repeated_macs"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, help="the file whose table is replaced; default: print it")
    options = parser.parse_args()
    columns = [
        "network",
        "msf-CNN, bytes",
        "multiplications",
        "ours, bands",
        "ours, fused, 1.00",
        "ours",
        "multiplications",
    ]
    rows: list[str] = []
    for name, (*_, points) in NETWORKS.items():
        macs = macs_of_module(network(name))
        unfused, keeping = needed(name, None)[0], needed(name, 0)
        for point in points:
            arena, repeated = min(keeping, needed(name, int(100 * point.times) - 100))
            cells = [name, f"{point.bytes:,}", f"{point.times:.2f}", f"{unfused:,}", f"{keeping[0]:,}"]
            rows.append(f"| {' | '.join([*cells, f'{arena:,}', f'{1 + repeated / macs:.2f}'])} |")
            print(rows[-1], flush=True)
    text = "\n".join([f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}", *rows])
    if options.output is not None:
        replace_generated(options.output, MARKER, text)


if __name__ == "__main__":
    main()
