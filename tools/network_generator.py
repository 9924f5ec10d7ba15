"""Random small networks, and the flags to compile them with: whatever a model file may say, in unusual combinations.

The same seed gives the same network.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from network_builder import Quantization, uint8
from network_samples import Sampler
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import BlockArgument, SSAValue

from tinyts_mlir.pipeline import INPUT_OPTIONS
from tinyts_mlir.transforms.plan_arena import SCRATCH
from tinyts_mlir.transforms.schedule_bands import ORDERS

MOST_OPS = 14


@dataclass(frozen=True)
class Network:
    """A network and how to compile and run it."""

    seed: int
    module: ModuleOp
    flags: tuple[str, ...]
    feed_rows: int | None
    """Rows to feed at a time, for a network with one input."""
    returns_input: bool
    """Whether an output is an input; a `.tflite` file with such an output is not imported."""
    unsigned: bool = False
    """Whether LiteRT is to run it on uint8 tensors."""


def random_network(seed: int, bits: int = 8, unsigned: bool = False) -> Network:
    """The network of a seed, on int8 or int16 feature maps, or one of layers that LiteRT has for uint8."""
    return _Generator(seed, bits, unsigned).network()


class _Generator(Sampler):
    # --- the network ----------------------------------------------------------------------------------------------

    def network(self) -> Network:
        input_count = self.one_of((1, 1, 1, 2, 3))
        names = self.names(input_count)
        for number in range(input_count):
            self.values.append(self.input(names[number]))
        wanted = self.integer(1, MOST_OPS)
        layers = self.layers()
        for _ in range(10 * wanted):
            if self.builder.ops >= wanted:
                break
            self.values += layers[self.integer(0, len(layers) - 1)]()
        if not self.builder.ops:
            self.values += [self.builder.leaky_relu(self.values[0], 0.3)]
        outputs = self.outputs()
        module = self.builder.module(outputs, self.names(len(outputs)))
        return Network(
            self.seed,
            module,
            tuple(self.flags()),
            self.integer(1, 6) if input_count == 1 and self.chance(0.5) else None,
            any(isinstance(output, BlockArgument) for output in outputs),
            self.builder.unsigned,
        )

    def input(self, name: str) -> SSAValue:
        shape: tuple[int, ...] = (1, self.integer(1, 13), self.integer(1, 9), self.integer(1, 8))
        if self.chance(0.15):
            shape = (1, 1, self.integer(1, 20), self.integer(1, 4))
        if self.chance(0.15):
            shape = (1, self.integer(1, 20), 1, self.integer(1, 4))
        if self.builder.bits > 8 and self.chance(0.3):
            edge = self.builder.edge_input(shape, f32, name)
            return self.builder.quantize(edge, self.builder.quantized(0.02))
        if self.builder.bits == 8 and self.chance(0.3):
            elements = f32 if self.chance(0.7) else uint8(Quantization(0.02, self.integer(0, 255)))
            edge = self.builder.edge_input(shape, elements, name)
            return self.builder.quantize(edge, Quantization(0.02, self.builder.zero_point()))
        if not self.chance(0.2):
            return self.builder.input(shape, name=name)
        flat = self.builder.input((1, prod(shape)) if self.chance(0.5) else shape[1:], name=name)
        self.values.append(flat)
        return self.builder.reshape(flat, shape)

    def outputs(self) -> list[SSAValue]:
        made = [value for value in self.values if not isinstance(value, BlockArgument)]
        if not made:
            made = [self.builder.leaky_relu(self.values[0], 0.5)]
        outputs = [made[-1]]
        outputs += [value for value in made[:-1] if not value.uses and self.chance(0.7)]
        outputs += self.edges
        if self.chance(0.2):
            outputs.append(made[self.integer(0, len(made) - 1)])
        if self.chance(0.1):
            outputs.append(outputs[0])
        if self.chance(0.1):
            outputs.append(self.values[0])
        return [outputs[i] for i in self.random.permutation(len(outputs))]

    def flags(self) -> list[str]:
        flags: list[str] = []
        if self.chance(0.1):
            flags.append("--ram=1M")
        elif self.chance(0.3):
            flags.append("--split-tensors")
            if self.chance(0.5):
                flags.append(f"--choose-bands=limit={self.integer(1, 1 << 15)},highest={self.integer(1, 8)}")
        elif rows := self.one_of((0, 1, 1, 2, 3, 5)):
            flags.append(f"--split-tensors=rows={rows}")
        if "--split-tensors" not in flags:
            flags.append(f"--schedule-bands=order={self.word(ORDERS)}")
        flags.append(f"--input={self.word(tuple(INPUT_OPTIONS))}")
        if self.chance(0.3):
            flags.append(f"--plan-arena=alignment={self.one_of((0, 1, 2, 8, 16, 32))},scratch={self.word(SCRATCH)}")
        return flags
