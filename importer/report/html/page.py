"""``report.html``: a self-contained page, made from the summary, the figures, and the customers shown."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from importer.report.advice import headline, lost_children, unused_data
from importer.report.correction_list import shown_corrections
from importer.report.html.figures import (
    by_column,
    column_accounts,
    completeness,
    countries,
    failures,
    inventory,
    problem_groups,
    rewritten,
)
from importer.report.html.owner_page import owner_context
from importer.report.html.shown_customers import read_changes, shown_customers
from importer.report.report_files import whole_file
from importer.report.report_input import OPERATOR, Reader, ReportInput
from importer.wording import counted

_HERE = "importer.report.html"
_OUTCOMES = {  # outcome → (label, tone)
    "valid": ("valid", "good"),
    "created": ("created", "good"),
    "updated": ("updated", "good"),
    "unchanged": ("unchanged", "calm"),
    "exists": ("already in WizCommerce", "calm"),
    "pending": ("not sent yet", "calm"),
    "unknown": ("outcome unknown", "warn"),
    "failed": ("failed", "bad"),
    "rejected": ("rejected", "bad"),
}
_PLANNED = {
    "create": ("to create", "good"),
    "update": ("to update", "good"),
    "unchanged": ("unchanged", "calm"),
    "exists": ("already in WizCommerce", "calm"),
    "left_out": ("not selected by --only", "calm"),
    "in_doubt": ("outcome unknown", "warn"),
    "lost": ("no longer in WizCommerce", "warn"),
    "rejected": ("rejected", "bad"),
}
_SLICES = 3  # fewer points are not worth a chart
_WIDTH, _HEIGHT = 720, 160  # of the pace chart


def write_html(
    path: Path,
    report: ReportInput,
    summary: Mapping[str, Any],
    payloads: Path,
    changes: Path,
    reader: Reader = OPERATOR,
) -> None:
    """Write ``report.html`` for a reader. ``summary`` is the content of ``summary.json``.

    ``payloads`` is the file of bodies. ``changes`` is the file that says what updates would change; it may be missing.
    Raises :class:`OutputError`.
    """
    differing = read_changes(changes)
    shown = shown_customers(report, payloads, differing, planned=summary["plan"] is not None, owner=reader.is_owner)
    if reader.is_owner:
        accounts = column_accounts(report, summary["columns"], lost_first=False)
        own = owner_context(report, summary, accounts, reader)
    else:
        own = _operator_context(report, summary)
        own["differing"] = 0 if differing is None else len(differing["reference_id"].unique())
    template = _environment().get_template("owner.html.j2" if reader.is_owner else "report.html.j2")
    page = template.render(
        **own,
        owner=reader.is_owner,
        summary=summary,
        shown=shown,
        data=Markup(shown.json),  # noqa: S704 - its special HTML characters are escaped
        style=Markup(_file("style.css")),  # noqa: S704 - a file of this package
        script=Markup(_file("script.js")),  # noqa: S704 - a file of this package
        policy=_policy(),
    )
    with whole_file(path) as file:
        file.write(page.encode())


def _operator_context(report: ReportInput, summary: Mapping[str, Any]) -> dict[str, Any]:
    changes = rewritten(report)
    return {
        "title": title(summary),
        "subtitle": subtitle(summary),
        "tiles": tiles(summary),
        "groups": problem_groups(report),
        "columns": by_column(report.located),
        "accounts": column_accounts(report, summary["columns"]),
        "completeness": completeness(report),
        "countries": countries(report),
        "failures": failures(report),
        "changes": [line for line in changes if line["code"] != "value_passed_over"],
        "passed_over": [line for line in changes if line["code"] == "value_passed_over"],
        "inventory": inventory(report),
        "corrections": shown_corrections(report),
        "pace": series_points(summary.get("pace")),
    }


@cache
def _environment() -> Environment:
    """The environment that compiles the page's templates. All runs of a process share it."""
    environment = Environment(
        loader=PackageLoader(_HERE, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["share"] = lambda part, whole: f"{100 * part / whole if whole else 0:.1f}"
    environment.filters["spans"] = _spans
    return environment


def _spans(text: str) -> Markup:
    """The text, with the parts between backticks marked as code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts))


def _file(name: str) -> str:
    return files(_HERE).joinpath(name).read_text(encoding="utf-8")


def _policy() -> str:
    """A content security policy: the page can load nothing, and can use only its own script and style."""
    script, style = (
        base64.b64encode(hashlib.sha256(_file(name).encode()).digest()).decode() for name in ("script.js", "style.css")
    )
    return (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def title(summary: Mapping[str, Any]) -> dict[str, str]:
    """``text``: the result in a few words; ``tone``: good, warn, or bad."""
    customers, loose = summary["customers"], summary["rows"]["rejected_alone"]
    if summary["stopped"]:
        text, tone = "Stopped early", "bad"
    elif not customers["read"]:
        text, tone = "Nothing to import", "bad"
    elif summary["command"] in {"check", "plan"}:
        text, tone = _readiness(customers["read"], customers.get("rejected", 0), loose)
    elif summary["exit_code"] == 0:
        text, tone = "Import finished: no customer needs attention", "good"
    else:
        wrong = sum(customers.get(name, 0) for name in ("rejected", "failed", "unknown"))
        verb = "needs" if wrong == 1 else "need"
        unused = f"{counted(loose, 'row')} could not be used"
        problem = f"{wrong:,} of {counted(customers['read'], 'customer')} {verb} attention" if wrong else unused
        text, tone = f"Imported, but {problem}", "warn"
    if tone == "good" and unused_data(summary):
        text, tone = f"{text}, but not everything in the source is used", "warn"
    return {"text": text, "tone": tone}


def _readiness(total: int, rejected: int, loose: int) -> tuple[str, str]:
    every = {1: "the only customer is", 2: "both customers are"}.get(total, f"all {total:,} customers are")
    if rejected == total:
        return f"Not ready to import: {every} rejected", "bad"
    if rejected:
        verb = "is" if rejected == 1 else "are"
        return f"Not ready to import yet: {rejected:,} of {counted(total, 'customer')} {verb} rejected", "warn"
    if loose:
        return f"Not ready to import yet: {counted(loose, 'row')} without a customer", "warn"
    return f"Ready to import: {every} valid", "good"


def subtitle(summary: Mapping[str, Any]) -> str:
    """What the title leaves out: the errors and warnings of a check or plan, or the outcomes of a run."""
    if summary["command"] not in {"check", "plan"} or summary["stopped"]:
        return headline(summary)
    counts = {"error": 0, "warning": 0}
    for problem in summary["problems"]:
        if problem["severity"] in counts:
            counts[problem["severity"]] += problem["count"]
    found = " and ".join(counted(count, word) for word, count in counts.items() if count) or "No errors or warnings"
    unused = "".join(f" {text}" for text in (*summary["causes"], *unused_data(summary)))
    lost = f" {lost_children(summary['lost_child'])}" if summary["lost_child"] else ""
    return f"{found}.{unused}{lost}"


def tiles(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The number of customers and the number of rows, each with the parts that add up to it: label, count, tone."""
    customers, rows = summary["customers"], summary["rows"]
    counts, ways = (customers, _OUTCOMES) if summary["plan"] is None else (summary["plan"], _PLANNED)
    parts = [
        {"label": words, "count": counts[name], "tone": tone}
        for name, (words, tone) in ways.items()
        if counts.get(name)
    ]
    tones = {"used": "good", "skipped": "calm", "rejected": "bad"}
    of_rows = [{"label": name, "count": rows[name], "tone": tone} for name, tone in tones.items() if rows[name]]
    return [
        {"label": "customers", "count": customers["read"], "parts": parts},
        {"label": "rows read", "count": rows["read"], "parts": of_rows},
    ]


def series_points(pace: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The requests per second during a run as points of a chart; None if there are too few."""
    series = (pace or {}).get("series")
    if not series or len(series["requests"]) < _SLICES:
        return None
    every, counts = series["every"], series["requests"]
    rates = [count / every for count in counts]
    top = max(rates) or 1.0
    step = _WIDTH / (len(rates) - 1)
    points = [(round(n * step, 1), round(_HEIGHT - rate / top * (_HEIGHT - 10), 1)) for n, rate in enumerate(rates)]
    throttled = [points[n] for n, count in enumerate(series.get("throttled", ())) if count and n < len(points)]
    return {
        "points": " ".join(f"{x},{y}" for x, y in points),
        "area": f"0,{_HEIGHT} " + " ".join(f"{x},{y}" for x, y in points) + f" {_WIDTH},{_HEIGHT}",
        "throttled": throttled,
        "top": top,
        "seconds": every * len(rates),
        "mean": sum(counts) / (every * len(rates)),
        "width": _WIDTH,
        "height": _HEIGHT,
    }
