"""An output folder is all of one compile or none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.read_me import READ_ME_MARK
from tinyts_mlir.output import write_project


def project(tag: str, kernels: Sequence[str] = ("a", "b"), name: str = "net") -> dict[str, str]:
    """Files that all say one word."""
    files = {f"{name}.c": tag, f"{name}.h": tag, **{f"src/{kernel}.c": tag for kernel in kernels}}
    return {**files, f"{name}_report.json": json.dumps({"files": [*files, f"{name}_report.json"], "tag": tag})}


def contents(folder: Path) -> dict[str, str]:
    """Every file in a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("below", ["out", "new/deep/out"])
def test_a_new_folder(tmp_path: Path, below: str) -> None:
    write_project(tmp_path / below, project("one"))
    assert contents(tmp_path / below) == project("one")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / below).stat().st_mode & 0o777 == 0o777 & ~mask
    assert [path.name for path in (tmp_path / below).parent.iterdir()] == ["out"]


def test_an_empty_folder_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o750)
    write_project(tmp_path / "out", project("one"))
    assert contents(tmp_path / "out") == project("one")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


def test_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_project(tmp_path / "link", project("one"))
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "real") == project("one")


def test_an_older_compile_goes_and_other_files_stay(tmp_path: Path) -> None:
    write_project(tmp_path, project("one", kernels=("a", "b", "c")))
    write_project(tmp_path, project("two", kernels=("b",), name="other"))
    (tmp_path / "src" / "mine.c").write_text("mine")
    write_project(tmp_path, project("three", kernels=("c", "d")))
    assert contents(tmp_path) == {
        **project("two", kernels=("b",), name="other"),  # which the first compile had, too
        **project("three", kernels=("c", "d")),
        "src/mine.c": "mine",
    }


def test_a_report_names_no_file_elsewhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside.c"
    outside.write_text("mine")
    (tmp_path / "out" / "link").mkdir(parents=True)
    (tmp_path / "out" / "link" / "up").symlink_to(tmp_path)
    names = ["../outside.c", str(outside), "link/up/outside.c", "link", 7, "src"]
    (tmp_path / "out" / "net_report.json").write_text(json.dumps({"files": names}))
    write_project(tmp_path / "out", project("one"))
    assert outside.read_text() == "mine"


def test_a_read_me_of_somebody_stays(tmp_path: Path) -> None:
    """A README.md that a compile has written is replaced; any other stays, even if a report names it."""
    read_me = tmp_path / "README.md"

    def emitted(tag: str) -> dict[str, str]:
        files = {**project(tag), "README.md": f"{READ_ME_MARK}\n{tag}\n"}
        return {**files, "net_report.json": json.dumps({"files": sorted(files), "tag": tag})}

    write_project(tmp_path, emitted("one"))
    write_project(tmp_path, emitted("two"))
    assert contents(tmp_path) == emitted("two")
    read_me.write_text("mine")
    write_project(tmp_path, emitted("three"))
    write_project(tmp_path, project("four"))
    assert contents(tmp_path) == {**project("four"), "README.md": "mine"}


@pytest.mark.parametrize("report", ["", "[]", '{"files": 7}', '{"files": {"a": 1}}', "\0", '"text"'])
def test_a_broken_report_is_none(tmp_path: Path, report: str) -> None:
    (tmp_path / "net_report.json").write_text(report)
    write_project(tmp_path, project("one"))
    assert contents(tmp_path) == project("one")


@pytest.mark.parametrize("obstacle", ["src/b.c/folder", "net_report.json/folder"])
def test_what_fails_halfway_is_put_back(tmp_path: Path, obstacle: str) -> None:
    write_project(tmp_path, project("one", kernels=("a",)))
    for name in obstacle.split("/")[0:1]:
        if (tmp_path / name).is_file():
            (tmp_path / name).unlink()
    (tmp_path / obstacle).mkdir(parents=True)
    before = contents(tmp_path)
    with pytest.raises(CompileError, match=r"cannot be written: .* is a folder"):
        write_project(tmp_path, project("two"))
    assert contents(tmp_path) == before
    assert not list(tmp_path.glob(".*"))


def test_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(CompileError, match="cannot be written"):
            write_project(folder, project("one"))
    assert contents(tmp_path) == {"file": ""}


WRITER = """
import sys
from pathlib import Path
from test_output import project
from tinyts_mlir.output import write_project
for number in range(40):
    write_project(Path(sys.argv[1]), project(sys.argv[2] * 1000, kernels="abcdefgh"))
"""


def test_several_at_once(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    commands = [[sys.executable, "-c", WRITER, str(tmp_path / "out"), tag] for tag in "xyz"]
    writers = [subprocess.Popen(command, env=environment) for command in commands]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    found = contents(tmp_path / "out")
    tag = found["net.c"][0]
    assert found == project(tag * 1000, kernels="abcdefgh")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


SLOW = """
import sys, time
from pathlib import Path
from test_output import project
from tinyts_mlir.cli import output
from tinyts_mlir.cli.messages import run_command

def write_all(folder, files, write=output._write_all):
    write(folder, files)
    print("written", flush=True)
    time.sleep(60)

def command(arguments):
    output._write_all = write_all
    output.write_project(Path(arguments[0]), project("two"))
    return 0

run_command("slow", command)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_signal_leaves_nothing(tmp_path: Path, number: signal.Signals, is_new: bool) -> None:
    if not is_new:
        write_project(tmp_path / "out", project("one"))
    before = contents(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    command = [sys.executable, "-c", SLOW, str(tmp_path / "out")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"written\n"
        time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        assert process.stderr.read().startswith(b"slow: error: ")
    assert contents(tmp_path) == before
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
