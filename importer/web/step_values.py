"""The step Values: the source's words for reps, terms, and options, beside the values in WizCommerce.

The user decides once what each word means.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from importer.errors import UsageError
from importer.python_api import save_lookups, values
from importer.web.analysis import check_options, loaded, mapping_file
from importer.web.background import SOON, Report, Seen
from importer.web.page_app import Ask, PageContent, PageStep
from importer.web.session_state import Session, command
from importer.web.step_send import connection_values, take_access, target_of

_KINDS = {
    "assigned_sales_rep_ids": "Sales reps",
    "assigned_price_list_id": "Price lists",
    "payment_term": "Payment terms",
    "payment_mode": "Payment modes",
    "freight_term": "Freight terms",
    "shipping_method": "Shipping methods",
    "address type": "Address types",
}
_OF_MAPPING = frozenset({"payment_term", "payment_mode", "freight_term", "shipping_method"})  # WizCommerce has no list
LEAVE_OUT = "leave out"
_MOST = 500  # words of each kind on the page


def _words_of(session: Session) -> Seen[dict[str, Any]]:
    """The words with the values that are known."""
    loaded(session)
    how, decided, sources = check_options(session), dict(session.words), session.sources
    mapping = mapping_file(session)
    key = (sources, session.reading, mapping, decided, session.values, session.lookups)

    def work(report: Report) -> dict[str, Any]:
        report("Collecting the values")
        return values(list(sources), mapping, decided=decided, **how)

    return session.background.ask("words", key, work, patience=SOON)


def _words(ask: Ask) -> PageContent:
    session = ask.session
    work = _words_of(session)
    shown: dict[str, Any] = {"work": work, "kinds": [], "known": session.lookups is not None, "command": ""}
    if work.result is not None:
        for kind in dict.fromkeys(row["kind"] for row in work.result["words"]):
            rows = [row for row in work.result["words"] if row["kind"] == kind]
            shown["kinds"].append(
                {
                    "name": kind,
                    "title": _KINDS.get(kind, kind.replace("attributes.", "Attribute ")),
                    "rows": rows[:_MOST],
                    "more": max(0, len(rows) - _MOST),
                    "exists": work.result["exists"].get(kind, []),
                    "of_mapping": kind in _OF_MAPPING,
                    "open": sum(not row["value"] for row in rows),
                }
            )
        shown["command"] = command(session, "values", "-o", "values.xlsx")
    return PageContent("values_words.html", shown)


def _show(ask: Ask) -> PageContent:
    words = _words(ask)
    path = Path.cwd() / f"{ask.session.stem}-values.xlsx"
    return PageContent(
        "values.html",
        {**words.values, **connection_values(ask.session), "leave_out": LEAVE_OUT, "path": str(path)},
    )


def _connect(ask: Ask) -> str:
    """Get the existing values from WizCommerce, and keep them for this session."""
    with ask.edit() as session:
        take_access(session, ask)
        path = session.folder / f"lookups-{session.version}.json"
        found = save_lookups(target_of(session), path, ledger=session.base.ledger)
        session.lookups = path
        parts = [f"{found['sales_reps']:,} sales reps", f"{found['price_lists']:,} price lists"]
        session.notice = f"WizCommerce has {', '.join(parts)}, and {found['attributes']:,} custom attributes."
    return "/values"


def _decide(ask: Ask) -> str:
    with ask.edit() as session:
        words = _words_of(session).outcome()["words"]
        decided = dict(session.words)
        for number, row in enumerate(words):
            name = f"value:{number}"
            given = ask.text(name)
            if name in ask.form and given != row["value"]:
                decided[row["kind"], row["word"]] = given
        if ask.text("propose"):
            open_words = (row for row in words if row["proposal"] and not row["value"])
            decided |= {(row["kind"], row["word"]): row["proposal"] for row in open_words}
        path = session.folder / f"values-{session.version}.csv"  # checks and runs use it
        _table(session, path, decided)
        session.words, session.values = decided, path
    return "/values"


def _table(session: Session, path: Path, decided: Mapping[tuple[str, str], str]) -> None:
    values(list(session.sources), mapping_file(session), output=path, decided=decided, **check_options(session))


def _save(ask: Ask) -> str:
    path = ask.path
    with ask.edit() as session:
        if not ask.text("path"):
            raise UsageError("the file name is missing", "Enter the path of an .xlsx or .csv file.")
        _table(session, path, session.words)
        session.values = path
        session.notice = f"The table is saved in {path}. Use it with --values in later runs."
    return "/values"


VALUES = PageStep(
    "values",
    "Values",
    _show,
    actions={"connect": _connect, "decide": _decide, "save": _save},
    parts={"words": _words},
)
