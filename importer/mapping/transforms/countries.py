"""Countries to ISO 3166-1 alpha-2 and states to their codes, from pycountry's copy of the ISO lists."""

import gettext
import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import pyarrow as pa
import pycountry

from importer.did_you_mean import nearest
from importer.mapping.transform_results import Result, failures
from importer.records import Severity

__all__ = ["country", "country_code", "state"]

# Names that exports use and ISO does not list.
_ALIASES = {
    "usa": "US", "u s a": "US", "u s": "US", "america": "US", "united states of america": "US",
    "the united states": "US",
    "uk": "GB", "u k": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "holland": "NL", "the netherlands": "NL", "south korea": "KR", "korea": "KR",
    "republic of korea": "KR", "north korea": "KP", "russia": "RU", "vietnam": "VN", "laos": "LA", "syria": "SY",
    "iran": "IR", "moldova": "MD", "tanzania": "TZ", "bolivia": "BO", "venezuela": "VE", "brunei": "BN",
    "ivory coast": "CI", "cape verde": "CV", "swaziland": "SZ", "macedonia": "MK", "czech republic": "CZ",
    "turkey": "TR", "burma": "MM", "macau": "MO", "vatican": "VA", "vatican city": "VA", "palestine": "PS",
    "micronesia": "FM", "east timor": "TL", "uae": "AE", "u a e": "AE", "emirates": "AE", "prc": "CN",
    "peoples republic of china": "CN", "eire": "IE", "republic of ireland": "IE", "deutschland": "DE",
    "virgin islands": "VI", "us virgin islands": "VI", "curacao": "CW", "reunion": "RE", "st lucia": "LC",
    "st martin": "MF", "st kitts and nevis": "KN", "st vincent": "VC", "trinidad": "TT",
}  # fmt: skip
_LANGUAGES = (
    *("de", "fr", "es", "it", "nl", "pt", "pt_BR", "da", "sv", "nb_NO", "fi", "pl", "cs", "hu", "ro", "tr", "el", "ru"),
    *("uk", "ja", "zh_CN", "zh_TW", "ko"),
)
# Countries where a postal address is written with the subdivision's code.
_CHECKED = ("US", "CA", "AU")
_MOST_KEPT = 2**16  # names of countries and states that were read
_CODED = ("US", "CA", "AU", "MX", "BR", "IN", "IT")
_STATE_ALIASES = {
    "US": {
        "d c": "DC", "washington d c": "DC", "washington dc": "DC", "calif": "CA", "mass": "MA", "penn": "PA",
        "tex": "TX", "armed forces americas": "AA", "aa": "AA", "armed forces europe": "AE", "ae": "AE",
        "armed forces pacific": "AP", "ap": "AP", "virgin islands": "VI",
    },
    "CA": {"pei": "PE", "p e i": "PE", "newfoundland": "NL", "quebec": "QC", "yukon territory": "YT"},
}  # fmt: skip


def _plain(text: str) -> str:
    """Without case, accents, dots and surplus space: how names are compared."""
    return " ".join(_simplified(text).split())


def _all_plain(names: Sequence[str]) -> list[str]:
    """:func:`_plain` of names without line breaks, all in one go: there are thousands."""
    return [" ".join(line.split()) for line in _simplified("\n".join(names)).split("\n")]


