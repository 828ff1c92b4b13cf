"""The step Match: the suggested mapping as a table, its questions, its effect on the file, and saving it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.responses import Response

from importer.drafting.column_choices import IGNORE
from importer.drafting.draft import Draft
from importer.errors import UsageError
from importer.python_api import mappings, write_mapping
from importer.tables import ATTRIBUTE_PREFIX
from importer.web.analysis import (
    as_text,
    check_of,
    draft_of,
    drafted,
    is_large,
    loaded,
    mapping_file,
    mapping_text,
    sample_of,
    with_draft,
)
from importer.web.page_app import Ask, PageContent, PageStep, file_of
from importer.web.session_state import Matching, Session, command, mapping_name, suggest_command
from importer.web.target_choices import chosen_target, groups_for, missing_lines, words_of

_MOST_VALUES = 60  # values of a column from which the user can choose those whose rows are left out
_WHY = {"code": "known header", "chosen": "your choice", "mapping": "included mapping"}


def _show(ask: Ask) -> PageContent:
    session = ask.session
    values: dict[str, Any] = {
        "matching": session.matching,
        "included": mappings(),
        "draft": None,
        "work": None,
        "saved": session.saved,
        "name": mapping_name(session),
        "outlook": {},
        "command": "",
    }
    if session.matching.kind == "draft":
        work = draft_of(session)
        values["work"] = work
        if work.result is not None:
            values |= _draft_values(session, work.result, ask.query.get("column", ""))
    values["outlook"] = _mapping_preview(ask).values  # of the draft, if there is one by now
    if (session.matching.kind != "named" and values["work"] is None) or values["draft"] is not None:
        values["text"] = mapping_text(session)
        values["is_saved"] = session.saved is not None and session.saved[1] == values["text"]
        values["path"] = str(session.saved[0] if session.saved else Path.cwd() / f"{session.stem}.yaml")
        values["command"] = suggest_command(session)
    return PageContent("match.html", values)


def _draft_values(session: Session, draft: Draft, column: str) -> dict[str, Any]:
    several = len({(one.file, one.sheet) for one in draft.columns}) > 1
    lines = [
        {
            "column": one,
            "place": (one.file if one.sheet is None else f"{one.file}!{one.sheet}") if several else "",
            "target": chosen_target(one),
            "also": [words_of(target) for target in one.targets[1:] if chosen_target(one)[0] == one.targets[0]],
            "why": ", ".join(_WHY.get(why, why) for why in one.why),
            "attribute": f"{ATTRIBUTE_PREFIX}{one.header}",
        }
        for one in draft.columns
    ]
    names = [one.name for one in draft.columns]
    shown = column if column in names else ""
    return {
        "draft": draft,
        "lines": lines,
        "groups": groups_for(draft.columns),
        "open": {question.id for question in draft.open},
        "without_street": missing_lines(draft.columns),
        "column": shown,
        "texts": _texts(session, draft, shown) if shown else [],
    }


def _texts(session: Session, draft: Draft, name: str) -> list[tuple[str, int, bool]]:
    """The most frequent texts of a column, with their counts, and whether their rows are left out."""
    own = next(one for one in draft.columns if one.name == name)
    counts: Counter[str] = Counter()
    for table in loaded(session).tables:
        if (table.file, table.sheet) == (own.file, own.sheet) and own.header in table.headers:
            counts.update(
                {str(text): int(n) for text, n in table.frame[own.header].value_counts().items() if str(text)}
            )
    chosen = set(session.matching.skip.get(name, ()))
    return [(text, count, text in chosen) for text, count in counts.most_common(_MOST_VALUES)]


def _mapping_preview(ask: Ask) -> PageContent:
    """The effect of the mapping on the file; if the file is large, a sample is checked before the rest."""
    session = ask.session
    values: dict[str, Any] = {"sample": None, "whole": None, "error": None, "busy": "", "command": ""}
    if session.matching.kind == "draft" and not (work := draft_of(session, 0)).done:
        return PageContent("match_outlook.html", {**values, "busy": work.phase or "Matching the columns"})
    try:
        large = is_large(loaded(session))
        first = sample_of(session) if large else None
        whole = check_of(session) if first is None or first.done else None
    except UsageError as error:
        return PageContent("match_outlook.html", {**values, "error": error})
    done = [work for work in (first, whole) if work is not None and work.done]
    for outlook in (work.result for work in done if work.result is not None):
        values["whole" if outlook.rows is None else "sample"] = outlook
    values["error"] = None if whole is None else whole.error
    if whole is None or not whole.done:
        running = whole or first
        values["busy"] = (running.phase if running else "") or "Checking"
    values["command"] = command(session, "check")
    return PageContent("match_outlook.html", values)


def _target(ask: Ask) -> str:
    with ask.edit() as session:
        matching, draft = session.matching, drafted(session)
        targets, skip = dict(matching.targets), dict(matching.skip)
        now = {one.name: chosen_target(one)[0] for one in draft.columns}
        for name, present in now.items():
            given = ask.text(f"target:{name}")
            if given and given != present:
                targets = {other: own for other, own in targets.items() if own != given or own == IGNORE}
                targets[name] = given
                skip.pop(name, None)
        if targets != matching.targets:
            if draft.fits is not None:
                session.notice = (
                    f"This is now a draft just for this file; the included mapping {draft.fits[0]} is not used."
                )
            with_draft(session, replace(matching, targets=targets, skip=skip))
    return "/match"


def _answer(ask: Ask) -> str:
    with ask.edit() as session:
        given = {question.id: ask.text(f"answer:{question.id}") for question in drafted(session).questions}
        answers = {**session.matching.answers, **{name: answer for name, answer in given.items() if answer}}
        with_draft(session, replace(session.matching, answers=answers))
    return "/match"


def _skip(ask: Ask) -> str:
    name, texts = ask.text("column"), list(ask.form.get("text", ()))
    with ask.edit() as session:
        skip = {own: chosen for own, chosen in session.matching.skip.items() if own != name}
        skip |= {name: texts} if texts else {}
        targets = {own: target for own, target in session.matching.targets.items() if own != name or not texts}
        with_draft(session, replace(session.matching, skip=skip, targets=targets))
    return "/match"


def _use(ask: Ask) -> str:
    """Use a draft, an included mapping, or the user's own mapping file."""
    kind = ask.text("kind")
    name = ask.text("path") if kind == "file" else ask.text("included")
    with ask.edit() as session:
        if kind in ("draft", "scratch"):
            with_draft(session, Matching(from_scratch=kind == "scratch"))
        elif not name:
            raise UsageError("no mapping was chosen", "Choose an included one, or enter the path of your own.")
        else:
            session.matching = Matching("named", str(Path(name).expanduser()) if kind == "file" else name)
            loaded(session)
        session.saved = None
    return "/match"


