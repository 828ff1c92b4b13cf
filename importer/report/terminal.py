"""The summary and the history as a terminal shows them."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importer.report.advice import verdict
from importer.report.text_width import columns_of, cut, padded, wrapped

__all__ = ["Look", "planned_text", "runs_text", "steps_block", "summary_text"]

_WORDS = {
    "create": "to create",
    "update": "to update",
    "exists": "already there",
    "unchanged": "unchanged",
    "in_doubt": "in doubt: looked up before anything is sent",
    "lost": "lost: sent before, and not in WizCommerce any more",
    "left_out": "left out by --only",
    "rejected": "rejected",
}


_ADOPTED = {
    "same": "in WizCommerce as the source has them",
    "differ": "in WizCommerce with other content",
    "absent": "not in WizCommerce",
    "twice": "in WizCommerce more than once",
    "unread": "not compared",
    "known": "known to the ledger before",
    "in_doubt": "in doubt since an earlier run",
    "left_out": "left out by --only",
    "rejected": "rejected",
}


def planned_text(summary: Mapping[str, Any], width: int) -> str:
    """What a run would do with how many customers, or how many an adoption found how; with the first that differ.

    Empty when it is neither.
    """
    if summary["plan"] is not None:
        return _text("What a run would do now", summary["plan"], _WORDS, width)
    if summary["adopted"] is not None:
        return _text("What was found", summary["adopted"], _ADOPTED, width)
    return ""


def _text(head: str, plan: Mapping[str, Any], words: Mapping[str, str], width: int) -> str:
    counts = {name: plan[name] for name in words if plan[name]}
    numbers = max((len(f"{count:,}") for count in counts.values()), default=0)
    lines = [head]
    for name, count in counts.items():
        lines.append(f"  {count:>{numbers},}  {words[name]}")
        if name in {"update", "differ"}:
            lines += [_example(example, width, numbers + 6) for example in plan["examples"]]
            if count > len(plan["examples"]):
                lines.append(" " * (numbers + 6) + "…: see changes.csv")
    return "\n".join(lines)


def _example(example: Mapping[str, Any], width: int, indent: int) -> str:
    more = f" and {example['more']:,} more" if example["more"] else ""
    text = f"{example['reference_id']}: {', '.join(example['fields'])}{more}"
    return textwrap.fill(text, width, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))


_TOP = 5
_NARROWEST = 40
_PACE_REQUESTS, _PACE_SECONDS = 50, 5.0  # of less a pace means nothing
_BROAD = 72  # from here on a problem and its place stand in one line
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_SEVERITIES = {"error": "red", "warning": "yellow", "info": "dim"}
_VERDICTS = {0: "green", 1: "yellow"}  # anything else is red
_FIRST = ("report.html", "rejected.xlsx")  # of the files: what a person opens


@dataclass(frozen=True)
class Look:
    """How a terminal shows text: its ``width`` in columns, whether in ``colour``, whether beyond ASCII."""

    width: int
    colour: bool = False
    unicode: bool = True

    @property
    def mark(self) -> str:
        """What stands for text that was cut off."""
        return "…" if self.unicode else "..."

    def painted(self, text: str, *kinds: str) -> str:
        """The text in bold, dim or a colour, where there are any."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[kind] for kind in kinds)}m{text}\x1b[0m"


