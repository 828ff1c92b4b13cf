"""Every kind of problem that the importer reports: one place for reports, commands, documentation, and tests.

``problems.toml`` has the texts. A test reads the program, and fails if a code has no entry or an entry has no code.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from importer.records import Severity
from importer.wording import nearest

__all__ = ["CHAPTERS", "CODES", "Code", "find", "near"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of problem; ``problems.toml`` describes its fields."""

    name: str
    title: str
    severity: Severity
    explanation: str
    fix: str
    example: str
    effect: str = ""
    locked: str = ""
    owner_title: str = ""
    owner: str = ""
    message: str = ""
    hint: str = ""


def _read_chapters() -> dict[str, tuple[Code, ...]]:
    chapters = tomllib.loads(files(__name__).joinpath("problems.toml").read_text(encoding="utf-8"))
    return {
        title: tuple(Code(name, severity=Severity(entry.pop("severity")), **entry) for name, entry in entries.items())
        for title, entries in chapters.items()
    }


CHAPTERS: Mapping[str, tuple[Code, ...]] = MappingProxyType(_read_chapters())
CODES: Mapping[str, Code] = MappingProxyType({code.name: code for codes in CHAPTERS.values() for code in codes})


def find(name: str) -> Code | None:
    """The entry of a code as reports write it (``http_422`` has the entry ``http_4xx``), or None."""
    name = name.strip().casefold()
    return CODES.get("http_4xx" if re.fullmatch(r"http_4\d\d", name) else name)


def near(name: str) -> str | None:
    """The code that a misspelled code probably means: the same words in a different order, or similar letters."""
    name = re.sub(r"[\s-]+", "_", name.strip().casefold())
    words = {"_".join(sorted(code.split("_"))): code for code in CODES}
    same_words = words.get("_".join(sorted(name.split("_"))))
    return same_words or next(iter(nearest(name, CODES, cutoff=0.5)), None)
