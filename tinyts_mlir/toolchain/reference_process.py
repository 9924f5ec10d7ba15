"""LiteRT in a process of its own: it ends the process it runs in where one of its checks fails."""

from __future__ import annotations

import atexit
import itertools
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import IO, Any, cast

import numpy.typing as npt

from tinyts_mlir.toolchain.errors import ToolchainError, missing_package

Array = npt.NDArray[Any]

TIMEOUT_SECONDS = 600.0
_LENGTH_BYTES = 8
_PIECE_BYTES = 1 << 20
_SERVER = "tinyts_mlir.toolchain.reference_server"


class ReferenceRefusal(ToolchainError):
    """LiteRT reports an error."""


class ReferenceCrash(ToolchainError):
    """On an input, LiteRT ended its process, did not answer in time, or reported an error."""


class ReferenceProcess:
    """Starts the process with the first request, and again after a crash; models are numbers that the caller gives.

    Args:
        timeout_seconds: how long one request may take.
        bytes: how much LiteRT may allocate; None for any amount.
    """

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS, bytes: int | None = None) -> None:
        self._timeout_seconds = timeout_seconds
        self._bytes = bytes
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        """The process that started it: a fork must not read the other's answers."""
        self._messages = -1
        """A file with what LiteRT prints."""
        self._printed = 0
        """How much of it is of requests before this one."""
        self._contents: dict[int, tuple[bytes, int]] = {}
        """Files by number, and which of the processes has them."""
        self._processes = 0
        self._numbers = itertools.count()
        self._dropped: deque[int] = deque()
        atexit.register(self.close)

    def load(self, content: bytes) -> tuple[int, Any]:
        """Takes a file; gives the model's number, and its inputs and outputs (`reference_server.Fields`).

        Raises ReferenceRefusal and ReferenceCrash.
        """
        if util.find_spec("ai_edge_litert.interpreter") is None:
            raise missing_package("ai-edge-litert")
        with self._lock:
            self._drop_models()
            model = next(self._numbers)
            details = self._ask("load", model, content)
            self._contents[model] = (content, self._identifier())
            return model, details

    def run(self, model: int, inputs: Mapping[int, Array]) -> list[Array]:
        """One inference, of inputs by their indices; gives the outputs. Raises what `load` raises."""
        return self._ask_of_model("run", model, dict(inputs))

    def run_all_tensors(self, model: int, inputs: Mapping[int, Array]) -> dict[int, Array]:
        """One inference; gives all tensors by their indices. Raises what `load` raises."""
        return self._ask_of_model("run all tensors", model, dict(inputs))

    def reset(self, model: int) -> None:
        """Has a model's state as it is in the beginning. Raises what `load` raises."""
        self._ask_of_model("reset", model, None)

    def drop(self, model: int) -> None:
        """Forgets a model, when the next is loaded: this may be called at any moment, by the garbage collector."""
        self._dropped.append(model)

    def close(self) -> None:
        """Ends the process, if it runs."""
        with self._lock:
            process, self._process = self._process, None
            if process is None or self._owner != os.getpid():
                return
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except OSError:
                        continue  # what it did not read any more
            process.wait()
            os.close(self._messages)

    def _ask_of_model(self, what: str, model: int, payload: Mapping[int, Array] | None) -> Any:
        with self._lock:
            content, identifier = self._contents[model]
            if identifier != self._identifier():  # it went down with another
                self._ask("load", model, content)
                self._contents[model] = (content, self._identifier())
            return self._ask(what, model, payload)

    def _drop_models(self) -> None:
        while self._dropped:
            model = self._dropped.popleft()
            _, identifier = self._contents.pop(model, (b"", 0))
            if identifier and identifier == self._identifier():
                self._ask("drop", model, None)

    def _identifier(self) -> int:
        """Which process runs, counted from 1; 0 where none does."""
        return 0 if self._process is None or self._owner != os.getpid() else self._processes

    def _ask(self, what: str, model: int, payload: object) -> Any:
        if not self._identifier():
            self._start()
        try:
            succeeded, answer = self._exchange(what, model, payload)
        except BaseException:
            self.close()  # the answer to come would be taken for that to another question
            raise
        if not succeeded:
            raise ReferenceRefusal(answer)
        return answer

    def _start(self) -> None:
        with tempfile.TemporaryFile() as messages:
            self._messages = os.dup(messages.fileno())
        path = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", _SERVER, str(self._bytes or 0)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env={**os.environ, "PYTHONPATH": path},
            cwd="/",  # so that no module of the working directory's stands before another
            bufsize=0,
        )
        self._owner = os.getpid()
        self._processes += 1

    def _exchange(self, what: str, model: int, payload: object) -> tuple[bool, Any]:
        process = cast("subprocess.Popen[bytes]", self._process)
        content = pickle.dumps((what, model, payload), pickle.HIGHEST_PROTOCOL)
        self._printed = os.lseek(self._messages, 0, os.SEEK_CUR)
        deadline = time.monotonic() + self._timeout_seconds
        stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            rest = memoryview(len(content).to_bytes(_LENGTH_BYTES, "little") + content)
            while rest:  # a stream without a buffer may take less
                rest = rest[stdin.write(rest) :]
        except BrokenPipeError:
            raise self._crash(process) from None
        size = int.from_bytes(self._read(process, stdout, _LENGTH_BYTES, deadline), "little")
        return pickle.loads(self._read(process, stdout, size, deadline))

    def _read(self, process: subprocess.Popen[bytes], stream: IO[bytes], size: int, deadline: float) -> bytearray:
        content = bytearray()
        while len(content) < size:
            ready, _, _ = select.select([stream], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise ReferenceCrash(f"LiteRT did not answer within {self._timeout_seconds:g} seconds")
            piece = os.read(stream.fileno(), min(size - len(content), _PIECE_BYTES))
            if not piece:
                raise self._crash(process)
            content += piece
        return content

    def _crash(self, process: subprocess.Popen[bytes]) -> ReferenceCrash:
        """What became of a process that ended."""
        status = process.wait()
        how = f"aborted ({signal.Signals(-status).name})" if status < 0 else f"ended with status {status}"
        printed = os.pread(self._messages, _PIECE_BYTES, self._printed).decode(errors="replace").strip()
        return ReferenceCrash(f"LiteRT {how}{f': {printed.splitlines()[-1]}' if printed else ''}")


SHARED = ReferenceProcess()
"""For all models of this process that have no limits of their own."""
