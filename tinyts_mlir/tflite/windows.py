"""The fused activations that LiteRT's int8 kernels know, and the paddings of windows."""

from __future__ import annotations

ACTIVATIONS = {"NONE": "none", "RELU": "relu", "RELU6": "relu6", "RELU_N1_TO_1": "relu_n1_to_1"}
"""The schema's names, and ours in the `activation` property."""


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """TFLite's SAME padding, (before, after), along an axis; `window` is that of the dilated filter."""
    total = max(0, (-(-size // stride) - 1) * stride + window - size)
    return total // 2, total - total // 2
