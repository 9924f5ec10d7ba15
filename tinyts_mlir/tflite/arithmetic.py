"""Whether an op's scales are such that LiteRT's kernels would run at all: checked when a model comes in."""

from __future__ import annotations

from tinyts_mlir.kernels.catalogue import check_arithmetic

__all__ = ["check_arithmetic"]
