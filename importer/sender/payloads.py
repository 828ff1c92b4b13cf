"""The planned bodies, read back from a run's payloads."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from importer.errors import OutputError
from importer.ledger import Item

__all__ = ["Bodies", "PayloadFile", "is_planned"]

# Items → their bodies, in the same order; called in the ledger's thread. Raises OutputError when they cannot be read.
Bodies = Callable[[Sequence[Item]], Sequence[bytes]]


class PayloadFile:
    """Bodies by their offset and length in one file: a :data:`Bodies`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, items: Sequence[Item]) -> list[bytes]:
        """The bodies of ``items``, in their order. Raises :class:`OutputError`."""
        try:
            with self._path.open("rb", buffering=0) as file:
                return [os.pread(file.fileno(), item.length, item.offset) for item in items]
        except OSError as error:
            hint = "Run again with the same sources: the ledger knows what was sent."
            raise OutputError(f"the run's payloads {self._path} cannot be read: {error.strerror}", hint) from None


def is_planned(item: Item, body: bytes) -> bool:
    """Whether ``body`` is, byte for byte, the one that was planned for ``item``."""
    return hashlib.sha256(body).hexdigest() == item.hash
