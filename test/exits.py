"""`exits.py N COMMAND...`: runs a command and succeeds if its exit status is N; a traceback is never fine."""

from __future__ import annotations

import subprocess
import sys

expected, *command = sys.argv[1:]
result = subprocess.run(command, stderr=subprocess.PIPE, text=True)
sys.stderr.write(result.stderr)
if "Traceback" in result.stderr or result.returncode != int(expected):
    sys.exit(f"expected status {expected} and no traceback, got status {result.returncode} of {command}")
