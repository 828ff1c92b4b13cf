"""Splits a postal address, given as one text or as a few unlabeled lines; every doubt about its parts is reported."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

import pycountry
import usaddress

from importer.mapping.transforms.countries import country_code
from importer.mapping.transforms.country_names import is_county, plain, state_names

_BLANKS = re.compile(r"[\s\u00a0\u200b\ufeff]+")
_EDGES = " ,;|"
_COMMA = re.compile(r"(?<!\d),(?=\S)|,(?=[^\s\d])")  # without a space after it, and not in a number
_ATTENTION = re.compile(r"^(?:attn|attention|att|fao)\b\s*[:.\-]*\s*", re.IGNORECASE)
_LABEL = re.compile(r"^(?:tele?phone|tel|phone|ph|office|main|mobile|cell|p|t|m)\b\s*[:.]*\s*(?=[+(\d])", re.IGNORECASE)
_FAX = re.compile(r"^(?:fax|facsimile|f)\b\s*[:.]*\s*(?=[+(\d])", re.IGNORECASE)
_NUMBER = re.compile(r"^[+(]?\d[\d\s().\-/+]*(?:\s*(?:x|ext\.?)\s*\d{1,6})?$", re.IGNORECASE)
_EMAIL = re.compile(r"^(?:e-?mail\s*:\s*)?[^\s@]+@[^\s@]+\.[^\s@]+$", re.IGNORECASE)
_AMERICAN_ZIP = r"\d{5}(?:-\d{4})?"
_POST_CODES = {  # the form of a postal code after the town, if it shows the country
    "US": _AMERICAN_ZIP,
    "CA": r"[A-Z]\d[A-Z][ -]?\d[A-Z]\d",
    "AU": r"\d{4}",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    "IE": r"[A-Z]\d[\dW] ?[A-Z\d]{4}",
}
_ENDS = {code: re.compile(rf"(?:^|[ ,.]){form}$", re.IGNORECASE) for code, form in _POST_CODES.items()}
_MOST_KEPT = 2**14  # texts that may be a country: towns and states are repeated often
_WITH_STATES = ("US", "CA", "AU")
_CODE_FIRST = re.compile(
    r"^(?:[A-Z]{1,3}-)?(\d{4} ?[A-Z]{2}|\d{3} \d{2}|\d{2}-\d{3}|\d{4,5}-\d{3}|\d{4,6})[ ,]+(?:- )?(\D.*)$"
)
_FOREIGN = re.compile(r"^[A-Z]{1,3}-\d{4,6} \D+$")  # D-80331 München
_CODE_LAST = re.compile(r"^(.*?[^\d\s,-])[ ,-]+(?:\u3012|[A-Z]{2}-)?(\d{4,7}|\d{3} \d{3}|\d{5}-\d{3}|\d{3}-\d{4})$")
NO_POSTAL_CODE = "no postal code was found in it"
_DISTRICT = re.compile(  # towns with a number
    r"^(?:(?:Dublin|Cork|Praha|Prague|Plze\u0148|Brno|Ostrava|Bratislava|Ko\u0161ice|Budapest|Wien|Vienna|Paris|Lyon|Marseille"
    r"|Bucure[\u0219\u015f]ti|Bucharest) \d{1,2}(?:W|er|[e\u00e8]me|e)?|\D+ Cedex(?: \d{1,2})?)$",
    re.IGNORECASE,
)
_CODE_ALONE = re.compile(
    r"^(?:\u3012|[A-Z]{1,3}-)?(\d{4,7}|\d{3}[ -]\d{2,4}|\d{5}-\d{3}|\d{2}-\d{3}|\d{4}-\d{3}|\d{4} ?[A-Z]{2})$"
)
# Harbor Goods, Inc., 4 Pier Rd
_NAME_BEFORE = re.compile(r"^([^\d,]+(?:,[^\d,]+)*),\s*(?!\d+(?:st|nd|rd|th)\b)(\d[\w/-]* .*)$", re.IGNORECASE)
_STATE_BEHIND = re.compile(r"^(.+?)\s*(?:\s-\s*|-|/|,)\s*([A-Z]{2})$")  # São Paulo - SP
_SAINTS = frozenset(
    {"louis", "paul", "petersburg", "augustine", "charles", "cloud", "joseph", "george", "albans", "helena", "clair"}
)
_DIRECTIONS = frozenset({"north", "south", "east", "west", "n", "s", "e", "w"})
_PROVINCE = re.compile(r"^(.+?),? \(?([A-Z]{2})\)?$")  # Milano MI, Milano (MI)
_PROVINCES = frozenset({"IT", "BR"})  # two letters after the town
# The state may have a line of its own before the postal code. These are towns, too.
_STATES_THAT_ARE_TOWNS = {
    "BR": frozenset({"sao paulo", "rio de janeiro"}),
    "IN": frozenset({"delhi", "chandigarh", "puducherry"}),
    "MX": frozenset(
        {"aguascalientes", "campeche", "chihuahua", "ciudad de mexico", "colima", "durango", "guanajuato", "mexico"}
        | {"oaxaca", "puebla", "queretaro", "san luis potosi", "tlaxcala", "veracruz", "zacatecas"}
    ),
}
_CODE_LABEL = re.compile(  # Brazil, India, Mexico
    r"\b(?:CEP(?=\W{0,3}\d{5}-?\d{3}\b)|PIN(?:[ -]?code)?(?=\W{0,3}\d{3} ?\d{3}\b)|C\.P\.(?=\W{0,2}\d{5}\b))[ :.-]*",
    re.IGNORECASE,
)
_CITY_STATES = {"singapore": "SG"}  # a town that is a country, with postal codes
_BEGINS_OF_STREETS = ("AddressNumber", "USPSBoxType", "USPSBoxGroupType")
_ENDS_OF_STREETS = ("StreetNamePostType", "OccupancyIdentifier", "USPSBoxID", "SubaddressIdentifier")
_CERTAIN_COUNTRIES = frozenset({"us", "usa", "uk", "gb", "u s", "u s a", "u k"})  # short, and no state's code


@dataclass(frozen=True)
class Line:
    """A piece of an address, and the number of the cell that it comes from."""

    text: str
    cell: int


@dataclass(frozen=True)
class PostalAddress:
    """A split address. ``street``: its lines, of which the first may be a name; ``pieces``: the other parts by name.

    ``doubts``: why the parts may be wrong; ``left``: what is not part of an address, such as a fax number.
    """

    street: tuple[Line, ...]
    pieces: dict[str, Line] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def having(self, street: Sequence[Line], *doubts: str, **pieces: Line | None) -> "PostalAddress":
        """The address with this street, and with more pieces and doubts."""
        found = {name: line for name, line in pieces.items() if line is not None and line.text}
        doubts = tuple(dict.fromkeys((*self.doubts, *filter(None, doubts))))
        return PostalAddress(tuple(street), {**self.pieces, **found}, doubts, self.left)


def read_address(cells: Sequence[str | None], home: str | None) -> PostalAddress:
    """Split an address: one cell, with line breaks or in one line, or several cells with a line each.

    ``home``: the country (alpha-2) if the address names none; it decides only what a postal code may look like.
    """
    lines = [
        Line(text, number)
        for number, cell in enumerate(cells)
        for raw in (cell or "").splitlines()
        if (text := _CODE_LABEL.sub("", _BLANKS.sub(" ", raw)).strip(_EDGES))
    ]
    address = _set_aside(lines)
    if not address.street:
        return address.having((), "there is no street and no city in it")
    if len(address.street) == 1:
        address = _from_one_line(address, home)
    else:
        address, country = _country_line(_without_remarks(address, home), home)
        address = _town_line(address, country or home, named=country is not None)
    if not address.street:
        return address.having((), "there is no street in it")
    if "city" in address.pieces or any(doubt.startswith("no city") for doubt in address.doubts):
        return address
    return address.having(address.street, "no city was found in it")


def _set_aside(lines: Sequence[Line]) -> PostalAddress:
    """Set aside lines that are not part of the address itself: recipient, telephone, email, fax."""
    street: list[Line] = []
    pieces: dict[str, Line] = {}
    left: list[str] = []
    for line in lines:
        name, text = _kind(line.text)
        if name == "street":
            street.append(line)
        elif name == "fax" or name in pieces:
            left.append(line.text)
        else:
            pieces[name] = Line(text, line.cell)
    return PostalAddress(tuple(street), pieces, (), tuple(left))


def _kind(text: str) -> tuple[str, str]:
    if (match := _ATTENTION.match(text)) and match.end() < len(text) and not _has_digit(text):
        return "attention", text[match.end() :]
    if _FAX.match(text):
        return "fax", text
    number = _LABEL.sub("", text)
    if _NUMBER.match(number) and sum(map(str.isdigit, number)) >= (7 if number != text else 10):
        return "phone", number
    if _EMAIL.match(text):
        return "email", re.sub(r"^e-?mail\s*:\s*", "", text, flags=re.IGNORECASE)
    return "street", text


@lru_cache(maxsize=_MOST_KEPT)
def _country(text: str) -> str | None:
    """The country that a text certainly means; None for names and codes that a state also has."""
    name = text.replace(".", " ").strip().casefold()
    if _has_digit(text) or (
        " ".join(name.split()) not in _CERTAIN_COUNTRIES
        and ((len(name) < 4 and name.isascii()) or name in _states("US"))
    ):
        return None
    return country_code(text)


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _country_line(address: PostalAddress, home: str | None) -> tuple[PostalAddress, str | None]:
    """The country as the last line, after the postal code at the end of it, or above a postal code of its own."""
    *before, last = address.street
    own = home in _POST_CODES and _ENDS[home].match(last.text)  # then Lebanon is a town, too
    if len(before) > 2 and _is_code(last.text) and not _has_digit(before[-2].text):
        *town, above = before
        found = _country(above.text) if above.text.casefold() not in _CITY_STATES else None
        if found is not None and (found == home or not own):
            return address.having([*town, last], country=Line(found, above.cell)), found
    found = _country(last.text)
    if found is not None and before:
        return address.having(before, country=Line(found, last.cell)), found
    rest, found = _country_behind(last.text)
    if found is None:
        return address, None
    return address.having([*before, Line(rest, last.cell)], country=Line(found, last.cell)), found


def _is_code(text: str) -> bool:
    """Whether a line is only a postal code."""
    whole = (form.match(text) for form in _ENDS.values())
    return _CODE_ALONE.match(text) is not None or any(whole)


def _without_remarks(address: PostalAddress, home: str | None) -> PostalAddress:
    """Without the lines below town, state, and postal code that are neither a country nor such a line themselves."""
    lines = address.street
    certain = [_ends_address(_country_behind(line.text)[0], home) for line in lines]
    if not any(certain):
        return address
    end = len(lines) - certain[::-1].index(True)
    end += end < len(lines) and _country(lines[end].text) is not None
    left = tuple(line.text for line in lines[end:])
    if not left or any(_country(text) for text in (left[-1], _country_behind(left[-1])[1] or "")):
        return address
    found = address.having(lines[:end], "there are lines below the postal code")
    return replace(found, left=(*found.left, *left))


def _ends_address(text: str, home: str | None) -> bool:
    """Whether a line ends like an American, Canadian, Australian, or British address, if such are expected."""
    for code in _POST_CODES if home is None or home in _POST_CODES else ():
        match = _ENDS[code].search(text)
        if match and (code == "GB" or (code in _WITH_STATES and _state_behind(text[: match.start()], code)[1])):
            return True
    return False


def _country_behind(text: str) -> tuple[str, str | None]:
    """A country at the end of a line: after a postal code, or after a second comma."""
    words = _COMMA.sub(", ", text).split()
    without_digits = next((n for n, word in enumerate(reversed(words)) if _has_digit(word)), len(words))
    for count in range(min(4, without_digits, len(words) - 1), 0, -1):
        rest = " ".join(words[:-count])
        if _has_digit(words[-count - 1]) or (rest.endswith(",") and rest.count(",") > 1):
            country = _country(" ".join(words[-count:]))
            if country:
                return rest.strip(_EDGES), country
    return text, None


@cache
def _states(country: str) -> dict[str, str]:
    """The states of a country: name or code, in plain form, → code; for Britain the counties by name."""
    names = {"aa": "AA", "ae": "AE", "ap": "AP"} if country == "US" else {}
    for item in pycountry.subdivisions.get(country_code=country) or ():  # type: ignore[no-untyped-call]  # as shipped
        code = item.code.split("-")[1]
        names[plain(item.name)] = item.name if country == "GB" else code
        if country != "GB":
            names[code.casefold()] = code
    return names


def _town_line(address: PostalAddress, country: str | None, *, named: bool) -> PostalAddress:
    """Town, state and postal code from the last line, or the last lines, of several."""
    *before, last = address.street
    tried = [country] if named else [country, *_POST_CODES]
    for code in dict.fromkeys(code for code in tried if code in _POST_CODES):
        assert code is not None
        match = _ENDS[code].search(last.text)
        if match is None:
            continue
        zip_code = Line(match[0].strip(" ,."), last.cell)
        rest = last.text[: match.start()].strip(_EDGES)
        read = _with_state if code in _WITH_STATES else _with_county
        found = read(address, before, Line(rest, last.cell), zip_code, code)
        if found is not None:
            return found
    return _elsewhere(address, country, named=named)


def _with_state(
    address: PostalAddress, before: list[Line], rest: Line, zip_code: Line, country: str
) -> PostalAddress | None:
    """``Austin, TX`` before the postal code; None if there is no state and the postal code alone is not enough."""
    town, state = _state_behind(rest.text, country)
    if state is None and not rest.text and before:  # the postal code has a line of its own
        *before, above = before
        town, state = _state_behind(above.text, country)
        rest = above
    if state is None:
        if country == "AU" or (country == "US" and not town):
            return None
        return address.having(before, "no state was found in it", city=Line(town, rest.cell), zip_code=zip_code)
    if not town and before:
        *before, above = before
        town, rest = above.text, Line("", above.cell)
    pieces = {"state": Line(state, zip_code.cell), "zip_code": zip_code}
    if _has_digit(town) or not before:  # the street goes on in this line
        return _in_one_line(address.having((), **pieces), [*before, Line(town, rest.cell)], country)
    return address.having(before, city=Line(town, rest.cell), **pieces)


def _state_behind(text: str, country: str) -> tuple[str, str | None]:
    """``New York NY`` → (``New York``, ``NY``); the longest name that is a state's."""
    words = text.replace(",", " , ").split()
    for count in (3, 2, 1):
        name = plain(" ".join(words[-count:]))
        whole = len(words) >= count and all(any(map(str.isalnum, word)) for word in words[-count:])
        if whole and name in _states(country):
            return " ".join(words[:-count]).replace(" ,", ",").strip(_EDGES), _states(country)[name]
    return text, None


