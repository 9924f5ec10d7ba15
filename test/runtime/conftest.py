"""Puts `tools/` on the path: the tests run kernels where `tools/benchmark_kernels.py` runs them."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from kernel_machine import CortexM7Machine, CortexM55Machine, HostMachine, Machine

WITH_HELIUM = ("test_conv_2d", "test_depthwise", "test_affine_add", "test_narrow_scaling", "overlapping", "test_helium")
"""What is in the names of tests of kernels that have a form for it: others would only run the forms of the M7 again."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [
        item for item in items if "cortex-m55" not in item.name or any(word in item.nodeid for word in WITH_HELIUM)
    ]


@pytest.fixture(scope="session", params=["host", "cortex-m7 gcc", "cortex-m7 clang", "cortex-m55 gcc"])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    directory = tmp_path_factory.mktemp("runtime")
    if request.param == "host":
        return HostMachine(directory)
    if request.param == "cortex-m55 gcc":
        for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
        return CortexM55Machine(directory, "gcc")
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    if request.param == "cortex-m7 gcc":
        if shutil.which("arm-none-eabi-gcc") is None:
            pytest.skip("arm-none-eabi-gcc is not installed")
        return CortexM7Machine(directory, "gcc")
    pytest.importorskip("ziglang", reason="zig's clang is not installed (pip install ziglang)")
    return CortexM7Machine(directory, "clang")
