"""The summary as a terminal shows it."""

import textwrap
from collections.abc import Mapping
from typing import Any

from importer.report.advice import verdict
from importer.report.planned import planned_text

__all__ = ["summary_text"]

_COLOURS = {0: "32", 1: "33"}  # green, yellow; anything else is red
_TOP = 5
_NARROWEST = 40


def summary_text(summary: Mapping[str, Any], *, width: int, colour: bool) -> str:
    """The summary for a person, at most ``width`` columns wide: verdict, counts, problems, steps, files.

    Plain text unless ``colour`` is asked for. Comes from the summary alone, so that it says what ``summary.json`` says.
    """
    width = max(width, _NARROWEST)
    head = textwrap.fill(verdict(summary), width)
    if colour:
        code = _COLOURS.get(summary["exit_code"], "31")
        head = "\n".join(f"\x1b[1;{code}m{line}\x1b[0m" for line in head.splitlines())
    parts = (planned_text, _counts, _problems, _steps, _files)
    blocks = [head, *(part(summary, width) for part in parts)]
    return "\n\n".join(block for block in blocks if block)


def _counts(summary: Mapping[str, Any], width: int) -> str:
    customers, rows = summary["customers"], summary["rows"]
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in rows["skipped_by_reason"].items())
    sources = len(summary["sources"])
    lines = [("Customers", customers["read"], "")]
    lines += [(f"  {name}", count, "") for name, count in customers.items() if name != "read" and count]
    lines.append(("Rows read", rows["read"], "from 1 table" if sources == 1 else f"from {sources} tables"))
    for name, note in (("used", ""), ("skipped", reasons), ("rejected", "")):
        if rows[name]:
            lines.append((f"  {name}", rows[name], note))
    labels = max(len(label) for label, _, _ in lines)
    numbers = max(len(f"{count:,}") for _, count, _ in lines)
    return "\n".join(_cut(f"{label:<{labels}}  {count:>{numbers},}  {note}", width) for label, count, note in lines)


def _problems(summary: Mapping[str, Any], width: int) -> str:
    problems = summary["problems"]
    if not problems:
        return ""
    top = problems[:_TOP]
    codes = max(len(problem["code"]) for problem in top)
    numbers = max(len(f"{problem['count']:,}") for problem in top)
    lines = ["Problems, and where each is first"]
    for problem in top:
        text = f"  {problem['severity']:<7}  {problem['count']:>{numbers},}  {problem['code']:<{codes}}  "
        lines.append(_cut(text + (problem["first"] or ""), width))
    if len(problems) > _TOP:
        lines.append(_cut(f"  and {len(problems) - _TOP} more kinds: see errors.csv", width))
    return "\n".join(lines)


def _steps(summary: Mapping[str, Any], width: int) -> str:
    if not summary["next"]:
        return ""
    filled = [textwrap.fill(step, width, initial_indent="  ", subsequent_indent="    ") for step in summary["next"]]
    return "\n".join(["What to do", *filled])


def _files(summary: Mapping[str, Any], width: int) -> str:
    """The folder on a line of its own, never cut, so that it can be copied; a word for each kind of file below."""
    names = list(dict.fromkeys(name.split("/")[0] + "/" * ("/" in name) for name in summary["files"]))
    listed = textwrap.fill(", ".join(names), width, initial_indent="  ", subsequent_indent="  ", max_lines=2)
    return "\n".join(line for line in (f"Files in {summary['folder']}", listed) if line.strip())


def _cut(line: str, width: int) -> str:
    line = line.rstrip()
    return line if len(line) <= width else line[: width - 1] + "…"
