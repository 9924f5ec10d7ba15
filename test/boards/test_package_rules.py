"""What published rules of people's tools ask of a package: arduino-lint's, packchk's, and csolution's schema.

The tools themselves are in no registry that the tests reach; docs/boards.md says which were run by hand.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from firmware import demo, run

from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.projects import emit_application_project
from tinyts_mlir.output import write_project

PUBLISHER = "Ada Lovelace <ada@example.com>"
URL = "https://example.com/models?name=demo&core=m7"

ARDUINO_CATEGORIES = {
    "Communication",
    "Data Processing",
    "Data Storage",
    "Device Control",
    "Display",
    "Other",
    "Sensors",
    "Signal Input/Output",
    "Timing",
}


@pytest.fixture(scope="module", params=[(None, None), (PUBLISHER, URL)], ids=["defaults", "given"])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    publisher, url = request.param
    folder = tmp_path_factory.mktemp("package") / "demo"
    write_project(folder, emit_application_project(demo().module, "demo", "package", None, publisher, url))
    return folder


def test_arduino_properties(package: Path) -> None:
    """The fields of library.properties, as strictly as the library manager takes them (rules LP001 to LP058)."""
    lines = (package / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    assert len(fields) == len(lines)
    assert all(fields[key] for key in ("name", "version", "author", "maintainer", "sentence", "paragraph", "url"))
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,62}", fields["name"])
    assert not re.match(r"arduino", fields["name"], re.IGNORECASE)
    assert re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", fields["version"])
    assert "arduino" not in fields["maintainer"].lower()
    assert fields["sentence"] not in fields["paragraph"]
    assert fields["category"] in ARDUINO_CATEGORIES
    address = urlsplit(fields["url"])
    assert address.scheme == "https"
    assert address.netloc
    assert fields["architectures"] == "*"
    assert "email" not in fields


def test_arduino_folder(package: Path) -> None:
    """Names and places of files (rules LS001 to LS012, LD001 to LD006, SS001 to SS005)."""
    names = {path.name for path in package.iterdir()}
    assert {"README.md", "LICENSE", "src", "examples", "library.properties"} <= names
    assert not names & {"utility", "extra", "example", "Examples", ".gitmodules", ".development"}
    assert (package / "src" / "demo.h").is_file()
    assert not list((package / "src").rglob("library.properties"))
    files = [path for path in package.rglob("*") if path.is_file()]
    assert not [path for path in files if path.is_symlink() or path.suffix in (".exe", ".pde")]
    sketches = [path for path in files if path.suffix == ".ino"]
    assert sketches
    for sketch in sketches:
        assert sketch.stem == sketch.parent.name
        assert sketch.relative_to(package).parts[0] == "examples"
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", sketch.name)


def test_pack_description(package: Path) -> None:
    """The file's name is vendor and name (packchk's M207), the address is there (M304), the licence too (M603)."""
    [description] = package.glob("*.pdsc")
    pack = ElementTree.parse(description).getroot()
    vendor = pack.findtext("vendor", "")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", vendor)
    assert description.name == f"{vendor}.{pack.findtext('name')}.pdsc"
    properties = dict(line.split("=", 1) for line in (package / "library.properties").read_text().splitlines())
    assert pack.findtext("url") == properties["url"]
    assert (package / pack.findtext("license", "")).is_file()
    [solution] = (package / "examples" / "cmsis").glob("*.csolution.yml")
    assert f"pack: {vendor}::demo\n" in solution.read_text()
    [project] = re.findall(r"- project: (\S+)", solution.read_text())
    text = (solution.parent / project).read_text()
    component = next(pack.iter("component")).attrib
    assert f"component: {vendor}::{component['Cclass']}:{component['Cgroup']}\n" in text
    assert all((solution.parent / file).is_file() for file in re.findall(r"- file: (\S+)", text))


def test_publisher_and_address_are_in_every_description(package: Path) -> None:
    library = json.loads((package / "library.json").read_text())
    properties = dict(line.split("=", 1) for line in (package / "library.properties").read_text().splitlines())
    assert library["authors"] == [{"name": properties["author"]}]
    assert library["homepage"] == properties["url"]
    assert f"url: {json.dumps(properties['url'])}\n" in (package / "idf_component.yml").read_text()


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com/", "https://", "https://a b/", "https://[/"])
def test_no_address(url: str) -> None:
    with pytest.raises(CompileError, match=r"--url: expected an address like https://example\.com/, got "):
        emit_application_project(demo().module, "demo", "package", url=url)


@pytest.mark.parametrize("publisher", ["", "<ada@example.com>", "two\nlines", "Arduino"])
def test_no_publisher(publisher: str) -> None:
    with pytest.raises(CompileError, match="--publisher: expected a name in one line, with letters or digits"):
        emit_application_project(demo().module, "demo", "package", publisher=publisher)


@pytest.mark.parametrize("name", ["arduino_net", "Arduino", "n" * 64])
def test_names_that_a_package_cannot_have(name: str) -> None:
    with pytest.raises(CompileError, match=r"--emit-project package: .* --name gives it another"):
        emit_application_project(demo().module, name, "package")


def test_the_longest_name_builds(tmp_path: Path) -> None:
    name = "n" * 63
    folder = tmp_path / "package"
    write_project(folder, emit_application_project(demo().module, name, "package"))
    run("make", "-C", folder, "CFLAGS=-O0")
    assert len(run(folder / "build" / "example").split()) == 10
