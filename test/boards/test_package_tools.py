"""A package under people's own tools, where they are: PlatformIO, Zephyr's west, packchk. None is in the test extra."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from firmware import demo, emit, need, run

PIO = """import sys
from platformio.package.manifest.schema import ManifestSchema
ManifestSchema.load_spdx_licenses = staticmethod(lambda: {"licenses": [{"licenseId": "Apache-2.0"}]})
from platformio.__main__ import main
sys.argv[0] = "pio"
main()
"""
"""`pio`, with a list of licences in place of the one that it downloads."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emit(demo().module, "demo", "package", tmp_path_factory.mktemp("package") / "demo")


def test_platformio_packs_it(package: Path, tmp_path: Path) -> None:
    pytest.importorskip("platformio", reason="PlatformIO is not installed (pip install platformio)")
    run(sys.executable, "-c", PIO, "pkg", "pack", package, "-o", tmp_path)
    [archive] = tmp_path.glob("demo-*.tar.gz")
    with tarfile.open(archive) as packed:
        names = set(packed.getnames())
    written = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {"library.json", "src/demo.c", "src/demo.h"} <= names
    assert {file for file in written if file.startswith("src/")} <= names


def test_packchk(package: Path, tmp_path: Path) -> None:
    if shutil.which("packchk") is None:
        pytest.skip("packchk is not installed: it is part of the CMSIS-Toolbox")
    [description] = package.glob("*.pdsc")
    command = ["packchk", description, "--pedantic", "--disable-validation", "-n", tmp_path / "name"]
    assert "Found 0 Error(s) and 0 Warning(s)" in run(*command)
    assert (tmp_path / "name").read_text().startswith(f"{description.stem}.")


@pytest.fixture
def null_device() -> Iterator[None]:
    """Makes /dev/null what it was: Zephyr's Kconfig saves to it, which by root's hand leaves a file with its name."""
    yield
    null = Path(os.devnull)
    if not null.is_char_device():
        null.unlink(missing_ok=True)
        os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        null.chmod(0o666)


@pytest.mark.usefixtures("null_device")
def test_zephyr(package: Path, tmp_path: Path) -> None:
    """The sample, built by west for a Cortex-M3 and run in QEMU, prints what the example prints on this machine."""
    if "ZEPHYR_BASE" not in os.environ or shutil.which("west") is None:
        pytest.skip("ZEPHYR_BASE names no Zephyr, or west is not installed (pip install west)")
    need("qemu-system-arm", "make", "cc")
    boards = Path(os.environ["ZEPHYR_BASE"]) / "boards" / "arm"
    board = "mps2_an385" if (boards / "mps2_an385").is_dir() else "mps2/an385"
    run("west", "build", "-b", board, "-d", tmp_path / "build", package / "examples" / "zephyr")
    machine = ["qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-serial", "stdio"]
    copy = tmp_path / "desk"
    shutil.copytree(package, copy)
    run("make", "-C", copy)
    expected = run(copy / "build" / "example").split()
    command = [*machine, "-kernel", tmp_path / "build" / "zephyr" / "zephyr.elf"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            assert emulator.stdout is not None
            assert "Booting Zephyr" in emulator.stdout.readline()
            assert [emulator.stdout.readline().strip() for _ in expected] == expected
        finally:
            emulator.kill()
