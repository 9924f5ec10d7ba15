"""Puts `tools/` on the path: the tests build random networks with what `tools/fuzz_networks.py` uses."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (pip install 'tinyts-mlir[run]')")
