"""The summary, the results of undo and verify, and the history, as text for a terminal."""

import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importer.report.advice import headline, undo_verify_headline, unused_data
from importer.wording import counted

_TOP = 5
NARROWEST = 40
_PACE_REQUESTS, _PACE_SECONDS = 50, 5.0  # with less, a pace is meaningless
BROAD = 72  # from this width on, a problem and its place are on the same line
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
SEVERITIES = {"error": "red", "warning": "yellow", "info": "dim"}
_TONES = {0: "green", 1: "yellow", None: "dim"}  # by exit code; anything else is red
_FIRST = ("report.html", "rejected.xlsx")  # files that a person opens
_PLANNED = {
    "create": "to create",
    "update": "to update",
    "exists": "already in WizCommerce",
    "unchanged": "unchanged",
    "in_doubt": "outcome unknown: looked up before anything is sent",
    "lost": "lost: sent before, and no longer in WizCommerce",
    "left_out": "not selected by --only",
    "rejected": "rejected",
}
_ADOPTED = {
    "same": "in WizCommerce, same as in the source",
    "differ": "in WizCommerce, different from the source",
    "absent": "not in WizCommerce",
    "twice": "in WizCommerce more than once",
    "unread": "not compared",
    "known": "already known to the ledger",
    "in_doubt": "outcome unknown since an earlier run",
    "left_out": "not selected by --only",
    "rejected": "rejected",
}
_RESULTS = {  # result → (what undo says, what verify says)
    "deleted": ("deleted", ""),
    "deactivated": ("deleted; WizCommerce still shows them as inactive", ""),
    "restored": ("updates undone", ""),
    "absent": ("never created: the request had no effect", ""),
    "ok": ("", "same as what was sent"),
    "undone": ("", "undone"),
    "not_taken_back": ("not undone, or only partly: see the reasons in the file", ""),
    "missing": ("", "no longer in WizCommerce"),
    "inactive": ("", "inactive"),
    "changed": ("changed in WizCommerce since then: left as they are", "different from what was sent"),
    "duplicate": ("in WizCommerce more than once: left as they are", "in WizCommerce more than once"),
    "failed": ("could not be undone: see the reasons in the file", "could not be read: see the reasons in the file"),
    "unknown": ("not known yet", "not known yet"),
}


@dataclass(frozen=True)
class Look:
    """How to write text for a terminal: its ``width`` in columns, whether to use ``color``, and whether ``unicode``."""

    width: int
    color: bool = False
    unicode: bool = True

    @property
    def mark(self) -> str:
        """The mark of text that was cut off."""
        return "…" if self.unicode else "..."

    def styled(self, text: str, *kinds: str) -> str:
        """The text in bold, dim, or a color, if the terminal has colors."""
        if not self.color or not text:
            return text
        return f"\x1b[{';'.join(_CODES[kind] for kind in kinds)}m{text}\x1b[0m"

    def heading(self, text: str, *kinds: str, rest: str = "") -> list[str]:
        """The text in bold, in as many lines as it needs; all but the first begin with ``rest``."""
        return [self.styled(line, "bold", *kinds) for line in wrapped(text, self.width, rest=rest)]


def joined(blocks: Iterable[Sequence[str]]) -> str:
    """The lines of the blocks, with a blank line between blocks; empty blocks are left out."""
    return "\n\n".join("\n".join(block) for block in blocks if block)


def summary_text(summary: Mapping[str, Any], *, width: int, color: bool, unicode: bool = True) -> str:
    """The summary for a person, at most ``width`` columns wide: headline, counts, problems, steps, files.

    Without ``unicode``, the mark of cut text is ASCII. Commands and the folder are on lines of their own that are never
    cut or wrapped, so that they can be copied. The text is made only from the summary, so that it agrees with
    ``summary.json``.
    """
    look = Look(max(width, NARROWEST), color, unicode)
    tone = _TONES.get(summary["exit_code"] or int(bool(unused_data(summary))), "red")
    blocks = [
        look.heading(headline(summary), tone),
        _planned(summary, look.width),
        _counts(summary, look),
        _pace(summary, look),
        _problems(summary, look),
        _corrections(summary, look),
        _steps(summary, look),
        _files(summary, look),
    ]
    return joined(blocks)


def _corrections(summary: Mapping[str, Any], look: Look) -> list[str]:
    found = summary["corrections"]
    if found is None:
        return []
    lines = [look.styled("Corrections", "bold") + f" from {found['file']}"]
    notes = {
        "applied": "",
        "removable": "the source already has the corrected value",
        "stale": "not applied: the source has changed",
    }
    numbers = max(len(f"{found[name]:,}") for name in notes)
    for name, note in notes.items():
        if found[name] or name == "applied":
            lines.append(f"  {name:<9}  {found[name]:>{numbers},}  {look.styled(note, 'dim')}".rstrip())
    if (since := summary["since"]) and found["stale"] > since["stale"]:
        known = counted(found["stale"] - since["stale"], "of the stale ones was", "of the stale ones were")
        lines.append(f"  {known} already stale in run {since['run_id']}.")
    return lines


