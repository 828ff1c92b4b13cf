"""Where the page keeps what it needs for a while: one folder for its owner only, beside the import history."""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from importer.private_files import make_folder
from importer.settings import default_ledger

_LOCK = "lock"


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
def held(folder: Path) -> Iterator[None]:
    """Hold a folder while the block runs. Raises :class:`filelock.Timeout` if another process holds it."""
    with FileLock(folder / _LOCK, timeout=5, mode=0o600):
        yield


@contextmanager
def session_folder(environment: Mapping[str, str]) -> Iterator[Path]:
    """A folder for the uploads of one session, which is deleted at the end, together with those of killed ones."""
    parent = state_folder(environment, "sessions")
    with ExitStack() as stack:
        with held(parent):  # a session that starts now could mistake a folder that is not held yet for a leftover
            for left in parent.iterdir():
                if left.is_dir() and not left.is_symlink() and not in_use(left):
                    shutil.rmtree(left, ignore_errors=True)
            folder = parent / secrets.token_hex(8)
            make_folder(folder)
            stack.enter_context(held(folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # what a thread wrote in the meantime
                if folder.is_dir():
                    shutil.rmtree(folder)
