"""The step Fix: the problems by kind, and the affected rows as a grid. Each edited cell becomes a correction."""

from pathlib import Path
from typing import Any

from starlette.responses import Response

from importer.errors import UsageError
from importer.private_files import replacing
from importer.python_api import correct_cells, corrections_in, remove_correction
from importer.tables import plain_lines
from importer.web.analysis import MappingPreview, checked, mapped, rows_at
from importer.web.checked_list import CheckedList, page_of
from importer.web.page_app import Ask, PageContent, PageStep, file_of
from importer.web.session_state import Session, command
from importer.web.step_review import whole_check

_A_PAGE = 25  # rows


def _show(ask: Ask) -> PageContent:
    session = ask.session
    work = whole_check(session)
    values: dict[str, Any] = {"work": work, "outlook": None, "kind": None, "command": command(session, "check")}
    values |= {"corrections": corrections_in(session.corrections) if session.corrections else []}
    values["path"] = str(session.corrections_saved or Path.cwd() / f"{session.stem}-corrections.csv")
    values["saved"] = session.corrections_saved
    if isinstance(work.result, MappingPreview):
        found = work.result.checked
        code = ask.query.get("code", "")
        kind = next((one for one in found.kinds if one.code == code), found.kinds[0] if found.kinds else None)
        values |= {"outlook": work.result, "kinds": found.kinds, "kind": kind}
        if kind is not None:
            values |= _grid(session, found, kind.code, ask.number(ask.query.get("page", "1"), 1))
    return PageContent("fix.html", values)


def _grid(session: Session, found: CheckedList, code: str, page: int) -> dict[str, Any]:
    """The rows with problems of a kind, and the problem of each cell that has any."""
    own, every = found.of_kind(code), found.problems
    names = every["source"].where(every["sheet"].isna(), every["source"] + "!" + every["sheet"])
    placed = own[own["row"].notna() & own["source"].notna()]
    places = list(dict.fromkeys(zip(names[placed.index].tolist(), placed["row"].astype(int).tolist(), strict=True)))
    shown, number, pages = page_of(places, page, _A_PAGE)
    messages: dict[tuple[str, int, str], dict[Any, Any]] = {}
    mask = every["row"].isin([row for _, row in shown]) & (every["column"].notna() | (every["code"] == code))
    for name, line in zip(names[mask], plain_lines(every[mask]), strict=True):
        place = (str(name), int(line["row"]), str(line["column"]))  # "" for a problem of the whole row
        if place not in messages or line["severity"] == "error":
            messages[place] = line
    return {
        "tables": rows_at(session, shown, first=own["column"].dropna().unique().tolist()),
        "messages": messages,
        "page": number,
        "pages": pages,
        "unplaced": plain_lines(own[own["row"].isna()].head(20)),
    }


def _correct(ask: Ask) -> str:
    """Record the edited cells. The form's fields are named ``cell:ROW:NUMBER OF COLUMN:TABLE``."""
    with ask.edit() as session:
        found = checked(session)
        given = [(name, texts[0]) for name, texts in ask.form.items() if name.startswith("cell:")]
        cells = []
        for name, text in given:
            _, row, place, table = name.split(":", 3)
            source = next((one for one in mapped(session).tables if one.name == table), None)
            at = ask.number(place, -1)
            if source is None or not 0 <= at < len(source.headers):
                raise UsageError("the cell is not in the file", "Load the page again.")
            cells.append((table, ask.number(row, 0), source.headers[at], text))
        path = _next_file(session)
        result = correct_cells(found.folder, cells, path, replace=True)
        if result.not_recorded:
            raise UsageError("; ".join(result.not_recorded), "Nothing was recorded.")
        _take(session, path)
    return _address(ask)


def _take_back(ask: Ask) -> str:
    with ask.edit() as session:
        path = _next_file(session)
        remove_correction(path, ask.number(ask.text("line"), 0))
        _take(session, path)
    return _address(ask)


def _next_file(session: Session) -> Path:
    """A copy of the corrections for the next change, because a running check may still read the previous file.

    Raises :class:`UsageError` if another program has changed the file in which the user keeps the corrections.
    """
    saved = session.corrections_saved
    if saved and session.corrections and saved.exists() and saved.read_bytes() != session.corrections.read_bytes():
        raise UsageError(
            f"{saved} was changed by another program in the meantime, so your change was not made",
            "Save your corrections under another name, or start `importer open` again to work with the changed file.",
        )
    path = session.folder / f"corrections-{session.version}.csv"
    path.unlink(missing_ok=True)  # left by an edit that failed
    if session.corrections is not None:
        with replacing(path) as file:
            file.write(session.corrections.read_bytes())
    return path


def _take(session: Session, path: Path) -> None:
    """Use these corrections, and save them in the user's file, if there is one."""
    session.corrections = path if path.exists() else None
    if session.corrections_saved is not None and path.exists():
        with replacing(session.corrections_saved.resolve()) as file:  # replace the file itself, not a link to it
            file.write(path.read_bytes())


def _save(ask: Ask) -> str:
    with ask.edit() as session:
        path = ask.path
        if path.suffix.lower() != ".csv" or not path.parent.is_dir():
            raise UsageError(
                f"{path} is not a .csv file in an existing folder",
                "Enter the path of a .csv file in an existing folder.",
            )
        if session.corrections is None:
            raise UsageError("there are no corrections yet", "Edit a cell first.")
        if path.exists() and path != session.corrections_saved:
            raise UsageError(f"{path}: this file already exists", "Enter another name.")
        session.corrections_saved = path
        _take(session, session.corrections)
        session.notice = (
            f"Your corrections are saved in {path}. Later ones will be added. "
            "Use the file with --corrections in later runs."
        )
    return _address(ask)


def _address(ask: Ask) -> str:
    return f"/fix?code={ask.text('code')}&page={ask.number(ask.text('page'), 1)}"


def _download(ask: Ask) -> Response:
    if ask.session.corrections is None:
        raise UsageError("there are no corrections yet", "Edit a cell first.")
    return file_of(ask.session.corrections)


FIX = PageStep(
    "fix",
    "Fix",
    _show,
    actions={"cells": _correct, "back": _take_back, "save": _save},
    files={"corrections": _download},
)
