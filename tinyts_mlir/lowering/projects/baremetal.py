"""`--emit-project baremetal`: firmware for every board of `runtime/ports/`, with CMake and GCC."""

from __future__ import annotations

from tinyts_mlir.lowering.projects.application import FOLDER, RELEASE, Application
from tinyts_mlir.lowering.runtime_files import read_runtime_folder, runtime_directory

SHARED = "cortex-m7"
"""The folder with what boards share."""


def boards() -> list[str]:
    """The boards: folders of `runtime/ports/` that have a board.cmake."""
    return sorted(path.parent.name for path in (runtime_directory() / "ports").glob("*/board.cmake"))


def baremetal_files(application: Application) -> dict[str, str]:
    """The project's files besides the model's own."""
    text = f"""# {application.name} as firmware:
#   cmake -B build -DBOARD=stm32f767zi && cmake --build build
# Boards: {", ".join(boards())}. What else can be set is in ports/{SHARED}/firmware.cmake.
cmake_minimum_required(VERSION 3.13)
if(NOT CMAKE_TOOLCHAIN_FILE)
  set(CMAKE_TOOLCHAIN_FILE ${{CMAKE_CURRENT_LIST_DIR}}/ports/{SHARED}/toolchain.cmake)
endif()
project({application.name} C)
{RELEASE}
{application.library()}
{application.settings()}include(ports/{SHARED}/firmware.cmake)
"""
    read_me = f"""## Firmware

    cmake -B build -DBOARD=stm32f767zi && cmake --build build

builds the applications for a board of `ports/`: {", ".join(boards())}. `CMakeLists.txt` says what else can be set.
"""
    files = {
        "CMakeLists.txt": text,
        "README.md": read_me,
        **application.files(),
        f"{FOLDER}/model_memory.ld": memory_checks(application),
    }
    for folder in (SHARED, *boards()):
        for file, content in read_runtime_folder(f"ports/{folder}").items():
            files[f"ports/{folder}/{file}"] = content
    return files


def memory_checks(application: Application) -> str:
    """Linker assertions that say, where a memory overflows, what the model takes of it.

    The linker's own error only says by how many bytes. Parts are compared with what they take, since several places can
    hold them: a part of 0 bytes in a section is somewhere else.
    """
    arena = f"the model {application.name} has an arena of {application.arena_bytes:,} bytes"
    weights = f"the model {application.name} has {application.weights_bytes:,} bytes of weights"
    checks = [
        (
            "DTCM",
            "sections_dtcm_end",
            f"{arena} there, if -DARENA=dtcm; -DARENA=ram places it in RAM, tinyts-opt --ram asks for less",
        ),
        (
            "RAM",
            "sections_ram_end",
            f"{arena} (there, if -DARENA=ram), a context of {application.context_bytes:,} and, in the device, a buffer "
            f"for an input of {application.input_bytes:,}",
        ),
        (
            "FLASH",
            "sections_flash_end",
            f"{weights} (there, if -DWEIGHTS=flash; -DWEIGHTS=qspi places them in QSPI) and "
            f"{application.tables_bytes:,} bytes of tables",
        ),
        ("QSPI", "SIZEOF(.qspi) + ORIGIN(QSPI)", f"{weights} there, if -DWEIGHTS=qspi"),
    ]
    lines = [
        f'ASSERT({end} <= ORIGIN({memory}) + LENGTH({memory}), "{memory} overflows: {text}")'
        for memory, end, text in checks
    ]
    head = f"/* What {application.name} takes of each memory, for who gets an error of the linker. */\n"
    return head + "\n".join(lines) + "\n"