def _with_county(
    address: PostalAddress, before: list[Line], rest: Line, zip_code: Line, _country: str
) -> PostalAddress | None:
    """British and Irish: the town before the postal code or in the line above, perhaps with a county between."""
    named = [Line(part.strip(), rest.cell) for part in rest.text.split(",") if part.strip()] if before else [rest]
    lines = [*before, *filter(lambda line: line.text, named)]
    state = None
    if len(lines) > 1 and is_county(lines[-1].text) and not _has_digit(lines[-2].text):
        *lines, state = lines
    if not lines or (_has_digit(lines[-1].text) and not _DISTRICT.match(lines[-1].text)):
        return address.having(lines, "no city was found before the postal code", zip_code=zip_code, state=state)
    *lines, town = lines
    return address.having(lines, zip_code=zip_code, state=state, city=town)


def _elsewhere(address: PostalAddress, country: str | None, *, named: bool) -> PostalAddress:
    """Postal code and town of a line, in the order of other countries, or the last line as the town, with a doubt."""
    *before, last = address.street
    if not before:
        return address
    if len(before) > 1 and country is not None and plain(last.text) in state_names(country):
        above = before[-1].text
        if _CODE_FIRST.match(above) or _CODE_LAST.match(above):  # the state has a line of its own
            address = address.having((), state=last)
            *before, last = before
    if len(before) > 1 and (alone := _CODE_ALONE.match(last.text)):
        code, cell = alone[1], last.cell
        *before, last = before
        return _town(address, before, last, Line(code, cell), country)
    first, behind = _CODE_FIRST.match(last.text), _CODE_LAST.match(last.text)
    if (first or behind) and not (named and country in _WITH_STATES):
        code, town = (first[1], first[2]) if first else (behind[2], behind[1]) if behind else ("", "")
        return _town(address, before, Line(town.strip(_EDGES), last.cell), Line(code, last.cell), country)
    if _has_digit(last.text) and not _DISTRICT.match(last.text):
        return address
    for code in _WITH_STATES if country is None else (country,):
        town, region = _state_behind(last.text, code)
        if code in _WITH_STATES and region is not None and town:
            at = {"city": Line(town, last.cell), "state": Line(region, last.cell)}
            return address.having(before, NO_POSTAL_CODE, **at)
    return address.having(before, NO_POSTAL_CODE, city=last)


