"""Variables of a file that is exported: their handles, and the subgraph that initialises them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.tinyts_recurrent import LstmOp, SvdfFeaturesOp
from tinyts_mlir.dialects.tinyts_state import ReadStateOp, ShiftStateOp, StateOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile

VERSION = 1
INITIALISER = 1
"""The subgraph that initialises variables."""


@dataclass(frozen=True)
class ExportedVariable:
    """A state as a variable, and the tensor that names it in the first subgraph."""

    op: StateOp
    handle: int
    value: FileTensor
    """What it is: a tensor with its initial value in a buffer of the file."""

    @property
    def options(self) -> dict[str, str]:
        """Those of its VAR_HANDLE."""
        return {"SharedName": self.op.name_in_file.data}


class ExportedVariables:
    """All variables of a file, in their order."""

    def __init__(self) -> None:
        self.variables: list[ExportedVariable] = []

    def add(self, variable: ExportedVariable) -> None:
        """One more."""
        self.variables.append(variable)

    def handle_of(self, state: SSAValue) -> int:
        """The tensor that names the variable of a state."""
        for variable in self.variables:
            if variable.op.result is state:
                return variable.handle
        raise CompileError("export to .tflite: expected tinyts.state in front of what reads or assigns it")

    def subgraphs(self, buffers: Sequence[npt.NDArray[np.uint8]]) -> tuple[TfliteFile, ...]:
        """The subgraph that initialises them, where there are any."""
        if not self.variables:
            return ()
        tensors: list[FileTensor] = []
        layers: list[FileLayer] = []
        for variable in self.variables:
            handle = len(tensors)
            tensors.append(resource(handle, variable.op.name_in_file.data))
            tensors.append(
                FileTensor(
                    handle + 1,
                    f"{variable.op.name_in_file.data}/initial",
                    variable.value.type,
                    variable.value.shape,
                    (),
                    variable.value.buffer,
                    variable.value.quantization,
                    is_variable=False,
                    is_sparse=False,
                )
            )
            layers.append(layer(len(layers), "VAR_HANDLE", (), (handle,), "VarHandleOptions", variable.options))
            layers.append(layer(len(layers), "ASSIGN_VARIABLE", (handle, handle + 1), (), "AssignVariableOptions", {}))
        return (TfliteFile(tuple(tensors), tuple(layers), (), (), tuple(buffers)),)


def is_variable_tensor(state: SSAValue) -> bool:
    """Whether a state is a variable tensor, which a recurrent layer assigns itself, and not one with a handle."""
    for user in (use.operation for use in state.uses):
        if isinstance(user, ShiftStateOp) and isinstance(user.value.owner, SvdfFeaturesOp):
            return True
        if isinstance(user, ReadStateOp) and any(isinstance(use.operation, LstmOp) for use in user.result.uses):
            return True
    return False


def resource(index: int, name: str) -> FileTensor:
    """A tensor that names a variable."""
    return FileTensor(index, name, "resource", (), (), 0, None, is_variable=False, is_sparse=False)


def layer(
    index: int,
    op: str,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    options_type: str,
    options: dict[str, str],
) -> FileLayer:
    """A layer of the initialiser."""
    return FileLayer(index, op, VERSION, inputs, outputs, options_type, dict(options))
