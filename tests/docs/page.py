"""The examples of the page about mappings, extracted from its text and run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from importer.cell_text import header_key
from importer.errors import ImporterError
from importer.loader import LoadOptions, load
from importer.mapping.language.mapping_files import load_mapping
from importer.mapping.language.mapping_model import Mapping
from importer.tables import ATTRIBUTE_PREFIX, EntityTables, Sources
from importer.validation.policies import apply_policies, complete_defaults
from importer.validation.word_problems import one_per_word
from importer.workflow.word_files import with_words
from tests.mapping.support import Mapped, apply_mapping
from tests.support import validate_all

PAGE = Path(__file__).parent.parent.parent / "mappings" / "README.md"
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMES = {"csv": "customers.csv", "python": "mine.py", "yaml": "mine.yaml"}


@dataclass(frozen=True)
class Example:
    """A mapping on the page, with the files that it is run on and the result that the page shows."""

    line: int
    files: dict[str, str]
    mapping: str
    expected: str

    @property
    def sources(self) -> list[str]:
        return [name for name in self.files if name.endswith(".csv")]


def examples(text: str) -> Iterator[Example]:
    """Blocks come in this order: files (used until a new file follows a result), a mapping, its result."""
    files: dict[str, str] = {}
    mapping: str | None = None
    done = False
    for match in _BLOCK.finditer(text):
        kind, name, content = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        assert kind in {*_NAMES, "text", "console"}, f"line {line}: what is a block {kind!r}?"
        if kind in {"csv", "python"}:
            files = {} if done else files
            files[name or _NAMES[kind]] = content
            done = False
        elif kind == "yaml":
            assert mapping is None, f"line {line}: the mapping before this one has no result"
            mapping = content
        elif kind == "text":
            assert mapping is not None, f"line {line}: a result without a mapping"
            assert files, f"line {line}: a mapping without a file"
            yield Example(line, dict(files), mapping, content)
            mapping, done = None, True
    assert mapping is None, "the last mapping has no result"


def run(example: Example, folder: Path) -> str:
    """What the page should show: customers as they are sent, then everything that is reported."""
    for name, content in example.files.items():
        (folder / name).write_text(content, encoding="utf-8")
    path = folder / _NAMES["yaml"]
    path.write_text(example.mapping, encoding="utf-8")
    try:
        loaded = with_words(load_mapping(str(path)), None)
        hints = loaded.mapping.header_hints()
        allowed = frozenset(header_key(name) for names in hints for name in names)
        options = LoadOptions(columns=hints, two_headers=loaded.mapping.two_headers, allowed=allowed)
        names = [name for name in example.sources if name != loaded.mapping.word_table]
        sources = load([str(folder / name) for name in names], options)
        mapped = apply_mapping(loaded, sources)
    except ImporterError as error:
        return f"stopped: {error}\n".replace(f"{folder}/", "")
    return "\n".join(_told(sources, mapped, loaded.mapping)) + "\n"


def _told(sources: Sources, mapped: Mapped, mapping: Mapping) -> Iterator[str]:
    needed = mapping.needs_contact_email
    checked = validate_all(mapped.tables, sources, contact_email_required=needed, resolved_lookups=False)
    problems = type(checked).concat([mapped.problems, checked])
    validated = apply_policies(mapped.tables, problems, contact_email_required=needed, severities=mapping.severity)
    tables = complete_defaults(validated.tables)
    for customer in tables.customers.index[~validated.rejected]:
        yield from _customer(tables, customer)
    for customer in tables.customers.index[validated.rejected]:
        yield f"rejected: {tables.customers['reference_id'][customer]}"
    for problem in one_per_word(validated.problems, {}).frame.itertuples():
        place = str(sources.location(problem.row)) if problem.row >= 0 else "everywhere"
        column = "" if pd.isna(problem.column) else f", {problem.column}"
        yield f"{problem.severity}: {place}{column}: {problem.message}"
    for row in tables.rows.index[tables.rows["skipped"].notna()]:
        yield f"left out: {sources.location(row)}: {tables.rows['skipped'][row]}"
    for problem in mapped.notes:
        yield f"{problem.severity}: {problem.location}: {problem.message}"
    for name, columns in tables.unused_columns.items():
        yield f"not used: {name}: {', '.join(columns)}"


def _customer(tables: EntityTables, customer: int) -> Iterator[str]:
    record = tables.customers.loc[customer]
    yield f"customer {record['reference_id']}"
    yield from _fields(tables, record, "  ")
    for kind, frame in (("address", tables.addresses), ("contact", tables.contacts)):
        for number in frame.index[frame["_customer"] == customer]:
            yield f"  {kind} {frame['reference_id'][number]}"
            yield from _fields(tables, frame.loc[number], "    ")


def _fields(tables: EntityTables, record: "pd.Series", indent: str) -> Iterator[str]:
    origins = tables.entries[record["_entry"]].fields
    for name, value in record.items():
        if name.startswith("_") or name == "reference_id" or value is None or value is pd.NA:
            continue
        text = {True: "yes", False: "no"}.get(value, value) if not isinstance(value, list) else ", ".join(value)
        name_ = f"attribute {name.removeprefix(ATTRIBUTE_PREFIX)}" if name.startswith(ATTRIBUTE_PREFIX) else name
        lookup = origins[name].lookup if name in origins else None
        yield f"{indent}{name_}: {text}" + (f"  (looked up among the {lookup.replace('_', ' ')}s)" if lookup else "")
