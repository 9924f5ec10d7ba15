"""Pages of docs/ as programs: the files that they show, packages made of them, and the commands that they name."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

FILE = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown_files(document: Path) -> dict[str, str]:
    """The files of a page, by name: a name alone in its line, and a block of code below."""
    return dict(FILE.findall(document.read_text(encoding="utf-8")))


def write_files(document: Path, directory: Path) -> list[str]:
    """Writes the files of a page; their names."""
    files = shown_files(document)
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    return list(files)


def shown_commands(document: Path) -> list[list[str]]:
    """The commands in the `sh` blocks of a page, without comments."""
    lines = "".join(COMMANDS.findall(document.read_text(encoding="utf-8"))).splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def install(package: Path, directory: Path) -> Path:
    """Installs a package below `directory`. The wheel is made here, as its build backend may not be there."""
    pytest.importorskip("pip", reason="pip is not installed")
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, version = project["name"].replace("-", "_"), project["version"]
    entry_points = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    information = f"{module}-{version}.dist-info"
    contents = {
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{information}/entry_points.txt": "\n".join(entry_points) + "\n",
        f"{information}/RECORD": "",
    }
    for path in (package / module).rglob("*.*"):
        contents[path.relative_to(package).as_posix()] = path.read_text(encoding="utf-8")
    wheel = directory / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    target = directory / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", target, wheel)
    return target


def run(*command: str | Path, site: Path | None = None, directory: Path | None = None) -> str:
    """Runs a command that must succeed, with the packages of `site`; what it prints."""
    path = os.pathsep.join(map(str, filter(None, [site, os.environ.get("PYTHONPATH")])))
    environment = {**os.environ, "PYTHONPATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    result = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env=environment, cwd=directory, check=False
    )
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


def run_shown(words: list[str], directory: Path, site: Path | None = None) -> str:
    """Runs a command of a page in a folder; those of ours as this checkout has them. What it prints."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    program, *arguments = words
    if program in scripts:
        module, function = scripts[program].split(":")
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {module} import {function}; sys.exit({function}())"
        return run(sys.executable, "-c", code, *arguments, site=site, directory=directory)
    return run(*words, site=site, directory=directory)
