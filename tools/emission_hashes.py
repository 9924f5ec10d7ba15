"""Hashes of all that is emitted for models: run before and after a change that must not change any output.

    python tools/emission_hashes.py ../shared/models -o before.txt
    python tools/emission_hashes.py ../shared/models --compare before.txt

Every model and the demo are compiled in the three input modes, with bands that are chosen, of one row, and of two rows
layer by layer. A line of the output is a model, its options, and the SHA-256 of all files by name; exit status 1 where
a line differs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tinyts_mlir.compiler import compile_model
from tinyts_mlir.demo import demo_model
from tinyts_mlir.tflite.exporter import export_tflite

INPUTS = ("stream", "arena", "external")
BANDS = {
    "chosen": ["--split-tensors"],
    "rows=1": ["--split-tensors=rows=1"],
    "rows=2 breadth-first": ["--split-tensors=rows=2", "--schedule-bands=order=breadth-first"],
}


def emission_hash(path: Path, arguments: Sequence[str]) -> str:
    """The SHA-256 of the files that a compile writes."""
    digest = hashlib.sha256()
    for name, text in sorted(compile_model(path, arguments).files.items()):
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def _line(job: tuple[Path, str, str]) -> str:
    path, input, bands = job
    found = emission_hash(path, [*BANDS[bands], f"--input={input}"])
    return f"{path.stem}\t{input}\t{bands}\t{found}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, help="a folder of .tflite files")
    parser.add_argument("-o", "--output", type=Path, help="where the lines go; standard output without it")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="lines of another commit")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        demo = Path(folder) / "demo.tflite"
        demo.write_bytes(export_tflite(demo_model()))
        paths = [demo, *sorted(arguments.models.glob("*.tflite"))]
        jobs = [(path, input, bands) for path in paths for input in INPUTS for bands in BANDS]
        with ProcessPoolExecutor(arguments.jobs) as pool:
            lines = list(pool.map(_line, jobs))
    text = "".join(f"{line}\n" for line in lines)
    if arguments.output is not None:
        arguments.output.write_text(text)
    if arguments.compare is None:
        if arguments.output is None:
            sys.stdout.write(text)
        return 0
    expected = set(arguments.compare.read_text().splitlines())
    different = [line for line in lines if line not in expected]
    for line in different:
        print("differs:", line)
    print(f"{len(lines) - len(different)} of {len(lines)} equal")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
