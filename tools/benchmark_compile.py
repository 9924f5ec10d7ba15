"""CPU time of whole compiles, from the start of the process to C on disk, against another checkout of this repository.

    git worktree add ../baseline COMMIT
    python tools/benchmark_compile.py ../baseline ../shared/models/kws_MLPerf.tflite ../shared/models/7_MBV2.tflite

Both checkouts compile each model in turn, several times, in processes of their own and with the Python that runs this;
the least CPU time (user and system) of each counts. Bytecode is written by a first run that does not count. The last
column says whether both wrote the same files. With --most, exit status 1 where a ratio is above it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

COMMAND = "from tinyts_mlir.cli.opt import main; main()"
CHECKOUT = Path(__file__).resolve().parent.parent


class Compiler:
    """`tinyts-opt` of one checkout; what it writes goes into a folder of its own."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder  # Python looks for modules in the folder that it is started in first
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(checkout),
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def cpu_seconds(self, *arguments: str) -> float:
        """Runs it once; raises CalledProcessError where it fails."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", COMMAND, *arguments]
        subprocess.run(command, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def compile(self, model: Path) -> float:
        """CPU seconds of compiling a model."""
        return self.cpu_seconds(str(model.resolve()), "--split-tensors", "--emit-c", "-o", f"{model.stem}{os.sep}")

    def files(self, model: Path) -> dict[str, bytes]:
        """What was emitted for a model."""
        folder = self.folder / model.stem
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baseline", type=Path, help="the root of another checkout")
    parser.add_argument("models", type=Path, nargs="+", help=".tflite files")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--most", type=float, metavar="RATIO", help="fail above this ratio")
    options = parser.parse_args()
    worst = 0.0
    with TemporaryDirectory() as folder:
        compilers = [
            Compiler(checkout.resolve(), Path(folder) / name)
            for name, checkout in (("baseline", options.baseline), ("here", CHECKOUT))
        ]
        print(f"{'CPU seconds':16} baseline     here  ratio  files")
        for model in (None, *options.models):
            rounds: list[tuple[float, ...]] = []
            for number in range(options.rounds + 1):
                times = tuple(one.cpu_seconds("--help") if model is None else one.compile(model) for one in compilers)
                rounds += [times] if number else []
            baseline, here = (min(times) for times in zip(*rounds, strict=True))
            same = ""
            if model is not None:
                same = "equal" if compilers[0].files(model) == compilers[1].files(model) else "different"
                worst = max(worst, here / baseline)
            name = "--help" if model is None else model.stem
            print(f"{name:16} {baseline:8.3f} {here:8.3f} {here / baseline:6.2f}  {same}", flush=True)
    return 1 if options.most is not None and worst > options.most else 0


if __name__ == "__main__":
    sys.exit(main())
