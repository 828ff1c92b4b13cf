"""Templates in compiled form, kept where Python keeps compiled modules: compiling takes longer than a small page."""

import contextlib
import sys
from importlib.util import cache_from_source
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

from importer.private import make_folder

__all__ = ["CompiledTemplates"]


class CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """Those of a folder. One whose source has changed is compiled anew; where nothing can be written, each time."""

    def __init__(self, folder: Path) -> None:
        place = Path(cache_from_source(str(folder / "template.py")))  # has Python's version in its name
        super().__init__(str(place.parent), f"{place.stem}-jinja-{jinja2.__version__}-%s")

    def load_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(Exception):  # no folder, or damaged: a pickle then raises anything
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            if not sys.dont_write_bytecode:
                make_folder(Path(self.directory))
                super().dump_bytecode(bucket)
