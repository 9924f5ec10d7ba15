"""How lit runs the .mlir files here: `lit test`, or `python -m lit.main test` where the environment is not active."""

import os
import sys
from pathlib import Path

import lit.formats

# lit makes these two.
config = globals()["config"]
lit_config = globals()["lit_config"]

config.name = "tinyts-mlir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = str(Path(__file__).parent)

# The tools of the environment that lit itself is from come first.
config.environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
if "PYTHONPATH" in os.environ:
    config.environment["PYTHONPATH"] = os.environ["PYTHONPATH"]

# `%exits N COMMAND...` runs a command that must end with status N.
config.substitutions.append(("%exits", f"'{sys.executable}' '{Path(__file__).parent / 'exits.py'}'"))

models = Path(os.environ.get("TINYTS_MODELS", Path(__file__).parents[2] / "shared" / "models"))
config.substitutions.append(("%models", f"'{models}'"))
if any(models.glob("*.tflite")):
    config.available_features.add("models")
