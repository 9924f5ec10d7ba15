"""What a long compile says, and what Ctrl-C does to it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tinyts_mlir.budget import PlanSearch
from tinyts_mlir.compiler import new_context
from tinyts_mlir.demo import demo_model
from tinyts_mlir.pipeline import PassSpec, plan_search
from tinyts_mlir.progress import Progress, following, note, note_plan, stop_requested


def search() -> PlanSearch:
    from xdsl.universe import Universe

    specs = [PassSpec("split-tensors", "split-tensors")]
    return plan_search(demo_model(), specs, Universe.get_multiverse().all_passes, new_context())


def test_nobody_needs_to_listen() -> None:
    note("nothing")
    note_plan("nothing")
    assert not stop_requested()


def test_a_search_says_what_it_does_and_can_be_stopped() -> None:
    said: list[str] = []
    progress = Progress(said.append)
    with following(progress):
        search().fastest_within(1 << 20)
    assert progress.has_plan
    tried = [text for text in said if text.startswith("choosing bands")]
    assert {text.split(" rows")[0].split()[-1] for text in tried} == {"64", "8"}

    def stop(text: str) -> None:
        said.append(text)
        stopped.is_stopped = stopped.has_plan

    said.clear()
    stopped = Progress(stop)
    with following(stopped):
        plan = search().fastest_within(1 << 20)
    assert {text.split(" rows")[0].split()[-1] for text in said if text.startswith("choosing bands")} == {"64"}
    assert plan.memory.total <= 1 << 20


SLOW = """
import sys, time
from tinyts_mlir.analysis import band_heights
from tinyts_mlir.cli.opt import main
choose = band_heights.HeightSearch.choose
def slowly(*arguments):
    time.sleep(2.5)
    return choose(*arguments)
band_heights.HeightSearch.choose = slowly
sys.argv = ["tinyts-opt", *sys.argv[1:]]
main()
"""
"""A compile whose searches take long."""


@pytest.mark.slow
def test_interrupted_with_a_plan_it_is_written(tmp_path: Path) -> None:
    from tinyts_mlir.tflite.exporter import export_tflite

    model = tmp_path / "net.tflite"
    model.write_bytes(export_tflite(demo_model()))
    arguments = [sys.executable, "-c", SLOW, model, "--emit-c", "--ram", "1M", "-o", f"{tmp_path}/out/"]
    terminal, side = pty.openpty()
    with subprocess.Popen(arguments, stderr=side, stdout=subprocess.PIPE, text=True) as process:
        os.close(side)
        said = b""
        while b"at most 8 rows" not in said:  # bands of 64 have been found
            said += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        while True:
            try:
                said += os.read(terminal, 4096)
            except OSError:  # the other side is closed: the program has ended
                break
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"the best plan found so far will be written" in said
    assert "The search was stopped" in output
    assert (tmp_path / "out/net.h").exists()


def test_interrupted_without_a_plan_it_ends(tmp_path: Path) -> None:
    code = SLOW.replace("choose = band", "print('begins', flush=True); time.sleep(60)\nchoose = band")
    if os.name != "posix":
        pytest.skip("signals of POSIX")
    with subprocess.Popen([sys.executable, "-c", code, "x.tflite"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
    assert process.returncode != 0
