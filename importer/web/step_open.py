"""The step Open: files are dropped or named, their content is shown, and the way they are read can be changed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from importer.errors import UsageError
from importer.tables import Sources, SourceTable
from importer.web.analysis import tables_of
from importer.web.page_app import Ask, PageContent, PageStep
from importer.web.session_state import suggest_command

_FIRST = 5  # rows that are shown of each table
_WIDEST = 30  # columns that are shown of each table
ENCODINGS = (
    *("utf-8", "utf-16", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "iso8859-1", "iso8859-15", "mac-roman"),
    *("cp437", "cp850", "koi8-r", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"),
)
DELIMITERS = ((",", "comma ,"), (";", "semicolon ;"), ("\t", "tab"), ("|", "bar |"))
_REASONS = {
    "title": "titles", "blank": "blank rows", "total": "totals", "footer": "footers", "separator": "lines of dashes",
}  # fmt: skip


def found_in(table: SourceTable) -> dict[str, Any]:
    """A table as the page describes it: facts, columns, and its first rows."""
    details = table.details
    delimiter = dict(DELIMITERS).get(str(details.get("delimiter")), details.get("delimiter"))
    skipped = table.skipped["reason"].value_counts()
    left_out = [f"{_REASONS.get(str(why), why)}: {count:,}" for why, count in skipped.items() if why != "header"]
    facts = [
        ("Rows", f"{len(table):,}"),
        ("Header", f"row {details['header_row']}" if "header_row" in details else "none"),
        ("Encoding", str(details.get("encoding") or "")),
        ("Delimiter", str(delimiter or "")),
        ("Left out", ", ".join(left_out)),
    ]
    columns = list(table.headers)
    rows = table.frame.iloc[:_FIRST, :_WIDEST].itertuples(index=False, name=None)
    first = [
        (int(number), [str(cell) for cell in row]) for number, row in zip(table.row_numbers[:_FIRST], rows, strict=True)
    ]
    known = [(name, text) for name, text in facts if text]
    shown = {"columns": columns[:_WIDEST], "first": first, "more_columns": max(0, len(columns) - _WIDEST)}
    return {"name": table.name, "facts": known, **shown}


def _show(ask: Ask) -> PageContent:
    choices = {"reading": ask.session.reading, "encodings": ENCODINGS, "delimiters": DELIMITERS}
    return PageContent("open.html", {**_found(ask).values, **choices})


def _found(ask: Ask) -> PageContent:
    session = ask.session
    values: dict[str, Any] = {"tables": [], "problems": [], "work": None, "sheets": [], "command": "", "files": []}
    values["has_sources"] = bool(session.sources)
    if session.sources:
        work = tables_of(session)
        values |= {"work": work, "files": [*enumerate(Path(source).name for source in session.sources)]}
        if work.result is not None:
            sources: Sources = work.result
            values["tables"] = [found_in(table) for table in sources.tables]
            values["problems"] = sources.problems
            named = [table.sheet for table in sources.tables]
            named += [problem.location.sheet for problem in sources.problems if problem.location is not None]
            session.sheets.update(dict.fromkeys(sheet for sheet in named if sheet))
            values["command"] = suggest_command(session)
        values["sheets"] = [*session.sheets]
    return PageContent("open_found.html", values)


def _add(ask: Ask) -> str:
    path = str(Path(ask.text("path")).expanduser()) if ask.text("path") else ""
    if not path:
        raise UsageError("the path is missing", "Enter the path of a file or folder on this machine.")
    with ask.edit() as session:
        session.take_sources((*session.sources, path))
    return "/open"


def _remove(ask: Ask) -> str:
    with ask.edit() as session:
        at = ask.number(ask.text("file"), -1)
        gone = session.sources[at : at + 1] if at >= 0 else ()
        session.take_sources(tuple(one for number, one in enumerate(session.sources) if number != at))
        for one in gone:
            if Path(one).parent == session.uploads:
                Path(one).unlink(missing_ok=True)
    return "/open"


def _read(ask: Ask) -> str:
    given = {name: ask.text(name) or None for name in ("country", "sheet", "encoding")}
    delimiter = ask.form.get("delimiter", [""])[0] or None  # not trimmed: a tab is a delimiter
    country = given["country"]
    if country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise UsageError(
            f"{country!r} is not a country code", "Enter the two-letter code of a country, such as US or GB."
        )
    with ask.edit() as session:
        own = {**given, "delimiter": delimiter, "country": country.upper() if country else None}
        session.reading = replace(session.reading, **own)
    return "/open"


OPEN = PageStep(
    "open",
    "Open",
    _show,
    actions={"path": _add, "remove": _remove, "reading": _read},
    parts={"found": _found},
)
