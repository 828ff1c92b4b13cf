"""Countries to ISO 3166-1 alpha-2 and states to their codes, from pycountry's copy of the ISO lists."""

import gettext
import re
import unicodedata
from functools import cache, lru_cache

import pyarrow as pa
import pycountry

from importer.did_you_mean import nearest
from importer.mapping.transform_results import Result, failures
from importer.records import Severity

# Names that exports use and ISO does not list.
_ALIASES = {
    "u s a": "US", "u s": "US", "america": "US", "the united states": "US",
    "uk": "GB", "u k": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "holland": "NL", "the netherlands": "NL", "korea": "KR", "republic of korea": "KR",
    "russia": "RU", "brunei": "BN", "ivory coast": "CI", "cape verde": "CV", "swaziland": "SZ", "macedonia": "MK",
    "turkey": "TR", "burma": "MM", "macau": "MO", "vatican": "VA", "vatican city": "VA", "palestine": "PS",
    "micronesia": "FM", "east timor": "TL", "uae": "AE", "u a e": "AE", "emirates": "AE", "prc": "CN", "eire": "IE",
    "republic of ireland": "IE", "virgin islands": "VI", "us virgin islands": "VI", "st lucia": "LC",
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
    """Without case, accents, dots and surplus spaces: how names are compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in decomposed if letter not in "'\u2019" and not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w\s]", " ", kept).replace("_", " ").split())


@cache
def _english_names() -> dict[str, str]:
    """Codes and English names → alpha-2."""
    names: dict[str, str] = {}
    for item in pycountry.countries:
        for attribute in ("name", "official_name", "common_name", "alpha_2", "alpha_3"):
            if hasattr(item, attribute):
                names.setdefault(_plain(getattr(item, attribute)), item.alpha_2)
    return names | _ALIASES


@cache
def _countries() -> dict[str, str]:
    """Codes, and names in all languages → alpha-2; those of other languages take a while to read."""
    names = dict(_english_names())
    for language in _LANGUAGES:
        texts = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
        for item in pycountry.countries:
            for name in (item.name, getattr(item, "common_name", item.name)):
                names.setdefault(_plain(texts.gettext(name)), item.alpha_2)
    return names


@lru_cache(maxsize=_MOST_KEPT)  # every entry and every part of a list asks for the same few
def country_code(text: str) -> str | None:
    """A country's name or code → ISO 3166-1 alpha-2, or None."""
    plain = _plain(text)
    return _english_names().get(plain) or _countries().get(plain)


def country(values: pa.Array) -> Result:
    """Names in the main European languages, alpha-2, alpha-3 and usual aliases → alpha-2; else an error."""
    texts = values.to_pylist()
    codes = [country_code(text) for text in texts]
    reasons = [None if code else "is not a country" for code in codes]
    hints = ["" if code else _country_hint(text) for text, code in zip(texts, codes, strict=True)]
    return Result(pa.array(codes, pa.string()), failures("invalid_country", reasons, hints))


@lru_cache(maxsize=_MOST_KEPT)
def _country_hint(value: str) -> str:
    for code in _CHECKED:
        if _plain(value) in _states(code):
            return f"This is a state of {_name(code)}: is it in the wrong column? Write the country here."
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
    Where addresses are written with codes, a text that is not a state of the country is a warning.
    """
    read = [_read_state(*own) for own in zip(values.to_pylist(), countries.to_pylist(), strict=True)]
    reasons = [reason for _, reason, _ in read]
    found = failures("state_unknown", reasons, [hint for _, _, hint in read], Severity.WARNING)
    return Result(pa.array([text for text, _, _ in read], pa.string()), found)


@lru_cache(maxsize=_MOST_KEPT)
def _read_state(value: str, regions: str | None) -> tuple[str, str | None, str]:
    """(The code or the text itself, what is wrong with it or None, a hint)."""
    asked = regions.split("|")[:1] if regions else ["US", "CA"]
    codes = (_states(region).get(_plain(value)) for region in asked if region in _CODED)
    code = next((code for code in codes if code), None)
    if code is not None or regions is None or asked[0] not in _CHECKED:
        return code or value, None, ""
    return value, f"is not a state of {_name(asked[0])}", _state_hint(value, asked[0])


def _state_hint(value: str, country: str) -> str:
    plain = _plain(value)
    elsewhere = next((code for code in _CHECKED if code != country and plain in _states(code)), None)
    if elsewhere:
        return f"{_name(elsewhere)} has a state of that name: check the country."
    near = next(iter(nearest(plain, _states(country), cutoff=0.75)), None)
    return f"Did you mean {near.title()} ({_states(country)[near]})?" if near else "It is sent as it is."
