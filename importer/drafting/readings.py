"""What a header says: one concept, whose it is, and the numbers of its group and of its part."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from importer.drafting.header_segments import Segment, segments
from importer.drafting.lexicon import HEAD_FIRST, lexicon

ADDRESS_PARTS = frozenset(
    {
        "address",
        "street",
        "house_number",
        "address_line_2",
        "po_box",
        "district",
        "city",
        "state",
        "zip_code",
        "zip_city",
        "country",
    }
)
# Nothing is proposed for these, and a header that names one of them beside another concept is about it.
NEVER = (
    "sensitive", "tax_number", "tax_setting", "setting", "money", "date", "user", "language", "notes", "social",
    "website", "fax", "pager", "salutation", "department", "group", "coordinates", "payment_days", "search_name",
    "other_number", "middle_name", "person_kind",
)  # fmt: skip
# Roles whose parts and numbers are never a customer's.
OF_OTHERS = frozenset({"bank", "tax", "supplier", "agent", "carrier", "assistant"})
AT_ADDRESS = "address"  # the role of a phone or a company beside the word "address"
COMMERCIAL = frozenset({"payment_term", "payment_mode", "price_list", "shipping_method", "freight_term", "sales_rep"})
_PLAIN_WITH_ID = frozenset(
    {"phone", "mobile", "fax", "email", "country", "state", "city", "zip_code", "house_number", "po_box"}
)
_ROLE_ALONE = {
    "company": "company_name", "contact": "full_name", "person": "full_name", "parent": "parent", "agent": "sales_rep",
    "billing": "address", "shipping": "address", "mailing": "address", "visiting": "address",
    "supplier": "supplier_flag", "bank": "setting", "tax": "setting", "carrier": "shipping_method", "assistant": "user",
}  # fmt: skip
_AS_ROLE = {
    "company_name": "company", "full_name": "contact", "customer_number": "company", "parent": "parent",
    "sales_rep": "agent", "shipping_method": "carrier", "name": "", "address": AT_ADDRESS,
}  # fmt: skip
OF_ADDRESSES = frozenset({"billing", "shipping", "mailing", "visiting", "home", "work", "other"})
_REPEATED = re.compile(r"#\d+$")  # what the loader adds to a header that is there twice
_CONTACT_PARTS = frozenset({"first_name", "last_name", "full_name", "phone", "mobile", "email", "designation"})


@dataclass(frozen=True)
class Reading:
    """A header as understood. ``concept``: None if it is not; ``known``: the share of its words that are understood.

    ``phrase``: the words of the concept; ``roles``: whose; ``group``, ``part``: its numbers (``Address 2: Line 1``); ``unknown``: words that no phrase has.
    """

    concept: str | None
    roles: frozenset[str] = frozenset()
    group: int | None = None
    part: int | None = None
    unknown: tuple[str, ...] = ()
    about: bool = False
    language: str = "en"
    phrase: str = ""

    def as_(self, concept: str | None) -> "Reading":
        """The same header with another meaning."""
        return replace(self, concept=concept)


@dataclass
class _Parts:
    concepts: list[tuple[str, int | None, Segment]] = field(default_factory=list)
    roles: list[tuple[str, int | None]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    loose: int | None = None  # the number of a word that means nothing by itself: "Line 2"
    language: str = "en"


def read_headers(headers: Sequence[str], likely: Collection[str] = ()) -> list[Reading]:
    """What each header says. ``likely``: languages that the country suggests."""
    plain = [_REPEATED.sub("", header) for header in headers]
    read = [_read(found) for found in segments(plain, lexicon(), likely)]
    return _of_neighbors(read, plain)


def _of_neighbors(readings: list[Reading], headers: Sequence[str]) -> list[Reading]:
    """``City`` twice, once after ``Billing street`` and once after ``Shipping street``: of the address before it."""
    often = Counter(headers)
    bare = Counter(reading.concept for reading in readings if not reading.roles & OF_ADDRESSES and reading.part is None)
    seen: Counter[str] = Counter()
    roles: frozenset[str] = frozenset()
    out = []
    for reading, header in zip(readings, headers, strict=True):
        seen[header] += 1
        own = reading.roles & OF_ADDRESSES
        is_part = reading.concept in ADDRESS_PARTS
        if is_part and own:
            roles = own
        if (
            is_part
            and roles
            and not own
            and bare[reading.concept] > 1
            and reading.part is None
            and reading.group is None
        ):
            reading = replace(reading, roles=reading.roles | roles)
        elif header and often[header] > 1 and reading.part is None and (is_part or seen[header] > 1):
            reading = replace(reading, part=seen[header])
        out.append(reading)
    return out


def _read(found: tuple[Segment, ...]) -> Reading:
    parts = _parts(found)
    roles = {name for name, _ in parts.roles}
    concepts = parts.concepts
    if not concepts:
        return _of_roles(parts, roles)
    about = any(name == "meta" for name, _, _ in concepts) and len(concepts) + len(roles) > 1
    concept, head, as_roles = _head(concepts, roles, parts.language)
    roles |= as_roles
    numbers = [number for name, number in parts.roles if number is not None]
    others = [(name, number) for name, number, segment in concepts if segment is not head and number is not None]
    # "Line 1 street address" has a line's number, "Address 1: Address 2" that of a group and of a line.
    same = [number for name, number in others if name == concept and head.number is None]
    numbers += [number for name, number in others if number not in same or name != concept]
    group = numbers[0] if numbers else None
    part = next((number for number in (head.number, *same, parts.loose) if number is not None), None)
    about = about or concept == "meta"
    concept, dropped = _with_roles(concept, roles)
    kept = frozenset(roles - dropped - {""} - ({AT_ADDRESS} if concept in ADDRESS_PARTS else set()))
    return Reading(concept, kept, group, part, tuple(parts.unknown), about, parts.language, head.text)


def _parts(found: tuple[Segment, ...]) -> _Parts:
    """Segments as concepts and roles; one that can be both is a role beside a clear concept, else a concept."""
    parts = _Parts()
    plain = [segment for segment in found if segment.names("concept") and not segment.names("role")]
    clear = bool(plain)
    if plain and found and found[-1].names("role") and set(found[-1].names("concept")) & {"company_name", "full_name"}:
        clear = any(segment.names("concept") != ("address",) for segment in plain)  # "Address company" is a company
    both = [segment for segment in found if segment.names("concept") and segment.names("role")]
    within: set[str | None] = set()
    for segment in found:
        concepts, roles = segment.names("concept"), segment.names("role")
        if segment.meanings and (concepts or roles):
            parts.language = segment.meanings[0].language
        if concepts and roles:
            is_role = clear or (len(both) > 1 and segment is not both[0 if parts.language in HEAD_FIRST else -1])
            concepts, roles = ((), roles) if is_role else (concepts, ())
        if concepts:
            parts.concepts.append((concepts[0], segment.number, segment))
            within.add(segment.within)
        elif roles:
            parts.roles.append((roles[0], segment.number))
        else:
            parts.loose = segment.number if parts.loose is None else parts.loose
            if not segment.meanings and not segment.aside:
                parts.unknown.append(segment.text)
    if not parts.roles:
        parts.roles += [(str(role), None) for role in within & OF_ADDRESSES]
    return parts


def _of_roles(parts: _Parts, roles: set[str]) -> Reading:
    """A header of nothing but roles: ``Ship To``, ``Customer``, ``Kontakt``."""
    number = next((number for _, number in parts.roles if number is not None), parts.loose)
    for name in ("assistant", "parent", "supplier", "bank", "tax", "carrier", "contact", "person", "agent", "company"):
        if name in roles and not parts.unknown:
            others = frozenset(roles - {name})
            return Reading(_ROLE_ALONE[name], others, number, None, (), language=parts.language)
    for name in ("billing", "shipping", "mailing", "visiting"):
        if name in roles and not parts.unknown:
            return Reading("address", frozenset(roles), None, number, (), language=parts.language)
    return Reading(None, frozenset(roles), number, None, tuple(parts.unknown), language=parts.language)


def _head(
    concepts: list[tuple[str, int | None, Segment]], roles: set[str], language: str
) -> tuple[str, Segment, set[str]]:
    """The concept that a header is, its segment, and the roles that its other concepts play."""
    names = [name for name, _, _ in concepts]
    by_name = {name: segment for name, _, segment in reversed(concepts)}
    if len(set(names)) == 1:
        return names[0], concepts[-1][2], set()
    for name in NEVER:
        if name in names and not (name == "notes" and COMMERCIAL & set(names)):
            return name, by_name[name], {_AS_ROLE.get(other, "") for other in names}
    for rule in (_of_meta, _of_address, _of_numbers, _of_names):
        if (result := rule(set(names), roles)) is not None:
            concept, shown = result
            others = {_AS_ROLE.get(other, "") for other in names if other != shown}
            return concept, by_name[shown], others
    order = concepts if language in HEAD_FIRST and not concepts[-1][2].breaks else concepts[::-1]
    head = next((one for one in order if one[0] not in _AS_ROLE), order[0])
    return head[0], head[2], {_AS_ROLE.get(name, "") for name in names if name != head[0]}


def _of_meta(names: set[str], roles: set[str]) -> tuple[str, str] | None:
    """``Phone type`` is about a phone; ``Address type`` and ``Customer type`` say something of their own."""
    if "meta" not in names and "kind" not in names and "status" not in names:
        return None
    meta = next(name for name in ("meta", "kind", "status") if name in names)
    others = names - {meta}
    if others & COMMERCIAL:
        shown = next(iter(sorted(others & COMMERCIAL)))
        return shown, shown
    if meta == "status":
        return ("status" if others <= {"customer_number", "company_name", "name", "active_flag"} else "setting"), meta
    if "address" in others:
        return "address_type", meta
    if others <= {"company_name", "customer_number", "name", "full_name"}:
        return "kind", meta
    return ("setting", meta) if not others & {"kind", "status"} else (next(iter(others & {"kind", "status"})), meta)


def _of_address(names: set[str], roles: set[str]) -> tuple[str, str] | None:
    """``Address street`` is the street; post code with city is a part of an address that has to be taken apart."""
    places = names & {"city", "zip_code", "state", "zip_city"}
    if len(places - {"zip_city"}) > 1:
        return "zip_city", sorted(places)[0]
    if "country" in names and "state" in names:
        return "country", "country"
    parts = (names & ADDRESS_PARTS) - {"address"}
    if {"street", "house_number"} <= names or {"street", "po_box"} <= names:
        return "street", "street"
    if {"address", "po_box"} <= names:
        return "address", "address"
    if len(parts) == 1 and names - parts <= {
        "address",
        "company_name",
        "customer_number",
        "full_name",
        "name",
        "id",
        "parent",
    }:
        part = next(iter(parts))
        return part, part
    if "address" in names and not names & _CONTACT_PARTS:
        if names & {"name", "id"}:
            return "address_name", "address"
        if "company_name" in names:
            return "company_name", "company_name"
    return None


def _of_numbers(names: set[str], roles: set[str]) -> tuple[str, str] | None:
    """``Phone No.`` is a phone, ``Customer ID`` a customer's number, ``Sales rep name`` a sales rep."""
    if not names & {"id", "name"}:
        return None
    which = "id" if "id" in names else "name"
    others = names - {"id", "name"}
    if "parent" in others:
        return "parent", "parent"
    if commercial := sorted(others & COMMERCIAL):
        return commercial[0], commercial[0]
    if "id" in names and (plain := sorted(others & _PLAIN_WITH_ID)):
        return plain[0], plain[0]
    if others == {"company_name"} or others == {"customer_number"} or others == {"company_name", "customer_number"}:
        return ("customer_number" if which == "id" else "company_name"), sorted(others)[0]
    if others == {"full_name"}:
        return ("full_name" if which == "name" else "other_number"), "full_name"
    if not others:
        return "id", "id"
    return None


