"""Common affixes in the headers of a file: types, prefixes of addresses, and letters at either end."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

SHORT_ROLES = (("st", "bt"), ("s", "b"), ("sh", "bl"), ("l", "r"))  # ship to and bill to; Lieferung and Rechnung
_ALSO_IN_WORDS = ("l", "r")  # "land"
_ROLES = ("Ship To", "Bill To")
_PREFIXES = [(short, _ROLES[at]) for pair in SHORT_ROLES for at, short in enumerate(pair)]
_SEVERAL = 3  # the fewest columns with a prefix
_APART = 2  # letters
_GAIN = 0.2  # share of headers by which more must be known
_LONGEST_AFFIX = 4
_MOSTLY = 0.5
_TYPED = 0.6  # share of columns that have a type
_TYPE = re.compile(r"(?:str|txt|int|lng|num|dbl|dec|cur|dtm|dte|dat|bln|bol|bit|ysn|fld)(?=[A-Z])")
_TYPES = 2  # the fewest different types
_TWO_NUMBERS = re.compile(r"(.*\D\d{1,2})_(\d{1,2})")
_LAST_NUMBER = re.compile(r".*\D_\d{1,2}")


def without_types(headers: Sequence[str]) -> list[str]:
    """Headers without types before the names, such as ``strName`` beside ``intEntityId`` and ``dblBalance``."""
    types = [_TYPE.match(header) for header in headers]
    found = {match[0] for match in types if match is not None}
    if len(found) < _TYPES or sum(map(bool, types)) < _TYPED * len(headers):
        return list(headers)
    return [_TYPE.sub("", header) for header in headers]


def with_groups_first(headers: Sequence[str]) -> list[str]:
    """Move group numbers to the front: ``ShipToAddress2_1`` beside ``ShipToCity_1`` is line 2 of the first address."""
    if sum(_LAST_NUMBER.fullmatch(header) is not None for header in headers) < _SEVERAL:
        return list(headers)
    return [_TWO_NUMBERS.sub(r"\2 \1", header) if _TWO_NUMBERS.fullmatch(header) else header for header in headers]


def with_prefixes_spelled_out(headers: Sequence[str]) -> list[str]:
    """Spell out prefixes: ``STCTY`` beside ``CTY`` belongs to the ship-to address, and so do the columns in between."""
    plain = [header.casefold() for header in headers]
    for prefix, role in _PREFIXES:
        rest = [text.removeprefix(prefix).lstrip("_") if text.startswith(prefix) else "" for text in plain]
        prefixed = [at for at, text in enumerate(rest) if text and text in plain]
        if len(prefixed) >= _SEVERAL:
            among = prefixed if prefix in _ALSO_IN_WORDS else range(min(prefixed) - 1, max(prefixed) + 2)
            headers = [f"{role} {rest[at]}" if at in among and rest[at] else text for at, text in enumerate(headers)]
    return _with_pairs(headers)


def _with_pairs(headers: Sequence[str]) -> list[str]:
    """Spell out pairs of prefixes: ``STCITY`` and ``BTCITY`` belong to the ship-to and the bill-to address."""
    plain = [header.casefold() for header in headers]
    for pair in SHORT_ROLES:
        rests = [{text.removeprefix(short) for text in plain if text.startswith(short)} for short in pair]
        both = {rest for rest in set.intersection(*rests) if len(rest) > 1}
        if len(both) >= _SEVERAL:
            parts = {short + rest: f"{role} {rest}" for short, role in zip(pair, _ROLES, strict=True) for rest in both}
            return [parts.get(text, header) for text, header in zip(plain, headers, strict=True)]
    return list(headers)


def with_prefixes_apart(
    headers: Sequence[str], is_known: Callable[[str], bool], is_part: Callable[[str], bool]
) -> list[str]:
    """Split off two letters that an address and other columns begin with: ``braddress1`` and ``brname``.

    They are then an unknown word, so that these columns form an address of their own.
    """
    rests: dict[str, set[str]] = {}
    for header in headers:
        start, rest = header[:_APART].lower(), header[_APART:]
        plain = header.isalnum() and start.isalpha() and header in (header.lower(), header.upper())
        if plain and len(rest) > _APART and not is_known(header) and is_known(rest):
            rests.setdefault(start, set()).add(rest.rstrip("0123456789"))
    apart = {start for start, own in rests.items() if len(own) > 1 and any(map(is_part, own))}
    return [
        f"{header[:_APART]} {header[_APART:]}"
        if header[:_APART].lower() in apart and header.isalnum() and not is_known(header) and is_part(header[_APART:])
        else header
        for header in headers
    ]


def without_letters(headers: Sequence[str], is_known: Callable[[str], bool]) -> list[str]:
    """Headers without letters that most of them start or end with (``SCity``, ``CIUCLI``), if this makes more known.

    No two headers may become the same: ``City`` and ``brcity`` are parts of two addresses.
    """

    def known(texts: Sequence[str]) -> int:
        return sum(map(is_known, texts))

    best, most = list(headers), known(headers) + len(headers) * _GAIN
    if most >= len(headers):
        return best
    for length in range(1, _LONGEST_AFFIX + 1):
        for at_start in (True, False):
            parts = Counter(
                header[:length] if at_start else header[-length:]
                for header in headers
                if len(header) > length + 1 and not (at_start and header[length - 1 : length + 1].istitle())
            )
            affix, count = parts.most_common(1)[0] if parts else ("", 0)
            if count < _MOSTLY * len(headers) or not affix.isalpha():
                continue
            strip = str.removeprefix if at_start else str.removesuffix
            bare = [strip(header, affix) for header in headers]
            different = len({text.casefold() for text in bare}) == len({text.casefold() for text in headers})
            if different and (found := known(bare)) > most:
                best, most = bare, found
    return best
