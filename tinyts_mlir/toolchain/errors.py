"""Errors of the toolchain. Their text is meant for the user, without a traceback."""

from tinyts_mlir.errors import UserError, missing_package_text


class ToolchainError(UserError):
    """A compiler, a package or a program is missing, or failed."""


class ProgramError(ToolchainError):
    """The built model failed while it ran: a bad status, a crash, a time-out or an overwritten guard byte."""


class EmulatorError(ProgramError):
    """The emulated core stopped where it should not."""


def missing_package(package: str, extra: str = "run") -> ToolchainError:
    """The error for an optional package that is not installed."""
    return ToolchainError(missing_package_text("this", package, extra))
