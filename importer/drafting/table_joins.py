"""The tables of one export: which has the customers, and which columns of the others name them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from importer.drafting.column_choices import KEY, Choices
from importer.drafting.column_values import ColumnValues
from importer.drafting.readings import Reading
from importer.drafting.table_draft import TableDraft, draft_table

_INCLUDED = 0.8  # of a table's values are keys of the main one
_ALMOST_ALL = 0.97
_GUIDS = 0.9
_NUMBERS = frozenset({"customer_number", "id"})
_OF_CUSTOMERS = frozenset({"customer_number", "parent", "company_name"})
_NAMING = _NUMBERS | _OF_CUSTOMERS | {"other_number", "display_name", "name", "email"}
_DETAILS = frozenset({"first_name", "last_name", "phone", "email", "skip_rule"})
_OF_PLACES = frozenset({"", "visiting", "work"})
_OF_PEOPLE = frozenset({"mailing", "home", "other"})
_SHORT = 2  # characters of a number that can be anything
Key = tuple[int, ...]


@dataclass(frozen=True)
class Joined:
    """``tables``: the main one first, then those that name its customers. ``columns``: further table (its index) →
    the columns that do. ``others``: tables that do not belong to the customers."""

    tables: list[TableDraft]
    columns: dict[int, Key]
    others: list[TableDraft]


def joined(tables: list[TableDraft], country: str | None, choices: Choices) -> Joined:
    """The main table is the one whose customers most others name, by the key that they name them by."""

    def rank(draft: TableDraft, key: Key) -> tuple[int, bool, bool, int, int]:
        given, unique = draft.assignment, _is_unique(draft, key)
        naming = sum(_naming(draft, key, other) is not None for other in tables if other is not draft) if unique else 0
        named = "company_name" in given.customer or bool(given.contacts)
        return naming if named else 0, "company_name" in given.customer, unique, len(given.customer), len(given.targets)

    keys = [(draft, key) for draft in tables for key in (_keys(draft) if len(tables) > 1 else [draft.structure.key])]
    main, key = max(keys, key=lambda pair: rank(*pair))
    _set_key(main, key)
    return joined_to(main, tables, country, choices)


def joined_to(main: TableDraft, tables: Sequence[TableDraft], country: str | None, choices: Choices) -> Joined:
    """The tables that name the customers of ``main`` by its key; they are read again as addresses and contacts."""
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
            ordered.append(further)
        else:
            others.append(draft)
    return Joined(ordered, columns, others)


def _keys(draft: TableDraft) -> Iterator[Key]:
    """What can identify the customers of a table: its key first, then other columns with a value of their own."""
    yield draft.structure.key
    ids = [at for at, own in enumerate(draft.values) if own.guids > _GUIDS]
    for at in dict.fromkeys([*draft.structure.others, *ids]):
        own = draft.values[at]
        if (at,) != draft.structure.key and own.unique and own.filled >= _ALMOST_ALL:
            yield (at,)


def _set_key(draft: TableDraft, key: Key) -> None:
    """Identify the customers by other columns than those that the table by itself suggests; by names, if so answered."""
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
    """Leave what a further table gives: addresses, contacts, and the customers that they belong to.

    The only address of a row is a shipping address, unless a column says so. Those of people are their own.
    """
    given = draft.assignment
    draft.people = _lists_people(draft, columns)
    if draft.people and main.assignment.addresses:
        given.addresses, given.people = [], {}
    parts = [f"{group.path}." for group in given.addresses] + ["addresses.any."]
    for at, targets in given.targets.items():
        own = [one for one in targets if one.startswith((*parts, "contacts[")) or one in _DETAILS]
        given.targets[at] = own
    if len(given.addresses) == 1 and given.addresses[0].role in _OF_PLACES and given.address_type is None:
        given.addresses[0].slot = "shipping"
        for at, targets in given.targets.items():
            given.targets[at] = [one.replace("addresses.billing.", "addresses.shipping.") for one in targets]
    for at in columns:
        given.targets[at] = [KEY]


def _lists_people(draft: TableDraft, columns: Key) -> bool:
    """Whether rows are people: they have a position, or an email address beside an address for mail or at home."""
    first, groups = draft.assignment.contacts.get(1, {}), draft.assignment.addresses
    mails = set(first.get("email", ())) | set(draft.assignment.customer.get("email", ()))
    own_address = bool(groups) and groups[0].role in _OF_PEOPLE
    return bool(first.get("last_name")) and ("designation" in first or (own_address and bool(mails - set(columns))))


def _is_unique(draft: TableDraft, key: Key) -> bool:
    if len(key) == 1:
        return draft.values[key[0]].unique
    return bool(key) and not draft.table.frame[[draft.headers[at] for at in key]].duplicated().any()


def _naming(main: TableDraft, key: Key, other: TableDraft) -> Key | None:
    """The columns of another table whose values are keys of the main table, one for each column of the key."""
    found = []
    for at in key:
        column = _column_naming(main, at, other, taken=found)
        if column is None:
            return None
        found.append(column)
    return tuple(found) or None


def _column_naming(main: TableDraft, at: int, other: TableDraft, taken: Sequence[int]) -> int | None:
    """The column whose values are those of a column of the main table: by the header, where several are."""
    known = pc.utf8_trim_whitespace(main.table.column(main.headers[at])).combine_chunks()
    best: tuple[tuple[float, bool, bool, bool], int] | None = None
    for column, own in enumerate(other.values):
        if column in taken or own.blank:
            continue
        share = own.filled * sum(pc.is_in(pa.array(own.texts, known.type), value_set=known).to_pylist()) / len(own.texts)
        if share < _INCLUDED or not _can_name(other.readings[column], own):
            continue
        reading, same = other.readings[column], other.headers[column] == main.headers[at]
        rank = (share, reading.concept in _OF_CUSTOMERS, same and reading.concept != "id", not own.unique)
        if best is None or rank > best[0]:
            best = rank, column
    return None if best is None else best[1]


def _can_name(reading: Reading, values: ColumnValues) -> bool:
    """Whether a column can name customers by its header; one that nobody knows can if its values are no small numbers."""
    if reading.concept in _NAMING:
        return True
    return reading.concept in (None, "setting") and values.share(lambda text: len(text) > _SHORT) == 1
