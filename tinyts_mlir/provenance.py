"""Writes into IR where a model comes from and how it is compiled, so that what is emitted can say it.

A model file has a hash. IR that was printed carries its model's; IR that never was a model file has none, since what it
says is nowhere else. Options are recorded by whoever knows them all, before the passes run: the command line and
`compile_module`. xDSL's own tools record none.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.utils.arg_spec import ArgSpec, parse_pipeline

from tinyts_mlir.dialects import provenance, tinyrt
from tinyts_mlir.dialects.tinyts_attributes import OPTIONS, SOURCE_SHA256


def record_source(module: ModuleOp, data: bytes) -> ModuleOp:
    """The module, whose functions carry the hash of the model file with these bytes."""
    digest = StringAttr(hashlib.sha256(data).hexdigest())
    for op in module.ops:
        if isinstance(op, FuncOp):
            op.attributes[SOURCE_SHA256] = digest
    return module


def canonical_options(
    passes: Iterable[str], input_mode: str | None = None, io: str = "model", ram: int | None = None
) -> str:
    """The options of a command as flags, in one order and one spelling, defaults of ours left out.

    The same words compile the same model to the same files, given to `tinyts-opt` or to `compile_model`.

    Args:
        passes: the passes that were asked for, in their order, as xDSL's pipelines have them.
        input_mode: what `--input` says.
        io: what `--io` says.
        ram: what `--ram` says, in bytes.
    """
    words = [_flag(spec) for text in passes for spec in parse_pipeline(text)]
    words += [f"--input={input_mode}"] if input_mode is not None else []
    words += [f"--io={io}"] if io != "model" else []
    words += [f"--ram={ram}"] if ram is not None else []
    return shlex.join(words)


def record_options(module: ModuleOp, options: str, always: bool = True) -> None:
    """Adds the options of a command to those that the module's functions and programs carry.

    Args:
        module: what the command compiles.
        options: as `canonical_options` gives them.
        always: also where the module does not come from a model file; and even that there are none.
    """
    # What else a string may hold, no pass of ours takes: it would end a comment of C.
    options = re.sub(r"/\*|\*/|[^ -~]", "_", options)
    for op in module.ops:
        if isinstance(op, FuncOp):
            held, source, kept = op.attributes, SOURCE_SHA256, OPTIONS
        elif isinstance(op, tinyrt.ProgramOp):
            held, source, kept = op.properties, provenance.SOURCE_SHA256, provenance.OPTIONS
        else:
            continue
        if always or (options and source in held):
            earlier = held.get(kept)
            commands = [earlier.data if isinstance(earlier, StringAttr) else "", options]
            held[kept] = StringAttr("; ".join(command for command in commands if command))


def _flag(spec: ArgSpec) -> str:
    """A pass as a flag; one whose options a flag cannot say, as a pipeline."""
    options: list[str] = []
    for name, values in sorted(spec.parameters.items()):
        if len(values) > 1 or not all(re.fullmatch(r"[\w.+-]+", _text(value)) for value in values):
            return f"--passes={spec}"
        options.append("=".join([name, *map(_text, values)]))
    return f"--{spec.name}" + (f"={','.join(options)}" if options else "")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
