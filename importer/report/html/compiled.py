"""Templates in compiled form, kept where Python keeps compiled modules: compiling takes longer than a small page."""

import contextlib
import marshal
import os
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

__all__ = ["CompiledTemplates"]


class CompiledTemplates(jinja2.BytecodeCache):
    """Those of a folder. One whose source has changed is compiled anew; where nothing can be written, each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        known = _made_of(bucket)
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError):  # not there, or damaged
            data = self._path(bucket).read_bytes()
            if data.startswith(known):
                bucket.code = marshal.loads(data[len(known) :])  # noqa: S302 - as far to be trusted as what lies beside

    def dump_bytecode(self, bucket: Bucket) -> None:
        path = self._path(bucket)
        new = path.with_name(f"{path.name}.{os.getpid()}")  # another process may do the same
        with contextlib.suppress(OSError):
            if not sys.dont_write_bytecode:
                path.parent.mkdir(exist_ok=True)
                new.write_bytes(_made_of(bucket) + marshal.dumps(bucket.code))
                new.replace(path)

    def _path(self, bucket: Bucket) -> Path:
        return Path(cache_from_source(str(self._folder / f"{bucket.key}.jinja")))


def _made_of(bucket: Bucket) -> bytes:
    """By what, and of what, a template was compiled."""
    return MAGIC_NUMBER + f"{jinja2.__version__} {bucket.checksum}\n".encode()
