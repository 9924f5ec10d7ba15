"""Processors that models are compiled for: what their kernels, memories and compilers are like.

To add one, add a line. Kernels choose their forms by the compiler's macros, so that the same C runs everywhere; what a
core changes is how C is built and emulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tinyts_mlir.errors import CompileError, did_you_mean


class Architecture(Enum):
    """Families of instruction sets."""

    ARM = "arm"
    RISCV = "riscv"
    XTENSA = "xtensa"
    HOST = "host"


@dataclass(frozen=True)
class Core:
    """A processor's core.

    Attributes:
        name: on command lines.
        title: as its maker writes it.
        architecture: its family.
        has_dsp: kernels take the forms with two multiplications in an instruction (`__ARM_FEATURE_DSP`); else they are
            plain C.
        has_mve: convolutions and sums take the forms with vectors of 16 bytes (`__ARM_FEATURE_MVE`), which read int8
            weights.
        gcc: flags of GCC for the machine.
        clang: likewise of clang, as zig has it; empty where there is no such compiler.
        emulated_as: the core's model in Unicorn; None where Unicorn has not got it.
        machine: a board of QEMU's that has the core, for one that Unicorn has not got.
    """

    name: str
    title: str
    architecture: Architecture
    has_dsp: bool = False
    has_mve: bool = False
    gcc: tuple[str, ...] = ()
    clang: tuple[str, ...] = ()
    emulated_as: str | None = None
    machine: str | None = None

    @property
    def can_run(self) -> bool:
        """Whether an emulator runs its code here."""
        return self.emulated_as is not None or self.machine is not None


def _arm(name: str, title: str, emulated_as: str | None, features: str = "", machine: str | None = None) -> Core:
    """A Cortex-M; `features` are those of its clang besides its name, empty where it computes floats in software."""
    floats = {
        "cortex-m7": "fpv5-d16",
        "cortex-m4": "fpv4-sp-d16",
        "cortex-m33": "fpv5-sp-d16",
        "cortex-m55": "auto",
        "cortex-m85": "auto",
    }.get(name)
    abi = ("-mfloat-abi=soft",) if floats is None else ("-mfloat-abi=hard", f"-mfpu={floats}")
    target = f"thumb-freestanding-eabi{'' if floats is None else 'hf'}"
    return Core(
        name,
        title,
        Architecture.ARM,
        has_dsp=floats is not None,
        has_mve=floats == "auto",
        gcc=(f"-mcpu={name}", "-mthumb", *abi),
        clang=("-target", target, f"-mcpu={name.replace('-', '_')}{features}"),
        emulated_as=emulated_as,
        machine=machine,
    )


def _riscv(name: str, title: str, extensions: str) -> Core:
    features = "+".join(("generic_rv32", *extensions))
    return Core(
        name,
        title,
        Architecture.RISCV,
        # Without small data there is no global pointer to set; misaligned words are read byte by byte.
        gcc=(f"-march=rv32i{extensions}", "-mabi=ilp32", "-msmall-data-limit=0", "-mcmodel=medany"),
        clang=("-target", "riscv32-freestanding-none", f"-mcpu={features}"),
        emulated_as="RISCV32_SIFIVE_E31",
    )


CORES = (
    _arm("cortex-m0plus", "Cortex-M0+", "ARM_CORTEX_M0"),
    _arm("cortex-m3", "Cortex-M3", "ARM_CORTEX_M3"),
    _arm("cortex-m4", "Cortex-M4", "ARM_CORTEX_M4", "+vfp4d16sp"),
    _arm("cortex-m33", "Cortex-M33", "ARM_CORTEX_M33", "+fp_armv8d16sp"),
    _arm("cortex-m55", "Cortex-M55", None, "+mve_fp+fp_armv8d16+fp64", machine="mps3-an547"),
    _arm("cortex-m85", "Cortex-M85", None, "+mve_fp+fp_armv8d16+fp64"),
    _arm("cortex-m7", "Cortex-M7", "ARM_CORTEX_M7", "+fp_armv8d16+fp64"),
    _riscv("rv32imc", "RISC-V RV32IMC", "mc"),
    _riscv("rv32imac", "RISC-V RV32IMAC", "mac"),
    Core("xtensa-lx7", "Xtensa LX7", Architecture.XTENSA),
    Core("host", "this machine", Architecture.HOST),
)
"""All of them."""

DEFAULT_CORE = "cortex-m7"
"""What a model is compiled for where nobody says anything."""


def find_core(name: str) -> Core:
    """The core of a name; raises CompileError for one that is not known."""
    for core in CORES:
        if core.name == name:
            return core
    names = [core.name for core in CORES]
    raise CompileError(f"--target: expected one of {', '.join(names)}, got {name!r}{did_you_mean(name, names)}")


CORTEX_M7 = find_core(DEFAULT_CORE)
EMULATED_CORES = tuple(core for core in CORES if core.can_run)
"""Those whose code runs here."""
