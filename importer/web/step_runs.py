"""The step Runs: the import history with its reports, and the actions for an earlier run."""

from functools import partial
from pathlib import Path
from typing import Any

from starlette.responses import Response

from importer.call_options import AfterOptions
from importer.errors import NoLedgerError, UsageError
from importer.python_api import Result, runs, verify
from importer.web.background import SOON, Report
from importer.web.checked_list import page_of
from importer.web.page_app import Ask, PageContent, PageStep, file_of, report_page
from importer.web.sendings import Order
from importer.web.session_state import Session, command
from importer.web.step_send import AGAIN, OUTCOMES, key_of, order_again

_A_PAGE = 25
FILES = (
    *("report.html", "results.csv", "errors.csv", "children.csv", "rejected.xlsx", "sign-off.xlsx", "changes.csv"),
    *("undo.csv", "verify.csv", "summary.json"),
)
_ENDS = ("Completed", "Completed, with customers rejected or failed", "Not started", "Stopped early")


def _history(session: Session) -> list[dict[str, Any]]:
    try:
        return runs(ledger=session.base.ledger, **({"tenant": session.base.tenant} if session.base.tenant else {}))
    except NoLedgerError:  # the first run creates it
        return []


def _run(session: Session, run_id: str) -> dict[str, Any]:
    found = next((line for line in _history(session) if line["run_id"] == run_id), None)
    if found is None:
        raise UsageError("this run is not in the history", "Choose one from the list.")
    return found


def _line(found: dict[str, Any]) -> dict[str, Any]:
    counts = found["customers"]
    tiles = [(title, counts[name], tone) for name, title, tone in OUTCOMES if counts.get(name)]
    end = "In progress or interrupted" if found["exit_code"] is None else _ENDS[found["exit_code"]]
    return {**found, "tiles": tiles, "end": end, "when": found["started"][:16].replace("T", " ")}


def _show(ask: Ask) -> PageContent:
    session, wanted = ask.session, ask.query.get("run", "")
    lines, number, pages = page_of(_history(session), ask.number(ask.query.get("page", "1"), 1), _A_PAGE)
    values: dict[str, Any] = {
        "lines": [_line(line) for line in lines],
        "page": number,
        "pages": pages,
        "run": None,
        "command": command(session, "runs"),
        "has_key": bool(key_of(session)),
    }
    if wanted:
        found = _run(session, wanted)
        folder = Path(found["folder"])
        values["run"] = _line(found)
        values["files"] = [name for name in FILES if (folder / name).is_file()]
        values["commands"] = {"verify": command(session, "verify", wanted)}
        values["verified"] = _verified(ask, wanted).values
    return PageContent("runs.html", values)


def _verified(ask: Ask, run_id: str = "") -> PageContent:
    """The result of comparing the run with WizCommerce, if the user asked for that."""
    session = ask.session
    run_id = run_id or ask.query.get("run", "")
    if session.verifying is None or session.verifying[0] != run_id:
        return PageContent("runs_verified.html", {"work": None, "run_id": run_id})
    ledger, key, asked = session.base.ledger, session.verifying[1], session.verifying

    def work(report: Report) -> Result:
        own: AfterOptions = {"ledger": ledger, "stage": report, "progress": report}
        if key:
            own["key"] = key
        return verify(run_id, **own)

    begun = session.background.ask("verify", asked, work, patience=SOON)
    return PageContent("runs_verified.html", {"work": begun, "run_id": run_id})


def _verify(ask: Ask) -> str:
    session, run_id = ask.session, ask.text("run")
    _run(session, run_id)
    with ask.edit() as changed:
        changed.background.forget("verify")
        changed.verifying = (run_id, ask.text("key") or key_of(session))
    return f"/runs?run={run_id}"


def _again(ask: Ask, action: str) -> str:
    session, run_id = ask.session, ask.text("run")
    found = _run(session, run_id)
    options = {"ledger": session.base.ledger}
    order = order_again(ask, Order(action, found["tenant"], key_of(session), options, run=run_id))
    with ask.edit():
        session.sendings.begin(order)
    return "/send"


def _file(ask: Ask) -> Response:
    folder = Path(_run(ask.session, ask.query.get("run", ""))["folder"])
    name = Path(ask.query.get("name", "")).name
    return report_page(folder / name) if name == "report.html" else file_of(folder / name)


RUNS = PageStep(
    "runs",
    "Runs",
    _show,
    actions={"verify": _verify, **{name: partial(_again, action=name) for name in AGAIN}},
    parts={"verified": _verified},
    files={"of": _file},
)
