"""Folders and files for their owner only, whatever the umask says."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".writing-"  # how the names of files begin that a killed process may leave behind


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing (0700); those that are there stay as they are.

    Raises :class:`OSError`.
    """
    for path in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path) -> BinaryIO:
    """Open a file to write to, empty; one that is made is its owner's only (0600). Raises :class:`OSError`."""
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to (0600) that replaces ``path`` when the block succeeds, and is removed when it fails.

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
