"""What can be reduced: something of layers, of which there are smaller versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol


class Subject(Protocol):
    """A model or a module of IR; it never changes, and what is smaller is another.

    The same subject gives the same versions in the same order. Each version that an iterator gives is smaller by some
    measure of its own, so that there is an end to taking them.
    """

    @property
    def layer_count(self) -> int:
        """How many layers there are; constants are none."""
        ...

    def keep(self, layers: Sequence[int]) -> Subject | None:
        """Only some layers: what they read of others are new inputs, what nothing reads of them are new outputs.

        None where what is left would be no model.
        """
        ...

    def shortcuts(self) -> Iterator[Subject]:
        """Versions with a layer bypassed, or an output less."""
        ...

    def smaller(self) -> Iterator[Subject]:
        """Versions with smaller shapes."""
        ...

    def simpler(self) -> Iterator[Subject]:
        """Versions with plainer constants."""
        ...

    def encode(self) -> bytes:
        """The file."""
        ...

    def __str__(self) -> str:
        """How large it is, for people."""
        ...
