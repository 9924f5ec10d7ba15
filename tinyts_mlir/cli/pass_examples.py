"""A small module for each pass, which `tinyts-opt --help-pass` runs to show what the pass does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """What is shown of a pass.

    Attributes:
        module: IR.
        flag: the pass with the options that are shown.
        preparation: flags of passes that run in front of it, unseen.
    """

    module: str
    flag: str
    preparation: tuple[str, ...] = ()


TYPES = {
    "!q": "!quant.uniform<i8:f32, 0.5:-1>",
    "!w": "!quant.uniform<i8:f32, 0.25>",
    "!b": "!quant.uniform<i32:f32, 0.125>",
}
"""The types of activations, weights and biases, by the names that they have in the examples."""

_TYPES = "\n".join(f"{alias} = {type}" for alias, type in TYPES.items())

_EDGES = f"""{_TYPES}
func.func @main(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {{
  %0 = tinyts.quantize %x : tensor<1x4x4x2x!q>
  %1 = tinyts.leaky_relu %0 {{alpha = 0.5}} : tensor<1x4x4x2x!q>
  %2 = tinyts.dequantize %1 : tensor<1x4x4x2xf32>
  func.return %2 : tensor<1x4x4x2xf32>
}}
"""

_PAD = f"""{_TYPES}
func.func @main(%x: tensor<1x5x5x1x!q>) -> tensor<1x3x3x2x!q> {{
  %w = tinyts.constant dense<1> : tensor<2x3x3x1xi8> as !w
  %0 = tinyts.pad %x {{padding = [1, 1, 1, 1]}} : tensor<1x7x7x1x!q>
  %1 = tinyts.conv_2d %0, %w {{stride = [2, 2]}} : tensor<1x3x3x2x!q>
  func.return %1 : tensor<1x3x3x2x!q>
}}
"""

_EMPTY_PAD = f"""{_TYPES}
func.func @main(%x: tensor<1x2x2x1x!q>) -> tensor<1x2x2x1x!q> {{
  %0 = tinyts.pad %x {{padding = [0, 0, 0, 0]}} : tensor<1x2x2x1x!q>
  %1 = tinyts.leaky_relu %0 {{alpha = 0.5}} : tensor<1x2x2x1x!q>
  func.return %1 : tensor<1x2x2x1x!q>
}}
"""

_CONVOLUTION = f"""{_TYPES}
func.func @main(%x: tensor<1x4x8x2x!q>) -> tensor<1x4x8x2x!q> {{
  %w = tinyts.constant dense<1> : tensor<2x1x1x2xi8> as !w
  %0 = tinyts.conv_2d %x, %w : tensor<1x4x8x2x!q>
  func.return %0 : tensor<1x4x8x2x!q>
}}
"""

_TWO_LAYERS = f"""{_TYPES}
func.func @main(%x: tensor<1x4x4x1x!q>) -> tensor<1x1x1x2x!q> {{
  %w = tinyts.constant dense<1> : tensor<2x3x3x1xi8> as !w
  %0 = tinyts.conv_2d %x, %w {{stride = [2, 2], padding = [0, 1, 0, 1]}} : tensor<1x2x2x2x!q>
  %1 = tinyts.average_pool_2d %0 {{window = [2, 2]}} : tensor<1x1x1x2x!q>
  func.return %1 : tensor<1x1x1x2x!q>
}}
"""

_WIDE_MIDDLE = f"""{_TYPES}
func.func @main(%x: tensor<1x8x8x1x!q>) -> tensor<1x1x1x8x!q> {{
  %w = tinyts.constant dense<1> : tensor<8x3x3x1xi8> as !w
  %v = tinyts.constant dense<1> : tensor<1x3x3x8xi8> as !w
  %0 = tinyts.conv_2d %x, %w {{padding = [1, 1, 1, 1]}} : tensor<1x8x8x8x!q>
  %1 = tinyts.depthwise_conv_2d %0, %v {{stride = [2, 2], padding = [0, 1, 0, 1]}} : tensor<1x4x4x8x!q>
  %2 = tinyts.average_pool_2d %1 {{window = [4, 4]}} : tensor<1x1x1x8x!q>
  func.return %2 : tensor<1x1x1x8x!q>
}}
"""

_DEAD_CHANNELS = f"""{_TYPES}
func.func @main(%x: tensor<1x2x2x1x!q>) -> tensor<1x2x2x1x!q> {{
  %w = tinyts.constant dense<[[[[1]]], [[[0]]], [[[0]]], [[[2]]]]> : tensor<4x1x1x1xi8> as !w
  %v = tinyts.constant dense<[[[[1, 2, 3, 4]]]]> : tensor<1x1x1x4xi8> as !w
  %0 = tinyts.conv_2d %x, %w {{activation = relu}} : tensor<1x2x2x4x!q>
  %1 = tinyts.conv_2d %0, %v : tensor<1x2x2x1x!q>
  func.return %1 : tensor<1x2x2x1x!q>
}}
"""

_DEAD_LAYER = f"""{_TYPES}
func.func @main(%x: tensor<1x2x2x1x!q>) -> tensor<1x1x1x1x!q> {{
  %w = tinyts.constant dense<0> : tensor<1x1x1x1xi8> as !w
  %0 = tinyts.average_pool_2d %x {{window = [2, 2]}} : tensor<1x1x1x1x!q>
  %1 = tinyts.conv_2d %0, %w : tensor<1x1x1x1x!q>
  func.return %1 : tensor<1x1x1x1x!q>
}}
"""

_BLOCK = f"""{_TYPES}
func.func @main(%x: tensor<1x8x8x2x!q>) -> tensor<1x8x8x2x!q> {{
  %e = tinyts.constant dense<1> : tensor<16x1x1x2xi8> as !w
  %d = tinyts.constant dense<1> : tensor<1x3x3x16xi8> as !w
  %p = tinyts.constant dense<1> : tensor<2x1x1x16xi8> as !w
  %b = tinyts.constant dense<0> : tensor<16xi32> as !b
  %c = tinyts.constant dense<0> : tensor<2xi32> as !b
  %0 = tinyts.conv_2d %x, %e, %b : tensor<1x8x8x16x!q>
  %1 = tinyts.depthwise_conv_2d %0, %d, %b {{padding = [1, 1, 1, 1]}} : tensor<1x8x8x16x!q>
  %2 = tinyts.conv_2d %1, %p, %c : tensor<1x8x8x2x!q>
  func.return %2 : tensor<1x8x8x2x!q>
}}
"""

_BANDS = ("--split-tensors",)

EXAMPLES: dict[str, Example] = {
    "strip-edges": Example(_EDGES, "--strip-edges"),
    "fold-pads": Example(_PAD, "--fold-pads"),
    "receive-inputs": Example(_EMPTY_PAD, "--receive-inputs"),
    "canonicalize": Example(_EMPTY_PAD, "--canonicalize"),
    "fold-constant-maps": Example(_DEAD_LAYER, "--fold-constant-maps"),
    "prune-channels": Example(_DEAD_CHANNELS, "--prune-channels"),
    "widen-weights": Example(_CONVOLUTION, "--widen-weights=flash=100000"),
    "fuse-blocks": Example(_BLOCK, "--fuse-blocks=most=50"),
    "choose-bands": Example(_WIDE_MIDDLE, "--choose-bands=limit=1024", ("--receive-inputs",)),
    "split-tensors": Example(_TWO_LAYERS, "--split-tensors", ("--receive-inputs",)),
    "stream-reductions": Example(_TWO_LAYERS, "--stream-reductions", _BANDS),
    "schedule-bands": Example(_TWO_LAYERS, "--schedule-bands", (*_BANDS, "--stream-reductions")),
    "plan-arena": Example(_TWO_LAYERS, "--plan-arena", (*_BANDS, "--stream-reductions", "--schedule-bands")),
    "lower-to-runtime": Example(
        _TWO_LAYERS, "--lower-to-runtime", (*_BANDS, "--stream-reductions", "--schedule-bands", "--plan-arena")
    ),
}
"""By pass; those that only check have none."""
