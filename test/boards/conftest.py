"""Puts `tools/` on the path: the tests build programs with sanitizers as the fuzzer does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
