"""Converts countries to ISO 3166-1 alpha-2 and states to their codes, by the names of ISO, CLDR, and exports."""

import re
from functools import lru_cache

import pyarrow as pa
import pycountry

from importer.mapping.transform_results import TransformResult, failures
from importer.mapping.transforms.country_names import (
    CODED,
    NOISE,
    STATE_ALIASES,
    country_by_words,
    country_names,
    english_names,
    foreign_state_names,
    most_special,
    plain,
    spelled_out,
    state_names,
    words,
)
from importer.records import Severity
from importer.wording import capitalized, nearest

_CHECKED = {"US": "the United States", "CA": "Canada", "AU": "Australia"}  # as sentences have them
_MOST_KEPT = 2**16  # names of countries and states that were read
_PARTS = re.compile(r"\s*[()\[\]{}/|;:,\u2013\u2014]\s*|\s+-\s*|\s*-\s+")  # between a name and its code
_CODE_BESIDE = re.compile(
    r"^(?P<code>[A-Z]{2,3})(?:\s+|-)(?P<name>\S.*)$|^(?P<name2>.*\S)\s+(?P<code2>[A-Z]{2,3})$", re.DOTALL
)
_LONGER = 2  # characters by which a misspelled name may be longer or shorter


def _known(text: str) -> str | None:
    """A complete name or code → alpha-2."""
    name = plain(text).removeprefix("the ")
    for spelled in (name, *spelled_out(name)):
        if found := english_names().get(spelled):
            return found
    several = words(name)
    found = country_names().get(name) or country_by_words(several)
    if found is not None:
        return found
    found = country_names(more=True).get(name) or country_by_words(several, more=True)
    # Nigera is Latvian for Niger, but more likely a misspelled Nigeria.
    near = {english_names()[one] for one in nearest(name, english_names(), 3, cutoff=0.85)}
    return found if near <= {found} else None


@lru_cache(maxsize=_MOST_KEPT)  # every entry and every part of a list asks for the same few
def country_code(text: str) -> str | None:
    """A country's name or code, or both (``US - United States``) → ISO 3166-1 alpha-2 or XK, or None."""
    found = _known(text)
    if found is not None:
        return found
    parts = [part for part in _PARTS.split(text) if plain(part) not in NOISE]
    if len(parts) == 1 and (beside := _CODE_BESIDE.match(parts[0])):
        parts = [part for part in beside.groups() if part]
    codes = [_known(part) for part in parts]
    return most_special(code for code in codes if code) if all(codes) else None


def country(values: pa.Array) -> TransformResult:
    """Names in the main languages, alpha-2, alpha-3, and usual aliases → alpha-2; otherwise an error."""
    texts = values.to_pylist()
    codes = [country_code(text) for text in texts]
    reasons = [None if code else "is not a country" for code in codes]
    hints = ["" if code else _country_hint(text) for text, code in zip(texts, codes, strict=True)]
    return TransformResult(pa.array(codes, pa.string()), failures("invalid_country", reasons, hints))


@lru_cache(maxsize=_MOST_KEPT)
def _country_hint(value: str) -> str:
    name = plain(value)
    for code, called in _CHECKED.items():
        if name in state_names(code):
            return f"This is a state in {called}: is it in the wrong column? Enter the country here."
    names = country_names()
    near = [one for one in nearest(name, names, 9, cutoff=0.82) if abs(len(one) - len(name)) <= _LONGER]
    codes = {names[one] for one in near}
    if len(codes) != 1:  # none, or several that it may be
        return "Enter the country's name or its two-letter code."
    code = codes.pop()
    return f"Did you mean {_name(code)} ({code})?"


def _name(code: str) -> str:
    known = pycountry.countries.get(alpha_2=code)
    return known.name if known else {"XK": "Kosovo"}.get(code, code)


def state(values: pa.Array, countries: pa.Array) -> TransformResult:
    """A state's or province's name → its code where addresses are written with codes; any other text stays.

    ``countries`` as for phones. Without a known country, the name is looked up only in the United States and Canada.
    If addresses are written with codes, a text that is not a state of the country causes a warning.
    """
    read = [_read_state(*own) for own in zip(values.to_pylist(), countries.to_pylist(), strict=True)]
    reasons = [reason for _, reason, _ in read]
    found = failures("state_unknown", reasons, [hint for _, _, hint in read], Severity.WARNING)
    return TransformResult(pa.array([text for text, _, _ in read], pa.string()), found)


@lru_cache(maxsize=_MOST_KEPT)
def _read_state(value: str, regions: str | None) -> tuple[str, str | None, str]:
    """(The code or the text itself, what is wrong with it or None, a hint)."""
    asked = regions.split("|")[:1] if regions else ["US", "CA"]
    code = next(filter(None, (_state_code(value, region) for region in asked if region in CODED)), None)
    if code is not None or regions is None or asked[0] not in _CHECKED:
        return code or value, None, ""
    return value, f"is not a state in {_CHECKED[asked[0]]}", _state_hint(value, asked[0])


def _state_code(value: str, country: str) -> str | None:
    """A state's name or code, or both (``CA - California``) → its code."""
    parts = [value, *(part for part in _PARTS.split(value) if plain(part) not in {"", country.lower()})]
    codes = [_state_named(plain(part), country) for part in parts]
    rest = set(codes[1:])
    return codes[0] or (rest.pop() if len(rest) == 1 else None)


def _state_named(name: str, country: str) -> str | None:
    names, foreign = state_names(country), foreign_state_names(country)
    return next((code for one in (name, *spelled_out(name)) if (code := names.get(one) or foreign.get(one))), None)


def _state_hint(value: str, country: str) -> str:
    name, states = plain(value), state_names(country)
    elsewhere = next((code for code in _CHECKED if code != country and name in state_names(code)), None)
    if elsewhere:
        return f"{capitalized(_CHECKED[elsewhere])} has a state with that name: check the country."
    short = STATE_ALIASES.get(country, {})
    names = [one for one, code in states.items() if one not in short and code.lower() not in one.split()]
    near = next(iter(nearest(name, names, cutoff=0.75)), None)
    return f"Did you mean {near.title()} ({states[near]})?" if near else "It is sent unchanged."
