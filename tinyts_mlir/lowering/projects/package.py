"""`--emit-project package`: one folder that several build systems take as a library of theirs.

All C is below `src/`. Arduino, PlatformIO, Zephyr, ESP-IDF, CMSIS-Pack and Make each have a description of it, and an
example that runs one inference.
"""

from __future__ import annotations

from tinyts_mlir.lowering.projects.application import Application
from tinyts_mlir.lowering.projects.package_descriptions import (
    LICENSE_FILE,
    Publisher,
    cmsis_pack,
    cmsis_solution,
    manifests,
    pack_file,
)
from tinyts_mlir.lowering.runtime_files import license_text
from tinyts_mlir.version import VERSION

SOURCES = "src"
"""The folder with all C."""


def package_files(application: Application, publisher: Publisher) -> dict[str, str]:
    """The files besides the C below `src/`, which `package_layout` moves there."""
    name = application.name
    sources = [f"{SOURCES}/{file}" for file in application.model_sources]
    pack = pack_file(application, publisher)
    return {
        **manifests(application, publisher, VERSION),
        pack: cmsis_pack(application, publisher, VERSION, sources),
        **cmsis_solution(application, publisher),
        LICENSE_FILE: license_text(),
        "CMakeLists.txt": _cmake(application),
        "Makefile": _makefile(name),
        "zephyr/module.yml": f"name: {name}\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n",
        "zephyr/CMakeLists.txt": _zephyr(application),
        "zephyr/Kconfig": f'config {application.macros}\n\tbool "The neural network {name}"\n',
        f"examples/{name}_once/{name}_once.ino": _sketch(application),
        "examples/zephyr/CMakeLists.txt": _zephyr_example(name),
        "examples/zephyr/prj.conf": f"CONFIG_{application.macros}=y\nCONFIG_MAIN_STACK_SIZE=4096\n",
        "examples/zephyr/src/main.c": _main(application),
        "examples/main.c": _main(application),
        "README.md": _read_me(name, pack),
    }


def package_layout(files: dict[str, str]) -> dict[str, str]:
    """Where each file of a project lies in the package, by its name in the project."""
    is_moved = [file.endswith((".c", ".h")) and not file.startswith("examples/") for file in files]
    moved = {file: f"{SOURCES}/{file}" for file, moves in zip(files, is_moved, strict=True) if moves}
    return {file: moved.get(file, file) for file in files}


def _cmake(application: Application) -> str:
    listed = "\n".join(f"  {SOURCES}/{source}" for source in application.model_sources)
    name = application.name
    return f"""# {name} as a component of ESP-IDF, or as a static library of any other CMake project.
cmake_minimum_required(VERSION 3.13)
set(SOURCES
{listed}
)
if(ESP_PLATFORM)
  idf_component_register(SRCS ${{SOURCES}} INCLUDE_DIRS {SOURCES})
else()
  project({name} C)
  add_library({name} STATIC ${{SOURCES}})
  target_include_directories({name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}}/{SOURCES})
  target_compile_features({name} PUBLIC c_std_11)
endif()
"""


def _zephyr(application: Application) -> str:
    listed = "\n".join(f"    ../{SOURCES}/{source}" for source in application.model_sources)
    return f"""if(CONFIG_{application.macros})
  zephyr_include_directories(../{SOURCES})
  zephyr_library_named({application.name})
  zephyr_library_sources(
{listed}
  )
endif()
"""


def _zephyr_example(name: str) -> str:
    return f"""# west build -b BOARD examples/zephyr
cmake_minimum_required(VERSION 3.20)
list(APPEND ZEPHYR_EXTRA_MODULES ${{CMAKE_CURRENT_SOURCE_DIR}}/../..)
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project({name}_once)
target_sources(app PRIVATE src/main.c)
"""


def _makefile(name: str) -> str:
    return f"""# make: lib{name}.a, and the example. CC, AR and CFLAGS choose another compiler.
CFLAGS ?= -O2
SOURCES := $(wildcard {SOURCES}/*.c {SOURCES}/*/*.c)
OBJECTS := $(SOURCES:{SOURCES}/%.c=build/%.o)

all: build/example

build/lib{name}.a: $(OBJECTS)
\t$(AR) rcs $@ $^

build/example: examples/main.c build/lib{name}.a
\t$(CC) -std=c11 $(CFLAGS) -I{SOURCES} $^ -o $@

build/%.o: {SOURCES}/%.c
\t@mkdir -p $(@D)
\t$(CC) -std=c11 $(CFLAGS) -I{SOURCES} -c $< -o $@

clean:
\t$(RM) -r build

.PHONY: all clean
"""


def _buffers(application: Application) -> str:
    name, macros = application.name, application.macros
    return f"""static TINYTS_ARENA_ALIGNED int8_t arena[{macros}_ARENA_BYTES];
static {name}_context context;
static int8_t input[{macros}_INPUT_BYTES]; /* yours: byte q stands for {macros}_INPUT0_SCALE * (q - ZERO_POINT) */
static int8_t output[{macros}_OUTPUT_BYTES];
"""


def _main(application: Application) -> str:
    name, macros = application.name, application.macros
    return f"""/* One inference of {name} on an input of zeroes. */
#include <stdio.h>

#include "{name}.h"

{_buffers(application)}
int main(void) {{
  tinyts_status status = {name}_init(&context, arena, sizeof arena);
  if (status == TINYTS_OK) status = {name}_invoke(&context, input, output);
  if (status != TINYTS_OK) {{
    printf("status %d\\n", (int)status);
    return 1;
  }}
  for (size_t i = 0; i < {macros}_OUTPUT_BYTES; ++i) printf("%d\\n", output[i]);
  return 0;
}}
"""


def _sketch(application: Application) -> str:
    name, macros = application.name, application.macros
    return f"""// One inference of {name} on an input of zeroes, again and again.
#include <{name}.h>

{_buffers(application)}
void setup() {{
  Serial.begin(115200);
  const tinyts_status status = {name}_init(&context, arena, sizeof arena);
  if (status != TINYTS_OK) Serial.println((int)status);
}}

void loop() {{
  if ({name}_invoke(&context, input, output) == TINYTS_OK) {{
    for (size_t i = 0; i < {macros}_OUTPUT_BYTES; ++i) Serial.println(output[i]);
  }}
  delay(1000);
}}
"""


def _read_me(name: str, pack: str) -> str:
    return f"""## A library for several build systems

All C is below `{SOURCES}/`, which is the include path.

- Arduino: copy this folder into `libraries/`; the example is `{name}_once`.
- PlatformIO: copy this folder into a project's `lib/`, or name it in `lib_deps` (`file://...`).
- Zephyr: `west build -b BOARD examples/zephyr`; elsewhere, name this folder in `ZEPHYR_EXTRA_MODULES` and set
  `CONFIG_{name.upper()}=y`.
- ESP-IDF: copy this folder into a project's `components/`, with `REQUIRES {name}` where it is used.
- CMSIS-Pack: `{pack}`, for `cpackget add {pack}`; the component is `Machine Learning:{name}`.
  `examples/cmsis` is a csolution.
- STM32CubeIDE: drag `{SOURCES}/` into the project, and add it under Properties, C/C++ General, Paths and Symbols, as an
  include folder and as a source location.
- Make: `make` builds `build/lib{name}.a` and `build/example`. CMake: `add_subdirectory`, then link `{name}`.

Before it is published: `tinyts-opt --publisher NAME --url ADDRESS` writes both into the descriptions. `LICENSE` is
that of the runtime's C; the weights are yours.
"""
