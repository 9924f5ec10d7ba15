"""Files of two compiles, or of two versions of the runtime, do not build together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import UserError
from tinyts_mlir.kernels.c_sources import runtime_directory
from tinyts_mlir.lowering import build_id
from tinyts_mlir.lowering.projects import emit_application_project
from tinyts_mlir.lowering.runtime_files import read_runtime_folder
from tinyts_mlir.toolchain.compilers import cortex_m7_compiler
from tinyts_mlir.toolchain.errors import ToolchainError

FREESTANDING = runtime_directory() / "ports" / "cortex-m7-emulator" / "freestanding"


def project(flag: str = "--split-tensors") -> dict[str, str]:
    """The demo with its applications; the applications' sources for boards are left out."""
    files = emit_application_project(compile_module(demo_model(), [flag], "demo").module, "demo", "cmake")
    return {name: text for name, text in files.items() if name.endswith((".c", ".h")) and not name.startswith("ports/")}


def build(files: Mapping[str, str], folder: Path, changed: str | None = None) -> None:
    """Compiles a project's C, or only a C file of it that changed; raises ToolchainError where that fails."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    sources = [name for name in files if name.endswith(".c") and not name.startswith("applications/")]
    if changed in sources:
        sources = [changed]
    compiler = cortex_m7_compiler()  # some headers are for it alone
    objects = {folder / name: folder / f"{name}.o" for name in sources}
    include = [folder] if compiler.has_libc else [folder, FREESTANDING]
    compiler.compile(objects, include, ["-O0", "-std=c11", "-Werror", "-Wundef"])


@pytest.fixture(scope="module")
def ours() -> dict[str, str]:
    return project()


def is_read(files: Mapping[str, str], name: str, folder: Path) -> bool:
    """Whether anything includes a header on this core: some are for others."""
    try:
        build({other: text for other, text in files.items() if other != name}, folder)
    except ToolchainError:
        return True
    return False


def test_one_compile_builds(ours: Mapping[str, str], tmp_path: Path) -> None:
    assert ours == project()
    build(ours, tmp_path)


def test_a_mix_of_two_plans_does_not_build(ours: Mapping[str, str], tmp_path: Path) -> None:
    theirs = project("--split-tensors=rows=2")
    differing = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    mixed = sorted(name for name in differing if not name.startswith("applications/"))
    assert {"demo.h", "demo.c", "demo_weights.c", "demo_weights.h"} <= set(mixed)
    assert all("#error" in ours[name] for name in ours if name.startswith("applications/"))
    for name in mixed:
        with pytest.raises(UserError, match="different compiles: compile the model again"):
            build({**ours, name: theirs[name]}, tmp_path / name, name)


@pytest.mark.slow
def test_a_mix_of_two_runtimes_does_not_build(
    ours: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(folder: str) -> dict[str, str]:
        return {name: f"/* Another. */\n{text}" for name, text in read_runtime_folder(folder).items()}

    monkeypatch.setattr(build_id, "read_runtime_folder", changed)
    build_id.runtime_id.cache_clear()
    theirs = project()
    build_id.runtime_id.cache_clear()
    of_other_cores: set[str] = set()
    for name in (name for name in ours if name.startswith(("src/", "tinyts/"))):
        assert ours[name] != theirs[name]
        if name.endswith(".h") and not is_read(ours, name, tmp_path / "without" / name):
            of_other_cores.add(name)
            continue
        with pytest.raises(UserError, match="different compiles: compile the model again"):
            build({**ours, name: theirs[name]}, tmp_path / name, name)
    endings = ("portable.h", "portable_types.h", "armv6m.h", "mve.h", "narrow_scaling.h")
    assert all(name.endswith(endings) for name in of_other_cores)