def _counts(summary: Mapping[str, Any], look: Look) -> list[str]:
    customers, rows = summary["customers"], summary["rows"]
    reasons = ", ".join(
        f"{'header row' if reason == 'header' else reason}: {count:,}"
        for reason, count in rows["skipped_by_reason"].items()
    )
    lines = [("Customers", customers["read"], "")]
    lines += [(f"  {name}", count, "") for name, count in customers.items() if name != "read" and count]
    lines.append(("Rows read", rows["read"], f"from {_origin(summary)}"))
    for name, note in (("used", ""), ("skipped", reasons), ("rejected", "")):
        if rows[name]:
            lines.append((f"  {name}", rows[name], note))
    labels = max(len(label) for label, _, _ in lines)
    numbers = max(len(f"{count:,}") for _, count, _ in lines)
    shown = []
    for label, count, note in lines:
        start = f"{label:<{labels}}  {count:>{numbers},}"
        first, *more = wrapped(note, look.width, first=f"{start}  ", rest=" " * (len(start) + 2))
        shown.append(start + look.styled(first[len(start) :].rstrip(), "dim"))
        shown += [look.styled(cut(line, look.width, mark=look.mark), "dim") for line in more]
    return shown


def _origin(summary: Mapping[str, Any]) -> str:
    """``1 file`` or ``2 sheets``; only text files have an encoding."""
    sheets = [source["encoding"] is None for source in summary["sources"]]
    if any(sheets) and not all(sheets):
        return f"{len(sheets)} files and sheets"
    return counted(len(sheets), "sheet" if any(sheets) else "file")


def _pace(summary: Mapping[str, Any], look: Look) -> list[str]:
    pace = summary["pace"]
    if not pace or not pace["reached_per_second"]:
        return []
    if pace["requests"] < _PACE_REQUESTS or summary["timings"].get("send", 0.0) < _PACE_SECONDS:
        return []
    limit = f"limited by --rate {pace['ceiling']:g}" if pace["ceiling"] else "adjusted automatically"
    waited = f"{pace['waited_seconds']:,.0f} s waiting"
    refused = f", {pace['throttled']:,} of {pace['requests']:,} responses were 429" if pace["throttled"] else ""
    text = f"{pace['reached_per_second']:,g} requests per second, {limit}; {waited}{refused}"
    first, *more = wrapped(text, look.width, first="Pace  ", rest="      ")
    return [look.styled("Pace", "bold") + first.removeprefix("Pace"), *more]


def _problems(summary: Mapping[str, Any], look: Look) -> list[str]:
    since = summary["since"]
    problems = summary["problems"] if since is None else since["problems"]
    which = "Problems" if since is None else f"New since run {since['run_id']}"
    if not problems:
        return []
    top = problems[:_TOP]
    codes = max(len(problem["code"]) for problem in top)
    numbers = max(len(f"{problem['count']:,}") for problem in top)
    lines = look.heading(f"{which}, with the first location of each")
    for problem in top:
        severity, place = problem["severity"], problem["first"] or ""
        start = f"  {severity:<7}  {problem['count']:>{numbers},}  {problem['code']:<{codes}}"
        broad = look.width >= BROAD
        room = look.width - (len(start) + 2 if broad else 4)
        place = cut(place, room, mark=look.mark, end=True)
        start = f"  {look.styled(severity, SEVERITIES[severity])}{start[2 + len(severity) :]}"
        if broad:
            lines.append(f"{start}  {place}".rstrip())
        else:
            lines += [start.rstrip(), *([f"    {look.styled(place, 'dim')}"] if place else [])]
    if (more := len(problems) - _TOP) > 0:
        kinds = counted(more, "more kind of problem", "more kinds of problems")
        lines += wrapped(f"and {kinds}: see errors.csv", look.width, first="  ", rest="  ")
    if since is not None:
        lines.append("  errors.csv has all problems.")
    return lines


def _steps(summary: Mapping[str, Any], look: Look) -> list[str]:
    """What to do. A command at the end of a step is on a line of its own, so that it can be copied."""
    if not summary["next"]:
        return []
    lines = [look.styled("What to do", "bold")]
    for step in summary["next"]:
        text, found, command = step.partition(": importer ")
        lines += wrapped(text + ":" * bool(found), look.width, first="  ", rest="    ")
        lines += [f"    importer {command}"] if found else []
    return lines


def _files(summary: Mapping[str, Any], look: Look) -> list[str]:
    """The folder, and the files in it; those that a person opens come first."""
    names = dict.fromkeys(name.split("/")[0] + "/" * ("/" in name) for name in summary["files"])
    ordered = [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]
    return [
        look.styled("Files in ", "bold") + summary["folder"],
        *(wrapped(", ".join(ordered), look.width, first="  ", rest="  ") if ordered else ()),
    ]


