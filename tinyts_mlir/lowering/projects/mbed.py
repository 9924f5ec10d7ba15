"""`--emit-project mbed` and `mbed-ce`: projects for Arm Mbed OS 6 (Mbed CLI 1) and for its community edition (CMake).

mbed-os itself is the user's checkout. Only main.cpp includes its headers.
"""

from __future__ import annotations

import json

from tinyts_mlir.lowering.projects.application import FOLDER, Application
from tinyts_mlir.lowering.runtime_files import read_runtime_folder

MBED_OS = "https://github.com/ARMmbed/mbed-os/#17dc3dc2e6e2817a8bd3df62f38583319f0e4fed"
"""Arm's Mbed OS, at its last release, 6.17.0."""

TARGET = "NUCLEO_F767ZI"
SOURCE = "tinyts_source_serial.c"
"""Where the streaming application's rows come from; mbed compiles every source that it finds, so there is one."""


def mbed_files(application: Application) -> dict[str, str]:
    """The files of a project for Mbed CLI 1, which compiles every source in the folder."""
    settings = {
        "requires": ["bare-metal"],
        "target_overrides": {
            "*": {"target.printf_lib": "minimal-printf", "target.c_lib": "small", "platform.stdio-baud-rate": 115200}
        },
    }
    readme = f"""## An Mbed OS 6 project

    mbed deploy                # fetches mbed-os
    mbed compile -m {TARGET} -t GCC_ARM --profile release -f --sterm --baud 115200

builds the MLPerf Tiny device, flashes it and opens a terminal.
{_streaming_text(application, "-DTINYTS_APPLICATION_STREAMING")}
"""
    return {
        **_sources(application),
        "mbed-os.lib": f"{MBED_OS}\n",
        "mbed_app.json": json.dumps(settings, indent=2) + "\n",
        "README.md": readme,
    }


def mbed_ce_files(application: Application) -> dict[str, str]:
    """The files of a CMake project for Mbed CE."""
    settings = {
        "target_overrides": {
            "*": {"target.application-profile": "bare-metal", "platform.stdio-baud-rate": 115200},
        }
    }
    files = _sources(application)
    shared = [file for file in files if file.startswith(f"{FOLDER}/") and file.endswith(".c")]
    streaming = [file for file in shared if file.endswith(("/tinyts_streaming.c", f"/{SOURCE}"))]
    device = [file for file in shared if file not in streaming]
    common = [file for file in device if not file.endswith("/tinyts_device.c")]
    programs = [_mbed_ce_program(application, "device", device) + f"include({FOLDER}/tinyts_device.cmake)\n\n"]
    if application.can_stream:
        programs.append(_mbed_ce_program(application, "streaming", [*common, *streaming]))
    text = f"""# {application.name} as an Mbed CE project; mbed-os/ lies beside this file:
#   cmake -B build -GNinja -DMBED_TARGET={TARGET} -DCMAKE_BUILD_TYPE=Release && ninja -C build flash-device
cmake_minimum_required(VERSION 3.19)

set(MBED_APP_JSON_PATH mbed_app.json5)
include(mbed-os/tools/cmake/mbed_toolchain_setup.cmake)
project({application.name} LANGUAGES C CXX ASM)
include(mbed_project_setup)
add_subdirectory(mbed-os)

{application.library()}# The flags of the chip; mbed-baremetal itself is for programs only.
target_link_libraries({application.name} mbed-core-flags)

{"".join(programs)}# Where mbed does it by itself when this file ends, a call would be one too many.
cmake_language(DEFER DIRECTORY ${{CMAKE_SOURCE_DIR}} GET_CALL_IDS DEFERRED_CALLS)
if(COMMAND mbed_finalize_build AND NOT mbed_finalize_build IN_LIST DEFERRED_CALLS)
  mbed_finalize_build()
endif()
"""
    readme = f"""## An Mbed CE project

    git clone --recursive https://github.com/mbed-ce/mbed-os.git
    cmake -B build -GNinja -DMBED_TARGET={TARGET} -DCMAKE_BUILD_TYPE=Release
    ninja -C build flash-device

needs CMake, ninja, Python 3 with venv (mbed makes one in `mbed-os/venv`, with the Python packages that it wants), and
GCC with its C and C++ libraries; in Debian these are gcc-arm-none-eabi, libnewlib-arm-none-eabi and
libstdc++-arm-none-eabi-newlib.
{_streaming_text(application, "flash-streaming")}
"""
    return {
        **files,
        "CMakeLists.txt": text,
        "mbed_app.json5": json.dumps(settings, indent=2) + "\n",
        "README.md": readme,
    }


def _mbed_ce_program(application: Application, program: str, sources: list[str]) -> str:
    listed = "\n".join(f"  {source}" for source in ("main.cpp", *sorted(sources)))
    define = (
        f"target_compile_definitions({program} PRIVATE TINYTS_APPLICATION_STREAMING)\n"
        if program == "streaming"
        else ""
    )
    return (
        f"add_executable({program}\n{listed}\n)\n"
        f"target_include_directories({program} PRIVATE {FOLDER})\n{define}"
        f"target_link_libraries({program} {application.name} mbed-baremetal)\n"
        f"mbed_set_post_build({program})\n\n"
    )


def _sources(application: Application) -> dict[str, str]:
    files = application.files(mains=False)
    files.pop(f"{FOLDER}/tinyts_source_generator.c", None)
    return {**files, "main.cpp": read_runtime_folder("ports/mbed")["main.cpp"]}


def _streaming_text(application: Application, how: str) -> str:
    if application.can_stream:
        return f"With {how} it is the streaming application instead."
    return "The model reads its input in place, so that there is no streaming application."
