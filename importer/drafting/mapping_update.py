"""A mapping adapted to the columns of a newer export: renamed columns get their new name, new ones are added."""

import re
from collections.abc import Iterator, Sequence

from importer.drafting.mapping_text import one_line, scalar
from importer.drafting.table_draft import TableDraft, draft_table
from importer.errors import MappingError
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_rules import alternatives
from importer.mapping.table_rows import find_column
from importer.tables import Sources, SourceTable

_CUSTOMER_FIELD = re.compile(r"[a-z_]+")


def updated_mapping(loaded: LoadedMapping, sources: Sources, country: str | None) -> tuple[str, list[str]]:
    """The new text of a mapping file, and what was changed.

    A column that the file lacks is called by the new name, too, if a new column gives the same field. New columns that
    give a field of the customer that the mapping has no rule for are added to it; all others are listed in a comment at
    the end. Raises :class:`MappingError` for a mapping with several tables.
    """
    mapping = loaded.mapping
    if len(mapping.tables) > 1:
        raise MappingError(
            f"{loaded.path}: a mapping with several tables cannot be updated", "Draft a new one, and compare the two."
        )
    text = loaded.path.read_text(encoding="utf-8-sig")
    changes: list[str] = []
    for table in (table for table in sources.tables if len(table.frame.columns)):
        text = _with_table(text, loaded, table, country, changes)
    return text, changes


def _with_table(text: str, loaded: LoadedMapping, table: SourceTable, country: str | None, changes: list[str]) -> str:
    mapping = loaded.mapping
    headers = list(table.frame.columns)
    rule = mapping.tables[mapping.main_table]
    references = [reference for reference, _ in mapping.references(mapping.main_table)]
    known = {
        find_column(name, headers) for reference in [*references, *rule.ignore] for name in alternatives(reference)
    }
    draft = draft_table(table, country)
    left = [at for at, header in enumerate(headers) if header not in known and not draft.values[at].blank]
    for at, old in list(_renamed(loaded, draft, left, headers)):
        new = text.replace(old, f"{old}|{headers[at]}") if _safe(headers[at]) else text
        if new != text:
            text = new
            left.remove(at)
            changes.append(f"{old} is also called {headers[at]}")
    fields = mapping.customer.fields()
    for at in list(left):
        targets = [target for target in draft.assignment.targets.get(at, ()) if _CUSTOMER_FIELD.fullmatch(target)]
        target = next((one for one in targets if one not in fields and one in mapping.customer.model_fields), None)
        if target is not None and (new := _with_field(text, target, headers[at])) is not None:
            text = new
            left.remove(at)
            changes.append(f"{headers[at]} gives {target}")
    if left:
        lines = [
            f"#   {one_line(headers[at])}: {', '.join(draft.assignment.targets.get(at, ())) or 'no field'}"
            for at in left
        ]
        text = (
            text.rstrip("\n")
            + "\n\n# New columns that are not used, with what they may give:\n"
            + "\n".join(lines)
            + "\n"
        )
        changes += [f"{headers[at]} is new and not used: see the end of the file" for at in left]
    return text


def _renamed(
    loaded: LoadedMapping, draft: TableDraft, left: Sequence[int], headers: list[str]
) -> Iterator[tuple[int, str]]:
    """New columns that give what a missing column of the mapping gave, with its old name."""
    for name, rule in loaded.mapping.customer.fields().items():
        for reference, _ in rule.references(optional=True):
            if find_column(reference, headers) is not None:
                continue
            same = [at for at in left if name in draft.assignment.targets.get(at, ())]
            if len(same) == 1:
                yield same[0], reference
    for part in loaded.mapping.tables[loaded.mapping.main_table].key:
        for reference, _ in part.references(optional=True):
            keys = [at for at in left if at in draft.structure.key]
            if find_column(reference, headers) is None and keys:
                yield keys[0], reference


def _safe(header: str) -> bool:
    """Whether a name can stand behind another one as it is, whatever quotes there are."""
    return scalar(header, flow=True) == header


def _with_field(text: str, field: str, header: str) -> str | None:
    """The text with one more field under ``customer:``; None where that is written on one line."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if re.fullmatch(r"customer:\s*(#.*)?", line):
            indent = next(
                (
                    re.match(r" *", own)[0]
                    for own in lines[at + 1 :]
                    if own.strip() and not own.lstrip().startswith("#")
                ),
                "  ",
            )  # type: ignore[index]  # it always matches
            lines.insert(at + 1, f"{indent}{field}: {scalar(header)}")
            return "\n".join(lines) + "\n"
    return None
