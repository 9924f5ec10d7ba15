"""Puts tools/ on the path: its modules import each other as scripts do."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
pytest.importorskip("ziglang", reason="zig's clang is not installed (pip install ziglang)")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model, alone in a folder."""
    from tinyts_mlir.demo import demo_model
    from tinyts_mlir.tflite.exporter import export_tflite

    path = tmp_path_factory.mktemp("models") / "demo.tflite"
    path.write_bytes(export_tflite(demo_model(0)))
    return path
