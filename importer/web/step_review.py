"""The step Review: what will be sent for each customer, beside the rows that it comes from; and reports to download."""

from pathlib import Path
from typing import Any, Literal

from starlette.responses import Response

from importer.call_options import ReportOptions
from importer.errors import UsageError
from importer.python_api import write_report
from importer.tables import plain_lines
from importer.web.analysis import MappingPreview, check_of, checked, draft_of, rows_at
from importer.web.background import Seen
from importer.web.checked_list import CheckedList, page_of, places_of
from importer.web.page_app import Ask, PageContent, PageStep, file_of, report_page
from importer.web.session_state import Session, command
from importer.web.step_send import SIGN_OFF

_A_PAGE = 20
FILES = {
    SIGN_OFF: "What will be sent (for review only)",
    "rejected.xlsx": "Rejected rows, to fix in Excel",
    "results.csv": "All customers",
    "errors.csv": "All problems",
}


def whole_check(session: Session) -> Seen[Any]:
    """The check of everything, or the draft if that is not finished or has failed."""
    if session.matching.kind == "draft":
        draft = draft_of(session)
        if not draft.done or draft.error is not None:
            return draft
    return check_of(session)


def _show(ask: Ask) -> PageContent:
    session, query = ask.session, ask.query
    work = whole_check(session)
    values: dict[str, Any] = {
        "work": work,
        "outlook": None,
        "command": command(session, "check"),
        "contact": session.base.contact or "",
    }
    if isinstance(work.result, MappingPreview):
        found = work.result.checked
        text, outcome = query.get("q", ""), query.get("outcome", "")
        outcome = outcome if outcome in ("valid", "rejected") else ""
        matching = found.search(text, outcome)
        lines, number, pages = page_of(matching, ask.number(query.get("page", "1"), 1), _A_PAGE)
        listed = plain_lines(lines)
        ids = [line["reference_id"] for line in listed]
        chosen = query.get("customer", "") or (ids[0] if ids else "")
        values |= {
            "outlook": work.result,
            "summary": found.summary,
            "lines": listed,
            "count": len(matching),
            "page": number,
            "pages": pages,
            "q": text,
            "outcome": outcome,
            "chosen": chosen,
            "customer": _customer(session, found, chosen) if chosen else None,
            "files": {one: title for one, title in FILES.items() if one == SIGN_OFF or (found.folder / one).is_file()},
        }
    return PageContent("review.html", values)


def _customer(session: Session, found: CheckedList, reference_id: str) -> dict[str, Any] | None:
    own = found.customers[(found.customers["reference_id"] == reference_id).fillna(False)]
    if not len(own):
        return None
    line = plain_lines(own.head(1))[0]
    problems = plain_lines(found.of_customer(reference_id).head(30))
    return {
        "reference_id": reference_id,
        "company_name": line["company_name"],
        "body": found.body(reference_id),
        "rows": rows_at(session, places_of(str(line["rows"]))),
        "problems": problems,
    }


def _file(ask: Ask) -> Response:
    name = ask.query.get("name", "")
    if name not in FILES:
        raise UsageError("there is no such file", "Choose one of those on the page.")
    path = checked(ask.session).folder / name
    if not path.is_file():
        _write(ask, "owner")
    return file_of(path)


def _report(ask: Ask) -> Response:
    """The report for the owner of the data or for the operator, for viewing."""
    return report_page(_write(ask, "owner" if ask.query.get("for") == "owner" else "operator") / "report.html")


def _write(ask: Ask, reader: Literal["owner", "operator"]) -> Path:
    """Write the check's reports for ``reader``. Returns their folder."""
    session, folder = ask.session, checked(ask.session).folder
    how: ReportOptions = {"out": folder.parent, "ledger": session.base.ledger, "for_": reader}
    if reader == "owner" and (contact := ask.query.get("contact", "").strip()):
        how["contact"] = contact
    with session.lock:  # two requests at once would write the same files
        write_report(folder.name, **how)
    return folder


REVIEW = PageStep("review", "Review", _show, files={"of": _file, "report": _report})
