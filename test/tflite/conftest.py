"""Puts tools/ on the path: the tests share damage to files and texts with its campaigns."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
