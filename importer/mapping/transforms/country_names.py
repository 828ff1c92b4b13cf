"""The names of countries, states, and counties as exports write them, in a form that can be compared."""

import gettext
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pycountry

# What exports use beside the names of ISO and CLDR.
_NAMES = tomllib.loads(Path(__file__).with_name("place_names.toml").read_text(encoding="utf-8"))


def _by_name(names: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {name: code for code, own in names.items() for name in own}


STATE_ALIASES = {country: _by_name(states) for country, states in _NAMES["states"].items()}
MAIN_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb")
_IN_ISO = {"nb": "nb_NO", "zh": "zh_CN", "zh_Hant": "zh_TW", "sr_Latn": "sr@latin"}  # how pycountry calls them
CODED = ("US", "CA", "AU", "MX", "BR", "IN", "IT")  # where addresses are written with the subdivisions' codes
_BETWEEN = frozenset({"the", "of", "and", "y", "e", "et", "und", "en", "de", "da", "di", "la", "le", "do", "och", "og"})
# Words next to a country's name that add no information.
NOISE = frozenset({"", "the", "eu", "eea", "europe", "european union", "sar", "channel islands", "west indies"})
# Words of names that are abbreviated, in plain form.
_SHORT_WORDS = {
    "n": "north", "no": "north", "s": "south", "so": "south", "e": "east", "w": "west", "rep": "republic",
    "dem": "democratic", "fed": "federation", "is": "islands", "isl": "islands", "terr": "territory",
}  # fmt: skip
_AROUND_STATE = re.compile(r"^(?:state|province|estado|provincia|departamento) (?:of|de|di) | (?:state|province)$")
_SPELLED = str.maketrans({"ø": "o", "ł": "l", "&": " and "})


def plain(text: str) -> str:
    """Without case, accents, dots and surplus spaces, ``&`` and ``St.`` spelled out: how names are compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_SPELLED))
    kept = "".join(letter for letter in decomposed if letter not in "'\u2019" and not unicodedata.combining(letter))
    words = " ".join(re.sub(r"[^\w\s]", " ", kept).replace("_", " ").split())
    words = re.sub(r"\b(\w) (?=\w\b)", r"\1", words)  # U.S.A. is USA
    return re.sub(r"\bst\b", "saint", words)


def spelled_out(name: str) -> tuple[str, str]:
    """A name in plain form without abbreviations, as it may be meant: ``n ireland`` → north and northern Ireland."""
    full = " ".join(_SHORT_WORDS.get(word, word) for word in _AROUND_STATE.sub("", name).split())
    return full, re.sub(r"\b(north|south|east|west)\b", r"\1ern", full)


@cache
def english_names() -> dict[str, str]:
    """Codes and English names, in plain form → alpha-2."""
    names: dict[str, str] = {}
    for item in pycountry.countries:
        for attribute in ("name", "official_name", "common_name", "alpha_2", "alpha_3", "numeric"):
            if hasattr(item, attribute):
                names.setdefault(plain(getattr(item, attribute)), item.alpha_2)
    return names | {plain(name): code for name, code in _by_name(_NAMES["countries"]).items()}


@cache
def _foreign() -> dict[str, dict[str, str]]:
    """Names in the main and in more languages, whole and by their words → alpha-2: ``tests.mapping.foreign_names``."""
    text = Path(__file__).with_name("country_names.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


@cache
def country_names(*, more: bool = False) -> dict[str, str]:
    """Codes, English names, and names in the main languages or ``more``, in plain form → alpha-2."""
    names = _foreign()["main"] | english_names()
    return _foreign()["more"] | names if more else names


def country_by_words(several: frozenset[str], *, more: bool = False) -> str | None:
    """The country with these words in its name, whatever their order (``Korea, Republic of``); if it is certain."""
    return _foreign()["more by words" if more else "main by words"].get(" ".join(sorted(several)))


def translation(domain: str, language: str) -> gettext.NullTranslations:
    """ISO's names of countries (``iso3166-1``) or subdivisions (``iso3166-2``) in a language."""
    name = _IN_ISO.get(language, language)
    return gettext.translation(domain, pycountry.LOCALES_DIR, languages=[name], fallback=True)


def words(name: str) -> frozenset[str]:
    """The words of a name, in plain form, that distinguish it from others."""
    return frozenset(name.split()) - _BETWEEN


def most_special(codes: Iterable[str]) -> str | None:
    """The country that several codes stand for: a territory, if the other code is the country that it belongs to."""
    found = set(codes)
    found -= {owner for owner, own in _NAMES["territories"].items() if not found.isdisjoint(own)}
    return found.pop() if len(found) == 1 else None


@cache
def state_names(country: str) -> dict[str, str]:
    """The states of a country: codes and names in plain form → the code."""
    names = dict(STATE_ALIASES.get(country, {}))
    known = pycountry.countries.get(alpha_2=country)
    for item in _subdivisions(country):
        code = item.code.split("-")[1]
        for name in (item.name, code, item.code, f"{known.alpha_3 if known else country}-{code}"):
            names.setdefault(plain(name), code)
    return names


@cache
def foreign_state_names(country: str) -> dict[str, str]:
    """The states of a country in other languages; only names that are certain."""
    languages = [translation("iso3166-2", language) for language in MAIN_LANGUAGES]
    items = [(item.name, item.code.split("-")[1]) for item in _subdivisions(country)]
    return certain((plain(texts.gettext(name)), code) for texts in languages for name, code in items)


def certain(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name → code, without the names that have several codes."""
    codes: dict[str, set[str]] = {}
    for name, code in pairs:
        codes.setdefault(name, set()).add(code)
    return {name: own.pop() for name, own in codes.items() if len(own) == 1}


@cache
def countries_to_choose(*, codes: bool) -> tuple[str, ...]:
    """What a person can choose as a country: ISO's alpha-2 codes, or the usual English names; in order."""
    names = {item.alpha_2: getattr(item, "common_name", item.name) for item in pycountry.countries} | {"XK": "Kosovo"}
    return tuple(sorted(names if codes else names.values()))


@cache
def states_to_choose(country: str, *, codes: bool) -> tuple[str, ...]:
    """What a person can choose as a state of a country; nothing if addresses are written without states' codes."""
    if country not in CODED:
        return ()
    return tuple(sorted(item.code.split("-")[1] if codes else item.name for item in _subdivisions(country)))


def _subdivisions(country: str) -> Iterator[pycountry.db.Data]:
    """The subdivisions whose codes are written in addresses: Lombardy's 25 is not."""
    every = pycountry.subdivisions.get(country_code=country) or ()  # type: ignore[no-untyped-call]  # as shipped
    return (item for item in every if item.code.split("-")[1].isalpha())


_COUNTIES = frozenset(_NAMES["counties"])
_CALLED_COUNTY = re.compile(r"^(?:co\.?|county)\s+\S.*$", re.IGNORECASE)  # Co. Durham, County Cork


def is_county(text: str) -> bool:
    """Whether a line of an address is a county."""
    name = " ".join(text.replace("&", " and ").replace(".", " ").split()).casefold()
    return not _COUNTIES.isdisjoint((name, *spelled_out(name))) or _CALLED_COUNTY.match(text) is not None