def _simplified(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    accents = {ord(c): None for c in set(decomposed) if unicodedata.combining(c)}
    kept = decomposed.translate(accents | {ord("'"): None, ord("\u2019"): None})
    return re.sub(r"[^\w\s]", " ", kept).replace("_", " ")


@cache
def _codes_and_english_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for item in pycountry.countries:
        for attribute in ("name", "official_name", "common_name", "alpha_2", "alpha_3"):
            text = getattr(item, attribute, None)
            if text:
                names.setdefault(_plain(text), item.alpha_2)
    return names | _ALIASES


@cache
def _countries() -> dict[str, str]:
    """All names; those of other languages take a while to read."""
    english = [(name, item.alpha_2) for item in pycountry.countries for name in _names(item)]
    translations = (
        gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
        for language in _LANGUAGES
    )
    translated = [(one.gettext(name), code) for one in translations for name, code in english]
    names = dict(_codes_and_english_names())
    for name, (_, code) in zip(_all_plain([name for name, _ in translated]), translated, strict=True):
        names.setdefault(name, code)
    return names


def _names(country: Any) -> list[str]:
    return [name for name in (country.name, getattr(country, "common_name", None)) if name]


def country_code(text: str) -> str | None:
    """A country's name or code → ISO 3166-1 alpha-2, or None when it is none."""
    plain = _plain(text)
    return _codes_and_english_names().get(plain) or _countries().get(plain)


def country(values: pa.Array) -> Result:
    """Names in the main European languages, alpha-2, alpha-3 and usual aliases → alpha-2; else an error."""
    read = [_read_country(value) for value in values.to_pylist()]
    reasons = [None if code else "is not a country" for code, _ in read]
    found = failures("invalid_country", reasons, [hint for _, hint in read])
    return Result(pa.array([code for code, _ in read], pa.string()), found)


@lru_cache(maxsize=_MOST_KEPT)
def _read_country(value: str) -> tuple[str | None, str]:
    """(The code or None, what to do then). Every entry and every part of a list asks for the same few."""
    code = country_code(value)
    return code, "" if code else _country_hint(value)


def _country_hint(value: str) -> str:
    for code in ("US", "CA", "AU"):
        if _plain(value) in _states(code):
            return f"This is a state of {_name(code)}: does it stand in the wrong column? Write the country there."
    near = next(iter(nearest(_plain(value), _countries(), cutoff=0.82)), None)
    if near is None:
        return "Write the country's name or its two-letter code."
    code = _countries()[near]
    return f"Did you mean {_name(code)} ({code})?"


def _name(code: str) -> str:
    known = pycountry.countries.get(alpha_2=code)
    return known.name if known else code


@cache
def _states(alpha_2: str) -> dict[str, str]:
    names = dict(_STATE_ALIASES.get(alpha_2, {}))
    for item in pycountry.subdivisions.get(country_code=alpha_2) or ():  # type: ignore[no-untyped-call]  # as shipped
        code = item.code.split("-")[1]
        names.setdefault(_plain(item.name), code)
        names.setdefault(_plain(code), code)
    return names


def state(values: pa.Array, countries: pa.Array) -> Result:
    """A state's or province's name → its code where addresses are written with codes; any other text stays.

    ``countries`` as for phones. Without a known country the name is looked for in the United States and Canada only.
    Where addresses are written with codes, a text that is no state of the country is a warning.
    """
    read = [_read_state(*own) for own in zip(values.to_pylist(), countries.to_pylist(), strict=True)]
    reasons = [reason for _, reason, _ in read]
    found = failures("state_unknown", reasons, [hint for _, _, hint in read], Severity.WARNING)
    return Result(pa.array([text for text, _, _ in read], pa.string()), found)


@lru_cache(maxsize=_MOST_KEPT)
def _read_state(value: str, regions: str | None) -> tuple[str, str | None, str]:
    """(The code or the text itself, what is wrong with it or None, what to do then)."""
    asked = regions.split("|")[:1] if regions else ["US", "CA"]
    codes = (_states(region).get(_plain(value)) for region in asked if region in _CODED)
    code = next((code for code in codes if code), None)
    if code is not None or regions is None or asked[0] not in _CHECKED:
        return code or value, None, ""
    return value, f"is no state of {_name(asked[0])}", _state_hint(value, asked[0])


def _state_hint(value: str, country: str) -> str:
    plain = _plain(value)
    elsewhere = next((code for code in _CHECKED if code != country and plain in _states(code)), None)
    if elsewhere:
        return f"{_name(elsewhere)} has one of that name: look whether the country is right."
    near = next(iter(nearest(plain, _states(country), cutoff=0.75)), None)
    return f"Did you mean {near.title()} ({_states(country)[near]})?" if near else "It is sent as it stands."
