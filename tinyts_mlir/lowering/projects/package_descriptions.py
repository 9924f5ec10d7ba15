"""How build systems want a library described: Arduino, PlatformIO, ESP-IDF and CMSIS-Pack."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.projects.application import Application

SENTENCE = "An int8 neural network as C for microcontrollers."
CLASS = "Machine Learning"
LICENSE_FILE = "LICENSE"
RELEASED = "2026-01-01"
"""A pack must have a date, and the same model is to give the same files on every day."""

_MOST_NAME_CHARACTERS = 63
"""Arduino's library manager takes no longer name."""


@dataclass(frozen=True)
class Publisher:
    """Who publishes a package, and where: descriptions must say it, and models do not."""

    name: str = "tinyts-mlir"
    """Author and maintainer, such as `Ada Lovelace <ada@example.com>`; a pack's vendor is made of it."""
    url: str = "https://example.com/"
    """The default is the domain reserved for examples: Arduino and CMSIS-Pack want an address that is well-formed."""

    @classmethod
    def of(cls, name: str | None, url: str | None) -> Publisher:
        """What the options say, or defaults; raises CompileError for what a description cannot hold."""
        publisher = cls(cls.name if name is None else name, cls.url if url is None else url)
        if not publisher.name.isprintable() or publisher.vendor == "" or "arduino" in publisher.name.lower():
            raise CompileError(
                f"--publisher: expected a name in one line, with letters or digits, and without Arduino's, "
                f"got {publisher.name!r}"
            )
        try:
            parts = urlsplit(publisher.url)
        except ValueError:
            parts = urlsplit("")
        is_plain = re.fullmatch(r"[!-~]+", publisher.url) is not None
        if not is_plain or parts.scheme not in ("http", "https") or not parts.netloc:
            raise CompileError(f"--url: expected an address like https://example.com/, got {publisher.url!r}")
        return publisher

    @property
    def vendor(self) -> str:
        """A pack's vendor: letters, digits, hyphens and underscores, without the address in angle brackets."""
        return re.sub(r"[^A-Za-z0-9-]+", "_", re.sub(r"<.*", "", self.name)).strip("_")


def require_package_name(name: str) -> None:
    """Raises CompileError for a model's name that a package cannot have: Arduino refuses it."""
    if len(name) > _MOST_NAME_CHARACTERS or name.lower().startswith("arduino"):
        raise CompileError(
            f"--emit-project package: expected a model's name of at most {_MOST_NAME_CHARACTERS} characters that does "
            f"not begin with Arduino, got {name}; --name gives it another"
        )


def manifests(application: Application, publisher: Publisher, version: str) -> dict[str, str]:
    """`library.properties`, `library.json` and `idf_component.yml`."""
    name = application.name
    properties = {
        "name": name,
        "version": version,
        "author": publisher.name,
        "maintainer": publisher.name,
        "sentence": SENTENCE,
        "paragraph": f"Compiled by tinyts-mlir; {name}.h begins with a program to copy.",
        "category": "Data Processing",
        "url": publisher.url,
        "architectures": "*",
        "includes": f"{name}.h",
    }
    library = {
        "name": name,
        "version": version,
        "description": SENTENCE,
        "authors": [{"name": publisher.name}],
        "homepage": publisher.url,
        "license": "Apache-2.0",
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{name}.h",
        "build": {"srcDir": "src", "includeDir": "src"},
    }
    component = {"version": version, "description": SENTENCE, "url": publisher.url, "license": "Apache-2.0"}
    return {
        "library.properties": "".join(f"{key}={value}\n" for key, value in properties.items()),
        "library.json": json.dumps(library, indent=2, ensure_ascii=False) + "\n",
        "idf_component.yml": "".join(f"{key}: {json.dumps(value)}\n" for key, value in component.items()),
    }


def pack_file(application: Application, publisher: Publisher) -> str:
    """The name of a pack's description, which must be vendor and name."""
    return f"{publisher.vendor}.{application.name}.pdsc"


def cmsis_pack(application: Application, publisher: Publisher, version: str, sources: Sequence[str]) -> str:
    """The description of a CMSIS-Pack."""
    name = application.name
    listed = "\n".join(f'        <file category="source" name="{source}"/>' for source in sources)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<package schemaVersion="1.7.7" xmlns:xs="http://www.w3.org/2001/XMLSchema-instance"
         xs:noNamespaceSchemaLocation="PACK.xsd">
  <vendor>{publisher.vendor}</vendor>
  <name>{name}</name>
  <description>{SENTENCE}</description>
  <url>{escape(publisher.url)}</url>
  <license>{LICENSE_FILE}</license>
  <releases>
    <release version="{version}" date="{RELEASED}">As compiled.</release>
  </releases>
  <components>
    <component Cclass="{CLASS}" Cgroup="{name}" Cversion="{version}">
      <description>{SENTENCE}</description>
      <files>
        <file category="include" name="src/"/>
        <file category="header" name="src/{name}.h"/>
{listed}
      </files>
    </component>
  </components>
</package>
"""


def cmsis_solution(application: Application, publisher: Publisher) -> dict[str, str]:
    """A csolution with the pack's example, for the Cortex-M7 of Arm's own device pack."""
    name, vendor = application.name, publisher.vendor
    return {
        f"examples/cmsis/{name}.csolution.yml": f"""# cbuild {name}.csolution.yml --packs
solution:
  compiler: GCC
  packs:
    - pack: ARM::CMSIS
    - pack: ARM::Cortex_DFP
    - pack: {vendor}::{name}
      path: ../..
  target-types:
    - type: CM7
      device: ARM::ARMCM7
  build-types:
    - type: Release
      optimize: speed
  projects:
    - project: {name}_once.cproject.yml
""",
        f"examples/cmsis/{name}_once.cproject.yml": f"""project:
  groups:
    - group: Source
      files:
        - file: ../main.c
  components:
    - component: ARM::CMSIS:CORE
    - component: ARM::Device:Startup&C Startup
    - component: {vendor}::{CLASS}:{name}
  misc:
    - for-compiler: GCC
      Link: [--specs=nosys.specs]
""",
    }
