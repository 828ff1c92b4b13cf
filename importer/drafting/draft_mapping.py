"""Turning the tables of a draft into the content of a mapping file."""

from collections.abc import Mapping, Sequence
from typing import Any

from importer.drafting.concepts import NEVER
from importer.drafting.draft_entries import address_entries, contact_entries, customer_entry
from importer.drafting.mapping_text import Noted
from importer.drafting.row_structure import PATH
from importer.drafting.rule_content import as_text
from importer.drafting.skip_rules import ProposedSkip
from importer.drafting.table_draft import TableDraft, can_be_named

_WORTH_KEEPING = frozenset(
    {"website", "fax", "notes", "tax_number", "group", "language", "department", "other_number", "search_name"}
    | {"company_name_2", "money"}
)
_WHY = {
    "date": "a date", "user": "a person who is not a contact", "setting": "a setting",
    "salutation": "a salutation or title", "social": "a social network", "coordinates": "coordinates",
    "sensitive": "never sent", "tax_setting": "a tax setting", "payment_days": "a number of days",
    "middle_name": "part of a name",
}  # fmt: skip
_MOSTLY = 0.8
_TELLING = 2  # columns that distinguish a table from the others


def draft_content(
    tables: Sequence[TableDraft],
    joins: Mapping[int, Sequence[int]],
    rules: Sequence[Sequence[ProposedSkip]],
    others: Sequence[TableDraft] = (),
) -> dict[str, Any]:
    """The content of a mapping, except its title. ``tables``: the main table first.

    ``joins``: index of an additional table → its columns that name the customer. ``rules``: the skip rules that apply,
    by table. ``others``: tables that do not belong to the customers; all of their rows are skipped.
    """
    every = [*tables, *others]
    names = [_table_name(tables, at) for at in range(len(tables))]
    parts = {name: _table(every, at, joins, rules[at]) for at, name in enumerate(names)}
    parts |= {f"left out {at}": _skipped(every, draft) for at, draft in enumerate(others, start=1)}
    out: dict[str, Any] = {"tables": parts} if len(parts) > 1 else dict(parts[names[0]])
    ignored = out.pop("ignore", None)
    out["customer"] = customer_entry(tables[0])
    alone = sum(len(draft.assignment.addresses) for draft in tables) == 1
    placed = [
        (draft, {"table": name} if at else {}) for at, (draft, name) in enumerate(zip(tables, names, strict=True))
    ]
    addresses = [entry for draft, table in placed for entry in address_entries(draft, table, alone=alone)]
    people = [one for one in tables[1:] if one.people or len(one.assignment.addresses) != 1]
    elsewhere = any(one.assignment.contacts for one in people)
    contacts = [entry for draft, table in placed for entry in contact_entries(draft, table, elsewhere=elsewhere)]
    further = {"addresses": addresses, "contacts": contacts, "ignore": ignored}
    return out | {key: value for key, value in further.items() if value}


def _table_name(tables: Sequence[TableDraft], at: int) -> str:
    if at == 0:
        return "customers"
    kinds = [
        "addresses" if one.assignment.addresses else "contacts" if one.assignment.contacts else "others"
        for one in tables
    ]
    earlier = kinds[1:at].count(kinds[at])
    return f"{kinds[at]} {earlier + 1}" if earlier else kinds[at]


def _table(
    tables: Sequence[TableDraft], at: int, joins: Mapping[int, Sequence[int]], rules: Sequence[ProposedSkip]
) -> dict[str, Any]:
    """The key, the parent, the rows to skip, and the ignored columns of one table."""
    draft, structure = tables[at], tables[at].structure
    headers = draft.headers
    out: dict[str, Any] = {"key": _text_key(draft, joins[at]) if at else _key(draft)}
    if len(tables) > 1:
        out |= _found_by(tables, draft)
    if draft.headerless:
        out["columns"] = list(headers)
    if not at and structure.layout == "blank parent":
        out["blank_key"] = "above"
    if not at and structure.parents:
        parents = [headers[column] for column, _ in structure.parents]
        out["parent"] = {
            "from": parents if len(parents) > 1 else parents[0],
            "match": list(dict.fromkeys(headers[named] for _, named in structure.parents)),
        }
    if not at and structure.path:
        key = headers[structure.key[0]]
        out["parent"] = {"from": key, "as": {"extract": PATH}, "match": [key]}
    skip: list[Any] = [Noted(rule.condition, rule.question.text) for rule in rules]
    if draft.notes is not None:
        skip.append({"only": headers[draft.notes], "reason": "note below the rows"})
    if skip:
        out["skip"] = skip
    used = _used(draft, joins[at] if at else structure.key, main=not at)
    used |= {column for rule in rules for column in rule.columns}
    # An unknown column with phone numbers is not ignored, so that it is reported until it is used.
    ignored = [
        _left_out(draft, column)
        for column, header in enumerate(headers)
        if header not in used and not _may_be_phones(draft, column)
    ]
    return out | ({"ignore": ignored} if ignored else {})