def _planned(summary: Mapping[str, Any], width: int) -> list[str]:
    """How many customers a run would create, update, and so on, or what an adoption found, with the first that differ.

    Empty for any other summary.
    """
    if summary["plan"] is not None:
        head, plan, words = "What a run would do now", summary["plan"], _PLANNED
    elif summary["adopted"] is not None:
        head, plan, words = "What was found", summary["adopted"], _ADOPTED
    else:
        return []
    counts = {name: plan[name] for name in words if plan[name]}
    numbers = max((len(f"{count:,}") for count in counts.values()), default=0)
    lines = [head]
    for name, count in counts.items():
        lines.append(f"  {count:>{numbers},}  {words[name]}")
        if name in {"update", "differ"}:
            lines += [line for example in plan["examples"] for line in _example(example, width, numbers + 6)]
            if count > len(plan["examples"]):
                lines.append(" " * (numbers + 6) + "…: see changes.csv")
    return lines


def _example(example: Mapping[str, Any], width: int, indent: int) -> list[str]:
    more = f" and {example['more']:,} more" if example["more"] else ""
    text = f"{example['reference_id']}: {', '.join(example['fields'])}{more}"
    return textwrap.wrap(text, width, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))


def undo_verify_text(summary: Mapping[str, Any], *, width: int, color: bool, unicode: bool = True) -> str:
    """What an undo did, or a verification found, for a person, at most ``width`` columns wide.

    Commands are on lines of their own. They and the path of the file are never cut or wrapped.
    """
    look = Look(max(width, NARROWEST), color, unicode)
    head = look.heading(undo_verify_headline(summary), _TONES.get(summary["exit_code"], "red"))
    details = look.styled("Details for each customer: ", "bold") + f"{summary['folder']}/{summary['files'][0]}"
    return joined([head, _result_counts(summary, look), _steps(summary, look), [details]])


def _result_counts(summary: Mapping[str, Any], look: Look) -> list[str]:
    column = 0 if summary["command"] == "undo" else 1
    lines = [(count, _RESULTS[name][column]) for name, count in summary["results"].items()]
    lines += [(summary["left"], "not checked yet")] if summary["left"] else []
    numbers = max((len(f"{count:,}") for count, _ in lines), default=0)
    indent = " " * (numbers + 4)
    return [
        line
        for count, words in lines
        for line in wrapped(words, look.width, first=f"  {count:>{numbers},}  ", rest=indent)
    ]


def runs_text(runs: Sequence[Mapping[str, Any]], *, width: int, color: bool, unicode: bool = True) -> str:
    """The history for a person, at most ``width`` columns wide, with a line for each run (two or three if narrow).

    ``runs``: mappings with ``run_id``, ``tenant``, ``mapping``, ``exit_code`` (None: unfinished), ``customers``,
    ``undone`` (of its customers), and ``folder_gone`` if it was deleted.
    """
    look = Look(max(width, NARROWEST), color, unicode)
    rows = [_run_cells(run) for run in runs]
    title = ("Run", "Exit", "Mapping", "Account", "Customers")
    widths = [max(columns_of(row[place]) for row in (title, *rows)) for place in range(4)]
    lines = []
    for number, row in enumerate((title, *rows)):
        line = in_columns(row[:4], widths)
        tone = _TONES.get(runs[number - 1]["exit_code"], "red") if number else "bold"
        if columns_of(line) + 2 + max(columns_of(cells[4]) for cells in rows) <= look.width:
            lines.append(look.styled(f"{line}  {row[4]}".rstrip(), tone))
            continue
        lines.append(look.styled(cut(in_columns(row[:3], widths[:3]).rstrip(), look.width, mark=look.mark), tone))
        lines += [f"  {cut(cell, look.width - 2, mark=look.mark)}" for cell in row[3:] if number and cell]
    return "\n".join(lines)


def _run_cells(run: Mapping[str, Any]) -> tuple[str, ...]:
    ended = "unfinished" if run["exit_code"] is None else str(run["exit_code"])
    outcomes = [f"{count:,} {kind}" for kind, count in run["customers"].items() if count and kind != "read"]
    outcomes += [f"{count:,} undone"] if (count := run.get("undone")) else []
    outcomes += ["folder deleted"] if run.get("folder_gone") else []
    return str(run["run_id"]), ended, str(run["mapping"]), str(run["tenant"]), ", ".join(outcomes)


def columns_of(text: str) -> int:
    """How many columns of a terminal a text needs: two for a wide East Asian character, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def in_columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The cells side by side, each as wide as its column or wider."""
    return "  ".join(cell + " " * (room - columns_of(cell)) for cell, room in zip(cells, widths, strict=True))


def cut(text: str, width: int, *, mark: str, end: bool = False) -> str:
    """The text cut to ``width`` columns: ``mark`` replaces what is cut off at the end, or with ``end``, the start."""
    if columns_of(text) <= width:
        return text
    room, kept = width - len(mark), ""
    for character in reversed(text) if end else text:
        if columns_of(kept) + _columns(character) > room:
            break
        kept += character
    return mark + kept[::-1] if end else kept.rstrip() + mark


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """The words of a text in lines of at most ``width`` columns; a longer word has its own line and is not broken."""
    lines = [first]
    bare = True
    for word in text.split():
        gap = "" if bare else " "
        if not bare and columns_of(lines[-1]) + 1 + columns_of(word) > width:
            lines.append(rest)
            gap = ""
        lines[-1] += gap + word
        bare = False
    return lines
