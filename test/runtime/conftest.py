"""Puts `tools/` on the path: the tests run kernels where `tools/benchmark_kernels.py` runs them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from kernel_machine import EmulatedMachine, HostMachine, Machine

from tinyts_mlir.cores import find_core
from tinyts_mlir.toolchain.compilers import compiler_for
from tinyts_mlir.toolchain.errors import ToolchainError

CORES = ["cortex-m7 gcc", "cortex-m7 clang"]
PLAIN_CORES = ["cortex-m0plus gcc", "cortex-m0plus clang", "rv32imac gcc"]
"""Without DSP instructions: what differs from the host's form is run there."""


@pytest.fixture(scope="session", params=["host", *CORES])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    directory = tmp_path_factory.mktemp("runtime")
    return HostMachine(directory) if request.param == "host" else emulated(request.param, directory)


@pytest.fixture(scope="session", params=PLAIN_CORES)
def plain_machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return emulated(request.param, tmp_path_factory.mktemp("runtime"))


def emulated(words: str, directory: Path) -> Machine:
    """The machine of a core and a compiler's kind."""
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    name, kind = words.split()
    assert kind in ("gcc", "clang")
    core = find_core(name)
    try:
        compiler_for(core, kind)
    except ToolchainError as error:  # it is not installed
        pytest.skip(str(error))
    return EmulatedMachine(directory, kind, core)
