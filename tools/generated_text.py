"""Text that a command writes into a file of the docs, between two markers."""

from __future__ import annotations

from pathlib import Path

END = "<!-- end of table -->"


def replace_generated(path: Path, begin: str, text: str) -> None:
    """Replaces what stands between the line `begin` and END in a file; raises ValueError where one is missing."""
    content = path.read_text(encoding="utf-8")
    before, found, rest = content.partition(begin)
    _, end, after = rest.partition(END)
    if not found or not end:
        raise ValueError(f"{path}: expected the markers {begin} and {END}")
    path.write_text(f"{before}{begin}\n{text}\n{END}{after}", encoding="utf-8")
