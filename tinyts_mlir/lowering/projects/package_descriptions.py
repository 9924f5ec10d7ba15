"""How build systems want a library described: Arduino, PlatformIO, ESP-IDF and CMSIS-Pack."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tinyts_mlir.lowering.projects.application import Application

AUTHOR = "tinyts-mlir"
SENTENCE = "An int8 neural network as C for microcontrollers."
CLASS = "Machine Learning"
RELEASED = "2026-01-01"
"""A pack must have a date, and the same model is to give the same files on every day."""


def manifests(application: Application, version: str) -> dict[str, str]:
    """`library.properties`, `library.json` and `idf_component.yml`."""
    name = application.name
    properties = {
        "name": name,
        "version": version,
        "author": AUTHOR,
        "maintainer": AUTHOR,
        "sentence": SENTENCE,
        "paragraph": f"Compiled by tinyts-mlir; {name}.h begins with a program to copy.",
        "category": "Data Processing",
        "url": "",
        "architectures": "*",
        "includes": f"{name}.h",
    }
    library = {
        "name": name,
        "version": version,
        "description": SENTENCE,
        "license": "Apache-2.0",
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{name}.h",
        "build": {"srcDir": "src", "includeDir": "src"},
    }
    return {
        "library.properties": "".join(f"{key}={value}\n" for key, value in properties.items()),
        "library.json": json.dumps(library, indent=2) + "\n",
        "idf_component.yml": f'version: "{version}"\ndescription: {SENTENCE}\nlicense: Apache-2.0\n',
    }


def cmsis_pack(application: Application, version: str, sources: Sequence[str]) -> str:
    """The description of a CMSIS-Pack."""
    name = application.name
    listed = "\n".join(f'        <file category="source" name="{source}"/>' for source in sources)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<package schemaVersion="1.7.7" xmlns:xs="http://www.w3.org/2001/XMLSchema-instance"
         xs:noNamespaceSchemaLocation="PACK.xsd">
  <vendor>{AUTHOR}</vendor>
  <name>{name}</name>
  <description>{SENTENCE}</description>
  <url></url>
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
