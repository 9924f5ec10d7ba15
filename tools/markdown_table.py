"""Tables in documents that a tool makes: between two markers, the first of which names the tool."""

from __future__ import annotations

from pathlib import Path

END = "<!-- end of table -->"


def begin(tool: str) -> str:
    """The marker in front of a table."""
    return f"<!-- table: tools/{tool} -->"


def replace_table(document: Path, tool: str, table: str) -> None:
    """Replaces the tool's table in a document; raises ValueError where it has none."""
    before, marker, rest = document.read_text(encoding="utf-8").partition(begin(tool))
    _, end, after = rest.partition(END)
    if not marker or not end:
        raise ValueError(f"{document}: expected {begin(tool)} and {END}")
    document.write_text(f"{before}{marker}\n{table}\n{END}{after}", encoding="utf-8")
