"""The meaning of a header: one concept, to whom it belongs, and the numbers of its group and its part."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from importer.drafting.concepts import ADDRESS_PARTS, AT_ADDRESS, OF_ADDRESSES, OF_COMPANIES, head, in_roles, roles_of
from importer.drafting.header_segments import Segment, segments
from importer.drafting.lexicon import HEAD_FIRST, lexicon

_ROLE_ALONE = {
    "assistant": "user", "parent": "parent", "supplier": "supplier_flag", "bank": "setting", "tax": "setting",
    "carrier": "shipping_method", "contact": "full_name", "person": "full_name", "agent": "sales_rep",
    "company": "company_name",
}  # fmt: skip
_TOWNS = frozenset({"city", "zip_code", "state", "country"})
_DETAILS = frozenset({"phone", "mobile", "email", "designation"})
_DOCUMENT = re.compile(
    "(?:de|des|da|delle|della)?(?:invoices?|inv|bill|shipments?|rechnungs?|fact(?:ura|ure|uur)s?|fattur[ae]|faturas?|faktur[ay]|notafiscal)"
)
_OF_DOCUMENTS = frozenset({"address_name", "address_type", "status", "kind"})
_REPEATED = re.compile(r"(?<!#)#\d+$")  # the loader adds this to a header that occurs twice


@dataclass(frozen=True)
class HeaderReading:
    """The meaning of a header. ``concept``: what the column has, None if unknown; ``phrase``: the words that say so.

    ``roles``: to whom it belongs; ``group``, ``part``: its numbers (``Address 2: Line 1``); ``unknown``: words that are
    in no phrase; ``about``: it is only about the concept (``Phone type``); ``language``: that of its words.
    """

    concept: str | None
    roles: frozenset[str] = frozenset()
    group: int | None = None
    part: int | None = None
    unknown: tuple[str, ...] = ()
    about: bool = False
    language: str = "en"
    phrase: str = ""

    def as_(self, concept: str | None) -> "HeaderReading":
        """The same header with a different concept."""
        return replace(self, concept=concept)


@dataclass
class _Parts:
    """The parts of a header. ``loose``: the number of a word without a meaning of its own: ``Line 2``."""

    concepts: list[tuple[str, int | None, Segment]] = field(default_factory=list)
    roles: list[tuple[str, int | None]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    loose: int | None = None
    language: str = "en"


def read_headers(
    headers: Sequence[str], likely: Collection[str] = (), codes: Sequence[str] | None = None
) -> list[HeaderReading]:
    """The meaning of each header. ``likely``: languages that the country suggests; ``codes``: the original headers."""
    plain = [_REPEATED.sub("", header) for header in headers]
    read = [_read(found) for found in segments(plain, lexicon(), likely)]
    return _of_neighbors(read, plain if codes is None else [_REPEATED.sub("", code) for code in codes])


def _of_neighbors(readings: list[HeaderReading], headers: Sequence[str]) -> list[HeaderReading]:
    """Add roles from neighbors: a ``City`` that occurs twice belongs to the address of the columns before it.

    Without a role, the second ``City`` is that of a second address, and so is the second ``Address 2``.
    """
    often = Counter(headers)
    bare = Counter(reading.concept for reading in readings if not reading.roles & OF_ADDRESSES and reading.part is None)
    towns = max(
        (often[header] for one, header in zip(readings, headers, strict=True) if one.concept == "city"), default=0
    )
    seen: Counter[str] = Counter()
    roles: frozenset[str] = frozenset()
    named = False  # "Ship To" by itself may not be an address
    out = []
    for reading, header in zip(readings, headers, strict=True):
        seen[header] += 1
        own = reading.roles & OF_ADDRESSES
        is_part = reading.concept in ADDRESS_PARTS
        if is_part and "main" in reading.roles:
            roles = frozenset()
        if is_part and own and reading.concept != "zip_code":  # "Postal/ZIP" belongs to the address around it
            roles, named = own, bool(reading.phrase)
        plain = reading.part is None and reading.group is None
        if is_part and roles and not own and plain and (bare[reading.concept] if named else often[header]) > 1:
            out.append(replace(reading, roles=reading.roles | roles))
        elif is_part and reading.group is None and often[header] == towns > 1:
            out.append(replace(reading, group=seen[header]))
        elif header and often[header] > 1 and reading.part is None and (is_part or seen[header] > 1):
            out.append(replace(reading, part=seen[header]))
        else:
            out.append(reading)
    return out


def _read(found: tuple[Segment, ...]) -> HeaderReading:
    parts = _parts(found)
    roles = {name for name, _ in parts.roles}
    if not parts.concepts:
        return _of_roles(parts, roles)
    if len(within := [one for one in parts.concepts if one[0] in _TOWNS and one[2].breaks]) > 1:
        parts.concepts = [one for one in parts.concepts if one not in within[:-1]]  # "address.city.province.code"
    names = [name for name, _, _ in parts.concepts]
    first = parts.language in HEAD_FIRST and not parts.concepts[-1][2].breaks
    concept, shown = head(names, first=first)
    own = [one for one in parts.concepts if one[0] == shown]
    segment = own[-1][2] if len(set(names)) == 1 else own[0][2]
    about = concept == "meta" or ("meta" in names and len(names) + len(roles) > 1)
    group, part = _numbers(parts, concept, segment)
    roles |= roles_of(names, shown)
    concept = "setting" if _is_of_document(concept := in_roles(concept, roles), names, found) else concept
    dropped = {"company"} if concept in ("company_name", "customer_number", "kind") else set()
    dropped |= {AT_ADDRESS} if concept in ADDRESS_PARTS or (concept == "email" and names[-1] == "address") else set()
    return HeaderReading(
        concept, frozenset(roles - dropped), group, part, tuple(parts.unknown), about, parts.language, segment.text
    )


def _is_of_document(concept: str, names: Sequence[str], found: tuple[Segment, ...]) -> bool:
    """Whether a header is about a document: ``Invoice number`` and ``Type de facture`` are not about an address."""
    at = [place for place, one in enumerate(found) if one.names("role") and _DOCUMENT.fullmatch(one.text)]
    number = concept == "house_number" and at != [0]  # "Número de factura"
    return bool(at) and "name" not in names and (concept in _OF_DOCUMENTS or number)


def _numbers(parts: _Parts, concept: str, own: Segment) -> tuple[int | None, int | None]:
    """The numbers of the group and the part.

    ``Line 1 street address`` has the number of a line; ``Address 1: Address 2`` has those of a group and a line.
    """
    others = [(name, number) for name, number, segment in parts.concepts if segment is not own and number is not None]
    same = [number for name, number in others if name == concept and own.number is None]
    groups = [number for _, number in parts.roles if number is not None]
    groups += [number for name, number in others if name != concept or own.number is not None]
    groups += [] if own.group is None else [own.group]
    part = next((number for number in (own.number, *same, parts.loose) if number is not None), None)
    return (groups[0] if groups else None), part


def _parts(found: tuple[Segment, ...]) -> _Parts:
    """Sort segments into concepts and roles. If a segment can be both, it is a role only beside a clear concept."""
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
            within.add(None if segment.within == "mailing" and "zip" in segment.text else segment.within)
        elif roles:
            parts.roles.append((roles[0], segment.number))
        else:
            parts.loose = segment.number if parts.loose is None else parts.loose
            if not segment.meanings and not segment.aside:
                parts.unknown.append(segment.text)
    if not parts.roles:
        details = {name for name, _, _ in parts.concepts} <= _DETAILS
        known = OF_ADDRESSES | {"contact"} if details else OF_ADDRESSES
        parts.roles += [(str(role), None) for role in within & known]
    return parts


def _of_roles(parts: _Parts, roles: set[str]) -> HeaderReading:
    """The meaning of a header that has only roles: ``Ship To``, ``Customer``, ``Kontakt``."""
    number = next((number for _, number in parts.roles if number is not None), parts.loose)
    if not parts.unknown:
        name = next((name for name in _ROLE_ALONE if name in roles), None)
        if name == "company" and "mailing" in roles:  # "Cust Postal"
            return HeaderReading("address", frozenset(roles - {name}), None, number, language=parts.language)
        if name is not None:
            return HeaderReading(_ROLE_ALONE[name], frozenset(roles - {name}), number, language=parts.language)
        if roles & OF_COMPANIES:
            return HeaderReading("address", frozenset(roles), None, number, language=parts.language)
    return HeaderReading(None, frozenset(roles), number, None, tuple(parts.unknown), language=parts.language)
