"""A file's bytes: on disk or in memory, read a piece at a time, with their digest on the way."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Content", "Digest", "rest_of", "whole_characters", "whole_lines"]

_PIECE = 2 * 1024 * 1024
_BEYOND_ASCII = bytes(range(128, 256))


@dataclass
class Digest:
    """What is known of bytes once all of them have been read."""

    size: int = 0
    _sha256: Any = field(default_factory=hashlib.sha256, repr=False)

    def update(self, piece: bytes) -> None:
        """Take the next piece in."""
        self.size += len(piece)
        self._sha256.update(piece)

    @property
    def details(self) -> dict[str, Any]:
        """As a table's details have it."""
        return {"sha256": self._sha256.hexdigest(), "bytes": self.size}


@dataclass(frozen=True)
class Content:
    """Where the bytes are: a path, or they themselves."""

    source: Path | bytes

    def start(self, count: int) -> bytes:
        """The first bytes. Raises ``OSError``."""
        with self._open() as file:
            return file.read(count)

    def pieces(self, digest: Digest | None = None) -> Iterator[bytes]:
        """All bytes in order, none of them kept. Raises ``OSError``."""
        with self._open() as file:
            while piece := file.read(_PIECE):
                if digest is not None:
                    digest.update(piece)
                yield piece

    def _open(self) -> BinaryIO:
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")


def rest_of(pieces: Iterator[bytes], skipped: int) -> Iterator[bytes]:
    """The pieces without as many first bytes."""
    for piece in pieces:
        yield piece[skipped:] if skipped else piece
        skipped = max(0, skipped - len(piece))


def whole_characters(text: bytes) -> bytes:
    """UTF-8 that may end within a character, up to its last one in ASCII."""
    return text.rstrip(_BEYOND_ASCII)


def whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that end where lines do."""
    rest = b""
    for piece in pieces:
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
        if end:
            yield rest + piece[:end]
            rest = piece[end:]
        else:
            rest += piece
    if rest:
        yield rest
