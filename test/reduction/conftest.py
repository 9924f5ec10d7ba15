"""Puts test/tflite on the path, for small models as plain data."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tflite"))