def _is_only_state(text: str, country: str | None) -> bool:
    """Whether a line is the name or code of a state, and not of a town, too."""
    name, towns = plain(text), _STATES_THAT_ARE_TOWNS.get(country or "")
    return country is not None and towns is not None and name in _states(country) and name not in towns


def _town(address: PostalAddress, before: list[Line], last: Line, zip_code: Line, country: str | None) -> PostalAddress:
    """A town, perhaps with its state, beside a postal code of any country."""
    if len(before) > 1 and not _has_digit(before[-1].text) and _is_only_state(last.text, country):
        *before, above = before
        return address.having(before, city=above, state=last, zip_code=zip_code)
    city, comma, state = last.text.partition(",")
    town, region = _state_behind(last.text, country) if country in _WITH_STATES else ("", None)
    if country in _PROVINCES and (province := _STATE_BEHIND.match(last.text) or _PROVINCE.match(last.text)):
        city, state = province[1], province[2]
    elif region:
        city, state = town, region
    elif comma and _has_digit(city):  # the street goes on in this line
        before, city, state = [*before, Line(city.strip(), last.cell)], state, ""
    own = None
    if country is None and city.strip().casefold() in _CITY_STATES:
        own = country = _CITY_STATES[city.strip().casefold()]
    doubt = "its country is not known" if country is None else ""
    if country in _WITH_STATES:
        doubt = f"its postal code is not valid in {country}"
    if _has_digit(city) and not _DISTRICT.match(city):
        return address.having([*before, Line(city.strip(), last.cell)], "no city was found in it", zip_code=zip_code)
    pieces = {"zip_code": zip_code, "country": Line(own, last.cell) if own else None}
    if state.strip():
        pieces["state"] = Line(state.strip(), last.cell)
    return address.having(before, doubt, city=Line(city.strip(_EDGES), last.cell), **pieces)


