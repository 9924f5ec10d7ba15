"""`--emit-project cmake`: a static library, and the applications as programs of this machine."""

from __future__ import annotations

from tinyts_mlir.lowering.projects.application import RELEASE, Application
from tinyts_mlir.lowering.runtime_files import read_runtime_folder


def cmake_files(application: Application) -> dict[str, str]:
    """The project's files besides the model's own."""
    text = f"""# {application.name} as a static library, and applications that talk over standard input and output:
#   cmake -B build && cmake --build build && tinyts-serial MODEL.tflite --process build/device
cmake_minimum_required(VERSION 3.13)
project({application.name} C)
{RELEASE}
{application.library()}
{application.settings()}include(ports/desk/desk.cmake)
"""
    read_me = """## Programs of this machine

    cmake -B build && cmake --build build
    tinyts-serial MODEL.tflite --process build/device

builds the applications, which talk over standard input and output, and has the device run the model's inferences.
"""
    desk = {f"ports/desk/{file}": content for file, content in read_runtime_folder("ports/desk").items()}
    return {"CMakeLists.txt": text, "README.md": read_me, **application.files(), **desk}
