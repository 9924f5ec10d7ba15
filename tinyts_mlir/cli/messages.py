"""How the command-line tools end: one line for an error, an exit status, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from tinyts_mlir.errors import UserError

TRACEBACK_VARIABLE = "TINYTS_TRACEBACK"
"""Set it to see the traceback of an internal error."""


def run_command(program: str, command: Callable[[Sequence[str]], int]) -> NoReturn:
    """Runs a tool on the process's arguments and exits with its status, or with an error's."""
    sys.exit(status_of(program, command, sys.argv[1:]))


def status_of(program: str, command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    """The exit status of a tool; errors are reported on standard error."""
    try:
        status = command(arguments)
        sys.stdout.flush()
        return status
    except UserError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # Whoever read our output has enough; let the interpreter's own flush at exit find nothing to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"{program}: error: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        text = next(iter(str(error).splitlines()), "")
        print(
            f"{program}: internal error: {type(error).__name__}: {text}; this is a bug, please report it "
            f"with the output under {TRACEBACK_VARIABLE}=1",
            file=sys.stderr,
        )
        return 70
