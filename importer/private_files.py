"""Folders and files that only their owner can access, whatever the umask is."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".writing-"  # prefix of temporary files, which a killed process may leave behind


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents (0700); existing folders stay as they are.

    Raises :class:`OSError`.
    """
    for path in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path) -> BinaryIO:
    """Open a file for writing and empty it; a new file is created with mode 0600. Raises :class:`OSError`."""
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file (0600) that replaces ``path`` if the block succeeds, and is removed if it fails.

    Raises :class:`OSError`.
    """
    handle, temporary = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
