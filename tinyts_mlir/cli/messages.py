"""How the command-line tools end: one line for an error, an exit status, never a traceback."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from tinyts_mlir.errors import UserError
from tinyts_mlir.signals import Terminated, raise_on_ending_signals

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

TRACEBACK_VARIABLE = "TINYTS_TRACEBACK"
"""Set it to see the traceback of an internal error."""


_FULL_OR_CLOSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class _StandardOutput(io.FileIO):
    """Standard output that knows why it could not be written: argparse, for one, tells nobody.

    Attributes:
        failure: the last one.
    """

    failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """As of FileIO."""
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


class _Closed(io.RawIOBase):
    """Stands for standard output that was closed when the program started: nothing goes wrong until it is needed."""

    failure: OSError | None = None

    def writable(self) -> bool:
        """It only looks so."""
        return True

    def write(self, data: object, /) -> int:
        """Fails."""
        self.failure = OSError(errno.EBADF, os.strerror(errno.EBADF))
        raise self.failure


def run_command(program: str, command: Callable[[Sequence[str]], int]) -> NoReturn:
    """Runs a tool on the process's arguments and exits with its status, or with an error's."""
    raise_on_ending_signals()
    # Python has None for streams that were closed when it started.
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Closed()), encoding="utf-8")
    else:
        raw = _StandardOutput(sys.stdout.fileno(), "wb", closefd=False)
        encoding, errors, lines = sys.stdout.encoding, sys.stdout.errors, bool(sys.stdout.line_buffering)
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=lines)
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stderr = _nowhere()
    sys.exit(status_of(program, command, sys.argv[1:]))


def status_of(program: str, command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    """The exit status of a tool; errors are reported on standard error."""
    try:
        try:
            status = command(arguments)
        except SystemExit:  # of argparse, which has printed something
            sys.stdout.flush()
            raw = getattr(sys.stdout.buffer, "raw", None)
            if isinstance(raw, (_StandardOutput, _Closed)) and raw.failure is not None:
                raise raw.failure from None
            raise
        sys.stdout.flush()
        return status
    except UserError as error:
        _report(f"{program}: error: {error}")
        return error.exit_status
    except BrokenPipeError:
        # Whoever read our output has enough; let the interpreter's own flush at exit find nothing to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        _report(f"{program}: error: interrupted")
        return 130
    except Terminated as error:
        _report(f"{program}: error: ended by {error}")
        return 128 + error.number
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # xDSL has some that are no Exception
        if isinstance(error, OSError) and error.filename is None and error.errno in _FULL_OR_CLOSED:
            sys.stdout = _nowhere()  # the interpreter's own flush at exit would fail again
            _report(f"{program}: error: standard output: cannot be written: {error.strerror}")
            return 1
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        text = next(iter(str(error).splitlines()), "")
        _report(
            f"{program}: internal error: {type(error).__name__}: {text}; this is a bug, please report it "
            f"with the output under {TRACEBACK_VARIABLE}=1"
        )
        return 70


def _report(text: str) -> None:
    """Prints a line on standard error, if that can be."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = _nowhere()


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")
