"""The C interface of an emitted model, and the small C files that connect it to a port."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyts_mlir.lowering.c_source import macro_prefix
from tinyts_mlir.toolchain.errors import ToolchainError

Array = npt.NDArray[Any]

NUMPY_TYPES = {
    "int8_t": np.dtype(np.int8),
    "uint8_t": np.dtype(np.uint8),
    "int16_t": np.dtype(np.int16),
    "float": np.dtype(np.float32),
    "int32_t": np.dtype(np.int32),
    "int64_t": np.dtype(np.int64),
}
"""The types of elements, by their names in C."""

ARENA_GUARD_BYTES = 16
"""Bytes before and behind the Cortex-M7 port's arena; 16 also keeps the arena off multiples of 32."""


@dataclass(frozen=True)
class ModelInterface:
    """Name and sizes of an emitted model, as its header states them."""

    name: str
    arena_bytes: int
    row_bytes: int
    """Of the input, for models that can be fed (those with one input, which is received)."""
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]
    output_functions: tuple[str, ...]
    """What returns each output's place in the arena, for models that are fed."""
    input_types: tuple[str, ...]
    """The C types of the inputs' elements."""
    output_types: tuple[str, ...]
    state_bytes: int = 0
    """What stays from one inference to the next, in the context."""
    reads_in_place: bool = False
    """Whether an input is read where the caller has it; such a model cannot be fed."""

    @classmethod
    def from_header(cls, name: str, header: str) -> ModelInterface:
        """Read the macros of ``NAME.h``, and the names of the functions that return outputs."""

        macros = macro_prefix(name)

        def macro(suffix: str) -> int:
            match = re.search(rf"^[ \t]*#[ \t]*define {macros}_{suffix}\s+\(?(\d+)[uUlL]*\)?", header, re.MULTILINE)
            if match is None:
                raise ToolchainError(f"{name}.h does not define {macros}_{suffix} as a decimal number")
            return int(match[1])

        inputs, outputs = macro("INPUT_COUNT"), macro("OUTPUT_COUNT")
        reads_in_place = re.search(rf"^#define {macros}_INPUT_EXTERNAL 1$", header, re.MULTILINE) is not None
        functions = tuple(re.findall(rf"\b(?:{'|'.join(NUMPY_TYPES)}) \*({name}_output\w*)\(", header))
        invoke = re.search(rf"^tinyts_status {name}_invoke\(([^)]*)\)", header, re.MULTILINE)
        types = re.findall(rf"\b({'|'.join(NUMPY_TYPES)}) \*", invoke[1] if invoke else "")
        if len(types) != inputs + outputs:
            raise ToolchainError(
                f"{name}.h declares {name}_invoke with {len(types)} tensors, expected {inputs + outputs}"
            )
        if inputs == 1 and len(functions) != outputs:
            raise ToolchainError(f"{name}.h declares {len(functions)} functions {name}_output..., expected {outputs}")
        return cls(
            name=name,
            arena_bytes=macro("ARENA_BYTES"),
            row_bytes=macro("INPUT_ROW_BYTES") if inputs == 1 and not reads_in_place else 0,
            input_bytes=tuple(macro(f"INPUT{i}_BYTES") for i in range(inputs)),
            output_bytes=tuple(macro(f"OUTPUT{i}_BYTES") for i in range(outputs)),
            output_functions=functions,
            input_types=tuple(types[:inputs]),
            output_types=tuple(types[inputs:]),
            state_bytes=macro("STATE_BYTES") if f"define {macros}_STATE_BYTES " in header else 0,
            reads_in_place=reads_in_place,
        )

    @property
    def has_feed(self) -> bool:
        """Whether the model can be fed rows."""
        return len(self.input_bytes) == 1 and not self.reads_in_place

    def outputs_of(self, content: bytes) -> list[Array]:
        """The outputs, flat, that these bytes begin with, one behind the other."""
        outputs: list[Array] = []
        position = 0
        for size, type in zip(self.output_bytes, self.output_types, strict=True):
            outputs.append(np.frombuffer(content[position : position + size], NUMPY_TYPES[type]))
            position += size
        return outputs

    def check_inputs(self, inputs: Sequence[Array]) -> list[bytes]:
        """Return the inputs' bytes once their types and sizes are known to be right."""
        if len(inputs) != len(self.input_bytes):
            raise ToolchainError(f"{self.name} has {len(self.input_bytes)} inputs, got {len(inputs)}")
        contents: list[bytes] = []
        for number, (array, size) in enumerate(zip(inputs, self.input_bytes, strict=True)):
            expected = NUMPY_TYPES[self.input_types[number]]
            if array.dtype != expected:
                raise ToolchainError(f"{self.name}, input {number}: expected {expected}, got {array.dtype}")
            if array.nbytes != size:
                raise ToolchainError(f"{self.name}, input {number}: expected {size} bytes, got {array.nbytes}")
            contents.append(array.tobytes())
        return contents

    def check_feed(self, rows: int) -> None:
        """Raise an error unless the model can be fed ``rows`` rows at a time."""
        if self.reads_in_place:
            raise ToolchainError(f"{self.name} reads its input in place (--input external): it cannot be fed")
        if not self.has_feed:
            raise ToolchainError(f"{self.name} has {len(self.input_bytes)} inputs: only models with one can be fed")
        if rows < 1:
            raise ToolchainError(f"rows to feed at a time: expected at least 1, got {rows}")

    def host_source(self, symbol: str = "port_the_model") -> str:
        """The definition of ``port_the_model`` (runtime/ports/host/model.h), or the same under another name."""
        name, macros = self.name, macro_prefix(self.name)
        inputs = [f"{_cast('const ', type)}inputs[{i}]" for i, type in enumerate(self.input_types)]
        outputs = [f"{_cast('', type)}outputs[{i}]" for i, type in enumerate(self.output_types)]
        input_sizes = ", ".join(f"{macros}_INPUT{i}_BYTES" for i in range(len(inputs)))
        output_sizes = ", ".join(f"{macros}_OUTPUT{i}_BYTES" for i in range(len(outputs)))
        results = "".join(
            f"    case {i}: return {_bytes(self.output_types[i])}{function}((const {name}_context *)context);\n"
            for i, function in enumerate(self.output_functions)
        )
        feed = f"""
static tinyts_status {symbol}_feed(void *context, const int8_t *rows, size_t row_count) {{
  return {name}_feed(({name}_context *)context, {_cast("const ", self.input_types[0])}rows, row_count);
}}

static const int8_t *{symbol}_output(const void *context, size_t number) {{
  switch (number) {{
{results}    default: return NULL;
  }}
}}
"""
        return f"""#include "{name}.h"
#include "host/model.h"

static tinyts_status {symbol}_init(void *context, void *arena, size_t arena_bytes) {{
  return {name}_init(({name}_context *)context, arena, arena_bytes);
}}

static tinyts_status {symbol}_invoke(void *context, const int8_t *const *inputs, int8_t *const *outputs) {{
  return {name}_invoke(({name}_context *)context, {", ".join(inputs + outputs)});
}}
{feed if self.has_feed else ""}
static const size_t {symbol}_input_bytes[] = {{{input_sizes}}};
static const size_t {symbol}_output_bytes[] = {{{output_sizes}}};

const port_model {symbol} = {{
  .arena_bytes = {macros}_ARENA_BYTES,
  .context_bytes = sizeof({name}_context),
  .row_bytes = {self.row_bytes},
  .input_count = {len(inputs)},
  .output_count = {len(outputs)},
  .input_bytes = {symbol}_input_bytes,
  .output_bytes = {symbol}_output_bytes,
  .init = {symbol}_init,
  .invoke = {symbol}_invoke,
  .feed = {f"{symbol}_feed" if self.has_feed else "NULL"},
  .output = {f"{symbol}_output" if self.has_feed else "NULL"},
}};
"""

    def device_source(self) -> str:
        """Everything that the emulator hands to the model's functions, as static variables."""
        name, macros = self.name, macro_prefix(self.name)
        buffers = [
            f"PORT_BSS _Alignas({NUMPY_TYPES[type].itemsize}) int8_t "
            f"port_{kind}{i}[{macros}_{kind.upper()}{i}_BYTES];\n"
            for kind, types in (("input", self.input_types), ("output", self.output_types))
            for i, type in enumerate(types)
        ]
        return f"""#include "{name}.h"

#define PORT_BSS __attribute__((used, section(".bss.port")))

PORT_BSS {name}_context port_context;
PORT_BSS _Alignas(32) int8_t port_arena[{macros}_ARENA_BYTES + {2 * ARENA_GUARD_BYTES}];
{"".join(buffers)}"""

    def functions(self) -> list[str]:
        """The model's public functions: what must stay in a program."""
        feed = [f"{self.name}_feed"] if self.has_feed else []
        reset = [f"{self.name}_reset"] if self.state_bytes else []
        return [f"{self.name}_init", f"{self.name}_invoke", *reset, *feed, *self.output_functions]


def _cast(constant: str, type: str) -> str:
    """The cast from bytes to elements; ports align what they hand over."""
    return "" if type == "int8_t" else f"({constant}{type} *)({constant}void *)"


def _bytes(type: str) -> str:
    """The cast from constant elements to bytes."""
    return "" if type == "int8_t" else "(const int8_t *)"
