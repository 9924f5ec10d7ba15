"""`widen-weights{flash=0}`: convolutions whose weights are read often get them as int16.

A kernel then multiplies weights as they lie in flash, where it takes two output channels of int8 weights apart first:
about 0.1 instructions less a multiplication, but no fewer cycles, for one byte more a weight. So by default
nothing is widened. A weight is read once for every few output pixels, so layers with large maps gain most, and their
weights are few: layers are widened in the order of their pixels while the model grows by at most `flash` bytes. Layers
of fewer than 16 pixels keep int8 weights, but in a model with state: its inferences are steps, of a pixel or a few.

Weights that do not fit int8, less their zero point, or not the half words that hold two channels' are int16 without
this pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from tinyts_mlir.analysis.op_graph import functions, require_whole_tensors
from tinyts_mlir.analysis.states import declared_states
from tinyts_mlir.dialects import assembly
from tinyts_mlir.dialects.rows import CHANNELS, shape_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import Conv2DOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.wide_channels import needs_wide_weights

LEAST_PIXELS = 16
"""Of a layer's output, in a model without state: below, a weight is read too seldom."""


@dataclass(frozen=True)
class WidenWeightsPass(ModulePass):
    """Stores weights that are read often as int16: fewer instructions, more flash."""

    name = "widen-weights"

    flash: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Sets `weight_bits` on whole convolutions; bands inherit it."""
        if self.flash < 0:
            raise CompileError(f"widen-weights: expected a number of bytes of flash, 0 or more, got {self.flash}")
        for function in functions(op):
            ops = list(function.body.block.ops)
            require_whole_tensors(self.name, function)
            convolutions = [one for one in ops if isinstance(one, Conv2DOp)]
            wide = [one for one in convolutions if needs_wide_weights(one)]
            left = self.flash
            least = 1 if declared_states(function) else LEAST_PIXELS
            layers = [one for one in convolutions if one not in wide and pixels(one) >= least]
            for layer in sorted(layers, key=pixels, reverse=True):
                weights = size_in_bytes(tensor_type(layer.filter))
                if weights <= left:
                    layer.properties["weight_bits"] = assembly.to_attribute(16)
                    left -= weights


def pixels(op: Conv2DOp) -> int:
    """Pixels of a layer's output."""
    return prod(shape_of(op.result)[:CHANNELS])