def _write(ask: Ask) -> str:
    text = ask.form.get("text", [""])[0].replace("\r\n", "\n")
    with ask.edit() as session:
        as_text(session, text if text.endswith("\n") else f"{text}\n")
    return "/match"


def _save(ask: Ask) -> str:
    with ask.edit() as session:
        text = mapping_text(session)
        if text is None:
            raise UsageError("this mapping has its own file", "There is nothing to save.")
        path = ask.path
        if path.suffix not in (".yaml", ".yml"):
            raise UsageError(f"{path.name} does not end in .yaml", "Enter a name that ends in .yaml.")
        again = session.saved is not None and session.saved[0] == path
        write_mapping(text, path, replace=again or bool(ask.text("replace")))
        session.saved = (path, text)
        session.notice = f"The mapping is saved in {path}."
    return "/match"


def _download(ask: Ask) -> Response:
    if ask.session.matching.kind == "named":
        raise UsageError("this mapping has its own file", "There is nothing to download.")
    return file_of(Path(mapping_file(ask.session)))


MATCH = PageStep(
    "match",
    "Match",
    _show,
    actions={"target": _target, "answer": _answer, "skip": _skip, "use": _use, "write": _write, "save": _save},
    parts={"outlook": _mapping_preview},
    files={"mapping": _download},
)
