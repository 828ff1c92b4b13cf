"""Figures and the table that shows them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

__all__ = ["Line", "as_json", "record", "render"]

_FROM, _TO = "<!-- figures -->", "<!-- end of figures -->"
_TABLE = re.compile(r"\n### (.+)\n(\n.+\n\n```text\n(?s:.+?)\n```\n)")
_HEAD = ("", "seconds", "CPU s", "peak MB", "all MB", "per second", "against baselines (wall / CPU)")


@dataclass(frozen=True)
class Line:
    """One measurement. ``rate`` is per wall second; ``ratios`` says, per baseline, how many times as fast it is.

    The second figure of a ratio compares CPU seconds, which say more on a shared machine. ``peak_mb`` is the peak of
    the largest process, ``all_mb`` that of all together.
    """

    section: str
    name: str
    seconds: float
    cpu: float | None = None
    peak_mb: float | None = None
    all_mb: float | None = None
    rate: float | None = None
    ratios: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def render(lines: Iterable[Line]) -> str:
    """The lines as a table for a terminal, with a heading for each section."""
    rows: list[tuple[str, ...]] = [_HEAD]
    section = ""
    for line in lines:
        if line.section != section:
            section = line.section
            rows += [("",), (section,)]
        rows.append(_cells(line))
    widths = [max(len(row[place]) for row in rows if len(row) > 1) for place in range(len(_HEAD) - 1)]
    return "\n".join(_joined(row, widths) for row in rows)


def record(page: Path, lines: Sequence[Line], day: date, machine: str) -> None:
    """Put the lines between the page's marks; each section replaces the one of the same name."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(_FROM, 1)
    held, after = rest.split(_TO, 1)
    tables = dict(_TABLE.findall(held))
    for section in dict.fromkeys(line.section for line in lines):
        own = render([line for line in lines if line.section == section])
        tables[section] = f"\n{day:%-d %B %Y}, {machine}.\n\n```text\n{own}\n```\n"
    shown = "".join(f"\n### {section}\n{table}" for section, table in tables.items())
    page.write_text(f"{before}{_FROM}\n{shown}\n{_TO}{after}", encoding="utf-8")


def as_json(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """The lines as plain values."""
    return [asdict(line) for line in lines]


def _cells(line: Line) -> tuple[str, ...]:
    ratios = [f"{wall:.2f}x / {cpu:.2f}x {name}" for name, (wall, cpu) in line.ratios.items()]
    return (
        f"  {line.name}",
        f"{line.seconds:.2f}",
        _shown(line.cpu, ".2f"),
        _shown(line.peak_mb, ".0f"),
        _shown(line.all_mb, ".0f"),
        _shown(line.rate, ",.0f"),
        "; ".join([*ratios, *([line.note] if line.note else [])]),
    )


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _joined(row: tuple[str, ...], widths: list[int]) -> str:
    if len(row) == 1:
        return row[0]
    first, *numbers, last = row
    aligned = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True))
    return "  ".join([first.ljust(widths[0]), *aligned, last]).rstrip()
