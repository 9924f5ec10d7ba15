"""The emitted C where pointers are of another size, floats are computed with more bits, or bytes have another order."""

from __future__ import annotations

from pathlib import Path

import pytest
from host_batch import SANITIZERS
from hostile_models import NAMES, assert_expected, inferences
from hostile_tools import build, gcc, need, need_programs_of

from tinyts_mlir.toolchain.compilers import Compiler
from tinyts_mlir.toolchain.programs import HostProgram


def check(name: str, program: HostProgram, swapped: bool = False) -> None:
    """Runs all inputs in one piece, and, where the model can be fed, in pieces; files may have the other byte order."""
    inputs = [[array.byteswap() if swapped else array for array in arrays] for arrays in inferences(name)]
    for feed_rows in [None, 5] if program.interface.has_feed else [None]:
        got = program.run_all(inputs, feed_rows)
        assert_expected(name, [[array.byteswap() if swapped else array for array in arrays] for arrays in got])


@pytest.mark.parametrize("name", NAMES)
def test_32_bits(name: str, tmp_path: Path) -> None:
    """With sanitizers, and with the x87, whose floats have 64 bits of mantissa."""
    flags = ("-m32", *SANITIZERS)
    compiler = Compiler((gcc(),), (*flags, "-mfpmath=387"), flags)
    need_programs_of(compiler, tmp_path, "libc6-dev-i386 lib32gcc-12-dev")
    check(name, build(name, tmp_path, compiler))


def test_excess_precision(tmp_path: Path) -> None:
    """The x87 as `-std=gnu11` has it: what is not stored keeps its bits, whatever C says."""
    compiler = Compiler((gcc(),), ("-O2", "-m32", "-mfpmath=387", "-fexcess-precision=fast"), ("-m32",))
    need_programs_of(compiler, tmp_path, "libc6-dev-i386 lib32gcc-12-dev")
    check("floats", build("floats", tmp_path, compiler))


@pytest.mark.parametrize("name", NAMES)
def test_big_endian(name: str, tmp_path: Path) -> None:
    """On an emulated s390x."""
    need("s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu libc6-dev-s390x-cross")
    need("qemu-s390x", "qemu-user")
    compiler = Compiler(("s390x-linux-gnu-gcc",), ("-O2",), ("-static",))
    need_programs_of(compiler, tmp_path, "libc6-dev-s390x-cross", ["qemu-s390x"])
    check(name, build(name, tmp_path, compiler, emulator=["qemu-s390x"]), swapped=True)
