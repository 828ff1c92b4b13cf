"""Writes ``country_names.json``: names of countries in many languages (ISO and CLDR), in the form that is compared.

``python -m tests.mapping.foreign_names > importer/mapping/transforms/country_names.json``

Reading them from Babel and pycountry takes a second or two, which a check would spend for one misspelled country.
"""

import json
import sys
from collections.abc import Iterable, Iterator

import pycountry

from importer.mapping.transforms.country_names import MAIN_LANGUAGES, certain, english_names, plain, translation, words

# CLDR regions that belong to a country in ISO, and Kosovo, whose code is widely used but not in ISO.
_REGIONS = {"XK": "XK", "IC": "ES", "EA": "ES", "AC": "SH", "TA": "SH", "DG": "IO", "CP": "FR", "CQ": "GG"}
_MORE_LANGUAGES = (
    *MAIN_LANGUAGES,
    *("pt_BR", "fi", "cs", "hu", "ro", "tr", "el", "ru", "uk", "ja", "zh", "zh_Hant", "ko", "hr", "sk", "sl", "sr"),
    *("sr_Latn", "bg", "lt", "lv", "et", "is", "sq", "ga", "ar", "he", "id", "th", "vi"),
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def foreign_names() -> str:
    """The content of the file, without names that mean different countries in different languages."""
    content: dict[str, dict[str, str]] = {}
    for label, languages in (("main", MAIN_LANGUAGES), ("more", _MORE_LANGUAGES)):
        names = certain(
            (plain(spelling), code)
            for name, code in {
                *_iso_names(languages),
                *_cldr_names(languages),
                *(_own_names() if label == "more" else ()),
            }
            for spelling in {name, name.translate(_UMLAUTS)}
        )
        pairs = ((words(name), code) for name, code in (names | english_names()).items())
        by_words = certain((" ".join(sorted(own)), code) for own, code in pairs if len(own) > 1)
        for key, found, before in ((label, names, "main"), (f"{label} by words", by_words, "main by words")):
            known = content.get(before, {})  # these are looked up first
            content[key] = {name: code for name, code in found.items() if name not in known}
    return json.dumps(content, ensure_ascii=False, indent=0, sort_keys=True) + "\n"


def _iso_names(languages: Iterable[str]) -> Iterator[tuple[str, str]]:
    for language in languages:
        texts = translation("iso3166-1", language)
        for item in pycountry.countries:
            for kind in ("name", "common_name", "official_name"):
                if hasattr(item, kind):
                    yield texts.gettext(getattr(item, kind)), item.alpha_2


def _cldr_names(languages: Iterable[str]) -> Iterator[tuple[str, str]]:
    from babel import Locale

    known = {item.alpha_2: item.alpha_2 for item in pycountry.countries} | _REGIONS
    for language in languages:
        for code, name in Locale.parse(language).territories.items():
            if code in known:
                yield name, known[code]


def _own_names() -> Iterator[tuple[str, str]]:
    """Each country's name in its official languages."""
    from babel import Locale, UnknownLocaleError
    from babel.languages import get_official_languages

    for item in pycountry.countries:
        for language in get_official_languages(item.alpha_2, regional=True, de_facto=True):
            try:
                yield Locale.parse(language).territories[item.alpha_2], item.alpha_2
            except (UnknownLocaleError, KeyError):
                continue


if __name__ == "__main__":
    sys.stdout.write(foreign_names())
