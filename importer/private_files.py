"""Folders and files for their owner only, whatever the umask says."""

import os
from pathlib import Path
from typing import BinaryIO


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing (0700); those that are there stay as they are.

    Raises :class:`OSError`.
    """
    for path in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path) -> BinaryIO:
    """Open a file to write to, empty; one that is made is its owner's only (0600). Raises :class:`OSError`."""
    return open(path, "wb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