def summary_text(summary: Mapping[str, Any], *, width: int, colour: bool, unicode: bool = True) -> str:
    """The summary for a person, at most ``width`` columns wide: verdict, counts, problems, steps, files.

    Plain text unless ``colour`` is asked for; what is cut off is marked in ASCII without ``unicode``. Commands and the
    folder stand on lines of their own, never cut or wrapped, so that they can be copied. Comes from the summary alone,
    so that it says what ``summary.json`` says.
    """
    look = Look(max(width, _NARROWEST), colour, unicode)
    tone = _VERDICTS.get(summary["exit_code"], "red")
    head = [look.painted(line, "bold", tone) for line in wrapped(verdict(summary), look.width)]
    planned = planned_text(summary, look.width).splitlines()
    blocks = [
        head,
        planned,
        _counts(summary, look),
        _pace(summary, look),
        _problems(summary, look),
        steps_block(summary, look),
        _files(summary, look),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _counts(summary: Mapping[str, Any], look: Look) -> list[str]:
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
    shown = []
    for label, count, note in lines:
        start = f"{label:<{labels}}  {count:>{numbers},}"
        first, *more = wrapped(note, look.width, first=f"{start}  ", rest=" " * (len(start) + 2))
        shown.append(start + look.painted(first[len(start) :].rstrip(), "dim"))
        shown += [look.painted(cut(line, look.width, mark=look.mark), "dim") for line in more]
    return shown


def _pace(summary: Mapping[str, Any], look: Look) -> list[str]:
    """How fast requests went out, and what they waited for."""
    pace = summary["pace"]
    if not pace or not pace["reached_per_second"]:
        return []
    if pace["requests"] < _PACE_REQUESTS or summary["timings"].get("send", 0.0) < _PACE_SECONDS:
        return []
    meant = f"of --rate {pace['ceiling']:g}" if pace["ceiling"] else "found by itself"
    waited = f"{pace['waited_seconds']:,.0f} s waited to keep it"
    refused = f", {pace['throttled']:,} of {pace['requests']:,} answered 429" if pace["throttled"] else ""
    text = f"{pace['reached_per_second']:,g} requests a second, {meant}; {waited}{refused}"
    first, *more = wrapped(text, look.width, first="Pace  ", rest="      ")
    return [look.painted("Pace", "bold") + first.removeprefix("Pace"), *more]


def _problems(summary: Mapping[str, Any], look: Look) -> list[str]:
    problems = summary["problems"]
    if not problems:
        return []
    top = problems[:_TOP]
    codes = max(len(problem["code"]) for problem in top)
    numbers = max(len(f"{problem['count']:,}") for problem in top)
    lines = [look.painted("Problems, and where each is first", "bold")]
    for problem in top:
        severity, place = problem["severity"], problem["first"] or ""
        start = f"  {severity:<7}  {problem['count']:>{numbers},}  {problem['code']:<{codes}}"
        broad = look.width >= _BROAD
        room = look.width - (len(start) + 2 if broad else 4)
        place = cut(place, room, mark=look.mark, end=True)
        start = f"  {look.painted(severity, _SEVERITIES[severity])}{start[2 + len(severity) :]}"
        if broad:
            lines.append(f"{start}  {place}".rstrip())
        else:
            lines += [start.rstrip(), *([f"    {look.painted(place, 'dim')}"] if place else [])]
    if len(problems) > _TOP:
        lines.append(f"  and {len(problems) - _TOP} more kinds: see errors.csv")
    return lines


def steps_block(summary: Mapping[str, Any], look: Look) -> list[str]:
    """What to do. A command at the end of a step stands on a line of its own, to be copied."""
    if not summary["next"]:
        return []
    lines = [look.painted("What to do", "bold")]
    for step in summary["next"]:
        text, found, command = step.partition(": importer ")
        lines += wrapped(text + ":" * bool(found), look.width, first="  ", rest="    ")
        lines += [f"    importer {command}"] if found else []
    return lines


def _files(summary: Mapping[str, Any], look: Look) -> list[str]:
    """The folder, and a word for each kind of file in it; those that a person opens come first."""
    names = dict.fromkeys(name.split("/")[0] + "/" * ("/" in name) for name in summary["files"])
    ordered = [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]
    return [
        look.painted("Files in ", "bold") + summary["folder"],
        *(wrapped(", ".join(ordered), look.width, first="  ", rest="  ") if ordered else ()),
    ]


def runs_text(runs: Sequence[Mapping[str, Any]], *, width: int, colour: bool, unicode: bool = True) -> str:
    """The history for a person, a line for each run, at most ``width`` columns wide (two lines where it is narrow).

    ``runs``: mappings with ``run_id``, ``tenant``, ``mapping``, ``exit_code`` (None: unfinished), ``customers``,
    and ``folder_gone`` where it was deleted.
    """
    look = Look(max(width, _NARROWEST), colour, unicode)
    rows = [(str(run["run_id"]), _ended(run), str(run["mapping"]), str(run["tenant"]), _outcomes(run)) for run in runs]
    title = ("Run", "Exit", "Mapping", "Account", "Customers")
    widths = [max(columns_of(row[place]) for row in (title, *rows)) for place in range(4)]
    lines = []
    for number, row in enumerate((title, *rows)):
        line = "  ".join(padded(cell, room) for cell, room in zip(row[:4], widths, strict=True))
        tone = _tone(runs[number - 1]) if number else "bold"
        if columns_of(line) + 2 + max(columns_of(cells[4]) for cells in rows) <= look.width:
            lines.append(look.painted(f"{line}  {row[4]}".rstrip(), tone))
            continue
        short = "  ".join(padded(cell, room) for cell, room in zip(row[:3], widths[:3], strict=True))
        lines.append(look.painted(cut(short.rstrip(), look.width, mark=look.mark), tone))
        lines += [f"  {cut(cell, look.width - 2, mark=look.mark)}" for cell in row[3:] if number and cell]
    return "\n".join(lines)


def _ended(run: Mapping[str, Any]) -> str:
    return "open" if run["exit_code"] is None else str(run["exit_code"])


def _tone(run: Mapping[str, Any]) -> str:
    return "dim" if run["exit_code"] is None else _VERDICTS.get(run["exit_code"], "red")


def _outcomes(run: Mapping[str, Any]) -> str:
    counts: Iterable[tuple[str, int]] = run["customers"].items()
    told = [f"{count:,} {kind}" for kind, count in counts if count and kind != "read"]
    return ", ".join([*told, "folder gone"] if run.get("folder_gone") else told)
