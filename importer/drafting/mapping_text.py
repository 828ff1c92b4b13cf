"""A mapping as text: YAML as people write it, with short tables in braces, and with comments next to their subjects.

Also, updating the text for the columns of a newer export: renamed columns get their new names, and new ones are added.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importer.drafting.table_draft import TableDraft, table_drafts
from importer.errors import MappingError
from importer.mapping.language.mapping_files import LoadedMapping
from importer.mapping.language.mapping_model import CustomerEntry
from importer.mapping.language.mapping_rules import FieldRule, alternatives
from importer.mapping.table_rows import find_column
from importer.tables import Sources

_WIDTH = 118
_PLAIN = re.compile(r"[^\W\d_][\w .()/&+°'\u2019.-]*[\w).°]|[^\W\d_]|\d[\d.]*\w*")
_SECTIONS = ("customer", "addresses", "contacts", "skip", "tables", "ignore", "attributes")
_SPECIAL = frozenset({"null", "~", "true", "false", "yes", "no", "on", "off", ""})
_HEADING = "# New columns that are not used, with the fields that they may map to:"
_LISTED = re.compile(rf"\n*{re.escape(_HEADING)}\n(?:#   [^\n]*\n)*")  # as an earlier update wrote it
_BEFORE, _AFTER = r"((?:: |- |\[|, |\||[\"']))", r"(?=\s*(?:$|[,\]}|\"']|\s#))"  # around a whole reference


@dataclass(frozen=True)
class Noted:
    value: Any
    comment: str


def mapping_text(content: Mapping[str, Any], heading: Sequence[str]) -> str:
    """The text of a mapping. ``heading``: comments at the top; blank lines separate the sections."""
    lines = [f"# {one_line(line)}".rstrip() for line in heading]
    for key, value in content.items():
        section = list(_entry(key, value, 0))
        if len(section) > 1 or key in ("key", "customer"):
            lines.append("")
        lines += section
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, depth: int) -> Iterator[str]:
    """The lines of ``key: value``."""
    value, note = _with_note(value)
    head = f"{' ' * depth}{scalar(key)}:"
    flow = None if _has_notes(value) or (key in _SECTIONS and value) else _flow(value)
    if flow is not None and len(head) + 1 + len(flow) <= _WIDTH:
        yield f"{head} {flow}{note}"
    elif isinstance(value, Mapping):
        yield head + note
        for name, own in value.items():
            yield from _entry(name, own, depth + 2)
    elif isinstance(value, list):
        yield head + note
        for item in value:
            yield from _item(item, depth + 2)
    else:
        yield f"{head} {scalar(value)}{note}"


def _with_note(value: Any) -> tuple[Any, str]:
    """A value, and its comment in the form in which it follows the value."""
    if not isinstance(value, Noted):
        return value, ""
    return value.value, f"  # {one_line(value.comment)}" if value.comment else ""


def _has_notes(value: Any) -> bool:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(isinstance(item, Noted) or _has_notes(item) for item in items)


def _item(item: Any, depth: int) -> Iterator[str]:
    """The lines of ``- item``."""
    item, note = _with_note(item)
    pad = " " * depth
    flow = None if _has_notes(item) else _flow(item)
    short = flow is not None and len(flow) + depth + 2 <= _WIDTH
    if not isinstance(item, Mapping) or (short and len(item) <= 3):
        yield f"{pad}- {_flow(item)}{note}"
        return
    first, *further = (line for name, own in item.items() for line in _entry(name, own, depth + 2))
    yield f"{pad}- {first[depth + 2 :]}{note}"
    yield from further


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name, flow=True)}: {_flow(own)}" for name, own in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return scalar(value, flow=True)


def scalar(value: Any, *, flow: bool = False) -> str:
    """A text, number, or Boolean; quoted if YAML or the mapping language would otherwise read it differently."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    plain = (
        _PLAIN.fullmatch(text) is not None and text.lower() not in _SPECIAL and ": " not in text and " #" not in text
    )
    if plain and not (flow and "," in text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'" if '"' in text or "\\" in text else f'"{text}"'
    escaped = "".join(letter if letter.isprintable() and letter not in '"\\' else _escaped(letter) for letter in text)
    return f'"{escaped}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def one_line(text: str) -> str:
    """A text on one line, without invisible characters, for a comment."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def updated_mapping(loaded: LoadedMapping, sources: Sources, country: str | None) -> tuple[str, list[str]]:
    """The new text of a mapping file, and what was changed.

    If a column is missing in the sources, and a new column is for the same field, the new name is added to the
    reference. If a new column is for a field of the customer without a rule, that field is added. All other new columns
    are listed in a comment at the end. Raises :class:`MappingError` for a mapping with several tables.
    """
    mapping = loaded.mapping
    if len(mapping.tables) > 1:
        raise MappingError(
            f"{loaded.path}: a mapping with several tables cannot be updated", "Draft a new one, and compare the two."
        )
    update = _Update(loaded)
    for draft in table_drafts(sources, country):
        update.add(draft)
    return update.text_with_list(), update.changes


class _Update:
    """The text of a mapping while it is updated. Columns that several tables have are handled once."""

    def __init__(self, loaded: LoadedMapping) -> None:
        self.changes: list[str] = []
        self._loaded = loaded
        self._text = loaded.path.read_text(encoding="utf-8-sig")
        self._fields = set(loaded.mapping.customer.fields())
        self._used: set[str] = set()  # new columns
        self._listed: dict[str, str] = {}

    def add(self, draft: TableDraft) -> None:
        """Make the changes for one table."""
        left = [at for at in _unknown(self._loaded, draft) if draft.headers[at] not in self._used]
        for at, old in list(_renamed(self._loaded, draft, left)):
            renamed = _renamed_in(self._text, old, draft.headers[at])
            if at in left and renamed != self._text:
                self._use(renamed, draft.headers[at], f"{old} is also called {draft.headers[at]}")
                left.remove(at)
        for at, target in _new_fields(draft, left, self._fields):
            added = _with_field(self._text, target, draft.headers[at])
            if added is not None:
                self._use(added, draft.headers[at], f"{draft.headers[at]} maps to {target}")
                self._fields.add(target)
                left.remove(at)
        for at in left:
            gives = ", ".join(draft.assignment.targets.get(at, ())) or "no field"
            self._listed.setdefault(draft.headers[at], f"#   {one_line(draft.headers[at])}: {gives}")

    def _use(self, text: str, header: str, change: str) -> None:
        self._text = text
        self._used.add(header)
        self.changes.append(change)

    def text_with_list(self) -> str:
        """The text with the list of unused columns, which replaces an earlier list."""
        bare = _LISTED.sub("\n", self._text)
        if not self._listed:
            if bare != self._text:
                self.changes.append("the list of new columns at the end of the file was removed: all are known")
            return bare
        text = "\n".join([bare.rstrip("\n"), "", _HEADING, *self._listed.values(), ""])
        if text != self._text:
            self.changes += [f"{header} is new and not used: see the end of the file" for header in self._listed]
        return text


def _unknown(loaded: LoadedMapping, draft: TableDraft) -> list[int]:
    """The filled columns that the mapping does not mention."""
    mapping = loaded.mapping
    references = [reference for reference, _ in mapping.references(mapping.main_table)]
    references += mapping.tables[mapping.main_table].ignore
    known = {find_column(name, draft.headers) for reference in references for name in alternatives(reference)}
    return [at for at, header in enumerate(draft.headers) if header not in known and not draft.values[at].blank]


def _renamed(loaded: LoadedMapping, draft: TableDraft, left: Sequence[int]) -> Iterator[tuple[int, str]]:
    """New columns that are for the same field as a missing column of the mapping, each with that column's name."""
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
    """For each missing column of a rule, the new column with the target, if there is just one."""
    same = [
        at for at in left if any(own == target or own.endswith(target) for own in draft.assignment.targets.get(at, ()))
    ]
    for reference, _ in rule.references(optional=True):
        if len(same) == 1 and find_column(reference, draft.headers) is None:
            yield same[0], reference


def _renamed_in(text: str, old: str, header: str) -> str:
    """The text with a new name added after the old name wherever that is a whole reference."""
    if scalar(header, flow=True) != header:  # both names would need quotes around them
        return text
    whole = re.compile(_BEFORE + re.escape(old) + _AFTER, re.MULTILINE)
    return whole.sub(lambda found: f"{found[1]}{old}|{header}", text)


def _new_fields(draft: TableDraft, left: Sequence[int], taken: Collection[str]) -> list[tuple[int, str]]:
    """New columns for fields of the customer that are not ``taken``, each with its field."""
    found: dict[str, int] = {}
    for at in left:
        possible = (
            target
            for target in draft.assignment.targets.get(at, ())
            if target in CustomerEntry.model_fields and target not in taken and target not in found
        )
        if (target := next(possible, None)) is not None:
            found[target] = at
    return [(at, target) for target, at in found.items()]


def _with_field(text: str, field: str, header: str) -> str | None:
    """The text with one more field under ``customer:``; None if that is not a block of its own."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if re.fullmatch(r"customer:\s*(#.*)?", line):
            own = next((one for one in lines[at + 1 :] if one.strip() and not one.lstrip().startswith("#")), "  ")
            indent = own[: len(own) - len(own.lstrip())] or "  "
            lines.insert(at + 1, f"{indent}{field}: {scalar(header)}")
            return "\n".join(lines) + "\n"
    return None
