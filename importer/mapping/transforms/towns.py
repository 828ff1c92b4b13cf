"""City cells that also contain the state, the postal code, or the country: ``Marlow, OH 43000``."""

import re
from dataclasses import dataclass
from functools import lru_cache

from importer.catalogue.field_names import field_name, in_sentence
from importer.mapping.columns import Codes, Column
from importer.mapping.field_parts import Evaluated
from importer.mapping.transforms.address_parser import NO_POSTAL_CODE, Line, read_address
from importer.mapping.transforms.address_remarks import Remark, read_together
from importer.records import Severity

_MOST_KEPT = 2**14  # cached results: many rows have the same city
_PARTS = ("city", "state", "zip_code", "country")
_WORDS = {name: in_sentence(field_name("address", name)) for name in _PARTS}
_MORE = re.compile(r"\d|,|\s(?P<state>[A-Z]{2,3})$")  # only a few cities match
_STREET = "1 X St"  # a made-up line above that of the city
_HINT = "Enter only the city here; state, postal code, and country have columns of their own."


@dataclass(frozen=True)
class _Town:
    """The parts of an address that are checked, as they are sent."""

    city: str | None
    state: str | None = None
    zip_code: str | None = None
    country: str | None = None
    remarks: tuple[Remark, ...] = ()


def read_towns(
    evaluated: dict[str, Evaluated], columns: dict[str, Column], at: Codes, defaults: Column
) -> tuple[dict[str, Evaluated], dict[str, Column]]:
    """Move the state, postal code, and country that are in a city's cell to their own fields.

    The arguments are those of :func:`read_together`. A city that contradicts the other parts stays, with a warning.
    """
    if "city" not in columns or not any(map(_MORE.search, columns["city"].values.to_pylist())):  # as in most lists
        return evaluated, columns
    return read_together("city", _PARTS, _read, evaluated, columns, at, defaults)


@lru_cache(maxsize=_MOST_KEPT)
def _read(
    city: str | None, state: str | None, zip_code: str | None, country: str | None, countries: str | None
) -> _Town:
    town = _Town(city, state, zip_code, country)
    match = _MORE.search(city or "")
    if city is None or match is None or match["state"] not in (None, state):
        return town
    home = country or (countries.split("|")[-1] if countries else None)
    read = read_address([_STREET, city], home)
    pieces = {name: read.pieces[name].text for name in _PARTS if name in read.pieces}
    if "city" not in pieces or len(pieces) == 1 or set(read.doubts) - {NO_POSTAL_CODE}:
        return town
    own = {"state": state, "zip_code": zip_code, "country": country or home}
    agree = all(not own[name] or _same(text, own[name]) for name, text in pieces.items() if name != "city")
    described = ", ".join(f"{_WORDS[name]} {text!r}" for name, text in pieces.items())
    if read.street != (Line(_STREET, 0),) or read.left or not agree:
        remark = Remark("city_doubtful", Severity.WARNING, f"may contain more than a city: {described}", _HINT)
        return _Town(city, state, zip_code, country, (remark,))
    remark = Remark("city_split", Severity.INFO, f"was split into {described}")
    return _Town(
        pieces["city"],
        state or pieces.get("state"),
        zip_code or pieces.get("zip_code"),
        country or pieces.get("country"),
        (remark,),
    )


def _same(text: str, own: str | None) -> bool:
    """Whether a part says what its own column says, which may be longer: 43000-1234."""
    return (own or "").casefold().startswith(text.casefold())
