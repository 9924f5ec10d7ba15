"""tinyts-run: compile a model, build the emitted C, run it, and compare every output byte with LiteRT's."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyts_mlir.cli.arguments import Parser, at_least
from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.options import GROUPS
from tinyts_mlir.cli.run_files import check_files, load_array, require_count
from tinyts_mlir.cores import CORTEX_M7, EMULATED_CORES, find_core
from tinyts_mlir.lowering.c_source import require_identifier
from tinyts_mlir.toolchain.compilers import CrossCompiler
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.evaluate import HOST, Evaluation, evaluate
from tinyts_mlir.toolchain.inputs import NamedInput, random_inputs, standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel, TensorDetails

Array = npt.NDArray[Any]

COMPILER_OPTIONS = tuple(
    option
    for options in GROUPS.values()
    for option in options
    if option.flags[0] in ("--ram", "--max-slowdown", "--input", "--io", "--name")
)
"""Options of `tinyts-opt` that this command hands on."""

ELEMENT_TYPES = ("int8", "uint8", "float32")
TARGETS = (HOST, *(core.name for core in EMULATED_CORES))
"""Where a model can run."""
OUTPUT_TYPES = (*ELEMENT_TYPES, "int32", "int64")

PROGRAM = "tinyts-run"
EXIT_MISMATCH = 4
JSON_VERSION = 1
DEFAULT_PASS_FLAGS = ("--split-tensors",)

DESCRIPTION = """Compiles a model, builds the emitted C, runs it on this machine or on an emulated core, and
reports what it needs. Flags of passes, as tinyts-opt has them, go to the compiler; without any, --split-tensors is
used."""

EPILOG = (
    "Exit status: 0 all is well, 1 error, 2 wrong usage, 3 no plan fits into --ram, "
    "4 an output byte differs from the reference."
)


@dataclass(frozen=True)
class Options:
    """The command line."""

    model: Path
    target: str
    check: bool
    random_inputs: int
    seed: int
    input_files: tuple[Path, ...]
    output_files: tuple[Path, ...]
    feed_rows: int | None
    compiler: CrossCompiler | None
    json: bool
    io: str
    name: str | None
    compiler_arguments: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    given = sys.argv[1:] if arguments is None else arguments
    return status_of(PROGRAM, lambda options: _run(parse_options(options)), given)


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line; flags that are not tinyts-run's own go to the compiler, in their order."""
    parser = Parser(prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL.tflite", type=Path)
    parser.add_argument(
        "--target",
        choices=TARGETS,
        default=HOST,
        metavar="CORE",
        help=f"where to run: {', '.join(TARGETS)}; default: {HOST}",
    )
    parser.add_argument("--check", action="store_true", help="compare with LiteRT, also on four special inputs")
    parser.add_argument(
        "--inputs",
        "--steps",
        type=at_least(0),
        metavar="N",
        help="random inputs, one after the other: steps of a sequence for a model with state; "
        "default: 1, or 10 with --check",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="of the random inputs; default: 0")
    parser.add_argument(
        "--input-file", type=Path, action="append", default=[], metavar="X.npy", help="use this; once per model input"
    )
    parser.add_argument(
        "--output", type=Path, action="append", default=[], metavar="Y.npy", help="save; once per model output"
    )
    for option in COMPILER_OPTIONS:
        parser.add_argument(
            *option.flags, metavar=option.metavar, default=option.default, help=f"{option.help}; as of tinyts-opt"
        )
    parser.add_argument("--feed", type=at_least(1), metavar="ROWS", help="feed the input ROWS rows at a time")
    parser.add_argument("--compiler", choices=["gcc", "clang"], help="for an emulated core; default: gcc if installed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    known, rest = parser.parse_known_args(arguments)
    if rest:
        _require_pass_flags(rest, parser)
    if known.input_file and known.inputs is not None:
        parser.error("--input-file and --inputs exclude each other")
    if known.compiler and known.target == HOST:
        parser.error(
            "--compiler is for --target cortex-m7 and other cores; the host's compiler is cc, or what CC names"
        )
    if known.inputs == 0 and not known.check:
        parser.error("--inputs 0 leaves nothing to run without --check")
    modes = () if known.input is None else (f"--input={known.input}",)
    modes += () if known.io == "model" else (f"--io={known.io}",)
    modes += () if known.ram is None else (f"--ram={known.ram}",)
    modes += () if known.max_slowdown is None else (f"--max-slowdown={known.max_slowdown}",)
    modes += () if known.target in (HOST, CORTEX_M7.name) else (f"--target={known.target}",)
    return Options(
        model=known.model,
        target=known.target,
        check=known.check,
        random_inputs=known.inputs if known.inputs is not None else 10 if known.check else 1,
        seed=known.seed,
        input_files=tuple(known.input_file),
        output_files=tuple(known.output),
        feed_rows=known.feed,
        compiler=known.compiler,
        json=known.json,
        io=known.io,
        name=known.name,
        compiler_arguments=(tuple(rest) or DEFAULT_PASS_FLAGS) + modes,
    )


def _require_pass_flags(arguments: Sequence[str], parser: Parser) -> None:
    """Ends the program unless all arguments are flags of passes."""
    from tinyts_mlir.universe import installed

    passes = installed().all_passes
    parser.flags = [f"--{name}" for name in passes]
    for argument in arguments:
        if not argument.startswith("--") or argument == "--":
            parser.error(f"unexpected argument {argument}")
        if argument.partition("=")[0] not in parser.flags:
            parser.error(parser.unknown(argument))


def _run(options: Options) -> int:
    from tinyts_mlir.compiler import compile_model

    if options.name is not None:
        require_identifier(options.name)
    check_files(options.model, options.input_files, options.output_files)
    named = {} if options.name is None else {"name": options.name}
    compiled = compile_model(options.model, options.compiler_arguments, **named)
    reference = _reference(options)
    inputs = _inputs(options, reference)
    if options.output_files:
        require_count("--output", "output", options.output_files, len(reference.outputs))
    evaluation = evaluate(
        compiled,
        options.target,
        inputs,
        reference if options.check else None,
        options.feed_rows,
        options.compiler,
    )
    for number, (file, tensor) in enumerate(zip(options.output_files, reference.outputs, strict=False)):
        _save(file, tensor, [outputs[number] for outputs in evaluation.outputs])
    if options.json:
        print(json.dumps(_json(options, compiled.name, compiled.report, len(inputs), evaluation), indent=2))
    else:
        print("\n".join(_lines(options, compiled.name, compiled.report, inputs, evaluation, reference)))
    return EXIT_MISMATCH if evaluation.mismatch is not None else 0


def _reference(options: Options) -> ReferenceModel:
    if options.io == "model":
        return ReferenceModel(options.model)
    from tinyts_mlir.compiler import int8_model

    return ReferenceModel(int8_model(options.model))


def _inputs(options: Options, reference: ReferenceModel) -> list[NamedInput]:
    for tensors, types in ((reference.inputs, ELEMENT_TYPES), (reference.outputs, OUTPUT_TYPES)):
        for tensor in tensors:
            if tensor.dtype.name not in types:
                raise ToolchainError(
                    f"{options.model.name}: tensor {tensor.name}: expected {', '.join(types)}, got {tensor.dtype}"
                )
    if options.input_files:
        return _load_inputs(options.input_files, reference.inputs)
    make = standard_inputs if options.check else random_inputs
    return make(reference.inputs, options.random_inputs, options.seed)


def _load_inputs(files: Sequence[Path], tensors: Sequence[TensorDetails]) -> list[NamedInput]:
    require_count("--input-file", "model input", files, len(tensors))
    stacks = [_load(file, tensor) for file, tensor in zip(files, tensors, strict=True)]
    counts = sorted({len(stack) for stack in stacks})
    if len(counts) > 1:
        raise ToolchainError(
            f"--input-file: the files hold different numbers of inferences: {counts[0]} and {counts[-1]}"
        )
    return [NamedInput(f"{files[0].name}[{i}]", tuple(stack[i] for stack in stacks)) for i in range(counts[0])]


def _load(file: Path, tensor: TensorDetails) -> list[Array]:
    """Read one inference, or as many as the array's first axis says where the model's own is 1."""
    array = load_array(file)
    if array.dtype != tensor.dtype:
        raise ToolchainError(f"{file}: expected dtype {tensor.dtype}, got {array.dtype}")
    if array.shape == tensor.shape:
        return [array]
    if tensor.shape[0] == 1 and array.shape[1:] == tensor.shape[1:] and len(array) > 0:
        return [array[i : i + 1] for i in range(len(array))]
    raise ToolchainError(f"{file}: expected shape {list(tensor.shape)}, got {list(array.shape)}")


def _save(file: Path, tensor: TensorDetails, outputs: Sequence[Array]) -> None:
    shape = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
    try:
        with file.open("wb") as stream:
            np.save(stream, np.stack(outputs).reshape(len(outputs), *shape))
    except OSError as error:
        raise ToolchainError(f"{file}: cannot be written: {error.strerror}") from None


def _json(options: Options, name: str, report: dict[str, object], count: int, evaluation: Evaluation) -> object:
    return {
        "format": PROGRAM,
        "version": JSON_VERSION,
        "name": name,
        "target": options.target,
        "compiler": evaluation.compiler,
        "arguments": list(options.compiler_arguments),
        "feed_rows": options.feed_rows,
        "inputs": count,
        "input": report.get("input"),
        **evaluation.as_json(),
        "tables_bytes": report.get("tables_bytes"),
    }


def _lines(
    options: Options,
    name: str,
    report: dict[str, object],
    inputs: Sequence[NamedInput],
    evaluation: Evaluation,
    reference: ReferenceModel,
) -> list[str]:
    """Return the report for people."""
    way = "" if options.feed_rows is None else f", fed {options.feed_rows} rows at a time"
    place = "this machine" if options.target == HOST else f"an emulated {find_core(options.target).title}"
    lines = [
        f"{name} on {place}{way}",
        f"  compiled with {' '.join(options.compiler_arguments)} and {evaluation.compiler}",
    ]
    if evaluation.bit_exact is None:
        lines.append(f"  bit exact     not checked, {len(inputs)} inputs run (--check compares with LiteRT)")
    else:
        verdict = "yes" if evaluation.bit_exact else "NO"
        compared_inputs = len(inputs) - len(evaluation.crashes)
        compared = f"{evaluation.compared_bytes:,} output bytes of {compared_inputs} inputs"
        kernels = "" if reference.has_reference_kernels else ", ELU by its optimized kernels: the reference has none"
        lines.append(f"  bit exact     {verdict}, {compared} compared with LiteRT {reference.version}{kernels}")
        if not reference.says_bias_types:
            lines.append("  biases        said to be int32, as they are: of the file as it is LiteRT reads beyond them")
        lines += [
            f"  versions      {op} compared in version {version}, the newest that LiteRT {reference.version} has"
            for op, version in reference.older_versions.items()
        ]
    lines += [f"  not compared  {crash}" for crash in evaluation.crashes]
    if evaluation.mismatch is not None:
        lines.append(f"  first         {evaluation.mismatch}")
    match report.get("input"):
        case {"counted_in_arena": False, "bytes": int(size)}:
            lines.append(f"  input         {size:>12,} bytes, read in place in the caller's buffer, not counted below")
        case _:
            pass
    figures = evaluation.figures
    kept = [("  state", evaluation.state_bytes, "bytes in the context, from one inference to the next")]
    kept, state = (kept, "state + ") if evaluation.state_bytes else ([], "")
    if figures is None:
        lines.append(f"  arena         {evaluation.arena_bytes:>12,} bytes, planned; its guard bytes are unchanged")
        lines.append("  (instructions, stack and code size are measured with --target cortex-m7)")
        return lines
    rows = [
        ("instructions", figures.instructions, f"measured: one inference, input {inputs[0].name}"),
        ("SRAM", evaluation.sram_bytes(figures), f"bytes: arena + {state}stack + context"),
        ("  arena", evaluation.arena_bytes, "bytes, planned; its guard bytes are unchanged"),
        *kept,
        ("  stack", figures.stack_bytes, "bytes, measured: deepest point of the same inference"),
        ("  context", figures.context_bytes, "bytes, measured in the program"),
        ("flash", figures.text_bytes + figures.rodata_bytes, "bytes: text + rodata"),
        ("  text", figures.text_bytes, "bytes, measured in the program: model and runtime"),
        ("  rodata", figures.rodata_bytes, "bytes, measured in the program: weights and tables"),
        ("library", figures.library_bytes, "bytes of the compiler's own library (memcpy ...), not counted above"),
    ]
    variables = figures.data_bytes + figures.bss_bytes
    if variables:
        rows.append(("variables", variables, "bytes of global variables: there should be none"))
    return lines + [f"  {title:<13} {value:>12,} {text}" for title, value, text in rows]
