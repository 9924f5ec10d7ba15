"""NAME_report.json: what the compiler knows of a model, in exact figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from tinyts_mlir.analysis.macs import repeated_macs
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.lowering.c_program import CProgram, int_of, label_of
from tinyts_mlir.lowering.memory_accounting import context_bytes, stack_bound_bytes
from tinyts_mlir.version import VERSION

REPORT_VERSION = 1

# Bytes of the runtime's structs on a 32-bit target (runtime/include/tinyts/tinyts_runtime.h).
TENSOR_STRUCT_BYTES = 12
LAYER_STRUCT_BYTES = 20


def table_bytes(program: CProgram) -> dict[str, int]:
    """Bytes of the schedule, of the placement, and of the tensor and layer structs, on a 32-bit target."""
    operands = sum(
        1 if isinstance(layer, tinyrt.ReceiveOp) else len(layer.inputs) + len(layer.outputs) for layer in program.layers
    )
    structs = TENSOR_STRUCT_BYTES * len(program.tensors) + LAYER_STRUCT_BYTES * len(program.layers)
    return {
        "schedule_bytes": len(program.steps) * (program.step_bits // 8),
        "placement_bytes": 2 * len(program.placement),
        "descriptor_bytes": structs + 2 * operands,
    }


def program_report(program: CProgram, files: Sequence[str]) -> dict[str, object]:
    """The report as Python values; `files` are the names of all files of the project."""
    tables = table_bytes(program)
    return {
        "version": REPORT_VERSION,
        "name": program.name,
        "tool_version": VERSION,
        "model_sha256": program.source_sha256,
        "options": program.options,
        "arena_bytes": program.arena_bytes,
        "state_bytes": program.state_bytes,
        **_bounds(program.program),
        "context_bytes": context_bytes(program.program),
        "stack_bound_bytes": stack_bound_bytes(program.program),
        "input": _input_report(program),
        "input_bytes": program.input_sizes(),
        "output_bytes": program.output_sizes(),
        "constant_bytes": program.constants.bytes(),
        "tables_bytes": sum(tables.values()),
        **tables,
        "steps": len(program.steps),
        "repeated_macs": repeated_macs(program.program),
        "pruned_layers": [layer._asdict() for layer in program.program.left_out()],
        "layers": [_layer_report(layer) for layer in program.layers],
        "files": list(files),
    }


def report_json(program: CProgram, files: Sequence[str]) -> str:
    """NAME_report.json."""
    return json.dumps(program_report(program, files), indent=2) + "\n"


def _layer_report(layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> dict[str, object]:
    output = layer.output if isinstance(layer, tinyrt.ReceiveOp) else layer.outputs[0]
    tensor = cast(tinyrt.TensorOp, output.owner)
    return {
        "name": label_of(layer),
        "kernel": "receive" if isinstance(layer, tinyrt.ReceiveOp) else layer.kernel.data,
        "rows": int_of(tensor.rows),
        "band_rows": int_of(tensor.band_rows),
        "row_bytes": int_of(tensor.row_bytes),
    }


def _bounds(program: tinyrt.ProgramOp) -> dict[str, object]:
    """How small the arena could be at best: `peak_bytes` in this order, `bound_bytes` in any."""
    bounds = {"peak_bytes": program.peak_bytes, "bound_bytes": program.bound_bytes}
    return {name: int_of(bound) for name, bound in bounds.items() if bound is not None}


def _input_report(program: CProgram) -> dict[str, object]:
    """Where the model's inputs live: `mixed` where they do not all live in the same way."""
    modes = {_input_mode(program, number) for number in range(len(program.input_names))}
    return {
        "mode": modes.pop() if len(modes) == 1 else "mixed",
        "bytes": sum(program.input_sizes()),
        "counted_in_arena": not program.external_inputs,
    }


def _input_mode(program: CProgram, number: int) -> str:
    """`external`; `stream` where something runs before the last row is there, else `arena`."""
    if number in program.external_inputs:
        return "external"
    receives = [isinstance(program.layers[step], tinyrt.ReceiveOp) for step in program.steps]
    of_input = [
        isinstance(layer := program.layers[step], tinyrt.ReceiveOp) and int_of(layer.input) == number
        for step in program.steps
    ]
    last = max(position for position, is_one in enumerate(of_input) if is_one)
    return "arena" if all(receives[:last]) else "stream"
