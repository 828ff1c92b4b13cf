"""What ``report.html`` says first: whether the list is fit to import, and the counts that add up to it."""

from collections.abc import Mapping
from typing import Any

from importer.report.advice import verdict

__all__ = ["headline", "sentence", "series_points", "tiles"]

_WAYS = {  # outcome → (what it says to a person, how it is coloured)
    "valid": ("ready to send", "good"),
    "created": ("created", "good"),
    "updated": ("updated", "good"),
    "unchanged": ("unchanged", "calm"),
    "exists": ("there already", "calm"),
    "pending": ("not sent yet", "calm"),
    "unknown": ("in doubt", "warn"),
    "failed": ("failed", "bad"),
    "rejected": ("rejected", "bad"),
}
_PLANNED = {
    "create": ("to create", "good"),
    "update": ("to update", "good"),
    "unchanged": ("unchanged", "calm"),
    "exists": ("there already", "calm"),
    "left_out": ("left out by --only", "calm"),
    "in_doubt": ("in doubt", "warn"),
    "lost": ("lost in WizCommerce", "warn"),
    "rejected": ("rejected", "bad"),
}
SLICES = 3  # fewer are no picture
_WIDTH, _HEIGHT = 720, 160  # of the picture of the pace


def headline(summary: Mapping[str, Any]) -> dict[str, str]:
    """``text``: the verdict in a few words; ``tone``: good, warn or bad."""
    customers, loose = summary["customers"], summary["rows"]["rejected_alone"]
    total, rejected = customers["read"], customers.get("rejected", 0)
    if summary["stopped"]:
        return {"text": "Stopped early", "tone": "bad"}
    if not total:
        return {"text": "Nothing to import", "tone": "bad"}
    if summary["command"] in {"check", "plan"}:
        return _fitness(total, rejected, loose)
    if summary["exit_code"] == 0:
        return {"text": "Every customer is where it should be", "tone": "good"}
    wrong = rejected + customers.get("failed", 0) + customers.get("unknown", 0)
    if not wrong:
        return {"text": f"Imported, but {_rows(loose)} could not be used", "tone": "warn"}
    return {"text": f"Imported, but {wrong:,} of {_customers(total)} need attention", "tone": "warn"}


def sentence(summary: Mapping[str, Any]) -> str:
    """What the headline leaves open: how much blocks and warns before anything was sent, else the outcomes."""
    if summary["command"] not in {"check", "plan"} or summary["stopped"]:
        return verdict(summary)
    counts = {"error": 0, "warning": 0}
    for problem in summary["problems"]:
        if problem["severity"] in counts:
            counts[problem["severity"]] += problem["count"]
    errors, warnings = counts["error"], counts["warning"]
    blocks = f"{_things(errors, 'error')} {'blocks' if errors == 1 else 'block'}" if errors else "Nothing blocks"
    warns = f"{_things(warnings, 'warning')} {'does' if warnings == 1 else 'do'} not" if warnings else ""
    lost = summary["lost_child"]
    left_out = f" From {_customers(lost)} a wrong address or contact is left out." if lost else ""
    return "; ".join(part for part in (blocks, warns) if part) + "." + left_out


def _things(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _fitness(total: int, rejected: int, loose: int) -> dict[str, str]:
    if rejected == total:
        return {"text": f"Not fit to import: {_all(total)} blocked", "tone": "bad"}
    if rejected:
        verb = "is" if rejected == 1 else "are"
        return {"text": f"Not fit to import yet: {rejected:,} of {_customers(total)} {verb} blocked", "tone": "warn"}
    if loose:
        return {"text": f"Not fit to import yet: {_rows(loose)} belong to no customer", "tone": "warn"}
    return {"text": f"Fit to import: {_all(total)} valid", "tone": "good"}


def _all(total: int) -> str:
    return "the one customer is" if total == 1 else f"all {total:,} customers are"


def _customers(count: int) -> str:
    return _things(count, "customer")


def _rows(count: int) -> str:
    return _things(count, "row")


def tiles(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Two sums, of customers and of rows: the whole first, then its parts with what they are called and coloured."""
    customers, rows = summary["customers"], summary["rows"]
    counts, ways = (customers, _WAYS) if summary["plan"] is None else (summary["plan"], _PLANNED)
    parts = [
        {"label": words, "count": counts[name], "tone": tone, "name": name}
        for name, (words, tone) in ways.items()
        if counts.get(name)
    ]
    of_rows = [
        {"label": "used", "count": rows["used"], "tone": "good", "name": "used"},
        {"label": "skipped", "count": rows["skipped"], "tone": "calm", "name": "skipped"},
        {"label": "rejected", "count": rows["rejected"], "tone": "bad", "name": "rejected"},
    ]
    return [
        {"label": "customers", "count": customers["read"], "parts": parts},
        {"label": "rows read", "count": rows["read"], "parts": [part for part in of_rows if part["count"]]},
    ]


def series_points(pace: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Requests per second over the time of a run as points of a picture; None where there are too few."""
    series = (pace or {}).get("series")
    if not series or len(series["requests"]) < SLICES:
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
