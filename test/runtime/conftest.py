"""Puts `tools/` on the path: the tests run kernels where `tools/benchmark_kernels.py` runs them."""

import shutil
import sys
from pathlib import Path

import pytest
from amount import runs

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from kernel_machine import CortexM55Machine, EmulatedMachine, HostMachine, Machine

from tinyts_mlir.cores import find_core
from tinyts_mlir.toolchain.compilers import compiler_for
from tinyts_mlir.toolchain.errors import ToolchainError

CORES = ["cortex-m7 gcc", "cortex-m7 clang", "cortex-m55 gcc"]
PLAIN_CORES = ["cortex-m0plus gcc", "cortex-m0plus clang", "rv32imac gcc"]
"""Without DSP instructions: what differs from the host's form is run there."""


WITH_HELIUM = ("test_conv_2d", "test_depthwise", "test_affine_add", "test_narrow_scaling", "overlapping", "test_helium")
"""What is in the names of tests of kernels that have a form for it: others would only run the forms of the M7 again."""


ONE_IN = {"cortex-m7 clang": 2, "cortex-m55 gcc": 3}
"""Of the cases on machines whose forms differ little from another's, one in so many runs at each change."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if _is_wanted(item)]


def _is_wanted(item: pytest.Item) -> bool:
    machine = next((name for name in ONE_IN if name in item.name), None)
    if machine is None:
        return True
    if "cortex-m55" in machine and not any(word in item.nodeid for word in WITH_HELIUM):
        return False
    return runs(item.nodeid, ONE_IN[machine])


@pytest.fixture(scope="session", params=["host", *CORES])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    directory = tmp_path_factory.mktemp("runtime")
    return HostMachine(directory) if request.param == "host" else emulated(request.param, directory)


@pytest.fixture(scope="session", params=PLAIN_CORES)
def plain_machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return emulated(request.param, tmp_path_factory.mktemp("runtime"))


def emulated(words: str, directory: Path) -> Machine:
    """The machine of a core and a compiler's kind."""
    if words == "cortex-m55 gcc":
        for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
        return CortexM55Machine(directory, "gcc")
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    name, kind = words.split()
    assert kind in ("gcc", "clang")
    core = find_core(name)
    try:
        compiler_for(core, kind)
    except ToolchainError as error:  # it is not installed
        pytest.skip(str(error))
    return EmulatedMachine(directory, kind, core)
