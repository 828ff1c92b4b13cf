"""The planned bodies, read back from a run's payloads."""

import os
from collections.abc import Sequence
from pathlib import Path

from importer.errors import OutputError
from importer.ledger import Item

__all__ = ["PayloadFile"]

WIDEST = 4  # a stretch is read in one go up to so many times what is needed of it


class PayloadFile:
    """Bodies by their offset and length in one file: a :data:`Bodies`.

    Neighbours are read together: each read gives up the interpreter's lock, and beside a busy event loop it takes
    milliseconds to get it back.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, items: Sequence[Item]) -> list[bytes]:
        """The bodies of ``items``, in their order. Raises :class:`OutputError`."""
        if not items:
            return []
        start = min(item.offset for item in items)
        size = max(item.offset + item.length for item in items) - start
        try:
            with self._path.open("rb", buffering=0) as file:
                if size > WIDEST * sum(item.length for item in items):
                    return [os.pread(file.fileno(), item.length, item.offset) for item in items]
                stretch = memoryview(os.pread(file.fileno(), size, start))
        except OSError as error:
            hint = "Run again with the same sources: the ledger knows what was sent."
            raise OutputError(f"the run's payloads {self._path} cannot be read: {error.strerror}", hint) from None
        return [bytes(stretch[item.offset - start :][: item.length]) for item in items]
