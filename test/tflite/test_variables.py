"""Variables of files: which become state, which do not, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support import text_of, without_value_names
from tflite_files import INT8, Constant, activation, layer, model
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.dialects.tinyts import AssignStateOp, ReadStateOp, StateOp
from tinyts_mlir.errors import CompileError, UnsupportedModelError
from tinyts_mlir.interpreters.check_passes import run_sequence
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.reference import ReferenceModel

X, READ, SUM, HANDLE = range(4)
CONTENT = bytes(range(8))


def resource(name: str = "handle") -> FileTensor:
    return replace(activation(name, quantization=None), type="resource", shape=())


def constant(name: str, data: bytes, *shape: int) -> Constant:
    return Constant(0, name, "int8", shape, (), 0, INT8, is_variable=False, is_sparse=False, data=data)


def handle(output: int, name: str = "sum", container: str = "") -> FileLayer:
    return layer("VAR_HANDLE", [], [output], SharedName=name, Container=container)


def assign(target: int, value: int) -> FileLayer:
    return layer("ASSIGN_VARIABLE", [target, value], [])


CALL = layer("CALL_ONCE", [], [], InitSubgraphIndex=1)
READ_LAYER = layer("READ_VARIABLE", [HANDLE], [READ])
ADD = layer("ADD", [X, READ], [SUM])


def file(
    layers: Sequence[FileLayer],
    initialiser: Sequence[FileLayer] = (),
    tensors: Sequence[FileTensor] = (),
    read: FileTensor | None = None,
) -> TfliteFile:
    """A model of a map, what a variable holds, and their sum, with an initialiser of a handle and a constant."""
    main = model(
        [
            activation("x", 1, 2, 2, 2),
            read or activation("read", 1, 2, 2, 2),
            activation("sum", 1, 2, 2, 2),
            resource(),
            *tensors,
            constant("content", CONTENT, 1, 2, 2, 2),  # its buffer is the initialiser's as well
        ],
        layers,
        [X],
        [SUM],
    )
    content = replace(main.tensors[-1], index=1)
    first = TfliteFile((resource(), content), tuple(initialiser), (), (), main.buffers)
    return replace(main, subgraphs=(first,))


INITIALISER = (handle(0), assign(0, 1))


def imported(file: TfliteFile) -> ModuleOp:
    return import_tflite(write_tflite(file), "model.tflite")


def reasons(file: TfliteFile) -> str:
    with pytest.raises(UnsupportedModelError) as error:
        imported(file)
    return "\n".join(error.value.reasons)


def ops(module: ModuleOp, kind: type) -> list:
    return [op for op in module.walk() if isinstance(op, kind)]


def test_a_running_sum_is_litert_s() -> None:
    running = file([CALL, handle(HANDLE), READ_LAYER, ADD, assign(HANDLE, SUM)], INITIALISER)
    module = imported(running)
    [state] = ops(module, StateOp)
    assert state.name_in_file.data == "sum" and state.initial_bytes() == CONTENT
    assert len(ops(module, ReadStateOp)) == len(ops(module, AssignStateOp)) == 1
    inputs = [np.full((1, 2, 2, 2), value, np.int8) for value in (5, -9, 100, 100, 3)]
    reference = ReferenceModel(write_tflite(running))
    for image, [ours] in zip(inputs, run_sequence(module, [[image] for image in inputs]), strict=True):
        np.testing.assert_array_equal(ours, reference.run([image])[0].reshape(-1))


def test_what_is_exported_comes_in_again() -> None:
    module = imported(file([CALL, handle(HANDLE), READ_LAYER, ADD, assign(HANDLE, SUM)], INITIALISER))
    again = import_tflite(export_tflite(module), "model.tflite")
    assert text_of(without_value_names(again)) == text_of(without_value_names(module))


def test_a_name_in_a_container() -> None:
    initialiser = (handle(0, container="box"), assign(0, 1))
    module = imported(file([CALL, handle(HANDLE, container="box"), READ_LAYER, ADD, assign(HANDLE, SUM)], initialiser))
    [state] = ops(module, StateOp)
    assert state.name_in_file.data == "box/sum"


def test_what_is_assigned_before_it_is_read_is_no_state() -> None:
    module = imported(file([handle(HANDLE), assign(HANDLE, X), READ_LAYER, ADD]))
    assert not ops(module, StateOp) and not ops(module, AssignStateOp)


def test_a_read_behind_an_assignment_sees_the_new_value() -> None:
    """The first read is what the call before has left, the second what this call assigns."""
    tensors = [activation("again", 1, 2, 2, 2), activation("total", 1, 2, 2, 2)]
    layers = [
        CALL,
        handle(HANDLE),
        READ_LAYER,
        assign(HANDLE, X),
        layer("READ_VARIABLE", [HANDLE], [4]),
        layer("ADD", [READ, 4], [SUM]),
    ]
    both = file(layers, INITIALISER, tensors)
    reference = ReferenceModel(write_tflite(both))
    inputs = [np.full((1, 2, 2, 2), value, np.int8) for value in (7, -20, 33)]
    for image, [ours] in zip(inputs, run_sequence(imported(both), [[image] for image in inputs]), strict=True):
        np.testing.assert_array_equal(ours, reference.run([image])[0].reshape(-1))


def test_of_two_assignments_the_last_counts() -> None:
    layers = [CALL, handle(HANDLE), READ_LAYER, ADD, assign(HANDLE, X), assign(HANDLE, SUM)]
    module = imported(file(layers, INITIALISER))
    [assigned] = ops(module, AssignStateOp)
    assert assigned.value.owner.name == "tinyts.add"


def test_a_variable_that_nothing_initialises() -> None:
    unknown = file([handle(HANDLE), READ_LAYER, ADD, assign(HANDLE, SUM)])
    assert "variable 'sum' is read before anything has assigned it" in reasons(unknown)
    reference = ReferenceModel(write_tflite(unknown))
    with pytest.raises(ToolchainError):
        reference.run([np.zeros((1, 2, 2, 2), np.int8)])


def test_two_handles_of_one_name_with_other_shapes() -> None:
    other = [resource("other"), activation("small", 1, 1, 2, 2)]
    layers = [CALL, handle(HANDLE), handle(4), READ_LAYER, ADD, layer("READ_VARIABLE", [4], [5])]
    both = replace(file(layers, INITIALISER, other), outputs=(SUM, 5))
    assert "expected variable 'sum' to have one shape and one type" in reasons(both)
    layers = [CALL, handle(HANDLE), layer("READ_VARIABLE", [HANDLE], [READ]), ADD]
    small = file(layers, INITIALISER, read=activation("read", 1, 1, 1, 2))
    assert "expected variable 'sum' to begin with 2 bytes, as it is read or assigned, got 8" in reasons(small)


def test_a_shape_that_is_not_known() -> None:
    layers = [CALL, handle(HANDLE), READ_LAYER, ADD]
    unknown = replace(activation("read", 1, 2, 2, 2), shape=())
    assert "expected a fixed shape" in reasons(file(layers, INITIALISER, read=unknown))


def test_what_is_no_handle() -> None:
    assert "expected the result of VAR_HANDLE as variable" in reasons(file([READ_LAYER, ADD]))


def test_initialisers_that_compute() -> None:
    computing = (handle(0), layer("ADD", [1, 1], [1]), assign(0, 1))
    assert "an initialiser that assigns constants to variables, got ADD in subgraph 1" in reasons(
        file([CALL, handle(HANDLE), READ_LAYER, ADD], computing)
    )


def test_an_initialiser_that_there_is_not() -> None:
    call = layer("CALL_ONCE", [], [], InitSubgraphIndex=7)
    assert "expected an initialiser of subgraph 1 to 1, got subgraph 7" in reasons(file([call, ADD]))


def test_a_subgraph_that_is_not_called_once() -> None:
    with pytest.raises(CompileError, match="expected a model of one subgraph, got 2"):
        imported(file([handle(HANDLE), READ_LAYER, ADD], INITIALISER))
