"""`python tools/limits_table.py -o docs/limits.md`: what the fields of the emitted C can hold, off the headers."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tinyts_mlir.kernels.c_sources import runtime_sources
from tinyts_mlir.kernels.parameter_structs import INTEGER_LIMITS, declared_structs
from tinyts_mlir.kernels.runtime_structs import LAYER, MODEL, TENSOR, runtime_structs

HEAD = """# Limits

A number of a model that does not fit its field in the emitted C is an error before anything is planned, of the pass
`check-limits`, and again where C is emitted. The error names layer, field, limits and number. The table says what
each field of the structs in `tinyts/tinyts_runtime.h` and `tinyts/tinyts_kernels.h` holds. It is read off them by
`python tools/limits_table.py -o docs/limits.md`.

In short: up to 65,535 rows, columns and channels of a map, and as much for strides and windows; up to 255 inputs and
outputs of the model and of a layer; up to 65,535 layers. FULLY_CONNECTED takes up to 65,535 vectors of up to
4,294,967,295 elements. No tensor has more than 2^31 - 1 elements. Besides, TFLite's own limits hold for strides and
dilations ([semantics](litert-semantics.md)).

| struct | field | least | greatest |
|---|---|---|---|
"""


def limits_table() -> str:
    """The page."""
    runtime = runtime_structs()
    structs = {f"tinyts_{name}": dict(runtime[name]) for name in (MODEL, LAYER, TENSOR)}
    for name, struct in declared_structs(runtime_sources()).items():
        fields = {field.name: INTEGER_LIMITS[field.type] for field in struct.fields if not field.is_pointer}
        structs[f"tinyts_{name}_parameters"] = fields
    return HEAD + "".join(_lines(structs))


def _lines(structs: Mapping[str, Mapping[str, tuple[int, int]]]) -> Iterator[str]:
    """A line for the fields of a struct that have the same limits."""
    for struct, fields in structs.items():
        by_limits: dict[tuple[int, int], list[str]] = defaultdict(list)
        for name, limits in fields.items():
            by_limits[limits].append(f"`{name}`")
        for (least, greatest), names in by_limits.items():
            yield f"| `{struct}` | {', '.join(names)} | {least:,} | {greatest:,} |\n"


def main() -> None:
    """Prints the page, or writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path)
    output = parser.parse_args().output
    if output is None:
        print(limits_table(), end="")
    else:
        output.write_text(limits_table(), encoding="utf-8")


if __name__ == "__main__":
    main()
