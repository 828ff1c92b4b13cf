"""Joining the tables of one export: which table has the customers, and which columns of the others refer to them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from importer.drafting.column_choices import KEY, ColumnChoices, chosen_in
from importer.drafting.column_values import ColumnValues
from importer.drafting.concepts import OF_OTHERS
from importer.drafting.header_segments import words
from importer.drafting.lexicon import lexicon
from importer.drafting.readings import HeaderReading
from importer.drafting.table_draft import TableDraft, draft_table
from importer.tables import SourceTable

_INCLUDED = 0.8  # share of values that must be keys of the main table
_ALMOST_ALL = 0.97
_GUIDS = 0.9
_NUMBERS = frozenset({"customer_number", "id"})
_OF_CUSTOMERS = frozenset({"customer_number", "parent", "company_name"})
_NAMING = _NUMBERS | _OF_CUSTOMERS | {"other_number", "display_name", "name", "email"}
_DETAILS = frozenset({"first_name", "last_name", "phone", "email"})
_CUSTOMERS = frozenset({"company", "company_name"})
_OF_PLACES = frozenset({"", "visiting", "work"})
_OF_PEOPLE = frozenset({"mailing", "home", "other"})
_WITH_NUMBERS = _NUMBERS | {"other_number"}
_SHORT = 2  # a number with so few characters can be anything
Key = tuple[int, ...]


@dataclass(frozen=True)
class Joined:
    """The tables of an export, as a draft uses them.

    ``tables``: the main table first, then those that refer to its customers. ``columns``: index of such a table → the
    columns that refer to them. ``others``: unused tables, each with the reason.
    """

    tables: list[TableDraft]
    columns: dict[int, Key]
    others: list[tuple[TableDraft, str]]


def joined(tables: list[TableDraft], country: str | None, choices: ColumnChoices) -> Joined:
    """Join the tables. The main table is the one to whose customers most others refer, by the key that they use."""

    def rank(draft: TableDraft, key: Key) -> tuple[int | bool, ...]:
        given, unique = draft.assignment, _is_unique(draft, key)
        names = given.customer.get("company_name", [])
        naming = sum(_naming(draft, key, other) is not None for other in tables if other is not draft) if unique else 0
        size = len(given.customer), len(given.targets)
        by_name = bool(set(key) & set(names))
        return naming * bool(names or given.contacts), bool(names), unique, _has_name(draft.table), *size, not by_name

    def keys(draft: TableDraft) -> Iterable[Key]:
        chosen = KEY in chosen_in(draft.table, choices.targets).values()
        return [draft.structure.key] if chosen or len(tables) == 1 else _keys(draft)

    main, key = max(((draft, key) for draft in tables for key in keys(draft)), key=lambda pair: rank(*pair))
    _set_key(main, key)
    return joined_to(main, tables, country, choices)


def joined_to(main: TableDraft, tables: Sequence[TableDraft], country: str | None, choices: ColumnChoices) -> Joined:
    """Join the tables that refer to the customers of ``main`` by its key, and reread them as addresses and contacts."""
    ordered, columns, others = [main], {}, []
    for draft in tables:
        if draft is main:
            continue
        found = _naming(main, main.structure.key, draft) if main.structure.key else None
        further = draft if found is None else draft_table(draft.table, country, choices, further=True)
        if found is not None and (further.assignment.addresses or further.assignment.contacts):
            further.same, further.headerless = draft.same, draft.headerless
            columns[len(ordered)] = found
            _of_customers(further, found, main)
            _with_zeros(further, found, main)
            ordered.append(further)
        else:
            others.append((draft, _why_not(main, draft, found)))
    return Joined(ordered, columns, others)


def _why_not(main: TableDraft, draft: TableDraft, columns: Key | None) -> str:
    """Why a table is not used. ``columns``: those that refer to the customers, if any."""
    name, keys = main.table.name, _named(main, main.structure.key)
    if columns is not None:
        return f"it has no addresses or contacts. Other customer fields are read only from {name}."
    for key in _keys(main):
        if (found := _naming(main, key, draft)) is not None:
            return f"it refers to customers by {_named(draft, found)}, but {name} identifies them by {keys}."
    return f"none of its columns refers to the customers of {name}."


def _named(draft: TableDraft, columns: Key) -> str:
    return " and ".join(draft.headers[at] for at in columns)


def _keys(draft: TableDraft) -> Iterator[Key]:
    """The possible keys of a table: its key first, then other columns with a different value in each row."""
    yield draft.structure.key
    ids = [at for at, own in enumerate(draft.values) if own.guids > _GUIDS]
    for at in dict.fromkeys([*draft.structure.others, *ids]):
        own = draft.values[at]
        if (at,) != draft.structure.key and own.unique and own.filled >= _ALMOST_ALL:
            yield (at,)


def _set_key(draft: TableDraft, key: Key) -> None:
    """Use a key other than that which the table itself suggests. Unless it has numbers, a question is asked."""
    structure, given = draft.structure, draft.assignment
    if key == structure.key:
        return
    by_number = all(draft.readings[at].concept in _NUMBERS or draft.values[at].guids > _GUIDS for at in key)
    others = tuple(at for at in (*structure.key, *structure.others) if at not in key)
    draft.structure = replace(structure, key=key, others=others, instead=None, certain=by_number)
    if given.customer.get("display_id") == list(key):
        del given.customer["display_id"]
    for at in structure.key:
        if given.targets.get(at) == [KEY]:
            del given.targets[at]
            if "display_id" not in given.customer and draft.readings[at].concept == "customer_number":
                given.customer["display_id"] = [at]
                given.give(at, "display_id")
    if by_number:
        for at in key:
            given.targets[at] = [KEY]


def _of_customers(draft: TableDraft, columns: Key, main: TableDraft) -> None:
    """Keep only what is used from an additional table: addresses, contacts, and the customers that they belong to.

    If a row has only one address, it is a shipping address, unless a column has the type. People's own addresses are
    dropped.
    """
    given = draft.assignment
    draft.people = _lists_people(draft, columns)
    if draft.people and main.assignment.addresses and given.addresses and given.addresses[0].role in _OF_PEOPLE:
        given.addresses, given.people, draft.own_addresses = [], {}, True
    parts = [f"{group.path}." for group in given.addresses] + ["addresses.any."]
    places = len(given.addresses) == 1 and not draft.people
    moved = {}
    if places and given.addresses[0].role in _OF_PLACES and given.address_type is None:
        given.addresses[0].slot = "shipping"
        moved["addresses.billing."] = "addresses.shipping."
    if places:  # people and phones are those of the place
        path = "addresses.any" if given.address_type is not None else given.addresses[0].path
        moved |= {"contacts[1].": f"{path}."} | {name: f"{path}.{name}" for name in _DETAILS}
    for at, targets in given.targets.items():
        own = [one for one in targets if one.startswith((*parts, "contacts[")) or one in {*_DETAILS, "skip_rule"}]
        given.targets[at] = [_moved(one, moved) for one in own]
    for at in columns:
        given.targets[at] = [KEY]


def _with_zeros(draft: TableDraft, columns: Key, main: TableDraft) -> None:
    """If a table's numbers differ from the main table's in leading zeros, note how many digits they have there."""
    for at, column in zip(main.structure.key, columns, strict=True):
        own, known = draft.values[column].texts, main.values[at].texts
        if _is_padded(own) != _is_padded(known) and all(map(str.isdecimal, (*own, *known))):
            draft.widths[column] = len(known[0]) if _is_padded(known) else 0


def _is_padded(texts: Sequence[str]) -> bool:
    """Whether all texts have the same length, and some of them begin with a zero."""
    return len({len(text) for text in texts}) == 1 and any(text.startswith("0") for text in texts)


def _moved(target: str, moved: Mapping[str, str]) -> str:
    """The target with its new beginning, if ``moved`` has its old beginning."""
    old = next((old for old in moved if target.startswith(old)), "")
    return moved.get(old, "") + target.removeprefix(old)


def _lists_people(draft: TableDraft, columns: Key) -> bool:
    """Whether rows are people: they have last names, and job titles or else email addresses and private addresses."""
    first, groups = draft.assignment.contacts.get(1, {}), draft.assignment.addresses
    mails = set(first.get("email", ())) | set(draft.assignment.customer.get("email", ()))
    own_address = bool(groups) and groups[0].role in _OF_PEOPLE
    return bool(first.get("last_name")) and ("designation" in first or (own_address and bool(mails - set(columns))))


def _has_name(table: SourceTable) -> bool:
    """Whether the name of the sheet or file says that it lists customers: ``Customers``, ``export_kunden_2024.csv``."""
    name = table.sheet or table.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    meanings = [meaning for word in words(name) for meaning in lexicon().phrases.get(word.text, ())]
    names = {meaning.name for meaning in meanings}
    return bool(names & _CUSTOMERS) and not names & {"contact", "address", "full_name"}


def _is_unique(draft: TableDraft, key: Key) -> bool:
    if len(key) == 1:
        return draft.values[key[0]].unique
    return bool(key) and not draft.table.frame[[draft.headers[at] for at in key]].duplicated().any()


def _naming(main: TableDraft, key: Key, other: TableDraft) -> Key | None:
    """For each column of the key, the column of another table whose values are keys of the main table."""
    found: list[int] = []
    for at in key:
        column = _column_naming(main, at, other, taken=found)
        if column is None:
            return None
        found.append(column)
    return tuple(found) or None


def _column_naming(main: TableDraft, at: int, other: TableDraft, taken: Sequence[int]) -> int | None:
    """The column whose values match a column of the main table. If several match equally well, headers decide."""
    by_name = at in main.assignment.customer.get("company_name", ())
    ranks: dict[int, tuple[float, bool, bool, bool]] = {}
    for column, share in enumerate(_shares(main, at, other)):
        reading, own = other.readings[column], other.values[column]
        same = other.headers[column] == main.headers[at]
        supplier = other.assignment.readings[column].concept == "supplier_number"  # customers may have the same numbers
        if share < _INCLUDED or column in taken or supplier or not (same or _can_name(reading, own)):
            continue
        if not by_name or not _is_own_name(other, column):
            named = same and reading.concept != "id"  # every table may have its own "id"
            ranks[column] = share, reading.concept in _OF_CUSTOMERS, named, not own.unique
    return max(ranks, key=lambda column: ranks[column], default=None)


def _shares(main: TableDraft, at: int, other: TableDraft) -> Iterator[float]:
    """For each column of another table, the share of its cells whose texts are in a column of the main table."""
    known = pc.utf8_trim_whitespace(main.table.column(main.headers[at])).combine_chunks()
    texts = pa.array([text for own in other.values for text in own.texts], known.type)
    same = iter(pc.is_in(texts, value_set=known).to_pylist())
    padded = _is_padded(main.values[at].texts)
    plain = pc.utf8_ltrim(known, "0") if padded else known
    alike = iter(pc.is_in(pc.utf8_ltrim(texts, "0"), value_set=plain).to_pylist())
    for own in other.values:
        count = len(own.texts)
        shares = [sum(islice(among, count)) / max(count, 1) for among in (same, alike)]
        # Excel may have removed the leading zeros in only one of two files.
        either = padded != _is_padded(own.texts) and all(map(str.isdecimal, own.texts))
        yield own.filled * (max(shares) if either else shares[0])


def _is_own_name(draft: TableDraft, column: int) -> bool:
    """Whether a column names the companies that its own table lists, such as suppliers, which have numbers, too."""
    numbers = (own.unique for own, at in zip(draft.values, draft.readings, strict=True) if at.concept in _WITH_NUMBERS)
    return draft.values[column].unique and any(numbers)


def _can_name(reading: HeaderReading, values: ColumnValues) -> bool:
    """Whether a column can refer to customers, judging by its header. An unknown header can, unless values are short.

    A supplier's column cannot, even if a customer has the same name.
    """
    if reading.roles & OF_OTHERS:
        return False
    if reading.concept in _NAMING:
        return True
    return reading.concept in (None, "setting") and values.share(lambda text: len(text) > _SHORT) == 1