def _found_by(tables: Sequence[TableDraft], draft: TableDraft) -> dict[str, Any]:
    """What distinguishes a table from the others: columns that only it has, or else its name."""
    others = {header for other in tables if other is not draft for header in other.headers}
    own = [header for header in draft.headers if header not in others][:_TELLING]
    name = draft.table.sheet or draft.table.file.rsplit("/", 1)[-1]
    return {"has": own} if own else {"has": draft.headers[:_TELLING], "names": [name]}


def _skipped(tables: Sequence[TableDraft], draft: TableDraft) -> dict[str, Any]:
    """A table that does not belong to the customers."""
    key = draft.headers[0]
    every = [{"column": key, "blank": True}, {"column": key, "blank": False}]
    rest = draft.headers[1:]
    skip = [{"any": every, "reason": "not part of the customer list"}]
    return {"key": key, **_found_by(tables, draft), "skip": skip, **({"ignore": rest} if rest else {})}


def _key(draft: TableDraft) -> Any:
    """The key, with a second column if there is one for blank keys; otherwise, apostrophes before IDs are removed."""
    key = draft.structure.key
    if (other := stand_in(draft)) is not None:
        return {"from": [draft.headers[key[0]], other], "take": "first"}
    return _text_key(draft, key)


def _text_key(draft: TableDraft, columns: Sequence[int]) -> Any:
    """One column, or several that together identify a customer."""
    return as_text(draft, columns[0]) if len(columns) == 1 else [draft.headers[column] for column in columns]


def stand_in(draft: TableDraft) -> str | None:
    """The header of the column that is used if the key is blank."""
    structure = draft.structure
    quoted = draft.values[structure.key[0]].quoted
    return None if quoted or structure.instead is None else draft.headers[structure.instead]


def _used(draft: TableDraft, key: Sequence[int], *, main: bool) -> set[str]:
    """The columns that the mapping mentions."""
    given, structure = draft.assignment, draft.structure
    types = (group.types for group in given.addresses)
    single = (structure.instead, given.address_type, given.is_default, draft.notes, *types)
    columns = {*key, *(column for column in single if column is not None)}
    columns |= {column for pair in structure.parents for column in pair}
    lists = [own for contact in given.contacts.values() for own in contact.values()]
    lists.append(list(given.beside_phones.values()))
    details = [given.customer.get(name, []) for name in ("phone", "email")]
    lists += given.customer.values() if main else details if given.addresses or given.contacts else []
    for group in given.addresses:
        lists += [group.packed, list(group.flags.values()), *given.people.get(group.path, {}).values()]
        lists += [own for part, own in group.parts.items() if not group.packed or part in group.beside]
    return {draft.headers[column] for column in columns.union(*lists)}


def _may_be_phones(draft: TableDraft, column: int) -> bool:
    return draft.readings[column].concept not in NEVER and draft.values[column].phones >= _MOSTLY


def _left_out(draft: TableDraft, column: int) -> Any:
    """An unused column, with the reason as a comment."""
    concept = str(draft.readings[column].concept)
    why = _WHY.get(concept, "") if concept in NEVER else ""
    if draft.headers[column] in draft.table.secrets:
        why = _WHY["sensitive"]
    elif draft.values[column].blank:
        why = "blank"
    elif concept in _WORTH_KEEPING:
        why = "no field for it; to keep it, send it as a custom attribute"
    elif not can_be_named(draft.headers[column]):
        why = "rename it to use it: {n} and | have their own meaning in a mapping"
    return Noted(draft.headers[column], why) if why else draft.headers[column]
