"""The tables of an export: which one has the customers, and which name them."""

from importer.drafting.column_choices import Choices
from importer.drafting.table_draft import TableDraft, draft_table
from importer.errors import NoSourceError
from importer.tables import Sources

_INCLUDED, _OF_MANY = 0.8, 0.3  # of a table's values are keys of the main one, as far as both were looked at


def table_drafts(sources: Sources, country: str | None, choices: Choices | None = None) -> list[TableDraft]:
    """One draft for all tables with the same columns. Raises :class:`NoSourceError` if there are no data rows."""
    found: dict[tuple[str, ...], TableDraft] = {}
    for table in sources.tables:
        headers = tuple(table.frame.columns)
        if not headers or not len(table):
            continue
        if headers in found:
            found[headers].same.append(table)
        else:
            found[headers] = draft_table(table, country, choices or Choices())
    if not found:
        hint = "Check the files: are they the right export, and complete?"
        raise NoSourceError("the sources have no data rows", hint)
    return list(found.values())


def joined(tables: list[TableDraft]) -> tuple[list[TableDraft], dict[int, int], list[TableDraft]]:
    """The main table with those that name its customers; the column of each that does; and all other tables."""

    def rank(draft: TableDraft) -> tuple[int, bool, bool, int, int]:
        given, key = draft.assignment, draft.structure.key
        unique = bool(key) and draft.values[key[0]].unique
        naming = sum(_naming(draft, other) is not None for other in tables if other is not draft) if unique else 0
        named = "company_name" in given.customer or bool(given.contacts)
        return naming if named else 0, "company_name" in given.customer, unique, len(given.customer), len(given.targets)

    main = max(tables, key=rank)
    ordered, joins = [main], {}
    for draft in tables:
        if draft is not main and _gives(draft) and (at := _naming(main, draft)) is not None:
            joins[len(ordered)] = at
            ordered.append(draft)
    return ordered, joins, [draft for draft in tables if draft not in ordered]


def _gives(draft: TableDraft) -> bool:
    """Whether a further table has addresses or people."""
    return bool(draft.assignment.addresses or draft.assignment.contacts)


def _naming(main: TableDraft, other: TableDraft) -> int | None:
    """The column of another table whose values are keys of the main table."""
    if not main.structure.key:
        return None
    key = main.values[main.structure.key[0]]
    known = set(key.texts)
    least = _INCLUDED if key.distinct == len(known) else _OF_MANY
    shares = [own.filled * len(known & set(own.texts)) / max(len(own.texts), 1) for own in other.values]
    best = max(range(len(shares)), key=lambda at: shares[at])
    return best if shares[best] >= least else None
