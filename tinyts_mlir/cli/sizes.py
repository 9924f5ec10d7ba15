"""tinyts-sizes: what firmware takes of flash and RAM."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tinyts_mlir.cli.arguments import Parser
from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.toolchain.firmware_sizes import FirmwareSizes, is_emitted_firmware
from tinyts_mlir.toolchain.model_sizes import ProgramSizes

PROGRAM = "tinyts-sizes"

EXIT_STACK = 3

DESCRIPTION = """Prints what firmware of an emitted project (tinyts-opt --emit-project baremetal) takes of flash and of
RAM: by section, and the bound of its stack where the build's call graphs lie beside it. Of any other ELF file that
contains a model it prints what the model takes, by its symbols."""

EPILOG = "Exit status: 0 all is well, 1 error, 2 wrong usage, 3 the stack may take more than is kept for it."


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    given = sys.argv[1:] if arguments is None else arguments
    return status_of(PROGRAM, _run, given)


def _run(arguments: Sequence[str]) -> int:
    parser = Parser(prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("firmware", metavar="FIRMWARE.elf", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if not is_emitted_firmware(options.firmware):
        return _print_models(ProgramSizes.read(options.firmware), options.json)
    sizes = FirmwareSizes.read(options.firmware)
    if options.json:
        print(json.dumps({**asdict(sizes), "flash_bytes": sizes.flash_bytes, "ram_bytes": sizes.ram_bytes}, indent=2))
    else:
        print("\n".join(_lines(sizes)))
    if sizes.stack_bound is not None and sizes.stack_bound > sizes.stack:
        print(
            f"{PROGRAM}: warning: the stack may take {sizes.stack_bound:,} bytes, but STACK_BYTES in the board's "
            f"linker script keeps {sizes.stack:,}",
            file=sys.stderr,
        )
        return EXIT_STACK
    return 0


def _print_models(sizes: ProgramSizes, as_json: bool) -> int:
    if as_json:
        print(json.dumps(asdict(sizes), indent=2))
        return 0
    for model in sizes.models:
        print(f"model {model.name}")
        for part in ("weights", "tables", "code"):
            is_inlined = part == "code" and model.code == 0
            print(f"  {part:<10}{getattr(model, part):>12,}{'  in the functions that call it' if is_inlined else ''}")
    print(f"{'runtime':<12}{sizes.runtime:>12,}  code, of all models")
    return 0


def _lines(sizes: FirmwareSizes) -> list[str]:
    def line(what: str, size: int, remark: str = "") -> str:
        return f"{what:<10}{size:>12,}{f'  {remark}' if remark else ''}"

    bound = "no call graph" if sizes.stack_bound is None else f"the call graph needs at most {sizes.stack_bound:,}"
    return [
        line("flash", sizes.flash_bytes),
        line("  text", sizes.text),
        line("  rodata", sizes.rodata),
        line("  weights", sizes.weights, "the model's"),
        line("  tables", sizes.tables, "the model's"),
        line("  data", sizes.data, "initial values"),
        line("RAM", sizes.ram_bytes),
        line("  data", sizes.data),
        line("  bss", sizes.bss),
        line("  dtcm", sizes.dtcm, "the arena, where it lies there"),
        line("  stack", sizes.stack, bound),
        *([line("QSPI", sizes.qspi, "weights")] if sizes.qspi else []),
    ]