def _from_one_line(address: PostalAddress, home: str | None) -> PostalAddress:
    """An address in one line: American ones by usaddress, others by their commas."""
    (line,) = address.street
    rest, country = _country_behind(line.text)
    if country is not None:
        address = address.having((), country=Line(country, line.cell))
    parts = [Line(part.strip(), line.cell) for part in rest.split(",") if part.strip()]
    ends_american = re.search(rf"[ ,]{_POST_CODES['US']}$", rest) is not None
    ends_foreign = country is None and parts and (_ENDS["GB"].search(rest) or _FOREIGN.match(parts[-1].text))
    american = ((country or home) in {None, "US"} and not ends_foreign) or (country is None and ends_american)
    lines = parts if not american and len(parts) > 1 else [Line(rest, line.cell)]
    return _town_line(address.having(lines), country or home, named=country is not None)


def _in_one_line(address: PostalAddress, lines: list[Line], country: str) -> PostalAddress:
    """Street and town in one text before the state, separated at the last comma, or by usaddress if there is none."""
    *before, last = lines
    street, comma, town = last.text.rpartition(",")
    if comma and street and not _has_digit(town) and country in _WITH_STATES:
        named = _NAME_BEFORE.match(street)
        own = [Line(text.strip(_EDGES), last.cell) for text in (named.groups() if named else [street])]
        return _addressed(address, [*before, *own], city=Line(town.strip(), last.cell))
    if not _has_digit(last.text):
        return address.having(before, city=last)
    foreign = "" if country == "US" else "the street and city are on one line"
    return _by_words(address, before, last, foreign)