def _of_names(names: set[str], roles: set[str]) -> tuple[str, str] | None:
    """``Contact phone`` is the phone of a person, ``First and last name`` a whole name."""
    if {"first_name", "last_name"} <= names:
        return "full_name", "last_name"
    parts = names & _CONTACT_PARTS
    if len(parts - {"full_name"}) == 1:
        part = next(iter(parts - {"full_name"}))
        if names - {part} <= {"full_name", "company_name", "customer_number", "name", "address", "display_name"}:
            return part, part
    if names == {"full_name", "company_name"}:
        return "company_name", "company_name"
    if names <= {"phone", "mobile"}:
        return "mobile", "mobile"
    if "parent" in names and names & {"company_name", "customer_number", "id", "name"}:
        return "parent", "parent"
    return None


def _with_roles(concept: str, roles: set[str]) -> tuple[str, set[str]]:
    """What a concept is in a role: the name of a contact, the number of a parent, anything of a bank."""
    if concept in NEVER:
        return concept, set()
    if roles & {"bank", "tax", "assistant", "carrier"} and concept not in ("shipping_method", "freight_term"):
        return ("user" if "assistant" in roles else "setting"), set()
    if "supplier" in roles:
        return ("supplier_flag" if concept in ("supplier_flag", "active_flag", "meta") else "setting"), set()
    if "agent" in roles and concept != "sales_rep":
        return ("sales_rep" if concept in ("name", "id", "full_name", "company_name") else "setting"), set()
    if "parent" in roles:
        return (
            "parent"
            if concept in ("id", "name", "company_name", "customer_number", "parent", "full_name")
            else "setting"
        ), set()
    rename: dict[str, Callable[[], str]] = {
        "name": lambda: (
            "full_name" if roles & {"contact", "person"} else "company_name" if "company" in roles else "name"
        ),
        "id": lambda: (
            "other_number" if roles & {"contact", "person"} else "customer_number" if "company" in roles else "id"
        ),
        "meta": lambda: (
            "kind"
            if roles & {"company", "contact"}
            else "address_type"
            if roles & {"billing", "shipping"}
            else "kind"
            if not roles
            else "setting"
        ),
    }
    new = rename[concept]() if concept in rename else concept
    if new in ("name", "id", "company_name", "customer_number", "display_name") and roles & {
        "billing",
        "shipping",
        "mailing",
        "visiting",
    }:
        return ("address_name" if new != "customer_number" else "other_number"), set()
    return new, ({"company"} if new in ("company_name", "customer_number", "kind") else set())
