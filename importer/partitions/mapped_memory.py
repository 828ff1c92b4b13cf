"""Files that are mapped into memory, and how much of them stays there.

A page of such a file comes into memory when it is read, and counts as the process's own until the system needs the
memory for something else. All pages can be read again, so they are released when there are many.
"""

import ctypes
import mmap
import os
import threading
import weakref
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

__all__ = ["map_file", "release_memory", "release_pages", "watch_memory"]

_MOST = 128 << 20  # bytes of mapped files in memory, the program's own code included
_INTERVAL = 0.02  # seconds
_SIZES = Path("/proc/self/statm")

_maps: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()
_lock = threading.Lock()


def map_file(path: Path) -> pa.Buffer:
    """The content of a file that is not empty; a page is read when it is used."""
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with _lock:
        _maps.add(memory)
    return pa.py_buffer(memory)


def release_pages() -> None:
    """Release all pages of mapped files; they are read again when they are used."""
    with _lock:
        maps = list(_maps)
    for memory in maps:
        with suppress(OSError, ValueError):  # closed meanwhile
            memory.madvise(mmap.MADV_DONTNEED)


def watch_memory(most: int = _MOST) -> threading.Event:
    """Keep the pages of mapped files below so many bytes, where the system counts them, until the event is set."""
    done = threading.Event()
    if _SIZES.exists() and hasattr(mmap, "MADV_DONTNEED"):
        threading.Thread(target=_watch, args=(most, done), daemon=True).start()
    return done


def _watch(most: int, done: threading.Event) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    while not done.wait(_INTERVAL):
        if int(_SIZES.read_text().split()[2]) * page > most:
            release_pages()


def release_memory() -> None:
    """Return free memory to the system; allocators keep it for later."""
    with suppress(NotImplementedError):
        pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # not every C library has it
        ctypes.CDLL(None).malloc_trim(0)
