"""The page's temporary files, uploads included: beside the import history, and readable only by their owner."""

import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import anyio.to_thread
from filelock import FileLock, Timeout

from importer.errors import SourceError
from importer.private_files import make_folder, open_private
from importer.settings import default_ledger

_LOCK = "lock"
MOST = 2_000_000_000  # bytes of all files of a session together
SPARE = 200_000_000  # bytes that stay free on the disk
_LONGEST = 120  # characters of a name
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\[\]{}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')


def state_folder(environment: Mapping[str, str], kind: str) -> Path:
    """The folder of all ``sessions`` or ``sendings``, created if missing. Raises :class:`OSError`."""
    folder = Path(default_ledger(environment)).parent / "page" / kind
    make_folder(folder)
    return folder


def in_use(folder: Path) -> bool:
    """Whether a running process holds the folder; it is released when the process ends for any reason."""
    if not folder.is_dir():
        return False
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except Timeout:
        return True


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder while the block runs. Raises :class:`filelock.Timeout` if another process has locked it."""
    with FileLock(folder / _LOCK, timeout=5, mode=0o600):
        yield


@contextmanager
def session_folder(environment: Mapping[str, str]) -> Iterator[Path]:
    """A new folder for the uploads of one session, deleted at the end. Folders of killed sessions are deleted first."""
    parent = state_folder(environment, "sessions")
    with ExitStack() as stack:
        with locked(parent):  # a session that starts now could mistake a folder that is not locked yet for a leftover
            for left in parent.iterdir():
                if left.is_dir() and not left.is_symlink() and not in_use(left):
                    shutil.rmtree(left, ignore_errors=True)
            folder = parent / secrets.token_hex(8)
            make_folder(folder)
            stack.enter_context(locked(folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # what a thread wrote in the meantime
                if folder.is_dir():
                    shutil.rmtree(folder)


def safe_name(given: str) -> str:
    """A file name without folders, pattern and control characters, or leading dots and hyphens."""
    name = given.replace("\\", "/").rpartition("/")[2]
    name = _UNSAFE.sub("_", name).strip().lstrip(".-").strip()
    stem, dot, ending = name.rpartition(".")
    if len(name) > _LONGEST:
        name = f"{stem[: _LONGEST - len(ending) - 1]}{dot}{ending}"[:_LONGEST]
    return name or "file"


def free_path(folder: Path, name: str) -> Path:
    """A path in the folder that is not taken yet."""
    path, number = folder / name, 2
    while path.exists():
        path = folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
        number += 1
    return path


def _prepared(folder: Path, name: str) -> tuple[Path, int]:
    """A new file, and how many bytes it may have."""
    make_folder(folder)
    before = sum(path.stat().st_size for path in folder.iterdir())
    while True:
        path = free_path(folder, name)
        with suppress(FileExistsError):  # another upload took the name in the meantime
            path.touch(0o600, exist_ok=False)
            return path, min(MOST - before, shutil.disk_usage(folder).free - SPARE)


def _left(room: int, piece: bytes, name: str) -> int:
    """How many bytes may follow this piece. Raises :class:`SourceError` if it is too large itself."""
    if len(piece) > room:
        raise SourceError(
            f"{name}: the file is too large for the page",
            "Enter its path instead: on the page, or with `importer open FILE`.",
        )
    return room - len(piece)


async def receive(folder: Path, given: str, pieces: AsyncIterator[bytes]) -> Path:
    """Write a file as it arrives. Raises :class:`SourceError` if it is too large; the file is then deleted."""
    path, room = await anyio.to_thread.run_sync(_prepared, folder, safe_name(given))
    try:
        with open_private(path) as file:
            async for piece in pieces:
                room = _left(room, piece, path.name)
                await anyio.to_thread.run_sync(file.write, piece)
    except BaseException:  # including a browser that disconnected
        path.unlink(missing_ok=True)
        raise
    return path