def _by_words(address: PostalAddress, before: list[Line], line: Line, doubt: str) -> PostalAddress:
    """Let usaddress decide where the street ends and the town begins; the text itself does not change."""
    doubts = [doubt]
    behind = f"{line.text}, {address.pieces['state'].text} {address.pieces['zip_code'].text}"
    labelled = [(word.strip(_EDGES), label) for word, label in usaddress.parse(behind)]
    labels = [label for _, label in labelled]
    runs = [label for number, label in enumerate(labels) if number == 0 or labels[number - 1] != label]
    if len(set(runs)) < len(runs):
        doubts.append("its parts are not in the usual order")
    end = next((number for number, label in enumerate(labels) if label in {"StateName", "ZipCode"}), len(labels))
    start = end
    while start and labels[start - 1] == "PlaceName":
        start -= 1
    town = [word for word, _ in labelled[start:end]]
    words = line.text.split()
    if start in {0, end} or len(words) <= len(town):  # no street, or no town
        return address.having([*before, line], *doubts)
    doubts += _unsure_border(labelled[:start], town, numbered=bool(before))
    rest = words[: -len(town)]
    number = next((place for place, label in enumerate(labels[:start]) if label in _BEGINS_OF_STREETS), 0)
    own = [" ".join(rest[:number]), " ".join(rest[number:])] if 0 < number < len(rest) else [" ".join(rest)]
    street = [*before, *(Line(text.strip(_EDGES), line.cell) for text in own)]
    return _addressed(address, street, *doubts, city=Line(" ".join(words[-len(town) :]), line.cell))


def _addressed(address: PostalAddress, street: Sequence[Line], *doubts: str, city: Line) -> PostalAddress:
    """The address with these lines and its city; ``Attn: …`` before the street is the recipient."""
    first, *more = street
    name, text = _kind(first.text)
    attention = Line(text, first.cell) if name == "attention" and more else None
    return address.having(more if attention else street, *doubts, city=city, attention=attention)


def _unsure_border(street: Sequence[tuple[str, str]], town: Sequence[str], *, numbered: bool) -> list[str]:
    """Why it is not certain where the town begins; ``numbered``: earlier lines have the house number."""
    labels = [label for _, label in street]
    numbers = [word for word, label in street if label in {"AddressNumber", "USPSBoxID"}]
    if not numbered and not _has_digit("".join(numbers)):
        return ["no house number was found in it"]
    if labels[-1] not in _ENDS_OF_STREETS or any(_has_digit(word) for word in town):
        return ["nothing shows where the street ends and the city begins"]
    begin = town[0].casefold().rstrip(".")
    if begin in _DIRECTIONS or (street[-1][0].casefold().rstrip(".") == "st" and begin in _SAINTS):
        return [f"{town[0]!r} may belong to the city or to the street"]
    return []
