"""The process that LiteRT runs in: answers requests until its standard input ends.

A request is `(what, model, payload)`, an answer `(succeeded, payload)`; both are pickled behind their length in eight
bytes. Started by `toolchain/reference_process.py`, which says what the requests are.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tinyts_mlir.errors import CompileError
from tinyts_mlir.toolchain.reference_parts import PartedInterpreter

Array = npt.NDArray[Any]

LENGTH_BYTES = 8

REFERENCE = OpResolverType.BUILTIN_REF
OTHER = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
NOT_IN_REFERENCE = ("ELU",)
"""Ops that only the other resolver has: layers of them run with that one, alone."""

_REFUSALS = (ValueError, RuntimeError, MemoryError)


Fields = tuple[str, int, tuple[int, ...], np.dtype[Any], float, int]
"""What LiteRT says of an input or output: name, index, shape, element type, scale, zero point."""


class Refused(Exception):
    """LiteRT reports an error; the text is its first line."""


class Server:
    """Models by their numbers, and what can be asked of them."""

    def __init__(self) -> None:
        self._contents: dict[int, bytes] = {}
        self._parted: set[int] = set()
        """Models that no resolver has all ops of."""
        self._plain: dict[int, Any] = {}
        self._preserving: dict[int, Any] = {}
        self.answers: Mapping[str, Callable[[int, Any], object]] = {
            "load": self.load,
            "run": self.run,
            "run all tensors": self.run_all_tensors,
            "reset": self.reset,
            "drop": self.drop,
        }

    def load(self, model: int, content: bytes) -> tuple[list[Fields], list[Fields], bool]:
        """Takes a file; gives its inputs and outputs, and whether the reference kernels have all of its ops."""
        try:
            interpreter = _create(content, REFERENCE, preserve_all_tensors=False)
        except Refused as error:
            if not any(f"builtin opcode '{op}'" in str(error) for op in NOT_IN_REFERENCE):
                raise
            interpreter = _create_parted(content, preserve_all_tensors=False)
            self._parted.add(model)
        self._contents[model], self._plain[model] = content, interpreter
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        return _details(inputs), _details(outputs), model not in self._parted

    def run(self, model: int, inputs: Mapping[int, Array]) -> list[Array]:
        """One inference of inputs by their indices in the model; gives the outputs."""
        interpreter = self._plain[model]
        _invoke(interpreter, inputs)
        return [interpreter.get_tensor(details["index"]) for details in interpreter.get_output_details()]

    def run_all_tensors(self, model: int, inputs: Mapping[int, Array]) -> dict[int, Array]:
        """One inference; gives every tensor that there is, by its index."""
        if model not in self._preserving:
            self._preserving[model] = self._created(model, preserve_all_tensors=True)
        interpreter = self._preserving[model]
        _invoke(interpreter, inputs)
        tensors: dict[int, Array] = {}
        for details in interpreter.get_tensor_details():
            try:
                tensors[int(details["index"])] = interpreter.get_tensor(details["index"])
            except ValueError:
                continue  # never allocated
        return tensors

    def reset(self, model: int, payload: None) -> None:
        """Has a model's state as it is in the beginning: only a new interpreter makes resource variables anew, too."""
        self._plain[model] = self._created(model, preserve_all_tensors=False)
        self._preserving.pop(model, None)

    def _created(self, model: int, preserve_all_tensors: bool) -> Any:
        content = self._contents[model]
        if model in self._parted:
            return _create_parted(content, preserve_all_tensors)
        return _create(content, REFERENCE, preserve_all_tensors)

    def drop(self, model: int, payload: None) -> None:
        """Forgets a model."""
        for models in (self._contents, self._plain, self._preserving):
            models.pop(model, None)
        self._parted.discard(model)


def _create(content: bytes, resolver: OpResolverType, preserve_all_tensors: bool) -> Any:
    try:
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=resolver,
            experimental_preserve_all_tensors=preserve_all_tensors,
        )
        interpreter.allocate_tensors()
    except _REFUSALS as error:
        raise Refused(_first_line(error)) from None
    return interpreter


def _create_parted(content: bytes, preserve_all_tensors: bool) -> PartedInterpreter:
    def maker(resolver: OpResolverType) -> Callable[[bytes], Any]:
        return lambda part: _create(part, resolver, preserve_all_tensors)

    try:
        return PartedInterpreter(content, NOT_IN_REFERENCE, maker(REFERENCE), maker(OTHER))
    except CompileError as error:
        raise Refused(_first_line(error)) from None


def _invoke(interpreter: Any, inputs: Mapping[int, Array]) -> None:
    try:
        for index, array in inputs.items():
            interpreter.set_tensor(index, array)
        interpreter.invoke()
    except _REFUSALS as error:
        raise Refused(_first_line(error)) from None


def _details(tensors: Sequence[Mapping[str, Any]]) -> list[Fields]:
    return [
        (
            str(tensor["name"]),
            int(tensor["index"]),
            tuple(int(size) for size in tensor["shape"]),
            np.dtype(tensor["dtype"]),
            float(tensor["quantization"][0]),
            int(tensor["quantization"][1]),
        )
        for tensor in tensors
    ]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers until the requests end."""
    server = Server()
    while header := requests.read(LENGTH_BYTES):
        what, model, payload = pickle.loads(requests.read(int.from_bytes(header, "little")))
        try:
            answer = (True, server.answers[what](model, payload))
        except Refused as error:
            answer = (False, str(error))
        content = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        answers.write(len(content).to_bytes(LENGTH_BYTES, "little") + content)
        answers.flush()


def main() -> None:
    """Serves on standard input and output; `sys.argv[1]` is how many bytes may be allocated, 0 for any number."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, meant for whoever asks
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if bytes := int(sys.argv[1]):
        resource.setrlimit(resource.RLIMIT_DATA, (bytes, bytes))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what LiteRT prints is no answer
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
