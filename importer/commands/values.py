"""``values``: the table of the words in the source, with their values in WizCommerce if these are known."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from importer.commands.lookups import ask_for_everything
from importer.errors import UsageError
from importer.mapping.source_words import source_words
from importer.mapping.word_table import LEAVE_OUT, WordLine, WordTable, word_table
from importer.report.word_workbook import WordRow, words_text, write_words
from importer.settings import Options
from importer.wording import counted
from importer.workflow.directory import load_lookups
from importer.workflow.open_sources import open_sources, with_dates
from importer.workflow.supervision import Watch
from importer.workflow.timings import Timings, utc_now
from importer.workflow.word_files import matched, merged, read_words, refuse_unknown_values

SUFFIXES = (".xlsx", ".csv")


def values(
    options: Options,
    environment: Mapping[str, str],
    output: Path | None,
    *,
    online: bool,
    watch: Watch,
    decided: Mapping[tuple[str, str], str] | None = None,
) -> dict[str, Any]:
    """The words of the sources, as plain values; the table is also written to ``output`` if that is given.

    ``online``: ask the API what exists; otherwise, ``options.lookups`` is used, if given. The values in an earlier
    ``output`` and in ``options.values`` are kept, and new words are added. ``decided``: (kind, word) → its value, which
    overrides both. Raises :class:`InputError`, and :class:`StopError` if the API cannot be read.
    """
    if output is not None and output.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"-o {output}: a value table is a workbook or a CSV file", "Use a name that ends in .xlsx or .csv."
        )
    if online and options.lookups is not None:
        raise UsageError("--api and --lookups cannot be combined", "Use one of them.")
    earlier = read_words(output) if output is not None and output.exists() else WordTable()
    loaded, sources = open_sources(with_dates(options, utc_now()), Timings(began=watch.stage), words_to_come=True)
    found = source_words(loaded, sources, options.country)
    directory = None
    if options.lookups is not None:
        directory = load_lookups(options.lookups).directory
    elif online:
        _, directory = ask_for_everything(options, environment, watch=watch)
    given = word_table(
        "decided", (WordLine(*one, value, f"{one[0]}: {one[1]}") for one, value in (decided or {}).items())
    )
    table = _together(given, _together(earlier, loaded.words))
    if directory is not None:
        refuse_unknown_values(table, directory)
    rows, exists = matched(found, directory, table)
    rows, counts = merged(rows, table)
    if output is not None:
        write_words(output, rows, exists, LEAVE_OUT)
    return {
        "file": None if output is None else str(output),
        "mapping": loaded.name,
        "words": [asdict(row) for row in rows],
        "exists": {kind: list(names) for kind, names in exists.items()},
        "without_value": sum(not row.value for row in rows),
        "proposed": sum(bool(row.proposal) for row in rows),
        **(counts if table.lines else dict.fromkeys(counts, 0) | {"added": len(rows)}),
    }


def _together(first: WordTable, second: WordTable) -> WordTable:
    """Both tables combined. If both have a value for a word, that of the first one counts."""
    lines = {kind: dict(own) for kind, own in second.lines.items()}
    for kind, own in first.lines.items():
        filled = {word: line for word, line in own.items() if line.value or word not in lines.get(kind, {})}
        lines[kind] = {**lines.get(kind, {}), **filled}
    return replace(first, lines=lines)


def values_text(found: Mapping[str, Any], width: int) -> str:
    """The result of :func:`values` for a person: the table, or what was written to the file."""
    if not found["words"]:
        return "The files have no values that need to be mapped."
    count, proposed = len(found["words"]), found["proposed"]
    state = f"{counted(count, 'value')}, {found['without_value']:,} not mapped yet"
    state += f" ({proposed:,} with a suggestion)." if proposed else "."
    if found["file"] is None:
        table = words_text([WordRow(**row) for row in found["words"]], width)
        return f"{table}\n\n{state} With -o values.xlsx, they are written to a table to fill in."
    absent = f"; no longer in the files: {found['absent']:,}" if found["absent"] else ""
    history = f" Mapped before: {found['kept']:,}; new: {found['added']:,}{absent}." if found["kept"] else ""
    return f"{found['file']}: {state}{history}"
