"""A mapping adapted to the columns of a newer export: renamed columns get their new name, new ones are added."""

import re
from collections.abc import Iterator, Sequence

from importer.drafting.mapping_text import one_line, scalar
from importer.drafting.table_draft import TableDraft, draft_table
from importer.errors import MappingError
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_rules import FieldRule, alternatives
from importer.mapping.table_rows import find_column
from importer.tables import Sources, SourceTable

_CUSTOMER_FIELD = re.compile(r"[a-z_]+")
_HEADING = "# New columns that are not used, with what they may give:"
_LISTED = re.compile(rf"\n*{re.escape(_HEADING)}\n(?:#   [^\n]*\n)*")  # as an earlier update wrote it
_BEFORE, _AFTER = r"((?:: |- |\[|, |\||[\"']))", r"(?=\s*(?:$|[,\]}|\"']|\s#))"  # around a whole reference


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
    """The text with what one table needs; what is done is added to ``changes``."""
    draft = draft_table(table, country)
    left = _unknown(loaded, draft)
    for at, old in list(_renamed(loaded, draft, left)):
        renamed = _renamed_in(text, old, draft.headers[at])
        if at in left and renamed != text:
            text = renamed
            left.remove(at)
            changes.append(f"{old} is also called {draft.headers[at]}")
    for at, target in list(_new_fields(loaded, draft, left)):
        added = _with_field(text, target, draft.headers[at])
        if added is not None:
            text = added
            left.remove(at)
            changes.append(f"{draft.headers[at]} gives {target}")
    bare = _LISTED.sub("", text)
    if not left:
        return text
    gives = {at: ", ".join(draft.assignment.targets.get(at, ())) or "no field" for at in left}
    lines = [_HEADING]
    lines += [f"#   {one_line(draft.headers[at])}: {gives[at]}" for at in left]
    listed = "\n".join([bare.rstrip("\n"), "", *lines, ""])
    if listed != text:
        changes += [f"{draft.headers[at]} is new and not used: see the end of the file" for at in left]
    return listed


def _unknown(loaded: LoadedMapping, draft: TableDraft) -> list[int]:
    """The filled columns that the mapping does not mention."""
    mapping = loaded.mapping
    references = [reference for reference, _ in mapping.references(mapping.main_table)]
    references += mapping.tables[mapping.main_table].ignore
    known = {find_column(name, draft.headers) for reference in references for name in alternatives(reference)}
    return [at for at, header in enumerate(draft.headers) if header not in known and not draft.values[at].blank]


def _renamed(loaded: LoadedMapping, draft: TableDraft, left: Sequence[int]) -> Iterator[tuple[int, str]]:
    """New columns that give what a missing column of the mapping gave, with its old name."""
    mapping = loaded.mapping
    for name, rule in mapping.customer.fields().items():
        yield from _same(draft, left, rule, name)
    for entry in mapping.children():
        for name, rule in entry.fields().items():
            if entry.repeat is None:
                yield from _same(draft, left, rule, f".{name}")
    keys = [at for at in left if at in draft.structure.key]
    for part in mapping.tables[mapping.main_table].key:
        for reference, _ in part.references(optional=True):
            if keys and find_column(reference, draft.headers) is None:
                yield keys[0], reference


def _same(draft: TableDraft, left: Sequence[int], rule: FieldRule, target: str) -> Iterator[tuple[int, str]]:
    """The one new column with a target, for each column of a rule that is missing."""
    same = [
        at for at in left if any(own == target or own.endswith(target) for own in draft.assignment.targets.get(at, ()))
    ]
    for reference, _ in rule.references(optional=True):
        if len(same) == 1 and find_column(reference, draft.headers) is None:
            yield same[0], reference


def _renamed_in(text: str, old: str, header: str) -> str:
    """The text with another name behind an old one, wherever that is a whole reference."""
    if scalar(header, flow=True) != header:  # it would need quotes around both
        return text
    whole = re.compile(_BEFORE + re.escape(old) + _AFTER, re.MULTILINE)
    return whole.sub(lambda found: f"{found[1]}{old}|{header}", text)


def _new_fields(loaded: LoadedMapping, draft: TableDraft, left: Sequence[int]) -> Iterator[tuple[int, str]]:
    """New columns with a field of the customer that the mapping has no rule for."""
    fields = set(loaded.mapping.customer.fields())
    for at in left:
        for target in draft.assignment.targets.get(at, ()):
            possible = _CUSTOMER_FIELD.fullmatch(target) and target in type(loaded.mapping.customer).model_fields
            if possible and target not in fields:
                fields.add(target)
                yield at, target
                break


def _with_field(text: str, field: str, header: str) -> str | None:
    """The text with one more field under ``customer:``; None where that is written on one line."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if re.fullmatch(r"customer:\s*(#.*)?", line):
            own = next((one for one in lines[at + 1 :] if one.strip() and not one.lstrip().startswith("#")), "  ")
            indent = own[: len(own) - len(own.lstrip())] or "  "
            lines.insert(at + 1, f"{indent}{field}: {scalar(header)}")
            return "\n".join(lines) + "\n"
    return None
