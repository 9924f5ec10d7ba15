"""Puts `tools/` and `test/e2e/` on the path: the networks are those that other tests have."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2] / "tools"), str(Path(__file__).parents[1] / "e2e")]
