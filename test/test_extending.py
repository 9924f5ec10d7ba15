"""docs/extending.md tells the truth: the package that it builds is installed, and its op runs wherever ours do."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from documents import install, run, write_files

from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.toolchain.build import build_cortex_m7, build_host

DOCUMENT = Path(__file__).parents[1] / "docs" / "extending.md"
INPUTS = 3

INTERPRET = """
import sys
from pathlib import Path
import numpy as np
from tinyts_mlir.compiler import new_context, read_module
from tinyts_mlir.interpreters.check_passes import run_module

module = read_module(Path(sys.argv[1]), new_context())
outputs = [run_module(module, [image])[0] for image in np.load(sys.argv[2])]
np.save(sys.argv[3], np.stack(outputs))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the document."""
    directory = tmp_path_factory.mktemp("package")
    assert {"pyproject.toml", "example_ops/kernels.py"} <= set(write_files(DOCUMENT, directory))
    return directory


@pytest.fixture(scope="module")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with this one."""
    return install(package, tmp_path_factory.mktemp("installed"))


def opt(site: Path, *arguments: str | Path) -> None:
    run(sys.executable, "-c", "from tinyts_mlir.cli.opt import main; main()", *arguments, site=site)


def read_folder(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.*") if path.is_file()}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(-128, 128, (INPUTS, 1, 9, 5, 3), np.int8)


@pytest.fixture(scope="module")
def expected(package: Path, site: Path, images: np.ndarray) -> np.ndarray:
    """What the interpreter makes of the images, on the module as it is written."""
    np.save(package / "images.npy", images)
    outputs = package / "outputs.npy"
    run(sys.executable, "-c", INTERPRET, package / "difference.mlir", package / "images.npy", outputs, site=site)
    return np.load(outputs)


@pytest.fixture(scope="module", params=["chosen", "rows=1", "rows=2"])
def project(request: pytest.FixtureRequest, package: Path, site: Path) -> dict[str, str]:
    """The emitted project, with bands of so many rows."""
    folder = package / f"project {request.param}"
    split = "--split-tensors" if request.param == "chosen" else f"--split-tensors={request.param}"
    opt(site, package / "difference.mlir", "--check-passes", split, "--emit-c", "-o", f"{folder}/")
    return read_folder(folder)


def test_it_means_what_it_says(images: np.ndarray, expected: np.ndarray) -> None:
    assert expected.shape == (INPUTS, images[0].size)
    assert len(np.unique(expected)) > 50


def test_project_files(project: dict[str, str]) -> None:
    assert {"example/kernels.h", "example/row_difference.c", "src/tinyts_lookup.c"} <= set(project)
    assert "  example/row_difference.c\n" in project["CMakeLists.txt"]
    assert '#include "example/kernels.h"\n' in project["difference.c"]


def test_on_the_host(project: dict[str, str], tmp_path: Path, images: np.ndarray, expected: np.ndarray) -> None:
    program = build_host(project, "difference", tmp_path)
    for image, right in zip(images, expected, strict=True):
        np.testing.assert_array_equal(program.run_all([[image]], None)[0][0], right)


def test_on_the_cortex_m7(project: dict[str, str], tmp_path: Path, images: np.ndarray, expected: np.ndarray) -> None:
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.importorskip("ziglang", reason="there is no compiler for the Cortex-M7")
    program = build_cortex_m7(project, "difference", tmp_path)
    for image, right in zip(images, expected, strict=True):
        np.testing.assert_array_equal(program.run_all([[image]], None)[0][0], right)


def test_in_one_file(package: Path, site: Path, tmp_path: Path, images: np.ndarray, expected: np.ndarray) -> None:
    """The kernel comes along, under the model's name."""
    opt(site, package / "difference.mlir", "--split-tensors=rows=1", "--emit-c", "-o", tmp_path / "difference.c")
    opt(site, package / "difference.mlir", "--split-tensors=rows=1", "--emit-c", "-o", f"{tmp_path / 'project'}/")
    headers = {name: text for name, text in read_folder(tmp_path / "project").items() if name.endswith(".h")}
    text = (tmp_path / "difference.c").read_text()
    assert "#define tinyts_example_row_difference difference_tinyts_example_row_difference\n" in text
    program = build_host({**headers, "difference.c": text}, "difference", tmp_path / "build")
    np.testing.assert_array_equal(program.run_all([[images[0]]], None)[0][0], expected[0])


def test_a_lowered_program_finds_the_kernel(package: Path, site: Path, tmp_path: Path) -> None:
    """A program names kernels, and no op: nothing but the kernel's name leads to the package."""
    passes = ["--receive-inputs", "--split-tensors=rows=1", "--schedule-bands", "--plan-arena", "--lower-to-runtime"]
    lowered = tmp_path / "lowered.mlir"
    opt(site, package / "difference.mlir", *passes, "-o", lowered)
    assert "example.row_difference" not in lowered.read_text()
    opt(site, lowered, "-t", "c", "-o", tmp_path / "difference.c")
    assert "tinyts_example_row_difference" in (tmp_path / "difference.c").read_text()


def test_as_a_model_file(package: Path, site: Path, tmp_path: Path) -> None:
    """What is exported as a custom op comes in again, and compiles to the same C."""
    model = tmp_path / "difference.tflite"
    opt(site, package / "difference.mlir", "-t", "tflite", "-o", model)
    assert b"RowDifference" in model.read_bytes()
    for source, name in ((package / "difference.mlir", "text"), (model, "file")):
        opt(site, source, "--split-tensors", "--emit-c", "-o", f"{tmp_path / name}/")
    from_text, from_file = read_folder(tmp_path / "text"), read_folder(tmp_path / "file")
    # Layers have other names, and so the compiles have other ids.
    weights = [files["difference_weights.c"].partition("#if")[0] for files in (from_text, from_file)]
    assert weights[0] == weights[1]
    assert "tinyts_example_row_difference, &difference_layer_" in from_file["difference.c"]


def test_without_the_package_it_is_refused(package: Path, site: Path, tmp_path: Path) -> None:
    model = tmp_path / "difference.tflite"
    opt(site, package / "difference.mlir", "-t", "tflite", "-o", model)
    with pytest.raises(CompileError, match=r"CUSTOM 'RowDifference'\): this op is not supported"):
        import_tflite(model.read_bytes(), "difference.tflite")
