"""C files put together into one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tinyts_mlir.lowering.runtime_files import INCLUDE


def amalgamate(sources: Mapping[str, str], roots: Iterable[str]) -> str:
    """The files `roots` as one text, each file of `sources` they include put in once, where it is first included."""
    done: set[str] = set()

    def text(name: str) -> str:
        done.add(name)
        folder = name.rpartition("/")[0]

        def replaced(match: re.Match[str]) -> str:
            include = match.group(1)
            near = f"{folder}/{include}"
            target = near if near in sources else include
            if target not in sources:
                return match.group(0)
            return "" if target in done else text(target)

        return f"/* ---- {name} ---- */\n" + INCLUDE.sub(replaced, sources[name]).strip("\n") + "\n"

    return "\n".join(text(root) for root in roots if root not in done)
