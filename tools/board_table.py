"""The table of docs/boards.md: what the MLPerf Tiny models' firmware takes on the STM32F767ZI.

    python tools/board_table.py MODELS [--output docs/boards.md]

Builds each model's device and streaming application with the emitted project's own CMake files, and reads the sizes
from the linked ELF files. With --output the table between the markers in that file is replaced.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from generated_text import replace_generated

from tinyts_mlir.compiler import compile_model
from tinyts_mlir.lowering.projects import emit_application_project
from tinyts_mlir.mlperf_tiny import BENCHMARKS
from tinyts_mlir.output import write_project
from tinyts_mlir.toolchain.firmware_sizes import FirmwareSizes

BEGIN = "<!-- table: tools/board_table.py -->"
APPLICATIONS = {"device": "external", "streaming": "stream"}
"""CMake target to where the model's input lives."""
HEAD = (
    "| model | application | flash | of it weights | RAM | of it arena | variables | stack kept | stack bound |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def sizes_of(model: Path, benchmark: str, application: str) -> FirmwareSizes:
    """Builds firmware and reads its sizes."""
    compiled = compile_model(model, ["--split-tensors", f"--input={APPLICATIONS[application]}"])
    with tempfile.TemporaryDirectory(prefix="tinyts-board-") as directory:
        write_project(Path(directory), emit_application_project(compiled.module, compiled.name, "baremetal", benchmark))
        build = Path(directory, "build")
        for command in (
            ["cmake", "-S", directory, "-B", str(build), "-DBOARD=stm32f767zi"],
            ["cmake", "--build", str(build), "--target", application],
        ):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return FirmwareSizes.read(build / f"{application}.elf")


def row(model: Path, benchmark: str, application: str) -> str:
    """One row of the table."""
    sizes = sizes_of(model, benchmark, application)
    figures = (sizes.flash_bytes, sizes.weights, sizes.ram_bytes, sizes.dtcm, sizes.data + sizes.bss, sizes.stack)
    bound = "" if sizes.stack_bound is None else f"{sizes.stack_bound:,}"
    return f"| {model.stem} | {application} | {' | '.join(f'{figure:,}' for figure in figures)} | {bound} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models", type=Path, help="a folder with ic_MLPerf.tflite, vww_MLPerf.tflite, ...")
    parser.add_argument("--output", type=Path, help="the file whose table is replaced; default: print it")
    options = parser.parse_args()
    rows = [
        row(options.models / f"{benchmark}_MLPerf.tflite", benchmark, application)
        for benchmark in BENCHMARKS
        for application in APPLICATIONS
    ]
    table = "\n".join([HEAD, *rows])
    if options.output is None:
        print(table)
    else:
        replace_generated(options.output, BEGIN, table)


if __name__ == "__main__":
    main()
