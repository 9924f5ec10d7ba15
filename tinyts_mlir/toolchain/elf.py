"""What is needed of an ELF file: loadable segments, symbols, section sizes."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from tinyts_mlir.toolchain.errors import ToolchainError, missing_package


@dataclass(frozen=True)
class Symbol:
    """A symbol; a Thumb function's address is without its lowest bit."""

    name: str
    address: int
    size: int
    is_function: bool


@dataclass(frozen=True)
class Image:
    """A linked program."""

    segments: tuple[tuple[int, bytes], ...]
    """Load address (in flash, also of initialised data) and content."""
    symbols: dict[str, Symbol]
    functions: tuple[Symbol, ...]
    """By address. Static functions of different files may have one name, of which `symbols` has only the last."""
    section_bytes: dict[str, int]

    @classmethod
    def read(cls, path: Path) -> Image:
        """Read a program."""
        try:
            from elftools.common.exceptions import ELFError
            from elftools.elf.elffile import ELFFile
            from elftools.elf.sections import SymbolTableSection
        except ImportError:
            raise missing_package("pyelftools") from None
        try:
            elf = ELFFile(BytesIO(path.read_bytes()))
            segments = tuple(
                (int(segment["p_paddr"]), bytes(segment.data()))
                for segment in elf.iter_segments("PT_LOAD")
                if segment["p_filesz"] > 0
            )
            symbols: dict[str, Symbol] = {}
            functions: list[Symbol] = []
            section_bytes: dict[str, int] = {}
            for section in elf.iter_sections():
                section_bytes[str(section.name)] = int(section["sh_size"])
                if isinstance(section, SymbolTableSection):
                    for entry in section.iter_symbols():
                        function = entry["st_info"]["type"] == "STT_FUNC"
                        address = int(entry["st_value"]) & (~1 if function else ~0)
                        symbol = Symbol(str(entry.name), address, int(entry["st_size"]), function)
                        symbols[symbol.name] = symbol
                        if function:
                            functions.append(symbol)
        except (ELFError, OSError) as error:
            raise ToolchainError(f"cannot read the program {path.name}: {error}") from None
        functions.sort(key=lambda symbol: symbol.address)
        return cls(segments, symbols, tuple(functions), section_bytes)

    def symbol(self, name: str) -> Symbol:
        """Find a symbol that must be there."""
        symbol = self.symbols.get(name)
        if symbol is None:
            raise ToolchainError(f"the program has no symbol {name}")
        return symbol

    def describe(self, address: int) -> str:
        """Return an address with the function that holds it, if one does."""
        position = bisect_right(self.functions, address, key=lambda function: function.address) - 1
        if position >= 0:
            function = self.functions[position]
            if address < function.address + max(function.size, 2):
                return f"0x{address:08x} ({function.name}+0x{address - function.address:x})"
        return f"0x{address:08x}"
