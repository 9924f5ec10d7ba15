"""What firmware of an emitted project takes of flash and RAM, read from the linked ELF file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyts_mlir.toolchain.elf import Image
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.stack_bound import stack_bound

_SECTIONS = frozenset((".vectors", ".text", ".stack"))


def is_emitted_firmware(program: Path) -> bool:
    """Whether an ELF file has the sections of an emitted project; raises ToolchainError where it cannot be read."""
    return set(Image.read(program).section_bytes) >= _SECTIONS


@dataclass(frozen=True)
class FirmwareSizes:
    """Bytes, by the sections of runtime/ports/cortex-m7/sections.ld."""

    text: int
    """Code of everything, and the vector table."""
    rodata: int
    """Constants besides the model's."""
    weights: int
    """The model's, in flash."""
    tables: int
    """The model's, in flash."""
    qspi: int
    """The model's weights that lie outside of the flash."""
    data: int
    bss: int
    """Variables, the device's input buffer among them."""
    dtcm: int
    """The arena, where it lies in the DTCM; else it is part of `bss`."""
    stack: int
    """What the linker script keeps for the stack."""
    stack_bound: int | None
    """What the call graph says that the stack takes at most; None where GCC left none beside the firmware."""

    @property
    def flash_bytes(self) -> int:
        """All that lies in flash."""
        return self.text + self.rodata + self.weights + self.tables + self.data

    @property
    def ram_bytes(self) -> int:
        """All that lies in RAM, with all that is kept for the stack."""
        return self.data + self.bss + self.dtcm + self.stack

    @classmethod
    def read(cls, firmware: Path) -> FirmwareSizes:
        """Read an ELF file. Raises ToolchainError where it is none of an emitted project's."""
        sections = Image.read(firmware).section_bytes
        if not set(sections) >= _SECTIONS:
            raise ToolchainError(f"{firmware.name} is no firmware of an emitted project: it lacks sections")
        sizes = {name: sections.get(f".{name}", 0) for name in ("rodata", "weights", "tables", "qspi")}
        return cls(
            text=sections[".vectors"] + sections[".text"],
            **sizes,
            data=sections.get(".data", 0),
            bss=sections.get(".bss", 0),
            dtcm=sections.get(".dtcm", 0),
            stack=sections[".stack"],
            stack_bound=stack_bound(firmware.resolve().parent, firmware.stem),
        )
