"""The API key and other secrets: from a file or the environment, never from an argument."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from importer.errors import UsageError

__all__ = ["KEY_VARIABLE", "read_key", "read_private"]

KEY_VARIABLE = "WIZCOMMERCE_API_KEY"


def read_key(environment: Mapping[str, str], key_file: Path | None) -> str:
    """The API key from the file, else from the environment; never from an argument.

    Raises :class:`UsageError` when there is none, or when others than its owner can read the file.
    """
    if key_file is not None:
        return _key_from(key_file)
    key = environment.get(KEY_VARIABLE, "").strip()
    if not key:
        raise UsageError(
            "there is no API key",
            f"Put it into the environment variable {KEY_VARIABLE}, or into a file given by --api-key-file. "
            "Without a key, try the local API: --api sandbox.",
        )
    return key


def _key_from(path: Path) -> str:
    key = read_private(path, "the API key").strip()
    if not key:
        raise UsageError(f"{path}: the API key file is empty")
    return key


def read_private(path: Path, what: str) -> str:
    """A file with ``what`` in it, which its owner alone may read. Raises :class:`UsageError`."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"{path}: the file with {what} cannot be read: {reason}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path}: others than you can read {what}", f"Run: chmod 600 {path}")
    return text
