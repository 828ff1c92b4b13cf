"""What of large tables is in memory: files that are mapped into it, and how much of them stays there.

A page of such a file comes into memory when it is looked at, and counts as the process's own until the system needs it
for something else. All pages can be read again, so they are let go when there are many.
"""

import ctypes
import mmap
import os
import threading
import weakref
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

__all__ = ["give_back", "let_go", "mapped", "watch"]

MOST = 128 << 20  # bytes of mapped files in memory, the program's own code included
_EVERY = 0.02  # seconds between two looks
_SIZES = Path("/proc/self/statm")

_maps: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()
_lock = threading.Lock()


def mapped(path: Path) -> pa.Buffer:
    """What is in a file, which is not empty; read when it is looked at."""
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with _lock:
        _maps.add(memory)
    return pa.py_buffer(memory)


def let_go() -> None:
    """Let go of all pages of mapped files; they are read again when they are looked at."""
    with _lock:
        maps = list(_maps)
    for memory in maps:
        with suppress(OSError, ValueError):  # gone meanwhile
            memory.madvise(mmap.MADV_DONTNEED)


def watch(most: int = MOST) -> threading.Event:
    """Keep the pages of mapped files within so many bytes, where the system tells them, until the event is set."""
    done = threading.Event()
    if _SIZES.exists() and hasattr(mmap, "MADV_DONTNEED"):
        threading.Thread(target=_look, args=(most, done), daemon=True).start()
    return done


def _look(most: int, done: threading.Event) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    while not done.wait(_EVERY):
        if int(_SIZES.read_text().split()[2]) * page > most:
            let_go()


def give_back() -> None:
    """Give memory back that was used and is free, which allocators keep for later."""
    with suppress(NotImplementedError):
        pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # not every C library has it
        ctypes.CDLL(None).malloc_trim(0)
