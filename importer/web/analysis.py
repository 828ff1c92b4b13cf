"""What results from a session's sources and mapping: the tables, the draft, and the checks of a sample and of all rows.

Each result is computed once for a state of the session, in the background. After a change, it is computed again.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from importer.drafting.draft import Draft
from importer.errors import UsageError
from importer.python_api import check, read, suggest
from importer.tables import Sources
from importer.web.background import SOON, Report, Seen
from importer.web.checked_list import CheckedList
from importer.web.session_state import Matching, Session

SAMPLE = 2_000  # rows; if there are more, a sample is checked first


@dataclass(frozen=True)
class MappingPreview:
    """The result of a check. ``rows``: if only the first rows were checked, how many; None: all rows."""

    checked: CheckedList
    rows: int | None = None


def tables_of(session: Session, patience: float = SOON) -> Seen[Sources]:
    """The :class:`Sources` of the session. Raises :class:`UsageError` if there are none."""
    if not session.sources:
        raise UsageError("no file is open", "Open one first.")
    sources, reading, matching = session.sources, session.reading, session.matching
    named = matching.content if matching.kind == "named" else None
    key = (sources, reading, named)

    def work(report: Report) -> Sources:
        report("Reading the files")
        return read(list(sources), named, **reading.options())

    return session.background.ask("read", key, work, patience=patience)


def loaded(session: Session) -> Sources:
    """The tables; waits until they are read. Raises what reading raises."""
    return tables_of(session).outcome()


def draft_of(session: Session, patience: float = SOON) -> Seen[Draft]:
    country, matching, tables = session.reading.country, session.matching, tables_of(session, 0)

    def work(report: Report) -> Draft:
        sources = tables.outcome()
        report("Matching the columns")
        how: dict[str, Any] = {} if country is None else {"country": country}
        how |= {"targets": matching.targets, "skip": matching.skip, "from_scratch": matching.from_scratch}
        plain = suggest(sources, **how)
        asked = {question.id for question in plain.questions}
        answers = {name: answer for name, answer in matching.answers.items() if name in asked}
        return suggest(sources, **how, answers=answers) if answers else plain

    return session.background.ask("draft", (session.sources, session.reading, matching), work, patience=patience)


def drafted(session: Session) -> Draft:
    """The draft; waits until it is made. Raises what :func:`importer.suggest` raises."""
    return draft_of(session).outcome()


def mapping_text(session: Session) -> str | None:
    """The text of the session's mapping; None for a mapping with a name or a path."""
    if session.matching.kind == "named":
        return None
    return session.matching.content if session.matching.kind == "text" else drafted(session).mapping


def mapping_file(session: Session) -> str:
    text = mapping_text(session)
    if text is None:
        return session.matching.content
    return str(session.own_file(f"{session.stem}.yaml", text))


def reading_options(session: Session) -> dict[str, Any]:
    """The options about the sources for a check, a plan, and a run."""
    found = {**session.reading.options(), "values": session.values, "corrections": session.corrections}
    return {name: value for name, value in found.items() if value is not None}


def check_options(session: Session) -> dict[str, Any]:
    """The options of a check, including what exists in WizCommerce if that is known."""
    return reading_options(session) | ({} if session.lookups is None else {"lookups": session.lookups})


def state_of(session: Session) -> tuple[Any, ...]:
    """Everything that the results depend on."""
    decided = (dict(session.words), session.values, session.lookups, session.corrections)
    return session.sources, session.reading, session.matching, decided


def is_large(tables: Sources) -> bool:
    """Whether a sample is checked first. With several files, a sample would lack data from the other files."""
    return tables.row_count > SAMPLE and len(tables.tables) == 1


def sample_of(session: Session) -> Seen[MappingPreview]:
    """The :class:`MappingPreview` on the first rows of a large source."""
    table, mapping, how = loaded(session).tables[0], mapping_file(session), check_options(session)
    how = {name: own for name, own in how.items() if name not in ("sheet", "encoding", "delimiter")}
    folder = session.folder / "sample"

    def work(report: Report) -> MappingPreview:
        report(f"Checking the first {SAMPLE:,} rows")
        name = re.sub(r"[^\w .()-]", " ", table.file).strip(" .()-") or "sample"
        frames = {name: table.frame.head(SAMPLE)}
        found = check(frames, mapping, out=folder, partial=True, **how)
        outlook = MappingPreview(CheckedList(found), SAMPLE)
        shutil.rmtree(found.folder, ignore_errors=True)
        return outlook

    return session.background.ask("sample", state_of(session), work, patience=SOON)


def check_of(session: Session) -> Seen[MappingPreview]:
    """The :class:`MappingPreview` on everything. Reports of earlier checks are deleted, except the latest."""
    mapping, how = mapping_file(session), check_options(session)
    sources, out = list(session.sources), session.folder / "checks"

    def work(report: Report) -> MappingPreview:
        earlier = sorted(out.iterdir()) if out.is_dir() else []
        found = check(sources, mapping, out=out, stage=report, **how)
        outlook = MappingPreview(CheckedList(found))
        for folder in earlier[:-1]:  # the latest may still be downloading
            shutil.rmtree(folder, ignore_errors=True)
        return outlook

    return session.background.ask("check", state_of(session), work, patience=SOON)


def mapped(session: Session) -> Sources:
    """The tables as a check reads them: with the mapping's information about their columns, and corrected."""
    sources, mapping, how = list(session.sources), mapping_file(session), reading_options(session)

    def work(report: Report) -> Sources:
        report("Reading the files")
        return read(sources, mapping, **how)

    return session.background.ask("rows", state_of(session), work).outcome()


def checked(session: Session) -> CheckedList:
    """The check of everything; waits until it is done. Raises what :func:`importer.check` raises."""
    return check_of(session).outcome().checked


def with_draft(session: Session, matching: Matching) -> None:
    """Use this matching, and make a draft from it. Raises what :func:`importer.suggest` raises."""
    session.matching = matching
    drafted(session)


def as_text(session: Session, text: str) -> None:
    """Use a mapping that the user wrote. Raises :class:`importer.errors.InputError` if it cannot be used."""
    session.matching = replace(Matching(), kind="text", content=text)
    read(list(session.sources), mapping_file(session), **session.reading.options())


def rows_at(session: Session, places: Sequence[tuple[str, int]], *, first: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of the sources at these places (table, row number), by table; places that do not exist are left out.

    ``first``: the columns that come before the others. Each table has its ``name``, its ``columns``, their ``places``
    (their positions in the source), and ``rows``: row number → its cells, in the order of the columns.
    """
    found = []
    for table in mapped(session).tables:
        wanted = np.array(sorted({row for name, row in places if name == table.name}), np.int64)
        at = np.flatnonzero(np.isin(table.row_numbers, wanted)) if len(wanted) else wanted
        if len(at):
            headers = sorted(table.headers, key=lambda header: header not in first)
            cells = zip(*(table.cells(header, at).to_pylist() for header in headers), strict=True)
            rows = dict(zip(table.row_numbers[at].tolist(), cells, strict=True))
            places_of = [table.headers.index(one) for one in headers]
            found.append({"name": table.name, "columns": headers, "places": places_of, "rows": rows})
    return found
