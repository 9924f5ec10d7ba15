"""Build ids: C files of two compiles, or of two versions of the runtime, do not build together.

Each id is a hash of texts, so that the same compile gives the same files:

- `TINYTS_RUNTIME_ID`, defined in `tinyts/tinyts_runtime.h`: of the whole runtime. Models of one version share it, and may be
  built with one runtime.
- one for each package that brings kernels, defined in its header: of all its C files.
- `NAME_BUILD_ID` (NAME in upper case), defined in `NAME.h`: of the model's own files and of what they are built with.

Each C file that includes such a header compares the id with the one it was written with, by `#if` and `#error`. Ports
are left out: they are written against functions of a board, not against tables. A model in one file has no ids: it is
no mix.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import PurePosixPath

from tinyts_mlir.lowering.c_source import macro_prefix
from tinyts_mlir.lowering.runtime_files import ModelFiles, read_runtime_folder

RUNTIME_HEADER = "tinyts/tinyts_runtime.h"
RUNTIME_ID = "TINYTS_RUNTIME_ID"
_RUNTIME_FOLDERS = {"tinyts": "include/tinyts", "src": "src", "applications": "applications"}
"""Folders of a project to those of the runtime that they are made of."""


def stamp(files: Mapping[str, str], name: str, needed: ModelFiles) -> dict[str, str]:
    """A project's files, with ids in its C files.

    Args:
        files: file name to text.
        name: the model's.
        needed: which of the files are the runtime's and packages'.
    """
    packages = {header: _hash(texts.values()) for header, texts in needed.packages.items()}
    of_runtime = runtime_id()
    own = [files[f"{name}{end}"] for end in (".h", ".c", "_weights.h", "_weights.c")]
    model_id = _hash([*own, of_runtime, *packages.values()])
    model_macro = f"{macro_prefix(name)}_BUILD_ID"
    model_check = _check(f"{name}.h", model_macro, model_id)
    runtime_check = _check(RUNTIME_HEADER, RUNTIME_ID, of_runtime)
    package_checks = {header: _check(header, _package_macro(header), id) for header, id in packages.items()}
    result = dict(files)
    for file in files:
        if not file.endswith((".c", ".h")):
            continue
        checks: list[str] = []
        if file == f"{name}.h":
            result[file] = _define_behind(f'#include "{RUNTIME_HEADER}"', files[file], model_macro, model_id)
            checks = [runtime_check, *package_checks.values()]
        elif file == RUNTIME_HEADER:
            result[file] = _define_behind("#define TINYTS_RUNTIME_H", files[file], RUNTIME_ID, of_runtime)
        elif f'#include "{name}.h"' in files[file] or f'#include "{name}_weights.h"' in files[file]:
            checks = [model_check]
        elif PurePosixPath(file).parts[0] in _RUNTIME_FOLDERS:
            checks = [runtime_check]
        else:
            for header, texts in needed.packages.items():
                if file == header:
                    result[file] += _guarded_definition(_package_macro(header), packages[header])
                if file in texts:
                    checks += [runtime_check, *([package_checks[header]] if file != header else [])]
        result[file] += "".join(checks)
    return result


@cache
def runtime_id() -> str:
    """The id of this version's runtime, as C has it."""
    return _hash(text for folder in _RUNTIME_FOLDERS.values() for text in read_runtime_folder(folder).values())


def _hash(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}\0{text}".encode())
    return f"0x{digest.hexdigest()[:8]}u"


def _package_macro(header: str) -> str:
    return f"TINYTS_{re.sub(r'[^A-Za-z0-9]', '_', header).upper()}_ID"


def _define_behind(line: str, text: str, macro: str, id: str) -> str:
    assert text.count(f"{line}\n") == 1
    return text.replace(
        f"{line}\n", f"{line}\n\n/* Which compile this is: files of two do not build. */\n#define {macro} {id}\n"
    )


def _guarded_definition(macro: str, id: str) -> str:
    return f"\n#ifndef {macro}\n#define {macro} {id}\n#endif\n"


def _check(header: str, macro: str, id: str) -> str:
    return (
        f'\n#include "{header}"\n#if {macro} != {id}\n'
        f'#error "this file and {header} are of different compiles: compile the model again"\n#endif\n'
    )
