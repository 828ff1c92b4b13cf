"""Every kind of problem that the importer reports: one place for reports, commands, documentation and tests.

A code that is handed to a problem anywhere has an entry here, in ``sources``, ``values``, ``changes`` or ``answers``; a
test reads the program and fails when one is missing, or when nobody uses one.
"""

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType

from importer.catalogue.answers import ANSWERS
from importer.catalogue.changes import CHANGES
from importer.catalogue.model import Code
from importer.catalogue.sources import SOURCES
from importer.catalogue.values import VALUES

__all__ = ["CHAPTERS", "CODES", "Code", "find", "near"]

CHAPTERS: Mapping[str, tuple[Code, ...]] = MappingProxyType(
    {
        "Files, sheets and rows": SOURCES,
        "Values": VALUES,
        "Values that were changed": CHANGES,
        "Lookups and the API's answers": ANSWERS,
    }
)
CODES: Mapping[str, Code] = MappingProxyType({code.name: code for part in CHAPTERS.values() for code in part})


def find(name: str) -> Code | None:
    """The entry of a code as reports write it (``http_422`` is one of ``http_4xx``), or None."""
    name = name.strip().casefold()
    return CODES.get("http_4xx" if re.fullmatch(r"http_4\d\d", name) else name)


def near(name: str) -> str | None:
    """The code that was probably meant by one that does not exist: by its letters, or by its words in any order."""
    name = re.sub(r"[\s-]+", "_", name.strip().casefold())
    words = {"_".join(sorted(code.split("_"))): code for code in CODES}
    same = words.get("_".join(sorted(name.split("_"))))
    return same or next(iter(difflib.get_close_matches(name, CODES, n=1, cutoff=0.5)), None)
