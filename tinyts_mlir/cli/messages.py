"""How the command-line tools end: one line for an error, an exit status, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from tinyts_mlir.errors import CompileError

TRACEBACK_VARIABLE = "TINYTS_TRACEBACK"
"""Set it to see the traceback of an internal error."""


def run_command(program: str, command: Callable[[Sequence[str]], int]) -> NoReturn:
    """Runs a tool on the process's arguments and exits with its status, or with an error's."""
    try:
        status = command(sys.argv[1:])
        sys.stdout.flush()
    except CompileError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        status = error.exit_status
    except BrokenPipeError:
        # Whoever read our output has enough; let the interpreter's own flush at exit find nothing to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        status = 130
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        kind = type(error).__name__
        print(
            f"{program}: internal error: {kind}: {str(error).splitlines()[0] if str(error) else kind}; this is a bug, "
            f"please report it with the output under {TRACEBACK_VARIABLE}=1",
            file=sys.stderr,
        )
        status = 70
    sys.exit(status)
