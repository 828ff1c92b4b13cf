"""The phrases of headers and the words of cells, by language: the data files in ``lexicon/``."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from importer.drafting.header_words import fold, spellings

_FOLDER = "lexicon"
HEAD_FIRST = frozenset({"fr", "es", "it", "pt", "pl"})  # languages in which the first noun says what it is


@dataclass(frozen=True)
class Meaning:
    """What a phrase means in a language. ``kind``: ``concept``, ``role``, or ``filler``; ``name``: which of them."""

    kind: str
    name: str
    language: str


class Lexicon:
    """All phrases of all languages. ``phrases``: folded text → its meanings, English first."""

    def __init__(self) -> None:
        self.phrases: dict[str, list[Meaning]] = {}
        self._cells: dict[str, set[str]] = {}
        for language, content in _contents():
            for section, kind in (
                ("concepts", "concept"),
                ("roles", "role"),
                ("also_roles", "role"),
                ("fillers", "filler"),
            ):
                for name, phrases in content.get(section, {}).items():
                    for spelling in {form for phrase in phrases for form in spellings(phrase)}:
                        self.phrases.setdefault(spelling, []).append(Meaning(kind, name, language))
            for phrase in content.get("also_meta", {}).get("words", ()):
                for spelling in spellings(phrase):
                    self.phrases.setdefault(spelling, []).append(Meaning("concept", "meta", language))
            for name, texts in content.get("cell_words", {}).items():
                self._cells.setdefault(name, set()).update(form for text in texts for form in spellings(text))

    def cell_words(self, *names: str) -> frozenset[str]:
        """The folded words that cells contain for these kinds: ``active``, ``supplier``, ``billing``, …"""
        return frozenset[str]().union(*(self._cells.get(name, ()) for name in names))

    def is_cell(self, text: str, *names: str) -> bool:
        """Whether a cell says one of these kinds."""
        return fold(text) in self.cell_words(*names)


def _contents() -> list[tuple[str, dict[str, dict[str, list[str]]]]]:
    found = [
        (entry.name.removesuffix(".toml"), tomllib.loads(entry.read_text("utf-8")))
        for entry in files(__package__).joinpath(_FOLDER).iterdir()
        if entry.name.endswith(".toml")
    ]
    return sorted(found, key=lambda item: (item[0] != "en", item[0]))


@cache
def lexicon() -> Lexicon:
    """The lexicon, read once."""
    return Lexicon()
