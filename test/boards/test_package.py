"""`--emit-project package`: its descriptions, and builds of it with Make, CMake, and stand-ins for people's tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from firmware import demo, emit, need, run

STRICT = "-O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"

ARDUINO = """#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct { void begin(long) {} void println(int value) { printf("%d\\n", value); } } Serial;
void delay(unsigned long) { exit(0); }
#include "{sketch}"
int main() { setup(); for (;;) loop(); }
"""
"""What Arduino puts around a sketch, with what this one uses of its core."""

ESP_IDF = """cmake_minimum_required(VERSION 3.13)
project(firmware C)
set(ESP_PLATFORM 1)
function(idf_component_register)
  cmake_parse_arguments(PARSE_ARGV 0 GIVEN "" "" "SRCS;INCLUDE_DIRS")
  if(GIVEN_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "idf_component_register: ${GIVEN_UNPARSED_ARGUMENTS}")
  endif()
  add_library(component STATIC ${GIVEN_SRCS})
  target_include_directories(component PUBLIC ${GIVEN_INCLUDE_DIRS})
endfunction()
add_subdirectory(PACKAGE component)
add_executable(once PACKAGE/examples/main.c)
target_link_libraries(once component)
"""

ZEPHYR = """cmake_minimum_required(VERSION 3.20)
project(firmware C)
set(CONFIG_DEMO y)
add_library(zephyr_interface INTERFACE)
macro(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/${ARGV0})
endmacro()
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
  target_link_libraries(${name} PRIVATE zephyr_interface)
endmacro()
macro(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endmacro()
add_subdirectory(PACKAGE/zephyr module)
add_executable(once PACKAGE/examples/zephyr/src/main.c)
target_link_libraries(once demo zephyr_interface)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emit(demo().module, "demo", "package", tmp_path_factory.mktemp("package") / "demo")


@pytest.fixture(scope="module")
def expected(package: Path) -> str:
    """What the example prints when Make builds it, without a warning."""
    need("make", "cc")
    run("make", "-C", package, f"CFLAGS={STRICT}")
    output = run(package / "build" / "example")
    assert len(output.split()) == 10
    return output


def test_arduino(package: Path, expected: str, tmp_path: Path) -> None:
    """The sketch as C++, and everything below src/ with that as the include path."""
    need("c++", "cc")
    sketch = package / "examples" / "demo_once" / "demo_once.ino"
    (tmp_path / "sketch.cpp").write_text(ARDUINO.replace("{sketch}", str(sketch)))
    run("make", "-C", package, "build/libdemo.a", f"CFLAGS={STRICT}")
    flags = ["-std=gnu++17", "-Wall", "-Wextra", f"-I{package / 'src'}"]
    run("c++", *flags, tmp_path / "sketch.cpp", package / "build" / "libdemo.a", "-o", tmp_path / "once")
    assert run(tmp_path / "once") == expected


@pytest.mark.parametrize("text", [ESP_IDF, ZEPHYR], ids=["esp-idf", "zephyr"])
def test_stand_in_builds(text: str, package: Path, expected: str, tmp_path: Path) -> None:
    need("cmake", "make", "cc")
    (tmp_path / "CMakeLists.txt").write_text(text.replace("PACKAGE", str(package)))
    run("cmake", "-G", "Unix Makefiles", "-S", tmp_path, "-B", tmp_path / "build")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "once") == expected


def test_plain_cmake(package: Path, tmp_path: Path) -> None:
    need("cmake", "make", "cc")
    run("cmake", "-G", "Unix Makefiles", "-S", package, "-B", tmp_path)
    run("cmake", "--build", tmp_path)
    assert (tmp_path / "libdemo.a").exists()


def test_descriptions_name_what_is_there(package: Path) -> None:
    properties = dict(line.split("=", 1) for line in (package / "library.properties").read_text().splitlines())
    library = json.loads((package / "library.json").read_text())
    component = (package / "idf_component.yml").read_text()
    assert properties["name"] == library["name"] == "demo"
    assert (package / "src" / properties["includes"]).is_file()
    assert (package / library["build"]["srcDir"] / library["headers"]).is_file()
    assert properties["version"] == library["version"]
    assert f'version: "{library["version"]}"\n' in component
    pack = ElementTree.parse(package / "tinyts-mlir.demo.pdsc").getroot()
    assert (package / pack.findtext("license", "")).is_file()
    files = {file.attrib["name"] for file in pack.iter("file")}
    assert all((package / file).exists() for file in files)
    sources = {path.relative_to(package).as_posix() for path in (package / "src").rglob("*.c")}
    assert sources <= files
    module = (package / "zephyr" / "CMakeLists.txt").read_text()
    assert {f"../{source}" for source in sources} == set(re.findall(r"\.\./src/\S+\.c", module))


def test_no_c_lies_outside_of_sources_and_examples(package: Path) -> None:
    """Arduino and PlatformIO compile what is below src/, and nothing else."""
    report = json.loads((package / "demo_report.json").read_text())
    written = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert set(report["files"]) <= written
    outside = {file for file in report["files"] if file.endswith((".c", ".h")) and not file.startswith("src/")}
    assert outside == {"examples/main.c", "examples/zephyr/src/main.c"}
